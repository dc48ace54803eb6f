/* SPDX-License-Identifier: MIT */
/* Sums are those of the rows, whatever happens to the rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <db.h>

#include "core/archive.h"
#include "core/buf.h"
#include "core/ingest.h"
#include "core/ledger_row.h"
#include "core/prune.h"
#include "core/rollup_record.h"
#include "core/shm.h"
#include "core/store.h"
#include "core/usage_group.h"
#include "core/usage_query.h"
#include "tests/unit/calls.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A query's answer as text: "value calls cost unpriced;..." */
static const char *
ask(struct calls *c, const char *by, int64_t since_us, int64_t until_us,
    bool *from_facts)
{
	static char text[4096];
	struct usage_query q = { .since_us = since_us, .until_us = until_us };
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct usage_result r;
	size_t i, n = 0;
	unsigned k;

	error_clear(&c->err);
	assert_int_equal(usage_query_parse(str_of(by), &q, &c->err), 0);
	if (ledger_usage(c->state, &q, a, &r, &c->err) != 0)
		fail_msg("%s", c->err.msg);
	if (from_facts != NULL)
		*from_facts = r.from_facts;
	text[0] = '\0';
	for (i = 0; i < r.n; i++) {
		for (k = 0; k < q.n_by; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%.*s ", STR_ARG(usage_result_at(&r, i).values[k]));
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "%lld %lld %lld;",
		    (long long)usage_result_at(&r, i).sum.calls,
		    (long long)usage_result_at(&r, i).sum.cost_pusd,
		    (long long)usage_result_at(&r, i).sum.unpriced);
	}
	n += (size_t)snprintf(text + n, sizeof(text) - n, "total %lld %lld",
	    (long long)r.total.calls, (long long)r.total.cost_pusd);
	arena_free(a);
	return text;
}

static struct audit
check(struct calls *c)
{
	struct audit found;

	calls_visit(c, calls_audit, &found);
	return found;
}

static void
each_dimension_has_its_sums(void **state)
{
	static const struct {
		const char *by, *want;
	} cases[] = {
		{ "day", "20261124 2 12 0;total 2 12" },
		{ "key", "sk-sl-abcdefghijkl 2 12 0;total 2 12" },
		{ "account", "team 2 12 0;total 2 12" },
		{ "provider", "openai 2 12 0;total 2 12" },
		{ "model", "openai/gpt-5-mini 2 12 0;total 2 12" },
		{ "tag", "app=web 2 12 0;total 2 12" },
		{ "user", "u\"1 2 12 0;total 2 12" },
		{ "task", "sum 2 12 0;total 2 12" },
		{ "session", "s1 2 12 0;total 2 12" },
		{ "day,model", "20261124 openai/gpt-5-mini 2 12 0;total 2 12" },
		{ "model,day", "openai/gpt-5-mini 20261124 2 12 0;total 2 12" },
		{ "user,task", "u\"1 sum 2 12 0;total 2 12" },
		{ "tag,model,day",
		    "app=web openai/gpt-5-mini 20261124 2 12 0;total 2 12" },
	};
	struct calls *c = *state;
	struct one_call one;
	size_t i;

	calls_fill(&one, CALLS_NOW_US, 5);
	calls_write(c, &one, CALL_OK);
	calls_fill(&one, CALLS_NOW_US + 1, 7);
	calls_write(c, &one, CALL_OPEN);
	calls_write(c, &one, CALL_OK);
	for (i = 0; i < COUNT(cases); i++)
		assert_string_equal(
		    ask(c, cases[i].by, 0, 0, NULL), cases[i].want);
	assert_int_equal(check(c).rows, 2);
}

/* A race: the loser's cost is overhead; each model has its own attempts. */
static void
attempts_are_told_apart(void **state)
{
	struct calls *c = *state;
	struct one_call one;
	struct usage_query q = { .n_by = 0 };
	struct usage_result r;
	struct arena *a = arena_new(USAGE_QUERY_BYTES);

	calls_fill(&one, CALLS_NOW_US, 100);
	one.at[0].outcome = ATTEMPT_WON;
	one.at[1] = one.at[0];
	one.at[1].model = STR("gpt-5-nano");
	one.at[1].outcome = ATTEMPT_LOST;
	one.at[1].role = ROLE_RACE;
	one.at[1].cost.pusd = 30;
	one.at[2] = one.at[1];
	one.at[2].outcome = ATTEMPT_FAILED;
	one.at[2].cost = (struct cost){ .why = "no price" };
	one.at[0].next = &one.at[1];
	one.at[1].next = &one.at[2];
	one.row.cost = (struct cost){ .why = "no price" };
	calls_write(c, &one, CALL_OK);
	assert_string_equal(ask(c, "model", 0, 0, NULL),
	    "openai/gpt-5-mini 1 100 0;openai/gpt-5-nano 1 30 1;"
	    "total 1 130");
	assert_string_equal(
	    ask(c, "provider", 0, 0, NULL), "openai 1 130 1;total 1 130");
	assert_int_equal(usage_query_parse(STR("model"), &q, &c->err), 0);
	assert_int_equal(ledger_usage(c->state, &q, a, &r, &c->err), 0);
	assert_int_equal(r.total.overhead_pusd, 30);
	assert_int_equal(r.total.unpriced, 1);
	assert_int_equal(r.total.attempts, 3);
	assert_int_equal(r.total.tokens[USAGE_INPUT], 30);
	assert_int_equal(usage_result_at(&r, 1).sum.errors, 1);
	arena_free(a);
	check(c);
}

static void
what_has_no_value_is_a_group_of_its_own(void **state)
{
	struct calls *c = *state;
	struct one_call one;

	calls_fill(&one, CALLS_NOW_US, 5);
	one.row.user = one.row.key = STR_NONE;
	one.row.tags = NULL;
	one.row.attempts = NULL;
	calls_write(c, &one, CALL_REFUSED);
	calls_fill(&one, CALLS_NOW_US, -1);
	one.row.user = STR("");
	calls_write(c, &one, CALL_ERROR);
	assert_string_equal(
	    ask(c, "user", 0, 0, NULL), " 1 5 0; 1 0 1;total 2 5");
	assert_string_equal(
	    ask(c, "tag", 0, 0, NULL), "app=web 1 0 1;total 2 5");
	assert_string_equal(
	    ask(c, "model", 0, 0, NULL), "openai/gpt-5-mini 1 0 1;total 2 5");
	check(c);
}

static void
an_open_call_does_not_count(void **state)
{
	struct calls *c = *state;
	struct one_call one;

	calls_fill(&one, CALLS_NOW_US, 5);
	calls_write(c, &one, CALL_OPEN);
	assert_string_equal(ask(c, "day", 0, 0, NULL), "total 0 0");
	assert_string_equal(ask(c, "user,day", 0, 0, NULL), "total 0 0");
	assert_int_equal(check(c).open, 1);
}

static void
open_and_die(struct calls *c, void *arg)
{
	struct one_call *one = arg;

	calls_write(c, one, CALL_OPEN);
}

/* What the dead left open counts as unknown, until its close turns up. */
static void
a_late_close_takes_the_place_of_the_unknown(void **state)
{
	struct calls *c = *state;
	struct one_call one;

	calls_fill(&one, CALLS_NOW_US, 5);
	calls_in_child(c, open_and_die, &one);
	assert_string_equal(
	    ask(c, "day", 0, 0, NULL), "20261124 1 0 1;total 1 0");
	check(c);
	one.row.user = STR("else");
	calls_write(c, &one, CALL_OK);
	assert_string_equal(
	    ask(c, "day", 0, 0, NULL), "20261124 1 5 0;total 1 5");
	assert_string_equal(ask(c, "user", 0, 0, NULL), "else 1 5 0;total 1 5");
	calls_write(c, &one, CALL_OK); /* again: nothing changes */
	assert_string_equal(
	    ask(c, "model", 0, 0, NULL), "openai/gpt-5-mini 1 5 0;total 1 5");
	assert_int_equal(check(c).rows, 1);
}

/* Two attempts, with more set aside for the second, and then no more. */
static void
open_twice_and_die(struct calls *c, void *arg)
{
	struct one_call *one = arg;

	one->row.reserved_pusd = 40;
	calls_write(c, one, CALL_OPEN);
	one->row.reserved_pusd = 70;
	one->at[0].outcome = ATTEMPT_FAILED;
	one->at[1] = one->at[0];
	one->at[1].outcome = ATTEMPT_OPEN;
	one->at[1].model = STR("gpt-5-nano");
	one->at[0].next = &one->at[1];
	assert_int_equal(ledger_note(c->state, &one->row, &c->err), 0);
}

static void
what_was_reserved_is_charged_alike_by_key_and_by_model(void **state)
{
	static const struct {
		const char *by, *want;
	} cases[] = {
		{ "key", "sk-sl-abcdefghijkl 1 70 0;total 1 70" },
		{ "model",
		    "openai/gpt-5-mini 1 70 0;openai/gpt-5-nano 1 0 0;"
		    "total 1 70" },
		{ "provider", "openai 1 70 0;total 1 70" },
		{ "tag,model",
		    "app=web openai/gpt-5-mini 1 70 0;"
		    "app=web openai/gpt-5-nano 1 0 0;total 1 70" },
	};
	struct calls *c = *state;
	struct one_call one;
	size_t i;

	calls_fill(&one, CALLS_NOW_US, -1);
	calls_in_child(c, open_twice_and_die, &one);
	for (i = 0; i < COUNT(cases); i++)
		assert_string_equal(
		    ask(c, cases[i].by, 0, 0, NULL), cases[i].want);
	check(c);
}

/* From 30 October to 3 January, a call a day; day k of them costs 2^k. */
static void
write_days(struct calls *c)
{
	struct one_call one;
	int k;

	for (k = 0; k < 62; k++) {
		calls_fill(&one, CALLS_NOW_US + (k - 25) * CALLS_DAY_US,
		    INT64_C(1) << (k % 60));
		calls_write(c, &one, CALL_OK);
	}
}

/* Rollups by days and months answer as the rows do. */
static void
any_time_gives_what_its_rows_add_up_to(void **state)
{
	struct calls *c = *state;
	const int64_t day = CALLS_NOW_US / CALLS_DAY_US;
	int64_t since, until;
	char rollups[4096];
	bool from_facts;
	int from, to;

	write_days(c);
	for (from = -27; from < 40; from += 3) {
		for (to = from + 1; to < 41; to += 5) {
			since = (day + from) * CALLS_DAY_US;
			until = (day + to) * CALLS_DAY_US;
			snprintf(rollups, sizeof(rollups), "%s",
			    ask(c, "model", since, until, &from_facts));
			assert_false(from_facts);
			assert_string_equal(
			    ask(c, "model", since, until + 1, &from_facts),
			    rollups);
			assert_true(from_facts);
		}
	}
	snprintf(rollups, sizeof(rollups), "%s", ask(c, "key", 0, 0, NULL));
	assert_string_equal(
	    ask(c, "key", (day - 300) * CALLS_DAY_US, 0, NULL), rollups);
	assert_string_equal(
	    ask(c, "key", 0, (day + 300) * CALLS_DAY_US, NULL), rollups);
	check(c);
}

static void
a_filter_of_the_same_dimension_is_answered_by_rollups(void **state)
{
	struct calls *c = *state;
	struct usage_query q = { .by = { ROLLUP_ALL },
		.n_by = 1,
		.only = { [ROLLUP_KEY] = STR("sk-sl-abcdefghijkl") } };
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct usage_result r;
	struct one_call one;

	calls_fill(&one, CALLS_NOW_US, 5);
	calls_write(c, &one, CALL_OK);
	calls_fill(&one, CALLS_NOW_US, 6);
	one.row.key = STR("sk-sl-other");
	calls_write(c, &one, CALL_OK);
	assert_int_equal(ledger_usage(c->state, &q, a, &r, &c->err), 0);
	assert_false(r.from_facts);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.total.cost_pusd, 5);
	q.by[0] = ROLLUP_MODEL;
	assert_int_equal(ledger_usage(c->state, &q, a, &r, &c->err), 0);
	assert_true(r.from_facts);
	assert_int_equal(usage_result_at(&r, 0).sum.cost_pusd, 5);
	q.by[0] = ROLLUP_SESSION;
	assert_int_equal(ledger_usage(c->state, &q, a, &r, &c->err), 0);
	assert_true(r.from_facts);
	assert_int_equal(usage_result_at(&r, 0).sum.cost_pusd, 5);
	arena_free(a);
}

static void
a_wrong_question_is_told_so(void **state)
{
	static const char *const words[] = { "", "color", "key,key",
		"key,user,task,model", "key,", "Key" };
	struct calls *c = *state;
	struct usage_query q;
	size_t i;

	for (i = 0; i < COUNT(words); i++) {
		error_clear(&c->err);
		assert_int_equal(
		    usage_query_parse(str_of(words[i]), &q, &c->err), -1);
	}
}

/* --- upgrades --- */

/* As the first layout was: plain rows, and no rollups. */
static int
txn_make_old(struct txn *t, void *arg)
{
	(void)arg;
	if (rollup_forget(t) != 0)
		return -1;
	return store_del(t, STORE_META, ROLLUP_META_PRUNED);
}

static int
body_make_old(
    struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_make_old, arg, err);
}

static int
body_build_a_little(
    struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	*(int *)arg = rollup_build(
	    store, ROLLUP_EVERY, 1, err); /* long past: one batch */
	return *(int *)arg < 0 ? -1 : 0;
}

static void
a_ledger_without_rollups_gets_them(void **state)
{
	enum {
		N = 700
	};
	struct calls *c = *state;
	struct one_call one, last;
	struct audit found;
	int i, steps = 0, rc = 1;

	for (i = 0; i < N; i++) {
		calls_fill(&one, CALLS_NOW_US + i * INT64_C(1000), 1);
		calls_write(c, &one, CALL_OK);
	}
	last = one;
	calls_in_child(c, open_and_die, &last); /* swept: unknown */
	calls_ingest(c);
	calls_visit(c, body_make_old, NULL);
	while (rc == 1) {
		calls_visit(c, body_build_a_little, &rc);
		steps++;
		if (steps != 1)
			continue;
		/* In the middle of it one row changes below, one above. */
		calls_fill(&one, CALLS_NOW_US - 1000, 10);
		calls_write(c, &one, CALL_OK);
		calls_fill(&one, CALLS_NOW_US + N * INT64_C(2000), 100);
		calls_write(c, &one, CALL_OK);
	}
	assert_in_range(steps, 3, 4);
	assert_string_equal(
	    ask(c, "account", 0, 0, NULL), "team 702 810 0;total 702 810");
	found = check(c);
	assert_int_equal(found.rows, N + 2);
}

static void
put_raw(DB_ENV *env, const char *file, struct str key, struct str value)
{
	DB *db;
	DBT k = { .data = (void *)(uintptr_t)key.p, .size = (u_int32_t)key.n };
	DBT v = { .data = (void *)(uintptr_t)value.p,
		.size = (u_int32_t)value.n };

	assert_int_equal(db_create(&db, env, 0), 0);
	assert_int_equal(db->set_pagesize(db, 4096), 0);
	assert_int_equal(db->set_flags(db, DB_CHKSUM), 0);
	assert_int_equal(db->open(db, NULL, file, NULL, DB_BTREE,
			     DB_CREATE | DB_AUTO_COMMIT, 0600),
	    0);
	if (key.n > 0)
		assert_int_equal(db->put(db, NULL, &k, &v, 0), 0);
	assert_int_equal(db->close(db, 0), 0);
}

/* An environment as the first program wrote it: four tables, plain rows. */
static void
make_first_layout(struct calls *c, struct one_call rows[3])
{
	static const char *const files[] = { "ledger.db", "open.db",
		"offsets.db", "keys.db" };
	char home[80];
	DB_ENV *env;
	struct buf b;
	size_t i;

	snprintf(home, sizeof(home), "%s/env", c->scratch.dir);
	assert_int_equal(mkdir(home, 0700), 0);
	assert_int_equal(db_env_create(&env, 0), 0);
	assert_int_equal(env->open(env, home,
			     DB_CREATE | DB_PRIVATE | DB_INIT_MPOOL |
				 DB_INIT_LOG | DB_INIT_TXN,
			     0600),
	    0);
	for (i = 0; i < COUNT(files); i++)
		put_raw(env, files[i], STR(""), STR(""));
	buf_init(&b, 8192);
	for (i = 0; i < 3; i++) {
		buf_reset(&b);
		buf_addch(&b, 1);
		ledger_json(&rows[i].row, &b);
		put_raw(env, "ledger.db", str_of(rows[i].row.id), buf_str(&b));
	}
	put_raw(env, "open.db", str_of(rows[2].row.id), STR("\1nobody"));
	put_raw(env, "keys.db", STR("sk-sl-x"), STR("\1{}"));
	buf_release(&b);
	assert_int_equal(env->close(env, 0), 0);
}

static void
the_first_layout_is_upgraded(void **state)
{
	struct calls *c = *state;
	struct one_call rows[3];
	size_t i;

	for (i = 0; i < 3; i++) {
		calls_fill(&rows[i], CALLS_NOW_US + (int64_t)i * 1000000,
		    (int64_t)i + 1);
		rows[i].row.outcome = i < 2 ? CALL_OK : CALL_OPEN;
	}
	make_first_layout(c, rows);
	assert_string_equal(ask(c, "user", 0, 0, NULL), "u\"1 2 3 0;total 2 3");
	assert_int_equal(check(c).rows, 3);
	calls_write(c, &rows[2], CALL_OK);
	assert_string_equal(ask(c, "user", 0, 0, NULL), "u\"1 3 6 0;total 3 6");
	assert_int_equal(check(c).open, 0);
}

/* Records of a later version: an error that says so, and no rebuild. */
static void
records_of_the_future_are_left_alone(void **state)
{
	struct buf scratch;
	struct str v;
	static const struct {
		enum store_table table;
		const char *bytes;
		enum store_fault want;
	} cases[] = {
		{ STORE_LEDGER, "\1{\"id\":1}", STORE_FINE },
		{ STORE_LEDGER, "\2\2x", STORE_FINE },
		{ STORE_LEDGER, "\2\1\377", STORE_BROKEN },
		{ STORE_LEDGER, "\3", STORE_OTHER },
		{ STORE_ROLLUP, "\1\2", STORE_FINE },
		{ STORE_ROLLUP, "\2\2", STORE_FINE },
		{ STORE_ROLLUP, "\3\2", STORE_FINE },
		{ STORE_ROLLUP, "\4\2", STORE_OTHER },
		{ STORE_FACTS, "\1\2", STORE_FINE },
		{ STORE_FACTS, "\2\2", STORE_FINE },
		{ STORE_FACTS, "\3", STORE_OTHER },
		{ STORE_KEYS, "", STORE_BROKEN },
	};
	size_t i;

	(void)state;
	buf_init(&scratch, 4096);
	for (i = 0; i < COUNT(cases); i++) {
		v = str_of(cases[i].bytes);
		assert_int_equal(
		    store_decode(cases[i].table, &v, &scratch), cases[i].want);
	}
	buf_release(&scratch);
}

/* --- pruning --- */

struct pruning {
	int64_t before_us, rows;
};

static int
body_prune(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct pruning *p = arg;

	if (ingest(s, store, 0, err) < 0)
		return -1;
	return prune(s, store, p->before_us, 0, &p->rows, err);
}

static void
close_and_die(struct calls *c, void *arg)
{
	struct one_call *one = arg;

	calls_write(c, one, CALL_OK);
}

/* A journal that a rebuild takes out of j/done. */
static void
read_again(struct calls *c, struct one_call *one)
{
	char name[256], path[300];

	calls_reopen(c);
	calls_ingest(c);
	calls_in_child(c, close_and_die, one);
	assert_int_equal(scratch_count(&c->scratch, "j", ".jl", name), 1);
	snprintf(path, sizeof(path), "done/%s", name);
	assert_int_equal(renameat(c->state->jfd, name, c->state->jfd, path), 0);
	assert_int_equal(archive_restore(c->state->jfd, &c->err), 0);
}

static void
pruned_rows_stay_in_the_sums(void **state)
{
	struct calls *c = *state;
	struct pruning p = { .before_us = CALLS_NOW_US };
	struct one_call old, open;
	char before[4096], both[4096];

	calls_fill(&old, CALLS_NOW_US - 30 * CALLS_DAY_US, 3);
	calls_write(c, &old, CALL_OK);
	calls_fill(&open, CALLS_NOW_US - 29 * CALLS_DAY_US, 4);
	calls_write(c, &open, CALL_OPEN);
	write_days(c);
	snprintf(before, sizeof(before), "%s", ask(c, "model", 0, 0, NULL));
	snprintf(both, sizeof(both), "%s", ask(c, "user,task", 0, 0, NULL));
	calls_visit(c, body_prune, &p);
	assert_int_equal(p.rows, 26);
	assert_string_equal(ask(c, "model", 0, 0, NULL), before);
	assert_string_equal(ask(c, "user,task", 0, 0, NULL), both);
	assert_int_equal(check(c).rows, 62 - 25 + 1);

	calls_write(c, &open, CALL_OK); /* was not removed, so it closes */
	assert_int_equal(check(c).open, 0);
	snprintf(before, sizeof(before), "%s", ask(c, "model", 0, 0, NULL));
	read_again(c, &old);
	assert_string_equal(ask(c, "model", 0, 0, NULL), before);
	calls_fill(&old, CALLS_NOW_US - 31 * CALLS_DAY_US, 3);
	calls_write(c, &old, CALL_OK); /* the clock has gone back: counts */
	assert_string_not_equal(ask(c, "model", 0, 0, NULL), before);
	p.rows = 0;
	calls_visit(c, body_prune, &p);
	assert_int_equal(p.rows, 2);
}

static void
ingests_prune_by_retention(void **state)
{
	struct calls *c = *state;
	struct one_call one;
	int64_t now_us = clock_wall_us();

	calls_fill(&one, now_us - 10 * CALLS_DAY_US, 3);
	calls_write(c, &one, CALL_OK);
	calls_fill(&one, now_us, 3);
	calls_write(c, &one, CALL_OK);
	calls_ingest(c);
	assert_int_equal(check(c).rows, 2);
	state_retain(c->state, 9);
	calls_ingest(c);
	assert_int_equal(check(c).rows, 1);
	assert_true(shm_get(c->state->shm, SHM_PRUNED_US) > 0);
}

/* --- records --- */

static void
keys_and_values_come_back(void **state)
{
	static const struct rollup_entry entries[] = {
		{ ROLLUP_ALL, false, { "20261124", 8 }, { NULL, 0 }, { 0 } },
		{ ROLLUP_KEY, true, { "202611", 6 }, { "k", 1 }, { 0 } },
		{ ROLLUP_USER, false, { "20261124", 8 }, { "", 0 }, { 0 } },
		{ ROLLUP_TAG, true, { "202611", 6 }, { "a=b=c", 5 }, { 0 } },
	};
	static const int64_t figures[] = { 0, 1, -1, 63, 64, -64, -65,
		INT64_MAX, INT64_MIN };
	char key[ROLLUP_KEY_BYTES], value[ROLLUP_VALUE_BYTES];
	struct rollup_entry e;
	struct ledger_sum sum = { 0 }, back;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(entries); i++) {
		assert_int_equal(
		    rollup_read_key(rollup_key(&entries[i], key), &e), 0);
		assert_int_equal(e.dim, entries[i].dim);
		assert_int_equal(e.monthly, entries[i].monthly);
		assert_true(str_eq(e.period, entries[i].period));
		assert_true(str_eq(e.value, entries[i].value));
		assert_int_equal(e.value.p == NULL, entries[i].value.p == NULL);
	}
	for (i = 0; i < LEDGER_SUM_FIELDS; i++)
		*ledger_sum_field(&sum, (unsigned)i) =
		    figures[i % COUNT(figures)];
	assert_int_equal(
	    rollup_read_value(rollup_value(&sum, value), &back), 0);
	assert_memory_equal(&sum, &back, sizeof(sum));
	assert_int_equal(rollup_read_value(STR("\x80"), &back), -1);
	assert_int_equal(rollup_read_key(STR("x20261124"), &e), -1);
	assert_int_equal(rollup_read_key(STR("d2026"), &e), -1);
	assert_int_equal(rollup_read_key(STR("d20261124!"), &e), -1);
}

/* The dearest first, then the most calls, then by name; or all of that within a
 * day. */
static void
groups_come_in_order_however_many(void **state)
{
	static const int64_t pusd[] = { 0, 5, 5, 256, 65536, INT64_MAX, -3 };
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct usage_groups g;
	struct usage_result r = { .groups = &g };
	struct usage_group *list;
	struct ledger_sum sum = { .calls = 1 };
	struct str values[2];
	unsigned seed = 5, by_day, i;

	(void)state;
	for (by_day = 0; by_day < 2; by_day++) {
		usage_groups_init(&g, a, 3);
		for (i = 0; i < 5000; i++) {
			sum.cost_pusd = pusd[rand_r(&seed) % COUNT(pusd)] / 2;
			values[0] = str_of(arena_printf(a, "%u", 10 + i % 30));
			values[1] = str_of(
			    arena_printf(a, "u%u", rand_r(&seed) % 2500));
			usage_groups_add(&g,
			    usage_groups_of(&g,
				(struct str[]){
				    values[0], values[1], STR_NONE }),
			    &sum);
		}
		r.order = usage_groups_sorted(&g, by_day ? 0 : 3, 3, &r.n);
		list = calls_groups(&r, a);
		assert_true(r.n > 3000);
		for (i = 1; i < r.n; i++) {
			struct usage_group *x = &list[i - 1], *y = &list[i];
			int day = str_cmp(x->values[0], y->values[0]);
			int name = str_cmp(x->values[1], y->values[1]);

			if (by_day && day != 0)
				assert_true(day < 0);
			else if (x->sum.cost_pusd != y->sum.cost_pusd)
				assert_true(
				    x->sum.cost_pusd > y->sum.cost_pusd);
			else if (x->sum.calls != y->sum.calls)
				assert_true(x->sum.calls > y->sum.calls);
			else
				assert_true(day < 0 || (day == 0 && name < 0));
		}
	}
	arena_free(a);
}

static void
amounts_that_overflow_are_unpriced(void **state)
{
	struct ledger_sum s = { .cost_pusd = INT64_MAX - 1 },
			  more = { .calls = 1, .cost_pusd = 2 };

	(void)state;
	ledger_sum_add(&s, &more);
	assert_int_equal(s.cost_pusd, INT64_MAX - 1);
	assert_int_equal(s.unpriced, 1);
	assert_int_equal(s.calls, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, calls_setup, calls_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_dimension_has_its_sums),
		TEST(attempts_are_told_apart),
		TEST(what_has_no_value_is_a_group_of_its_own),
		TEST(an_open_call_does_not_count),
		TEST(a_late_close_takes_the_place_of_the_unknown),
		TEST(what_was_reserved_is_charged_alike_by_key_and_by_model),
		TEST(any_time_gives_what_its_rows_add_up_to),
		TEST(a_filter_of_the_same_dimension_is_answered_by_rollups),
		TEST(a_wrong_question_is_told_so),
		TEST(a_ledger_without_rollups_gets_them),
		TEST(the_first_layout_is_upgraded),
		cmocka_unit_test(records_of_the_future_are_left_alone),
		TEST(pruned_rows_stay_in_the_sums),
		TEST(ingests_prune_by_retention),
		cmocka_unit_test(keys_and_values_come_back),
		cmocka_unit_test(groups_come_in_order_however_many),
		cmocka_unit_test(amounts_that_overflow_are_unpriced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
