/* SPDX-License-Identifier: MIT */
/*
 * What becomes of each concept between two formats: the rows of wire.md §7
 * that have no test with a name of their own elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/crossing.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

#define HI         "{\"role\":\"user\",\"content\":\"hi\"}"
#define ASKS(...)  "{\"model\":\"m\",\"messages\":[" HI "]" __VA_ARGS__ "}"
#define SAYS(...)  "{\"model\":\"m\",\"messages\":[" __VA_ARGS__ "]}"
#define ITEMS(...) "{\"model\":\"m\",\"input\":[" __VA_ARGS__ "]}"
#define INPUT(...) "{\"model\":\"m\",\"input\":\"hi\"" __VA_ARGS__ "}"
#define MARK(ttl)                                                              \
	",\"prompt_cache_breakpoint\":{\"mode\":\"explicit\",\"ttl\":\"" ttl   \
	"\"}"
#define MARKED(type, ttl) "{\"type\":\"" type "\",\"text\":\"a\"" MARK(ttl) "}"
#define SAID(role, parts) "{\"role\":\"" role "\",\"content\":[" parts "]}"
#define TOOL(format)                                                           \
	",\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\","         \
	"\"format\":" format "}}]"

static const struct crossing shared[] = {
	{ "verbosity", CHAT, RESPONSES, ASKS(",\"verbosity\":\"low\""), NULL,
	    { "\"text\":{\"verbosity\":\"low\"}" }, "", NULL },
	{ "verbosity beside a format", CHAT, RESPONSES,
	    ASKS(",\"verbosity\":\"low\",\"response_format\":{\"type\":"
		 "\"json_object\"}"),
	    NULL,
	    { "\"text\":{\"format\":{\"type\":\"json_object\"},\"verbosity\":"
	      "\"low\"}" },
	    "", NULL },
	{ "verbosity", RESPONSES, CHAT,
	    INPUT(",\"text\":{\"verbosity\":\"high\"}"), NULL,
	    { "\"verbosity\":\"high\"" }, "", "\"text\":{" },
	{ "verbosity", RESPONSES, MESSAGES,
	    INPUT(",\"text\":{\"verbosity\":\"high\"}"), NULL, { NULL },
	    "text.verbosity", "high" },
	{ "verbosity", CHAT, GEMINI, ASKS(",\"verbosity\":\"low\""), NULL,
	    { NULL }, "verbosity", "low" },
	{ "prompt_cache_key and retention", CHAT, RESPONSES,
	    ASKS(",\"prompt_cache_key\":\"k\",\"prompt_cache_retention\":"
		 "\"24h\""),
	    NULL,
	    { "\"prompt_cache_key\":\"k\"",
		"\"prompt_cache_retention\":\"24h\"" },
	    "", NULL },
	{ "prompt_cache_key and retention", RESPONSES, CHAT,
	    INPUT(",\"prompt_cache_key\":\"k\",\"prompt_cache_retention\":"
		  "\"in_memory\""),
	    NULL,
	    { "\"prompt_cache_key\":\"k\"",
		"\"prompt_cache_retention\":\"in_memory\"" },
	    "", NULL },
	{ "prompt_cache_key", CHAT, MESSAGES,
	    ASKS(",\"prompt_cache_key\":\"k\""), NULL, { NULL },
	    "prompt_cache_key", NULL },
	{ "prompt_cache_options", CHAT, RESPONSES,
	    ASKS(",\"prompt_cache_options\":{\"mode\":\"explicit\"}"), NULL,
	    { "\"prompt_cache_options\":{\"mode\":\"explicit\"}" }, "", NULL },
	{ "prompt_cache_options", RESPONSES, CHAT,
	    INPUT(",\"prompt_cache_options\":{\"ttl\":\"30m\"}"), NULL,
	    { "\"prompt_cache_options\":{\"ttl\":\"30m\"}" }, "", NULL },
	{ "prompt_cache_options that Chat has not", RESPONSES, CHAT,
	    INPUT(",\"prompt_cache_options\":{\"ttl\":\"12h\"}"), NULL,
	    { NULL }, "prompt_cache_options", "12h" },
	{ "store", CHAT, RESPONSES, ASKS(",\"store\":true"), NULL,
	    { "\"store\":true" }, "", "\"store\":false" },
	{ "store", CHAT, RESPONSES, ASKS(",\"store\":false"), NULL,
	    { "\"store\":false" }, "", NULL },
	{ "store", CHAT, MESSAGES, ASKS(",\"store\":true"), NULL, { NULL },
	    "store", NULL },
	{ "metadata", CHAT, RESPONSES, ASKS(",\"metadata\":{\"a\":\"b\"}"),
	    NULL, { "\"metadata\":{\"a\":\"b\"}" }, "", NULL },
	{ "metadata, which Chat stores or refuses", RESPONSES, CHAT,
	    INPUT(",\"metadata\":{\"a\":\"b\"}"), NULL, { NULL }, "metadata",
	    "\"b\"" },
	{ "metadata of what is stored", RESPONSES, CHAT,
	    INPUT(",\"metadata\":{\"a\":\"b\"},\"store\":true"), NULL,
	    { "\"metadata\":{\"a\":\"b\"}", "\"store\":true" }, "", NULL },
	{ "metadata", RESPONSES, GEMINI, INPUT(",\"metadata\":{\"a\":\"b\"}"),
	    NULL, { NULL }, "metadata", NULL },
	{ "service_tier", CHAT, RESPONSES, ASKS(",\"service_tier\":\"flex\""),
	    NULL, { "\"service_tier\":\"flex\"" }, "", NULL },
	{ "service_tier", RESPONSES, CHAT,
	    INPUT(",\"service_tier\":\"priority\""), NULL,
	    { "\"service_tier\":\"priority\"" }, "", NULL },
	{ "service_tier", RESPONSES, CHAT,
	    INPUT(",\"service_tier\":\"ultrafast\""), NULL, { NULL },
	    "service_tier", "ultrafast" },
	{ "user", RESPONSES, CHAT, INPUT(",\"safety_identifier\":\"u\""), NULL,
	    { "\"user\":\"u\"" }, "", NULL },
};

static const struct crossing marks[] = {
	{ "user", CHAT, RESPONSES, SAYS(SAID("user", MARKED("text", "12h"))),
	    NULL, { "{\"type\":\"input_text\",\"text\":\"a\"" MARK("12h") "}" },
	    "", NULL },
	{ "user", RESPONSES, CHAT,
	    ITEMS(SAID("user", MARKED("input_text", "30m"))), NULL,
	    { "{\"type\":\"text\",\"text\":\"a\"" MARK("30m") "}" }, "", NULL },
	{ "system", CHAT, RESPONSES,
	    SAYS(SAID("system", MARKED("text", "30m")) "," HI), NULL,
	    { "{\"type\":\"input_text\",\"text\":\"a\"" MARK("30m") "}" }, "",
	    "instructions" },
	{ "system", RESPONSES, CHAT,
	    ITEMS(SAID("developer", MARKED("input_text", "30m")) "," HI), NULL,
	    { "[{\"type\":\"text\",\"text\":\"a\"" MARK("30m") "}]" }, "",
	    NULL },
	{ "document", CHAT, RESPONSES,
	    SAYS(SAID("user",
		"{\"type\":\"file\",\"file\":{\"file_data\":\"data:"
		"application/pdf;base64,QUJD\"}" MARK("30m") "}")),
	    NULL, { "QUJD\"" MARK("30m") "}" }, "", NULL },
	{ "an image cannot have one", CHAT, RESPONSES,
	    SAYS(SAID("user",
		"{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y"
		"\"}" MARK("30m") "}")),
	    NULL, { "https://x/y" }, "prompt_cache_breakpoint", "explicit" },
	{ "nor what an assistant said", RESPONSES, CHAT,
	    ITEMS(HI "," SAID("assistant", MARKED("input_text", "30m"))), NULL,
	    { NULL }, "*", "explicit" },
	{ "a tool result", RESPONSES, CHAT,
	    ITEMS(HI ",{\"type\":\"function_call\",\"call_id\":\"c\","
		     "\"name\":\"f\",\"arguments\":\"{}\"},{\"type\":"
		     "\"function_call_output\",\"call_id\":\"c\",\"output\":"
		     "[" MARKED("input_text", "30m") "]}"),
	    NULL,
	    { "\"tool_call_id\":\"c\",\"content\":[{\"type\":\"text\","
	      "\"text\":\"a\"" MARK("30m") "}]" },
	    "", NULL },
	{ "a tool result", CHAT, RESPONSES,
	    SAYS(HI ",{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\","
		    "\"type\":\"function\",\"function\":{\"name\":\"f\","
		    "\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
		    "\"tool_call_id\":\"c\",\"content\":[" MARKED(
			"text", "30m") "]}"),
	    NULL,
	    { "\"output\":[{\"type\":\"input_text\",\"text\":\"a\"" MARK(
		"30m") "}]" },
	    "", NULL },
	{ "a fifth is too many", CHAT, RESPONSES,
	    SAYS(SAID("user",
		MARKED("text", "30m") "," MARKED("text", "30m") "," MARKED(
		    "text", "30m") "," MARKED("text", "30m") "," MARKED("text",
		    "30m"))),
	    NULL, { "{\"type\":\"input_text\",\"text\":\"a\"}]" },
	    "prompt_cache_breakpoint", NULL },
	{ "Anthropic's are not OpenAI's", MESSAGES, RESPONSES,
	    "{\"model\":\"m\",\"max_tokens\":99,\"messages\":[" SAID("user",
		"{\"type\":\"text\",\"text\":\"a\",\"cache_control\":"
		"{\"type\":\"ephemeral\"}}") "]}",
	    NULL, { "\"a\"" }, "cache_control", "explicit" },
	{ "OpenAI's last otherwise", CHAT, MESSAGES,
	    SAYS(SAID("user", MARKED("text", "30m"))), NULL,
	    { "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}" },
	    "prompt_cache_breakpoint.ttl", NULL },
	{ "Gemini has none", CHAT, GEMINI,
	    SAYS(SAID("user", MARKED("text", "30m"))), NULL, { "\"a\"" },
	    "prompt_cache_breakpoint", NULL },
};

static void
check_all(const struct crossing *c, size_t n)
{
	for (; n > 0; n--, c++)
		crossing_check(c);
}

static void
what_both_of_openais_formats_have_passes(void **state)
{
	(void)state;
	check_all(shared, N(shared));
}

static void
cache_marks_pass_where_they_are_known(void **state)
{
	(void)state;
	check_all(marks, N(marks));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_both_of_openais_formats_have_passes),
		cmocka_unit_test(cache_marks_pass_where_they_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
