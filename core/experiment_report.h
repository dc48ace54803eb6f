/* SPDX-License-Identifier: MIT */
/*
 * What an experiment has shown, as one JSON object: for the verb and for
 * GET /sluice/v1/experiments.
 *	{"name","version","mode","sample","epsilon",
 *	 "quality_floor","state":"running|stopped|waiting|ended|out_of_budget",
 *	 "promoted":arm or null,"spent_usd","budget_usd","begun","judged",
 *	 "waiting","dropped":{"nonsense":0,…},"arms":["…"],
 *	 "tasks":[{"task","verdict":"winner|no_difference|keep_going",
 *	   "winner":arm or null,"more","from","to",
 *	   "arms":[{"arm","n","failed","fit","fit_low","fit_high","win_rate",
 *	     "win_low","win_high","accepted","cost_usd","accepted_usd",
 *	     "latency_ms"}],
 *	   "pairs":[{"arms":[a,b],"n","difference","low","high","won","lost",
 *	     "tied","inconsistent","more"}]}],
 *	 "agreement":{"labels","same","kappa","self_preferred"}}
 * fit is the mean score with its 95 % interval; low and high of a pair are a
 * confidence sequence, which holds however often one looks (stats.h).
 */
#ifndef CORE_EXPERIMENT_REPORT_H
#define CORE_EXPERIMENT_REPORT_H

#include <stdint.h>

struct experiment;
struct jw;
struct trials_view;

/* experiment_report_write(e, view, now_us, w): as above. */
void experiment_report_write(const struct experiment *e,
    const struct trials_view *view, int64_t now_us, struct jw *w);

#endif
