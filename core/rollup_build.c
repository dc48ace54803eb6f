/* SPDX-License-Identifier: MIT */
/*
 * Counting the rows of a ledger that has no rollups, or lost them: in order
 * of their ids, a batch a transaction, with the place reached in the same
 * transaction.  Rows that change below it are kept in step by rollup.c; those
 * above it are counted when they are reached.
 */
#include "core/rollup.h"

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/ledger.h"
#include "core/rollup_record.h"
#include "core/store.h"

#define BATCH 256

struct build {
	struct rollup *rollup;
	struct arena *arena;
	struct str counted; /* id */
	int n;
	bool done;
};

static int
see_row(void *arg, struct str id, struct str row)
{
	struct build *b = arg;
	struct str outcome;

	if (str_cmp(id, b->counted) <= 0)
		return 0;
	b->counted = str_dup(b->arena, id);
	if (!jtext_get(row, "outcome", &outcome) ||
	    !str_is(outcome, "\"open\""))
		rollup_recount(b->rollup, row);
	return ++b->n == BATCH;
}

static int
txn_build(struct txn *t, void *arg)
{
	struct build *b = arg;
	int rc = store_get(t, STORE_META, ROLLUP_META_COUNTED, &b->counted);

	b->n = 0;
	if (rc == 0)
		b->counted = STR_NONE;
	b->done = rc == 1 && str_is(b->counted, ROLLUP_DONE);
	if (rc < 0 || b->done)
		return rc < 0 ? -1 : 0;
	b->arena = t->arena;
	b->rollup = rollup_begin(t);
	if (b->rollup == NULL)
		return -1;
	rc = store_scan(t, STORE_LEDGER, b->counted, see_row, b);
	if (rc < 0 || rollup_end(b->rollup) != 0)
		return -1;
	b->done = rc == 0;
	return store_put(t, STORE_META, ROLLUP_META_COUNTED,
	    b->done ? STR(ROLLUP_DONE) : b->counted);
}

int
rollup_build(struct store *store, int64_t until_us, struct error *err)
{
	struct build b = { .done = false };
	bool late = false, worked = false;

	while (!b.done && !late) {
		if (store_txn(store, txn_build, &b, err) != 0)
			return -1;
		worked = worked || b.n > 0;
		late = until_us != 0 && clock_mono_us() >= until_us;
	}
	if (worked && store_checkpoint(store, err) != 0)
		return -1;
	return !b.done;
}

int
rollup_forget(struct txn *t)
{
	if (store_clear(t, STORE_ROLLUP) != 0)
		return -1;
	return store_del(t, STORE_META, ROLLUP_META_COUNTED);
}
