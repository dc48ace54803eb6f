/* SPDX-License-Identifier: MIT */
/*
 * { "best": [ … ] | EXPERIMENT, "task": …, "quality_floor": 0.8, "explore":
 * 0.05 }: the cheapest of those whose fit for the task is above the floor
 * with confidence (fits_arm's floor, which holds at every moment); the first
 * of the list as long as none is.  A child is a name or { "arm": NAME,
 * "use": NODE }; what experiments have found about an arm of that name counts
 * for it, most verdicts first.  In the other form they are the arms of an
 * experiment, and calls take part in it.
 *
 * A share of the calls begins with one of the others, the same for a
 * session, so that a change is noticed.  The others take over when one fails.
 */
#include <json-c/json_object.h>

#include "core/arena.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/experiment.h"
#include "core/fits.h"
#include "core/ledger.h"
#include "core/plan.h"
#include "core/route.h"

struct best {
	struct route route;
	const struct experiment *experiment; /* NULL: a list */
	struct str task;                     /* absent: the call's */
	double floor, explore;
};

struct choice {
	struct plan *plan;
	unsigned nth; /* of the list */
	bool passes, away;
	int64_t pusd; /* INT64_MAX: unknown */
};

/* --- reading --- */

static int
read_item(struct route_reader *r, const struct jnode *at, struct best *b)
{
	bool plain = json_object_is_type(at->v, json_type_string);
	struct jnode use = *at, name = *at;
	const struct route *child;

	if (!plain && !jtree_find(at, "use", &use))
		return route_bad(
		    r, at, "must be a name or { \"arm\": NAME, \"use\": … }");
	if (!plain && route_members(r, at, NULL, "arm, use") != 0)
		return -1;
	if (!plain && !jtree_find(at, "arm", &name))
		name = use;
	child = route_parse(r, &use);
	if (child == NULL)
		return -1;
	route_use(r, &b->route, child)->name =
	    str_dup(r->arena, jtree_value_str(&name));
	return jtree_value_str(&name).n > 0
	    ? 0
	    : route_bad(r, at, "needs \"arm\", the name it has in experiments");
}

static int
read_list(struct route_reader *r, const struct jnode *at, struct best *b)
{
	struct jnode item;
	size_t i;
	int rc = 0;

	if (jtree_len(at) == 0)
		return route_bad(r, at,
		    "must be a list with at least one target, or the name of "
		    "an experiment");
	for (i = 0; i < jtree_len(at); i++) {
		item = jtree_item(at, i);
		rc |= read_item(r, &item, b);
	}
	return rc;
}

static int
read_arms(struct route_reader *r, const struct jnode *at, struct best *b)
{
	const struct experiment *e = conf_experiment(r, at);
	unsigned i;

	if (e == NULL)
		return -1;
	b->experiment = e;
	b->task = e->task;
	b->floor = e->quality_floor;
	for (i = 0; i < e->n_arms; i++)
		route_use(r, &b->route, e->arms[i].route)->name =
		    e->arms[i].name;
	return 0;
}

static struct route *
parse(struct route_reader *r, const struct jnode *at)
{
	struct best *b = ARENA_NEW(r->arena, struct best);
	struct jnode list, task;
	int rc;

	b->floor = 0.8;
	b->explore = 0.05;
	(void)jtree_find(at, "best", &list);
	rc = json_object_is_type(list.v, json_type_string)
	    ? read_arms(r, &list, b)
	    : read_list(r, &list, b);
	if (jtree_find(at, "task", &task)) {
		b->task = str_dup(r->arena, jtree_value_str(&task));
		if (b->task.n == 0)
			rc = route_bad(r, &task, "must be the name of a task");
	}
	if (route_share(r, at, "quality_floor", &b->floor) != 0 ||
	    route_share(r, at, "explore", &b->explore) != 0 || rc != 0)
		return NULL;
	return &b->route;
}

/* --- choosing --- */

/* What the experiment with most verdicts about it knows of arm ${name}. */
static bool
look_up(struct planner *p, const struct best *b, struct str name,
    struct fits_arm *known)
{
	struct str task = b->task.n > 0 ? b->task : p->row->task;
	const struct experiment *e =
	    b->experiment != NULL ? b->experiment : p->conf->experiments;
	struct fits_arm one;
	int arm;

	known->n = 0;
	for (; e != NULL; e = b->experiment != NULL ? NULL : e->next) {
		arm = experiment_arm(e, name);
		if (arm >= 0 &&
		    fits_arm(p->fits, e, task, (unsigned)arm, &one) &&
		    one.n > known->n)
			*known = one;
	}
	return known->n > 0;
}

static const char *
told(struct planner *p, const struct fits_arm *known, bool passes)
{
	return arena_printf(p->arena, "fit %.2f, at least %.2f of %lld: %s",
	    known->fit, known->floor, (long long)known->n,
	    passes ? "passes" : "not above the floor");
}

/* false where it cannot serve the request. */
static bool
consider(struct planner *p, const struct best *b, const struct route_use *use,
    struct choice *c)
{
	const struct target *t;
	struct fits_arm known;
	const char *cannot;

	c->plan = plan_route(p, use->route);
	if (c->plan == NULL)
		return false;
	t = &plan_first(c->plan)->leaf->target;
	cannot = plan_cannot(p, t);
	if (cannot != NULL) {
		error_set(p->err, ERROR_BAD_REQUEST, "%.*s/%.*s %s",
		    STR_ARG(t->provider->name), STR_ARG(t->model), cannot);
		return false;
	}
	c->away = !plan_stays(p, t);
	if (!look_up(p, b, use->name, &known)) {
		plan_why(p, c->plan, "no evidence yet");
		return true;
	}
	c->passes = known.floor >= b->floor;
	c->pusd = known.call_pusd;
	if (c->pusd < 0 && !plan_price(p, t, false, &c->pusd))
		c->pusd = INT64_MAX;
	plan_why(p, c->plan, told(p, &known, c->passes));
	return true;
}

static size_t
cheapest(const struct choice *c, size_t n)
{
	size_t i, best = n;

	for (i = 0; i < n; i++)
		if (c[i].passes && !c[i].away &&
		    (best == n || c[i].pusd < c[best].pusd))
			best = i;
	for (i = 0; best == n && i < n; i++)
		if (!c[i].away)
			best = i;
	return best < n ? best : 0;
}

/* Now and then another one: the same for all of a session. */
static size_t
explore(struct planner *p, const struct best *b, size_t n, size_t best)
{
	uint64_t draw;
	size_t other;

	(void)sticky_draw(p, STICKY_SESSION, STR("best"), &draw);
	if (n < 2 || sticky_share(draw) >= b->explore)
		return best;
	other = (size_t)(draw % (n - 1));
	return other + (other >= best);
}

/* The chosen one, then the others as they stand in the list. */
static struct plan *
chain_of(struct planner *p, const struct choice *c, size_t n, size_t first)
{
	struct plan *chain = plan_new(p, PLAN_CHAIN);
	size_t i;

	plan_add(chain, c[first].plan);
	for (i = 0; i < n; i++)
		if (i != first)
			plan_add(chain, c[i].plan);
	return chain;
}

static struct plan *
plan(struct planner *p, const struct route *route)
{
	const struct best *b = (const struct best *)route;
	struct choice choices[ROUTE_MAX_TARGETS] = { { .plan = NULL } };
	const struct route_use *use;
	size_t n = 0, best, first;
	unsigned nth = 0;

	for (use = route->uses; use != NULL; use = use->next, nth++) {
		choices[n] = (struct choice){ .nth = nth };
		n += consider(p, b, use, &choices[n]);
	}
	if (n == 0)
		return NULL;
	error_clear(p->err);
	best = cheapest(choices, n);
	first = explore(p, b, n, best);
	if (choices[first].away)
		first = best; /* not worth exploring with this conversation */
	if (first != best)
		plan_why(p, choices[first].plan, "to explore");
	if (b->experiment != NULL)
		experiment_sample(
		    p, b->experiment, choices[first].nth, choices[first].plan);
	return chain_of(p, choices, n, first);
}

const struct route_kind route_best = {
	.name = "best",
	.options = "task, quality_floor, explore",
	.parse = parse,
	.plan = plan,
};
