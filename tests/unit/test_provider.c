/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/error.h"
#include "core/provider.h"
#include "tests/unit/unit.h"

static void
headers_keep_their_order_and_ignore_case(void **state)
{
	struct arena *a = arena_new(10000);
	struct header *list = NULL;

	(void)state;
	assert_null(header_get(list, "x").p);
	header_add(a, &list, STR("Retry-After"), STR("1"));
	header_add(a, &list, STR("retry-after"), STR("2"));
	header_add(a, &list, STR("x"), STR(""));
	assert_true(str_is(header_get(list, "RETRY-AFTER"), "1"));
	assert_true(str_is(list->next->value, "2"));
	assert_non_null(header_get(list, "X").p);
	assert_null(header_get(list, "retry").p);
	arena_free(a);
}

static int decoded;

/* Accepts the body "good" only. */
static int
decode(struct arena *a, struct str body, struct chat *chat, struct error *err)
{
	decoded++;
	assert_ptr_equal(chat->arena, a);
	if (!str_is(body, "good"))
		return error_set(err, ERROR_BAD_REQUEST, "bad");
	chat->max_tokens = 7;
	return 0;
}

static void
an_ask_is_decoded_once(void **state)
{
	struct ask ask = { .arena = arena_new(10000),
		.wire = WIRE_ANTHROPIC,
		.body = STR("good"),
		.decode = decode };
	struct error err = { 0 };
	struct chat *chat;

	(void)state;
	decoded = 0;
	chat = ask_chat(&ask, &err);
	assert_int_equal(chat->max_tokens, 7);
	assert_int_equal(chat->dialect, WIRE_ANTHROPIC);
	assert_ptr_equal(ask_chat(&ask, &err), chat);
	assert_int_equal(decoded, 1);
	arena_free(ask.arena);
}

static void
an_ask_that_does_not_decode_is_null(void **state)
{
	struct ask ask = {
		.arena = arena_new(10000), .body = STR("bad"), .decode = decode
	};
	struct error err = { 0 };

	(void)state;
	assert_null(ask_chat(&ask, &err));
	assert_int_equal(err.kind, ERROR_BAD_REQUEST);
	assert_null(ask.chat);
	arena_free(ask.arena);
}

static void
members_that_a_route_sets_are_in_the_body(void **state)
{
	struct media media = { .url = STR("u") };
	struct ask ask = { .arena = arena_new(100000),
		.body = STR("{\"a\":1.0,\"b\":2}"),
		.decode = decode,
		.lossless = true,
		.media = &media };
	struct ask *other = ask_with(&ask, STR("{\"b\":{},\"c\":3}"));

	(void)state;
	assert_true(str_is(other->body, "{\"a\":1.0,\"b\":{},\"c\":3}"));
	assert_true(other->lossless);
	assert_ptr_equal(other->media, &media);
	assert_ptr_equal(ask_with(&ask, STR_NONE), &ask);
	ask.decode = NULL; /* nothing to edit */
	assert_ptr_equal(ask_with(&ask, STR("{\"b\":1}")), &ask);
	arena_free(ask.arena);
}

static void
system_and_effort_are_set_in_whatever_format_the_client_speaks(void **state)
{
	static const struct {
		enum wire wire;
		const char *body, *want;
	} cases[] = {
		{ WIRE_OPENAI_CHAT,
		    "{\"messages\":[{\"role\":\"developer\",\"content\":\"a\"},"
		    "{\"role\":\"user\",\"content\":\"b\"},"
		    "{\"role\":\"system\",\"content\":\"c\"}]}",
		    "{\"messages\":[{\"role\":\"system\",\"content\":\"x\"},"
		    "{\"role\":\"user\",\"content\":\"b\"},"
		    "{\"role\":\"system\",\"content\":\"c\"}],"
		    "\"reasoning_effort\":\"low\"}" },
		{ WIRE_OPENAI_RESPONSES,
		    "{\"reasoning\":{\"effort\":\"high\",\"summary\":\"auto\"}"
		    "}",
		    "{\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"},"
		    "\"instructions\":\"x\"}" },
		{ WIRE_ANTHROPIC, "{\"system\":[{\"type\":\"text\"}]}",
		    "{\"system\":\"x\",\"output_config\":{\"effort\":\"low\"}"
		    "}" },
	};
	struct ask ask = { .arena = arena_new(100000), .decode = decode };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask.wire = cases[i].wire;
		ask.body = str_of(cases[i].body);
		assert_string_equal(
		    str_cstr(ask.arena,
			ask_with(
			    &ask, STR("{\"system\":\"x\",\"effort\":\"low\"}"))
			    ->body),
		    cases[i].want);
	}
	arena_free(ask.arena);
}

static void
the_registry_finds_by_whole_name(void **state)
{
	static const struct provider one = { .name = "openai" };
	static const struct provider *const apis[] = { &one, NULL };
	static const struct vendor vendors[] = { { .name = "groq" },
		{ .name = "xai" }, { .name = NULL } };
	static const struct registry r = { .apis = apis, .vendors = vendors };

	(void)state;
	assert_ptr_equal(registry_api(&r, STR("openai")), &one);
	assert_null(registry_api(&r, STR("openai_responses")));
	assert_ptr_equal(registry_vendor(&r, STR("xai")), &vendors[1]);
	assert_null(registry_vendor(&r, STR("x")));
	assert_null(registry_vendor(&r, STR_NONE));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_keep_their_order_and_ignore_case),
		cmocka_unit_test(an_ask_is_decoded_once),
		cmocka_unit_test(an_ask_that_does_not_decode_is_null),
		cmocka_unit_test(members_that_a_route_sets_are_in_the_body),
		cmocka_unit_test(
		    system_and_effort_are_set_in_whatever_format_the_client_speaks),
		cmocka_unit_test(the_registry_finds_by_whole_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
