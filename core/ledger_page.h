/* SPDX-License-Identifier: MIT */
/* Rows of the ledger for people: a page of those wanted, newest first; one. */
#ifndef CORE_LEDGER_PAGE_H
#define CORE_LEDGER_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "core/ledger.h"
#include "core/rollup.h"
#include "core/str.h"

struct arena;
struct error;
struct state;

/* Members of a row that may be asked for as they are. */
enum ledger_member {
	LEDGER_OUTCOME,
	LEDGER_ERROR,
	LEDGER_STATUS,
	LEDGER_CACHE,
	LEDGER_MEMBERS
};

extern const char *const ledger_members[LEDGER_MEMBERS];

/* Absent: any.  Empty: the call has none. */
struct ledger_want {
	int64_t since_us, until_us; /* as struct ledger_filter */
	struct str only[ROLLUP_DIMS];
	struct str members[LEDGER_MEMBERS];
	struct str before; /* id; absent: the newest */
	size_t limit;
	size_t look; /* rows looked at for one page; 0: any */
};

struct ledger_page {
	struct str *rows; /* JSON */
	size_t n;
	char next[CALL_ID_BYTES]; /* what before is for the next, or "" */
};

/*
 * ledger_page(state, want, a, page, err):
 * Returns  0 with the page in ${a}: less than ${want}->limit rows where few of
 *          those looked at are wanted; or -1: ERROR_STORE.
 * Blocks   on the lease and the database.
 */
int ledger_page(struct state *state, const struct ledger_want *want,
    struct arena *a, struct ledger_page *page, struct error *err)
    __attribute__((warn_unused_result));

/*
 * ledger_find(state, id, a, row, err):
 * Returns  1 with the ${*row} in ${a}, 0 if there is none, -1: ERROR_STORE.
 */
int ledger_find(struct state *state, struct str id, struct arena *a,
    struct str *row, struct error *err) __attribute__((warn_unused_result));

#endif
