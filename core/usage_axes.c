/* SPDX-License-Identifier: MIT */
#include "core/usage_axes.h"

#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/clock.h"

#define FIRST_SLOTS ((size_t)1024)    /* a power of two */
#define MOST_SLOTS  ((size_t)1 << 21) /* then they are forgotten */
#define MEMO_MOST   ((size_t)16384)
#define OTHER       (DICT_NONE + 2) /* number, of what is not told apart */
#define HOUR_US     INT64_C(3600000000)
#define START_BYTES 11 /* "2026112417", NUL */

/* One of what is grouped by. */
struct axis {
	enum rollup_dim dim;
	enum fact_kind kind;
	struct dict names;       /* of all blocks */
	struct fact_names block; /* those of this one */
	uint32_t *map;           /* theirs: number in names + 2; 0: unknown */
	struct fact_room room;
};

/* The sum of a combination of values, by their numbers. */
struct slot {
	uint32_t ids[USAGE_QUERY_BY];
	struct ledger_sum *to; /* NULL: free */
};

struct usage_axes {
	struct usage_run *run;
	struct axis axes[USAGE_QUERY_BY];
	struct slot *slots;
	size_t n_slots, used;
	/* of the block */
	struct fact_block *b;
	/* By combination of its names; NULL: there are too many. */
	struct ledger_sum **memo;
	struct fact_room memo_room;
	struct fact_room starts, times, names; /* the time as a dimension */
};

/* The names to tell apart are known: they are in all there are. */
static void
set_best(struct usage_axes *u)
{
	const struct usage_groups *best = u->run->best;
	const struct str *values;
	unsigned k;
	uint32_t i;

	for (i = 0; i < best->n; i++) {
		values = usage_groups_values(best, i);
		for (k = 0; k < u->run->q->n_by; k++)
			if (u->axes[k].dim != ROLLUP_ALL)
				dict_at(&u->axes[k].names, *values++);
	}
}

struct usage_axes *
usage_axes_new(struct usage_run *run)
{
	struct usage_axes *u = ARENA_NEW(run->groups.arena, struct usage_axes);
	const struct usage_query *q = run->q;
	unsigned i;

	u->run = run;
	for (i = 0; i < q->n_by; i++) {
		u->axes[i].dim = q->by[i];
		u->axes[i].kind = q->by[i] == ROLLUP_ALL
		    ? FACT_CALL
		    : fact_kind_of(fact_columns[q->by[i]]);
		dict_init(&u->axes[i].names, run->groups.arena);
	}
	if (run->best != NULL)
		set_best(u);
	return u;
}

/* What begins ${us}, in days or hours since 1970, as text. */
static struct str
start_text(const struct usage_axes *u, int64_t us)
{
	char text[CLOCK_TEXT_BYTES], start[START_BYTES];

	clock_text(us, text);
	snprintf(start, sizeof(start), "%.4s%.2s%.2s%.2s", text, text + 5,
	    text + 8, text + 11);
	if (u->run->q->interval == USAGE_HOUR)
		return str_dup(u->b->arena, str_of(start));
	start[USAGE_DAY_BYTES - 1] = '\0';
	return str_dup(u->b->arena, usage_run_start(u->run, str_of(start)));
}

/* The time as a dimension: names are the starts of intervals. */
static void
set_times(struct usage_axes *u, struct fact_names *names)
{
	int64_t step =
	    u->run->q->interval == USAGE_HOUR ? HOUR_US : USAGE_DAY_US;
	const int64_t *start = fact_values(u->b, FACT_START);
	uint32_t i, k = 0, n = u->b->n[FACT_CALL];
	int64_t *at = fact_room(u->b->arena, &u->times, (n + 1) * sizeof(*at));
	int64_t *begin = fact_room(
		    u->b->arena, &u->starts, (n + 1) * sizeof(*begin)),
		us;

	*names = (struct fact_names){ .at = at,
		.list = fact_room(
		    u->b->arena, &u->names, (n + 1) * sizeof(*names->list)) };
	for (i = 0; i < n; i++) {
		us = start[i] - start[i] % step;
		if (names->n == 0 || us != begin[k])
			for (k = 0; k < names->n && begin[k] != us;)
				k++;
		if (k == names->n) {
			begin[k] = us;
			names->list[names->n++] = start_text(u, us);
		}
		at[i] = k;
	}
}

int
usage_axes_set(struct usage_axes *u, struct fact_block *b)
{
	struct axis *x = u->axes;
	const struct axis *end = x + u->run->q->n_by;
	size_t bytes, combinations = 1;

	u->b = b;
	for (; x < end; x++) {
		if (x->dim == ROLLUP_ALL)
			set_times(u, &x->block);
		else if (fact_names(u->b, x->dim, &x->block) != 0)
			return -1;
		bytes = (x->block.n + 1) * sizeof(*x->map);
		x->map = fact_room(u->b->arena, &x->room, bytes);
		memset(x->map, 0, bytes);
		if (combinations <= MEMO_MOST)
			combinations *= x->block.n;
	}
	bytes = combinations * sizeof(struct ledger_sum *);
	u->memo = NULL;
	if (combinations <= MEMO_MOST) {
		u->memo = fact_room(u->b->arena, &u->memo_room, bytes);
		memset(u->memo, 0, bytes);
	}
	return 0;
}

static size_t
slot_of(const struct usage_axes *u, const uint32_t ids[USAGE_QUERY_BY])
{
	uint64_t h = ids[0];
	size_t i;

	h = (h * UINT64_C(0x9e3779b97f4a7c15)) ^ ids[1];
	h = (h * UINT64_C(0x9e3779b97f4a7c15)) ^ ids[2];
	h *= UINT64_C(0x9e3779b97f4a7c15);
	i = (size_t)(h >> 32) & (u->n_slots - 1);
	while (u->slots[i].to != NULL &&
	    (u->slots[i].ids[0] != ids[0] || u->slots[i].ids[1] != ids[1] ||
		u->slots[i].ids[2] != ids[2]))
		i = (i + 1) & (u->n_slots - 1);
	return i;
}

/* At half full; as a mere memory it may begin anew. */
static void
grow(struct usage_axes *u)
{
	const struct slot *old = u->slots, *end = old + u->n_slots;

	if (u->n_slots == MOST_SLOTS) {
		memset(u->slots, 0, u->n_slots * sizeof(*u->slots));
		u->used = 0;
		return;
	}
	u->n_slots = u->n_slots != 0 ? 2 * u->n_slots : FIRST_SLOTS;
	u->slots = ARENA_ARRAY(u->run->groups.arena, struct slot, u->n_slots);
	for (; old != NULL && old < end; old++)
		if (old->to != NULL)
			u->slots[slot_of(u, old->ids)] = *old;
}

/* By the values themselves, which takes longer. */
static struct ledger_sum *
find_group(struct usage_axes *u, const uint32_t local[USAGE_QUERY_BY])
{
	struct str v[ROLLUP_DIMS] = { STR_NONE };
	const struct axis *x = u->axes;
	unsigned k;

	for (k = 0; k < u->run->q->n_by; k++, x++)
		v[x->dim] = x->block.list[local[k]];
	return usage_run_at(u->run, v[ROLLUP_ALL], v);
}

/* The number of a name in all blocks; one for all that is not told apart. */
static uint32_t
number_of(struct usage_axes *u, struct axis *x, struct str name)
{
	if (u->run->best == NULL || x->dim == ROLLUP_ALL)
		return dict_at(&x->names, name);
	return dict_find(&x->names, name);
}

/* By the numbers that the values have in all blocks; one alone is a text. */
static struct ledger_sum *
look_up(struct usage_axes *u, const uint32_t local[USAGE_QUERY_BY])
{
	uint32_t ids[USAGE_QUERY_BY] = { 0 }, *id;
	bool other = false;
	struct axis *x;
	size_t slot;
	unsigned k;

	if (u->run->q->n_by == 1)
		return find_group(u, local);
	for (k = 0; k < u->run->q->n_by; k++) {
		x = &u->axes[k];
		id = &x->map[local[k]];
		if (*id == 0)
			*id = number_of(u, x, x->block.list[local[k]]) + 2;
		ids[k] = *id;
		other = other || *id == OTHER;
	}
	for (k = 0; other && k < u->run->q->n_by; k++)
		if (u->axes[k].dim != ROLLUP_ALL)
			ids[k] = OTHER;
	if (2 * u->used >= u->n_slots)
		grow(u);
	slot = slot_of(u, ids);
	if (u->slots[slot].to == NULL) {
		memcpy(u->slots[slot].ids, ids, sizeof(ids));
		u->slots[slot].to = find_group(u, local);
		u->used++;
	}
	return u->slots[slot].to;
}

struct ledger_sum *
usage_axes_at(struct usage_axes *u, const uint32_t at[FACT_KINDS])
{
	uint32_t local[USAGE_QUERY_BY];
	const struct axis *x = u->axes;
	size_t i = 0;
	unsigned k;

	for (k = 0; k < u->run->q->n_by; k++, x++) {
		local[k] = (uint32_t)x->block.at[at[x->kind]];
		i = i * x->block.n + local[k];
	}
	if (u->memo == NULL)
		return look_up(u, local);
	if (u->memo[i] == NULL)
		u->memo[i] = look_up(u, local);
	return u->memo[i];
}
