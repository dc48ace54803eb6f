/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jtree.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

/* The view of a literal that may hold NUL bytes. */
#define S(literal)                                                             \
	{                                                                      \
		.p = (literal), .n = sizeof(literal) - 1                       \
	}

static bool
passes(struct str doc)
{
	struct error err = { 0 };
	int rc = jtext_check(doc, &err);

	assert_int_equal(rc == 0, err.kind == ERROR_NONE);
	if (rc != 0)
		assert_int_equal(err.kind, ERROR_BAD_REQUEST);
	return rc == 0;
}

/* Check copies that end where their memory ends. */
static void
check_each(const struct str *docs, size_t n, bool want)
{
	size_t i;
	char *copy;

	for (i = 0; i < n; i++) {
		copy = malloc(docs[i].n + 1);
		assert_non_null(copy);
		memcpy(copy, docs[i].p, docs[i].n);
		copy = realloc(copy, docs[i].n > 0 ? docs[i].n : 1);
		if (passes((struct str){ .p = copy, .n = docs[i].n }) != want)
			fail_msg("case %zu: %.*s", i, STR_ARG(docs[i]));
		free(copy);
	}
}

static void
valid_documents_pass(void **state)
{
	static const struct str docs[] = {
		S("{}"),
		S("[]"),
		S(" \t\r\n{ } \n"),
		S("0"),
		S("-0"),
		S("-0.0e-0"),
		S("1E+400"),
		S("123456789012345678901234567890.5e10"),
		S("true"),
		S("false"),
		S("null"),
		S("\"\""),
		S("\"\x7f\""),
		S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\""),
		S("\"lone \\ud800 and \\udc00\""),
		S("\"\\u0000\""),
		S("\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\""),
		S("\"\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
		S("[1,2.5,\"a\",[],{},null,[[ ]],{\"a\":{}}]"),
		S("{\"a\":1,\"b\":{\"a\":1},\"c\":[{\"a\":1},{\"a\":1}]}"),
		S("{\"\":1,\" \":2,\"a\":3,\"A\":4}"),
		S("{\"a\" : 1 , \"b\" : [ 1 , 2 ] }"),
	};

	(void)state;
	check_each(docs, sizeof(docs) / sizeof(docs[0]), true);
}

static void
invalid_documents_are_refused(void **state)
{
	static const struct str docs[] = {
		S(""),
		S(" "),
		S("{"),
		S("["),
		S("}"),
		S("]"),
		S("{]"),
		S("[}"),
		S("{} {}"),
		S("[],"),
		S("[1,]"),
		S("[,1]"),
		S("[1 2]"),
		S("{\"a\"}"),
		S("{\"a\":}"),
		S("{\"a\":1,}"),
		S("{,}"),
		S("{a:1}"),
		S("{'a':1}"),
		S("{1:1}"),
		S("{\"a\" 1}"),
		S("{\"a\":1 \"b\":2}"),
		S("tru"),
		S("True"),
		S("nul"),
		S("nan"),
		S("Infinity"),
		S("-"),
		S("+1"),
		S("01"),
		S("-01"),
		S("1."),
		S(".5"),
		S("1e"),
		S("1e+"),
		S("0x1"),
		S("1_000"),
		S("\""),
		S("\"a"),
		S("\"\\\""),
		S("\"\\x\""),
		S("\"\\u12\""),
		S("\"\\u12g4\""),
		S("\"\\u"),
		S("\"\n\""),
		S("\"\t\""),
		S("\"\0\""),
		S("[1]\0"),
		S("// c\n1"),
		S("/* c */1"),
		S("\xef\xbb\xbf{}"),
		S("\xc3\xa9"),
	};

	(void)state;
	check_each(docs, sizeof(docs) / sizeof(docs[0]), false);
}

static void
bytes_that_are_not_utf8_are_refused(void **state)
{
	static const struct str docs[] = {
		S("\"\x80\""),
		S("\"\xbf\""),
		S("\"\xc0\x80\""),
		S("\"\xc1\xbf\""),
		S("\"\xc2\""),
		S("\"\xc2\xc2\""),
		S("\"\xe0\x80\x80\""),
		S("\"\xe0\x9f\xbf\""),
		S("\"\xed\xa0\x80\""),
		S("\"\xed\xbf\xbf\""),
		S("\"\xe1\x80\""),
		S("\"\xe1\x80"),
		S("\"\xf0\x8f\xbf\xbf\""),
		S("\"\xf4\x90\x80\x80\""),
		S("\"\xf5\x80\x80\x80\""),
		S("\"\xff\""),
		S("\"12345678\xff\""),
		S("\"1234567\xe1\x80\""),
		S("{\"\xff\":1}"),
	};

	(void)state;
	check_each(docs, sizeof(docs) / sizeof(docs[0]), false);
}

static void
duplicate_members_are_refused_however_spelled(void **state)
{
	static const struct str docs[] = {
		S("{\"a\":1,\"a\":1}"),
		S("{\"a\":1,\"b\":2,\"\\u0061\":3}"),
		S("{\"\\u0061\":1,\"\\u0061\":2}"),
		S("[{\"x\":[{\"/\":1,\"\\/\":2}]}]"),
		S("{\"\xc3\xa9\":1,\"\\u00E9\":2}"),
		S("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}"),
		S("{\"a\":{\"b\":1},\"a\":{\"c\":1}}"),
		S("{\"\":1,\"\":2}"),
		/* Ends at the U+0000 for a parser in C. */
		S("{\"a\":1,\"a\\u0000\":2}"),
		S("{\"\\u0000\":1}"),
	};

	(void)state;
	check_each(docs, sizeof(docs) / sizeof(docs[0]), false);
}

/* An object with ${n} members, of which the last is ${last}. */
static void
build_object(struct buf *b, size_t n, const char *last)
{
	size_t i;

	buf_reset(b);
	buf_addz(b, "{");
	for (i = 1; i < n; i++)
		buf_addf(b, "\"k%zu\":{\"k1\":%zu},", i, i);
	buf_addf(b, "\"%s\":null}", last);
}

static void
duplicates_are_found_in_objects_of_any_size(void **state)
{
	static const size_t sizes[] = { 2, 15, 16, 17, 18, 1000, 100000 };
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 64 * MIB);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		build_object(&b, sizes[i], "k");
		assert_true(passes(buf_str(&b)));
		build_object(&b, sizes[i], "k1");
		assert_false(passes(buf_str(&b)));
		build_object(&b, sizes[i], "\\u006b1");
		assert_false(passes(buf_str(&b)));
	}
	buf_release(&b);
}

static void
a_hundred_levels_pass_and_no_more(void **state)
{
	static const char *const kinds[][3] = {
		{ "[", "1", "]" },
		{ "{\"a\":", "1", "}" },
		{ "[", "", "]" },
	};
	struct buf b;
	size_t depth, i, k;

	(void)state;
	buf_init(&b, MIB);
	for (k = 0; k < 3; k++) {
		for (depth = JTREE_MAX_DEPTH; depth < 103; depth++) {
			buf_reset(&b);
			for (i = 0; i < depth; i++)
				buf_addz(&b, kinds[k][0]);
			buf_addz(&b, kinds[k][1]);
			for (i = 0; i < depth; i++)
				buf_addz(&b, kinds[k][2]);
			assert_int_equal(
			    passes(buf_str(&b)), depth <= JTREE_MAX_DEPTH);
		}
	}
	buf_release(&b);
}

static void
endless_nesting_is_refused_at_once(void **state)
{
	size_t n = 32 * MIB;
	char *p = malloc(n);

	(void)state;
	assert_non_null(p);
	memset(p, '[', n);
	assert_false(passes((struct str){ .p = p, .n = n }));
	free(p);
}

static void
errors_say_where_and_what(void **state)
{
	static const struct {
		const char *doc;
		const char *msg;
	} cases[] = {
		{ "", "JSON expected, nothing found" },
		{ "[1,x]", "invalid JSON at byte 3: value expected" },
		{ "{\"a\":1,\"b\":2,\"a\":3}",
		    "invalid JSON at byte 13: member \"a\" occurs twice" },
		{ "[\"ab\xff\"]", "invalid JSON at byte 4: not UTF-8" },
		{ "{} x", "invalid JSON at byte 3: more than one value" },
	};
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err = (struct error){ 0 };
		assert_int_equal(jtext_check(str_of(cases[i].doc), &err), -1);
		assert_string_equal(err.msg, cases[i].msg);
	}
}

/* Damage at any place may be refused or not, but stays inside the bytes. */
static void
random_damage_does_no_harm(void **state)
{
	static const char doc[] = "{\"model\":\"a\\u00e9\\n\",\"n\":[1.5e3,-2,"
				  "true,null],\"o\":{\"p\":\"\xc3\xa9\"}}";
	static const char bytes[] = "\"\\{}[],:0-.eu \xc3\xff";
	struct str value;
	unsigned seed = 1;
	char *p;
	size_t i, n;

	(void)state;
	for (i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		n = (seed >> 8) % (sizeof(doc) - 1) + 1;
		p = malloc(n);
		assert_non_null(p);
		memcpy(p, doc, n);
		p[(seed >> 16) % n] = bytes[(seed >> 4) % (sizeof(bytes) - 1)];
		(void)passes((struct str){ .p = p, .n = n });
		(void)jtext_get((struct str){ .p = p, .n = n }, "o.p", &value);
		(void)jtext_get((struct str){ .p = p, .n = n }, "n.2", &value);
		free(p);
	}
}

static void
values_are_found_by_path(void **state)
{
	static const char doc[] =
	    " { \"a\" : { \"b\\u0063\" : [ 1, {\"x\":\"}]\\\"\"} , [2,3] ] },"
	    "\"0\":true,\"e\":[],\"f\":-1.50}\n";
	static const struct {
		const char *path;
		const char *value; /* NULL: not there */
	} cases[] = {
		{ "a.bc.0", "1" },
		{ "a.bc.1", "{\"x\":\"}]\\\"\"}" },
		{ "a.bc.1.x", "\"}]\\\"\"" },
		{ "a.bc.2.1", "3" },
		{ "a.bc.2", "[2,3]" },
		{ "0", "true" },
		{ "e", "[]" },
		{ "f", "-1.50" },
		{ "a.bc.3", NULL },
		{ "a.bc.-1", NULL },
		{ "a.bc.x", NULL },
		{ "b", NULL },
		{ "f.x", NULL },
		{ "e.0", NULL },
	};
	struct str value;
	size_t i;
	bool found;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		found = jtext_get(str_of(doc), cases[i].path, &value);
		assert_int_equal(found, cases[i].value != NULL);
		if (found && !str_is(value, cases[i].value))
			fail_msg("%s: %.*s", cases[i].path, STR_ARG(value));
	}
}

static void
strings_are_decoded(void **state)
{
	static const struct {
		struct str raw;
		struct str want;
	} cases[] = {
		{ S("\"\""), S("") },
		{ S("\"plain\""), S("plain") },
		{ S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), S("\"\\/\b\f\n\r\t") },
		{ S("\"\\u00e9\\u20AC\\u0041\""),
		    S("\xc3\xa9\xe2\x82\xac"
		      "A") },
		{ S("\"\\uD83D\\uDE00\""), S("\xf0\x9f\x98\x80") },
		{ S("\"\\ud83d\""), S("\xef\xbf\xbd") },
		{ S("\"\\ude00x\""), S("\xef\xbf\xbdx") },
		{ S("\"\\ud83d\\u0041\""),
		    S("\xef\xbf\xbd"
		      "A") },
		{ S("\"\\ud83d\\ud83d\\ude00\""),
		    S("\xef\xbf\xbd\xf0\x9f\x98\x80") },
		{ S("\"a\\u0000b\""), S("a\0b") },
	};
	struct arena *a = arena_new(MIB);
	struct str s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s = jtext_string(a, cases[i].raw);
		assert_int_equal(s.n, cases[i].want.n);
		assert_memory_equal(s.p, cases[i].want.p, s.n);
		assert_true(jtext_is_name(cases[i].raw, cases[i].want));
		assert_false(jtext_is_name(cases[i].raw, STR("other")));
	}
	assert_null(jtext_string(a, STR("12")).p);
	assert_null(jtext_string(a, STR("null")).p);
	assert_null(jtext_string(a, STR_NONE).p);
	arena_free(a);
}

static void
members_are_walked_in_order(void **state)
{
	struct str doc = STR("{ \"a\":1 ,\"b\" : [2] , \"c\":{}\n}");
	struct str name, value;
	struct buf b;
	size_t pos = 0;

	(void)state;
	buf_init(&b, 1000);
	while (jtext_member(doc, &pos, &name, &value))
		buf_addf(&b, "%.*s=%.*s;", STR_ARG(name), STR_ARG(value));
	assert_string_equal(b.p, "\"a\"=1;\"b\"=[2];\"c\"={};");
	pos = 0;
	assert_false(jtext_member(STR("[1]"), &pos, &name, &value));
	pos = 0;
	assert_false(jtext_member(STR("{ }"), &pos, &name, &value));
	pos = 0;
	assert_false(jtext_item(STR("{\"a\":1}"), &pos, &value));
	buf_release(&b);
}

struct edit_case {
	const char *doc;
	struct jtext_edit edits[4];
	const char *want; /* NULL: refused */
};

static void
edits_change_what_they_name_and_nothing_else(void **state)
{
	static const struct edit_case cases[] = {
		{ " {\"b\" : 1.50, \"a\":\"\\u0041\" }\n", { { NULL, S("") } },
		    " {\"b\" : 1.50, \"a\":\"\\u0041\" }\n" },
		{ "{\"x\":1,\"model\" :  \"a\" , \"y\":2}",
		    { { "model", S("\"b\"") } },
		    "{\"x\":1,\"model\" :  \"b\" , \"y\":2}" },
		{ "{\"\\u006dodel\":1}", { { "model", S("2") } },
		    "{\"\\u006dodel\":2}" },
		{ "{}", { { "a", S("1") }, { "b", S("2") } },
		    "{\"a\":1,\"b\":2}" },
		{ "{ }", { { "a", S("1") } }, "{\"a\":1 }" },
		{ "{\n  \"x\": 1\n}", { { "a", S("1") } },
		    "{\n  \"x\": 1,\"a\":1\n}" },
		{ "{\"o\":{\"u\":0,\"v\":[1, 2]}}", { { "o.u", S("true") } },
		    "{\"o\":{\"u\":true,\"v\":[1, 2]}}" },
		{ "{\"x\":1}", { { "o.u", S("1") }, { "o.v.w", S("2") } },
		    "{\"x\":1,\"o\":{\"u\":1,\"v\":{\"w\":2}}}" },
		{ "{\"a\":1, \"b\":2, \"c\":3}", { { "a", { 0 } } },
		    "{ \"b\":2, \"c\":3}" },
		{ "{\"a\":1, \"b\":2, \"c\":3}", { { "b", { 0 } } },
		    "{\"a\":1, \"c\":3}" },
		{ "{\"a\":1, \"b\":2, \"c\":3 }", { { "c", { 0 } } },
		    "{\"a\":1, \"b\":2 }" },
		{ "{\"a\":1, \"b\":2}", { { "a", { 0 } }, { "b", { 0 } } },
		    "{}" },
		{ "{\"a\":1}", { { "a", { 0 } }, { "b", S("2") } },
		    "{\"b\":2}" },
		{ "{\"a\":1}", { { "b", { 0 } }, { "o.p", { 0 } } },
		    "{\"a\":1}" },
		{ "{\"a\":1}", { { "a.b", S("2") } }, NULL },
		{ "{\"a\":null}", { { "a.b", S("2") } }, NULL },
		{ "{\"a\":[{}]}", { { "a.0.b", S("2") } }, NULL },
		{ "[1]", { { "a", S("2") } }, NULL },
	};
	struct buf b;
	size_t i, n;
	int rc;

	(void)state;
	buf_init(&b, MIB);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (n = 0; cases[i].edits[n].path != NULL; n++)
			continue;
		buf_reset(&b);
		rc = jtext_apply(&b, str_of(cases[i].doc), cases[i].edits, n);
		assert_int_equal(rc, cases[i].want != NULL ? 0 : -1);
		if (rc == 0) {
			assert_string_equal(b.p, cases[i].want);
			assert_true(passes(buf_str(&b)));
		}
	}
	buf_release(&b);
}

static void
plain_bytes_end_at_the_first_special_one(void **state)
{
	static const char special[] = "\"\\\x1f\x01\n\xff\x80";
	char text[32];
	size_t at, i;

	(void)state;
	for (at = 0; at < sizeof(text); at++) {
		for (i = 0; i < sizeof(special) - 1; i++) {
			memset(text, 'x', sizeof(text));
			text[at] = special[i];
			assert_int_equal(jtext_plain((struct str){
					     .p = text, .n = sizeof(text) }),
			    at);
		}
	}
	memset(text, '~', sizeof(text));
	assert_int_equal(
	    jtext_plain((struct str){ .p = text, .n = sizeof(text) }),
	    sizeof(text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_documents_pass),
		cmocka_unit_test(invalid_documents_are_refused),
		cmocka_unit_test(bytes_that_are_not_utf8_are_refused),
		cmocka_unit_test(duplicate_members_are_refused_however_spelled),
		cmocka_unit_test(duplicates_are_found_in_objects_of_any_size),
		cmocka_unit_test(a_hundred_levels_pass_and_no_more),
		cmocka_unit_test(endless_nesting_is_refused_at_once),
		cmocka_unit_test(errors_say_where_and_what),
		cmocka_unit_test(random_damage_does_no_harm),
		cmocka_unit_test(values_are_found_by_path),
		cmocka_unit_test(strings_are_decoded),
		cmocka_unit_test(members_are_walked_in_order),
		cmocka_unit_test(edits_change_what_they_name_and_nothing_else),
		cmocka_unit_test(plain_bytes_end_at_the_first_special_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
