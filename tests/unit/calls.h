/* SPDX-License-Identifier: MIT */
/* Calls as tests of the ledger write them, and a state to write them to. */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include "core/arena.h"
#include "core/audit.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ledger.h"
#include "core/log.h"
#include "core/provider.h"
#include "core/state.h"
#include "core/usage_query.h"
#include "core/visit.h"
#include "tests/unit/scratch.h"

#define CALLS_DAY_US (INT64_C(86400) * 1000000)
#define CALLS_NOW_US INT64_C(1795541489123456) /* 2026-11-24T17:31:29.123456Z */

struct calls {
	struct scratch scratch;
	struct state *state;
	struct error err;
};

/* One attempt of a call, and the call; pointers lead into it. */
struct one_call {
	struct ledger_call row;
	struct ledger_attempt at[3];
	struct header tags[3];
};

int calls_setup(void **state);
int calls_teardown(void **state);

/* calls_reopen(c): as another process would find it. */
void calls_reopen(struct calls *c);

/*
 * calls_fill(c, started_us, pusd):
 * A call with everything in it and one attempt that cost ${pusd}, or, if that
 * is negative, an unknown amount.
 */
void calls_fill(struct one_call *c, int64_t started_us, int64_t pusd);

/* calls_write(c, one, outcome): journal it; the attempt follows. */
void calls_write(
    struct calls *c, struct one_call *one, enum call_outcome outcome);

/*
 * calls_in_child(c, body, arg):
 * Fork; the child opens the state, runs ${body} and is killed.
 */
void calls_in_child(
    struct calls *c, void (*body)(struct calls *c, void *arg), void *arg);

/* calls_groups(r, a): all groups of ${r}, in ${a}. */
struct usage_group *calls_groups(const struct usage_result *r, struct arena *a);

/* calls_visit(c, body, arg): a visit that must succeed. */
void calls_visit(struct calls *c, visit_body *body, void *arg);

/* calls_audit: ingest, then audit into the struct audit of arg. */
visit_body calls_audit;

/* calls_ingest(c): all there is. */
void calls_ingest(struct calls *c);

struct calls_tally {
	struct audit found;
	int64_t calls, cost_pusd; /* by the rollups */
};

/* calls_tally(c): ingest, audit, add up. */
struct calls_tally calls_tally(struct calls *c);

/*
 * calls_kill_at(c, body, at):
 * Run ${body} in a child that is killed at its system call number ${at}.
 *
 * Returns  1; if it ended before, 0 when that was well, else -1.
 */
int calls_kill_at(struct calls *c, int (*body)(struct calls *c), int at);

/* calls_try_ingest(c): all that there is: 0, -1 with c->err. */
int calls_try_ingest(struct calls *c);

#endif
