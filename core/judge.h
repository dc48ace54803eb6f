/* SPDX-License-Identifier: MIT */
/*
 * Judging: one trial at a time, in two calls to the judge, one for each
 * order.  The same steps for a responder that has nothing better to do
 * (fcgi/judging.c) and for `sluice judge`:
 *
 *	judge_claim	a trial, and the first call ready (may block)
 *	call_run(judge_call(j), …, judge_sink(j), …)
 *	judge_take	its answer; the second call, or the end (may block)
 *
 * A judge that cannot be had is asked again later, after 30 s, a minute, ...
 * an hour, for a week; one that talks nonsense three times in all, or
 * refuses, is not.  A verdict's text, as it is kept and told:
 *
 *	{"call","experiment","version","task","account","judged_at","judge",
 *	 "arms":[served,shadow],"answered":["provider/model",…],
 *	 "scores":[0.8,0.6],"winner":arm or null,"inconsistent":false,
 *	 "self_preference":arm or null,"reasons":["…","…"],
 *	 "cost_usd":[…],"latency_ms":[…],"judge_usd":"…","label":null}
 *
 * self_preference names the arm of the judge's own family, if only one is,
 * and it has won.
 */
#ifndef CORE_JUDGE_H
#define CORE_JUDGE_H

#include <stdint.h>

#include "core/str.h"

struct accounts;
struct arena;
struct call;
struct conf;
struct error;
struct experiment;
struct judge;
struct sink;
struct state;
struct trial_case;

/*
 * judge_new(conf, state, accounts), judge_free(j):
 * ${conf} stays until judge_free, which gives back a trial that is not over.
 */
struct judge *judge_new(
    const struct conf *conf, struct state *state, struct accounts *accounts);
void judge_free(struct judge *j);

/*
 * judge_claim(j, err):
 * Returns  1 with a call to be made, 0 if no trial is due, -1: ERROR_STORE,
 *          ERROR_CONF.
 */
int judge_claim(struct judge *j, struct error *err)
    __attribute__((warn_unused_result));

/*
 * judge_call(j), judge_sink(j): the call, and where its events go.  After
 * judge_take it has the spans of the one before (exporter.h).
 */
struct call *judge_call(struct judge *j);
struct sink *judge_sink(struct judge *j);

/*
 * judge_take(j, err):
 * After the call has ended: settle it.
 *
 * Returns  1 with another call to be made, 0 when the trial is over (a
 *          verdict, or put off, or dropped), -1: ERROR_STORE.
 */
int judge_take(struct judge *j, struct error *err)
    __attribute__((warn_unused_result));

/* judge_verdicts(j): how many verdicts there were. */
int64_t judge_verdicts(const struct judge *j);

/*
 * judge_worst(conf, state, e, task, tc, a, pusd):
 * Returns  true with the most that judging ${tc} may cost, or false: the
 *          judge has no price.
 */
bool judge_worst(const struct conf *conf, struct state *state,
    const struct experiment *e, struct str task, const struct trial_case *tc,
    struct arena *a, int64_t *pusd);

#endif
