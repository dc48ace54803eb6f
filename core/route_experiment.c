/* SPDX-License-Identifier: MIT */
/*
 * { "experiment": NAME }: one of its arms, as experiment.h says, or the one
 * that has been promoted; the first,
 * the incumbent, where the experiment does not run, or where another arm
 * could not serve the request or would drop the conversation's opaque state.
 * Behind any other arm the incumbent takes over when it fails, so that
 * nobody suffers from a trial; that call is none then.
 */
#include "core/arena.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/experiment.h"
#include "core/fits.h"
#include "core/plan.h"
#include "core/route.h"

struct trial_route {
	struct route route; /* its uses are the arms, in their order */
	const struct experiment *experiment;
};

static struct route *
parse(struct route_reader *r, const struct jnode *at)
{
	struct trial_route *t = ARENA_NEW(r->arena, struct trial_route);
	struct jnode name;
	unsigned i;

	(void)jtree_find(at, "experiment", &name);
	t->experiment = conf_experiment(r, &name);
	if (t->experiment == NULL)
		return NULL;
	for (i = 0; i < t->experiment->n_arms; i++)
		route_use(r, &t->route, t->experiment->arms[i].route);
	return &t->route;
}

/* By weight; the incumbent always where nothing is split. */
static unsigned
draw(struct planner *p, const struct experiment *e)
{
	uint64_t n;
	int64_t total = 0, at;
	unsigned i;

	if (e->mode == EXPERIMENT_SHADOW)
		return 0;
	for (i = 0; i < e->n_arms; i++)
		total += e->arms[i].weight;
	(void)sticky_draw(p, e->sticky, e->name, &n);
	at = (int64_t)(n % (uint64_t)total);
	for (i = 0; at >= e->arms[i].weight; i++)
		at -= e->arms[i].weight;
	return i;
}

static struct plan *
with_spare(
    struct planner *p, const struct experiment *e, struct plan *challenger)
{
	struct plan *chain = plan_new(p, PLAN_CHAIN), *spare;

	plan_add(chain, challenger);
	spare = plan_route(p, e->arms[0].route);
	if (spare != NULL)
		plan_add(chain, spare);
	error_clear(p->err);
	return chain;
}

static struct plan *
plan(struct planner *p, const struct route *route)
{
	const struct experiment *e =
	    ((const struct trial_route *)route)->experiment;
	int promoted = fits_promoted(p->fits, e);
	bool runs = promoted < 0 && experiment_runs(p, e);
	unsigned arm = promoted >= 0 ? (unsigned)promoted
	    : runs                   ? draw(p, e)
				     : 0;
	struct plan *own = arm > 0 ? experiment_plan(p, e, arm) : NULL, *all;

	if (own != NULL) {
		all = with_spare(p, e, own);
	} else {
		runs = runs && arm == 0;
		arm = 0;
		all = own = plan_route(p, e->arms[0].route);
	}
	if (all == NULL)
		return NULL;
	if (runs)
		experiment_sample(p, e, arm, own);
	plan_why(p, all,
	    arena_printf(p->arena, "arm %u of experiment %.*s%s", arm + 1,
		STR_ARG(e->name),
		promoted >= 0 ? ", promoted"
		    : runs    ? ""
			      : ", not for this call"));
	return all;
}

const struct route_kind route_experiment = {
	.name = "experiment",
	.options = "",
	.parse = parse,
	.plan = plan,
};
