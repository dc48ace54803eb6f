/* SPDX-License-Identifier: MIT */
#include "core/usage.h"
#include "tests/unit/unit.h"

static void
every_bucket_is_in_one_total_and_has_a_name(void **state)
{
	struct usage u;
	int i;

	(void)state;
	usage_init(&u);
	assert_int_equal(u.source, USAGE_NONE);
	assert_true(u.provider_cost_pusd == -1);
	for (i = 0; i < USAGE_BUCKETS; i++) {
		u.tokens[i] = INT64_C(1) << i;
		assert_non_null(usage_bucket_names[i]);
	}
	assert_int_equal(usage_total_input(&u) + usage_total_output(&u),
	    (1 << USAGE_BUCKETS) - 1);
	assert_int_equal(usage_total_output(&u),
	    1 << USAGE_OUTPUT | 1 << USAGE_REASONING | 1 << USAGE_AUDIO_OUT |
		1 << USAGE_IMAGE_OUT);
}

static void
absurd_figures_become_nothing(void **state)
{
	static const struct {
		int64_t in, out;
	} cases[] = {
		{ 0, 0 },
		{ 10000000000, 10000000000 },
		{ 10000000001, 0 },
		{ -1, 0 },
		{ INT64_MIN, 0 },
	};
	struct usage u;
	size_t i;
	bool clean;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		usage_init(&u);
		u.source = USAGE_REPORTED;
		u.tokens[USAGE_IMAGE_OUT] = cases[i].in;
		u.tokens[USAGE_INPUT] = 5;
		clean = cases[i].in == cases[i].out;
		assert_int_equal(usage_clean(&u), clean);
		assert_true(u.tokens[USAGE_IMAGE_OUT] == cases[i].out);
		assert_int_equal(u.tokens[USAGE_INPUT], 5);
		assert_int_equal(
		    u.source, clean ? USAGE_REPORTED : USAGE_ESTIMATED);
	}
}

static void
an_absurd_cost_is_none(void **state)
{
	struct usage u;

	(void)state;
	usage_init(&u);
	assert_true(usage_clean(&u));
	u.provider_cost_pusd = -7;
	u.web_searches = -1;
	assert_false(usage_clean(&u));
	assert_true(u.provider_cost_pusd == -1 && u.web_searches == 0);
	assert_int_equal(u.source, USAGE_NONE);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bucket_is_in_one_total_and_has_a_name),
		cmocka_unit_test(absurd_figures_become_nothing),
		cmocka_unit_test(an_absurd_cost_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
