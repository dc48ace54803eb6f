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
struct jnode;
struct json_object;
struct planner;
struct route;
struct route_reader;

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

/* The part that a call takes in an experiment. */
struct trial {
	const struct experiment *experiment;
	struct str task; /* "" if the call has none */
	unsigned served,
	    other; /* arms: who answers, who does so in the shadow */
};

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
 * experiment_read(r, e):
 * Read arms and judge, once whatever they name is known; twice is once.
 *
 * Returns  0, or -1 after complaints.
 */
int experiment_read(struct route_reader *r, struct experiment *e)
    __attribute__((warn_unused_result));

/*
 * experiment_assign(p, e, trial):
 * Decide who answers the call of ${p}, and whether it is sampled.
 *
 * Returns  the arm; ${trial} has experiment NULL if it takes no further part.
 */
unsigned experiment_assign(
    struct planner *p, const struct experiment *e, struct trial *trial);

#endif
