/* SPDX-License-Identifier: MIT */
#include "core/dict.h"

#include <stdbool.h>

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

/* Where ${s} is in the index, or would be. */
static uint32_t
slot_of(const struct dict *d, struct str s)
{
	uint64_t h = str_hash(STR_HASH, s);
	uint32_t i = (uint32_t)(h ^ h >> 32) & (d->slots - 1);

	while (d->index[i] != 0 && !is_same(d->list[d->index[i] - 1], s))
		i = (i + 1) & (d->slots - 1);
	return i;
}

/* Memory of the old table goes with the arena. */
static void
grow(struct dict *d)
{
	struct str *old = d->list;
	uint32_t i;

	d->slots = d->slots != 0 ? 2 * d->slots : FIRST_SLOTS;
	d->list = ARENA_ARRAY(d->arena, struct str, d->slots / 2);
	d->index = ARENA_ARRAY(d->arena, uint32_t, d->slots);
	for (i = 0; old != NULL && i < d->n; i++) {
		d->list[i] = old[i];
		d->index[slot_of(d, old[i])] = i + 1;
	}
}

uint32_t
dict_at(struct dict *d, struct str s)
{
	uint32_t slot;

	if (d->n == d->slots / 2)
		grow(d);
	slot = slot_of(d, s);
	if (d->index[slot] == 0) {
		d->list[d->n] = str_dup(d->arena, s);
		d->index[slot] = ++d->n;
		d->bytes += s.n;
	}
	return d->index[slot] - 1;
}
