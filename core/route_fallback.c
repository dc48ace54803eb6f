/* SPDX-License-Identifier: MIT */
/*
 * { "fallback": [ NODE, … ], "attempts": 3 }: one after the other until one
 * answers; which failures lead on is design §8, Classes (retry.h).
 */
#include "core/arena.h"
#include "core/plan.h"
#include "core/route.h"

#define MAX_ATTEMPTS 100

struct fallback {
	struct route route;
	int64_t attempts; /* 0: as the configuration says */
};

struct route *
route_chain(struct route_reader *r)
{
	struct fallback *f = ARENA_NEW(r->arena, struct fallback);

	f->route.kind = &route_fallback;
	return &f->route;
}

static bool
is_marked(const struct route *route)
{
	return route->kind == &route_target &&
	    ((const struct route_target *)route)->on != 0;
}

static struct route *
parse(struct route_reader *r, const struct jnode *at)
{
	static const struct route_range attempts = { 1, MAX_ATTEMPTS };
	struct fallback *f = ARENA_NEW(r->arena, struct fallback);
	struct jnode list, first;

	if (route_list(r, at, "fallback", &f->route) != 0 ||
	    route_i64(r, at, "attempts", attempts, &f->attempts) != 0)
		return NULL;
	if (is_marked(f->route.uses->route)) {
		(void)jtree_find(at, "fallback", &list);
		first = jtree_item(&list, 0);
		route_bad(r, &first,
		    "the first target cannot wait for a failure (\"on\")");
		return NULL;
	}
	return &f->route;
}

static struct plan *
plan(struct planner *p, const struct route *route)
{
	struct plan *chain = plan_new(p, PLAN_CHAIN), *item;
	const struct route_use *use;

	chain->attempts = (unsigned)((const struct fallback *)route)->attempts;
	for (use = route->uses; use != NULL; use = use->next) {
		item = plan_route(p, use->route);
		if (item == NULL)
			continue;
		plan_why(p, item,
		    chain->first == NULL ? "first of the fallback"
					 : "next of the fallback");
		plan_add(chain, item);
	}
	return chain->first != NULL ? chain : NULL;
}

const struct route_kind route_fallback = {
	.name = "fallback",
	.options = "attempts",
	.parse = parse,
	.plan = plan,
};
