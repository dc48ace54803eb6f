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

/* The children planned, each once: NULL where nobody can serve. */
struct planned {
	struct plan *plans[ROUTE_MAX_TARGETS];
	bool keeps[ROUTE_MAX_TARGETS]; /* all of the conversation */
};

/* Those that keep the conversation's state; false if there is none of it. */
static bool
plan_all(struct planner *p, const struct split *s, struct planned *all)
{
	const struct route_use *use = s->route.uses;
	struct plan *one;
	size_t i;

	if (!plan_holds_state(p))
		return false;
	for (i = 0; use != NULL; use = use->next, i++) {
		one = all->plans[i] = plan_route(p, use->route);
		all->keeps[i] = one != NULL &&
		    plan_stays(p, &plan_first(one)->leaf->target);
	}
	return true;
}

/* Draw one by weight, of all or of those that keep; -1: there is none. */
static int
pick(const struct split *s, uint64_t draw, const bool *keeps)
{
	const struct route_use *use;
	int64_t total = 0, at;
	int i;

	for (use = s->route.uses, i = 0; use != NULL; use = use->next, i++)
		if (keeps == NULL || keeps[i])
			total += use->weight;
	at = total > 0 ? (int64_t)(draw % (uint64_t)total) : 0;
	for (use = s->route.uses, i = 0; use != NULL; use = use->next, i++) {
		if (keeps != NULL && !keeps[i])
			continue;
		if (at < use->weight)
			return i;
		at -= use->weight;
	}
	return -1;
}

static struct plan *
plan_nth(struct planner *p, const struct split *s, int n)
{
	const struct route_use *use = s->route.uses;

	while (n-- > 0)
		use = use->next;
	return plan_route(p, use->route);
}

static struct plan *
choose(struct planner *p, const struct split *s, uint64_t draw)
{
	struct planned all = { .plans = { NULL } };
	int first = pick(s, draw, NULL), other;

	if (!plan_all(p, s, &all))
		return plan_nth(p, s, first);
	other = all.keeps[first] ? first : pick(s, draw, all.keeps);
	return all.plans[other >= 0 ? other : first];
}

/*
 * A split within another one draws anew: with the same number, those of one
 * share would all be of the same share there.
 */
static struct plan *
plan(struct planner *p, const struct route *route)
{
	static const char deep[] = "||||||||||||||||";
	const struct split *s = (const struct split *)route;
	struct str salt = { deep, p->splits % sizeof(deep) };
	struct plan *chosen;
	uint64_t draw;
	bool stays = sticky_draw(p, s->sticky, salt, &draw);

	p->splits++;
	chosen = choose(p, s, draw);
	p->splits--;
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
