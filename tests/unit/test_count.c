/* SPDX-License-Identifier: MIT */
/* Token counts: estimated at once, or Anthropic's own. */
#include "core/count.h"
#include "core/jtext.h"
#include "fcgi/dialect.h"
#include "tests/unit/provider_kit.h"

static void
an_estimate_grows_with_the_text_and_needs_no_network(void **state)
{
	static const char *const chats[] = {
		"{\"turns\":[{\"role\":\"user\",\"parts\":[{\"kind\":\"text\","
		"\"text\":\"hello\"}]}]}",
		"{\"turns\":[{\"role\":\"user\",\"parts\":[{\"kind\":\"text\","
		"\"text\":\"hello to all of you who are here\"}]}]}",
	};
	struct kit_sink out;
	struct kit k;
	struct str doc, n;
	int64_t last = 0, now;

	(void)state;
	for (size_t i = 0; i < COUNT(chats); i++) {
		kit_init(&k, count_estimate(WIRE_ANTHROPIC), "http://h");
		kit_chat(&k, chats[i]);
		assert_int_equal(kit_prepare(&k), 0);
		doc = k.request.canned->chunks->bytes;
		assert_true(jtext_get(doc, "input_tokens", &n));
		assert_int_equal(str_i64(n, 1, 1000, &now), 0);
		assert_true(now > last);
		last = now;
		assert_int_equal(
		    kit_decode(&k, FRAMING_WHOLE, doc, 3, &out), 0);
		assert_string_equal(out.text->p, "usage\n");
		assert_int_equal(out.usage.source, USAGE_REPORTED);
		kit_release(&k);
	}
}

static void
what_is_no_count_is_no_answer(void **state)
{
	static const char *const bad[] = { "{}", "{\"input_tokens\":\"5\"}",
		"{\"input_tokens\":-1}", "[]", "no", "" };
	struct kit_sink out;
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		kit_init(&k, count_estimate(WIRE_ANTHROPIC), "http://h");
		assert_int_equal(
		    kit_decode(&k, FRAMING_WHOLE, str_of(bad[i]), 0, &out), -1);
		assert_int_equal(k.err.kind, ERROR_UP_BROKEN);
		kit_release(&k);
	}
}

static void
anthropic_is_asked_with_the_clients_bytes(void **state)
{
	struct kit k;

	(void)state;
	kit_init(&k, provider_anthropic.count, "http://h/v1");
	k.ask.operation = OPERATION_COUNT;
	k.ask.wire = WIRE_ANTHROPIC;
	k.ask.body = STR("{\"model\":\"p/c\", \"messages\":[1.0]}");
	assert_int_equal(kit_prepare(&k), 0);
	assert_string_equal(k.request.url, "http://h/v1/messages/count_tokens");
	assert_true(
	    str_is(k.request.body, "{\"model\":\"m\", \"messages\":[1.0]}"));
	kit_release(&k);
}

static void
max_tokens_is_wanted_for_messages_only(void **state)
{
	static const char body[] =
	    "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
	struct arena *a = arena_new((size_t)64 << 20);
	struct chat one = { 0 }, two = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(
	    dialect_anthropic_count.decode(a, str_of(body), &one, &err), 0);
	assert_int_equal(
	    dialect_anthropic.decode(a, str_of(body), &two, &err), -1);
	assert_string_equal(err.msg, "max_tokens: is required");
	assert_string_equal(err.param, "max_tokens");
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_estimate_grows_with_the_text_and_needs_no_network),
		cmocka_unit_test(what_is_no_count_is_no_answer),
		cmocka_unit_test(anthropic_is_asked_with_the_clients_bytes),
		cmocka_unit_test(max_tokens_is_wanted_for_messages_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
