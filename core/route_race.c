/* SPDX-License-Identifier: MIT */
/*
 * { "race": [ NODE, … ], "hedge_ms": 0 | "auto", "max_racers": 2,
 *   "max_extra_usd": "0.01" }: side by side; the first content wins.  With
 * hedge_ms each starts that long after the one before ("auto": that one's
 * p95 time to first content); one that fails is replaced at once.  Where the
 * conversation is cached starts first (plan_bring_home).
 *
 * max_extra_usd caps what losers may cost, whoever wins: racers beyond it,
 * and those whose price is not known, wait until all others have failed.
 */
#include <json-c/json_object.h>

#include "core/arena.h"
#include "core/conf.h"
#include "core/health.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/route.h"

#define MAX_RACERS     16
#define MAX_HEDGE_MS   INT64_C(600000)
#define UNKNOWN_P95_US INT64_C(500000) /* before anything was measured */

struct race {
	struct route route;
	int64_t hedge_ms;       /* CONF_HEDGE_AUTO */
	int64_t max_racers;     /* 0: as the configuration says */
	int64_t max_extra_pusd; /* -1: as the configuration says */
};

static int
read_hedge(struct route_reader *r, const struct jnode *at, int64_t *ms)
{
	static const struct route_range range = { 0, MAX_HEDGE_MS };
	struct jnode hedge;

	if (jtree_find(at, "hedge_ms", &hedge) &&
	    json_object_is_type(hedge.v, json_type_string)) {
		if (!str_is(jtree_value_str(&hedge), "auto"))
			return route_bad(
			    r, &hedge, "must be a number or \"auto\"");
		*ms = CONF_HEDGE_AUTO;
		return 0;
	}
	return route_i64(r, at, "hedge_ms", range, ms);
}

static int
read_extra(struct route_reader *r, const struct jnode *at, int64_t *pusd)
{
	struct jnode extra;

	if (!jtree_find(at, "max_extra_usd", &extra))
		return 0;
	if (money_parse(jtree_value_str(&extra), PUSD_PER_USD, pusd) != 0)
		return route_bad(
		    r, &extra, "must be a decimal string, such as \"0.01\"");
	return 0;
}

static struct route *
parse(struct route_reader *r, const struct jnode *at)
{
	static const struct route_range racers = { 2, MAX_RACERS };
	struct race *race = ARENA_NEW(r->arena, struct race);

	race->hedge_ms = CONF_HEDGE_UNSET;
	race->max_extra_pusd = -1;
	if (route_list(r, at, "race", &race->route) != 0 ||
	    read_hedge(r, at, &race->hedge_ms) != 0 ||
	    read_extra(r, at, &race->max_extra_pusd) != 0 ||
	    route_i64(r, at, "max_racers", racers, &race->max_racers) != 0)
		return NULL;
	return &race->route;
}

/*
 * How many of the first items may run together for ${max_pusd} of waste: the
 * cheapest may win.
 */
static unsigned
afford(struct planner *p, const struct plan *race, int64_t max_pusd)
{
	const struct plan *item;
	const struct target *unpriced;
	int64_t sum = 0, least = INT64_MAX, pusd;
	unsigned n = 0;

	for (item = race->first; item != NULL; item = item->next) {
		if (!plan_worst(p, item, &pusd, &unpriced) ||
		    sum > INT64_MAX - pusd)
			break;
		sum += pusd;
		if (pusd < least)
			least = pusd;
		if (sum - least > max_pusd)
			break;
		n++;
	}
	return n > 0 ? n : 1;
}

static int64_t
hedge_us(struct planner *p, const struct race *race, const struct plan *plan)
{
	int64_t ms = race->hedge_ms, p95_us;
	const struct target *t = &plan_first(plan)->leaf->target;

	if (ms == CONF_HEDGE_UNSET)
		ms = p->conf->routing.hedge_ms;
	if (ms != CONF_HEDGE_AUTO)
		return ms * 1000;
	p95_us =
	    health_p95_us(health_find(p->health, t->provider->name, t->model));
	return p95_us > 0 ? p95_us : UNKNOWN_P95_US;
}

static void
add_racers(struct planner *p, const struct route *route, struct plan *out,
    bool staying)
{
	const struct route_use *use;
	struct plan *item;

	for (use = route->uses; use != NULL; use = use->next) {
		item = plan_route(p, use->route);
		if (item == NULL ||
		    (staying &&
			!plan_stays(p, &plan_first(item)->leaf->target)))
			continue;
		plan_why(p, item, "races");
		plan_add(out, item);
	}
}

static struct plan *
plan(struct planner *p, const struct route *route)
{
	const struct race *race = (const struct race *)route;
	struct plan *out = plan_new(p, PLAN_RACE);
	int64_t extra = race->max_extra_pusd;

	add_racers(p, route, out, true);
	/* Nobody races who would have to drop the conversation's state,
	 * unless all would. */
	if (out->first == NULL)
		add_racers(p, route, out, false);
	if (out->first == NULL)
		return NULL;
	plan_bring_home(p, out);
	out->racers =
	    (unsigned)(race->max_racers != 0 ? race->max_racers
					     : p->conf->routing.max_racers);
	if (extra < 0)
		extra = p->conf->routing.max_extra_pusd;
	if (extra >= 0)
		out->together = afford(p, out, extra);
	out->hedge_us = hedge_us(p, race, out);
	return out;
}

const struct route_kind route_race = {
	.name = "race",
	.options = "hedge_ms, max_racers, max_extra_usd",
	.parse = parse,
	.plan = plan,
};
