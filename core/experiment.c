/* SPDX-License-Identifier: MIT */
#include "core/experiment.h"

#include "core/arena.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/fits.h"
#include "core/ledger.h"
#include "core/plan.h"

const struct experiment *
experiment_find(const struct conf *conf, struct str name)
{
	const struct experiment *e = conf->experiments;

	while (e != NULL && !str_eq(e->name, name))
		e = e->next;
	return e;
}

int
experiment_arm(const struct experiment *e, struct str name)
{
	unsigned i;

	for (i = 0; i < e->n_arms; i++)
		if (str_eq(e->arms[i].name, name))
			return (int)i;
	return -1;
}

bool
experiment_due(const struct experiment *e, int64_t now_us)
{
	return now_us >= e->start_us && (e->end_us == 0 || now_us < e->end_us);
}

bool
experiment_takes(const struct experiment *e, struct str task)
{
	return e->task.n == 0 || str_eq(e->task, task);
}

bool
experiment_runs(struct planner *p, const struct experiment *e)
{
	return !p->no_trial && p->ask->operation == OPERATION_CHAT &&
	    experiment_due(e, p->wall_us) &&
	    experiment_takes(e, p->row->task) &&
	    !fits_rests(p->fits, e, p->row->task);
}

struct plan *
experiment_plan(struct planner *p, const struct experiment *e, unsigned arm)
{
	struct error before = *p->err;
	struct plan *plan = plan_route(p, e->arms[arm].route);
	const struct target *t;

	*p->err = before;
	if (plan == NULL)
		return NULL;
	t = &plan_first(plan)->leaf->target;
	return plan_cannot(p, t) == NULL && plan_stays(p, t) ? plan : NULL;
}

void
experiment_sample(struct planner *p, const struct experiment *e,
    unsigned served, const struct plan *plan)
{
	struct trial *trial;
	unsigned other;

	if (!experiment_runs(p, e) || sticky_share(plan_random(p)) >= e->sample)
		return;
	/* Any of the others, all alike. */
	other = (unsigned)(plan_random(p) % (e->n_arms - 1));
	other += other >= served;
	if (experiment_plan(p, e, other) == NULL)
		return;
	trial = ARENA_NEW(p->arena, struct trial);
	*trial = (struct trial){ .experiment = e,
		.task = p->row->task.n > 0 ? p->row->task : STR(""),
		.served = served,
		.other = other,
		.plan = plan,
		.next = p->trials };
	p->trials = trial;
}

static bool
holds(const struct plan *plan, const struct plan *item)
{
	const struct plan *sub;

	for (sub = plan->first; sub != NULL; sub = sub->next)
		if (holds(sub, item))
			return true;
	return plan == item;
}

bool
trial_holds(const struct trial *trial, const struct plan *answered)
{
	return answered != NULL && holds(trial->plan, answered);
}
