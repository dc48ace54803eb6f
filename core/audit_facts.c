/* SPDX-License-Identifier: MIT */
#include "core/audit_facts.h"

#include <stdio.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/store.h"
#include "core/usage_run.h"

#define MONTH_BYTES   7 /* "202611", NUL */
#define LONGEST_MONTH 31
#define MOST_MONTHS   12000

struct months {
	char list[MOST_MONTHS][MONTH_BYTES];
	int n;
};

struct comparing {
	struct usage_run run;
	struct txn *txn;
	enum rollup_dim dim;
	const char *month;
	uint32_t matched;
};

static int
see_month(void *arg, const struct rollup_entry *e)
{
	struct months *m = arg;

	if (m->n == MOST_MONTHS)
		return 1;
	snprintf(m->list[m->n++], MONTH_BYTES, "%.*s", STR_ARG(e->period));
	return 0;
}

static bool
is_within(struct ledger_sum *less, struct ledger_sum more)
{
	unsigned i;

	for (i = 0; i < LEDGER_SUM_FIELDS; i++)
		if (*ledger_sum_field(less, i) > *ledger_sum_field(&more, i))
			return false;
	return true;
}

/* One rollup of the month, and the group that should be the same. */
static int
see_rollup(void *arg, const struct rollup_entry *e)
{
	struct comparing *c = arg;
	struct usage_groups *g = &c->run.groups;
	const struct str values[USAGE_VALUES] = { e->value };
	struct ledger_sum sum;
	uint32_t group;
	bool same;

	if (!str_is(e->period, c->month))
		return 1;
	group = usage_groups_of(g, values);
	if (group == USAGE_NO_GROUP)
		return 1;
	usage_groups_sum(g, group, &sum);
	same = memcmp(&sum, &e->sum, sizeof(sum)) == 0;
	if (!same && (c->run.facts_us == 0 || !is_within(&sum, e->sum)))
		return error_set(c->txn->err, ERROR_STORE,
		    "database: facts: not what the rollups of %s by %s are: "
		    "%.*s",
		    c->month, rollup_words[c->dim], STR_ARG(e->value));
	c->matched++;
	return 0;
}

/* Months have their first day, and end where the next begins. */
static int
month_span(const char *month, int64_t *since_us, int64_t *until_us)
{
	char text[CLOCK_TEXT_BYTES];

	snprintf(text, sizeof(text), "%.4s-%.2s-01", month, month + 4);
	if (clock_parse(str_of(text), since_us) != 0)
		return -1;
	clock_text(*since_us + LONGEST_MONTH * USAGE_DAY_US, text);
	snprintf(text + 8, sizeof(text) - 8, "01");
	return clock_parse(str_of(text), until_us);
}

static int
compare(struct comparing *c, const struct rollup_range *range)
{
	struct usage_groups *g = &c->run.groups;
	int64_t since_us, until_us;
	size_t n;
	int rc;

	if (month_span(c->month, &since_us, &until_us) != 0)
		return 0;
	if (usage_facts_now(&c->run, c->txn, since_us, until_us) != 0)
		return -1;
	if (c->run.facts_us <= since_us)
		c->run.facts_us = 0;
	rc = rollup_scan(c->txn, range, see_rollup, c);
	usage_groups_sorted(g, USAGE_VALUES, USAGE_VALUES, &n);
	if (rc >= 0 && !g->full && c->run.facts_us == 0 && c->matched != n)
		return error_set(c->txn->err, ERROR_STORE,
		    "database: facts: %s by %s has more than the rollups",
		    c->month, rollup_words[c->dim]);
	return rc < 0 ? -1 : 0;
}

static int
compare_month(struct txn *t, const char *month, enum rollup_dim dim)
{
	const struct usage_query q = { .by = { dim },
		.n_by = dim != ROLLUP_ALL,
		.interval = USAGE_MONTH };
	const struct rollup_range range = {
		.dim = dim, .monthly = true, .from = str_of(month)
	};
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct comparing c = {
		.run = { .q = &q }, .txn = t, .dim = dim, .month = month
	};
	int rc;

	usage_run_begin(&c.run, a);
	rc = compare(&c, &range);
	arena_free(a);
	return rc;
}

static int
txn_compare(struct txn *t, void *arg)
{
	const struct rollup_range all = { .monthly = true };
	struct months *m = ARENA_NEW(t->arena, struct months);
	unsigned d;
	int i;

	(void)arg;
	if (rollup_scan(t, &all, see_month, m) < 0)
		return -1;
	for (i = 0; i < m->n; i++)
		for (d = 0; d < ROLLUP_DIMS; d++)
			if (!rollup_is_old((enum rollup_dim)d) &&
			    compare_month(t, m->list[i], (enum rollup_dim)d) !=
				0)
				return -1;
	return 0;
}

int
audit_facts(struct store *store, struct error *err)
{
	return store_txn(store, txn_compare, NULL, err);
}
