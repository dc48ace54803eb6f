/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "core/agreement.h"
#include "tests/unit/unit.h"

/* ${n} verdicts about arms x and y; names in JSON, or null. */
static void
add(struct agreement *g, int n, const char *winner, const char *label)
{
	char text[128];

	snprintf(text, sizeof(text),
	    "{\"arms\":[\"x\",\"y\"],\"winner\":%s,\"self_preference\":null,"
	    "\"label\":%s}",
	    winner, label);
	while (n-- > 0)
		agreement_add(g, str_of(text));
}

#define X   "\"x\""
#define Y   "\"y\""
#define TIE "\"tie\""

static void
kappa_is_what_one_computes_by_hand(void **state)
{
	static const struct {
		int table[3][3]; /* judge, person: x, y, tie */
		int same;
		double kappa;
	} cases[] = {
		/* nothing known; all the same in one class; never the same */
		{ { { 0 } }, 0, 0 },
		{ { { 7 } }, 7, 1 },
		{ { { 0, 4, 0 } }, 0, 0 },
		{ { { 5, 0, 0 }, { 0, 5, 0 } }, 10, 1 },
		{ { { 0, 5, 0 }, { 5, 0, 0 } }, 0, -1 },
		/* Wikipedia, "Cohen's kappa": 20, 5, 10, 15: 0.4 */
		{ { { 20, 5, 0 }, { 10, 15, 0 } }, 35, 0.4 },
		/* chance alone: p = 1/4 + 1/4 */
		{ { { 5, 5, 0 }, { 5, 5, 0 } }, 10, 0 },
		/* three classes: po .7, pe .4*.4+.3*.3+.3*.3 = .34 */
		{ { { 3, 1, 0 }, { 0, 2, 1 }, { 1, 0, 2 } }, 7,
		    (0.7 - 0.34) / 0.66 },
	};
	static const char *const winners[] = { X, Y, "null" };
	static const char *const labels[] = { X, Y, TIE };
	struct agreement g;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		g = (struct agreement){ 0 };
		for (int j = 0; j < 3; j++)
			for (int k = 0; k < 3; k++)
				add(&g, cases[i].table[j][k], winners[j],
				    labels[k]);
		assert_int_equal(g.same, cases[i].same);
		if (fabs(agreement_kappa(&g) - cases[i].kappa) > 1e-12)
			fail_msg("case %zu: %f", i, agreement_kappa(&g));
	}
}

static void
verdicts_without_a_label_and_texts_that_are_none_do_not_count(void **state)
{
	struct agreement g = { 0 };

	(void)state;
	add(&g, 3, X, "null");
	agreement_add(&g, STR("{}"));
	agreement_add(&g, STR(""));
	agreement_add(&g, STR("{\"arms\":[\"x\"],\"label\":\"x\"}"));
	assert_int_equal(g.n, 0);
	assert_int_equal(g.self_preferred, 0);
	assert_true(agreement_kappa(&g) == 0);
}

static void
self_preference_counts_labelled_or_not(void **state)
{
	struct agreement g = { 0 };

	(void)state;
	agreement_add(&g,
	    STR("{\"arms\":[\"x\",\"y\"],\"winner\":\"x\","
		"\"self_preference\":\"x\",\"label\":null}"));
	add(&g, 1, X, X);
	assert_int_equal(g.self_preferred, 1);
	assert_int_equal(g.n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kappa_is_what_one_computes_by_hand),
		cmocka_unit_test(
		    verdicts_without_a_label_and_texts_that_are_none_do_not_count),
		cmocka_unit_test(self_preference_counts_labelled_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
