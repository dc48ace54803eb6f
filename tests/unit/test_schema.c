/* SPDX-License-Identifier: MIT */
#include "providers/schema.h"
#include "tests/unit/provider_kit.h"

#define CLOSED(properties, required)                                           \
	"{\"type\":\"object\",\"properties\":{" properties                     \
	"},\"required\":[" required "],\"additionalProperties\":false}"

struct schema_case {
	enum wire wire;
	const char *from;
	const char *want; /* NULL: the same bytes */
	const char *losses;
};

static const struct schema_case cases[] = {
	/* Claude: limits become words, objects are closed */
	{ WIRE_ANTHROPIC,
	    "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\","
	    "\"minimum\":1,\"maximum\":9,\"description\":\"d\"},\"minimum\":{"
	    "\"type\":\"string\",\"pattern\":\"^a\\\"$\"}}}",
	    "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\","
	    "\"description\":\"d\\nMust hold: minimum 1, maximum 9\"},"
	    "\"minimum\":{\"type\":\"string\",\"description\":\"Must hold: "
	    "pattern \\\"^a\\\\\\\"$\\\"\"}},\"additionalProperties\":false}",
	    "s.minimum s.maximum s.pattern" },
	{ WIRE_ANTHROPIC,
	    "{\"oneOf\":[{\"type\":\"object\",\"additionalProperties\":true},"
	    "{\"type\":\"array\",\"items\":{\"maxLength\":3}}],\"$defs\":{"
	    "\"oneOf\":{\"const\":null}}}",
	    "{\"anyOf\":[{\"type\":\"object\",\"additionalProperties\":false},"
	    "{\"type\":\"array\",\"items\":{\"description\":\"Must hold: "
	    "maxLength 3\"}}],\"$defs\":{\"oneOf\":{\"const\":null}}}",
	    "s.additionalProperties s.maxLength" },
	{ WIRE_ANTHROPIC, "{\"anyOf\":[{}],\"oneOf\":[{}]}",
	    "{\"anyOf\":[{}],\"description\":\"Must hold: oneOf [{}]\"}",
	    "s.oneOf" },
	{ WIRE_ANTHROPIC, "[1]", NULL, "" },
	{ WIRE_ANTHROPIC, "{\"a\":1,\"a\":2}", NULL, "" },
	/* Gemini: no const */
	{ WIRE_GEMINI,
	    "{\"properties\":{\"const\":{\"const\":\"x\",\"enum\":[\"x\","
	    "\"y\"]}},\"minimum\":1.50}",
	    "{\"properties\":{\"const\":{\"enum\":[\"x\"]}},\"minimum\":1.50}",
	    "" },
	{ WIRE_GEMINI, "{\"type\" : \"object\", \"oneOf\":[]}", NULL, "" },
};

static void
a_schema_is_strict_where_openai_takes_it_so(void **state)
{
	static const struct {
		const char *schema;
		bool strict;
	} rows[] = {
		{ "{}", true },
		{ CLOSED("\"a\":{},\"b\":{\"type\":\"string\"}", "\"a\",\"b\""),
		    true },
		{ CLOSED("\"a\":{},\"b\":{}", "\"a\""), false },
		{ "{\"type\":\"object\",\"properties\":{\"a\":{}},"
		  "\"required\":[\"a\"]}",
		    false },
		{ "{\"type\":\"object\",\"additionalProperties\":{}}", false },
		{ CLOSED("\"a\":{\"items\":{\"type\":\"object\"}}", "\"a\""),
		    false },
		{ CLOSED("\"a\":{\"anyOf\":[{},{\"properties\":{}}]}", "\"a\""),
		    false },
		{ CLOSED("\"a\":{\"oneOf\":[{}]}", "\"a\""), false },
		{ CLOSED("\"allOf\":{},\"a\":{\"default\":{\"oneOf\":1}}",
		      "\"allOf\",\"a\""),
		    true },
		{ "no JSON", true }, /* the vendor tells */
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		kit_init(&k, &provider_openai, "");
		kit_chat(&k, "{}");
		assert_int_equal(schema_is_strict(k.arena, k.ask.chat,
				     str_of(rows[i].schema), "s"),
		    rows[i].strict);
		assert_string_equal(
		    kit_losses(&k), rows[i].strict ? "" : "s.strict");
		kit_release(&k);
	}
}

static void
schemas_become_what_the_target_knows(void **state)
{
	const struct schema_case *c;
	struct kit k;
	struct str got;

	(void)state;
	for (c = cases; c < cases + COUNT(cases); c++) {
		kit_init(&k, &provider_openai, "");
		kit_chat(&k, "{}");
		got = schema_for(
		    k.arena, k.ask.chat, str_of(c->from), c->wire, "s");
		if (c->want)
			kit_same_json(&k, got, c->want);
		else
			assert_ptr_equal(got.p, c->from);
		assert_string_equal(kit_losses(&k), c->losses);
		kit_release(&k);
	}
}

static void
no_schema_is_too_deep(void **state)
{
	struct kit k;
	struct buf *deep;
	struct str got;
	struct error err = { 0 };
	struct jnode root;

	(void)state;
	kit_init(&k, &provider_anthropic, "");
	kit_chat(&k, "{}");
	deep = buf_new(k.arena, KIT_BYTES);
	for (int i = 0; i < 90; i++)
		buf_addz(deep, "{\"items\":");
	buf_addz(deep, "{\"minimum\":1}");
	for (int i = 0; i < 90; i++)
		buf_addch(deep, '}');
	got =
	    schema_for(k.arena, k.ask.chat, buf_str(deep), WIRE_ANTHROPIC, "s");
	assert_int_equal(jtree_read(k.arena, got, &root, &err), 0);
	kit_release(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_schema_is_strict_where_openai_takes_it_so),
		cmocka_unit_test(schemas_become_what_the_target_knows),
		cmocka_unit_test(no_schema_is_too_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
