/* SPDX-License-Identifier: MIT */
#include "core/stats.h"

#include <math.h>

#define TOP       (STATS_BINS - 1)
#define STAKES    8
#define STEPS     10 /* of a bisection: a thousandth */
#define MOST_EVER INT64_C(1000000000)

/*
 * Shares of the capital; the best one is about mean / variance, for
 * differences, and of two neighbours one is within a tenth of its growth.
 */
static const double stakes[STAKES] = { 0.95, 0.56, 0.33, 0.19, 0.11, 0.066,
	0.039, 0.023 };

void
stats_add(struct stats_bins *b, double v)
{
	long i = lround(v * TOP);

	b->count[i < 0 ? 0 : i > TOP ? TOP : i]++;
	b->n++;
}

int64_t
stats_above(const struct stats_bins *b, double v)
{
	int64_t n = 0;
	int i;

	for (i = 0; i < STATS_BINS; i++)
		if (i >= v * TOP - 1e-6)
			n += b->count[i];
	return n;
}

static double
mean_of(const struct stats_bins *b)
{
	double sum = 0;
	int i;

	for (i = 0; i < STATS_BINS; i++)
		sum += (double)b->count[i] * i;
	return b->n > 0 ? sum / TOP / (double)b->n : 0.5;
}

double
stats_sd(const struct stats_bins *b)
{
	double n = (double)b->n, mean = mean_of(b), sum = 0, off;
	int i;

	for (i = 0; i < STATS_BINS; i++) {
		off = (double)i / TOP - mean;
		sum += b->count[i] * off * off;
	}
	off = mean - 0.5;
	return n > 0 ? sqrt((sum + off * off * n / (n + 1)) / n) : 0.5;
}

/* The standard normal deviate that ${p} of all are below: by halving. */
static double
deviate(double p)
{
	double low = -9, high = 9, mid = 0;
	int i;

	for (i = 0; i < 50; i++) {
		mid = (low + high) / 2;
		if (0.5 * erfc(-mid / M_SQRT2) < p)
			low = mid;
		else
			high = mid;
	}
	return mid;
}

/*
 * That of Student's t, with ${df} degrees of freedom.
 * Source: Abramowitz and Stegun, 26.7.5, its first two terms.
 */
static double
student(double p, double df)
{
	double z = deviate(p), z3 = z * z * z;

	return z + (z3 + z) / (4 * df) +
	    (5 * z3 * z * z + 16 * z3 + 3 * z) / (96 * df * df);
}

static struct stats_interval
around(double mean, double half)
{
	return (struct stats_interval){ .mean = mean,
		.low = fmax(mean - half, 0),
		.high = fmin(mean + half, 1) };
}

struct stats_interval
stats_mean(const struct stats_bins *b, double alpha)
{
	double n = (double)b->n, mean = mean_of(b);

	if (b->n == 0)
		return around(mean, 1);
	return around(mean, student(1 - alpha / 2, n) * stats_sd(b) / sqrt(n));
}

/*
 * The logarithm of what betting on a mean above ${m} has made of 1; with
 * ${mirrored}, of 1 - observation.
 */
static double
capital(const struct stats_bins *b, double m, bool mirrored)
{
	double log_of[STAKES] = { 0 }, u, most = 0, sum = 0;
	int i, s;

	for (i = 0; i < STATS_BINS; i++) {
		if (b->count[i] == 0)
			continue;
		u = (double)(mirrored ? TOP - i : i) / TOP / m - 1;
		for (s = 0; s < STAKES; s++)
			log_of[s] += b->count[i] * log1p(stakes[s] * u);
	}
	for (s = 0; s < STAKES; s++)
		most = fmax(most, log_of[s]);
	for (s = 0; s < STAKES; s++)
		sum += exp(log_of[s] - most);
	return most + log(sum / STAKES);
}

bool
stats_exceeds(const struct stats_bins *b, double m, double alpha)
{
	if (m <= 0)
		return true;
	return m < mean_of(b) && capital(b, m, false) >= -log(alpha);
}

bool
stats_falls_short(const struct stats_bins *b, double m, double alpha)
{
	if (m >= 1)
		return true;
	return m > mean_of(b) && capital(b, 1 - m, true) >= -log(alpha);
}

double
stats_low(const struct stats_bins *b, double alpha)
{
	double low = 0, high = mean_of(b), mid;
	int i;

	for (i = 0; i < STEPS; i++) {
		mid = (low + high) / 2;
		if (stats_exceeds(b, mid, alpha))
			low = mid;
		else
			high = mid;
	}
	return low;
}

double
stats_high(const struct stats_bins *b, double alpha)
{
	double low = mean_of(b), high = 1, mid;
	int i;

	for (i = 0; i < STEPS; i++) {
		mid = (low + high) / 2;
		if (stats_falls_short(b, mid, alpha))
			high = mid;
		else
			low = mid;
	}
	return high;
}

/*
 * A stake g makes about g * effect - g^2 (sd^2 + effect^2) / 2 of logarithm
 * an observation, give or take g * sd; one of them must pay for all.
 */
int64_t
stats_needed(double effect, double sd, double alpha, double power)
{
	double square = sd * sd + effect * effect;
	double stake = fmin(effect / square, stakes[0]);
	double growth = stake * effect - stake * stake * square / 2;
	double spread = stake * sd * deviate(power);
	double goal = log(STAKES / alpha), root;

	if (effect <= 0 || growth <= 0)
		return MOST_EVER;
	root =
	    (spread + sqrt(spread * spread + 4 * growth * goal)) / (2 * growth);
	return (int64_t)fmin(ceil(root * root), (double)MOST_EVER);
}
