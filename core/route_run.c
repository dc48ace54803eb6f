/* SPDX-License-Identifier: MIT */
#include "core/route_run.h"

#include <limits.h>

#include "core/arena.h"
#include "core/retry.h"
#include "core/route_step.h"

#define MIN_ATTEMPTS 3
#define MAX_TRIES    2 /* of one target, but for those that wait for a 429 */
#define MAX_WAITS    4

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

/* --- ending --- */

/* The most useful error: the primary's, unless that is about our account. */
static void
give_up(struct route_run *run, int64_t now_us)
{
	run->over = true;
	if (run->err.kind == ERROR_NONE) {
		if (run->primary_err != NULL)
			run->err = *run->primary_err;
		run->culprit = run->primary;
		if ((run->err.kind == ERROR_NONE ||
			run->err.kind == ERROR_UP_CREDENTIALS) &&
		    run->other_err != NULL) {
			run->err = *run->other_err;
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
		if (step_begin(run, run->root, now_us))
			return;
	}
	give_up(run, now_us);
}

static void
leave_race(struct route_run *run, struct step *race, bool fatal, int64_t now_us)
{
	race->fatal |= fatal;
	race->curable |= !fatal;
	if (step_running(race) < race->plan->racers &&
	    step_add_racer(run, race, now_us)) {
		step_plan_hedge(race, now_us);
		return;
	}
	if (step_running(race) == 0)
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
	else if (fatal || !step_begin_chain(run, up, s->next, now_us))
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
			if (step_to_come(run, later) > 0)
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
	    !step_may_repeat(run, s) || ms > RETRY_MAX_WAIT_MS)
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

	step_note(run, s, err);
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
	if (!step_begin(run, run->root, now_us))
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
			if (!step_start(run, s))
				leave(run, s, false, now_us);
		} else if (step_add_racer(run, s, now_us)) {
			step_plan_hedge(s, now_us);
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
		return s->state == STEP_IDLE && step_serves(run, s, on);
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
