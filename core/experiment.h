/* SPDX-License-Identifier: MIT */
/*
 * Experiments as the configuration has them (`experiments`), and what a call
 * has to do with one.
 *
 * Arms answer the calls of a route { "experiment": NAME }: one of them per
 * call, by sticky shares (mode split), or always the first (mode shadow).  Of
 * a sampled call one more arm answers in the shadow, after the client has its
 * answer, and the judge compares the two: a trial.  One pair per call keeps
 * all that is learnt independent, and its cost at one call and two judgings.
 *
 * What evidence depends on is hashed into the version: task, arms with all
 * that the routes they name lead to, judge, rubric, criteria, references.
 * An experiment that is edited there begins anew; one whose sample, budget,
 * dates or thresholds change goes on.
 */
#ifndef CORE_EXPERIMENT_H
#define CORE_EXPERIMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/chat.h"
#include "core/sticky.h"
#include "core/str.h"

struct conf;
struct json_object;
struct plan;
struct planner;
struct route;

#define EXPERIMENT_MAX_ARMS      8
#define EXPERIMENT_MAX_CRITERIA  8
#define EXPERIMENT_MAX_TASKS     64 /* told apart, of one without a task */
#define EXPERIMENT_VERSION_BYTES 17 /* 16 hex digits and NUL */
#define EXPERIMENT_NAME_BYTES    64 /* of experiments, arms and criteria */

enum experiment_mode {
	EXPERIMENT_SHADOW,
	EXPERIMENT_SPLIT
};

struct experiment_arm {
	struct str name;           /* in evidence and reports */
	const struct route *route; /* with `set` laid over its targets */
	int64_t weight;            /* mode split */
};

struct experiment {
	struct str name;
	char version[EXPERIMENT_VERSION_BYTES];
	struct str task; /* absent: every task, each measured by itself */
	struct experiment_arm arms[EXPERIMENT_MAX_ARMS]; /* [0]: incumbent */
	unsigned n_arms;                                 /* 2 or more */
	enum experiment_mode mode;
	enum sticky sticky;
	double sample; /* share of the calls that are judged */
	const struct route *judge;
	bool judge_may_be_arm;
	struct str rubric;        /* absent: the default of the task */
	struct name *criteria;    /* NULL: the default of the task */
	struct str references;    /* path of a file, one { "input", "answer" } a
				* line; absent: none */
	int64_t budget_pusd;      /* of shadow and judge together */
	int64_t start_us, end_us; /* wall; 0: at once, never */
	int64_t max_verdicts;     /* per task; then it rests */
	bool stop_decided;        /* it rests once there is a verdict */
	int64_t keep_days;        /* bodies after the verdict; 0: not at all */
	double epsilon;           /* difference of fit that does not matter */
	double quality_floor;     /* score of an accepted answer */
	struct experiment *next;
	/* private, while it is being read */
	struct json_object *json;
	bool parsing;
};

/*
 * A part that a call takes in an experiment if ${plan} is what answers it: a
 * route may name several experiments, and nobody knows before who will.
 */
struct trial {
	const struct experiment *experiment;
	struct str task;         /* "" if the call has none */
	unsigned served, other;  /* arms: the one that answers, the one that
				  * does in the shadow */
	const struct plan *plan; /* of served; see trial_holds */
	struct trial *next;
};

/*
 * trial_holds(trial, answered):
 * Returns  true if ${answered}, a target of the call's plan, is the arm's
 *          own: where the incumbent has taken over for it, or a later one of
 *          the list, the call shows nothing but that the arm has failed.
 */
bool trial_holds(const struct trial *trial, const struct plan *answered);

/*
 * experiment_find(conf, name):
 * Returns  the experiment called ${name}, or NULL.
 */
const struct experiment *experiment_find(
    const struct conf *conf, struct str name);

/*
 * experiment_arm(e, name):
 * Returns  which arm is called ${name}, or -1.
 */
int experiment_arm(const struct experiment *e, struct str name);

/* experiment_due(e, now_us): is ${now_us} between its start and its end? */
bool experiment_due(const struct experiment *e, int64_t now_us);

/*
 * experiment_takes(e, task):
 * Returns  true if calls of ${task} (absent: none) are its business.
 */
bool experiment_takes(const struct experiment *e, struct str task);

/*
 * experiment_runs(p, e):
 * Returns  true if it is under way and the call of ${p} is its business.
 */
bool experiment_runs(struct planner *p, const struct experiment *e);

/*
 * experiment_plan(p, e, arm):
 * Returns  the plan of an arm, or NULL where it cannot serve the call, or
 *          would drop opaque state of its conversation.
 */
struct plan *experiment_plan(
    struct planner *p, const struct experiment *e, unsigned arm);

/*
 * experiment_sample(p, e, served, plan):
 * Decide whether the call of ${p} is to be judged if arm ${served}, by its
 * ${plan}, answers it, and which of those that can does so in the shadow: one
 * more of p->trials.
 */
void experiment_sample(struct planner *p, const struct experiment *e,
    unsigned served, const struct plan *plan);

#endif
