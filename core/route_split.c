/* SPDX-License-Identifier: MIT */
/*
 * { "split": [ { "use": NODE, "weight": 90 }, … ], "sticky": "user" }: one of
 * them, by weight.  Sticky: the same user, session or key always gets the
 * same one, as long as the weights stay; a call without that label is drawn.
 * A conversation with opaque state (plan_stays) is drawn among those that
 * keep it, where its share would not.
 */
#include "core/arena.h"
#include "core/plan.h"
#include "core/route.h"
#include "core/sticky.h"

#define MAX_WEIGHT INT64_C(1000000)

struct split {
	struct route route;
	enum sticky sticky;
	int64_t total; /* of the weights */
};

static int
read_sticky(struct route_reader *r, const struct jnode *at, struct split *s)
{
	struct jnode sticky;
	int word;

	if (!jtree_find(at, "sticky", &sticky))
		return 0;
	word = sticky_of(jtree_value_str(&sticky));
	if (word < 0)
		return route_bad(r, &sticky,
		    "must be \"user\", \"session\", \"key\" or \"none\"");
	s->sticky = (enum sticky)word;
	return 0;
}

static int
read_item(struct route_reader *r, const struct jnode *at, struct split *s)
{
	static const struct route_range range = { 1, MAX_WEIGHT };
	const struct route *child;
	struct jnode use;
	int64_t weight = 1;

	if (!jtree_find(at, "use", &use))
		return route_bad(
		    r, at, "must be { \"use\": …, \"weight\": n }");
	child = route_parse(r, &use);
	if (child == NULL || route_i64(r, at, "weight", range, &weight) != 0)
		return -1;
	route_use(r, &s->route, child)->weight = weight;
	s->total += weight;
	return 0;
}

static struct route *
parse(struct route_reader *r, const struct jnode *at)
{
	struct split *s = ARENA_NEW(r->arena, struct split);
	struct jnode list, item;
	size_t i;
	int rc = 0;

	if (!jtree_find(at, "split", &list) || jtree_len(&list) == 0) {
		route_bad(r, &list,
		    "must be a list with at least one { \"use\", \"weight\" }");
		return NULL;
	}
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		rc |= read_item(r, &item, s);
	}
	rc |= read_sticky(r, at, s);
	return rc == 0 ? &s->route : NULL;
}

/* Nothing of the conversation would be dropped there. */
static bool
keeps(struct planner *p, const struct route_use *use)
{
	const struct plan *child = plan_route(p, use->route);

	return child != NULL && plan_stays(p, &plan_first(child)->leaf->target);
}

/* Draw one by weight, of all or of those that keep; the last if none does. */
static const struct route_use *
pick(struct planner *p, const struct split *s, uint64_t draw, bool keeping)
{
	const struct route_use *use;
	int64_t total = keeping ? 0 : s->total, at;

	for (use = s->route.uses; keeping && use != NULL; use = use->next)
		if (keeps(p, use))
			total += use->weight;
	at = total > 0 ? (int64_t)(draw % (uint64_t)total) : 0;
	for (use = s->route.uses; use->next != NULL; use = use->next) {
		if (keeping && !keeps(p, use))
			continue;
		if (at < use->weight)
			break;
		at -= use->weight;
	}
	return use;
}

static struct plan *
plan(struct planner *p, const struct route *route)
{
	const struct split *s = (const struct split *)route;
	const struct route_use *use, *other;
	struct plan *chosen;
	uint64_t draw;
	bool stays = sticky_draw(p, s->sticky, STR_NONE, &draw);

	use = pick(p, s, draw, false);
	if (plan_holds_state(p) && !keeps(p, use)) {
		other = pick(p, s, draw, true);
		use = keeps(p, other) ? other : use;
	}
	chosen = plan_route(p, use->route);
	if (chosen != NULL)
		plan_why(p, chosen,
		    stays ? "its share of the split, sticky"
			  : "its share of the split");
	return chosen;
}

const struct route_kind route_split = {
	.name = "split",
	.options = "sticky",
	.parse = parse,
	.plan = plan,
};
