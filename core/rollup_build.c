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
	struct str counted;    /* id */
	enum rollup_part part; /* those that are there */
	unsigned left;         /* parts that do not have all */
	int n;
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
		rollup_recount(b->rollup, row, b->part);
	return ++b->n == BATCH;
}

/* Facts begin: of what is gone they will know nothing. */
static int
put_facts_from(struct txn *t)
{
	struct str pruned;
	int rc = store_get(t, STORE_META, ROLLUP_META_PRUNED, &pruned);

	return rc <= 0 ? rc
		       : store_put(t, STORE_META, ROLLUP_META_FACTS, pruned);
}

/* The parts that are least far: "done" comes after all ids. */
static int
find_place(struct txn *t, struct build *b)
{
	struct str at;
	unsigned i, parts = 0;
	int order, rc;

	b->left = 0;
	for (i = 0; i < ROLLUP_PARTS; i++) {
		rc = store_get(t, STORE_META, str_of(rollup_places[i]), &at);
		if (rc < 0)
			return -1;
		if (rc == 0)
			at = STR("");
		if (rc == 0 && 1u << i == ROLLUP_FACTS &&
		    put_facts_from(t) != 0)
			return -1;
		if (!str_is(at, ROLLUP_DONE))
			b->left |= 1u << i;
		order = i == 0 ? -1 : str_cmp(at, b->counted);
		if (order < 0) {
			b->counted = at;
			parts = 0;
		}
		if (order <= 0)
			parts |= 1u << i;
	}
	b->part = (enum rollup_part)parts;
	b->n = 0;
	return 0;
}

static int
put_place(struct txn *t, const struct build *b, struct str at)
{
	unsigned i;

	for (i = 0; i < ROLLUP_PARTS; i++)
		if ((b->part & 1u << i) != 0 &&
		    store_put(t, STORE_META, str_of(rollup_places[i]), at) != 0)
			return -1;
	return 0;
}

static int
txn_build(struct txn *t, void *arg)
{
	struct build *b = arg;
	int rc;

	if (find_place(t, b) != 0)
		return -1;
	if (b->left == 0)
		return 0;
	b->arena = t->arena;
	b->rollup = rollup_begin(t);
	if (b->rollup == NULL)
		return -1;
	rc = store_scan(t, STORE_LEDGER, b->counted, see_row, b);
	if (rc < 0 || rollup_end(b->rollup) != 0)
		return -1;
	if (rc == 0)
		b->left &= ~(unsigned)b->part;
	return put_place(t, b, rc == 0 ? STR(ROLLUP_DONE) : b->counted);
}

int
rollup_build(struct store *store, enum rollup_part parts, int64_t until_us,
    struct error *err)
{
	struct build b = { .left = ROLLUP_EVERY };
	bool late = false, worked = false;

	while ((b.left & parts) != 0 && !late) {
		if (store_txn(store, txn_build, &b, err) != 0)
			return -1;
		worked = worked || b.n > 0;
		late = until_us != 0 && clock_mono_us() >= until_us;
	}
	if (worked && store_checkpoint(store, err) != 0)
		return -1;
	return (b.left & parts) != 0;
}

int
rollup_forget(struct txn *t)
{
	unsigned i;

	if (store_clear(t, STORE_ROLLUP) != 0 ||
	    store_clear(t, STORE_FACTS) != 0)
		return -1;
	for (i = 0; i < ROLLUP_PARTS; i++)
		if (store_del(t, STORE_META, str_of(rollup_places[i])) != 0)
			return -1;
	return store_del(t, STORE_META, ROLLUP_META_FACTS);
}
