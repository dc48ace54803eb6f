/* SPDX-License-Identifier: MIT */
/*
 * An arm with parameters of its own: { "use": NODE, "set": {…} } of an
 * experiment, where `set` is laid over what each target of NODE sets.  No
 * strategy that a route could name.
 */
#include "core/arena.h"
#include "core/plan.h"
#include "core/route.h"

struct arm_route {
	struct route route; /* uses: the one child */
	struct str set;
};

static void
lay_over(struct planner *p, struct plan *plan, struct str set)
{
	struct plan *item;
	struct route_target *leaf;

	if (plan->kind == PLAN_TARGET) {
		leaf = ARENA_NEW(p->arena, struct route_target);
		*leaf = *plan->leaf;
		leaf->over = set;
		plan->leaf = leaf;
	}
	for (item = plan->first; item != NULL; item = item->next)
		lay_over(p, item, set);
}

static struct plan *
plan(struct planner *p, const struct route *route)
{
	struct plan *child = plan_route(p, route->uses->route);

	if (child != NULL)
		lay_over(p, child, ((const struct arm_route *)route)->set);
	return child;
}

static const struct route_kind kind = { .options = "", .plan = plan };

const struct route *
route_arm(struct route_reader *r, const struct route *child, struct str set)
{
	struct arm_route *arm = ARENA_NEW(r->arena, struct arm_route);

	arm->route.kind = &kind;
	arm->set = set;
	route_use(r, &arm->route, child);
	return &arm->route;
}
