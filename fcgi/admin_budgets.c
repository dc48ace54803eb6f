/* SPDX-License-Identifier: MIT */
#include "fcgi/admin.h"

#include "core/arena.h"
#include "core/budget.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/gateway.h"
#include "core/key.h"
#include "core/limit.h"
#include "core/live.h"
#include "fcgi/exchange.h"

/* Which budget is meant, in words. */
struct which {
	struct str scope, name, per;
	struct budget budget;
};

/* per absent: WINDOWS; scope absent: BUDGET_SCOPES. */
static int
read_which(struct admin *ad, struct which *w)
{
	struct budget *b = &w->budget;

	b->name = w->name;
	b->scope =
	    w->scope.p != NULL ? budget_scope_of(w->scope) : BUDGET_SCOPES;
	b->window = w->per.p != NULL ? window_of(w->per) : WINDOWS;
	if (w->scope.p != NULL && b->scope == BUDGET_SCOPES)
		return error_param(
		    &ad->err, "scope", "must be key, account, user or tag");
	if (w->per.p != NULL && b->window == WINDOWS)
		return error_param(
		    &ad->err, "per", "must be day, week, month or total");
	ad->target = str_of(arena_printf(
	    ad->x->arena, "%.*s/%.*s", STR_ARG(w->scope), STR_ARG(w->name)));
	return 0;
}

static bool
is_wanted(const struct admin *ad, const struct which *w, const struct budget *b)
{
	struct str own = admin_owner(ad);

	if (own.p != NULL && (b->scope != BUDGET_KEY || !str_eq(b->name, own)))
		return false;
	return (w->scope.p == NULL || b->scope == w->budget.scope) &&
	    (w->name.p == NULL || str_eq(b->name, w->name)) &&
	    (w->per.p == NULL || b->window == w->budget.window);
}

/* Write those that are wanted; how many, or -1. */
static int
write_budgets(struct admin *ad, const struct which *w)
{
	const struct conf *conf = ad->x->snap->conf;
	const struct limit_ask when = { .now_us = clock_wall_us(),
		.zone = conf->zone,
		.zone_name = conf->zone_name };
	struct limits *limits = gateway_limits(ad->x->gw);
	struct limit_standing now;
	struct budget_list list;
	size_t i;
	int n = 0;

	if (budget_read(ad->state, ad->x->arena, &list, &ad->err) != 0)
		return -1;
	for (i = 0; i < list.n; i++) {
		if (!is_wanted(ad, w, &list.budgets[i]))
			continue;
		if (limit_standing(
			limits, &list.budgets[i], &when, &now, &ad->err) != 0)
			return -1;
		limit_json(&ad->w, &list.budgets[i], &now);
		n++;
	}
	return n;
}

int
admin_budgets(struct admin *ad)
{
	struct which w = { .scope = STR_NONE };
	struct admin_opt opts[] = {
		{ "scope", ADMIN_TEXT, &w.scope, 0, false, false },
		{ "name", ADMIN_TEXT, &w.name, 0, false, false },
	};

	if (admin_query(ad, opts, 2) != 0 || read_which(ad, &w) != 0)
		return -1;
	jw_object(&ad->w);
	jw_key(&ad->w, "budgets");
	jw_array(&ad->w);
	if (write_budgets(ad, &w) < 0)
		return -1;
	jw_end(&ad->w);
	jw_end(&ad->w);
	return 0;
}

int
admin_budget_set(struct admin *ad)
{
	struct which w = { .scope = STR_NONE };
	struct budget *b = &w.budget;
	struct admin_opt opts[] = {
		{ "scope", ADMIN_TEXT, &w.scope, 0, true, false },
		{ "name", ADMIN_TEXT, &w.name, 0, true, false },
		{ "per", ADMIN_TEXT, &w.per, 0, true, false },
		{ "usd", ADMIN_USD, &b->pusd, 0, true, false },
		{ "alert_pct", ADMIN_COUNT, &b->alert_pct, 100, false, false },
	};

	if (admin_body(ad, &ad->body, opts, 5) != 0 ||
	    read_which(ad, &w) != 0 || budget_set(ad->state, b, &ad->err) != 0)
		return -1;
	return write_budgets(ad, &w) < 0 ? -1 : 0;
}

int
admin_budget_remove(struct admin *ad)
{
	struct which w = { .scope = STR_NONE };
	struct admin_opt opts[] = {
		{ "scope", ADMIN_TEXT, &w.scope, 0, true, false },
		{ "name", ADMIN_TEXT, &w.name, 0, true, false },
		{ "per", ADMIN_TEXT, &w.per, 0, false, false },
	};

	if (admin_query(ad, opts, 3) != 0 || read_which(ad, &w) != 0 ||
	    budget_remove(ad->state, w.budget.scope, w.name, w.budget.window,
		&ad->err) != 0)
		return -1;
	ad->status = 204;
	return 0;
}
