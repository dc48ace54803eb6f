/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/evidence.h"
#include "core/fit.h"
#include "tests/unit/unit.h"

static void
assert_near(double got, double want)
{
	if (fabs(got - want) > 0.003)
		fail_msg("%.5f is not %.5f", got, want);
}

/* Points of ${a} and ${b} where each stood first, where each stood second. */
static struct verdict
verdict(double a_first, double b_second, double b_first, double a_second)
{
	struct verdict v = { .n_criteria = 1,
		.sides = { { .arm = 0, .cost_pusd = -1, .latency_ms = -1 },
		    { .arm = 1, .cost_pusd = -1, .latency_ms = -1 } } };

	v.sides[0].points[0][0] = a_first;
	v.sides[0].points[1][0] = a_second;
	v.sides[1].points[0][0] = b_first;
	v.sides[1].points[1][0] = b_second;
	return v;
}

static void
an_arm_wins_only_if_it_is_ahead_in_both_orders(void **state)
{
	static const struct {
		double a_first, b_second, b_first, a_second;
		enum verdict_result result;
		bool inconsistent;
	} cases[] = {
		{ 0.8, 0.6, 0.7, 0.9, VERDICT_FIRST, false },
		{ 0.3, 0.6, 0.7, 0.4, VERDICT_SECOND, false },
		{ 0.8, 0.6, 0.8, 0.6, VERDICT_TIE, true },
		{ 0.2, 0.6, 0.2, 0.6, VERDICT_TIE, true },
		{ 0.5, 0.5, 0.5, 0.5, VERDICT_TIE, false },
		{ 0.9, 0.5, 0.5, 0.5, VERDICT_TIE, false },
	};
	struct verdict v;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		v = verdict(cases[i].a_first, cases[i].b_second,
		    cases[i].b_first, cases[i].a_second);
		assert_int_equal(verdict_settle(&v), 0);
		assert_int_equal(v.result, cases[i].result);
		assert_int_equal(v.inconsistent, cases[i].inconsistent);
		assert_near(v.sides[0].score,
		    (cases[i].a_first + cases[i].a_second) / 2);
		assert_near(v.sides[1].score,
		    (cases[i].b_first + cases[i].b_second) / 2);
	}
}

static void
points_out_of_range_are_no_verdict(void **state)
{
	static const double bad[] = { -0.1, 1.1, (double)NAN,
		(double)INFINITY };
	struct verdict v;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		v = verdict(0.5, 0.5, 0.5, bad[i]);
		assert_int_equal(verdict_settle(&v), -1);
	}
	v = verdict(1, 1, 1, 1);
	v.n_criteria = 0;
	assert_int_equal(verdict_settle(&v), -1);
	v.n_criteria = EXPERIMENT_MAX_CRITERIA + 1;
	assert_int_equal(verdict_settle(&v), -1);
}

static void
add(struct evidence *ev, unsigned first, unsigned second, double a, double b)
{
	struct verdict v = verdict(a, b, b, a);

	v.sides[0].arm = first;
	v.sides[1].arm = second;
	v.sides[0].cost_pusd = 1000;
	v.sides[1].cost_pusd = 500;
	v.sides[0].latency_ms = 30;
	v.judged_us = 7;
	assert_int_equal(verdict_settle(&v), 0);
	evidence_add(ev, &v);
}

static void
a_pair_counts_for_the_lower_arm_whoever_stood_first(void **state)
{
	struct evidence ev = { .n_arms = 3 };
	const struct evidence_pair *p = &ev.pairs[evidence_place(2, 0)];

	(void)state;
	add(&ev, 0, 2, 0.9, 0.1);
	add(&ev, 2, 0, 0.1, 0.9);
	add(&ev, 2, 0, 0.8, 0.2);
	add(&ev, 0, 2, 0.5, 0.5);
	assert_int_equal(p->won, 2);
	assert_int_equal(p->lost, 1);
	assert_int_equal(p->tied, 1);
	assert_int_equal(p->diff.n, 4);
	assert_near(2 * stats_mean(&p->diff, 0.05).mean - 1, 0.25);
	assert_int_equal(ev.arms[0].fit.n, 4);
	assert_int_equal(ev.arms[1].fit.n, 0);
	assert_int_equal(ev.arms[0].cost_pusd, 3000);
	assert_int_equal(ev.arms[2].timed, 2);
}

static void
evidence_is_the_same_after_a_journey_through_text(void **state)
{
	static const char *const bad[] = { "", "{}", "[1]",
		"{\"experiment\":\"e\",\"version\":\"v\",\"task\":\"t\","
		"\"first_us\":1,\"last_us\":2,\"arms\":[],\"pairs\":[]}",
		"{\"experiment\":\"e\",\"version\":\"v\",\"task\":\"t\","
		"\"first_us\":1,\"last_us\":2,\"arms\":[{},{}],"
		"\"pairs\":[{}]}" };
	struct experiment e = {
		.name = STR("e\"1"), .n_arms = 2, .version = "0123"
	};
	struct arena *a = arena_new(1u << 22);
	struct buf *one = buf_new(a, 1u << 20), *two = buf_new(a, 1u << 20);
	struct evidence *ev = evidence_new(a, &e, STR("strange \xc3\xa9\n")),
			*back;
	struct error err = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 50; i++)
		add(ev, i % 2, !(i % 2), (double)(i % 10) / 9, 0.4);
	evidence_failed(ev, 1, 77);
	evidence_json(ev, one);
	back = evidence_read(a, buf_str(one), &err);
	assert_non_null(back);
	assert_true(str_eq(back->task, ev->task));
	assert_memory_equal(back->arms, ev->arms, sizeof(ev->arms));
	assert_memory_equal(back->pairs, ev->pairs, sizeof(ev->pairs));
	evidence_json(back, two);
	assert_string_equal(one->p, two->p);
	assert_true(one->n < 2000);
	for (i = 0; i < COUNT(bad); i++) {
		err = (struct error){ 0 };
		assert_null(evidence_read(a, str_of(bad[i]), &err));
		assert_int_equal(err.kind, ERROR_STORE);
	}
	arena_free(a);
}

static struct experiment
experiment(unsigned n)
{
	return (struct experiment){
		.n_arms = n, .epsilon = 0.05, .quality_floor = 0.8
	};
}

static void
an_accepted_answer_pays_for_those_that_were_not(void **state)
{
	struct evidence ev = { .n_arms = 2 };
	struct experiment e = experiment(2);
	struct fit fit;
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		add(&ev, 0, 1, i % 4 == 0 ? 0.8 : 0.6, 0.5);
	for (i = 0; i < 10; i++)
		evidence_failed(&ev, 0, 1000);
	evidence_failed(&ev, 1, -1);
	fit_of(&fit, &ev, &e);
	assert_int_equal(fit.arms[0].n, 40);
	assert_int_equal(fit.arms[0].failed, 10);
	assert_int_equal(fit.arms[0].accepted, 10);
	assert_int_equal(fit.arms[0].call_pusd, 1000);
	assert_int_equal(fit.arms[0].accepted_pusd, 5000);
	assert_int_equal(fit.arms[0].time_ms, 30);
	assert_int_equal(fit.arms[1].call_pusd, 500);
	assert_int_equal(fit.arms[1].accepted_pusd, -1);
	assert_int_equal(fit.arms[1].time_ms, -1);
	assert_near(fit.arms[0].fit.mean, 0.65);
	assert_near(fit.arms[0].won.mean, 1);
	assert_near(fit.arms[1].won.mean, 0);
}

static void
nothing_is_decided_before_twenty_verdicts_of_a_pair(void **state)
{
	struct experiment e = experiment(2);
	struct evidence ev = { .n_arms = 2 };
	struct fit fit;
	int i;

	(void)state;
	fit_of(&fit, &ev, &e);
	assert_int_equal(fit.verdict, FIT_KEEP_GOING);
	assert_true(fit.more > 100);
	assert_near(fit.arms[0].fit.low, 0);
	assert_near(fit.arms[0].fit.high, 1);
	for (i = 1; i <= 20; i++) {
		add(&ev, 0, 1, 0.05, 0.95);
		fit_of(&fit, &ev, &e);
		assert_int_equal(
		    fit.verdict, i < 20 ? FIT_KEEP_GOING : FIT_WINNER);
		assert_true((fit.arms[1].floor > 0) == (i == 20));
	}
	assert_int_equal(fit.winner, 1);
	assert_int_equal(fit.more, 0);
	assert_true(fit.pairs[0].diff.high < 0);
}

static void
a_difference_that_does_not_matter_makes_no_winner(void **state)
{
	struct experiment e = experiment(2);
	struct evidence ev = { .n_arms = 2 };
	struct fit fit;
	int i;

	(void)state;
	/* Known to the point, and not 0. */
	for (i = 0; i < 3000; i++)
		add(&ev, 0, 1, 0.62, 0.60);
	fit_of(&fit, &ev, &e);
	assert_true(fit.pairs[0].diff.low > 0);
	assert_int_equal(fit.verdict, FIT_NO_DIFFERENCE);
	e.epsilon = 0.01; /* it is decided anew from the same sums */
	fit_of(&fit, &ev, &e);
	assert_int_equal(fit.verdict, FIT_WINNER);
	assert_int_equal(fit.winner, 0);
}

static void
the_best_two_of_three_may_be_the_same(void **state)
{
	struct experiment e = experiment(3);
	struct evidence ev = { .n_arms = 3 };
	struct fit fit;
	int i;

	(void)state;
	e.mode = EXPERIMENT_SPLIT;
	for (i = 0; i < 600; i++) {
		add(&ev, 0, 1, 0.7, 0.7);
		add(&ev, 0, 2, 0.7, 0.3);
	}
	fit_of(&fit, &ev, &e);
	assert_int_equal(fit.verdict, FIT_NO_DIFFERENCE);
	assert_int_equal(fit.pairs[evidence_place(0, 2)].verdict, FIT_WINNER);
}

static void
equal_scores_do_not_claim_certainty(void **state)
{
	struct stats_bins b = { .n = 0 };
	int i;

	(void)state;
	for (i = 0; i < 20; i++)
		stats_add(&b, 1);
	assert_true(stats_mean(&b, 0.05).low < 0.97);
	assert_near(stats_mean(&b, 0.05).high, 1);
	assert_true(stats_low(&b, 0.05) < 0.9);
	assert_near(stats_high(&b, 0.05), 1);
	assert_int_equal(stats_above(&b, 1), 20);
}

static void
what_is_no_effect_is_never_found(void **state)
{
	(void)state;
	assert_true(stats_needed(0, 0.2, 0.025, 0.8) > 1000000);
	assert_true(stats_needed(0.05, 0.25, 0.025, 0.8) <
	    stats_needed(0.04, 0.25, 0.025, 0.8));
	assert_true(stats_needed(0.05, 0.25, 0.025, 0.8) <
	    stats_needed(0.05, 0.3, 0.025, 0.8));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_arm_wins_only_if_it_is_ahead_in_both_orders),
		cmocka_unit_test(points_out_of_range_are_no_verdict),
		cmocka_unit_test(
		    a_pair_counts_for_the_lower_arm_whoever_stood_first),
		cmocka_unit_test(
		    evidence_is_the_same_after_a_journey_through_text),
		cmocka_unit_test(
		    an_accepted_answer_pays_for_those_that_were_not),
		cmocka_unit_test(
		    nothing_is_decided_before_twenty_verdicts_of_a_pair),
		cmocka_unit_test(
		    a_difference_that_does_not_matter_makes_no_winner),
		cmocka_unit_test(the_best_two_of_three_may_be_the_same),
		cmocka_unit_test(equal_scores_do_not_claim_certainty),
		cmocka_unit_test(what_is_no_effect_is_never_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
