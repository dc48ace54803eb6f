/* SPDX-License-Identifier: MIT */
/* The table of the conformance run; running it is tests/e2e/13's. */
#include "core/arena.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/selftest.h"
#include "core/selftest_rows.h"
#include "tests/unit/unit.h"

static void
every_body_is_json_unless_it_shall_not_be(void **state)
{
	const struct selftest_row *r, *other;
	struct error err;

	(void)state;
	for (r = selftest_rows; r->name != NULL; r++) {
		err = (struct error){ 0 };
		if (r->body != NULL && !r->raw &&
		    jtext_check(str_of(r->body), &err) != 0)
			fail_msg("%s: %s", r->name, err.msg);
		for (other = selftest_rows; other < r; other++)
			assert_string_not_equal(r->name, other->name);
		assert_true(r->stream || r->wants[0].path != NULL);
	}
}

static void
results_follow_the_calls_of_an_answer(void **state)
{
	static const struct {
		const char *name, *answer, *path, *want; /* NULL: none */
	} cases[] = {
		{ "chat: a tool call and its result",
		    "{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":"
		    "\"c1\"},{\"id\":\"c2\"}]}}]}",
		    "messages.2.tool_call_id", "\"c1\"" },
		{ "chat: a tool call and its result",
		    "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}", "",
		    NULL },
		{ "responses: a tool call and its result",
		    "{\"output\":[{\"type\":\"reasoning\"},{\"type\":"
		    "\"function_call\",\"call_id\":\"c\"}]}",
		    "input.3.call_id", "\"c\"" },
		{ "responses: a tool call and its result", "{\"output\":[]}",
		    "", NULL },
		{ "messages: a tool call and its result",
		    "{\"content\":[{\"type\":\"text\"},{\"type\":"
		    "\"tool_use\",\"id\":\"t\"}]}",
		    "messages.2.content.0.tool_use_id", "\"t\"" },
		{ "messages: a tool call and its result", "{}", "", NULL },
	};
	struct arena *a = arena_new((size_t)1 << 20);
	const struct selftest_row *r;
	struct error err = { 0 };
	struct str body;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (r = selftest_rows; strcmp(r->name, cases[i].name); r++)
			;
		body = r->then(a, str_of(cases[i].answer));
		assert_int_equal(body.p == NULL, cases[i].want == NULL);
		if (body.p == NULL)
			continue;
		assert_int_equal(jtext_check(body, &err), 0);
		assert_true(
		    str_is(selftest_get(body, cases[i].path), cases[i].want));
	}
	arena_free(a);
}

struct sum {
	unsigned n, failed;
};

static void
tell(void *arg, const struct selftest_result *r)
{
	struct sum *sum = arg;

	sum->n++;
	sum->failed += r->verdict == SELFTEST_FAILS;
	assert_int_equal(r->why == NULL, r->verdict == SELFTEST_HOLDS);
}

static void
where_nobody_answers_nothing_holds(void **state)
{
	struct sum sum = { 0 };
	unsigned failures;
	struct selftest t = { .arena = arena_new((size_t)64 << 20),
		.base = STR("http://127.0.0.1:1/v1/"),
		.key = STR("k"),
		.model = STR("\"odd\" model"),
		.tell = tell,
		.arg = &sum };

	(void)state;
	failures = selftest_run(&t);
	assert_int_equal(failures, sum.n);
	assert_int_equal(sum.failed, sum.n);
	assert_true(str_is(t.base, "http://127.0.0.1:1"));
	arena_free(t.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_body_is_json_unless_it_shall_not_be),
		cmocka_unit_test(results_follow_the_calls_of_an_answer),
		cmocka_unit_test(where_nobody_answers_nothing_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
