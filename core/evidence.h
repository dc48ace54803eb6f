/* SPDX-License-Identifier: MIT */
/*
 * What judging has shown: verdicts, and their sums per task.
 *
 * A verdict is about one call that two arms have answered.  The judge has
 * seen the two in both orders; scores are 0 to 1, and an arm's score is the
 * mean over both orders and all criteria, so that what the judge adds to
 * whatever stands first (or second) cancels out of every difference.  An arm
 * has won if it is ahead in both orders; anything else is a tie, and one
 * where the orders contradict each other is counted as inconsistent too.
 *
 * The sums are histograms: of each arm's scores, and of each pair's
 * differences, in steps of a hundredth.  For observations whose order does
 * not matter they lose nothing but the rounding, they add up, and every
 * statistic (stats.h) is computed from them when it is asked for, so that
 * thresholds may change afterwards.
 */
#ifndef CORE_EVIDENCE_H
#define CORE_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/experiment.h"
#include "core/ledger.h"
#include "core/stats.h"
#include "core/str.h"

struct arena;
struct buf;
struct error;

#define EVIDENCE_MAX_PAIRS (EXPERIMENT_MAX_ARMS * (EXPERIMENT_MAX_ARMS - 1) / 2)

struct verdict_side {
	unsigned arm;                              /* of the experiment */
	double points[2][EXPERIMENT_MAX_CRITERIA]; /* shown first, second */
	double score;                              /* by verdict_settle */
	int64_t cost_pusd;  /* of the whole call, retries and all; -1 unknown */
	int64_t latency_ms; /* -1 unknown */
};

enum verdict_result {
	VERDICT_TIE,
	VERDICT_FIRST, /* sides[0] has won */
	VERDICT_SECOND
};

struct verdict {
	char call[CALL_ID_BYTES];
	unsigned n_criteria;
	struct verdict_side sides[2];
	enum verdict_result result; /* by verdict_settle, as inconsistent */
	bool inconsistent;
	int64_t judged_us; /* wall */
};

/*
 * verdict_settle(v):
 * Make scores and result of the points.
 *
 * Returns  0, or -1 if points are not between 0 and 1: no verdict then.
 */
int verdict_settle(struct verdict *v) __attribute__((warn_unused_result));

struct evidence_arm {
	int64_t calls;         /* that it took part in */
	int64_t failed;        /* of these, without an answer: not judged */
	struct stats_bins fit; /* of its judged answers */
	int64_t priced;        /* calls whose cost is known, and their sum */
	int64_t cost_pusd;
	int64_t timed, time_ms; /* likewise */
};

struct evidence_pair {
	int64_t won, lost, tied; /* by the lower arm; tied has inconsistent */
	int64_t inconsistent;
	struct stats_bins diff; /* (1 + lower - higher) / 2 */
};

struct evidence {
	struct str experiment, version, task;
	unsigned n_arms;
	struct evidence_arm arms[EXPERIMENT_MAX_ARMS];
	struct evidence_pair pairs[EVIDENCE_MAX_PAIRS]; /* evidence_place */
	int64_t first_us, last_us; /* of the verdicts; 0: none */
};

/*
 * evidence_new(a, e, task):
 * Returns  empty evidence about ${task} in ${a}, for the version of ${e}.
 */
struct evidence *evidence_new(
    struct arena *a, const struct experiment *e, struct str task);

/* evidence_place(i, j): where in pairs two different arms are. */
unsigned evidence_place(unsigned i, unsigned j);

/*
 * evidence_add(ev, v):
 * Count a settled verdict, and the calls of both its sides.
 *
 * evidence_failed(ev, arm, cost_pusd): count a call that had no answer.
 */
void evidence_add(struct evidence *ev, const struct verdict *v);
void evidence_failed(struct evidence *ev, unsigned arm, int64_t cost_pusd);

/* evidence_json(ev, out): append it as one JSON object, for a database. */
void evidence_json(const struct evidence *ev, struct buf *out);

/*
 * evidence_read(a, text, err):
 * Returns  what evidence_json has written, or NULL: ERROR_STORE.
 */
struct evidence *evidence_read(
    struct arena *a, struct str text, struct error *err);

#endif
