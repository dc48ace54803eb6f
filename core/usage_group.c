/* SPDX-License-Identifier: MIT */
#include "core/usage_group.h"

#include "core/arena.h"

#define FIRST_SLOTS ((size_t)256) /* a power of two */
#define ABSENT      0xff          /* stands in no UTF-8 text */

void
usage_groups_init(struct usage_groups *g, struct arena *a, unsigned n_values)
{
	*g = (struct usage_groups){ .arena = a,
		.n_values = n_values,
		.rows = 1,
		.max = USAGE_QUERY_MAX_GROUPS };
}

void
usage_groups_row(struct usage_groups *g)
{
	g->rows++;
}

static size_t
hash_of(const struct str *values, unsigned n)
{
	size_t h = UINT64_C(14695981039346656037); /* FNV-1a */
	unsigned i;
	size_t k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < values[i].n; k++)
			h = (h ^ (unsigned char)values[i].p[k]) *
			    UINT64_C(1099511628211);
		h = (h ^ (values[i].p == NULL ? ABSENT : 0)) *
		    UINT64_C(1099511628211);
	}
	return h;
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

/* Where the group of ${values} is in the index, or would be. */
static size_t
slot_of(const struct usage_groups *g, const struct str *values)
{
	size_t i = hash_of(values, g->n_values) & (g->slots - 1);

	while (g->index[i] != 0 &&
	    !is_same(g->list[g->index[i] - 1].values, values, g->n_values))
		i = (i + 1) & (g->slots - 1);
	return i;
}

static void
grow(struct usage_groups *g)
{
	struct usage_group *list = g->list;
	size_t *row = g->row, i, half;

	g->slots = g->slots != 0 ? 2 * g->slots : FIRST_SLOTS;
	half = g->slots / 2;
	g->list = ARENA_ARRAY(g->arena, struct usage_group, half);
	g->row = ARENA_ARRAY(g->arena, size_t, half);
	g->index = ARENA_ARRAY(g->arena, size_t, g->slots);
	for (i = 0; i < g->n; i++) {
		g->list[i] = list[i];
		g->row[i] = row[i];
		g->index[slot_of(g, list[i].values)] = i + 1;
	}
}

/* Make a group in ${slot}, or where that is when the table has grown. */
static struct usage_group *
make(struct usage_groups *g, size_t slot, const struct str *values)
{
	struct usage_group *made;
	unsigned i;

	if (g->n == g->max) {
		g->full = true;
		return NULL;
	}
	if (g->n == g->slots / 2) {
		grow(g);
		slot = slot_of(g, values);
	}
	made = &g->list[g->n++];
	for (i = 0; i < g->n_values; i++)
		made->values[i] = str_dup(g->arena, values[i]);
	g->index[slot] = g->n;
	return made;
}

bool
usage_groups_has(const struct usage_groups *g, const struct str *values)
{
	return g->slots != 0 && g->index[slot_of(g, values)] != 0;
}

bool
usage_groups_add(struct usage_groups *g, const struct str *values,
    const struct ledger_sum *sum)
{
	struct usage_group *group;
	size_t slot, i;
	bool first;

	if (g->slots == 0)
		grow(g);
	slot = slot_of(g, values);
	group = g->index[slot] != 0 ? &g->list[g->index[slot] - 1]
				    : make(g, slot, values);
	if (group == NULL)
		return false;
	i = (size_t)(group - g->list);
	first = g->row[i] != g->rows;
	g->row[i] = g->rows;
	ledger_sum_add(&group->sum, sum);
	return first;
}
