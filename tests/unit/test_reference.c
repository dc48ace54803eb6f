/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/reference.h"
#include "scratch.h"
#include "tests/unit/unit.h"

static const char lines[] =
    "{\"input\":\"one\",\"answer\":\"1\"}\r\n"
    "\n"
    "no JSON\n"
    "[\"two\"]\n"
    "{\"input\":\"two\"}\n"
    "{\"answer\":\"none\"}\n"
    "{\"input\":5,\"answer\":\"5\"}\n"
    "{\"input\":\"two\",\"answer\":\"2\"}\n"
    "{\"input\":\"two\",\"answer\":\"22\"}\n"
    "{\"more\":[1],\"answer\":\"a\\nb\",\"input\":\"l\\u00e4nge \\\"x\\\"\"}\n"
    "{\"input\":\"last\",\"answer\":\"without an end\"}";

static void
the_first_answer_to_an_input_is_found(void **state)
{
	static const struct {
		const char *input, *want; /* NULL: none */
	} cases[] = {
		{ "one", "1" },
		{ "two", "2" },
		{ "l\xc3\xa4nge \"x\"", "a\nb" },
		{ "last", "without an end" },
		{ "5", NULL },
		{ "One", NULL },
		{ "one ", NULL },
		{ "", NULL },
	};
	struct arena *a = arena_new(1 << 20);
	struct scratch s;
	struct str got, path;

	(void)state;
	scratch_make(&s);
	scratch_write(&s, "r.jsonl", lines, strlen(lines));
	path = str_of(arena_printf(a, "%s/r.jsonl", s.dir));
	for (size_t i = 0; i < COUNT(cases); i++) {
		got = reference_find(a, path, str_of(cases[i].input));
		if (!str_eq(got, str_of(cases[i].want)))
			fail_msg("%s: %.*s", cases[i].input, STR_ARG(got));
	}
	scratch_drop(&s);
	arena_free(a);
}

static void
where_no_file_is_there_is_no_reference(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct scratch s;

	(void)state;
	scratch_make(&s);
	assert_null(reference_find(a, STR_NONE, STR("one")).p);
	assert_null(reference_find(
	    a, str_of(arena_printf(a, "%s/none", s.dir)), STR("one"))
			.p);
	assert_null(reference_find(a, str_of(s.dir), STR("one")).p);
	scratch_drop(&s);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_answer_to_an_input_is_found),
		cmocka_unit_test(where_no_file_is_there_is_no_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
