/* SPDX-License-Identifier: MIT */
/* What a model gets of which the catalogue says nothing: the safest form. */
#include "core/jtext.h"
#include "providers/takes.h"
#include "tests/unit/provider_kit.h"

#define ASKED                                                                  \
	"{\"turns\":[{\"role\":\"system\",\"parts\":[{\"kind\":\"text\","      \
	"\"text\":\"s\"}]},{\"role\":\"user\",\"parts\":[{\"kind\":\"text\","  \
	"\"text\":\"hi\"},{\"kind\":\"image\",\"data\":\"QQ==\",\"mime\":"     \
	"\"image/png\"}]},{\"role\":\"assistant\",\"parts\":[{\"kind\":"       \
	"\"text\",\"text\":\"a\"}]}],\"tools\":[{\"name\":\"f\"}],"            \
	"\"tool_choice\":\"required\",\"max_tokens\":50,\"temperature\":0.5,"  \
	"\"effort\":\"high\",\"output\":\"schema\",\"schema\":\"{}\"}"
#define OPENAI "https://api.openai.com/v1"
#define LOCAL  "http://127.0.0.1:11434/v1"

static const struct form {
	const struct provider *api;
	const char *url;
	const char *has[4], *lacks[6];
	const char *losses;
} forms[] = {
	{ &provider_openai, OPENAI,
	    { "max_completion_tokens", "response_format", "tool_choice",
		"messages" },
	    { "max_tokens", "temperature", "reasoning_effort" },
	    "temperature reasoning_effort" },
	{ &provider_openai, LOCAL,
	    { "max_tokens", "temperature", "response_format", "tool_choice" },
	    { "max_completion_tokens", "reasoning_effort" },
	    "reasoning_effort" },
	{ &provider_openai_responses, OPENAI,
	    { "max_output_tokens", "text", "tool_choice", "input" },
	    { "temperature", "reasoning", "include" },
	    "temperature reasoning_effort" },
	{ &provider_openai_responses, LOCAL,
	    { "max_output_tokens", "text", "tool_choice", "input" },
	    { "temperature", "reasoning", "include" },
	    "temperature reasoning_effort" },
	{ &provider_anthropic, "https://api.anthropic.com",
	    { "max_tokens", "tools", "system", "messages" },
	    { "temperature", "thinking", "output_config" },
	    "response_format tool_choice messages.prefill reasoning_effort "
	    "temperature" },
	{ &provider_gemini, "https://generativelanguage.googleapis.com",
	    { "generationConfig.temperature",
		"generationConfig.responseJsonSchema",
		"toolConfig.functionCallingConfig" },
	    { "generationConfig.thinkingConfig" }, "reasoning_effort" },
};

static void
check_form(struct kit *k, const struct form *f)
{
	struct str value;

	kit_chat(k, ASKED);
	if (kit_prepare(k) != 0)
		fail_msg("%s %s: %s", f->api->name, f->url, k->err.msg);
	for (size_t i = 0; i < COUNT(f->has) && f->has[i]; i++)
		if (!jtext_get(k->request.body, f->has[i], &value))
			fail_msg(
			    "%s %s: no %s", f->api->name, f->url, f->has[i]);
	for (size_t i = 0; i < COUNT(f->lacks) && f->lacks[i]; i++)
		if (jtext_get(k->request.body, f->lacks[i], &value))
			fail_msg(
			    "%s %s: %s", f->api->name, f->url, f->lacks[i]);
	assert_string_equal(kit_losses(k), f->losses);
	/* not by a role that older models refuse; and it is seen */
	assert_true(str_find(k->request.body, STR("developer")) < 0);
	assert_true(str_find(k->request.body, STR("QQ==")) > 0);
}

static void
an_unlisted_model_gets_what_none_of_its_format_refuses(void **state)
{
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		kit_init(&k, forms[i].api, forms[i].url);
		k.ask.wire = WIRE_NONE;
		check_form(&k, &forms[i]);
		/* an entry without capabilities, a price say, tells nothing */
		k.target.facts = &k.facts;
		k.ask.chat = NULL;
		check_form(&k, &forms[i]);
		kit_release(&k);
	}
}

static void
what_the_catalogue_says_comes_first(void **state)
{
	static const unsigned bits[] = { MODEL_TEMPERATURE, MODEL_SCHEMA,
		MODEL_FORCED, MODEL_PREFILL, MODEL_IMAGES };
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		kit_init(&k, forms[i].api, forms[i].url);
		k.target.facts = &k.facts;
		for (size_t b = 0; b < COUNT(bits); b++) {
			k.facts.can = bits[b];
			assert_true(
			    takes_any(&k.target, forms[i].api->wire, bits[b]));
			k.facts.can = MODEL_TOOLS;
			assert_false(
			    takes_any(&k.target, forms[i].api->wire, bits[b]));
		}
		kit_release(&k);
	}
}

static void
not_to_think_is_lost_only_where_nobody_knows(void **state)
{
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		kit_init(&k, forms[i].api, forms[i].url);
		k.ask.wire = WIRE_NONE;
		kit_chat(&k,
		    "{\"turns\":[{\"role\":\"user\",\"parts\":[{\"kind\":"
		    "\"text\",\"text\":\"hi\"}]}],\"effort\":\"none\"}");
		assert_int_equal(kit_prepare(&k), 0);
		assert_string_equal(kit_losses(&k), "reasoning_effort");
		k.ask.chat->losses = NULL;
		k.facts.can = MODEL_TOOLS;
		k.target.facts = &k.facts;
		assert_int_equal(kit_prepare(&k), 0);
		assert_string_equal(kit_losses(&k), "");
		kit_release(&k);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_unlisted_model_gets_what_none_of_its_format_refuses),
		cmocka_unit_test(what_the_catalogue_says_comes_first),
		cmocka_unit_test(not_to_think_is_lost_only_where_nobody_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
