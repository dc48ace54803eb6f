/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "providers/likeness.h"
#include "tests/unit/unit.h"

#define CHUNK(content)                                                         \
	"{\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"      \
	"\"" content "\"},\"finish_reason\":null}]}"

static void
frames_with_other_text_are_alike(void **state)
{
	static const struct {
		const char *data, *text;
	} cases[] = {
		{ CHUNK("world"), "world" },
		{ CHUNK(""), "" },
		{ CHUNK("\xc3\xa9 and more"), "\xc3\xa9 and more" },
		{ CHUNK("content"), "content" },
		{ CHUNK("a\\nb"), NULL },
		{ CHUNK("a\",\"refusal\":\"b"), NULL },
		{ CHUNK("\xc3"), NULL },
		{ "{\"id\":\"y\"}", NULL },
		{ "", NULL },
		{ "{\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{"
		  "\"content\":"
		  "\"a\"},\"finish_reason\":\"stop\"}]}",
		    NULL },
	};
	struct likeness l = { 0 };
	struct str text;

	(void)state;
	likeness_learn(&l, str_of(CHUNK("hello")), "content", STR("hello"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(
		    likeness_match(&l, str_of(cases[i].data), &text),
		    cases[i].text != NULL);
		if (cases[i].text)
			assert_true(str_is(text, cases[i].text));
	}
}

static void
nothing_is_learned_where_the_text_is_not_certain(void **state)
{
	static const struct {
		const char *data, *text;
	} cases[] = {
		{ "{\"content\":\"a\",\"x\":{\"content\":\"a\"}}", "a" },
		{ "{\"content\":\"\\u0061\",\"x\":\"a\"}", "a" },
		{ "{\"content\":\"a\\\"b\"}", "a\"b" },
		{ "{\"content\":[\"a\"]}", "a" },
		{ "{\"other\":\"a\"}", "a" },
		{ "{\"x\":\"\\\"content\\\":\\\"a\\\"\"}", "a" },
		{ "{\"content\":", "a" },
		{ "{\"content\":\"a", "a" },
		{ "", "" },
	};
	struct likeness l = { 0 };
	struct str text;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		likeness_learn(&l, str_of(cases[i].data), "content",
		    str_of(cases[i].text));
		assert_false(likeness_match(&l, str_of(cases[i].data), &text));
	}
}

static void
blanks_before_the_text_are_fine(void **state)
{
	struct likeness l = { 0 };
	struct str text;

	(void)state;
	likeness_learn(
	    &l, STR("{\"content\": \"a\" , \"b\": 1}"), "content", STR("a"));
	assert_true(likeness_match(
	    &l, STR("{\"content\": \"xyz\" , \"b\": 1}"), &text));
	assert_true(str_is(text, "xyz"));
}

static void
a_frame_that_is_too_long_is_not_learned(void **state)
{
	char data[LIKENESS_MAX + 64];
	struct likeness l = { 0 };
	struct str s = { data, sizeof(data) }, text;

	(void)state;
	memset(data, ' ', sizeof(data));
	memcpy(data, "{\"content\":\"a\"", 14);
	data[sizeof(data) - 1] = '}';
	likeness_learn(&l, s, "content", STR("a"));
	assert_false(likeness_match(&l, s, &text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_with_other_text_are_alike),
		cmocka_unit_test(
		    nothing_is_learned_where_the_text_is_not_certain),
		cmocka_unit_test(blanks_before_the_text_are_fine),
		cmocka_unit_test(a_frame_that_is_too_long_is_not_learned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
