/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/error.h"
#include "core/evidence.h"
#include "core/experiment.h"
#include "core/jtext.h"
#include "core/provider.h"
#include "core/trial_case.h"
#include "core/trial_record.h"
#include "core/verdict_record.h"
#include "tests/unit/member.h"
#include "tests/unit/unit.h"

static const struct experiment experiment = { .name = { "e", 1 },
	.version = "0123456789abcdef",
	.arms = { { .name = { "small", 5 } }, { .name = { "\"big\"", 5 } },
	    { .name = { "other", 5 } } },
	.n_arms = 3 };

static int
setup(void **state)
{
	*state = arena_new((size_t)64 << 20);
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

struct one {
	const char *judge, *first, *second;
	enum verdict_result result;
};

/* A verdict about the last two arms, the last one first. */
static struct str
write_one(struct arena *a, const struct one *one)
{
	struct verdict v = { .call = "call_1",
		.result = one->result,
		.judged_us = INT64_C(1795541489123456),
		.sides = { { .arm = 2, .score = 0.5, .cost_pusd = -1 },
		    { .arm = 1, .score = 0.25, .cost_pusd = 2500000000 } } };
	struct trial_record trial = { .task = STR("sum") };
	struct trial_case tc = { .answered = { str_of(one->first),
				     str_of(one->second) } };
	struct verdict_words words = { .experiment = &experiment,
		.trial = &trial,
		.tc = &tc,
		.judge = str_of(one->judge),
		.reasons = { STR("so\n"), STR("thus") },
		.judge_pusd = 1000000000 };
	struct error err = { 0 };
	struct str json = verdict_record_write(a, &v, &words);

	assert_int_equal(jtext_check(json, &err), 0);
	return json;
}

static void
a_verdict_tells_all_that_its_header_promises(void **state)
{
	static const char *const members[][2] = {
		{ "call", "\"call_1\"" },
		{ "experiment", "\"e\"" },
		{ "version", "\"0123456789abcdef\"" },
		{ "task", "\"sum\"" },
		{ "judged_at", "\"2026-11-24T17:31:29.123456Z\"" },
		{ "judge", "\"c/j\"" },
		{ "arms.0", "\"other\"" },
		{ "arms.1", "\"\\\"big\\\"\"" },
		{ "answered.1", "\"b/n\"" },
		{ "scores.0", "0.5" },
		{ "scores.1", "0.25" },
		{ "cost_usd.0", "null" },
		{ "cost_usd.1", "\"0.0025\"" },
		{ "judge_usd", "\"0.001\"" },
		{ "winner", "\"other\"" },
		{ "inconsistent", "false" },
		{ "reasons.0", "\"so\\n\"" },
		{ "reasons.1", "\"thus\"" },
		{ "label", "null" },
	};
	const struct one one = { "c/j", "a/m", "b/n", VERDICT_FIRST };
	struct str json = write_one(*state, &one);

	for (size_t i = 0; i < COUNT(members); i++)
		member_is(json, members[i][0], members[i][1]);
}

static void
a_judge_that_prefers_its_own_family_is_told(void **state)
{
	static const struct {
		struct one one;
		const char *want;
	} cases[] = {
		{ { "a/gpt-5", "b/gpt-5-mini", "b/claude-x", VERDICT_FIRST },
		    "\"other\"" },
		{ { "a/gpt-5", "b/claude-x", "or/openai/gpt-5-mini",
		      VERDICT_SECOND },
		    "\"\\\"big\\\"\"" },
		/* not if it lost, or nobody won */
		{ { "a/gpt-5", "b/gpt-5-mini", "b/claude-x", VERDICT_SECOND },
		    "null" },
		{ { "a/gpt-5", "b/gpt-5-mini", "b/claude-x", VERDICT_TIE },
		    "null" },
		/* nor where both are of its family, or none */
		{ { "a/gpt-5", "b/gpt-4", "b/gpt-5-mini", VERDICT_FIRST },
		    "null" },
		{ { "a/gpt-5", "b/gemini-3", "b/claude-x", VERDICT_FIRST },
		    "null" },
		{ { "", "", "b/claude-x", VERDICT_FIRST }, "null" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		member_is(write_one(*state, &cases[i].one), "self_preference",
		    cases[i].want);
}

static void
a_label_is_one_of_the_two_arms_or_tie(void **state)
{
	static const struct {
		const char *label, *want; /* NULL: refused */
	} cases[] = {
		{ "other", "\"other\"" },
		{ "\"big\"", "\"\\\"big\\\"\"" },
		{ "tie", "\"tie\"" },
		{ "small", NULL }, /* an arm, but not of this verdict */
		{ "", NULL },
		{ "nobody", NULL },
	};
	const struct one one = { "c/j", "a/m", "b/n", VERDICT_FIRST };
	struct str out, json = write_one(*state, &one);
	int rc;

	for (size_t i = 0; i < COUNT(cases); i++) {
		rc = verdict_record_label(
		    *state, json, str_of(cases[i].label), &out);
		assert_int_equal(rc, cases[i].want != NULL ? 0 : -1);
		if (rc == 0) {
			member_is(out, "label", cases[i].want);
			member_is(out, "winner", "\"other\"");
			json = out; /* the last word counts */
		}
	}
}

static void
calls_of_an_experiment_carry_its_tag(void **state)
{
	const struct header *tag = verdict_tags(*state, STR("e"));

	assert_true(str_is(tag->name, "experiment"));
	assert_true(str_is(tag->value, "e"));
	assert_null(tag->next);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_verdict_tells_all_that_its_header_promises),
		CASE(a_judge_that_prefers_its_own_family_is_told),
		CASE(a_label_is_one_of_the_two_arms_or_tie),
		CASE(calls_of_an_experiment_carry_its_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
