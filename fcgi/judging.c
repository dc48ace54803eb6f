/* SPDX-License-Identifier: MIT */
#include "fcgi/judging.h"

#include <stdlib.h>

#include "core/call.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/exporter.h"
#include "core/gateway.h"
#include "core/judge.h"
#include "core/live.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/trials.h"
#include "fcgi/conn.h"
#include "fcgi/workers.h"

/*
 *	look --> CLAIM -- nothing is due --> END
 *	          |  ^                        ^
 *	          v  '-- over -- TAKE         |
 *	         CALL ------------^           '-- told to stop
 */
struct judging {
	struct conn_pool *pool;
	const struct snapshot *snap; /* NULL: nothing is under way */
	struct judge *judge;
	struct job job;
	int rc; /* of the worker's step */
	bool busy, calling, stopped;
};

struct judging *
judging_new(struct conn_pool *pool)
{
	struct judging *j = mem_new(sizeof(*j));

	j->pool = pool;
	return j;
}

static void
give_back(struct judging *j)
{
	judge_free(j->judge);
	live_put(j->snap);
	j->judge = NULL;
	j->snap = NULL;
}

void
judging_free(struct judging *j)
{
	if (j == NULL)
		return;
	give_back(j);
	free(j);
}

static void
post(struct judging *j, void (*work)(void *), void (*done)(void *))
{
	j->job = (struct job){ .work = work, .done = done, .arg = j };
	workers_post_patient(j->pool->workers, &j->job);
}

/* --- END --- */

static void
work_end(void *arg)
{
	give_back(arg);
}

static void
done_end(void *arg)
{
	struct judging *j = arg;

	j->busy = false;
}

/* --- CLAIM, CALL, TAKE --- */

/* On a worker: the judge of the configuration in force, if it has any. */
static int
open_judge(struct judging *j, struct error *err)
{
	struct gateway *gw = j->pool->gw;
	struct state *state;

	j->snap = gateway_conf(gw, err);
	if (j->snap == NULL || j->snap->conf->experiments == NULL)
		return 0;
	state = gateway_state(gw, j->snap->conf, err);
	if (state == NULL || !trials_due(state))
		return 0;
	j->judge = judge_new(j->snap->conf, state, gateway_accounts(gw));
	return 1;
}

static void
work_claim(void *arg)
{
	struct judging *j = arg;
	struct error err = { .kind = ERROR_NONE };

	j->rc = j->judge != NULL ? 1 : open_judge(j, &err);
	if (j->rc == 1)
		j->rc = judge_claim(j->judge, &err);
	if (err.kind != ERROR_NONE)
		log_event(LOG_LEVEL_WARN, "judge", "%s", err.msg);
}

static void
work_take(void *arg)
{
	struct judging *j = arg;
	struct error err = { .kind = ERROR_NONE };

	j->rc = judge_take(j->judge, &err);
	if (err.kind != ERROR_NONE)
		log_event(LOG_LEVEL_WARN, "judge", "%s", err.msg);
}

static void run_call(struct judging *j);

static bool
has_time(const struct judging *j)
{
	return !j->stopped && j->pool->n_calls <= j->pool->max_calls / 4;
}

static void
done_claim(void *arg)
{
	struct judging *j = arg;

	if (j->rc == 1 && !j->stopped)
		run_call(j);
	else
		post(j, work_end, done_end);
}

static void
done_take(void *arg)
{
	struct judging *j = arg;

	exporter_add(j->pool->exporter, judge_call(j->judge));
	if (j->rc == 1 && !j->stopped)
		run_call(j);
	else if (j->rc == 0 && has_time(j))
		post(j, work_claim, done_claim);
	else
		post(j, work_end, done_end);
}

static void
on_progress(void *arg)
{
	(void)arg;
}

static void
on_ended(void *arg)
{
	struct judging *j = arg;

	j->calling = false;
	post(j, work_take, done_take);
}

static void
run_call(struct judging *j)
{
	static const struct call_events events = { on_progress, on_ended };

	j->calling = true;
	call_run(judge_call(j->judge), j->pool->loop, j->pool->upstream,
	    judge_sink(j->judge), &events, j);
}

void
judging_look(struct judging *j)
{
	if (j->busy || !has_time(j))
		return;
	j->busy = true;
	post(j, work_claim, done_claim);
}

void
judging_stop(struct judging *j)
{
	j->stopped = true;
	if (j->calling)
		call_cancel(judge_call(j->judge), ERROR_BUSY,
		    "the gateway is being restarted");
}

bool
judging_busy(const struct judging *j)
{
	return j != NULL && j->busy;
}
