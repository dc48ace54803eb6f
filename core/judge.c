/* SPDX-License-Identifier: MIT */
#include "core/judge.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/call.h"
#include "core/chat.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/experiment.h"
#include "core/fold.h"
#include "core/judge_talk.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/order.h"
#include "core/reference.h"
#include "core/trial_case.h"
#include "core/trials.h"
#include "core/trials_read.h"
#include "core/verdict_record.h"

#define ARENA_BYTES   ((size_t)512 << 20)
#define NONSENSE_MOST 3
#define WAIT_US       INT64_C(30000000)
#define WAIT_MOST_US  INT64_C(3600000000)

struct judge {
	const struct conf *conf;
	struct state *state;
	struct accounts *accounts;
	struct arena *arena; /* of the trial */
	bool claimed;
	bool asking; /* the call's row is open */
	struct trial_record trial;
	struct trial_case tc;
	const struct experiment *experiment;
	struct judge_case jc;
	unsigned order; /* 0: served first; 1: shadow first */
	struct call call;
	struct fold fold;
	struct sink *sink;
	struct verdict verdict;
	struct verdict_words words;
	int64_t spent_pusd;
	int64_t verdicts;
};

struct judge *
judge_new(
    const struct conf *conf, struct state *state, struct accounts *accounts)
{
	struct judge *j = mem_new(sizeof(*j));

	j->conf = conf;
	j->state = state;
	j->accounts = accounts;
	j->arena = arena_new(ARENA_BYTES);
	return j;
}

/* --- the end of a trial --- */

/* It is over, one way or the other, or given back. */
static int
over(struct judge *j, int rc)
{
	j->claimed = false;
	return rc < 0 ? -1 : 0;
}

static int
drop(struct judge *j, enum trial_drop why, struct error *err)
{
	log_event(LOG_LEVEL_INFO, "judge", "%s: %s", j->trial.call,
	    trial_drop_words[why]);
	return over(j,
	    trials_drop(
		j->state, NULL, &j->trial, why, -1, j->spent_pusd, err));
}

/* The judge is not to be had: once more, later. */
static int
put_off(struct judge *j, struct error *err)
{
	int64_t now = clock_wall_us(), wait = WAIT_US;
	int64_t i;

	if (now - j->trial.born_us > TRIALS_MAX_AGE_S * INT64_C(1000000))
		return drop(j, TRIAL_EXPIRED, err);
	for (i = 0; i < j->trial.waits && wait < WAIT_MOST_US; i++)
		wait *= 2;
	j->trial.waits++;
	j->trial.due_us = now + (wait < WAIT_MOST_US ? wait : WAIT_MOST_US);
	return over(j, trials_later(j->state, &j->trial, j->spent_pusd, err));
}

static int
nonsense(struct judge *j, struct error *err)
{
	if (++j->trial.tries >= NONSENSE_MOST)
		return drop(j, TRIAL_NONSENSE, err);
	j->trial.due_us = clock_wall_us() + WAIT_US;
	return over(j, trials_later(j->state, &j->trial, j->spent_pusd, err));
}

void
judge_free(struct judge *j)
{
	struct error ignored = { .kind = ERROR_NONE };

	if (j == NULL)
		return;
	if (j->asking) {
		error_set(&j->call.err, ERROR_BUSY, "given up");
		call_settle(&j->call, 503);
	}
	if (j->claimed)
		(void)!put_off(j, &ignored);
	arena_free(j->arena);
	free(j);
}

/* --- asking --- */

/* The case as it is shown now. */
static void
show(struct judge *j)
{
	j->jc.answers[0] = j->tc.answers[j->order];
	j->jc.answers[1] = j->tc.answers[!j->order];
}

/* What every call to a judge has in common. */
static void
prepare(struct call *c, struct arena *a, const struct conf *conf,
    struct state *state, const struct experiment *e, struct chat *chat)
{
	call_init(c, a, conf, state);
	trace_begin(&c->trace, STR_NONE, conf->otlp_endpoint.n > 0);
	c->ask.chat = chat;
	c->ask.model = e->name;
	c->ask.body = STR("{}");
	c->control.role = ROLE_JUDGE;
	c->control.tree = e->judge;
	c->row.endpoint = "judge";
	c->row.dialect = "none";
	c->row.requested = e->name;
	c->row.tags = verdict_tags(a, e->name);
}

/* The next call; one that cannot even begin puts the trial off. */
static int
ask(struct judge *j, struct error *err)
{
	struct chat *chat = ARENA_NEW(j->arena, struct chat);
	struct str spans = j->call.spans; /* of the first call */
	unsigned n_spans = j->call.n_spans;

	show(j);
	judge_ask(&j->jc, j->arena, chat);
	prepare(&j->call, j->arena, j->conf, j->state, j->experiment, chat);
	j->call.spans = spans;
	j->call.n_spans = n_spans;
	j->call.accounts = j->accounts;
	j->call.row.account = j->tc.account;
	j->call.row.task = j->trial.task;
	fold_init(&j->fold, j->arena);
	j->sink = order_new(j->arena, &j->fold.sink);
	if (call_front(&j->call) == 0) {
		j->asking = true;
		return 1;
	}
	log_event(
	    LOG_LEVEL_WARN, "judge", "%s: %s", j->trial.call, j->call.err.msg);
	call_settle(&j->call, j->call.err.status);
	return put_off(j, err);
}

/* All that the judge of ${tc} is told, but for the answers. */
static struct judge_case
case_of(struct arena *a, const struct experiment *e, struct str task,
    const struct trial_case *tc)
{
	struct judge_case jc = { .asked = tc->asked };

	judge_case_of(&jc, e, task);
	jc.reference = reference_find(a, e->references, tc->input);
	return jc;
}

bool
judge_worst(const struct conf *conf, struct state *state,
    const struct experiment *e, struct str task, const struct trial_case *tc,
    struct arena *a, int64_t *pusd)
{
	struct chat *chat = ARENA_NEW(a, struct chat);
	struct call *c = ARENA_NEW(a, struct call);
	const struct target *unpriced;
	struct judge_case jc = case_of(a, e, task, tc);

	jc.answers[0] = tc->answers[0];
	jc.answers[1] = tc->answers[1];
	judge_ask(&jc, a, chat);
	prepare(c, a, conf, state, e, chat);
	if (call_plan(c) != 0 ||
	    !plan_worst(&c->planner, c->plan, pusd, &unpriced) ||
	    *pusd > INT64_MAX / 2)
		return false;
	*pusd *= 2; /* both orders */
	return true;
}

/* --- claiming --- */

/* Everything about the trial that its record and body do not say. */
static bool
look_up(struct judge *j, struct str body)
{
	j->spent_pusd = 0;
	j->order = 0;
	j->claimed = true;
	j->experiment = experiment_find(j->conf, j->trial.experiment);
	if (j->experiment == NULL ||
	    !str_is(j->trial.version, j->experiment->version) ||
	    trial_case_read(j->arena, body, &j->tc) != 0)
		return false;
	j->jc = case_of(j->arena, j->experiment, j->trial.task, &j->tc);
	j->verdict = (struct verdict){ .n_criteria = j->jc.n_criteria };
	j->words = (struct verdict_words){
		.experiment = j->experiment, .trial = &j->trial, .tc = &j->tc
	};
	return true;
}

/* The first call, if there is still money for both. */
static int
begin(struct judge *j, struct str body, struct error *err)
{
	int rc;

	if (!look_up(j, body))
		return drop(j, TRIAL_OUTDATED, err);
	rc = trials_paid(j->state, j->experiment, &j->trial, err);
	if (rc == 0)
		return drop(j, TRIAL_UNPAID, err);
	return rc < 0 ? -1 : ask(j, err);
}

int
judge_claim(struct judge *j, struct error *err)
{
	struct str body;
	int rc;

	for (;;) {
		arena_free(j->arena);
		j->arena = arena_new(ARENA_BYTES);
		j->call.spans = STR_NONE;
		rc = trials_claim(
		    j->state, clock_wall_us(), j->arena, &j->trial, &body, err);
		if (rc <= 0)
			return rc;
		rc = begin(j, body, err);
		if (rc != 0)
			return rc;
	}
}

struct call *
judge_call(struct judge *j)
{
	return &j->call;
}

struct sink *
judge_sink(struct judge *j)
{
	return j->sink;
}

int64_t
judge_verdicts(const struct judge *j)
{
	return j->verdicts;
}

/* --- the answer --- */

static int
decide(struct judge *j, struct error *err)
{
	struct verdict *v = &j->verdict;
	unsigned i;
	int rc;

	(void)snprintf(v->call, sizeof(v->call), "%s", j->trial.call);
	v->judged_us = clock_wall_us();
	for (i = 0; i < 2; i++) {
		v->sides[i].arm = (unsigned)j->trial.arms[i];
		v->sides[i].cost_pusd = j->trial.cost_pusd[i];
		v->sides[i].latency_ms = j->trial.latency_ms[i];
	}
	if (verdict_settle(v) != 0)
		return nonsense(j, err);
	j->words.judge = j->call.row.answered;
	j->words.judge_pusd = j->spent_pusd;
	rc = trials_verdict(j->state, j->experiment, &j->trial, v,
	    verdict_record_write(j->arena, v, &j->words), j->spent_pusd, err);
	j->verdicts += rc == 1;
	if (rc >= 0)
		rc = fit_refresh(j->state, j->conf, err);
	return over(j, rc);
}

/* Points are kept by side; what was shown second in order 0 is side 1. */
static void
note(struct judge *j, const struct judge_points *got)
{
	unsigned shown, i, side;

	for (shown = 0; shown < 2; shown++) {
		side = j->order == 0 ? shown : !shown;
		for (i = 0; i < j->jc.n_criteria; i++)
			j->verdict.sides[side].points[shown][i] =
			    got->points[shown][i];
	}
	j->words.reasons[j->order] = got->reason;
}

int
judge_take(struct judge *j, struct error *err)
{
	struct call *c = &j->call;
	struct judge_points got = { .reason = STR_NONE };

	j->asking = false;
	call_price(c);
	call_settle(c, c->err.kind == ERROR_NONE ? 200 : c->err.status);
	if (c->row.cost.known && c->row.cost.pusd > 0)
		j->spent_pusd += c->row.cost.pusd;
	if (c->err.kind != ERROR_NONE)
		return put_off(j, err);
	switch (judge_read(&j->jc, j->arena, &j->fold, &got)) {
	case JUDGE_NONSENSE:
		return nonsense(j, err);
	case JUDGE_REFUSES:
		return drop(j, TRIAL_REFUSED, err);
	case JUDGE_DECIDED:
		break;
	}
	note(j, &got);
	if (j->order == 1)
		return decide(j, err);
	j->order = 1;
	return ask(j, err);
}
