/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/buf.h"
#include "core/canon.h"
#include "core/error.h"
#include "core/jtext.h"
#include "tests/unit/unit.h"

static struct str
canon(struct arena *a, const char *doc, bool (*skip)(struct str name))
{
	struct buf *out = buf_new(a, 1 << 20);
	struct error err = { 0 };

	assert_int_equal(jtext_check(str_of(doc), &err), 0);
	canon_json(a, str_of(doc), skip, out);
	return buf_str(out);
}

static void
one_meaning_has_one_spelling(void **state)
{
	static const char *const same[][2] = {
		{ "1", "1.0" },
		{ "1", "10e-1" },
		{ "100", "1E+2" },
		{ "1e05", "100000" },
		{ "0", "-0.000e7" },
		{ "0.5", "5e-1" },
		{ "-12.50", "-125E-1" },
		{ "123456789012345678901234567890",
		    "1.2345678901234567890123456789e29" },
		{ "1e999999999999999999999", "1e999999999999999999999" },
		{ "\"A\\/\\n\\u00e9\"", "\"\\u0041/\\u000a\xc3\xa9\"" },
		{ "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
		{ "{\"a\":1,\"b\":[1,2]}",
		    " { \"b\" : [ 1.0 , 2 ],\n\"\\u0061\""
		    ":1}\t" },
		{ "{\"x\":{\"p\":null,\"q\":{}}}",
		    "{\"x\":{\"q\":{ },\"p\":null}}" },
	};
	struct arena *a = arena_new(1 << 24);
	struct str one, two;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		one = canon(a, same[i][0], NULL);
		two = canon(a, same[i][1], NULL);
		if (!str_eq(one, two))
			fail_msg("%s: %.*s, %.*s", same[i][0], STR_ARG(one),
			    STR_ARG(two));
	}
	arena_free(a);
}

static void
what_differs_stays_different(void **state)
{
	static const char *const all[] = { "1", "2", "10", "-1", "0.1", "0.01",
		"1e999999999999999999998", "1e999999999999999999999",
		"9007199254740992", "9007199254740993", "18446744073709551616",
		"18446744073709551617", "\"1\"", "true", "false", "null",
		"\"null\"", "\"\"", "[]", "{}", "[[]]", "[1]", "[1,1]", "[2,1]",
		"[1,2]", "[12]", "{\"a\":1}", "{\"a\":\"1\"}", "{\"A\":1}",
		"{\"a\":1,\"b\":1}", "{\"a\":{\"b\":1}}", "{\"a\":[1]}",
		"\"a\\\"b\"", "\"a'b\"", "\" a\"", "\"a\"", "\"a \"" };
	struct arena *a = arena_new(1 << 24);
	size_t i, k, n = sizeof(all) / sizeof(all[0]);

	(void)state;
	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			if (str_eq(
				canon(a, all[i], NULL), canon(a, all[k], NULL)))
				fail_msg("%s and %s", all[i], all[k]);
	arena_free(a);
}

static bool
is_x(struct str name)
{
	return str_is(name, "x");
}

static void
members_are_skipped_at_the_top_only(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	assert_true(str_eq(canon(a, "{\"x\":1,\"a\":{\"x\":2}}", is_x),
	    canon(a, "{\"a\":{\"x\":2},\"\\u0078\":{\"y\":1}}", is_x)));
	assert_false(str_eq(
	    canon(a, "{\"a\":{\"x\":2}}", is_x), canon(a, "{\"a\":{}}", is_x)));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_meaning_has_one_spelling),
		cmocka_unit_test(what_differs_stays_different),
		cmocka_unit_test(members_are_skipped_at_the_top_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
