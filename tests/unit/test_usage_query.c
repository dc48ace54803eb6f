/* SPDX-License-Identifier: MIT */
/* Questions about usage: by interval, by the top, of what filters leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/latency.h"
#include "core/ledger_page.h"
#include "core/rollup_record.h"
#include "core/store.h"
#include "core/usage_query.h"
#include "tests/unit/calls.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const keys[] = { "k1", "k2", "k3" };
static const char *const users[] = { "ann", "ben", "cy", "dee", "eve" };

/* Call ${i} of many: all differ, and each costs another sum. */
static void
fill(struct one_call *one, int i)
{
	static struct header tag;

	calls_fill(one, CALLS_NOW_US + i * INT64_C(31000000000), 1 << (i % 9));
	one->row.key = str_of(keys[i % 3]);
	one->row.account = str_of(i % 3 == 2 ? "b" : "a");
	one->row.user = str_of(users[i % 5]);
	one->row.task = i % 4 == 0 ? STR_NONE : STR("sum");
	one->row.route = i % 2 == 0 ? STR("smart") : STR_NONE;
	one->at[0].model = i % 7 < 3 ? STR("gpt-5") : STR("gpt-5-mini");
	one->row.duration_ms = one->at[0].duration_ms = 100 + 10 * i;
	one->row.ttft_ms = one->at[0].ttft_ms = 50;
	tag = (struct header){ STR("app"), i % 2 ? STR("web") : STR("cli"),
		NULL };
	one->row.tags = &tag;
}

enum {
	CALLS = 60 /* three weeks, over the end of a month */
};

static void
write_calls(struct calls *c)
{
	struct one_call one;
	int i;

	for (i = 0; i < CALLS; i++) {
		fill(&one, i);
		calls_write(c, &one, CALL_OK);
	}
	calls_ingest(c);
}

static struct usage_result
ask(struct calls *c, const struct usage_query *q, struct arena *a)
{
	struct usage_result r;

	error_clear(&c->err);
	if (ledger_usage(c->state, q, a, &r, &c->err) != 0)
		fail_msg("%s", c->err.msg);
	return r;
}

static void
rollups_agree_with_facts_whatever_is_asked(void **state)
{
	static const struct {
		const char *by, *filter, *value;
		bool facts; /* rollups cannot tell */
	} cases[] = {
		{ "key", NULL, NULL, false },
		{ "route", NULL, NULL, false },
		{ "day,route", NULL, NULL, false },
		{ "key,model", NULL, NULL, true },
		{ "account,user", NULL, NULL, true },
		{ "account,key", NULL, NULL, true },
		{ "account,key,tag", NULL, NULL, true },
		{ "day,key,task", NULL, NULL, true },
		{ "user,task", NULL, NULL, true },
		{ "model", "key", "k2", true },
		{ "user", "key", "k2", true },
		{ "key", "model", "openai/gpt-5", true },
		{ "provider", "model", "openai/gpt-5", true },
		{ "tag", "account", "b", true },
		{ "tag", "tag", "app=web", false },
		{ "session", "key", "k1", true },
		{ "day,task", "task", "", false },
		{ "day", "route", "smart", false },
		{ "day", "user", "nobody", false },
	};
	struct calls *c = *state;
	struct usage_query q;
	struct usage_result sums, facts;
	struct usage_group one, other;
	struct arena *a;
	size_t i, k;

	write_calls(c);
	for (i = 0; i < COUNT(cases); i++) {
		a = arena_new(USAGE_QUERY_BYTES);
		q = (struct usage_query){ .n_by = 0 };
		assert_int_equal(
		    usage_query_parse(str_of(cases[i].by), &q, &c->err), 0);
		if (cases[i].filter != NULL)
			q.only[rollup_dim_of(str_of(cases[i].filter))] =
			    str_of(cases[i].value);
		sums = ask(c, &q, a);
		assert_int_equal(sums.from_facts, cases[i].facts);
		/* Not in whole days: the ends come from facts. */
		q.since_us = CALLS_NOW_US - 1;
		q.until_us = CALLS_NOW_US + 1000 * CALLS_DAY_US + 1;
		facts = ask(c, &q, a);
		assert_true(facts.from_facts);
		assert_memory_equal(
		    &sums.total, &facts.total, sizeof(sums.total));
		assert_int_equal(sums.n, facts.n);
		for (k = 0; k < sums.n; k++) {
			one = usage_result_at(&sums, k);
			other = usage_result_at(&facts, k);
			assert_memory_equal(
			    &one.sum, &other.sum, sizeof(sums.total));
		}
		if (q.n_by > 2 || strstr(cases[i].by, "day") != NULL) {
			arena_free(a);
			continue;
		}
		/* By hours: all of it comes from facts. */
		q.by[q.n_by++] = ROLLUP_ALL;
		q.interval = USAGE_HOUR;
		facts = ask(c, &q, a);
		assert_memory_equal(
		    &sums.total, &facts.total, sizeof(sums.total));
		arena_free(a);
	}
}

static void
intervals_begin_where_the_calendar_says(void **state)
{
	static const struct {
		enum usage_interval interval;
		const char *first; /* of Tuesday 2026-11-24, 17:31 */
		size_t n;
	} cases[] = {
		{ USAGE_HOUR, "2026112417", CALLS },
		{ USAGE_DAY, "20261124", 22 },
		{ USAGE_WEEK, "20261123", 4 },
		{ USAGE_MONTH, "20261101", 2 },
	};
	struct calls *c = *state;
	struct usage_query q = { .by = { ROLLUP_ALL }, .n_by = 1 };
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct usage_result r;
	int64_t calls;
	size_t i, k;

	write_calls(c);
	for (i = 0; i < COUNT(cases); i++) {
		q.interval = cases[i].interval;
		r = ask(c, &q, a);
		assert_int_equal(r.n, cases[i].n);
		assert_true(
		    str_is(usage_result_at(&r, 0).values[0], cases[i].first));
		for (calls = 0, k = 0; k < r.n; k++)
			calls += usage_result_at(&r, k).sum.calls;
		assert_int_equal(calls, CALLS);
		assert_int_equal(r.from_facts, cases[i].interval == USAGE_HOUR);
	}
	arena_free(a);
}

static void
the_top_is_told_apart_and_the_rest_is_kept(void **state)
{
	struct calls *c = *state;
	struct usage_query all = { .by = { ROLLUP_ALL, ROLLUP_USER },
		.n_by = 2,
		.interval = USAGE_WEEK };
	struct usage_query top = all;
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct usage_result r, whole;
	struct usage_group *groups;
	struct ledger_sum sum = { .calls = 0 };
	size_t k, others = 0;

	write_calls(c);
	top.top = 2;
	whole = ask(c, &all, a);
	r = ask(c, &top, a);
	groups = calls_groups(&r, a);
	for (k = 0; k < r.n; k++) {
		ledger_sum_add(&sum, &groups[k].sum);
		others += groups[k].other;
		if (groups[k].other) /* comes last of its week */
			assert_true(k + 1 == r.n ||
			    !str_eq(
				groups[k].values[0], groups[k + 1].values[0]));
		assert_int_equal(
		    groups[k].values[1].p == NULL, groups[k].other);
	}
	assert_int_equal(others, 4);
	assert_in_range(r.n, others + 1, 3 * others);
	assert_memory_equal(&sum, &whole.total, sizeof(sum));
	assert_memory_equal(&r.total, &whole.total, sizeof(sum));
	top.max = 3;
	assert_int_equal(ledger_usage(c->state, &top, a, &r, &c->err), -1);
	assert_non_null(strstr(c->err.msg, "more than 3 groups"));
	error_clear(&c->err);
	top = (struct usage_query){
		.by = { ROLLUP_USER, ROLLUP_TASK }, .n_by = 2, .patience_us = 1
	};
	assert_int_equal(ledger_usage(c->state, &top, a, &r, &c->err), -1);
	assert_non_null(strstr(c->err.msg, "takes too long"));
	arena_free(a);
}

/* Values with a NUL, of any length: own values must come apart again. */
static void
own_values_come_apart(void **state)
{
	char out[ROLLUP_OWN_BYTES], text[ROLLUP_OWN_BYTES], long_name[600];
	struct rollup_own own;
	struct str prefix,
	    keys_of[] = { STR_NONE, STR(""), STR("k"), { "a\0b", 3 } };
	size_t i, k;

	(void)state;
	memset(long_name, 'x', sizeof(long_name));
	for (i = 0; i < COUNT(keys_of); i++) {
		for (k = 0; k < COUNT(keys_of); k++) {
			prefix = rollup_own_begin(keys_of[i], &keys_of[k], out);
			memcpy(text, prefix.p, prefix.n);
			memcpy(text + prefix.n, "=v\0w", 4);
			assert_int_equal(
			    rollup_own_read(
				(struct str){ text, prefix.n + 4 }, &own),
			    0);
			assert_int_equal(
			    own.account.p == NULL, keys_of[i].p == NULL);
			assert_int_equal(
			    own.key.p == NULL, keys_of[k].p == NULL);
			assert_int_equal(own.value.n, 3);
		}
	}
	prefix = rollup_own_begin(
	    (struct str){ long_name, sizeof(long_name) }, NULL, out);
	assert_in_range(prefix.n, 100, ROLLUP_OWN_BYTES / 2);
	assert_int_equal(rollup_own_read(STR("=a"), &own), -1);
	assert_int_equal(rollup_own_read(STR("a\0=b\0=c"), &own), -1);
	assert_int_equal(rollup_own_read(STR(""), &own), -1);
}

static void
percentiles_are_close_to_the_true_ones(void **state)
{
	static const int64_t spans[] = { 100, 1000, 30000, 400000 };
	struct latency l = { .n = { 0 } };
	int64_t p, ms, got, want;
	size_t i;

	(void)state;
	assert_int_equal(latency_percentile(&l, 50), -1);
	for (i = 0; i < COUNT(spans); i++) {
		memset(&l, 0, sizeof(l));
		for (ms = 1; ms <= 1000; ms++)
			latency_note(&l, spans[i] + ms * spans[i] / 1000);
		for (p = 5; p <= 95; p += 45) {
			got = latency_percentile(&l, (int)p);
			want = spans[i] + p * spans[i] / 100;
			assert_in_range(got, want * 9 / 10, want * 11 / 10);
		}
	}
	latency_note(&l, 0);
	latency_note(&l, INT64_MAX);
	assert_int_equal(l.n[0], 1);
	assert_int_equal(l.n[LATENCY_BUCKETS - 1], 1);
	for (i = 0; i < LATENCY_BUCKETS; i++)
		l.n[i] = INT32_MAX;
	latency_note(&l, 1);
	assert_true(latency_percentile(&l, 95) > 0);
}

/* --- upgrade from what version 1 had --- */

static int
drop_second(void *arg, struct str key, struct str value)
{
	struct txn *t = arg;
	struct rollup_entry e;
	struct ledger_sum sum, first, later;
	char bytes[ROLLUP_VALUE_BYTES];

	if (rollup_read_key(key, &e) != 0 ||
	    rollup_read_value(value, &sum) != 0)
		return -1;
	key = str_dup(t->arena, key);
	if (e.dim >= ROLLUP_ROUTE)
		return store_del(t, STORE_ROLLUP, key);
	ledger_sum_split(&sum, &first, &later);
	return store_put(t, STORE_ROLLUP, key, rollup_value(&first, bytes));
}

struct dump {
	struct str keys[4096], values[4096];
	int n;
	struct arena *arena;
};

static int
dump_one(void *arg, struct str key, struct str value)
{
	struct dump *d = arg;

	d->keys[d->n] = str_dup(d->arena, key);
	d->values[d->n++] = str_dup(d->arena, value);
	return 0;
}

/* As version 1 left it, some of its rows pruned. */
static int
txn_downgrade(struct txn *t, void *arg)
{
	struct dump *d = arg;
	int i;

	d->n = 0;
	if (store_scan(t, STORE_ROLLUP, STR_NONE, dump_one, d) != 0 ||
	    store_del(t, STORE_META, str_of(rollup_places[1])) != 0)
		return -1;
	for (i = 0; i < d->n; i++)
		if (drop_second(t, d->keys[i], d->values[i]) != 0)
			return -1;
	return 0;
}

static int
body_downgrade(
    struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_downgrade, arg, err);
}

static void
sums_of_the_first_version_are_completed(void **state)
{
	struct calls *c = *state;
	struct usage_query q = { .by = { ROLLUP_ROUTE }, .n_by = 1 };
	struct usage_result before, after;
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct dump *d = ARENA_NEW(a, struct dump);
	struct one_call late;
	struct audit found;

	write_calls(c);
	fill(&late, CALLS);
	before = ask(c, &q, a);
	d->arena = a;
	calls_visit(c, body_downgrade, d);
	calls_write(c, &late, CALL_OK); /* comes before the second part does */
	after = ask(c, &q, a);
	ledger_sum_take(&after.total, &before.total);
	assert_int_equal(after.total.calls, 1);
	assert_int_equal(after.n, before.n);
	assert_int_equal(after.total.duration.n[0] +
		    latency_percentile(&after.total.duration, 50) >
		0,
	    true);
	calls_visit(c, calls_audit, &found);
	assert_int_equal(found.rows, CALLS + 1);
	arena_free(a);
}

/* --- pages of rows --- */

static int
walk(struct calls *c, struct ledger_want *want, struct arena *a)
{
	struct ledger_page page;
	char cursor[CALL_ID_BYTES];
	int n = 0, pages = 0;

	want->before = STR_NONE;
	do {
		assert_int_equal(
		    ledger_page(c->state, want, a, &page, &c->err), 0);
		n += (int)page.n;
		snprintf(cursor, sizeof(cursor), "%s", page.next);
		want->before = str_of(cursor);
		assert_true(pages++ < 1000);
	} while (cursor[0] != '\0');
	return n;
}

static void
pages_have_each_row_once(void **state)
{
	static const struct {
		enum rollup_dim dim;
		const char *value;
		int n;
	} cases[] = { { ROLLUP_ALL, NULL, CALLS }, { ROLLUP_KEY, "k1", 20 },
		{ ROLLUP_USER, "eve", 12 }, { ROLLUP_TASK, "", 15 },
		{ ROLLUP_TAG, "app=web", 30 }, { ROLLUP_TAG, "", 0 },
		{ ROLLUP_MODEL, "openai/gpt-5", 27 },
		{ ROLLUP_PROVIDER, "nobody", 0 }, { ROLLUP_ROUTE, "", 30 } };
	static const size_t limits[] = { 1, 7, 200 };
	struct calls *c = *state;
	struct ledger_want want;
	struct arena *a = arena_new((size_t)64 << 20);
	size_t i, k;

	write_calls(c);
	for (i = 0; i < COUNT(cases); i++) {
		for (k = 0; k < COUNT(limits); k++) {
			want = (struct ledger_want){ .limit = limits[k],
				.look = limits[k] };
			if (cases[i].value != NULL)
				want.only[cases[i].dim] =
				    str_of(cases[i].value);
			assert_int_equal(walk(c, &want, a), cases[i].n);
		}
	}
	want = (struct ledger_want){ .limit = 10 };
	want.members[LEDGER_OUTCOME] = STR("ok");
	want.members[LEDGER_ERROR] = STR("");
	want.members[LEDGER_STATUS] = STR("");
	assert_int_equal(walk(c, &want, a), CALLS);
	want.members[LEDGER_CACHE] = STR("hit");
	assert_int_equal(walk(c, &want, a), 0);
	arena_free(a);
}

static void
one_row_is_found_by_its_id(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new((size_t)1 << 20);
	struct one_call one;
	struct str row;

	fill(&one, 0);
	calls_write(c, &one, CALL_OPEN);
	assert_int_equal(
	    ledger_find(c->state, str_of(one.row.id), a, &row, &c->err), 1);
	assert_true(str_find(row, str_of(one.row.id)) > 0);
	assert_int_equal(
	    ledger_find(c->state, STR("call_x"), a, &row, &c->err), 0);
	arena_free(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, calls_setup, calls_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rollups_agree_with_facts_whatever_is_asked),
		TEST(intervals_begin_where_the_calendar_says),
		TEST(the_top_is_told_apart_and_the_rest_is_kept),
		cmocka_unit_test(own_values_come_apart),
		cmocka_unit_test(percentiles_are_close_to_the_true_ones),
		TEST(sums_of_the_first_version_are_completed),
		TEST(pages_have_each_row_once),
		TEST(one_row_is_found_by_its_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
