/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/str.h"
#include "tests/unit/unit.h"

static void
absent_and_empty_are_equal_but_told_apart(void **state)
{
	struct arena *a = arena_new(1000);

	(void)state;
	assert_true(str_eq(STR_NONE, STR("")));
	assert_null(str_dup(a, STR_NONE).p);
	assert_non_null(str_dup(a, STR("")).p);
	assert_string_equal(str_cstr(a, STR_NONE), "");
	assert_null(str_of(NULL).p);
	arena_free(a);
}

static void
strings_sort_in_byte_order(void **state)
{
	static const char *const sorted[] = { "", "A", "a", "aa", "ab", "b",
		"\xc3\xa4" };
	size_t i, j;
	int c;

	(void)state;
	for (i = 0; i < COUNT(sorted); i++)
		for (j = 0; j < COUNT(sorted); j++) {
			c = str_cmp(str_of(sorted[i]), str_of(sorted[j]));
			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
		}
	assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
}

static void
skip_and_trim_stay_inside(void **state)
{
	(void)state;
	assert_true(str_is(str_skip(STR("abc"), 1), "bc"));
	assert_int_equal(str_skip(STR("abc"), 9).n, 0);
	assert_null(str_skip(STR_NONE, 1).p);
	assert_true(str_is(str_trim(STR(" \t\r\na b\n ")), "a b"));
	assert_int_equal(str_trim(STR(" \n\t ")).n, 0);
	assert_int_equal(str_trim(STR_NONE).n, 0);
}

static void
split_tells_an_empty_rest_from_none(void **state)
{
	struct str head, rest;

	(void)state;
	rest = str_split(STR("a,b,c"), ',', &head);
	assert_true(str_is(head, "a") && str_is(rest, "b,c"));
	rest = str_split(STR("a,"), ',', &head);
	assert_true(str_is(head, "a") && rest.n == 0 && rest.p != NULL);
	rest = str_split(STR("a"), ',', &head);
	assert_true(str_is(head, "a") && rest.p == NULL);
	rest = str_split(STR_NONE, ',', &head);
	assert_true(head.p == NULL && rest.p == NULL);
}

static void
find_gives_the_first_offset(void **state)
{
	static const struct {
		const char *in, *needle;
		long at;
	} cases[] = {
		{ "abcabc", "abc", 0 },
		{ "xabcabc", "abc", 1 },
		{ "aaab", "aab", 1 },
		{ "ab", "abc", -1 },
		{ "abx", "abc", -1 },
		{ "xxc", "c", 2 },
		{ "", "c", -1 },
		{ "", "", 0 },
		{ "abc", "", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    str_find(str_of(cases[i].in), str_of(cases[i].needle)),
		    cases[i].at);
}

static void
integers_fill_all_of_the_text_and_their_range(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max, want;
		int rc;
	} cases[] = {
		{ "0", 0, 10, 0, 0 },
		{ "10", 0, 10, 10, 0 },
		{ "11", 0, 10, 0, -1 },
		{ "-1", 0, 10, 0, -1 },
		{ "-0", 0, 10, 0, 0 },
		{ "007", 0, 10, 7, 0 },
		{ "9223372036854775807", 0, INT64_MAX, INT64_MAX, 0 },
		{ "9223372036854775808", 0, INT64_MAX, 0, -1 },
		{ "-9223372036854775808", INT64_MIN, 0, INT64_MIN, 0 },
		{ "-9223372036854775809", INT64_MIN, 0, 0, -1 },
		{ "99999999999999999999999", 0, INT64_MAX, 0, -1 },
		{ "", 0, 10, 0, -1 },
		{ "-", -10, 10, 0, -1 },
		{ "+1", 0, 10, 0, -1 },
		{ " 1", 0, 10, 0, -1 },
		{ "1 ", 0, 10, 0, -1 },
		{ "1.0", 0, 10, 0, -1 },
		{ "0x1", 0, 10, 0, -1 },
	};
	int64_t v;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		v = 0;
		assert_int_equal(str_i64(str_of(cases[i].text), cases[i].min,
				     cases[i].max, &v),
		    cases[i].rc);
		assert_true(v == cases[i].want);
	}
}

static void
distance_counts_edits(void **state)
{
	static const struct {
		const char *a, *b;
		size_t want;
	} cases[] = {
		{ "", "", 0 },
		{ "openai", "openai", 0 },
		{ "opnai", "openai", 1 },
		{ "kitten", "sitting", 3 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
	};
	char longer[200];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    str_distance(str_of(cases[i].a), str_of(cases[i].b)),
		    cases[i].want);
	memset(longer, 'x', sizeof(longer));
	assert_int_equal(
	    str_distance((struct str){ longer, sizeof(longer) }, STR_NONE), 64);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_and_empty_are_equal_but_told_apart),
		cmocka_unit_test(strings_sort_in_byte_order),
		cmocka_unit_test(skip_and_trim_stay_inside),
		cmocka_unit_test(split_tells_an_empty_rest_from_none),
		cmocka_unit_test(find_gives_the_first_offset),
		cmocka_unit_test(integers_fill_all_of_the_text_and_their_range),
		cmocka_unit_test(distance_counts_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
