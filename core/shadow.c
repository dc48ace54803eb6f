/* SPDX-License-Identifier: MIT */
#include "core/shadow.h"

#include <stdio.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/call.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/experiment.h"
#include "core/fold.h"
#include "core/judge.h"
#include "core/log.h"
#include "core/order.h"
#include "core/spans.h"
#include "core/transcript.h"
#include "core/trial_case.h"
#include "core/trials.h"
#include "core/verdict_record.h"

#define TEXT_BYTES ((size_t)64 << 20)

struct shadow {
	struct arena *arena;
	struct call *served; /* the client's */
	const struct trial *trial;
	const struct experiment *experiment; /* the trial's */
	struct trial_record record;
	struct trial_case tc;
	struct call call;
	struct fold fold;
	struct sink *sink;
};

bool
shadow_wanted(const struct call *c)
{
	return c->planner.trials != NULL && c->state != NULL;
}

static void
complain(const struct shadow *s, const struct error *err)
{
	if (err->kind != ERROR_NONE)
		log_event(LOG_LEVEL_WARN, "experiment", "%s: %s",
		    s->record.call, err->msg);
}

static void
drop(struct shadow *s, enum trial_drop why, int arm, int64_t spent_pusd)
{
	struct error err = { .kind = ERROR_NONE };

	(void)!trials_drop(s->call.state, s->experiment, &s->record, why, arm,
	    spent_pusd, &err);
	complain(s, &err);
}

/* Where in the call's plan the answer came from. */
static const struct plan *
answered_by(const struct call *c)
{
	const struct call_try *t;

	for (t = c->tries; t != NULL; t = t->next)
		if (t->at == c->attempt)
			return t->step->plan;
	return NULL;
}

static bool
was_tried(const struct call *c, const struct trial *trial)
{
	const struct call_try *t = c->tries;

	while (t != NULL && !trial_holds(trial, t->step->plan))
		t = t->next;
	return t != NULL;
}

/* The trial that the call became: whose arm answered, or failed; or NULL. */
static const struct trial *
trial_of(const struct call *c)
{
	const struct trial *trial, *failed = NULL;

	for (trial = c->planner.trials; trial != NULL; trial = trial->next) {
		if (trial_holds(trial, answered_by(c)))
			return trial;
		if (was_tried(c, trial))
			failed = trial;
	}
	return failed;
}

static struct str
text_of(struct arena *a, const struct fold *fold)
{
	struct buf *out = buf_new(a, TEXT_BYTES);

	transcript_answer(fold, out);
	return buf_str(out);
}

/* What is known of the trial when the client has its answer. */
static void
describe(struct shadow *s, const struct call *c, const struct fold *served)
{
	const struct trial *trial = s->trial;
	struct error ignored = { .kind = ERROR_NONE };
	struct trial_record *r = &s->record;
	struct ask ask = c->ask;

	(void)snprintf(r->call, sizeof(r->call), "%s", c->row.id);
	r->experiment = trial->experiment->name;
	r->version = str_of(trial->experiment->version);
	r->task = trial->task;
	r->born_us = clock_wall_us();
	r->arms[0] = trial->served;
	r->arms[1] = trial->other;
	r->cost_pusd[0] = c->row.cost.known ? c->row.cost.pusd : -1;
	r->latency_ms[0] = c->row.duration_ms;
	r->cost_pusd[1] = r->latency_ms[1] = -1;
	if (ask_chat(&ask, &ignored) != NULL)
		trial_case_asked(&s->tc, s->arena, ask.chat);
	s->tc.answers[0] = s->tc.answers[1] = text_of(s->arena, served);
	s->tc.answered[0] = c->row.answered;
	r->account = s->tc.account = c->row.account;
}

/* The call itself, with the request as it came. */
static void
prepare(struct shadow *s, const struct call *c)
{
	const struct trial *trial = s->trial;
	struct call *mine = &s->call;

	call_init(mine, s->arena, c->conf, c->state);
	mine->ask = c->ask;
	mine->accounts = c->accounts;
	mine->fits = c->fits;
	mine->control.tree = trial->experiment->arms[trial->other].route;
	mine->control.role = ROLE_SHADOW;
	mine->control.no_store = true; /* no trial of a trial */
	mine->header = c->header;
	mine->header_arg = c->header_arg;
	trace_below(&mine->trace, &c->trace);
	mine->row.account = c->row.account;
	mine->row.task = c->row.task;
	mine->row.tags = verdict_tags(s->arena, trial->experiment->name);
	mine->row.endpoint = c->row.endpoint;
	mine->row.dialect = c->row.dialect;
	mine->row.stream = c->row.stream;
	mine->row.requested = trial->experiment->name;
	fold_init(&s->fold, s->arena);
	s->sink = order_new(s->arena, &s->fold.sink);
}

/* The most that shadow and judge may cost; without a price only if no budget
 * has to be kept. */
static bool
reserve(struct shadow *s)
{
	const struct target *unpriced;
	int64_t shadow_pusd = 0, judge_pusd = 0;
	struct call *c = &s->call;

	if (call_plan(c) != 0) {
		complain(s, &c->err);
		return false;
	}
	if (plan_worst(&c->planner, c->plan, &shadow_pusd, &unpriced) &&
	    judge_worst(c->conf, c->state, s->experiment, s->record.task,
		&s->tc, s->arena, &judge_pusd) &&
	    shadow_pusd <= INT64_MAX - judge_pusd) {
		s->record.reserved_pusd = shadow_pusd + judge_pusd;
		return true;
	}
	return s->experiment->budget_pusd <= 0;
}

/* Its spans go where those of the client's call have gone. */
static void
settle(struct shadow *s)
{
	const struct error *err = &s->call.err;

	call_settle(&s->call, err->kind == ERROR_NONE ? 200 : err->status);
	spans_join(s->served, &s->call);
}

/* It is on record: now make the call, unless the arm that served has failed. */
static bool
start(struct shadow *s, const struct call *c)
{
	if (!trial_holds(s->trial, answered_by(c))) {
		drop(s, TRIAL_FAILED, (int)s->record.arms[0], 0);
		return false;
	}
	/* the arm has had no time yet: until here the database took it */
	s->call.started_us = clock_mono_us();
	if (call_front(&s->call) == 0)
		return true;
	settle(s);
	complain(s, &s->call.err);
	drop(s, TRIAL_FAILED, (int)s->record.arms[1], 0);
	return false;
}

struct shadow *
shadow_begin(struct call *c, const struct fold *served)
{
	struct shadow *s = ARENA_NEW(c->arena, struct shadow);
	struct error err = { .kind = ERROR_NONE };
	int rc;

	s->trial = trial_of(c);
	if (c->err.kind != ERROR_NONE || served->stop == STOP_NONE ||
	    s->trial == NULL)
		return NULL;
	s->arena = c->arena;
	s->served = c;
	s->experiment = s->trial->experiment;
	describe(s, c, served);
	prepare(s, c);
	if (s->tc.asked.p == NULL || !reserve(s))
		return NULL;
	rc = trials_begin(c->state, s->experiment, &s->record, &err);
	complain(s, &err);
	return rc == 1 && start(s, c) ? s : NULL;
}

struct call *
shadow_call(struct shadow *s)
{
	return &s->call;
}

struct sink *
shadow_sink(struct shadow *s)
{
	return s->sink;
}

static void
offer(struct shadow *s, int64_t spent_pusd)
{
	struct error err = { .kind = ERROR_NONE };
	struct call *c = &s->call;

	s->tc.answers[1] = text_of(s->arena, &s->fold);
	s->tc.answered[1] = c->row.answered;
	s->record.reserved_pusd = 0;
	if (!judge_worst(c->conf, c->state, s->experiment, s->record.task,
		&s->tc, s->arena, &s->record.reserved_pusd) &&
	    s->experiment->budget_pusd > 0) {
		drop(s, TRIAL_UNPAID, -1, spent_pusd);
		return;
	}
	s->record.due_us = clock_wall_us();
	(void)!trials_offer(c->state, s->experiment, &s->record,
	    trial_case_write(s->arena, &s->tc), spent_pusd, &err);
	complain(s, &err);
}

void
shadow_end(struct shadow *s)
{
	struct call *c = &s->call;
	int64_t spent;

	call_price(c);
	settle(s);
	spent = c->row.cost.known ? c->row.cost.pusd : 0;
	s->record.cost_pusd[1] = c->row.cost.known ? spent : -1;
	s->record.latency_ms[1] = c->row.duration_ms;
	if (c->err.kind == ERROR_NONE)
		offer(s, spent);
	else if (c->err.kind == ERROR_BUSY ||
	    c->err.kind == ERROR_CLIENT_GONE) /* we ourselves gave it up */
		drop(s, TRIAL_LOST, -1, spent);
	else
		drop(s, TRIAL_FAILED, (int)s->record.arms[1], spent);
}
