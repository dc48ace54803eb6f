/* SPDX-License-Identifier: MIT */
#include "core/dict.h"

#include <stdbool.h>
#include <string.h>

#include "core/arena.h"

#define FIRST_SLOTS 16u /* a power of two */

void
dict_init(struct dict *d, struct arena *a)
{
	*d = (struct dict){ .arena = a };
}

static bool
is_same(struct str a, struct str b)
{
	return (a.p == NULL) == (b.p == NULL) && str_eq(a, b);
}

/* Eight bytes at a time: of names there are many. */
static uint32_t
hash_of(struct str s)
{
	uint64_t h = s.n, word;

	for (; s.n > 0; s = str_skip(s, sizeof(word))) {
		word = 0;
		memcpy(&word, s.p, s.n < sizeof(word) ? s.n : sizeof(word));
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

/* Where ${s} is in the index, or would be. */
static struct dict_slot *
slot_of(const struct dict *d, struct str s, uint32_t hash)
{
	uint32_t i = hash & (d->slots - 1);
	struct dict_slot *slot = &d->index[i];

	while (slot->number != 0 &&
	    (slot->hash != hash || !is_same(d->list[slot->number - 1], s))) {
		i = (i + 1) & (d->slots - 1);
		slot = &d->index[i];
	}
	return slot;
}

/* All are different: the strings themselves need not be looked at. */
static void
index_again(struct dict *d, const struct dict_slot *old, uint32_t n)
{
	const struct dict_slot *end = old + n;
	uint32_t i;

	for (; old < end; old++) {
		if (old->number == 0)
			continue;
		i = old->hash & (d->slots - 1);
		while (d->index[i].number != 0)
			i = (i + 1) & (d->slots - 1);
		d->index[i] = *old;
	}
}

/* Memory of the old table goes with the arena. */
static void
grow(struct dict *d)
{
	struct dict_slot *index = d->index;
	struct str *list = d->list;
	uint32_t n = d->slots;

	d->slots = n != 0 ? 2 * n : FIRST_SLOTS;
	d->list = ARENA_ARRAY(d->arena, struct str, d->slots / 2);
	d->index = ARENA_ARRAY(d->arena, struct dict_slot, d->slots);
	if (n != 0)
		memcpy(d->list, list, d->n * sizeof(*list));
	index_again(d, index, n);
}

uint32_t
dict_at(struct dict *d, struct str s)
{
	uint32_t hash = hash_of(s);
	struct dict_slot *slot;

	if (d->n == d->slots / 2)
		grow(d);
	slot = slot_of(d, s, hash);
	if (slot->number == 0) {
		d->list[d->n] = str_dup(d->arena, s);
		*slot = (struct dict_slot){ hash, ++d->n };
		d->bytes += s.n;
	}
	return slot->number - 1;
}

void
dict_near(const struct dict *d, struct str s)
{
	if (d->slots > 0)
		__builtin_prefetch(&d->index[hash_of(s) & (d->slots - 1)]);
}

uint32_t
dict_find(const struct dict *d, struct str s)
{
	return d->n > 0 ? slot_of(d, s, hash_of(s))->number - 1 : DICT_NONE;
}
