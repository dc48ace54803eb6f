/* SPDX-License-Identifier: MIT */
#include "core/call_try.h"
#include "core/count.h"

#include "core/call.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/health.h"
#include "core/retry.h"

#define TIMER_US 5000 /* a timer of whole milliseconds is early by less */

static enum attempt_outcome
outcome_of(const struct call_try *t)
{
	if (t->lost)
		return ATTEMPT_LOST;
	if (t->at->err.kind == ERROR_CLIENT_GONE)
		return ATTEMPT_CANCELLED;
	if (t->call->err.kind == ERROR_CLIENT_GONE)
		return ATTEMPT_CANCELLED; /* drained */
	return t->at->err.kind == ERROR_NONE ? ATTEMPT_WON : ATTEMPT_FAILED;
}

/* It was the client that would wait no longer, not we. */
static bool
is_cut_short(const struct call_try *t)
{
	const struct call *c = t->call;

	return t->at->err.kind == ERROR_UP_TIMEOUT &&
	    c->control.timeout_ms > 0 &&
	    c->control.timeout_ms < c->conf->request_timeout_ms &&
	    t->at->ended_us >= c->deadline_us - TIMER_US;
}

/*
 * What all who share the target should know: what one client will not wait
 * for, and what one account's own credential is good for, is nobody else's
 * business.
 */
static enum health_result
health_result_of(const struct call_try *t)
{
	const struct error *err = &t->at->err;
	bool own = t->at->target.key.p != NULL;

	if (err->kind == ERROR_NONE)
		return HEALTH_GOOD;
	if (err->kind == ERROR_CLIENT_GONE || err->kind == ERROR_BUSY ||
	    is_cut_short(t))
		return HEALTH_NOTHING;
	switch (retry_class(err)) {
	case RETRY_RATE:
		return own ? HEALTH_NOTHING : HEALTH_RATE;
	case RETRY_CREDENTIALS:
		return own ? HEALTH_NOTHING : HEALTH_BAD;
	case RETRY_AGAIN:
		return HEALTH_BAD;
	case RETRY_CONTEXT:
	case RETRY_POLICY:
	case RETRY_NEXT:
	case RETRY_NEVER:
		break;
	}
	return HEALTH_GOOD; /* it lives and has read the request */
}

void
call_try_lives(struct call_try *t)
{
	const struct health_report r = { .result = HEALTH_GOOD, .probe = true };

	if (t->probe)
		health_report(t->health, &r, clock_mono_us());
	t->probe = false;
}

static void
report_health(struct call_try *t)
{
	const struct attempt *at = t->at;
	const struct health_report r = { .result = at->api ==
			count_estimate(at->ask->wire)
		    ? HEALTH_NOTHING /* nobody was asked */
		    : health_result_of(t),
		.probe = t->probe,
		.retry_after_ms = at->err.retry_after_ms };
	int64_t first_us = at->meter.first_content_us;

	health_report(t->health, &r, at->ended_us);
	if (at->err.kind == ERROR_NONE && first_us > 0 &&
	    at->ask->operation == OPERATION_CHAT)
		health_lap(t->health, first_us - at->started_us,
		    usage_total_output(&at->meter.usage),
		    at->ended_us - first_us);
}

void
call_try_settle(struct call_try *t)
{
	struct ledger_attempt *la = t->row;
	struct attempt *at = t->at;
	int64_t first_us = at->meter.first_content_us;

	if (t->settled)
		return;
	t->settled = true;
	la->outcome = outcome_of(t);
	la->status = at->status;
	la->returned_model = str_dup(t->call->arena, at->meter.model);
	at->meter.model = la->returned_model;
	la->ttft_ms = first_us > 0 ? (first_us - at->started_us) / 1000 : -1;
	la->duration_ms = (at->ended_us - at->started_us) / 1000;
	if (at->err.kind != ERROR_NONE && !t->lost)
		la->error =
		    str_dup(t->call->arena, str_of(error_code(&at->err)));
	report_health(t);
}

void
call_try_close(struct call_try *t, enum error_kind kind, const char *why)
{
	if (t->settled)
		return;
	attempt_cancel(t->at, kind, why);
	call_try_settle(t);
}

void
call_try_forget_lost(struct call *c)
{
	struct call_try *t;

	c->loses = false;
	for (t = c->tries; t != NULL; t = t->next)
		if (t->lost && t->settled)
			attempt_discard(t->at);
}
