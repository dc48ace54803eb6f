/* SPDX-License-Identifier: MIT */
#include "core/route_step.h"

#include <limits.h>

#include "core/arena.h"

static bool
is_dead(const struct route_run *run, const struct target *t)
{
	const struct dead *d;

	for (d = run->dead; d != NULL; d = d->next)
		if (d->target->provider == t->provider &&
		    (d->provider || str_eq(d->target->model, t->model)))
			return true;
	return false;
}

/* May an attempt at this target begin, as far as the failures so far go? */
bool
step_serves(const struct route_run *run, const struct step *s, unsigned need)
{
	unsigned on = s->plan->leaf->on;

	if (is_dead(run, &s->plan->leaf->target))
		return false;
	return need == 0 ? on == 0 : (on & need) == need;
}

/* The attempts that what has not begun in ${s} may take. */
unsigned
step_to_come(const struct route_run *run, const struct step *s)
{
	const struct step *child;
	unsigned n = 0, one;

	if (s->state == STEP_OVER)
		return 0;
	if (s->plan->kind == PLAN_TARGET)
		return s->state == STEP_IDLE &&
		    step_serves(run, s, run->need) &&
		    (run->forced || run->ops->may(run->arg, s, false));
	for (child = s->first; child != NULL; child = child->next) {
		one = step_to_come(run, child);
		n += one;
		if (s->plan->kind == PLAN_RACE && n > 0)
			return 1;
	}
	return n;
}

/* The chains that an attempt at ${s} counts for, innermost first. */
static struct step *
chain_above(const struct step *s)
{
	struct step *up = s->up;

	/* Within a race only its own chains count. */
	return up != NULL && up->plan->kind == PLAN_CHAIN ? up : NULL;
}

static bool
may_spend(const struct step *s)
{
	const struct step *chain = chain_above(s);

	for (; chain != NULL; chain = chain_above(chain))
		if (chain->used >= chain->limit)
			return false;
	return true;
}

static void
spend(struct step *s)
{
	struct step *chain = chain_above(s);

	for (; chain != NULL; chain = chain_above(chain))
		chain->used++;
}

/* A retry never takes the attempt of a later target. */
bool
step_may_repeat(const struct route_run *run, const struct step *s)
{
	const struct step *chain = chain_above(s), *later;
	unsigned n;

	if (chain == NULL)
		return false;
	for (; chain != NULL; chain = chain_above(chain)) {
		n = 0;
		for (later = s->next; later != NULL; later = later->next)
			n += step_to_come(run, later);
		if (chain->used >= chain->limit ||
		    chain->limit - chain->used <= n)
			return false;
		s = chain;
	}
	return true;
}

/* --- beginning --- */

static enum attempt_role
role_of(const struct route_run *run, const struct step *s)
{
	const struct step *up = s;

	for (; up->up != NULL; up = up->up)
		if (up->up->plan->kind == PLAN_RACE)
			return up->hedge ? ROLE_HEDGE : ROLE_RACE;
	if (s->tries > 0)
		return ROLE_RETRY;
	return run->started == 0 ? ROLE_PRIMARY : ROLE_FALLBACK;
}

static void
keep(struct route_run *run, struct error **at, const struct error *err)
{
	if (*at == NULL)
		*at = ARENA_NEW(run->arena, struct error);
	**at = *err;
}

void
step_note(struct route_run *run, struct step *s, const struct error *err)
{
	if (run->primary == NULL)
		run->primary = s;
	if (s == run->primary) {
		keep(run, &run->primary_err, err);
	} else if (run->other_err == NULL ||
	    run->other_err->kind == ERROR_UP_CREDENTIALS) {
		run->other = s;
		keep(run, &run->other_err, err);
	}
	if (err->retry_after_ms > 0 &&
	    (run->least_retry_ms == 0 ||
		err->retry_after_ms < run->least_retry_ms))
		run->least_retry_ms = err->retry_after_ms;
}

/* Start an attempt, whatever health says. */
bool
step_start(struct route_run *run, struct step *s)
{
	struct error err = { 0 };

	s->role = role_of(run, s);
	if (run->ops->start(run->arg, s, &err) != 0) {
		s->state = STEP_OVER;
		step_note(run, s, &err);
		return false;
	}
	if (run->primary == NULL)
		run->primary = s;
	spend(s);
	s->tries++;
	s->state = STEP_RUNNING;
	run->started++;
	return true;
}

static bool
begin_target(struct route_run *run, struct step *s)
{
	if (!step_serves(run, s, run->need) || !may_spend(s))
		return false;
	if (!run->ops->may(run->arg, s, true) && !run->forced) {
		run->shut_out = true;
		return false;
	}
	return step_start(run, s);
}

bool
step_begin_chain(
    struct route_run *run, struct step *s, struct step *child, int64_t now_us)
{
	for (; child != NULL; child = child->next) {
		s->at = child;
		s->state = STEP_RUNNING;
		if (step_begin(run, child, now_us))
			return true;
	}
	s->state = STEP_OVER;
	return false;
}

unsigned
step_running(const struct step *race)
{
	const struct step *child;
	unsigned n = 0;

	for (child = race->first; child != NULL; child = child->next)
		n += child->state == STEP_RUNNING ||
		    child->state == STEP_WAITING;
	return n;
}

/* The next racer that can begin; false if there is none. */
bool
step_add_racer(struct route_run *run, struct step *race, int64_t now_us)
{
	unsigned most = race->plan->together, nth = 0;
	struct step *child;

	if (most == 0 || step_running(race) == 0)
		most = UINT_MAX;
	for (child = race->first; child != NULL && nth < most;
	     child = child->next, nth++) {
		if (child->state != STEP_IDLE)
			continue;
		child->hedge = race->plan->hedge_us > 0 && race->used > 0;
		if (step_begin(run, child, now_us)) {
			race->used++;
			return true;
		}
		/* Marked for a failure that may yet come, or open: it stays
		 * out of this race. */
		child->state = STEP_OVER;
	}
	return false;
}

void
step_plan_hedge(struct step *race, int64_t now_us)
{
	race->due_us = 0;
	if (race->plan->hedge_us > 0 && step_running(race) < race->plan->racers)
		race->due_us = now_us + race->plan->hedge_us;
}

static bool
begin_race(struct route_run *run, struct step *s, int64_t now_us)
{
	unsigned n = 0;

	if (!may_spend(s))
		return false;
	s->state = STEP_RUNNING;
	while (n < s->plan->racers && step_add_racer(run, s, now_us)) {
		n++;
		if (s->plan->hedge_us > 0)
			break;
	}
	if (n == 0) {
		s->state = STEP_OVER;
		return false;
	}
	spend(s);
	step_plan_hedge(s, now_us);
	return true;
}

/* Begin ${s}; false: nothing in it can. */
bool
step_begin(struct route_run *run, struct step *s, int64_t now_us)
{
	if (s->state != STEP_IDLE || now_us >= run->deadline_us)
		return false;
	switch (s->plan->kind) {
	case PLAN_TARGET:
		return begin_target(run, s);
	case PLAN_CHAIN:
		return may_spend(s) &&
		    step_begin_chain(run, s, s->first, now_us);
	case PLAN_RACE:
		break;
	}
	return begin_race(run, s, now_us);
}
