/* SPDX-License-Identifier: MIT */
#include "core/buf.h"
#include "core/feedback.h"
#include "core/jw.h"
#include "core/store.h"
#include "tests/unit/calls.h"
#include "tests/unit/unit.h"

#define AT "{\"at\":\"2026-11-24T17:31:29.123456Z\","

static void
each_member_changes_by_itself(void **state)
{
	static const struct {
		struct feedback_change change;
		const char *want;
	} steps[] = {
		{ { .to = { .thumb = 1 }, .thumb = true },
		    AT "\"thumb\":\"up\",\"score\":null,\"outcome\":null}" },
		{ { .to = { .score = 0.25 }, .score = true },
		    AT "\"thumb\":\"up\",\"score\":0.25,\"outcome\":null}" },
		{ { .to = { .outcome = { "sold \"it\"", 9 } },
		      .outcome = true },
		    AT "\"thumb\":\"up\",\"score\":0.25,"
		       "\"outcome\":\"sold \\\"it\\\"\"}" },
		{ { .to = { .score = 0, .thumb = -1 },
		      .score = true,
		      .thumb = true },
		    AT "\"thumb\":\"down\",\"score\":0,"
		       "\"outcome\":\"sold \\\"it\\\"\"}" },
		{ { .to = { .score = -1 },
		      .thumb = true,
		      .score = true,
		      .outcome = true },
		    AT "\"thumb\":null,\"score\":null,\"outcome\":null}" },
	};
	struct calls *c = *state;
	struct arena *a = arena_new(1 << 20);
	struct feedback_change change;
	struct feedback f;
	struct buf *out;
	struct jw w;

	assert_int_equal(
	    feedback_find(c->state, STR("call_1"), a, &f, &c->err), 0);
	for (size_t i = 0; i < COUNT(steps); i++) {
		change = steps[i].change;
		change.to.at_us = CALLS_NOW_US;
		assert_int_equal(feedback_give(c->state, STR("call_1"), &change,
				     a, &f, &c->err),
		    0);
		assert_int_equal(
		    feedback_find(c->state, STR("call_1"), a, &f, &c->err), 1);
		out = buf_new(a, 1000);
		jw_init(&w, out);
		feedback_json(&f, &w);
		assert_string_equal(out->p, steps[i].want);
	}
	assert_int_equal(
	    feedback_find(c->state, STR("call_2"), a, &f, &c->err), 0);
	arena_free(a);
}

static void
sums_count_what_is_there(void **state)
{
	static const struct feedback all[] = {
		{ .thumb = 1, .score = -1 },
		{ .thumb = 1, .score = 0 },
		{ .thumb = -1, .score = 0.5, .outcome = { "x", 1 } },
		{ .score = -1 },
	};
	struct feedback_sum sum = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		feedback_add(&sum, &all[i]);
	assert_int_equal(sum.up, 2);
	assert_int_equal(sum.down, 1);
	assert_int_equal(sum.scored, 2);
	assert_true(sum.score == 0.5);
	assert_int_equal(sum.outcomes, 1);
}

static int
txn_spoil(struct txn *t, void *arg)
{
	(void)arg;
	return store_put(t, STORE_FEEDBACK, STR("call_1"), STR("{}"));
}

static int
visit_spoil(struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_spoil, arg, err);
}

static void
a_record_that_makes_no_sense_is_an_error_that_names_it(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(1 << 20);
	struct feedback f;

	calls_visit(c, visit_spoil, NULL);
	assert_int_equal(
	    feedback_find(c->state, STR("call_1"), a, &f, &c->err), -1);
	assert_string_equal(
	    c->err.msg, "the feedback about call_1 makes no sense");
	arena_free(a);
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, calls_setup, calls_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_member_changes_by_itself),
		CASE(sums_count_what_is_there),
		CASE(a_record_that_makes_no_sense_is_an_error_that_names_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
