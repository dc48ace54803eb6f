/* SPDX-License-Identifier: MIT */
/*
 * The middle of a call: the executor (route_run.h) on one side, attempts on
 * the loop on the other.  Whatever happens, each attempt gets its entry in
 * the ledger row, its word to the target's health, and ended comes once,
 * from the loop.
 */
#include "core/call.h"

#include <stdio.h>

#include "core/allowance.h"
#include "core/arena.h"
#include "core/call_cache.h"
#include "core/call_try.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/fetch.h"
#include "core/health.h"

#define DRAIN_MAX_BYTES ((size_t)16 << 20) /* of an answer for nobody */

static bool
is_running(const struct call_try *t)
{
	return !t->settled;
}

/* May it be read to its end although nobody waits for it? */
static bool
drains(const struct call_try *t)
{
	return t->call->may_drain && t->at->target.provider->drain &&
	    t->at->state == ATTEMPT_RUNNING && !t->call->stopping;
}

static bool
any_running(const struct call *c)
{
	const struct call_try *t;

	for (t = c->tries; t != NULL; t = t->next)
		if (is_running(t))
			return true;
	return false;
}

/* --- the end of the middle --- */

static void
fire_end(void *arg)
{
	struct call *c = arg;

	if (c->ended_us == 0) /* and not again for losers that were drained */
		c->ended_us = clock_mono_us();
	c->events->ended(c->arg);
}

void
call_tell_end(struct call *c)
{
	c->end = (struct loop_timer){ .fn = fire_end, .arg = c };
	loop_timer_set(c->engine.loop, &c->end, loop_now_us(c->engine.loop));
}

/*
 * Tell the caller.  A loser being drained goes on, on its own arena: until
 * call_linger it may touch nothing of the call, which the back has.
 */
static void
end(struct call *c)
{
	struct call_try *t;

	if (c->over)
		return;
	c->over = true;
	fetch_cancel(c->fetch);
	loop_timer_stop(c->engine.loop, &c->wake);
	for (t = c->tries; t != NULL; t = t->next) {
		t->late = is_running(t) && drains(t);
		if (t->late)
			call_price_try(c, t);
		else
			call_try_close(
			    t, ERROR_CLIENT_GONE, "the call has ended");
		c->drains |= t->late;
	}
	call_tell_end(c);
}

/* Settle the drained; when the last one is, so is the call. */
static void
end_late(struct call *c)
{
	struct call_try *t;

	for (t = c->tries; t != NULL; t = t->next) {
		if (t->at->state == ATTEMPT_RUNNING)
			return;
		call_try_settle(t);
	}
	c->lingers = c->drains = false;
	call_tell_end(c);
}

void
call_linger(struct call *c)
{
	c->lingers = true;
	end_late(c);
}

static void
choose_answer(struct call *c, struct attempt *at)
{
	const struct target *t = &at->target;

	c->attempt = at;
	c->row.lossy = at->losses;
	c->row.answered = str_of(arena_printf(c->arena, "%.*s/%.*s",
	    STR_ARG(t->provider->name), STR_ARG(t->model)));
}

/* After each call into the executor. */
static void
follow(struct call *c)
{
	struct route_run *run = &c->run;
	const struct call_try *t;

	if (run->over && c->err.kind == ERROR_NONE) {
		c->err = run->err;
		t = run->culprit != NULL ? run->culprit->data : NULL;
		if (t != NULL)
			choose_answer(c, t->at);
		end(c);
	} else if (run->wake_us > 0 && !c->over) {
		loop_timer_set(c->engine.loop, &c->wake, run->wake_us);
	} else {
		loop_timer_stop(c->engine.loop, &c->wake);
	}
}

static void
on_wake(void *arg)
{
	struct call *c = arg;

	route_run_wake(&c->run, clock_mono_us());
	follow(c);
}

/* --- what attempts tell --- */

static int
drop_event(struct sink *s, const struct event *ev, struct error *err)
{
	(void)s;
	(void)ev;
	(void)err;
	return 0;
}

/* A refusal without a word may go to a target that is marked for it. */
static bool
moves_on(const struct call_try *t)
{
	return t->at->meter.stop == STOP_REFUSAL &&
	    t->at->meter.first_content_us == 0 &&
	    route_run_takes(&t->call->run, ROUTE_ON_POLICY);
}

static struct sink *
on_content(void *arg, struct error *err)
{
	struct call_try *t = arg;
	struct call *c = t->call;

	if (t->lost || c->err.kind != ERROR_NONE)
		return &c->nowhere;
	if (moves_on(t)) {
		error_set(err, ERROR_UP_REFUSED, "the model refused to answer");
		snprintf(err->code, sizeof(err->code), "content_filter");
		return NULL;
	}
	choose_answer(c, t->at);
	call_try_lives(t);
	route_run_won(&c->run, t->step);
	follow(c);
	return c->out;
}

static void
on_progress(void *arg)
{
	struct call_try *t = arg;

	if (t->lost || t->call->err.kind != ERROR_NONE)
		return;
	t->call->events->progress(t->call->arg);
	if (t->call->loses)
		call_try_forget_lost(t->call);
}

/* The memory of a failure that will not be told is not needed any more. */
static void
forget(const struct call *c, struct call_try *t)
{
	const struct route_run *run = &c->run;

	if (t->step != run->primary && t->step != run->other &&
	    t->step != run->culprit)
		attempt_discard(t->at);
}

static bool rotate(struct call_try *t);

static void
on_ended(void *arg)
{
	struct call_try *t = arg;
	struct call *c = t->call;

	if (t->late) {
		if (c->lingers)
			end_late(c);
		return;
	}
	call_try_settle(t);
	if (c->over)
		return;
	if (c->err.kind != ERROR_NONE) { /* drained for nobody */
		if (!any_running(c))
			end(c);
		return;
	}
	if (t->lost)
		return;
	if (c->run.winner == t->step) {
		c->err = t->at->err;
		end(c);
		return;
	}
	if (rotate(t))
		return;
	t->step->status = t->at->status;
	route_run_failed(&c->run, t->step, &t->at->err, clock_mono_us());
	forget(c, t);
	follow(c);
}

/* --- what the executor asks for --- */

static void
op_stop(void *arg, struct step *step)
{
	struct call_try *t = step->data;

	(void)arg;
	t->lost = true;
	if (drains(t)) {
		attempt_drain(t->at, DRAIN_MAX_BYTES);
		return;
	}
	call_try_close(t, ERROR_CLIENT_GONE, "another target was faster");
	t->call->loses = true;
}

static bool
op_may(void *arg, const struct step *step, bool take)
{
	struct call *c = arg;
	const struct target *t = &step->plan->leaf->target;
	struct health_target *ht =
	    health_find(c->planner.health, t->provider->name, t->model);
	int64_t now_us = clock_mono_us();
	enum health_door door;

	if (!take)
		return health_look(ht, now_us) != HEALTH_OPEN;
	door = health_enter(ht, now_us);
	c->probe = door == HEALTH_PROBE || c->run.forced ? ht : NULL;
	return door != HEALTH_OPEN;
}

static struct attempt *
prepare(
    struct call *c, const struct plan *plan, unsigned nth, struct error *err)
{
	const struct route_target *leaf = plan->leaf;
	struct attempt *at = c->prepared;
	struct ask *ask;

	c->prepared = NULL;
	if (allowance_again(c, plan, err) != 0)
		return NULL;
	if (at != NULL)
		return at;
	ask = ask_with(ask_with(&c->ask, leaf->set), leaf->over);
	return allowance_prepare(c, ask, &leaf->target, nth, err);
}

static struct ledger_attempt *
new_row(struct call *c, const struct step *step)
{
	struct ledger_attempt **at = &c->row.attempts, *la;
	const struct target *t = &step->plan->leaf->target;

	la = ARENA_NEW(c->arena, struct ledger_attempt);
	la->provider = t->provider->name;
	la->model = t->model;
	la->role =
	    c->control.role != ROLE_PRIMARY ? c->control.role : step->role;
	la->start_ms = (clock_mono_us() - c->started_us) / 1000;
	la->ttft_ms = la->duration_ms = -1;
	la->cost.why = "not finished";
	usage_init(&la->usage);
	while (*at != NULL)
		at = &(*at)->next;
	*at = la;
	return la;
}

static struct call_try *
new_try(struct call *c, struct step *step, struct attempt *at)
{
	struct call_try *t = ARENA_NEW(c->arena, struct call_try);
	struct call_try **end_of = &c->tries;
	const struct target *target = &at->target;

	t->call = c;
	t->step = step;
	t->at = at;
	t->row = new_row(c, step);
	t->row->credential = target_credential(target);
	t->health = health_find(
	    c->planner.health, target->provider->name, target->model);
	t->probe = c->probe != NULL;
	c->probe = NULL;
	t->worst_pusd = c->worst_pusd;
	while (*end_of != NULL)
		end_of = &(*end_of)->next;
	*end_of = t;
	c->attempts++;
	step->data = t;
	return t;
}

static void
least(int64_t *limit_ms, int64_t ms)
{
	if (ms > 0 && (*limit_ms == 0 || ms < *limit_ms))
		*limit_ms = ms;
}

/* A target's timeout ends with its first content: then it is committed. */
static void
set_limits(struct call *c, int64_t timeout_ms)
{
	struct upstream_limits *l = &c->engine.limits;
	int64_t left_ms = (c->deadline_us - clock_mono_us()) / 1000;

	*l =
	    (struct upstream_limits){ .connect_ms = c->conf->connect_timeout_ms,
		    .first_content_ms = c->conf->first_content_timeout_ms,
		    .idle_ms = c->conf->idle_timeout_ms,
		    .total_ms = left_ms > 0 ? left_ms : 1 };
	least(&l->first_content_ms, timeout_ms);
}

static struct call_try *
start(struct call *c, struct step *step, struct attempt *at)
{
	static const struct attempt_events events = { on_content, on_progress,
		on_ended };
	struct call_try *t = new_try(c, step, at);

	set_limits(c, step->plan->leaf->timeout_ms);
	attempt_start(at, &c->engine, &events, t);
	return t;
}

static int
op_start(void *arg, struct step *step, struct error *err)
{
	struct call *c = arg;
	const struct health_report nothing = { .probe = true };
	struct attempt *at = prepare(c, step->plan, 0, err);

	if (at == NULL) {
		health_report(c->probe, &nothing, clock_mono_us());
		return -1;
	}
	start(c, step, at);
	return 0;
}

/* The same target with the account's next credential. */
static bool
rotate(struct call_try *t)
{
	struct call *c = t->call;
	struct error err = { .kind = ERROR_NONE };
	struct attempt *at;

	if (!allowance_rotates(t))
		return false;
	at = prepare(c, t->step->plan, t->at->target.nth + 1, &err);
	if (at == NULL)
		return false;
	attempt_discard(t->at);
	start(c, t->step, at)->row->role =
	    c->control.role != ROLE_PRIMARY ? c->control.role : ROLE_RETRY;
	return true;
}

static void
on_fetched(void *arg, const struct error *err)
{
	struct call *c = arg;

	c->fetch = NULL;
	c->err = *err;
	if (err->kind != ERROR_NONE) {
		end(c);
		return;
	}
	route_run_begin(&c->run, clock_mono_us());
	follow(c);
}

void
call_run(struct call *c, struct loop *loop, struct upstream *upstream,
    struct sink *out, const struct call_events *events, void *arg)
{
	static const struct route_ops ops = { op_start, op_stop, op_may };
	const struct route_run_opts opts = { .plan = c->plan,
		.ops = &ops,
		.arg = c,
		.attempts = (unsigned)c->conf->routing.attempts,
		.deadline_us = c->deadline_us,
		.seed = c->planner.seed };

	c->engine =
	    (struct attempt_engine){ .loop = loop, .upstream = upstream };
	c->out = call_cache_sink(c, out);
	c->nowhere.put = drop_event;
	c->events = events;
	c->arg = arg;
	c->wake = (struct loop_timer){ .fn = on_wake, .arg = c };
	c->row.attempts = NULL;
	route_run_init(&c->run, c->arena, &opts);
	set_limits(c, 0);
	if (c->ask.media != NULL)
		c->fetch = fetch_start(
		    c->arena, &c->ask, c->conf, &c->engine, on_fetched, c);
	else
		on_fetched(c, &c->err);
}

void
call_pause(struct call *c)
{
	if (!call_cache_pause(c) && c->run.winner != NULL && c->attempt != NULL)
		attempt_pause(c->attempt);
}

void
call_resume(struct call *c)
{
	if (!call_cache_resume(c) && c->run.winner != NULL &&
	    c->attempt != NULL)
		attempt_resume(c->attempt);
}

/* The drained ones have had their time. */
static void
stop_late(struct call *c, enum error_kind kind, const char *why)
{
	struct call_try *t;

	for (t = c->tries; t != NULL; t = t->next)
		attempt_cancel(t->at, kind, why);
	end_late(c);
}

void
call_cancel(struct call *c, enum error_kind kind, const char *why)
{
	struct call_try *t;

	if (call_cache_cancel(c, kind, why))
		return;
	c->stopping |= kind != ERROR_CLIENT_GONE;
	if (c->lingers)
		stop_late(c, kind, why);
	if (c->over || (c->err.kind != ERROR_NONE && !c->stopping))
		return;
	error_set(&c->err, kind, "%s", why);
	c->run.over = true;
	loop_timer_stop(c->engine.loop, &c->wake);
	for (t = c->tries; t != NULL; t = t->next) {
		if (t->settled)
			continue;
		if (drains(t)) {
			t->at->gate.next = &c->nowhere;
			attempt_drain(t->at, DRAIN_MAX_BYTES);
			attempt_resume(t->at);
		} else {
			call_try_close(t, kind, why);
		}
	}
	if (!any_running(c))
		end(c);
}
