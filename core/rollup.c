/* SPDX-License-Identifier: MIT */
/*
 * A batch of rows touches the same few sums again and again: they are added
 * up in a hash table, and each is read and written once.
 */
#include "core/rollup.h"

#include <stdlib.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/rollup_record.h"
#include "core/store.h"

#define FIRST_SLOTS 1024u /* a power of two */

struct change {
	struct str key;
	uint32_t hash;
	struct ledger_sum sum;
};

struct rollup {
	struct txn *txn;
	bool all;            /* every row is counted */
	struct str counted;  /* else: rows up to this one are */
	struct str pruned;   /* rows below may be missing */
	struct change *list; /* in order of appearance */
	uint32_t n, slots;   /* list has half as many as slots */
	uint32_t *index;     /* of list, + 1; 0: free */
	bool take;           /* the row is being taken away */
};

static uint32_t
hash_of(struct str s)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	size_t i;

	for (i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return h;
}

/* Where ${key} is in the index, or would be. */
static uint32_t
slot_of(const struct rollup *r, struct str key, uint32_t hash)
{
	uint32_t i = hash & (r->slots - 1);
	const struct change *c;

	for (; r->index[i] != 0; i = (i + 1) & (r->slots - 1)) {
		c = &r->list[r->index[i] - 1];
		if (c->hash == hash && str_eq(c->key, key))
			break;
	}
	return i;
}

/* Arena memory of the old table goes with the transaction. */
static void
grow(struct rollup *r)
{
	struct change *old = r->list;
	uint32_t i;

	r->slots = r->slots != 0 ? 2 * r->slots : FIRST_SLOTS;
	r->list = ARENA_ARRAY(r->txn->arena, struct change, r->slots / 2);
	r->index = ARENA_ARRAY(r->txn->arena, uint32_t, r->slots);
	for (i = 0; i < r->n; i++) {
		r->list[i] = old[i];
		r->index[slot_of(r, old[i].key, old[i].hash)] = i + 1;
	}
}

static void
add(void *arg, const struct rollup_entry *e)
{
	struct rollup *r = arg;
	char bytes[ROLLUP_KEY_BYTES];
	struct str key = rollup_key(e, bytes);
	uint32_t hash = hash_of(key), slot = slot_of(r, key, hash);
	struct change *c;

	if (r->index[slot] == 0) {
		if (r->n == r->slots / 2) {
			grow(r);
			slot = slot_of(r, key, hash);
		}
		c = &r->list[r->n++];
		c->key = str_dup(r->txn->arena, key);
		c->hash = hash;
		r->index[slot] = r->n;
	}
	c = &r->list[r->index[slot] - 1];
	if (r->take)
		ledger_sum_take(&c->sum, &e->sum);
	else
		ledger_sum_add(&c->sum, &e->sum);
}

struct rollup *
rollup_begin(struct txn *t)
{
	struct rollup *r = ARENA_NEW(t->arena, struct rollup);

	r->txn = t;
	if (store_get(t, STORE_META, ROLLUP_META_COUNTED, &r->counted) < 0 ||
	    store_get(t, STORE_META, ROLLUP_META_PRUNED, &r->pruned) < 0)
		return NULL;
	r->all = str_is(r->counted, ROLLUP_DONE);
	grow(r);
	return r;
}

static int
write_change(struct rollup *r, const struct change *c)
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

/* In the order of the table, whose pages are then each visited once. */
static int
by_key(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	return str_cmp(x->key, y->key);
}

int
rollup_end(struct rollup *r)
{
	uint32_t i;

	qsort(r->list, r->n, sizeof(*r->list), by_key);
	for (i = 0; i < r->n; i++)
		if (write_change(r, &r->list[i]) != 0)
			return -1;
	return 0;
}

enum how {
	COUNT,
	RECOUNT,
	UNCOUNT
};

static void
apply(struct rollup *r, struct str row, enum how how)
{
	struct ledger_view v;

	ledger_view(r->txn->arena, row, &v);
	if (how != RECOUNT && !r->all && str_cmp(v.id, r->counted) > 0)
		return;
	r->take = how == UNCOUNT;
	rollup_each(&v, add, r);
}

void
rollup_count(struct rollup *r, struct str row)
{
	apply(r, row, COUNT);
}

void
rollup_recount(struct rollup *r, struct str row)
{
	apply(r, row, RECOUNT);
}

void
rollup_uncount(struct rollup *r, struct str row)
{
	apply(r, row, UNCOUNT);
}

bool
rollup_is_pruned(const struct rollup *r, struct str id)
{
	return str_cmp(id, r->pruned) < 0;
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
	struct rollup_entry entry;
	enum rollup_dim dim;
	bool monthly;
	int (*fn)(void *arg, const struct rollup_entry *e);
	void *arg;
};

enum {
	SCAN_END = 1000,
	SCAN_DAMAGED
};

static int
see(void *arg, struct str key, struct str value)
{
	struct scan *s = arg;

	if (rollup_read_key(key, &s->entry) != 0)
		return SCAN_DAMAGED;
	if (s->entry.dim != s->dim || s->entry.monthly != s->monthly)
		return SCAN_END;
	if (rollup_read_value(value, &s->entry.sum) != 0)
		return SCAN_DAMAGED;
	return s->fn(s->arg, &s->entry);
}

int
rollup_scan(struct txn *t, enum rollup_dim dim, bool monthly, struct str from,
    int (*fn)(void *arg, const struct rollup_entry *e), void *arg)
{
	struct scan s = { .dim = dim, .monthly = monthly, .fn = fn, .arg = arg };
	struct rollup_entry first = { .dim = dim,
		.monthly = monthly,
		.period = from.p != NULL ? from : STR("") };
	char bytes[ROLLUP_KEY_BYTES];
	int rc = store_scan(
	    t, STORE_ROLLUP, rollup_key(&first, bytes), see, &s);

	if (rc == SCAN_DAMAGED)
		return error_set(
		    t->err, ERROR_STORE, "rollup: a damaged record");
	return rc == SCAN_END ? 0 : rc;
}
