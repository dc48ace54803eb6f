/* SPDX-License-Identifier: MIT */
/*
 * A batch of rows touches the same few sums again and again: they are added
 * up in a hash table, and each is read and written once.
 */
#include "core/rollup.h"

#include "core/arena.h"
#include "core/error.h"
#include "core/facts.h"
#include "core/rollup_record.h"
#include "core/store.h"
#include "core/sum_table.h"

struct rollup {
	struct txn *txn;
	struct str counted[ROLLUP_PARTS]; /* rows up to this one are */
	struct str pruned;                /* rows below may be missing */
	struct sum_table changes;
	struct facts *facts;
	bool take;  /* the row is being taken away */
	bool again; /* rows may have been here before */
};

static void
add(void *arg, const struct rollup_entry *e)
{
	struct rollup *r = arg;
	char bytes[ROLLUP_KEY_BYTES];
	struct ledger_sum *sum =
	    sum_table_at(&r->changes, rollup_key(e, bytes));

	if (r->take)
		ledger_sum_take(sum, &e->sum);
	else
		ledger_sum_add(sum, &e->sum);
}

struct rollup *
rollup_begin(struct txn *t)
{
	struct rollup *r = ARENA_NEW(t->arena, struct rollup);

	unsigned i;

	r->txn = t;
	for (i = 0; i < ROLLUP_PARTS; i++)
		if (store_get(t, STORE_META, str_of(rollup_places[i]),
			&r->counted[i]) < 0)
			return NULL;
	if (store_get(t, STORE_META, ROLLUP_META_PRUNED, &r->pruned) < 0)
		return NULL;
	sum_table_init(&r->changes, t->arena);
	r->facts = facts_new(t);
	return r;
}

static int
write_change(struct rollup *r, const struct sum_entry *c)
{
	char bytes[ROLLUP_VALUE_BYTES];
	struct ledger_sum sum = { 0 };
	struct str old;
	int rc = store_get(r->txn, STORE_ROLLUP, c->key, &old);

	if (rc < 0 || (rc == 1 && rollup_read_value(old, &sum) != 0))
		return error_set(
		    r->txn->err, ERROR_STORE, "rollup: a damaged record");
	ledger_sum_add(&sum, &c->sum);
	if (ledger_sum_is_zero(&sum))
		return store_del(r->txn, STORE_ROLLUP, c->key);
	return store_put(
	    r->txn, STORE_ROLLUP, c->key, rollup_value(&sum, bytes));
}

int
rollup_end(struct rollup *r)
{
	struct sum_table *t = &r->changes;
	uint32_t i;

	sum_table_sort(t); /* each page of the database is visited once */
	for (i = 0; i < t->n; i++)
		if (write_change(r, &t->list[i]) != 0)
			return -1;
	return facts_end(r->facts);
}

/* The parts that have counted the row, or would have. */
static unsigned
parts_of(const struct rollup *r, struct str id)
{
	unsigned i, parts = 0;

	for (i = 0; i < ROLLUP_PARTS; i++)
		if (str_is(r->counted[i], ROLLUP_DONE) ||
		    str_cmp(id, r->counted[i]) <= 0)
			parts |= 1u << i;
	return parts;
}

/* In rollups, facts, and the old rollups of rows that are in no facts. */
static void
change(struct rollup *r, const struct ledger_view *v, unsigned parts, bool take)
{
	r->take = take;
	if ((parts & ROLLUP_BOTH) != 0)
		rollup_each(v, parts & ROLLUP_BOTH, add, r);
	if ((parts & ROLLUP_FACTS) != 0)
		facts_add(r->facts, v, take);
}

static void
change_old(
    struct rollup *r, const struct ledger_view *v, unsigned parts, bool take)
{
	r->take = take;
	if ((parts & ROLLUP_BOTH) != 0)
		rollup_each_old(v, parts & ROLLUP_BOTH, add, r);
}

static void
apply(struct rollup *r, struct str row, bool take)
{
	struct ledger_view v;
	unsigned parts;

	ledger_view(r->txn->arena, row, &v);
	parts = parts_of(r, v.id);
	change(r, &v, parts, take);
	if ((parts & ROLLUP_FACTS) == 0)
		change_old(r, &v, parts, take);
}

void
rollup_count(struct rollup *r, struct str row)
{
	apply(r, row, false);
}

void
rollup_uncount(struct rollup *r, struct str row)
{
	apply(r, row, true);
}

void
rollup_recount(struct rollup *r, struct str row, enum rollup_part part)
{
	struct ledger_view v;

	ledger_view(r->txn->arena, row, &v);
	change(r, &v, part, false);
	if ((part & ROLLUP_FACTS) != 0)
		change_old(r, &v, ~(unsigned)part, true);
}

void
rollup_again(struct rollup *r)
{
	r->again = true;
}

bool
rollup_is_pruned(const struct rollup *r, struct str id)
{
	return r->again && str_cmp(id, r->pruned) < 0;
}

int
rollup_set_pruned(struct rollup *r, struct str id)
{
	if (str_cmp(id, r->pruned) <= 0)
		return 0;
	r->pruned = str_dup(r->txn->arena, id);
	return store_put(r->txn, STORE_META, ROLLUP_META_PRUNED, id);
}

struct scan {
	const struct rollup_range *range;
	struct rollup_entry entry;
	char next[ROLLUP_KEY_BYTES]; /* where to go on, SCAN_SEEK */
	struct str seek;
	int (*fn)(void *arg, const struct rollup_entry *e);
	void *arg;
};

enum {
	SCAN_END = 1000,
	SCAN_SEEK,
	SCAN_DAMAGED
};

/*
 * Go to the prefix in the entry's period where that is still to come, else in
 * the next: what lies between is not read.
 */
static int
seek(struct scan *s)
{
	struct rollup_entry e = s->entry;

	if (str_cmp(e.value, s->range->prefix) > 0) {
		s->seek = rollup_key(&e, s->next);
		s->seek.n = 1 + e.period.n;
		s->next[s->seek.n++] = '~'; /* behind all of the period */
		return SCAN_SEEK;
	}
	e.value = s->range->prefix;
	s->seek = rollup_key(&e, s->next);
	return SCAN_SEEK;
}

static int
see(void *arg, struct str key, struct str value)
{
	struct scan *s = arg;
	const struct rollup_range *r = s->range;

	if (rollup_read_key(key, &s->entry) != 0)
		return SCAN_DAMAGED;
	if (s->entry.dim != r->dim || s->entry.monthly != r->monthly)
		return SCAN_END;
	if (r->prefix.p != NULL &&
	    (s->entry.value.n < r->prefix.n ||
		memcmp(s->entry.value.p, r->prefix.p, r->prefix.n) != 0))
		return seek(s);
	if (rollup_read_value(value, &s->entry.sum) != 0)
		return SCAN_DAMAGED;
	return s->fn(s->arg, &s->entry);
}

int
rollup_scan(struct txn *t, const struct rollup_range *range,
    int (*fn)(void *arg, const struct rollup_entry *e), void *arg)
{
	struct scan s = { .range = range, .fn = fn, .arg = arg };
	struct rollup_entry first = { .dim = range->dim,
		.monthly = range->monthly,
		.period = range->from.p != NULL ? range->from : STR(""),
		.value = range->from.n > 0 ? range->prefix : STR_NONE };
	char bytes[ROLLUP_KEY_BYTES];
	int rc;

	s.seek = rollup_key(&first, bytes);
	do {
		rc = store_scan(t, STORE_ROLLUP, s.seek, see, &s);
	} while (rc == SCAN_SEEK);
	if (rc == SCAN_DAMAGED)
		return error_set(
		    t->err, ERROR_STORE, "rollup: a damaged record");
	return rc == SCAN_END ? 0 : rc;
}

struct since {
	struct txn *txn;
	struct rollup_entry entry; /* of the value, in the period looked at */
	char month[7];             /* of which only the last days count; "" */
	int64_t *pusd;
};

/* One period in which there were calls at all. */
static int
see_period(void *arg, const struct rollup_entry *period)
{
	struct since *s = arg;
	bool first =
	    s->month[0] != '\0' && str_starts(period->period, s->month);
	char bytes[ROLLUP_KEY_BYTES];
	struct ledger_sum sum;
	struct str value;
	int rc;

	if (first == period->monthly)
		return period->monthly ? 0 : 1;
	s->entry.monthly = period->monthly;
	s->entry.period = period->period;
	rc = store_get(
	    s->txn, STORE_ROLLUP, rollup_key(&s->entry, bytes), &value);
	if (rc <= 0)
		return rc;
	if (rollup_read_value(value, &sum) != 0)
		return SCAN_DAMAGED;
	if (__builtin_add_overflow(*s->pusd, sum.cost_pusd, s->pusd))
		*s->pusd = INT64_MAX;
	return 0;
}

/* The days to the end of the month, then months. */
int
rollup_since(struct txn *t, enum rollup_dim dim, struct str value,
    struct str day, int64_t *pusd)
{
	struct since s = {
		.txn = t, .entry = { .dim = dim, .value = value }, .pusd = pusd
	};
	const struct rollup_range days = { .dim = ROLLUP_ALL, .from = day };
	const struct rollup_range months = {
		.dim = ROLLUP_ALL, .monthly = true, .from = day
	};
	int rc = 0;

	if (day.n == 8 && !str_is(str_skip(day, 6), "01")) {
		memcpy(s.month, day.p, 6);
		rc = rollup_scan(t, &days, see_period, &s);
	}
	if (rc >= 0)
		rc = rollup_scan(t, &months, see_period, &s);
	return rc < 0 ? -1 : 0;
}
