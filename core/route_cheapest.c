/* SPDX-License-Identifier: MIT */
/*
 * { "cheapest": [ NODE, … ] }: those that can serve the request, by what it
 * would cost there; the others of the list take over when one fails.  A
 * child that is no single target counts as its first.  Without a known price
 * a target comes last; so does one that would drop the opaque state of the
 * conversation (plan_stays).
 */
#include "core/arena.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/plan.h"
#include "core/price.h"
#include "core/route.h"

struct offer {
	struct plan *plan;
	int64_t pusd; /* INT64_MAX: unknown */
	bool away;    /* leaves the issuer of the conversation's state */
};

static struct route *
parse(struct route_reader *r, const struct jnode *at)
{
	struct route *route = ARENA_NEW(r->arena, struct route);

	return route_list(r, at, "cheapest", route) == 0 ? route : NULL;
}

/* Price a child; false where it cannot serve the request. */
static bool
price(struct planner *p, const struct route *child, struct offer *offer)
{
	const struct target *t;
	const char *cannot;
	char text[MONEY_TEXT_BYTES];

	offer->plan = plan_route(p, child);
	if (offer->plan == NULL)
		return false;
	t = &plan_first(offer->plan)->leaf->target;
	cannot = plan_cannot(p, t);
	if (cannot != NULL) {
		error_set(p->err, ERROR_BAD_REQUEST, "%.*s/%.*s %s",
		    STR_ARG(t->provider->name), STR_ARG(t->model), cannot);
		return false;
	}
	offer->away = !plan_stays(p, t);
	if (!plan_price(p, t, false, &offer->pusd)) {
		offer->pusd = INT64_MAX;
		plan_why(p, offer->plan, "no price is known");
		return true;
	}
	plan_why(p, offer->plan,
	    arena_printf(
		p->arena, "costs about USD %s", money_text(offer->pusd, text)));
	return true;
}

static bool
goes_before(const struct offer *a, const struct offer *b)
{
	return a->away != b->away ? !a->away : a->pusd < b->pusd;
}

/* Stable, and short lists: insert each behind those not dearer. */
static size_t
insert(struct offer *offers, size_t n, const struct offer *new)
{
	size_t i = n;

	for (; i > 0 && goes_before(new, &offers[i - 1]); i--)
		offers[i] = offers[i - 1];
	offers[i] = *new;
	return n + 1;
}

static struct plan *
plan(struct planner *p, const struct route *route)
{
	struct offer offers[ROUTE_MAX_TARGETS], offer;
	struct plan *chain = plan_new(p, PLAN_CHAIN);
	const struct route_use *use;
	size_t i, n = 0;

	for (use = route->uses; use != NULL; use = use->next)
		if (price(p, use->route, &offer))
			n = insert(offers, n, &offer);
	if (n == 0)
		return NULL;
	error_clear(p->err);
	for (i = 0; i < n; i++)
		plan_add(chain, offers[i].plan);
	return chain;
}

const struct route_kind route_cheapest = {
	.name = "cheapest",
	.options = "",
	.parse = parse,
	.plan = plan,
};
