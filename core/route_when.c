/* SPDX-License-Identifier: MIT */
/*
 * { "when": [ { "if": CONDITION, "use": NODE }, … ], "otherwise": NODE }: the
 * first whose condition (route_test.h) holds.
 */
#include <json-c/json_object.h>

#include "core/arena.h"
#include "core/plan.h"
#include "core/route.h"
#include "core/route_test.h"

static int
read_case(struct route_reader *r, const struct jnode *at, struct route *route)
{
	const struct route_test *test;
	const struct route *child;
	struct jnode cond, use;

	if (!jtree_find(at, "if", &cond) || !jtree_find(at, "use", &use))
		return route_bad(r, at, "must be { \"if\": …, \"use\": … }");
	test = route_test_parse(r, &cond);
	child = route_parse(r, &use);
	if (test == NULL || child == NULL)
		return -1;
	route_use(r, route, child)->test = test;
	return 0;
}

static int
read_otherwise(
    struct route_reader *r, const struct jnode *at, struct route *route)
{
	const struct route *child;
	struct jnode other;

	if (!jtree_find(at, "otherwise", &other))
		return route_bad(r, at, "\"otherwise\" is missing");
	child = route_parse(r, &other);
	if (child == NULL)
		return -1;
	route_use(r, route, child);
	return 0;
}

static struct route *
parse(struct route_reader *r, const struct jnode *at)
{
	struct route *route = ARENA_NEW(r->arena, struct route);
	struct jnode list, item;
	size_t i;
	int rc = 0;

	if (!jtree_find(at, "when", &list) || jtree_len(&list) == 0) {
		route_bad(r, &list, "must be a list with at least one case");
		return NULL;
	}
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		rc |= read_case(r, &item, route);
	}
	rc |= read_otherwise(r, at, route);
	return rc == 0 ? route : NULL;
}

static struct plan *
plan(struct planner *p, const struct route *route)
{
	const struct route_use *use = route->uses;
	struct plan *chosen;
	int n = 0;

	while (use->test != NULL && !route_test_holds(p, use->test)) {
		use = use->next;
		n++;
	}
	chosen = plan_route(p, use->route);
	if (chosen != NULL)
		plan_why(p, chosen,
		    use->test == NULL
			? "otherwise"
			: arena_printf(p->arena, "when[%d] holds", n));
	return chosen;
}

const struct route_kind route_when = {
	.name = "when",
	.options = "otherwise",
	.parse = parse,
	.plan = plan,
};
