/* SPDX-License-Identifier: MIT */
/*
 * From the facts.  What is asked of provider or model is asked of attempts:
 * then only those that fit are added up, as the rollups do.  Of each block it
 * is found out first which sums each call and each attempt goes to; then it is
 * added up column by column, and what nobody asks for is not looked at.
 */
#include "core/usage_run.h"

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/facts.h"
#include "core/ledger_row.h"
#include "core/rollup_record.h"
#include "core/store.h"
#include "core/usage_block.h"
#include "core/visit.h"

#define ARENA_BYTES ((size_t)512 << 20) /* keys of all blocks; columns */
#define VISIT_US    INT64_C(100000)

struct reading {
	struct usage_run *run;
	struct usage_block *block;
	int64_t since_us, until_us;
	int64_t visit_us; /* a visit may take; 0: any */
	struct arena *arena;
	struct fact_block columns;
	struct facts_list blocks; /* of the last level */
	size_t at;                /* the next of them */
	bool listed, late;
};

static int
read_block(struct txn *t, struct reading *r, const struct facts_key *key)
{
	int64_t first_us, last_us;
	bool cut;

	facts_span(key, &first_us, &last_us);
	cut = first_us < r->since_us ||
	    (r->until_us != 0 && last_us >= r->until_us);
	if (facts_read(t, key, usage_block_parts(r->block, cut), &r->columns) !=
	    0)
		return -1;
	return usage_block_add(r->block, &r->columns, cut) == 0
	    ? 0
	    : facts_damaged(t);
}

static int
find_begin(struct txn *t, struct reading *r)
{
	struct str id;
	int rc = store_get(t, STORE_META, ROLLUP_META_FACTS, &id);

	if (rc == 1)
		r->run->facts_us = ledger_row_ms(id) * 1000;
	return rc < 0 ? -1 : 0;
}

/* The blocks that may change, and the keys of those that do not. */
static int
begin(struct txn *t, struct reading *r)
{
	struct facts_list list = { .n = 0 };
	unsigned level;
	size_t i;

	if (find_begin(t, r) != 0)
		return -1;
	for (level = 0; level < FACTS_LAST; level++)
		if (facts_list(t, level, r->since_us, r->until_us, r->arena,
			&list) != 0)
			return -1;
	for (i = 0; i < list.n; i++)
		if (read_block(t, r, &list.keys[i]) != 0)
			return -1;
	r->listed = true;
	return facts_list(
	    t, FACTS_LAST, r->since_us, r->until_us, r->arena, &r->blocks);
}

static bool
is_done(struct reading *r)
{
	int64_t until_us = r->run->until_us;

	r->late = until_us != 0 && clock_mono_us() >= until_us;
	return r->late || r->run->groups.full ||
	    (r->listed && r->at == r->blocks.n);
}

static int
txn_read(struct txn *t, void *arg)
{
	struct reading *r = arg;
	int64_t until_us = clock_mono_us() + r->visit_us;

	if (!r->listed && begin(t, r) != 0)
		return -1;
	while (!is_done(r) && (r->visit_us == 0 || clock_mono_us() < until_us))
		if (read_block(t, r, &r->blocks.keys[r->at++]) != 0)
			return -1;
	return 0;
}

static void
reading_init(struct reading *r, struct usage_run *run, int64_t since_us,
    int64_t until_us)
{
	*r = (struct reading){ .run = run,
		.since_us = since_us,
		.until_us = until_us,
		.arena = arena_new(ARENA_BYTES) };
	r->columns.arena = r->arena;
	r->block = usage_block_new(run, since_us, until_us);
}

int
usage_facts_now(
    struct usage_run *run, struct txn *t, int64_t since_us, int64_t until_us)
{
	struct reading r;
	int rc;

	reading_init(&r, run, since_us, until_us);
	rc = txn_read(t, &r);
	arena_free(r.arena);
	return rc;
}

static int
visit_facts(struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_read, arg, err);
}

int
usage_facts(struct usage_run *run, int64_t since_us, int64_t until_us,
    struct error *err)
{
	struct reading r;
	int rc = 0;

	reading_init(&r, run, since_us, until_us);
	r.visit_us = VISIT_US;
	while (rc == 0 && !is_done(&r))
		rc = visit_patiently(run->state, visit_facts, &r, err);
	arena_free(r.arena);
	if (rc == 0 && r.late)
		return error_set(err, ERROR_BAD_REQUEST,
		    "that takes too long: choose a shorter time, or whole "
		    "days by one dimension");
	return rc == 0 && since_us < run->facts_us ? 1 : rc;
}
