/* SPDX-License-Identifier: MIT */
#include "core/usage_group.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

#define FIRST_SLOTS ((size_t)256) /* a power of two */
#define ABSENT      "\xff"        /* stands in no UTF-8 text */

void
usage_groups_init(struct usage_groups *g, struct arena *a, unsigned n_values)
{
	*g = (struct usage_groups){
		.arena = a, .n_values = n_values, .max = USAGE_QUERY_MAX_GROUPS
	};
}

static uint32_t
hash_of(const struct str *values, unsigned n)
{
	uint64_t h = STR_HASH;
	unsigned i;

	for (i = 0; i < n; i++) {
		h = str_hash(h, values[i]);
		h = str_hash(h, values[i].p == NULL ? STR(ABSENT) : STR("\0"));
	}
	return (uint32_t)(h ^ h >> 32);
}

static bool
is_same(const struct str *a, const struct str *b, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if ((a[i].p == NULL) != (b[i].p == NULL) || !str_eq(a[i], b[i]))
			return false;
	return true;
}

static struct usage_group *
group_at(const struct usage_groups *g, uint32_t i)
{
	return &g->chunks[i / USAGE_CHUNK]->groups[i % USAGE_CHUNK];
}

/* Where the group of ${values} is in the index, or would be. */
static size_t
slot_of(const struct usage_groups *g, const struct str *values, uint32_t hash)
{
	size_t i = hash & (g->slots - 1);
	const struct usage_slot *slot;

	for (; g->index[i].group != 0; i = (i + 1) & (g->slots - 1)) {
		slot = &g->index[i];
		if (slot->hash == hash &&
		    is_same(group_at(g, slot->group - 1)->values, values,
			g->n_values))
			break;
	}
	return i;
}

/* All are different: the groups themselves need not be looked at. */
static void
index_again(struct usage_groups *g, const struct usage_slot *old, size_t n)
{
	const struct usage_slot *end = old + n;
	size_t i;

	for (; old < end; old++) {
		if (old->group == 0)
			continue;
		i = old->hash & (g->slots - 1);
		while (g->index[i].group != 0)
			i = (i + 1) & (g->slots - 1);
		g->index[i] = *old;
	}
}

static void
grow(struct usage_groups *g)
{
	struct usage_slot *index = g->index;
	size_t slots = g->slots;

	g->slots = slots != 0 ? 2 * slots : FIRST_SLOTS;
	g->index = ARENA_ARRAY(g->arena, struct usage_slot, g->slots);
	index_again(g, index, slots);
}

/* Make a group in ${slot}, or where that is when the table has grown. */
static struct usage_group *
make(struct usage_groups *g, size_t slot, const struct str *values,
    uint32_t hash)
{
	struct usage_group *made;
	unsigned i;

	if (g->n == g->max) {
		g->full = true;
		return NULL;
	}
	if (g->n == g->slots / 2) {
		grow(g);
		slot = slot_of(g, values, hash);
	}
	if (g->n % USAGE_CHUNK == 0)
		g->chunks[g->n / USAGE_CHUNK] =
		    ARENA_NEW(g->arena, struct usage_chunk);
	made = group_at(g, g->n++);
	for (i = 0; i < g->n_values; i++)
		made->values[i] = str_dup(g->arena, values[i]);
	g->index[slot] = (struct usage_slot){ hash, g->n };
	return made;
}

bool
usage_groups_has(const struct usage_groups *g, const struct str *values)
{
	uint32_t hash = hash_of(values, g->n_values);

	return g->slots != 0 && g->index[slot_of(g, values, hash)].group != 0;
}

const struct str *
usage_groups_values(const struct usage_groups *g, uint32_t i)
{
	return group_at(g, i)->values;
}

struct ledger_sum *
usage_groups_at(struct usage_groups *g, const struct str *values)
{
	struct usage_group *group;
	uint32_t hash = hash_of(values, g->n_values), at;
	size_t slot;

	if (g->slots == 0)
		grow(g);
	slot = slot_of(g, values, hash);
	at = g->index[slot].group;
	group = at != 0 ? group_at(g, at - 1) : make(g, slot, values, hash);
	return group != NULL ? &group->sum : NULL;
}

/* A group as far as the order of most depends on it: groups are large. */
struct place {
	int64_t pusd;
	struct usage_group *group;
};

static int
compare(const void *a, const void *b, void *arg)
{
	const struct place *x = a, *y = b;
	const struct usage_groups *g = arg;
	unsigned i;
	int order = 0;

	if (g->day < g->n_values)
		order =
		    str_cmp(x->group->values[g->day], y->group->values[g->day]);
	if (order == 0 && x->pusd != y->pusd)
		order = x->pusd > y->pusd ? -1 : 1;
	if (order == 0 && x->group->sum.calls != y->group->sum.calls)
		order = x->group->sum.calls > y->group->sum.calls ? -1 : 1;
	for (i = 0; i < g->n_values && order == 0; i++)
		order = str_cmp(x->group->values[i], y->group->values[i]);
	return order;
}

#define DIGIT_BITS 8
#define DIGITS     (1u << DIGIT_BITS)

/* A digit of what is the smaller the larger the amount. */
static unsigned
digit_of(const struct place *p, unsigned shift)
{
	uint64_t key = ~((uint64_t)p->pusd ^ UINT64_C(1) << 63);

	return key >> shift & (DIGITS - 1);
}

/* The dearest first, digit by digit: comparing takes four times as long. */
static void
sort_by_cost(struct place *places, struct place *other, uint32_t n)
{
	struct place *from = places, *to = other, *swap;
	unsigned shift, d;
	uint32_t i;

	for (shift = 0; shift < 64; shift += DIGIT_BITS) {
		uint32_t at[DIGITS + 1] = { 0 };

		for (i = 0; i < n; i++)
			at[digit_of(&from[i], shift) + 1]++;
		for (d = 0; d < DIGITS; d++)
			at[d + 1] += at[d];
		for (i = 0; i < n; i++)
			to[at[digit_of(&from[i], shift)]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
}

static void
sort(struct usage_groups *g, struct place *places)
{
	uint32_t i, first = 0;

	if (g->day < g->n_values) {
		qsort_r(places, g->n, sizeof(*places), compare, g);
		return;
	}
	sort_by_cost(
	    places, ARENA_ARRAY(g->arena, struct place, g->n + 1), g->n);
	for (i = 1; i <= g->n; i++) {
		if (i < g->n && places[i].pusd == places[first].pusd)
			continue;
		if (i - first > 1)
			qsort_r(&places[first], i - first, sizeof(*places),
			    compare, g);
		first = i;
	}
}

struct usage_group **
usage_groups_sorted(struct usage_groups *g, unsigned day, unsigned last)
{
	struct place *places = ARENA_ARRAY(g->arena, struct place, g->n + 1);
	struct usage_group **list =
	    ARENA_ARRAY(g->arena, struct usage_group *, g->n + 1);
	struct usage_group *group;
	uint32_t i, n = 0;

	g->day = day;
	for (i = 0; i < g->n; i++) {
		group = group_at(g, i);
		if (ledger_sum_is_zero(&group->sum))
			continue;
		places[n].group = group;
		places[n++].pusd =
		    last < g->n_values && group->values[last].p != NULL
		    ? INT64_MIN
		    : group->sum.cost_pusd;
	}
	g->n = n;
	sort(g, places);
	for (i = 0; i < g->n; i++)
		list[i] = places[i].group;
	return list;
}
