/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/call.h"
#include "core/conf.h"
#include "core/key.h"
#include "fcgi/dialect.h"
#include "tests/unit/unit.h"

#define UNSET CACHE_UNSET
#define ON    CACHE_ON
#define OFF   CACHE_OFF

static void
the_nearest_word_counts(void **state)
{
	static const struct {
		enum cache_mode asked, route;
		enum key_cache key;
		bool conf, no_cache, only;
		enum cache_mode want;
	} cases[] = {
		{ UNSET, UNSET, KEY_CACHE_DEFAULT, false, false, false, OFF },
		{ UNSET, UNSET, KEY_CACHE_DEFAULT, true, false, false, ON },
		{ UNSET, UNSET, KEY_CACHE_OFF, true, false, false, OFF },
		{ UNSET, UNSET, KEY_CACHE_ON, false, false, false, ON },
		{ UNSET, OFF, KEY_CACHE_ON, true, false, false, OFF },
		{ UNSET, ON, KEY_CACHE_OFF, false, false, false, ON },
		{ OFF, ON, KEY_CACHE_ON, true, false, false, OFF },
		{ CACHE_ONLY, OFF, KEY_CACHE_OFF, false, false, false,
		    CACHE_ONLY },
		{ ON, UNSET, KEY_CACHE_DEFAULT, false, true, false,
		    CACHE_REFRESH },
		{ ON, UNSET, KEY_CACHE_DEFAULT, false, false, true,
		    CACHE_ONLY },
		{ OFF, UNSET, KEY_CACHE_DEFAULT, true, true, true, OFF },
		{ UNSET, UNSET, KEY_CACHE_DEFAULT, false, true, true, OFF },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct route route = { .cache = cases[i].route };
		const struct key key = { .cache = cases[i].key };
		const struct conf conf = { .cache = { .on = cases[i].conf } };
		struct call c = { .conf = &conf,
			.route = &route,
			.key = &key,
			.control = { .cache = { .mode = cases[i].asked,
					 .no_cache = cases[i].no_cache,
					 .only = cases[i].only } } };

		if (cache_policy_mode(&c) != cases[i].want)
			fail_msg("case %zu: %d", i, cache_policy_mode(&c));
		c.ask.operation = OPERATION_COUNT;
		assert_int_equal(cache_policy_mode(&c), CACHE_OFF);
	}
}

#define CHAT(more) "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]" more

static void
some_requests_are_never_answered_from_it(void **state)
{
	static const struct {
		const char *body, *why, *with_ttl;
	} cases[] = {
		{ CHAT("}"), NULL, NULL },
		{ CHAT(",\"future\":1}"), NULL, NULL },
		{ CHAT(",\"tools\":[{\"type\":\"function\",\"function\":{"
		       "\"name\":\"f\"}}]}"),
		    NULL, NULL },
		{ CHAT(",\"tools\":[{\"type\":\"web_search_20250305\"}]}"),
		    "hosted tools", NULL },
		{ CHAT(",\"tools\":[{\"type\":\"nobody_knows\"}]}"),
		    "hosted tools", NULL },
		{ CHAT(",\"n\":2,\"tools\":[{\"type\":\"web_search\"}]}"),
		    "hosted tools", "asks for what is not kept" },
		{ CHAT(",\"conversation\":\"c\",\"tools\":[{\"type\":"
		       "\"web_search\"}]}"),
		    "a conversation that the provider keeps",
		    "a conversation that the provider keeps" },
		{ CHAT(",\"search_parameters\":{}}"), "hosted tools", NULL },
		{ CHAT(",\"plugins\":[{\"id\":\"web\"}]}"), "hosted tools",
		    NULL },
		{ CHAT(",\"plugins\":null}"), NULL, NULL },
		{ CHAT(",\"logprobs\":true}"), "asks for what is not kept",
		    "asks for what is not kept" },
		{ CHAT(",\"n\":2}"), "asks for what is not kept",
		    "asks for what is not kept" },
	};
	struct arena *a = arena_new(1 << 26);
	const char *why;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (k = 0; k < 2; k++) {
			struct call c = { .arena = a,
				.ask = { .arena = a,
				    .body = str_of(cases[i].body),
				    .decode = dialect_openai_chat.decode } };
			const char *want =
			    k == 0 ? cases[i].why : cases[i].with_ttl;

			c.control.cache.ttl_s = k == 0 ? 0 : 60;
			why = cache_policy_request(&c);
			if ((why == NULL) != (want == NULL) ||
			    (want != NULL && strcmp(why, want) != 0))
				fail_msg("%s: %s", cases[i].body,
				    why != NULL ? why : "none");
			c.control.no_store = true;
			assert_string_equal(
			    cache_policy_request(&c), "no-store");
		}
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_word_counts),
		cmocka_unit_test(some_requests_are_never_answered_from_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
