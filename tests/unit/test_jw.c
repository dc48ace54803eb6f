/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdbool.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

static void
assert_written(struct buf *b, const char *want)
{
	struct error err = { 0 };

	assert_string_equal(b->p, want);
	assert_int_equal(jtext_check(buf_str(b), &err), 0);
	buf_release(b);
}

static void
commas_and_colons_stand_where_they_must(void **state)
{
	struct buf b;
	struct jw w;

	(void)state;
	buf_init(&b, MIB);
	jw_init(&w, &b);
	jw_object(&w);
	jw_key(&w, "a");
	jw_array(&w);
	jw_i64(&w, 1);
	jw_array(&w);
	jw_end(&w);
	jw_object(&w);
	jw_end(&w);
	jw_null(&w);
	jw_end(&w);
	jw_key_str(&w, STR("b\""));
	jw_object(&w);
	jw_kv_bool(&w, "c", true);
	jw_kv_bool(&w, "d", false);
	jw_end(&w);
	jw_kv_raw(&w, "e", STR("{\"x\": 1}"));
	jw_kv_null(&w, "f");
	jw_end(&w);
	assert_written(&b,
	    "{\"a\":[1,[],{},null],\"b\\\"\":{\"c\":true,\"d\":false},"
	    "\"e\":{\"x\": 1},\"f\":null}");
}

static void
absent_values_are_null(void **state)
{
	struct buf b;
	struct jw w;

	(void)state;
	buf_init(&b, MIB);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kv_str(&w, "a", STR_NONE);
	jw_kv_str(&w, "b", STR(""));
	jw_kv_cstr(&w, "c", NULL);
	jw_kv_raw(&w, "d", STR_NONE);
	jw_kv_cstr(&w, "e", "x");
	jw_kv_i64(&w, "f", INT64_MIN);
	jw_end(&w);
	assert_written(&b,
	    "{\"a\":null,\"b\":\"\",\"c\":null,\"d\":null,\"e\":\"x\","
	    "\"f\":-9223372036854775808}");
}

static void
numbers_read_back_as_what_they_were(void **state)
{
	static const struct {
		double v;
		const char *want;
	} cases[] = {
		{ 0.7, "0.7" },
		{ 1, "1" },
		{ -0.1, "-0.1" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1e300, "1e+300" },
		{ (double)INFINITY, "null" },
		{ (double)NAN, "null" },
	};
	struct buf b;
	struct jw w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_init(&b, MIB);
		jw_init(&w, &b);
		jw_double(&w, cases[i].v);
		assert_written(&b, cases[i].want);
	}
}

static void
strings_are_escaped_and_always_utf8(void **state)
{
	static const struct {
		struct str s;
		const char *want;
	} cases[] = {
		{ { "plain", 5 }, "\"plain\"" },
		{ { "\"\\/", 3 }, "\"\\\"\\\\/\"" },
		{ { "\b\f\n\r\t", 5 }, "\"\\b\\f\\n\\r\\t\"" },
		{ { "\0\x01\x1f\x7f", 4 }, "\"\\u0000\\u0001\\u001f\x7f\"" },
		{ { "\xc3\xa9\xf0\x9f\x98\x80", 6 },
		    "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
		{ { "a\xff"
		    "b\xc3",
		      4 },
		    "\"a\xef\xbf\xbd"
		    "b\xef\xbf\xbd\"" },
		{ { "\xed\xa0\x80", 3 },
		    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ { NULL, 0 }, "\"\"" },
	};
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_init(&b, MIB);
		jw_quote(&b, cases[i].s);
		assert_written(&b, cases[i].want);
	}
}

static void
sixty_levels_fit(void **state)
{
	struct error err = { 0 };
	struct buf b;
	struct jw w;
	int i;

	(void)state;
	buf_init(&b, MIB);
	jw_init(&w, &b);
	for (i = 0; i < 30; i++) {
		jw_array(&w);
		jw_i64(&w, i);
		jw_object(&w);
		jw_key(&w, "a");
	}
	jw_null(&w);
	for (i = 0; i < 60; i++)
		jw_end(&w);
	assert_int_equal(jtext_check(buf_str(&b), &err), 0);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_and_colons_stand_where_they_must),
		cmocka_unit_test(absent_values_are_null),
		cmocka_unit_test(numbers_read_back_as_what_they_were),
		cmocka_unit_test(strings_are_escaped_and_always_utf8),
		cmocka_unit_test(sixty_levels_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
