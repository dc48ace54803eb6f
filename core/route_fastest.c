/* SPDX-License-Identifier: MIT */
/*
 * { "fastest": [ NODE, … ] }: by measured speed, that is the time to first
 * content and for some tokens more, decayed, of all processes together.  What
 * was never measured comes first, and one call in twenty of the leader's goes
 * to another one, so that a change is noticed.  The others take over when
 * one fails.  A conversation that is cached stays (plan_bring_home).
 */
#include "core/arena.h"
#include "core/conf.h"
#include "core/health.h"
#include "core/plan.h"
#include "core/route.h"

#define EXPLORE_EVERY 20
#define SOME_TOKENS   100

struct lap {
	struct plan *plan;
	struct health_target *target;
	int64_t us; /* 0: never measured */
	bool away;  /* leaves the issuer of the conversation's state */
};

static struct route *
parse(struct route_reader *r, const struct jnode *at)
{
	struct route *route = ARENA_NEW(r->arena, struct route);

	return route_list(r, at, "fastest", route) == 0 ? route : NULL;
}

static bool
measure(struct planner *p, const struct route *child, struct lap *lap)
{
	const struct target *t;

	lap->plan = plan_route(p, child);
	if (lap->plan == NULL)
		return false;
	t = &plan_first(lap->plan)->leaf->target;
	lap->away = !plan_stays(p, t);
	lap->target = health_find(p->health, t->provider->name, t->model);
	lap->us = health_speed_us(lap->target, SOME_TOKENS);
	plan_why(p, lap->plan,
	    lap->us == 0 ? "not measured yet"
			 : arena_printf(p->arena, "takes about %lld ms",
			       (long long)(lap->us / 1000)));
	return true;
}

static bool
goes_before(const struct lap *a, const struct lap *b)
{
	return a->away != b->away ? !a->away : a->us < b->us;
}

static size_t
insert(struct lap *laps, size_t n, const struct lap *new)
{
	size_t i = n;

	for (; i > 0 && goes_before(new, &laps[i - 1]); i--)
		laps[i] = laps[i - 1];
	laps[i] = *new;
	return n + 1;
}

/* Which one goes first: the leader, or by turns one of the others. */
static size_t
leader(const struct lap *laps, size_t n)
{
	int64_t turn = health_turn(laps[0].target);

	while (n > 0 && laps[n - 1].away && !laps[0].away)
		n--; /* not worth exploring with this conversation */
	if (n < 2 || laps[0].us == 0 || turn % EXPLORE_EVERY != 0)
		return 0;
	return 1 + (size_t)(turn / EXPLORE_EVERY) % (n - 1);
}

static struct plan *
plan(struct planner *p, const struct route *route)
{
	struct lap laps[ROUTE_MAX_TARGETS], lap;
	struct plan *chain = plan_new(p, PLAN_CHAIN);
	const struct route_use *use;
	size_t i, n = 0, first;

	for (use = route->uses; use != NULL; use = use->next)
		if (measure(p, use->route, &lap))
			n = insert(laps, n, &lap);
	if (n == 0)
		return NULL;
	first = leader(laps, n);
	plan_add(chain, laps[first].plan);
	for (i = 0; i < n; i++)
		if (i != first)
			plan_add(chain, laps[i].plan);
	plan_bring_home(p, chain);
	return chain;
}

const struct route_kind route_fastest = {
	.name = "fastest",
	.options = "",
	.parse = parse,
	.plan = plan,
};
