/* SPDX-License-Identifier: MIT */
#include "core/route_run.h"

#include <limits.h>

#include "core/arena.h"
#include "core/conf.h"
#include "core/retry.h"

#define MIN_ATTEMPTS 3
#define MAX_TRIES    2 /* of one target, but for those that wait for a 429 */
#define MAX_WAITS    4

/* What no attempt goes to any more: a target, or all of a provider. */
struct dead {
	const struct target *target;
	bool provider;
	struct dead *next;
};

static bool begin(struct route_run *run, struct step *s, int64_t now_us);
static void leave(
    struct route_run *run, struct step *s, bool fatal, int64_t now_us);

/* --- the tree --- */

static struct step *
step_new(struct arena *a, const struct plan *plan, struct step *up)
{
	struct step *s = ARENA_NEW(a, struct step), **end = &s->first;
	const struct plan *item;

	s->plan = plan;
	s->up = up;
	s->limit = plan->attempts != 0 ? plan->attempts : UINT_MAX;
	/* A race counts as one attempt: its chains have none to spare. */
	if (plan->attempts == 0 && up != NULL && up->plan->kind == PLAN_RACE)
		s->limit = plan_leaves(plan);
	for (item = plan->first; item != NULL; item = item->next) {
		*end = step_new(a, item, s);
		end = &(*end)->next;
	}
	return s;
}

void
route_run_init(
    struct route_run *run, struct arena *a, const struct route_run_opts *opts)
{
	unsigned leaves = plan_leaves(opts->plan);

	*run = (struct route_run){ .arena = a,
		.ops = opts->ops,
		.arg = opts->arg,
		.deadline_us = opts->deadline_us,
		.seed = opts->seed };
	run->root = step_new(a, opts->plan, NULL);
	if (run->root->limit != UINT_MAX)
		return;
	run->root->limit = opts->attempts;
	if (opts->attempts == 0)
		run->root->limit =
		    leaves > MIN_ATTEMPTS ? leaves : MIN_ATTEMPTS;
}

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
static bool
serves(const struct route_run *run, const struct step *s, unsigned need)
{
	unsigned on = s->plan->leaf->on;

	if (is_dead(run, &s->plan->leaf->target))
		return false;
	return need == 0 ? on == 0 : (on & need) == need;
}

/* The attempts that what has not begun in ${s} may take. */
static unsigned
to_come(const struct route_run *run, const struct step *s)
{
	const struct step *child;
	unsigned n = 0, one;

	if (s->state == STEP_OVER)
		return 0;
	if (s->plan->kind == PLAN_TARGET)
		return s->state == STEP_IDLE && serves(run, s, run->need) &&
		    (run->forced || run->ops->may(run->arg, s, false));
	for (child = s->first; child != NULL; child = child->next) {
		one = to_come(run, child);
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
static bool
may_repeat(const struct route_run *run, const struct step *s)
{
	const struct step *chain = chain_above(s), *later;
	unsigned n;

	if (chain == NULL)
		return false;
	for (; chain != NULL; chain = chain_above(chain)) {
		n = 0;
		for (later = s->next; later != NULL; later = later->next)
			n += to_come(run, later);
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
note(struct route_run *run, struct step *s, const struct error *err)
{
	if (run->primary == NULL)
		run->primary = s;
	if (s == run->primary) {
		run->primary_err = *err;
	} else if (run->other_err.kind == ERROR_NONE ||
	    run->other_err.kind == ERROR_UP_CREDENTIALS) {
		run->other = s;
		run->other_err = *err;
	}
	if (err->retry_after_ms > 0 &&
	    (run->least_retry_ms == 0 ||
		err->retry_after_ms < run->least_retry_ms))
		run->least_retry_ms = err->retry_after_ms;
}

/* Start an attempt, whatever health says. */
static bool
start(struct route_run *run, struct step *s)
{
	struct error err = { 0 };

	s->role = role_of(run, s);
	if (run->ops->start(run->arg, s, &err) != 0) {
		s->state = STEP_OVER;
		note(run, s, &err);
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
	if (!serves(run, s, run->need) || !may_spend(s))
		return false;
	if (!run->ops->may(run->arg, s, true) && !run->forced) {
		run->shut_out = true;
		return false;
	}
	return start(run, s);
}

static bool
begin_chain(
    struct route_run *run, struct step *s, struct step *child, int64_t now_us)
{
	for (; child != NULL; child = child->next) {
		s->at = child;
		s->state = STEP_RUNNING;
		if (begin(run, child, now_us))
			return true;
	}
	s->state = STEP_OVER;
	return false;
}

static unsigned
running(const struct step *race)
{
	const struct step *child;
	unsigned n = 0;

	for (child = race->first; child != NULL; child = child->next)
		n += child->state == STEP_RUNNING ||
		    child->state == STEP_WAITING;
	return n;
}

/* The next racer that can begin; false if there is none. */
static bool
add_racer(struct route_run *run, struct step *race, int64_t now_us)
{
	struct step *child;

	for (child = race->first; child != NULL; child = child->next) {
		if (child->state != STEP_IDLE)
			continue;
		child->hedge = race->plan->hedge_us > 0 && race->used > 0;
		if (begin(run, child, now_us)) {
			race->used++;
			return true;
		}
		/* Marked for a failure that may yet come, or open: it stays
		 * out of this race. */
		child->state = STEP_OVER;
	}
	return false;
}

static void
plan_hedge(struct step *race, int64_t now_us)
{
	race->due_us = 0;
	if (race->plan->hedge_us > 0 && running(race) < race->plan->racers)
		race->due_us = now_us + race->plan->hedge_us;
}

static bool
begin_race(struct route_run *run, struct step *s, int64_t now_us)
{
	unsigned n = 0;

	if (!may_spend(s))
		return false;
	s->state = STEP_RUNNING;
	while (n < s->plan->racers && add_racer(run, s, now_us)) {
		n++;
		if (s->plan->hedge_us > 0)
			break;
	}
	if (n == 0) {
		s->state = STEP_OVER;
		return false;
	}
	spend(s);
	plan_hedge(s, now_us);
	return true;
}

/* Begin ${s}; false: nothing in it can. */
static bool
begin(struct route_run *run, struct step *s, int64_t now_us)
{
	if (s->state != STEP_IDLE || now_us >= run->deadline_us)
		return false;
	switch (s->plan->kind) {
	case PLAN_TARGET:
		return begin_target(run, s);
	case PLAN_CHAIN:
		return may_spend(s) && begin_chain(run, s, s->first, now_us);
	case PLAN_RACE:
		break;
	}
	return begin_race(run, s, now_us);
}

/* --- ending --- */

/* The most useful error: the primary's, unless that is about our account. */
static void
give_up(struct route_run *run, int64_t now_us)
{
	run->over = true;
	if (run->err.kind == ERROR_NONE) {
		run->err = run->primary_err;
		run->culprit = run->primary;
		if ((run->err.kind == ERROR_NONE ||
			run->err.kind == ERROR_UP_CREDENTIALS) &&
		    run->other_err.kind != ERROR_NONE) {
			run->err = run->other_err;
			run->culprit = run->other;
		}
	}
	if (now_us >= run->deadline_us && run->err.kind != ERROR_UP_TIMEOUT) {
		error_clear(&run->err);
		run->culprit = NULL;
		error_set(&run->err, ERROR_UP_TIMEOUT,
		    "no target answered before the call's deadline");
	}
	error_set(&run->err, ERROR_CONF,
	    "no target of the route may begin this call");
	if (run->least_retry_ms > 0)
		run->err.retry_after_ms = run->least_retry_ms;
}

static void
reset(struct step *s)
{
	struct step *child;

	s->state = STEP_IDLE;
	s->at = NULL;
	for (child = s->first; child != NULL; child = child->next)
		reset(child);
}

/* The root has failed: over, unless health alone kept everybody out. */
static void
root_failed(struct route_run *run, int64_t now_us)
{
	if (run->started == 0 && run->shut_out && !run->forced) {
		run->forced = true;
		reset(run->root);
		if (begin(run, run->root, now_us))
			return;
	}
	give_up(run, now_us);
}

static void
leave_race(struct route_run *run, struct step *race, bool fatal, int64_t now_us)
{
	race->fatal |= fatal;
	race->curable |= !fatal;
	if (running(race) < race->plan->racers &&
	    add_racer(run, race, now_us)) {
		plan_hedge(race, now_us);
		return;
	}
	if (running(race) == 0)
		leave(run, race, race->fatal && !race->curable, now_us);
}

/* ${s} has failed for good: what follows it may begin. */
static void
leave(struct route_run *run, struct step *s, bool fatal, int64_t now_us)
{
	struct step *up = s->up;

	s->state = STEP_OVER;
	s->due_us = 0;
	if (up == NULL)
		root_failed(run, now_us);
	else if (up->plan->kind == PLAN_RACE)
		leave_race(run, up, fatal, now_us);
	else if (fatal || !begin_chain(run, up, s->next, now_us))
		leave(run, up, fatal, now_us);
}

/* --- what an error leads to --- */

static uint64_t
next_random(struct route_run *run)
{
	run->seed = run->seed * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return run->seed >> 33;
}

static void
bury(struct route_run *run, const struct step *s)
{
	struct dead *d = ARENA_NEW(run->arena, struct dead);

	d->target = &s->plan->leaf->target;
	d->provider = s->status != 403; /* which may be about the model */
	d->next = run->dead;
	run->dead = d;
}

/* Is there another target to go to at once? */
static bool
has_next(const struct route_run *run, const struct step *s)
{
	const struct step *later;

	for (; s->up != NULL; s = s->up)
		for (later = s->next; later != NULL; later = later->next)
			if (to_come(run, later) > 0)
				return true;
	return false;
}

/* When to try the same target again; 0: not at all. */
static int64_t
again_ms(struct route_run *run, const struct step *s, enum retry_class class,
    const struct error *err)
{
	int64_t ms = err->retry_after_ms;

	if (s->tries >= (class == RETRY_RATE ? MAX_WAITS : MAX_TRIES) ||
	    (class != RETRY_RATE && class != RETRY_AGAIN) ||
	    !may_repeat(run, s) || ms > RETRY_MAX_WAIT_MS)
		return 0;
	if ((class == RETRY_RATE || ms > 0) && has_next(run, s))
		return 0;
	return ms > 0 ? ms : retry_backoff_ms(s->tries - 1, next_random(run));
}

/* Timers: the earliest of all waits and hedges. */
static int64_t
earliest(const struct step *s)
{
	const struct step *child;
	int64_t due = s->state == STEP_OVER ? 0 : s->due_us, one;

	for (child = s->first; child != NULL; child = child->next) {
		one = earliest(child);
		if (one > 0 && (due == 0 || one < due))
			due = one;
	}
	return due;
}

static void
set_wake(struct route_run *run)
{
	run->wake_us =
	    run->over || run->winner != NULL ? 0 : earliest(run->root);
}

void
route_run_failed(struct route_run *run, struct step *s, const struct error *err,
    int64_t now_us)
{
	enum retry_class class = retry_class(err);
	int64_t ms;

	note(run, s, err);
	if (class == RETRY_CREDENTIALS)
		bury(run, s);
	if (class == RETRY_CONTEXT)
		run->need |= ROUTE_ON_CONTEXT;
	if (class == RETRY_POLICY)
		run->need |= ROUTE_ON_POLICY;
	if (class == RETRY_NEVER && run->err.kind == ERROR_NONE) {
		run->err = *err;
		run->culprit = s;
	}
	ms = again_ms(run, s, class, err);
	if (ms > 0 && now_us + ms * 1000 < run->deadline_us) {
		s->state = STEP_WAITING;
		s->due_us = now_us + ms * 1000;
	} else {
		leave(run, s, class == RETRY_NEVER, now_us);
	}
	set_wake(run);
}

void
route_run_begin(struct route_run *run, int64_t now_us)
{
	if (!begin(run, run->root, now_us))
		root_failed(run, now_us);
	set_wake(run);
}

/* --- winning --- */

static void
stop_others(struct route_run *run, struct step *s)
{
	struct step *child;

	if (s->plan->kind == PLAN_TARGET && s != run->winner) {
		if (s->state == STEP_RUNNING)
			run->ops->stop(run->arg, s);
		s->state = STEP_OVER;
	}
	for (child = s->first; child != NULL; child = child->next)
		stop_others(run, child);
}

void
route_run_won(struct route_run *run, struct step *s)
{
	run->winner = s;
	error_clear(&run->err);
	run->culprit = NULL;
	stop_others(run, run->root);
	set_wake(run);
}

/* --- waking --- */

static void
wake(struct route_run *run, struct step *s, int64_t now_us)
{
	struct step *child;

	if (s->due_us != 0 && s->due_us <= now_us && s->state != STEP_OVER) {
		s->due_us = 0;
		if (s->state == STEP_WAITING) {
			/* Its own failure may have opened it: no question. */
			(void)run->ops->may(run->arg, s, true);
			if (!start(run, s))
				leave(run, s, false, now_us);
		} else if (add_racer(run, s, now_us)) {
			plan_hedge(s, now_us);
		}
	}
	for (child = s->first; child != NULL; child = child->next)
		if (!run->over)
			wake(run, child, now_us);
}

void
route_run_wake(struct route_run *run, int64_t now_us)
{
	if (!run->over && run->winner == NULL)
		wake(run, run->root, now_us);
	set_wake(run);
}

static bool
takes(const struct route_run *run, const struct step *s, unsigned on)
{
	const struct step *child;

	if (s->plan->kind == PLAN_TARGET)
		return s->state == STEP_IDLE && serves(run, s, on);
	for (child = s->first; child != NULL; child = child->next)
		if (takes(run, child, on))
			return true;
	return false;
}

bool
route_run_takes(const struct route_run *run, enum route_on on)
{
	return takes(run, run->root, run->need | (unsigned)on);
}
