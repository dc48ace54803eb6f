/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtree.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

static const char sample[] =
    "{\"model\":\"gpt-5\",\"n\":3,\"big\":18446744073709551615,"
    "\"wide\":12345678901234567890123,\"whole\":2e3,\"part\":1.5,\"huge\":"
    "1e999,\"yes\":true,\"nil\":null,"
    "\"nul\":\"a\\u0000b\",\"minus\":-9223372036854775808,"
    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"},"
    "{\"type\":5}]},\"oops\",null]}";

struct world {
	struct arena *arena;
	struct jnode root;
	struct error err;
};

static int
setup(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.arena = arena_new(64 * MIB);
	*state = &w;
	return jtree_read(w.arena, str_of(sample), &w.root, &w.err);
}

static int
teardown(void **state)
{
	struct world *w = *state;

	arena_free(w->arena);
	return 0;
}

static void
members_are_read_by_their_types(void **state)
{
	struct world *w = *state;
	struct str s;
	int64_t i = 0;
	double d = 0;
	bool b = false;

	assert_int_equal(
	    jtree_str(&w->root, "model", JTREE_REQUIRED, &s, &w->err), 0);
	assert_true(str_is(s, "gpt-5"));
	assert_int_equal(
	    jtree_str(&w->root, "nul", JTREE_REQUIRED, &s, &w->err), 0);
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.p, "a\0b", 3);
	assert_int_equal(
	    jtree_i64(&w->root, "n", JTREE_REQUIRED, &i, &w->err), 0);
	assert_int_equal(i, 3);
	assert_int_equal(
	    jtree_i64(&w->root, "whole", JTREE_REQUIRED, &i, &w->err), 0);
	assert_int_equal(i, 2000);
	assert_int_equal(
	    jtree_i64(&w->root, "minus", JTREE_REQUIRED, &i, &w->err), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(
	    jtree_double(&w->root, "part", JTREE_REQUIRED, &d, &w->err), 0);
	assert_true(d == 1.5);
	assert_int_equal(
	    jtree_double(&w->root, "n", JTREE_REQUIRED, &d, &w->err), 0);
	assert_true(d == 3);
	assert_int_equal(
	    jtree_bool(&w->root, "yes", JTREE_REQUIRED, &b, &w->err), 0);
	assert_true(b);
	assert_int_equal(w->err.kind, ERROR_NONE);
}

static void
what_is_optional_and_absent_keeps_its_value(void **state)
{
	static const char *const keys[] = { "nil", "nothing" };
	struct world *w = *state;
	struct str s = STR("kept");
	struct jnode node;
	int64_t i = 7;
	size_t k;

	for (k = 0; k < 2; k++) {
		assert_int_equal(
		    jtree_str(&w->root, keys[k], JTREE_OPTIONAL, &s, &w->err),
		    0);
		assert_int_equal(
		    jtree_i64(&w->root, keys[k], JTREE_OPTIONAL, &i, &w->err),
		    0);
		assert_int_equal(jtree_array(&w->root, keys[k], JTREE_OPTIONAL,
				     &node, &w->err),
		    0);
		assert_null(node.v);
		assert_int_equal(jtree_len(&node), 0);
		assert_false(jtree_find(&node, "x", &node));
	}
	assert_true(str_is(s, "kept"));
	assert_int_equal(i, 7);
}

static int
read_str(const struct jnode *at, const char *key, struct error *err)
{
	struct str s;

	return jtree_str(at, key, JTREE_REQUIRED, &s, err);
}

static int
read_i64(const struct jnode *at, const char *key, struct error *err)
{
	int64_t i;

	return jtree_i64(at, key, JTREE_REQUIRED, &i, err);
}

static int
read_double(const struct jnode *at, const char *key, struct error *err)
{
	double d;

	return jtree_double(at, key, JTREE_REQUIRED, &d, err);
}

static int
read_bool(const struct jnode *at, const char *key, struct error *err)
{
	bool b;

	return jtree_bool(at, key, JTREE_REQUIRED, &b, err);
}

static int
read_object(const struct jnode *at, const char *key, struct error *err)
{
	struct jnode n;

	return jtree_object(at, key, JTREE_REQUIRED, &n, err);
}

static int
read_array(const struct jnode *at, const char *key, struct error *err)
{
	struct jnode n;

	return jtree_array(at, key, JTREE_REQUIRED, &n, err);
}

static void
wrong_members_are_named(void **state)
{
	static const struct {
		int (*read)(const struct jnode *, const char *, struct error *);
		const char *key;
		const char *msg;
	} cases[] = {
		{ read_str, "n", "n: must be a string" },
		{ read_str, "nil", "nil: is required" },
		{ read_i64, "model", "model: must be an integer" },
		{ read_i64, "part", "part: must be an integer" },
		{ read_i64, "huge", "huge: is too large" },
		{ read_i64, "big", "big: is too large" },
		{ read_i64, "wide", "wide: is too large" },
		{ read_double, "huge", "huge: is too large" },
		{ read_double, "yes", "yes: must be a number" },
		{ read_bool, "n", "n: must be true or false" },
		{ read_object, "messages", "messages: must be an object" },
		{ read_array, "model", "model: must be an array" },
		{ read_array, "nothing", "nothing: is required" },
	};
	struct world *w = *state;
	struct error err;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err = (struct error){ 0 };
		assert_int_equal(
		    cases[i].read(&w->root, cases[i].key, &err), -1);
		assert_int_equal(err.kind, ERROR_BAD_REQUEST);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(err.param, cases[i].key);
	}
}

static void
errors_name_the_whole_path(void **state)
{
	struct world *w = *state;
	struct jnode messages, message, content, part;
	struct error err = { 0 };

	assert_int_equal(
	    jtree_array(&w->root, "messages", JTREE_REQUIRED, &messages, &err),
	    0);
	assert_int_equal(jtree_len(&messages), 3);
	message = jtree_item(&messages, 0);
	assert_int_equal(
	    jtree_array(&message, "content", JTREE_REQUIRED, &content, &err),
	    0);
	part = jtree_item(&content, 1);
	assert_int_equal(read_str(&part, "type", &err), -1);
	assert_string_equal(err.param, "messages[0].content[1].type");
	assert_string_equal(
	    err.msg, "messages[0].content[1].type: must be a string");
	assert_true(
	    str_is(jtree_path(w->arena, &part), "messages[0].content[1]"));
	assert_true(str_is(jtree_path(w->arena, &w->root), ""));

	err = (struct error){ 0 };
	message = jtree_item(&messages, 1);
	assert_int_equal(read_str(&message, "role", &err), -1);
	assert_string_equal(err.msg, "messages[1]: must be an object");
	err = (struct error){ 0 };
	message = jtree_item(&messages, 2);
	assert_int_equal(read_str(&message, "role", &err), -1);
	assert_string_equal(err.msg, "messages[2].role: is required");
	assert_null(jtree_item(&messages, 3).v);
}

static void
numbers_are_written_as_they_were_spelt(void **state)
{
	static const char *const cases[] = {
		"{\"wei\":1000000000000000000000,\"n\":1}",
		"[{\"a\":[1,-99999999999999999999999]},18446744073709551616]",
		"{\"\\u0061\\\"\":{\"b\":12345678901234567890123}}",
		"{\"id\":\"12345678901234567890123\",\"n\":9223372036854775807,"
		"\"u\":18446744073709551615,\"m\":-9223372036854775808}",
		"[1.10,-0.0,1e400,12345678901234567890123.5]",
	};
	struct world *w = *state;
	struct jnode root;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    jtree_read(w->arena, str_of(cases[i]), &root, &w->err), 0);
		if (i == 2) /* names lose their escapes */
			assert_true(str_is(jtree_text(w->arena, &root),
			    "{\"a\\\"\":{\"b\":12345678901234567890123}}"));
		else
			assert_true(
			    str_is(jtree_text(w->arena, &root), cases[i]));
	}
}

static void
the_first_error_stays(void **state)
{
	struct world *w = *state;
	struct error err = { 0 };

	assert_int_equal(read_str(&w->root, "n", &err), -1);
	assert_int_equal(read_str(&w->root, "part", &err), -1);
	assert_string_equal(err.param, "n");
	assert_string_equal(err.msg, "n: must be a string");
}

static void
a_long_path_is_cut_where_it_must_be(void **state)
{
	struct jnode chain[JTREE_MAX_DEPTH];
	struct error err = { 0 };
	size_t i;

	(void)state;
	chain[0] = (struct jnode){ 0 };
	for (i = 1; i < JTREE_MAX_DEPTH; i++)
		chain[i] =
		    (struct jnode){ .up = &chain[i - 1], .key = "member" };
	assert_int_equal(jtree_fail(&chain[i - 1], &err, "is %d", 1), -1);
	assert_true(strlen(err.param) < sizeof(err.param));
	assert_memory_equal(err.param, "member.member.", 14);
}

static void
any_value_may_stand_at_the_root(void **state)
{
	static const struct {
		const char *doc;
		const char *text;
	} cases[] = {
		{ " 12 ", "12" },
		{ "-1.50e3", "-1.50e3" },
		{ "true", "true" },
		{ "null", "null" },
		{ "\"a/\\u00e9\"", "\"a/\xc3\xa9\"" },
		{ "[ 1, {\"b\" : 0.10} ]\n", "[1,{\"b\":0.10}]" },
	};
	struct world *w = *state;
	struct jnode root;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    jtree_read(w->arena, str_of(cases[i].doc), &root, &w->err),
		    0);
		assert_true(str_is(jtree_text(w->arena, &root), cases[i].text));
	}
}

static void
what_the_check_refuses_is_not_read(void **state)
{
	static const char *const docs[] = { "", "{", "{\"a\":1,\"a\":2}",
		"[1] [2]", "{'a':1}" };
	struct world *w = *state;
	struct error err;
	struct jnode root;
	size_t i;

	for (i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
		err = (struct error){ 0 };
		assert_int_equal(
		    jtree_read(w->arena, str_of(docs[i]), &root, &err), -1);
		assert_int_equal(err.kind, ERROR_BAD_REQUEST);
		assert_null(root.v);
	}
}

static void
a_hundred_levels_are_read(void **state)
{
	struct world *w = *state;
	struct jnode root;
	char doc[2 * JTREE_MAX_DEPTH];

	memset(doc, '[', JTREE_MAX_DEPTH);
	memset(doc + JTREE_MAX_DEPTH, ']', JTREE_MAX_DEPTH);
	assert_int_equal(
	    jtree_read(w->arena, (struct str){ .p = doc, .n = sizeof(doc) },
		&root, &w->err),
	    0);
}

/* ${n} items in an array, after a string of as many commas. */
static int
read_many(struct arena *a, size_t n, struct error *err)
{
	struct buf *b = buf_new(a, 16 * MIB);
	struct jnode root;
	size_t i;

	buf_addz(b, "[\"\\\"");
	for (i = 0; i < JTREE_MAX_VALUES; i++)
		buf_addch(b, ',');
	buf_addz(b, "\"");
	for (i = 0; i < n; i++)
		buf_addz(b, ",1");
	buf_addz(b, "]");
	return jtree_read(a, buf_str(b), &root, err);
}

static void
too_many_values_are_refused(void **state)
{
	struct world *w = *state;

	assert_int_equal(read_many(w->arena, 600000, &w->err), 0);
	assert_int_equal(read_many(w->arena, JTREE_MAX_VALUES, &w->err), -1);
	assert_int_equal(w->err.kind, ERROR_BAD_REQUEST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_read_by_their_types),
		cmocka_unit_test(what_is_optional_and_absent_keeps_its_value),
		cmocka_unit_test(wrong_members_are_named),
		cmocka_unit_test(errors_name_the_whole_path),
		cmocka_unit_test(numbers_are_written_as_they_were_spelt),
		cmocka_unit_test(the_first_error_stays),
		cmocka_unit_test(a_long_path_is_cut_where_it_must_be),
		cmocka_unit_test(any_value_may_stand_at_the_root),
		cmocka_unit_test(what_the_check_refuses_is_not_read),
		cmocka_unit_test(a_hundred_levels_are_read),
		cmocka_unit_test(too_many_values_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
