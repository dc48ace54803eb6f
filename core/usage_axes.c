/* SPDX-License-Identifier: MIT */
#include "core/usage_axes.h"

#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/clock.h"

#define MEMO_MOST   ((size_t)16384)
#define KNOWN       2u /* added to numbers, of which -1 is one: 0 is free */
#define HOUR_US     INT64_C(3600000000)
#define START_BYTES 11 /* "2026112417", NUL */

/* One of what is grouped by. */
struct axis {
	enum rollup_dim dim;
	enum fact_kind kind;
	struct fact_names block; /* the names of this one */
	uint32_t *map; /* theirs: number in the groups + KNOWN, or 0 */
	struct fact_room room;
};

struct usage_axes {
	struct usage_run *run;
	struct axis axes[USAGE_QUERY_BY];
	/* of the block */
	struct fact_block *b;
	/* Groups + KNOWN by combination of its names; NULL: there are too many. */
	uint32_t *memo;
	struct fact_room memo_room;
	struct fact_room starts, times, names; /* the time as a dimension */
};

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
	}
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
	const struct dict *names = u->run->groups.names;
	size_t bytes, combinations = 1;
	uint32_t i;

	u->b = b;
	for (; x < end; x++) {
		if (x->dim == ROLLUP_ALL)
			set_times(u, &x->block);
		else if (fact_names(u->b, x->dim, &x->block) != 0)
			return -1;
		for (i = 0; i < x->block.n; i++)
			dict_near(&names[x - u->axes], x->block.list[i]);
		bytes = (x->block.n + 1) * sizeof(*x->map);
		x->map = fact_room(u->b->arena, &x->room, bytes);
		memset(x->map, 0, bytes);
		if (combinations <= MEMO_MOST)
			combinations *= x->block.n;
	}
	bytes = combinations * sizeof(*u->memo);
	u->memo = NULL;
	if (combinations <= MEMO_MOST) {
		u->memo = fact_room(u->b->arena, &u->memo_room, bytes);
		memset(u->memo, 0, bytes);
	}
	return 0;
}

/* By the numbers that the names have in the groups, given when needed. */
static uint32_t
look_up(struct usage_axes *u, const uint32_t local[USAGE_QUERY_BY])
{
	uint32_t names[USAGE_QUERY_BY] = { 0 }, *mapped;
	struct axis *x = u->axes;
	unsigned k;

	for (k = 0; k < u->run->q->n_by; k++, x++) {
		mapped = &x->map[local[k]];
		if (*mapped == 0)
			*mapped =
			    usage_run_name(u->run, k, x->block.list[local[k]]) +
			    KNOWN;
		names[k] = *mapped - KNOWN;
	}
	return usage_run_at(u->run, names);
}

uint32_t
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
	if (u->memo[i] == 0)
		u->memo[i] = look_up(u, local) + KNOWN;
	return u->memo[i] - KNOWN;
}
