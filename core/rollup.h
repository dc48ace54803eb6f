/* SPDX-License-Identifier: MIT */
/*
 * What the rows of the ledger add up to, changed in the transaction that
 * changes the rows, so that both always agree: rollups, per day and per month
 * by each dimension alone, and facts (facts.h), which say the rest.  A row
 * counts when it closes, or is swept to unknown; a closing record that comes
 * after that all the same takes the place of the unknown in the sums, too.
 * Rows that are pruned stay counted.
 *
 * Table rollup, record version 3 (store.h):
 *	key	a letter for the dimension, small for days and capital for
 *		months; "YYYYMMDD" or "YYYYMM", UTC, of the call's start;
 *		then nothing where the call has no such value, else '=' and
 *		the value ("k=v" for a tag, "provider/model" for a model)
 *	value	the numbers of struct ledger_sum in order, each as a zigzag
 *		varint (varint.h), later versions may add some; then, for each
 *		bucket of duration and after it of ttft that is not 0, how
 *		many buckets it comes after the one before, and its number
 * Version 1 had the first LEDGER_SUM_FIRST numbers and nothing behind, and no
 * dimensions from ROLLUP_ROUTE on.  What version 2 brought is a part of its
 * own, counted by itself, so that sums whose rows are pruned stay: of those
 * rows alone there is nothing in it.
 *
 * Version 3 is of the time of facts, which are a part, too.  The versions
 * before had sums by session, and of each key of an account by one more
 * dimension (ROLLUP_OWN): a row that the facts come to count is taken off
 * those.  So they are the sums of rows that facts do not have, which in the
 * end are those that were pruned before; and both together are all.
 *
 * Table meta:
 *	"rollups"	"done", or the call id up to which rows are counted
 *			while a ledger from before there were rollups, or a
 *			rebuilt one, is being counted
 *	"rollups2"	the same, of the second part
 *	"facts"		the same, of the facts
 *	"facts from"	the call id below which rows are in no facts
 *	"pruned"	the call id below which there may be no rows any more
 */
#ifndef CORE_ROLLUP_H
#define CORE_ROLLUP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ledger_sum.h"
#include "core/str.h"

struct error;
struct store;
struct txn;

enum rollup_dim {
	ROLLUP_ALL, /* everything: by day alone */
	ROLLUP_KEY,
	ROLLUP_ACCOUNT,
	ROLLUP_PROVIDER,
	ROLLUP_MODEL,
	ROLLUP_TAG,
	ROLLUP_USER,
	ROLLUP_TASK,
	ROLLUP_SESSION, /* old, by day only */
	ROLLUP_ROUTE,
	ROLLUP_DIMS,
	ROLLUP_OWN = ROLLUP_DIMS, /* old, of each key: + all, provider, model,
				   * route; by day only + tag, user, task */
	ROLLUP_KINDS = ROLLUP_OWN + ROLLUP_DIMS
};

/* "day", "key", ...: the words of `--by`. */
extern const char *const rollup_words[ROLLUP_DIMS];

/* rollup_is_old(dim): facts have taken the place of these rollups. */
bool rollup_is_old(enum rollup_dim dim);

/* rollup_has_own(dim): is there a ROLLUP_OWN + ${dim}? */
bool rollup_has_own(enum rollup_dim dim);

/* rollup_dim_of(word): the dimension, or ROLLUP_DIMS. */
enum rollup_dim rollup_dim_of(struct str word);

/* What one transaction changes, added up before it is written. */
struct rollup;

/*
 * rollup_begin(t), rollup_end(r):
 * Collect changes for ${t}; write them.
 *
 * Returns  NULL or -1: ERROR_STORE.
 */
struct rollup *rollup_begin(struct txn *t);
int rollup_end(struct rollup *r) __attribute__((warn_unused_result));

/*
 * rollup_count(r, row), rollup_uncount(r, row):
 * A row, as JSON text, has been put into the ledger in its final state, or is
 * about to be replaced.  Rows that are counted later are left alone.
 */
void rollup_count(struct rollup *r, struct str row);
void rollup_uncount(struct rollup *r, struct str row);

/* What is counted by itself, as bits: what rollups had in version 1, what
 * came with 2, the facts. */
#define ROLLUP_PARTS 3
enum rollup_part {
	ROLLUP_FIRST = 1,
	ROLLUP_SECOND = 2,
	ROLLUP_BOTH = 3,
	ROLLUP_FACTS = 4,
	ROLLUP_EVERY = 7
};

/*
 * rollup_recount(r, row, part):
 * As rollup_count, for a row never counted yet in ${part}, but in all others.
 */
void rollup_recount(struct rollup *r, struct str row, enum rollup_part part);

/*
 * rollup_again(r):
 * What comes now may have been in the ledger before.
 */
void rollup_again(struct rollup *r);

/*
 * rollup_is_pruned(r, id):
 * Returns  true if the row, should it be missing, was pruned and is counted;
 *          never before rollup_again.
 */
bool rollup_is_pruned(const struct rollup *r, struct str id);

/*
 * rollup_set_pruned(r, id):
 * Rows below ${id} may be missing from now on.
 */
int rollup_set_pruned(struct rollup *r, struct str id)
    __attribute__((warn_unused_result));

/*
 * rollup_build(store, parts, until_us, err):
 * Count rows that are not counted yet, until ${parts} have all of them, or the
 * monotonic time ${until_us} (0: to the end).  May be broken off and taken up
 * again at any time.
 *
 * Returns  0 when ${parts} have all, 1 if some are left, -1: ERROR_STORE.
 */
int rollup_build(struct store *store, enum rollup_part parts, int64_t until_us,
    struct error *err) __attribute__((warn_unused_result));

/*
 * rollup_forget(t):
 * Drop all sums, to be built anew.  What was pruned is lost to them.
 */
int rollup_forget(struct txn *t) __attribute__((warn_unused_result));

/* One entry; views that are valid during the call. */
struct rollup_entry {
	enum rollup_dim dim;
	bool monthly;
	struct str period; /* "20261124", "202611" */
	struct str value;  /* absent: the call has none */
	struct ledger_sum sum;
};

/* The value of ROLLUP_OWN + ...: a key, its account, and what it used. */
struct rollup_own {
	struct str account, key, value; /* absent: the call has none */
};

/*
 * rollup_own_read(value, own), rollup_own_begin(account, key, out):
 * Take such a value apart; what all those of an account (and ${key}, unless
 * that is NULL) begin with.
 *
 * Returns  0 or -1; the prefix, in ${out}.
 */
#define ROLLUP_OWN_BYTES 1400
int rollup_own_read(struct str value, struct rollup_own *own)
    __attribute__((warn_unused_result));
struct str rollup_own_begin(
    struct str account, const struct str *key, char out[ROLLUP_OWN_BYTES]);

/* rollup_has_months(dim): true if there are entries by month, too. */
bool rollup_has_months(enum rollup_dim dim);

/* Which entries: from a period on; whose values begin so (absent: all). */
struct rollup_range {
	enum rollup_dim dim;
	bool monthly;
	struct str from, prefix;
};

/*
 * rollup_scan(t, range, fn, arg):
 * Call ${fn} for the entries of ${range}, by period and value, until it
 * returns other than 0.
 *
 * Returns  0 at the end, what ${fn} returned, or -1: ERROR_STORE.
 */
int rollup_scan(struct txn *t, const struct rollup_range *range,
    int (*fn)(void *arg, const struct rollup_entry *e), void *arg)
    __attribute__((warn_unused_result));

/*
 * rollup_since(t, dim, value, day, pusd):
 * Add to ${*pusd}, which stays at the largest there is, what the calls with
 * ${value} cost that began on UTC day ${day} ("20261124"; absent: ever) or
 * later.  ${dim} has months.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int rollup_since(struct txn *t, enum rollup_dim dim, struct str value,
    struct str day, int64_t *pusd) __attribute__((warn_unused_result));

/*
 * rollup_each(v, part, fn, arg), rollup_each_old(v, part, fn, arg):
 * Call ${fn} for each change that row ${v} makes in ${part} of the rollups
 * that there are; of the old ones.
 */
void rollup_each(const struct ledger_view *v, enum rollup_part part,
    void (*fn)(void *arg, const struct rollup_entry *e), void *arg);
void rollup_each_old(const struct ledger_view *v, enum rollup_part part,
    void (*fn)(void *arg, const struct rollup_entry *e), void *arg);

#endif
