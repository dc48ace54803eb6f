/* SPDX-License-Identifier: MIT */
/*
 * Statistics of observations between 0 and 1, kept as a histogram.
 *
 * Two kinds of intervals, for two kinds of questions:
 *
 * stats_mean: what a report shows, looked at once.  Student's t with one more
 * observation of 1/2 in the variance (Agresti and Coull's idea, for bounded
 * scores instead of rates): without it twenty equal scores would claim
 * certainty, and skewed ones would claim too much.
 *
 * stats_low, stats_high: what decisions are made of, looked at all the time.
 * A confidence sequence by betting (Waudby-Smith and Ramdas, "Estimating
 * means of bounded random variables by betting", JRSS B 2024, section 4, with
 * a fixed mixture of stakes): somebody who bets that the mean is above m
 * stakes a share g of the capital on each observation u at the odds u/m; if
 * the mean is m at most, capital never grows on average, and is 1/alpha ever
 * with probability alpha at most (Ville).  So m is out once the mean capital
 * over the stakes has reached 1/alpha.  It holds at every moment at once, for
 * any distribution, without an assumption about the variance, and depends on
 * nothing but the histogram.
 */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include <stdbool.h>
#include <stdint.h>

#define STATS_BINS 201 /* bin i: i / (STATS_BINS - 1) */

struct stats_bins {
	int64_t n; /* observations */
	uint32_t count[STATS_BINS];
};

struct stats_interval {
	double mean, low, high;
};

/* stats_add(b, v): count ${v}, taken to the nearest bin of 0 to 1. */
void stats_add(struct stats_bins *b, double v);

/*
 * stats_mean(b, alpha):
 * Returns  the mean with its interval of confidence 1 - ${alpha}; without
 *          observations 0 to 1 around 1/2.
 */
struct stats_interval stats_mean(const struct stats_bins *b, double alpha);

/* stats_sd(b): the standard deviation; with the added observation as above. */
double stats_sd(const struct stats_bins *b);

/* stats_above(b, v): how many observations are ${v} or more. */
int64_t stats_above(const struct stats_bins *b, double v);

/*
 * stats_exceeds(b, m, alpha), stats_falls_short(b, m, alpha):
 * Returns  true if the mean is above, or below, ${m}; whoever asks after
 *          each observation is ever wrong with probability ${alpha} at most.
 */
bool stats_exceeds(const struct stats_bins *b, double m, double alpha);
bool stats_falls_short(const struct stats_bins *b, double m, double alpha);

/*
 * stats_low(b, alpha), stats_high(b, alpha):
 * Returns  the bound of the mean that follows: the greatest (least) that it
 *          exceeds (falls short of), to a thousandth.
 */
double stats_low(const struct stats_bins *b, double alpha);
double stats_high(const struct stats_bins *b, double alpha);

/*
 * stats_needed(effect, sd, alpha, power):
 * For differences between -1 and 1, kept as (1 + difference) / 2.
 *
 * Returns  how many it takes until the bound of ${alpha} excludes a mean that
 *          is ${effect} away, with probability ${power}.
 */
int64_t stats_needed(double effect, double sd, double alpha, double power);

#endif
