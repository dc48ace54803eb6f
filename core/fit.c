/* SPDX-License-Identifier: MIT */
#include "core/fit.h"

#include <math.h>

#include "core/experiment.h"

#define USUAL_SD 0.25 /* of differences, before there are any */

/* Differences are kept as (1 + d) / 2. */
static double
diff_of(double u)
{
	return 2 * u - 1;
}

static int64_t
mean_of(int64_t sum, int64_t n)
{
	return n > 0 ? sum / n : -1;
}

static void
fit_arm(struct fit_arm *arm, const struct evidence_arm *ev,
    const struct experiment *e)
{
	arm->n = ev->fit.n;
	arm->failed = ev->failed;
	arm->fit = stats_mean(&ev->fit, FIT_ALPHA);
	if (arm->n >= FIT_MIN)
		arm->floor = stats_low(&ev->fit, FIT_ALPHA / e->n_arms);
	arm->accepted = stats_above(&ev->fit, e->quality_floor);
	arm->call_pusd = mean_of(ev->cost_pusd, ev->priced);
	/* All calls, the failed ones too, pay for those that were accepted. */
	arm->accepted_pusd = arm->call_pusd < 0 || arm->accepted == 0
	    ? -1
	    : (int64_t)((double)arm->call_pusd * (double)ev->calls /
		  (double)arm->accepted);
	arm->time_ms = mean_of(ev->time_ms, ev->timed);
}

/* Wins, and ties as halves, as observations. */
static void
add_results(struct stats_bins *b, int64_t won, int64_t tied, int64_t lost)
{
	b->count[STATS_BINS - 1] += (uint32_t)won;
	b->count[STATS_BINS / 2] += (uint32_t)tied;
	b->count[0] += (uint32_t)lost;
	b->n += won + tied + lost;
}

static struct stats_interval
won_of_arm(const struct evidence *ev, unsigned arm)
{
	struct stats_bins b = { .n = 0 };
	const struct evidence_pair *p;
	unsigned j;

	for (j = 0; j < ev->n_arms; j++) {
		if (j == arm)
			continue;
		p = &ev->pairs[evidence_place(arm, j)];
		if (arm < j)
			add_results(&b, p->won, p->tied, p->lost);
		else
			add_results(&b, p->lost, p->tied, p->won);
	}
	return stats_mean(&b, FIT_ALPHA);
}

/*
 * To tell the two apart takes about as many as a difference of the observed
 * size does; to tell that they are the same, as the distance to epsilon does.
 */
static int64_t
more_of(const struct fit_pair *pair, double sd, double alpha, double epsilon)
{
	double off = fabs(pair->diff.mean);
	double effect = fmax(off, epsilon - off);
	int64_t needed;

	if (pair->n < FIT_MIN) {
		effect = epsilon;
		sd = USUAL_SD;
	}
	needed = stats_needed(effect, sd, alpha, FIT_POWER);
	if (needed < FIT_MIN)
		needed = FIT_MIN;
	return needed > pair->n ? needed - pair->n : 1;
}

static void
fit_pair(struct fit_pair *pair, const struct evidence_pair *ev, double alpha,
    double epsilon)
{
	struct stats_bins won = { .n = 0 };

	pair->n = ev->diff.n;
	pair->diff.mean = diff_of(stats_mean(&ev->diff, FIT_ALPHA).mean);
	pair->diff.low = -1;
	pair->diff.high = 1;
	add_results(&won, ev->won, ev->tied, ev->lost);
	pair->won = stats_mean(&won, FIT_ALPHA);
	if (pair->n >= FIT_MIN) {
		pair->diff.low = diff_of(stats_low(&ev->diff, alpha));
		pair->diff.high = diff_of(stats_high(&ev->diff, alpha));
	}
	if (pair->diff.low >= -epsilon && pair->diff.high <= epsilon)
		pair->verdict = FIT_NO_DIFFERENCE;
	else if (pair->diff.low > 0 || pair->diff.high < 0)
		pair->verdict = FIT_WINNER;
	else
		pair->more =
		    more_of(pair, 2 * stats_sd(&ev->diff), alpha, epsilon);
}

/* How much better than j is i, at least? */
struct margins {
	double least[EXPERIMENT_MAX_ARMS][EXPERIMENT_MAX_ARMS];
};

/*
 * All bounds hold at once, so they add up: what beats the incumbent by more
 * than another one may, beats that one, although they never met.
 */
static void
measure(struct margins *m, const struct fit *fit)
{
	const struct fit_pair *p;
	unsigned i, j, k;
	double sum;

	for (i = 0; i < fit->n_arms; i++)
		for (j = 0; j < fit->n_arms; j++) {
			p = &fit->pairs[evidence_place(i, j)];
			m->least[i][j] = i == j ? 0
			    : i < j             ? p->diff.low
						: -p->diff.high;
		}
	for (k = 0; k < fit->n_arms; k++)
		for (i = 0; i < fit->n_arms; i++)
			for (j = 0; j < fit->n_arms; j++) {
				sum = m->least[i][k] + m->least[k][j];
				if (sum > m->least[i][j])
					m->least[i][j] = sum;
			}
}

/* By more than does not matter, or by who knows how much more. */
static bool
beats(const struct margins *m, unsigned i, unsigned j, double epsilon)
{
	return m->least[i][j] > 0 && m->least[j][i] < -epsilon;
}

static bool
is_beaten(const struct margins *m, unsigned n, unsigned arm, double epsilon)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (beats(m, i, arm, epsilon))
			return true;
	return false;
}

/* Two that never meet: about as many as each has had with the incumbent. */
static int64_t
more_between(const struct fit *fit, unsigned i, unsigned j)
{
	const struct fit_pair *p = &fit->pairs[evidence_place(i, j)];
	int64_t had;

	if (p->n > 0 || i == 0 || j == 0)
		return p->more;
	had = fit->pairs[evidence_place(0, i)].n +
	    fit->pairs[evidence_place(0, j)].n;
	return had > p->more ? had : p->more;
}

/* Among those that nobody beats: is there but one, or no difference? */
static void
conclude(struct fit *fit, const struct margins *m, double epsilon)
{
	unsigned best[EXPERIMENT_MAX_ARMS] = { 0 }, n = 0, i, j;
	bool same = true;
	int64_t more;

	for (i = 0; i < fit->n_arms; i++)
		if (!is_beaten(m, fit->n_arms, i, epsilon))
			best[n++] = i;
	fit->winner = best[0];
	for (i = 1; i < n; i++)
		for (j = 0; j < i; j++) {
			more = more_between(fit, best[i], best[j]);
			if (more > fit->more)
				fit->more = more;
			same &= m->least[best[i]][best[j]] >= -epsilon &&
			    m->least[best[j]][best[i]] >= -epsilon;
		}
	if (same)
		fit->more = 0;
	if (same)
		fit->verdict = n > 1 ? FIT_NO_DIFFERENCE : FIT_WINNER;
}

void
fit_of(struct fit *fit, const struct evidence *ev, const struct experiment *e)
{
	unsigned n = ev->n_arms, pairs = n * (n - 1) / 2, i;
	unsigned met = e->mode == EXPERIMENT_SHADOW ? n - 1 : pairs;
	struct margins margins;

	*fit = (struct fit){ .n_arms = n };
	for (i = 0; i < n; i++) {
		fit_arm(&fit->arms[i], &ev->arms[i], e);
		fit->arms[i].won = won_of_arm(ev, i);
	}
	for (i = 0; i < pairs; i++)
		fit_pair(&fit->pairs[i], &ev->pairs[i], FIT_ALPHA / 2 / met,
		    e->epsilon);
	measure(&margins, fit);
	conclude(fit, &margins, e->epsilon);
	fit->more *= met;
}
