/* SPDX-License-Identifier: MIT */
/* Facts add up to what the rows do, whatever is asked of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/facts.h"
#include "core/journal.h"
#include "core/ledger_row.h"
#include "core/rollup_record.h"
#include "core/store.h"
#include "core/sum_table.h"
#include "core/usage_query.h"
#include "tests/unit/calls.h"

#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))
#define DAYS       40
#define SPAN_US    (DAYS * CALLS_DAY_US)
#define ROWS_BYTES ((size_t)256 << 20)

/* --- random calls, in random batches --- */

static unsigned
dice(unsigned *seed, unsigned n)
{
	return (unsigned)rand_r(seed) % n;
}

/* One of a few values, now and then an empty one or none. */
static struct str
value(unsigned *seed, char text[24], const char *prefix, unsigned n)
{
	unsigned k = dice(seed, n + 2);

	if (k == n)
		return STR("");
	snprintf(text, 24, "%s%u", prefix, k);
	return k < n ? str_of(text) : STR_NONE;
}

struct random_call {
	struct one_call one;
	struct header more[2];
	char text[16][24];
};

static void
fill_attempts(struct random_call *r, unsigned *seed)
{
	static const enum attempt_role roles[] = { ROLE_PRIMARY, ROLE_RETRY,
		ROLE_RACE, ROLE_JUDGE };
	unsigned i, n = dice(seed, 8) == 0 ? dice(seed, 4) : 1;
	struct ledger_attempt *at = r->one.at;

	r->one.row.attempts = n > 0 ? at : NULL;
	for (i = 0; i < n; i++) {
		at[i] = at[0];
		at[i].next = i + 1 < n ? &at[i + 1] : NULL;
		at[i].provider = dice(seed, 4) ? STR("openai") : STR("groq");
		at[i].model = dice(seed, 2) ? STR("big") : STR("small");
		at[i].role = roles[dice(seed, COUNT(roles))];
		at[i].outcome = (enum attempt_outcome)(1 + dice(seed, 5));
		at[i].duration_ms = dice(seed, 100000);
		at[i].ttft_ms = (int64_t)dice(seed, 1000) - 10;
		at[i].usage.tokens[dice(seed, USAGE_BUCKETS)] =
		    dice(seed, 3) ? dice(seed, 5000) : INT64_C(9000000000);
		at[i].usage.web_searches = dice(seed, 9) == 0;
		at[i].cost.known = dice(seed, 9) != 0;
		at[i].cost.pusd =
		    INT64_C(1) << dice(seed, 45) | dice(seed, 1000);
	}
}

static void
fill(struct random_call *r, unsigned *seed)
{
	struct ledger_call *row = &r->one.row;
	unsigned i, n = dice(seed, 3);

	calls_fill(&r->one,
	    CALLS_NOW_US + (int64_t)dice(seed, DAYS) * CALLS_DAY_US +
		dice(seed, 86400) * INT64_C(1000000) + dice(seed, 1000000),
	    5);
	ledger_id(row->id, row->started_us);
	row->key = value(seed, r->text[0], "k", 4);
	row->account = value(seed, r->text[1], "a", 2);
	row->user = value(seed, r->text[2], "u", 30);
	row->task = value(seed, r->text[3], "t", 3);
	row->session = value(seed, r->text[4], "s", 200);
	row->route = value(seed, r->text[5], "r", 2);
	row->tags = n > 0 ? r->one.tags : NULL;
	for (i = 0; i < n; i++)
		r->one.tags[i] = (struct header){ i ? STR("b") : STR("a"),
			value(seed, r->text[6 + i], "v", 2),
			i + 1 < n ? &r->one.tags[i + 1] : NULL };
	fill_attempts(r, seed);
	row->duration_ms = dice(seed, 100000);
	row->ttft_ms = (int64_t)dice(seed, 1000) - 10;
	row->cost.known = dice(seed, 9) != 0;
	row->cost.pusd = dice(seed, 1u << 30);
	row->cache = dice(seed, 9) == 0 ? STR("hit") : STR_NONE;
	row->saved_pusd = dice(seed, 1000);
	row->outcome = (enum call_outcome)(1 + dice(seed, 5));
}

struct batch {
	unsigned seed;
	int n, calls;
	bool build; /* the facts first */
};

static int
put(struct txn *t, struct rollup *sums, const struct ledger_call *row)
{
	struct buf *b = buf_new(t->arena, JOURNAL_MAX_PAYLOAD);

	buf_addch(b, LEDGER_RECORD_VERSION);
	buf_addch(b, row->outcome == CALL_OPEN ? LEDGER_OPEN : LEDGER_CLOSE);
	ledger_json(row, b);
	return ledger_row_apply(t, sums, buf_str(b), STR("x"));
}

static bool
yes(void *arg, struct str proc)
{
	(void)arg;
	return str_is(proc, "x");
}

/* Some are opened, swept to unknown and closed after all, now or later. */
static int
txn_batch(struct txn *t, void *arg)
{
	struct batch *b = arg;
	struct rollup *sums = rollup_begin(t);
	struct random_call *r = ARENA_NEW(t->arena, struct random_call);
	enum call_outcome outcome;
	int i;

	assert_non_null(sums);
	for (i = 0; i < b->n; i++, b->calls++) {
		fill(r, &b->seed);
		outcome = r->one.row.outcome;
		if (dice(&b->seed, 10) == 0) {
			r->one.row.outcome = CALL_OPEN;
			assert_int_equal(put(t, sums, &r->one.row), 0);
			assert_true(
			    ledger_row_sweep(t, sums, yes, NULL, 10) >= 0);
			r->one.row.outcome = outcome;
			if (dice(&b->seed, 3) == 0)
				continue;
		}
		assert_int_equal(put(t, sums, &r->one.row), 0);
	}
	return rollup_end(sums);
}

static int
body_batch(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct batch *b = arg;

	(void)s;
	if (b->build && rollup_build(store, ROLLUP_EVERY, 0, err) != 0)
		return -1;
	return store_txn(store, txn_batch, arg, err);
}

/* Small batches and large ones, so that blocks of all levels come about. */
static void
put_calls(struct calls *c, int calls, unsigned seed)
{
	struct batch b = { .seed = seed, .build = true };
	int n = 0;

	while (b.calls < calls) {
		b.n = n++ % 3 == 0 ? 1 + (int)dice(&b.seed, 300)
				   : 1 + (int)dice(&b.seed, 3);
		calls_visit(c, body_batch, &b);
	}
}

/* --- the same by brute force --- */

struct rows {
	struct arena *arena;
	struct ledger_view *views;
	int64_t *started_us;
	size_t n, room;
};

static bool
keep_row(void *arg, struct str json)
{
	struct rows *r = arg;
	struct ledger_view *v = &r->views[r->n];

	ledger_view(r->arena, str_dup(r->arena, json), v);
	assert_true(r->n < r->room);
	if (str_is(v->outcome, "open"))
		return true;
	assert_int_equal(clock_parse(v->started_at, &r->started_us[r->n++]), 0);
	return true;
}

static struct rows
read_rows(struct calls *c, struct arena *a)
{
	const struct ledger_filter all = { .limit = 0 };
	struct rows r = { .arena = a, .room = 20000 };

	r.views = ARENA_ARRAY(a, struct ledger_view, r.room);
	r.started_us = ARENA_ARRAY(a, int64_t, r.room);
	assert_int_equal(ledger_read(c->state, &all, keep_row, &r, &c->err), 0);
	return r;
}

struct brute {
	const struct usage_query *q;
	struct sum_table groups;
	struct ledger_sum total;
	struct str seen[64]; /* groups of this call */
	unsigned n_seen;
};

static bool
fits(struct str only, struct str v)
{
	return only.p == NULL || str_eq(only, v);
}

static bool
asks(const struct usage_query *q, enum rollup_dim d)
{
	unsigned i;

	for (i = 0; i < q->n_by; i++)
		if (q->by[i] == d)
			return true;
	return q->only[d].p != NULL;
}

/* A group as one text: '-' for none, else '=', the value, NUL. */
static struct str
group_key(struct arena *a, const struct str *values, unsigned n)
{
	struct buf *b = buf_new(a, 4096);
	unsigned i;

	for (i = 0; i < n; i++) {
		buf_addch(b, values[i].p != NULL ? '=' : '-');
		buf_adds(b, values[i]);
		buf_addch(b, '\0');
	}
	return buf_str(b);
}

/* Returns true the first time in a call. */
static bool
add_to(struct brute *b, const struct str v[], const struct ledger_sum *sum)
{
	struct str values[USAGE_QUERY_BY], key;
	unsigned i;

	for (i = 0; i < b->q->n_by; i++)
		values[i] = v[b->q->by[i]];
	key = group_key(b->groups.arena, values, b->q->n_by);
	ledger_sum_add(sum_table_at(&b->groups, key), sum);
	for (i = 0; i < b->n_seen; i++)
		if (str_eq(b->seen[i], key))
			return false;
	b->seen[b->n_seen++] = key;
	return true;
}

static void
add_total(struct brute *b, const struct ledger_view *v)
{
	const struct str *only = b->q->only;
	unsigned i, n = 0;

	for (i = 0; i < v->n_tags && !fits(only[ROLLUP_TAG], v->tags[i]); i++)
		continue;
	if (only[ROLLUP_TAG].p != NULL && i == v->n_tags)
		return;
	if (only[ROLLUP_PROVIDER].p == NULL && only[ROLLUP_MODEL].p == NULL) {
		ledger_sum_add(&b->total, &v->sum);
		return;
	}
	for (i = 0; i < v->n_attempts; i++) {
		if (!fits(only[ROLLUP_PROVIDER], v->attempts[i].provider) ||
		    !fits(only[ROLLUP_MODEL], v->attempts[i].name))
			continue;
		ledger_sum_add(&b->total, &v->attempts[i].sum);
		b->total.calls += n++ == 0;
	}
}

static void
add_row(struct brute *b, const struct ledger_view *v, struct str start)
{
	const struct usage_query *q = b->q;
	const struct ledger_sum call = { .calls = 1 };
	struct str x[ROLLUP_DIMS] = { [ROLLUP_ALL] = start,
		[ROLLUP_KEY] = v->key,
		[ROLLUP_ACCOUNT] = v->account,
		[ROLLUP_USER] = v->user,
		[ROLLUP_TASK] = v->task,
		[ROLLUP_SESSION] = v->session,
		[ROLLUP_ROUTE] = v->route };
	bool attempts = asks(q, ROLLUP_PROVIDER) || asks(q, ROLLUP_MODEL);
	bool tags = asks(q, ROLLUP_TAG);
	unsigned i, k, d;

	for (d = ROLLUP_KEY; d < ROLLUP_DIMS; d++)
		if (d != ROLLUP_PROVIDER && d != ROLLUP_MODEL &&
		    d != ROLLUP_TAG && !fits(q->only[d], x[d]))
			return;
	b->n_seen = 0;
	add_total(b, v);
	for (i = 0; i < (attempts ? v->n_attempts : 1); i++) {
		x[ROLLUP_PROVIDER] = v->attempts[i].provider;
		x[ROLLUP_MODEL] = v->attempts[i].name;
		if (attempts &&
		    (!fits(q->only[ROLLUP_PROVIDER], x[ROLLUP_PROVIDER]) ||
			!fits(q->only[ROLLUP_MODEL], x[ROLLUP_MODEL])))
			continue;
		for (k = 0; k < (tags ? v->n_tags : 1); k++) {
			x[ROLLUP_TAG] = tags ? v->tags[k] : STR_NONE;
			if (tags && !fits(q->only[ROLLUP_TAG], x[ROLLUP_TAG]))
				continue;
			if (add_to(b, x,
				attempts ? &v->attempts[i].sum : &v->sum) &&
			    attempts)
				add_to(b, x, &call);
		}
	}
}

static void
add_rows(struct brute *b, const struct rows *r)
{
	const int lengths[USAGE_INTERVALS] = {
		[USAGE_DAY] = 8, [USAGE_HOUR] = 10, [USAGE_MONTH] = 6
	};
	const struct usage_query *q = b->q;
	struct str at;
	char start[16];
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (r->started_us[i] < q->since_us ||
		    (q->until_us != 0 && r->started_us[i] >= q->until_us))
			continue;
		at = r->views[i].started_at;
		snprintf(start, sizeof(start), "%.4s%.2s%.2s%.2s", at.p,
		    at.p + 5, at.p + 8, at.p + 11);
		snprintf(start + lengths[q->interval],
		    sizeof(start) - (size_t)lengths[q->interval], "%s",
		    q->interval == USAGE_MONTH ? "01" : "");
		add_row(b, &r->views[i], str_of(start));
	}
}

static void
compare(struct calls *c, const struct rows *rows, const struct usage_query *q)
{
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct brute b = { .q = q };
	struct usage_result r;
	struct usage_group group;
	struct sum_entry *want;
	size_t i;

	sum_table_init(&b.groups, a);
	add_rows(&b, rows);
	if (ledger_usage(c->state, q, a, &r, &c->err) != 0)
		fail_msg("%s", c->err.msg);
	assert_memory_equal(&r.total, &b.total, sizeof(r.total));
	assert_int_equal(r.n, b.groups.n);
	for (i = 0; i < r.n; i++) {
		group = usage_result_at(&r, i);
		want = sum_table_find(
		    &b.groups, group_key(a, group.values, q->n_by));
		assert_non_null(want);
		assert_false(want->seen);
		want->seen = true;
		assert_memory_equal(&group.sum, &want->sum, sizeof(want->sum));
	}
	arena_free(a);
}

/* Filters: none, one, two; whole or not, with ends that are no days. */
static void
ask_at_random(struct usage_query *q, unsigned *seed)
{
	static const char *const values[ROLLUP_DIMS] = { NULL, "k1", "a1",
		"groq", "openai/big", "b=v1", "u7", "t2", "s9", "" };
	static const enum usage_interval intervals[] = { USAGE_DAY, USAGE_HOUR,
		USAGE_MONTH };
	unsigned i, n = dice(seed, 3);

	for (i = 0; i < n; i++) {
		unsigned d = 1 + dice(seed, ROLLUP_DIMS - 1);

		q->only[d] = dice(seed, 6) ? str_of(values[d]) : STR("");
	}
	q->interval = intervals[dice(seed, COUNT(intervals))];
	if (dice(seed, 2)) {
		q->since_us = CALLS_NOW_US +
		    (int64_t)dice(seed, 20) * CALLS_DAY_US +
		    dice(seed, 1000000);
		q->until_us = q->since_us + 1 +
		    (int64_t)dice(seed, 20) * CALLS_DAY_US +
		    dice(seed, 1000000);
	}
}

static void
compare_all(struct calls *c, unsigned seed, int rounds)
{
	struct arena *a = arena_new(ROWS_BYTES);
	struct rows rows = read_rows(c, a);
	struct usage_query q;
	unsigned i, k;

	while (rounds-- > 0) {
		for (i = 0; i < ROLLUP_DIMS * ROLLUP_DIMS; i++) {
			q = (struct usage_query){ .n_by = 1 };
			q.by[0] = (enum rollup_dim)(i / ROLLUP_DIMS);
			q.by[1] = (enum rollup_dim)(i % ROLLUP_DIMS);
			q.n_by += q.by[0] != q.by[1];
			k = dice(&seed, ROLLUP_DIMS);
			if (dice(&seed, 5) == 0 && k != q.by[0] && k != q.by[1])
				q.by[q.n_by++] = (enum rollup_dim)k;
			ask_at_random(&q, &seed);
			compare(c, &rows, &q);
		}
	}
	arena_free(a);
}

static void
facts_are_what_the_rows_add_up_to_whatever_is_asked(void **state)
{
	struct calls *c = *state;

	put_calls(c, 200, 1);
	compare_all(c, 1, 1);
	put_calls(c, 6000, 2);
	compare_all(c, 2, 1);
}

/* --- the top --- */

static struct usage_result
ask(struct calls *c, const struct usage_query *q, struct arena *a)
{
	struct usage_result r;

	if (ledger_usage(c->state, q, a, &r, &c->err) != 0)
		fail_msg("%s", c->err.msg);
	return r;
}

static bool
is_same(struct str a, struct str b)
{
	return (a.p == NULL) == (b.p == NULL) && str_eq(a, b);
}

/* Is the value pair of ${g} among the first of the ranking? */
static bool
is_top(const struct usage_group *rank, size_t top, const struct usage_group *g)
{
	size_t i;

	for (i = 0; i < top; i++)
		if (is_same(rank[i].values[0], g->values[1]) &&
		    is_same(rank[i].values[1], g->values[2]))
			return true;
	return false;
}

/* Does a group of all the values belong to ${to} of those with a top? */
static bool
belongs(const struct usage_group *g, bool top, const struct usage_group *to)
{
	return is_same(g->values[0], to->values[0]) && top != to->other &&
	    (to->other ||
		(is_same(g->values[1], to->values[1]) &&
		    is_same(g->values[2], to->values[2])));
}

static void
compare_top(struct calls *c, struct usage_query *q, size_t top)
{
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct usage_query pairs = { .by = { q->by[1], q->by[2] }, .n_by = 2 };
	struct usage_result all = ask(c, q, a), rank = ask(c, &pairs, a), r;
	struct usage_group *parts = calls_groups(&all, a), *groups;
	struct usage_group *ranks = calls_groups(&rank, a);
	struct ledger_sum sum;
	size_t i, k, told = 0;

	assert_true(rank.n >= top);
	q->top = top;
	r = ask(c, q, a);
	groups = calls_groups(&r, a);
	assert_memory_equal(&r.total, &all.total, sizeof(r.total));
	for (i = 0; i < r.n; i++) {
		memset(&sum, 0, sizeof(sum));
		for (k = 0; k < all.n; k++)
			if (belongs(&parts[k], is_top(ranks, top, &parts[k]),
				&groups[i]))
				ledger_sum_add(&sum, &parts[k].sum);
		assert_memory_equal(&sum, &groups[i].sum, sizeof(sum));
		told += !groups[i].other;
	}
	assert_true(told > 0);
	arena_free(a);
}

static void
the_top_of_pairs_is_told_apart_and_the_rest_is_one(void **state)
{
	static const enum rollup_dim pairs[][2] = { { ROLLUP_KEY, ROLLUP_TASK },
		{ ROLLUP_USER, ROLLUP_KEY }, { ROLLUP_TAG, ROLLUP_ROUTE } };
	struct calls *c = *state;
	struct usage_query q;
	size_t i;

	put_calls(c, 800, 7);
	for (i = 0; i < COUNT(pairs); i++) {
		q = (struct usage_query){ .by = { ROLLUP_ALL, pairs[i][0],
					      pairs[i][1] },
			.n_by = 3,
			.interval = USAGE_WEEK };
		compare_top(c, &q, 1 + 2 * i);
	}
}

static void
assert_same(const struct usage_result *x, const struct usage_result *y)
{
	struct usage_group one, other;
	size_t i;

	assert_memory_equal(&x->total, &y->total, sizeof(x->total));
	assert_int_equal(x->n, y->n);
	for (i = 0; i < x->n; i++) {
		one = usage_result_at(x, i);
		other = usage_result_at(y, i);
		assert_memory_equal(&one.sum, &other.sum, sizeof(x->total));
	}
}

/* --- blocks --- */

struct levels {
	size_t blocks[FACTS_LEVELS];
};

static int
txn_levels(struct txn *t, void *arg)
{
	struct levels *l = arg;
	struct facts_list list;
	unsigned i;

	for (i = 0; i < FACTS_LEVELS; i++) {
		list = (struct facts_list){ .n = 0 };
		assert_int_equal(facts_list(t, i, 0, 0, t->arena, &list), 0);
		l->blocks[i] = list.n;
	}
	return 0;
}

static int
body_levels(struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_levels, arg, err);
}

static void
blocks_stay_few_however_calls_come(void **state)
{
	struct calls *c = *state;
	struct batch b = { .seed = 3, .build = true, .n = 1 };
	struct levels l;
	int i;

	for (i = 0; i < 200; i++)
		calls_visit(c, body_batch, &b);
	calls_visit(c, body_levels, &l);
	assert_in_range(l.blocks[0], 1, 63);
	assert_in_range(l.blocks[1], 3, 4);
	b.n = 100;
	for (i = 0; i < 100; i++)
		calls_visit(c, body_batch, &b);
	calls_visit(c, body_levels, &l);
	assert_in_range(l.blocks[1], 0, 63);
	assert_in_range(l.blocks[2], 2, 3);
}

/* Of the first block: all bits but ${keep} bytes of it, or the block. */
struct damage {
	int keep; /* -1: the block goes */
	struct str key, value;
	struct arena *arena;
};

static int
see_block(void *arg, struct str key, struct str value)
{
	struct damage *d = arg;

	d->key = str_dup(d->arena, key);
	d->value = str_dup(d->arena, value);
	return 1;
}

static int
txn_damage(struct txn *t, void *arg)
{
	struct damage *d = arg;

	d->arena = t->arena;
	if (store_scan(t, STORE_FACTS, STR_NONE, see_block, d) < 0)
		return -1;
	if (d->keep < 0)
		return store_del(t, STORE_FACTS, d->key);
	d->value.n =
	    (size_t)d->keep < d->value.n ? (size_t)d->keep : d->value.n - 1;
	return store_put(t, STORE_FACTS, d->key, d->value);
}

static int
body_damage(struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_damage, arg, err);
}

static void
a_damaged_block_is_an_error_and_no_wrong_sum(void **state)
{
	static const int keeps[] = { 5000, 300, 20, 3, 0 };
	struct calls *c = *state;
	struct usage_query q = { .by = { ROLLUP_USER, ROLLUP_TASK },
		.n_by = 2 };
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct usage_result r;
	struct damage d;
	size_t i;

	put_calls(c, 40, 5);
	for (i = 0; i < COUNT(keeps); i++) {
		d.keep = keeps[i];
		calls_visit(c, body_damage, &d);
		error_clear(&c->err);
		assert_int_equal(
		    ledger_usage(c->state, &q, a, &r, &c->err), -1);
		assert_non_null(strstr(c->err.msg, "facts.db"));
	}
	error_clear(&c->err);
	arena_free(a);
}

/* One item of a block that has several: cut to some bytes, or gone. */
struct part_damage {
	unsigned part;
	int keep;
	struct arena *arena;
	struct str key, value;
	bool undo;
};

static int
txn_damage_part(struct txn *t, void *arg)
{
	struct part_damage *d = arg;
	struct facts_list list = { .n = 0 };
	struct str value;

	if (d->undo)
		return store_put(t, STORE_FACTS, d->key, d->value);
	if (facts_list(t, FACTS_LAST, 0, 0, t->arena, &list) != 0)
		return -1;
	assert_true(list.n > 0 && list.keys[0].parts);
	list.keys[0].bytes[FACTS_KEY_BYTES] = (char)d->part;
	d->key = str_dup(
	    d->arena, (struct str){ list.keys[0].bytes, FACTS_KEY_BYTES + 1 });
	assert_int_equal(store_get(t, STORE_FACTS, d->key, &value), 1);
	d->value = str_dup(d->arena, value);
	if (d->keep < 0)
		return store_del(t, STORE_FACTS, d->key);
	value.n = (size_t)d->keep < value.n ? (size_t)d->keep : value.n - 1;
	return store_put(t, STORE_FACTS, d->key, value);
}

static int
body_damage_part(
    struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_damage_part, arg, err);
}

static void
a_part_that_is_cut_or_gone_is_an_error_to_who_asks_for_it(void **state)
{
	static const int keeps[] = { -1, 0, 3, 20, 100000 };
	struct calls *c = *state;
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct part_damage d = { .arena = a };
	struct usage_query q;
	struct usage_result r;
	unsigned dim;
	size_t i;

	put_calls(c, 6000, 8);
	for (d.part = 0; d.part < FACT_PARTS; d.part++) {
		dim = d.part < FACT_NAMED ? ROLLUP_ALL
					  : ROLLUP_KEY + d.part - FACT_NAMED;
		q = (struct usage_query){
			.by = { (enum rollup_dim)dim,
			    dim == ROLLUP_USER ? ROLLUP_TASK : ROLLUP_USER },
			.n_by = 2,
			.interval = USAGE_HOUR
		};
		for (i = 0; i < COUNT(keeps); i++) {
			d.keep = keeps[i];
			d.undo = false;
			calls_visit(c, body_damage_part, &d);
			error_clear(&c->err);
			assert_int_equal(
			    ledger_usage(c->state, &q, a, &r, &c->err), -1);
			assert_non_null(strstr(c->err.msg, "facts"));
			error_clear(&c->err);
			d.undo = true;
			calls_visit(c, body_damage_part, &d);
		}
		ask(c, &q, a);
	}
	arena_free(a);
}

static int
body_checkpoint(
    struct state *s, struct store *store, void *arg, struct error *e)
{
	(void)s;
	(void)arg;
	return store_checkpoint(store, e);
}

/* Pages of values that go on: type and the page before are in their head. */
#define PAGE          4096
#define PAGE_OVERFLOW 7
#define PAGE_TYPE_AT  25
#define PAGE_PREV_AT  12

static void
a_value_that_ends_in_a_page_of_zeros_is_an_error_and_no_wrong_sum(void **state)
{
	static const char zeros[PAGE];
	struct calls *c = *state;
	struct usage_query q = { .by = { ROLLUP_USER, ROLLUP_SESSION },
		.n_by = 2 };
	struct usage_result r, whole;
	struct arena *a;
	char page[PAGE];
	off_t at;
	int fd, refused = 0;

#ifdef __SANITIZE_ADDRESS__
	skip(); /* libdb reads the 26 bytes of a page's head too far in it */
#endif
	a = arena_new(USAGE_QUERY_BYTES);
	put_calls(c, 9000, 11);
	calls_visit(c, body_checkpoint, NULL);
	whole = ask(c, &q, a);
	fd = open(arena_printf(a, "%s/env/facts.db", c->state->dir), O_RDWR);
	assert_true(fd >= 0);
	for (at = PAGE; pread(fd, page, PAGE, at) == PAGE; at += PAGE) {
		if (page[PAGE_TYPE_AT] != PAGE_OVERFLOW ||
		    memcmp(page + PAGE_PREV_AT, zeros, 4) == 0)
			continue;
		assert_int_equal(pwrite(fd, zeros, PAGE, at), PAGE);
		error_clear(&c->err);
		if (ledger_usage(c->state, &q, a, &r, &c->err) != 0) {
			assert_non_null(strstr(c->err.msg, "facts.db"));
			refused++;
		} else {
			assert_same(&r, &whole); /* of what nobody asked for */
		}
		assert_int_equal(pwrite(fd, page, PAGE, at), PAGE);
	}
	error_clear(&c->err);
	assert_true(refused > 5);
	close(fd);
	arena_free(a);
}

static void
columns_come_back_whatever_is_in_them(void **state)
{
	static const int64_t values[][4] = { { 0, 250000, 750000, 1250000 },
		{ INT64_MIN, INT64_MAX, 0, 1 }, { INT64_MIN, INT64_MAX },
		{ 7, 7, 7, 7 }, { -6, -3, 0, 3 },
		{ 1, 1 + (INT64_C(1) << 58), 1 + (INT64_C(1) << 59), 1 } };
	struct arena *a = arena_new(1 << 20);
	struct fact_block b = { .arena = a };
	struct fact_pile p;
	struct buf *out;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(values); i++) {
		fact_pile_init(&p, a);
		p.n[FACT_CALL] = 4;
		p.columns[FACT_START] = ARENA_ARRAY(a, int64_t, 4);
		memcpy(p.columns[FACT_START], values[i], sizeof(values[i]));
		out = buf_new(a, 4096);
		fact_pack(&p, FACT_EVERY, out);
		assert_int_equal(fact_open(&b, buf_str(out)), 0);
		assert_memory_equal(
		    fact_values(&b, FACT_START), values[i], sizeof(values[i]));
	}
	arena_free(a);
}

/* Blocks of the last level as version 1 had them: all in one item. */
static int
txn_version_1(struct txn *t, void *arg)
{
	struct fact_block b = { .arena = t->arena };
	struct facts_list list = { .n = 0 };
	struct fact_pile p;
	struct buf *out;
	unsigned part;
	size_t i;

	assert_int_equal(facts_list(t, FACTS_LAST, 0, 0, t->arena, &list), 0);
	for (i = 0; i < list.n; i++) {
		out = buf_new(t->arena, 4 << 20);
		fact_pile_init(&p, t->arena);
		assert_int_equal(
		    facts_read(t, &list.keys[i], FACT_EVERY, &b), 0);
		assert_int_equal(fact_append(&p, &b), 0);
		for (part = 0; part < FACT_PARTS; part++) {
			list.keys[i].bytes[FACTS_KEY_BYTES] = (char)part;
			assert_int_equal(store_del(t, STORE_FACTS,
					     (struct str){ list.keys[i].bytes,
						 FACTS_KEY_BYTES + 1 }),
			    0);
		}
		fact_pack(&p, FACT_EVERY, out);
		assert_int_equal(
		    store_put(t, STORE_FACTS,
			(struct str){ list.keys[i].bytes, FACTS_KEY_BYTES },
			buf_str(out)),
		    0);
	}
	*(size_t *)arg = list.n;
	return 0;
}

static int
body_version_1(
    struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_version_1, arg, err);
}

static void
blocks_of_the_first_version_are_read_on(void **state)
{
	struct calls *c = *state;
	size_t n;

	put_calls(c, 6000, 9);
	calls_visit(c, body_version_1, &n);
	assert_true(n > 0);
	put_calls(c, 6000, 10);
	compare_all(c, 3, 1);
}

static void
an_audit_misses_a_block_that_is_gone(void **state)
{
	struct calls *c = *state;
	struct damage d = { .keep = -1 };
	struct audit found;

	put_calls(c, 400, 6);
	calls_visit(c, calls_audit, &found);
	calls_visit(c, body_damage, &d);
	assert_int_equal(
	    visit(c->state, 2000, calls_audit, &found, &c->err), -1);
	assert_non_null(strstr(c->err.msg, "facts"));
	error_clear(&c->err);
}

/* --- from before there were facts --- */

struct older {
	struct sum_table sums;
	char pruned[CALL_ID_BYTES]; /* rows below go */
	struct txn *txn;
	struct str ids[2000];
	int rows;
};

static void
add_old(void *arg, const struct rollup_entry *e)
{
	struct older *o = arg;
	char key[ROLLUP_KEY_BYTES];

	ledger_sum_add(sum_table_at(&o->sums, rollup_key(e, key)), &e->sum);
}

static int
count_old(void *arg, struct str id, struct str row)
{
	struct older *o = arg;
	struct ledger_view v;

	(void)id;
	ledger_view(o->txn->arena, row, &v);
	if (!str_is(v.outcome, "open"))
		rollup_each_old(&v, ROLLUP_BOTH, add_old, o);
	return 0;
}

static int
prune_old(void *arg, struct str id, struct str row)
{
	struct older *o = arg;

	(void)row;
	if (str_cmp(id, str_of(o->pruned)) >= 0)
		return 1;
	o->ids[o->rows++] = str_dup(o->txn->arena, id);
	return 0;
}

/* As version 2 left it, with its rollups by session and by key. */
static int
txn_older(struct txn *t, void *arg)
{
	struct older *o = arg;
	char value[ROLLUP_VALUE_BYTES];
	const struct sum_entry *e;
	int i;

	o->txn = t;
	sum_table_init(&o->sums, t->arena);
	assert_int_equal(
	    store_scan(t, STORE_LEDGER, STR_NONE, count_old, o), 0);
	for (e = o->sums.list; e < o->sums.list + o->sums.n; e++)
		assert_int_equal(store_put(t, STORE_ROLLUP, e->key,
				     rollup_value(&e->sum, value)),
		    0);
	assert_true(store_scan(t, STORE_LEDGER, STR_NONE, prune_old, o) >= 0);
	for (i = 0; i < o->rows; i++)
		assert_int_equal(store_del(t, STORE_LEDGER, o->ids[i]), 0);
	assert_int_equal(
	    store_put(t, STORE_META, ROLLUP_META_PRUNED, str_of(o->pruned)), 0);
	assert_int_equal(store_del(t, STORE_META, str_of(rollup_places[2])), 0);
	return store_clear(t, STORE_FACTS);
}

static int
body_older(struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_older, arg, err);
}

/* Budgets and days do not wait for that: they have what they ask for. */
static int
body_step(struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	(void)arg;
	assert_int_equal(rollup_build(store, ROLLUP_BOTH, 1, err), 0);
	assert_int_equal(rollup_build(store, ROLLUP_FIRST, 1, err), 0);
	/* long past: a batch */
	assert_int_equal(rollup_build(store, ROLLUP_EVERY, 1, err), 1);
	return 0;
}

static void
open_and_die(struct calls *c, void *arg)
{
	struct one_call *one = arg;

	calls_write(c, one, CALL_OPEN);
}

/* What is asked, as of before and after: by one and with a filter. */
static void
ask_old(struct calls *c, struct arena *a, struct usage_result out[8])
{
	static const char *const bys[] = { "session", "key,model",
		"account,user", "day,key,tag", "provider", "session", "route" };
	struct usage_query q;
	size_t i;

	for (i = 0; i < COUNT(bys); i++) {
		q = (struct usage_query){ .n_by = 0 };
		assert_int_equal(
		    usage_query_parse(str_of(bys[i]), &q, &c->err), 0);
		if (i == 4)
			q.only[ROLLUP_KEY] = STR("k1");
		if (i == 5)
			q.only[ROLLUP_SESSION] = STR("s9");
		if (i == 6)
			q.only[ROLLUP_ACCOUNT] = STR("a1");
		if (ledger_usage(c->state, &q, a, &out[i], &c->err) != 0)
			fail_msg("%s", c->err.msg);
	}
	out[i].n = 0;
}

static void
older_sums_of_pruned_rows_stay_beside_the_facts(void **state)
{
	struct calls *c = *state;
	struct older o = { .rows = 0 };
	struct usage_query q = { .by = { ROLLUP_USER, ROLLUP_TASK },
		.n_by = 2 };
	struct arena *a = arena_new(USAGE_QUERY_BYTES);
	struct usage_result before[8], after[8], r;
	struct one_call unknown;
	const unsigned char low[10] = { 0 };
	struct audit found;
	size_t i;

	put_calls(c, 1500, 4);
	calls_fill(&unknown, CALLS_NOW_US + SPAN_US, -1);
	calls_in_child(c, open_and_die, &unknown);
	calls_ingest(c);
	ledger_row_id(o.pruned, (CALLS_NOW_US + SPAN_US / 3) / 1000, low);
	calls_visit(c, body_older, &o);
	assert_in_range(o.rows, 300, 700);
	calls_visit(c, body_step, NULL);
	calls_write(c, &unknown, CALL_OK); /* facts have not come to it yet */
	ask_old(c, a, after);

	q.since_us = CALLS_NOW_US + SPAN_US / 2;
	assert_int_equal(ledger_usage(c->state, &q, a, &r, &c->err), 0);
	assert_in_range(r.total.calls, 500, 1000);
	q.since_us = 0;
	assert_int_equal(ledger_usage(c->state, &q, a, &r, &c->err), -1);
	assert_non_null(strstr(c->err.msg, "were pruned"));
	error_clear(&c->err);
	calls_visit(c, calls_audit, &found);

	/* The same calls, and no such past. */
	calls_teardown((void **)&c);
	calls_setup((void **)&c);
	*state = c;
	put_calls(c, 1500, 4);
	calls_write(c, &unknown, CALL_OK);
	ask_old(c, a, before);
	for (i = 0; before[i].n > 0; i++)
		assert_same(&before[i], &after[i]);
	assert_int_equal(i, 7);
	arena_free(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, calls_setup, calls_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(facts_are_what_the_rows_add_up_to_whatever_is_asked),
		TEST(the_top_of_pairs_is_told_apart_and_the_rest_is_one),
		TEST(blocks_stay_few_however_calls_come),
		TEST(a_damaged_block_is_an_error_and_no_wrong_sum),
		TEST(a_part_that_is_cut_or_gone_is_an_error_to_who_asks_for_it),
		TEST(
		    a_value_that_ends_in_a_page_of_zeros_is_an_error_and_no_wrong_sum),
		TEST(columns_come_back_whatever_is_in_them),
		TEST(blocks_of_the_first_version_are_read_on),
		TEST(an_audit_misses_a_block_that_is_gone),
		TEST(older_sums_of_pruned_rows_stay_beside_the_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
