/* SPDX-License-Identifier: MIT */
/*
 * What evidence says, as decisions and reports need it.
 *
 * A comparison looks at all pairs of arms with confidence sequences (stats.h)
 * at alpha / pairs / 2 a side, so that all of them hold at once, at every
 * moment: looking early does no harm, and whoever stops at the first winner
 * is wrong with probability alpha at most.
 */
#ifndef CORE_FIT_H
#define CORE_FIT_H

#include <stdint.h>

#include "core/evidence.h"
#include "core/stats.h"

#define FIT_ALPHA 0.05
#define FIT_POWER 0.8
#define FIT_MIN   20 /* verdicts of a pair before anything is decided */

enum fit_verdict {
	FIT_KEEP_GOING,
	FIT_NO_DIFFERENCE, /* of any two arms, beyond epsilon */
	FIT_WINNER         /* better than every other arm */
};

struct fit_arm {
	int64_t n, failed;
	struct stats_interval fit; /* 95 %, for people */
	double floor; /* fit is above, at every moment: for `best` */
	struct stats_interval won; /* rate; a tie is half */
	int64_t accepted;          /* answers that reach the quality floor */
	int64_t call_pusd, accepted_pusd; /* cost of one; -1 unknown */
	int64_t time_ms;                  /* mean; -1 unknown */
};

/* Two arms: by how much the lower one is better. */
struct fit_pair {
	int64_t n;
	struct stats_interval diff; /* mean with its confidence sequence */
	struct stats_interval won;  /* 95 %, for people */
	int64_t more;               /* verdicts until it is decided, about */
	enum fit_verdict verdict;   /* KEEP_GOING; one of the two is better;
				      * or they are the same */
};

struct fit {
	unsigned n_arms;
	struct fit_arm arms[EXPERIMENT_MAX_ARMS];
	struct fit_pair pairs[EVIDENCE_MAX_PAIRS];
	enum fit_verdict verdict;
	unsigned winner;
	int64_t more; /* verdicts until there is one, about; 0: there is */
};

/*
 * fit_of(fit, ev, e):
 * Compute all of ${fit} from ${ev}, with the thresholds of ${e}.
 */
void fit_of(
    struct fit *fit, const struct evidence *ev, const struct experiment *e);

#endif
