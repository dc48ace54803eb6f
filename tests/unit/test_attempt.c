/* SPDX-License-Identifier: MIT */
/* What an attempt decides before it starts; running one is test_upstream's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/attempt.h"
#include "core/catalog.h"
#include "core/conf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_format_is_the_clients_unless_the_model_has_only_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
