/* SPDX-License-Identifier: MIT */
/*
 * What the statistics promise, tried a thousand times: two or three arms of
 * known quality, and a judge that is right only so often and prefers what it
 * is shown first.  All of it through verdict_settle and evidence_add.
 */
#include <math.h>

#include "core/arena.h"
#include "core/evidence.h"
#include "core/fit.h"
#include "tests/unit/unit.h"

#define RUNS 1000

struct dice {
	uint64_t state;
};

static double
roll(struct dice *d)
{
	uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return (double)(z >> 11) / 9007199254740992.0;
}

/* About normal: mean 0, deviation 1. */
static double
bell(struct dice *d)
{
	double sum = 0;
	int i;

	for (i = 0; i < 12; i++)
		sum += roll(d);
	return sum - 6;
}

static double
within(double v)
{
	return v < 0 ? 0 : v > 1 ? 1 : v;
}

struct judge {
	double accuracy; /* how often it looks at all; else it guesses */
	double bias;     /* what stands first gets more by this */
	bool crude;      /* it only says which one is better: 1 and 0 */
};

static const struct judge good = { 0.9, 0, false },
			  biased = { 0.7, 0.2, false },
			  crude = { 0.8, 0.2, true };

/* One look at two answers of that quality, the first of them first. */
static void
look(struct dice *d, const struct judge *j, const double quality[2],
    double points[2])
{
	double seen[2];
	int i;

	for (i = 0; i < 2; i++)
		seen[i] = roll(d) < j->accuracy ? quality[i] + 0.05 * bell(d)
						: 0.2 + 0.6 * roll(d);
	seen[0] += j->bias / 2;
	seen[1] -= j->bias / 2;
	for (i = 0; i < 2; i++)
		points[i] = j->crude ? seen[i] > seen[!i] : within(seen[i]);
}

/* A call with answers of these mean qualities, judged in both orders. */
static struct verdict
judged(struct dice *d, const struct judge *j, double first, double second)
{
	struct verdict v = { .n_criteria = 1, .sides = { { .arm = 0 } } };
	double hard = 0.1 * bell(d), shown[2];
	const double q[2] = { first + hard + 0.1 * bell(d),
		second + hard + 0.1 * bell(d) };
	const double turned[2] = { q[1], q[0] };

	v.sides[1].arm = 1;
	look(d, j, q, shown);
	v.sides[0].points[0][0] = shown[0];
	v.sides[1].points[1][0] = shown[1];
	look(d, j, turned, shown);
	v.sides[1].points[0][0] = shown[0];
	v.sides[0].points[1][0] = shown[1];
	assert_int_equal(verdict_settle(&v), 0);
	return v;
}

static struct experiment
experiment(unsigned n_arms)
{
	return (struct experiment){ .n_arms = n_arms,
		.mode = EXPERIMENT_SPLIT,
		.epsilon = 0.05,
		.quality_floor = 0.6 };
}

/* The decision of fit_of on one pair, without all that it computes beside. */
static bool
has_winner(const struct stats_bins *b, double alpha, double epsilon)
{
	if (b->n < FIT_MIN)
		return false;
	if (stats_exceeds(b, 0.5, alpha))
		return !stats_falls_short(b, 0.5 + epsilon / 2, alpha);
	if (stats_falls_short(b, 0.5, alpha))
		return !stats_exceeds(b, 0.5 - epsilon / 2, alpha);
	return false;
}

/* Judge up to ${most} calls, looking after each; when there was a winner. */
static int
run_until(struct dice *d, const struct judge *j, double second, int most,
    struct evidence *ev)
{
	struct experiment e = experiment(2);
	struct verdict v;
	struct fit fit;
	int i;

	*ev = (struct evidence){ .n_arms = 2 };
	for (i = 1; i <= most; i++) {
		v = judged(d, j, 0.5, second);
		evidence_add(ev, &v);
		if (!has_winner(&ev->pairs[0].diff, FIT_ALPHA / 2, e.epsilon))
			continue;
		fit_of(&fit, ev, &e);
		/* It computes bounds to a thousandth only. */
		if (fit.verdict != FIT_WINNER)
			continue;
		assert_int_equal(fit.winner, fit.pairs[0].diff.high < 0);
		return i;
	}
	return 0;
}

static void
whoever_looks_after_each_verdict_is_fooled_once_in_twenty_at_most(void **state)
{
	static const struct judge *const judges[] = { &good, &biased, &crude };
	struct evidence ev;
	struct dice d = { 1 };
	size_t j;
	int run, wrong;

	(void)state;
	for (j = 0; j < 3; j++) {
		wrong = 0;
		for (run = 0; run < RUNS; run++)
			wrong += run_until(&d, judges[j], 0.5, 400, &ev) > 0;
		print_message("false winners: %d of %d\n", wrong, RUNS);
		assert_true(wrong <= RUNS / 20);
	}
}

/* What the spread of differences is, from a thousand of them. */
static double
spread(struct dice *d, const struct judge *j, double second, double *mean)
{
	struct stats_bins b = { .n = 0 };
	struct verdict v;
	int i;

	for (i = 0; i < 20000; i++) {
		v = judged(d, j, 0.5, second);
		stats_add(&b, (1 + v.sides[0].score - v.sides[1].score) / 2);
	}
	*mean = fabs(2 * stats_mean(&b, FIT_ALPHA).mean - 1);
	return 2 * stats_sd(&b);
}

static void
a_difference_is_found_within_the_number_that_was_stated(void **state)
{
	static const struct {
		const struct judge *judge;
		double second;
	} cases[] = {
		{ &good, 0.58 },
		{ &good, 0.4 },
		{ &biased, 0.6 },
		{ &crude, 0.58 },
	};
	struct evidence ev;
	struct dice d = { 2 };
	double sd, effect;
	int64_t needed;
	size_t i;
	int run, found;

	(void)state;
	for (i = 0; i < 4; i++) {
		sd = spread(&d, cases[i].judge, cases[i].second, &effect);
		needed = stats_needed(effect, sd, FIT_ALPHA / 2, FIT_POWER);
		found = 0;
		for (run = 0; run < RUNS; run++)
			found += run_until(&d, cases[i].judge, cases[i].second,
				     (int)needed, &ev) > 0;
		print_message("effect %.3f, deviation %.3f: %d of %d within "
			      "%d verdicts\n",
		    effect, sd, found, RUNS, (int)needed);
		assert_true(found >= RUNS * 8 / 10);
		/* And it is no wild exaggeration. */
		assert_true(needed < 40 / (effect * effect / sd / sd) + 60);
	}
}

static void
both_orders_remove_a_bias_of_twenty_points(void **state)
{
	struct evidence *ev;
	struct arena *a = arena_new(1u << 20);
	struct dice d = { 3 };
	struct judge j = { 1, 0.2, false };
	struct verdict v;
	struct experiment e = experiment(2);
	struct stats_bins one_order = { .n = 0 };
	struct fit fit;
	int i;

	(void)state;
	ev = evidence_new(a, &e, STR("t"));
	for (i = 0; i < 20000; i++) {
		v = judged(&d, &j, 0.5, 0.5);
		evidence_add(ev, &v);
		stats_add(&one_order,
		    (1 + v.sides[0].points[0][0] - v.sides[1].points[1][0]) /
			2);
	}
	fit_of(&fit, ev, &e);
	assert_true(fabs(2 * stats_mean(&one_order, 0.05).mean - 1.2) < 0.01);
	assert_true(fabs(fit.pairs[0].diff.mean) < 0.005);
	assert_true(fabs(fit.pairs[0].won.mean - 0.5) < 0.01);
	assert_true(fabs(fit.arms[0].fit.mean - 0.5) < 0.005);
	assert_true(ev->pairs[0].inconsistent > 2000);
	assert_int_equal(fit.verdict, FIT_NO_DIFFERENCE);
	arena_free(a);
}

/* Scores of three shapes, all with a known mean. */
static double
score(struct dice *d, int shape)
{
	double u = roll(d);

	if (shape == 0)
		return within(0.5 + 0.15 * bell(d)); /* a hill */
	if (shape == 1)
		return 1 - u * u * u * u;       /* most of them near 1 */
	return u < 0.3 ? 0 : u < 0.5 ? 0.5 : 1; /* a rate with ties */
}

static void
intervals_cover_nineteen_times_in_twenty(void **state)
{
	static const double means[] = { 0.5, 0.8, 0.6 };
	static const int sizes[] = { 20, 50, 200 };
	struct stats_interval in;
	struct stats_bins b;
	struct dice d = { 4 };
	int shape, size, run, i, covered;

	(void)state;
	for (shape = 0; shape < 3; shape++)
		for (size = 0; size < 3; size++) {
			covered = 0;
			for (run = 0; run < 4 * RUNS; run++) {
				b = (struct stats_bins){ .n = 0 };
				for (i = 0; i < sizes[size]; i++)
					stats_add(&b, score(&d, shape));
				in = stats_mean(&b, 0.05);
				covered += in.low <= means[shape] &&
				    in.high >= means[shape];
			}
			print_message("shape %d, %d scores: mean %.1f %%\n",
			    shape, sizes[size], covered / 40.0);
			assert_in_range(covered, 93 * 40, 97 * 40);
		}
}

static void
three_equal_arms_have_no_more_false_winners_than_two(void **state)
{
	struct dice d = { 5 };
	struct evidence ev;
	struct verdict v;
	unsigned pair, low, high;
	int run, i, wrong = 0;

	(void)state;
	for (run = 0; run < RUNS; run++) {
		ev = (struct evidence){ .n_arms = 3 };
		for (i = 0; i < 600; i++) {
			v = judged(&d, &biased, 0.5, 0.5);
			pair = (unsigned)(roll(&d) * 3);
			low = pair == 2;
			high = pair == 0 ? 1 : 2;
			v.sides[0].arm = low;
			v.sides[1].arm = high;
			evidence_add(&ev, &v);
			pair = evidence_place(low, high);
			if (!has_winner(
				&ev.pairs[pair].diff, FIT_ALPHA / 6, 0.05))
				continue;
			wrong++;
			break;
		}
	}
	print_message("pairs told apart wrongly: %d of %d\n", wrong, RUNS);
	assert_true(wrong <= RUNS / 20);
}

static void
the_better_of_three_wins_although_two_of_them_never_met(void **state)
{
	struct dice d = { 6 };
	struct experiment e = experiment(3);
	struct evidence ev = { .n_arms = 3 };
	struct verdict v;
	struct fit fit;
	int i;

	(void)state;
	e.mode = EXPERIMENT_SHADOW;
	for (i = 0; i < 400; i++) {
		v = judged(&d, &good, 0.4, i % 2 ? 0.6 : 0.4);
		v.sides[1].arm = i % 2 ? 2 : 1;
		evidence_add(&ev, &v);
	}
	fit_of(&fit, &ev, &e);
	assert_int_equal(fit.verdict, FIT_WINNER);
	assert_int_equal(fit.winner, 2);
	assert_int_equal(fit.more, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    whoever_looks_after_each_verdict_is_fooled_once_in_twenty_at_most),
		cmocka_unit_test(
		    a_difference_is_found_within_the_number_that_was_stated),
		cmocka_unit_test(both_orders_remove_a_bias_of_twenty_points),
		cmocka_unit_test(intervals_cover_nineteen_times_in_twenty),
		cmocka_unit_test(
		    three_equal_arms_have_no_more_false_winners_than_two),
		cmocka_unit_test(
		    the_better_of_three_wins_although_two_of_them_never_met),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
