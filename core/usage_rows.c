/* SPDX-License-Identifier: MIT */
/*
 * From the rows.  What is asked of provider or model is asked of attempts:
 * then only those that fit are added up, as the rollups do.
 */
#include "core/usage_run.h"

#include <stdio.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ledger.h"
#include "core/ledger_row.h"
#include "core/rollup_record.h"
#include "core/store.h"
#include "core/visit.h"

#define ROW_BYTES  ((size_t)16 << 20)
#define HOUR_BYTES 11

struct reading {
	struct usage_run *run;
	bool has_attempts, has_tags; /* asked of them */
	bool hourly;
	int64_t since_us;
	struct arena *row;
	bool late;
};

static bool
asks(const struct usage_query *q, enum rollup_dim d)
{
	unsigned i;

	for (i = 0; i < q->n_by; i++)
		if (q->by[i] == d)
			return true;
	return q->only[d].p != NULL;
}

/* The start of the interval that the call lies in; absent if unknown. */
static struct str
start_of(struct reading *r, const struct ledger_view *v, char out[HOUR_BYTES])
{
	char day[LEDGER_DAY_BYTES];

	if (ledger_view_day(v, day) != 0)
		return STR_NONE;
	if (!r->hourly)
		return usage_run_start(r->run, str_of(day));
	if (v->started_at.n < 13)
		return STR_NONE;
	snprintf(out, HOUR_BYTES, "%s%.2s", day, v->started_at.p + 11);
	return str_of(out);
}

/* What a call may have several of. */
static bool
is_several(unsigned d)
{
	return d == ROLLUP_PROVIDER || d == ROLLUP_MODEL || d == ROLLUP_TAG;
}

/* Do the filters let the values pass: those of the call, or the others? */
static bool
fit(const struct usage_query *q, const struct str v[], bool several)
{
	unsigned d;

	for (d = 0; d < ROLLUP_DIMS; d++)
		if (is_several(d) == several && !usage_fits(q->only[d], v[d]))
			return false;
	return true;
}

static bool
tags_fit(const struct usage_query *q, const struct ledger_view *v)
{
	unsigned i;

	for (i = 0; i < v->n_tags; i++)
		if (usage_fits(q->only[ROLLUP_TAG], v->tags[i]))
			return true;
	return q->only[ROLLUP_TAG].p == NULL;
}

/* The call once; of it what filters ask of attempts. */
static void
add_total(struct reading *r, const struct ledger_view *v)
{
	const struct ledger_sum call = { .calls = 1 };
	const struct str *only = r->run->q->only;
	const struct ledger_view_attempt *at;
	unsigned i, n = 0;

	if (!tags_fit(r->run->q, v))
		return;
	if (only[ROLLUP_PROVIDER].p == NULL && only[ROLLUP_MODEL].p == NULL) {
		ledger_sum_add(&r->run->total, &v->sum);
		return;
	}
	for (i = 0; i < v->n_attempts; i++) {
		at = &v->attempts[i];
		if (!usage_fits(only[ROLLUP_PROVIDER], at->provider) ||
		    !usage_fits(only[ROLLUP_MODEL], at->name))
			continue;
		ledger_sum_add(&r->run->total, &at->sum);
		if (n++ == 0)
			ledger_sum_add(&r->run->total, &call);
	}
}

/* One combination of an attempt and a tag, where they matter. */
static void
add_one(struct reading *r, struct str start, const struct str v[],
    const struct ledger_sum *sum)
{
	const struct ledger_sum call = { .calls = 1 };

	if (fit(r->run->q, v, true) && usage_run_add(r->run, start, v, sum) &&
	    r->has_attempts)
		usage_run_add(r->run, start, v, &call);
}

static void
add_groups(struct reading *r, struct str start, struct str v[],
    const struct ledger_view *view)
{
	const struct ledger_view_attempt *at = view->attempts;
	unsigned i, k;

	for (i = 0; i < (r->has_attempts ? view->n_attempts : 1); i++) {
		if (r->has_attempts) {
			v[ROLLUP_PROVIDER] = at[i].provider;
			v[ROLLUP_MODEL] = at[i].name;
		}
		for (k = 0; k < (r->has_tags ? view->n_tags : 1); k++) {
			if (r->has_tags)
				v[ROLLUP_TAG] = view->tags[k];
			add_one(r, start, v,
			    r->has_attempts ? &at[i].sum : &view->sum);
		}
	}
}

static bool
is_late(struct reading *r)
{
	r->late = r->run->until_us != 0 && clock_mono_us() >= r->run->until_us;
	return r->late;
}

static bool
see_row(void *arg, struct str row)
{
	struct reading *r = arg;
	struct ledger_view v;
	struct str values[ROLLUP_DIMS] = { STR_NONE }, start;
	char hour[HOUR_BYTES];

	arena_reset(r->row);
	ledger_view(r->row, row, &v);
	start = start_of(r, &v, hour);
	if (str_is(v.outcome, "open") || start.p == NULL)
		return !is_late(r);
	values[ROLLUP_KEY] = v.key;
	values[ROLLUP_ACCOUNT] = v.account;
	values[ROLLUP_USER] = v.user;
	values[ROLLUP_TASK] = v.task;
	values[ROLLUP_SESSION] = v.session;
	values[ROLLUP_ROUTE] = v.route;
	if (!fit(r->run->q, values, false))
		return !is_late(r);
	usage_groups_row(&r->run->groups);
	add_total(r, &v);
	add_groups(r, start, values, &v);
	return !r->run->groups.full && !is_late(r);
}

static int
txn_has_rows(struct txn *t, void *arg)
{
	static const unsigned char low[10] = { 0 };
	const struct reading *r = arg;
	char first[CALL_ID_BYTES];
	struct str pruned;
	int rc = store_get(t, STORE_META, ROLLUP_META_PRUNED, &pruned);

	if (rc <= 0)
		return rc;
	ledger_row_id(first, r->since_us / 1000, low);
	if (str_cmp(str_of(first), pruned) >= 0)
		return 0;
	return error_set(t->err, ERROR_BAD_REQUEST,
	    "rows of that time have been pruned: begin later, or ask for "
	    "whole days by one dimension");
}

static int
visit_rows(struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_has_rows, arg, err);
}

int
usage_rows(struct usage_run *run, int64_t since_us, int64_t until_us,
    struct error *err)
{
	const struct usage_query *q = run->q;
	struct ledger_filter filter = { .since_us = since_us,
		.until_us = until_us };
	struct reading r = { .run = run,
		.has_attempts =
		    asks(q, ROLLUP_PROVIDER) || asks(q, ROLLUP_MODEL),
		.has_tags = asks(q, ROLLUP_TAG),
		.hourly = asks(q, ROLLUP_ALL) && q->interval == USAGE_HOUR,
		.since_us = since_us };
	int rc;

	if (q->only[ROLLUP_KEY].n > 0)
		filter.key = q->only[ROLLUP_KEY];
	if (q->only[ROLLUP_ACCOUNT].n > 0)
		filter.account = q->only[ROLLUP_ACCOUNT];
	if (visit_patiently(run->state, visit_rows, &r, err) != 0)
		return -1;
	r.row = arena_new(ROW_BYTES);
	rc = ledger_read(run->state, &filter, see_row, &r, err);
	arena_free(r.row);
	if (rc == 0 && r.late)
		return error_set(err, ERROR_BAD_REQUEST,
		    "that takes too long: choose a shorter time, or whole "
		    "days by one dimension");
	return rc;
}
