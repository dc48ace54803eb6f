/* SPDX-License-Identifier: MIT */
#include "core/sum_table.h"

#include <stdlib.h>

#include "core/arena.h"

#define FIRST_SLOTS 1024u /* a power of two */

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
slot_of(const struct sum_table *t, struct str key, uint32_t hash)
{
	uint32_t i = hash & (t->slots - 1);
	const struct sum_entry *e;

	for (; t->index[i] != 0; i = (i + 1) & (t->slots - 1)) {
		e = &t->list[t->index[i] - 1];
		if (e->hash == hash && str_eq(e->key, key))
			break;
	}
	return i;
}

/* Memory of the old table goes with the arena. */
static void
grow(struct sum_table *t)
{
	struct sum_entry *old = t->list;
	uint32_t i;

	t->slots = t->slots != 0 ? 2 * t->slots : FIRST_SLOTS;
	t->list = ARENA_ARRAY(t->arena, struct sum_entry, t->slots / 2);
	t->index = ARENA_ARRAY(t->arena, uint32_t, t->slots);
	for (i = 0; old != NULL && i < t->n; i++) {
		t->list[i] = old[i];
		t->index[slot_of(t, old[i].key, old[i].hash)] = i + 1;
	}
}

void
sum_table_init(struct sum_table *t, struct arena *a)
{
	*t = (struct sum_table){ .arena = a };
	grow(t);
}

struct ledger_sum *
sum_table_at(struct sum_table *t, struct str key)
{
	uint32_t hash = hash_of(key), slot = slot_of(t, key, hash);
	struct sum_entry *e;

	if (t->index[slot] != 0)
		return &t->list[t->index[slot] - 1].sum;
	if (t->n == t->slots / 2) {
		grow(t);
		slot = slot_of(t, key, hash);
	}
	e = &t->list[t->n++];
	e->key = str_dup(t->arena, key);
	e->hash = hash;
	t->index[slot] = t->n;
	return &e->sum;
}

struct sum_entry *
sum_table_find(const struct sum_table *t, struct str key)
{
	uint32_t slot = slot_of(t, key, hash_of(key));

	return t->index[slot] != 0 ? &t->list[t->index[slot] - 1] : NULL;
}

static int
by_key(const void *a, const void *b)
{
	const struct sum_entry *x = a, *y = b;

	return str_cmp(x->key, y->key);
}

void
sum_table_sort(struct sum_table *t)
{
	qsort(t->list, t->n, sizeof(*t->list), by_key);
}
