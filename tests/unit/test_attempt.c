/* SPDX-License-Identifier: MIT */
/* What an attempt decides before it starts; running one is test_upstream's. */
#include "core/arena.h"
#include "core/attempt.h"
#include "core/catalog.h"
#include "core/conf.h"
#include "core/count.h"
#include "tests/unit/unit.h"

static int
prepare(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	(void)a;
	(void)t;
	(void)ask;
	(void)err;
	out->url = "http://127.0.0.1/";
	return 0;
}

static const struct provider chat = {
	.name = "chat", .wire = WIRE_OPENAI_CHAT, .prepare = prepare
};
static const struct provider responses = {
	.name = "responses", .wire = WIRE_OPENAI_RESPONSES, .prepare = prepare
};

static void
the_format_is_the_clients_unless_the_model_has_only_one(void **state)
{
	static const struct {
		enum wire client;
		const struct provider *also;
		unsigned can;
		const struct provider *want;
	} cases[] = {
		{ WIRE_OPENAI_CHAT, NULL, 0, &chat },
		{ WIRE_OPENAI_CHAT, &responses, 0, &chat },
		{ WIRE_ANTHROPIC, &responses, 0, &chat },
		{ WIRE_OPENAI_RESPONSES, NULL, 0, &chat },
		{ WIRE_OPENAI_RESPONSES, &responses, 0, &responses },
		{ WIRE_OPENAI_CHAT, &responses, MODEL_RESPONSES_ONLY,
		    &responses },
		{ WIRE_ANTHROPIC, &responses, MODEL_RESPONSES_ONLY,
		    &responses },
		{ WIRE_ANTHROPIC, NULL, MODEL_RESPONSES_ONLY, &chat },
	};
	struct conf_provider vendor = { .api = &chat };
	struct model facts = { .can = 0 };
	struct target target = { .provider = &vendor, .facts = &facts };
	struct arena *a = arena_new((size_t)1 << 20);
	struct error err = { 0 };
	struct attempt *at;
	struct ask ask = { .arena = a };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		ask.wire = cases[i].client;
		vendor.also = cases[i].also;
		facts.can = cases[i].can;
		at = attempt_prepare(a, &ask, &target, &err);
		assert_non_null(at);
		assert_ptr_equal(at->api, cases[i].want);
	}
	target.facts = NULL;
	assert_ptr_equal(attempt_prepare(a, &ask, &target, &err)->api, &chat);
	arena_free(a);
}

static void
a_model_newer_than_the_catalogue_gets_other_clients_in_responses(void **state)
{
	static const struct {
		enum wire client;
		bool at_home;
		unsigned can;
		const struct provider *want;
	} cases[] = {
		{ WIRE_ANTHROPIC, true, 0, &responses },
		{ WIRE_ANTHROPIC, false, 0, &chat },
		{ WIRE_ANTHROPIC, true, MODEL_TOOLS, &chat },
		{ WIRE_OPENAI_CHAT, true, 0, &chat },
		{ WIRE_OPENAI_COMPLETIONS, true, 0, &chat },
	};
	struct conf_provider vendor = { .api = &chat, .also = &responses };
	struct model facts = { .can = 0 };
	struct target target = { .provider = &vendor, .facts = &facts };
	struct arena *a = arena_new((size_t)1 << 20);
	struct error err = { 0 };
	struct ask ask = { .arena = a };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		ask.wire = cases[i].client;
		vendor.at_home = cases[i].at_home;
		facts.can = cases[i].can;
		assert_ptr_equal(attempt_prepare(a, &ask, &target, &err)->api,
		    cases[i].want);
	}
	arena_free(a);
}

static const struct provider embed = {
	.name = "embed", .wire = WIRE_OPENAI_CHAT, .prepare = prepare
};
static const struct provider able = { .name = "able",
	.wire = WIRE_OPENAI_CHAT,
	.prepare = prepare,
	.embed = &embed,
	.count = &embed,
	.compact = &embed,
	.stored = &embed };

static void
what_is_asked_for_finds_its_interface(void **state)
{
	const struct provider *const estimate = count_estimate(WIRE_NONE);
	const struct {
		const struct provider *api;
		enum operation operation;
		const struct provider *want;
		const char *lacks; /* NULL: nothing */
	} cases[] = {
		{ &able, OPERATION_CHAT, &able, NULL },
		{ &able, OPERATION_EMBED, &embed, NULL },
		{ &able, OPERATION_COUNT, &embed, NULL },
		{ &able, OPERATION_COMPACT, &embed, NULL },
		{ &able, OPERATION_STORED, &embed, NULL },
		{ &chat, OPERATION_CHAT, &chat, NULL },
		{ &chat, OPERATION_EMBED, NULL, "embeddings" },
		{ &chat, OPERATION_COUNT, estimate, NULL },
		{ &chat, OPERATION_COMPACT, NULL, "compaction" },
		{ &chat, OPERATION_STORED, NULL, "stored responses" },
	};
	struct conf_provider vendor = { .name = STR("v") };
	struct target target = { .provider = &vendor };
	struct arena *a = arena_new((size_t)1 << 20);
	struct chat empty = { .arena = a };
	struct ask ask = {
		.arena = a, .chat = &empty, .wire = WIRE_OPENAI_CHAT
	};
	struct error err = { 0 };
	struct attempt *at;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		vendor.api = cases[i].api;
		ask.operation = cases[i].operation;
		error_clear(&err);
		at = attempt_prepare(a, &ask, &target, &err);
		assert_ptr_equal(at != NULL ? at->api : NULL, cases[i].want);
		if (cases[i].want != NULL)
			continue;
		assert_non_null(strstr(err.msg, cases[i].lacks));
		assert_string_equal(err.param, "model");
		assert_int_equal(err.status, 400);
	}
	arena_free(a);
}

/* Loses what the model is called. */
static int
prepare_lossy(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	(void)a;
	(void)err;
	out->url = "http://127.0.0.1/";
	if (t->model.n > 0)
		chat_lose(ask->chat, "%.*s", STR_ARG(t->model));
	return 0;
}

static void
losses_are_refused_where_the_client_wants_none(void **state)
{
	static const struct provider lossy = {
		.name = "lossy", .wire = WIRE_GEMINI, .prepare = prepare_lossy
	};
	static const struct {
		enum wire client;
		const char *decoding, *preparing, *want; /* NULL: accepted */
	} cases[] = {
		{ WIRE_OPENAI_CHAT, NULL, "", NULL },
		{ WIRE_OPENAI_CHAT, "seed", "", ": seed" },
		{ WIRE_OPENAI_CHAT, NULL, "top_k", ": top_k" },
		{ WIRE_OPENAI_CHAT, "seed", "top_k", ": seed, top_k" },
		/* the bytes pass, whoever has decoded them */
		{ WIRE_GEMINI, "seed", "", NULL },
	};
	struct conf_provider vendor = { .name = STR("v"), .api = &lossy };
	struct target target = { .provider = &vendor };
	struct arena *a = arena_new((size_t)1 << 20);
	struct chat chat_of;
	struct ask ask = { .arena = a, .chat = &chat_of };
	struct error err;
	struct attempt *at;

	(void)state;
	for (size_t i = 0; i < COUNT(cases) * 2; i++) {
		chat_of = (struct chat){ .arena = a };
		err = (struct error){ 0 };
		if (cases[i / 2].decoding != NULL)
			chat_lose(&chat_of, "%s", cases[i / 2].decoding);
		target.model = str_of(cases[i / 2].preparing);
		ask.wire = cases[i / 2].client;
		ask.lossless = i % 2;
		at = attempt_prepare(a, &ask, &target, &err);
		assert_int_equal(
		    at == NULL, ask.lossless && cases[i / 2].want != NULL);
		if (at != NULL)
			assert_int_equal(
			    at->losses == NULL, cases[i / 2].want == NULL);
		else
			assert_non_null(strstr(err.msg, cases[i / 2].want));
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_model_newer_than_the_catalogue_gets_other_clients_in_responses),
		cmocka_unit_test(what_is_asked_for_finds_its_interface),
		cmocka_unit_test(
		    losses_are_refused_where_the_client_wants_none),
		cmocka_unit_test(
		    the_format_is_the_clients_unless_the_model_has_only_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
