/* SPDX-License-Identifier: MIT */
#include "providers/results.h"

#include <stdlib.h>

#include "core/arena.h"
#include "core/chat.h"

struct result {
	const struct part *part;
	size_t place; /* in order of appearance */
	size_t taken; /* of those of this id, in the first of them */
};

struct results {
	struct result *list; /* by id, then in order of appearance */
	size_t n;
};

static int
by_id(const void *a, const void *b)
{
	const struct result *x = a, *y = b;
	int rc = str_cmp(x->part->id, y->part->id);

	if (rc != 0)
		return rc;
	return x->place < y->place ? -1 : x->place > y->place;
}

struct results *
results_of(struct arena *a, const struct chat *chat)
{
	struct results *r = ARENA_NEW(a, struct results);
	const struct turn *t;
	const struct part *p;
	size_t n = 0;

	for (t = chat->turns; t; t = t->next)
		for (p = t->parts; p; p = p->next)
			n += p->kind == PART_TOOL_RESULT;
	r->list = ARENA_ARRAY(a, struct result, n + 1);
	for (t = chat->turns; t; t = t->next)
		for (p = t->parts; p; p = p->next)
			if (p->kind == PART_TOOL_RESULT) {
				r->list[r->n].part = p;
				r->list[r->n].place = r->n;
				r->n++;
			}
	qsort(r->list, r->n, sizeof(*r->list), by_id);
	return r;
}

/* The first result of ${id}, or NULL. */
static struct result *
first_of(const struct results *r, struct str id)
{
	size_t low = 0, high = r->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (str_cmp(r->list[mid].part->id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < r->n && str_eq(r->list[low].part->id, id) ? &r->list[low]
							       : NULL;
}

const struct part *
results_take(struct results *r, struct str id)
{
	struct result *first = first_of(r, id), *next;

	if (!first)
		return NULL;
	next = first + first->taken;
	if (next == r->list + r->n || !str_eq(next->part->id, id))
		return NULL;
	first->taken++;
	return next->part;
}

const struct part *
results_left(const struct results *r)
{
	const struct result *at = r->list, *first = at, *left = NULL;
	const struct result *end = at + r->n;

	for (; at < end; at++) {
		if (!str_eq(at->part->id, first->part->id))
			first = at;
		if ((size_t)(at - first) >= first->taken &&
		    (!left || at->place < left->place))
			left = at;
	}
	return left ? left->part : NULL;
}
