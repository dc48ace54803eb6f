/* SPDX-License-Identifier: MIT */
/*
 * What becomes of each concept between two formats: the rows of wire.md §7
 * that have no test with a name of their own elsewhere.
 */
#include "tests/unit/crossing.h"
#include "tests/unit/unit.h"

#define HI         "{\"role\":\"user\",\"content\":\"hi\"}"
#define ASKS(...)  "{\"model\":\"m\",\"messages\":[" HI "]" __VA_ARGS__ "}"
#define SAYS(...)  "{\"model\":\"m\",\"messages\":[" __VA_ARGS__ "]}"
#define ITEMS(...) "{\"model\":\"m\",\"input\":[" __VA_ARGS__ "]}"
#define INPUT(...) "{\"model\":\"m\",\"input\":\"hi\"" __VA_ARGS__ "}"
#define CHAT_FILE(data)                                                        \
	SAYS("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{"   \
	     "\"filename\":\"a.txt\",\"file_data\":\"" data "\"}}]}")
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

#define MSGS(...)                                                              \
	"{\"model\":\"m\",\"max_tokens\":99,\"messages\":[" __VA_ARGS__ "]}"
#define ASKM(...)                                                              \
	"{\"model\":\"m\",\"max_tokens\":99,\"messages\":[" HI "]" __VA_ARGS__ \
	"}"
#define FN                                                                     \
	",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","     \
	"\"parameters\":{\"type\":\"object\"}}},{\"type\":\"function\","       \
	"\"function\":{\"name\":\"g\"}}]"
#define FNM                                                                    \
	",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]"
#define CALLED(result)                                                         \
	SAYS(HI ",{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\","      \
		"\"type\":\"function\",\"function\":{\"name\":\"f\","          \
		"\"arguments\":\"{}\"}}]},{\"role\":\"tool\","                 \
		"\"tool_call_id\":\"c\",\"content\":" result "}")

/* wire.md §7 from the top: the row, and what becomes of it. */
static const struct crossing rows[] = {
	{ "system prompt", CHAT, MESSAGES,
	    SAYS("{\"role\":\"system\",\"content\":\"one\"},{\"role\":"
		 "\"developer\",\"content\":\"two\"}," HI),
	    NULL,
	    { "\"system\":[{\"type\":\"text\",\"text\":\"one\"},{\"type\":"
	      "\"text\",\"text\":\"two\"}]" },
	    "", NULL },
	{ "system prompt", CHAT, RESPONSES,
	    SAYS("{\"role\":\"system\",\"content\":\"one\"},{\"role\":"
		 "\"developer\",\"content\":\"two\"}," HI),
	    NULL, { "\"instructions\":\"one\\n\\ntwo\"" }, "", NULL },
	{ "system prompt", CHAT, GEMINI,
	    SAYS("{\"role\":\"system\",\"content\":\"one\"}," HI), NULL,
	    { "\"systemInstruction\":{\"parts\":[{\"text\":\"one\"}]}" }, "",
	    NULL },
	{ "mid-conversation system", CHAT, GEMINI,
	    SAYS(HI ",{\"role\":\"system\",\"content\":\"now\"}"), NULL,
	    { "<system>\\nnow\\n</system>" }, "", NULL },
	{ "mid-conversation system", MESSAGES, RESPONSES,
	    MSGS(HI ",{\"role\":\"system\",\"content\":\"now\"}"), NULL,
	    { "{\"role\":\"developer\",\"content\":\"now\"}" }, "", NULL },
	{ "user/assistant name", CHAT, GEMINI,
	    SAYS("{\"role\":\"user\",\"name\":\"bob\",\"content\":\"hi\"}"),
	    NULL, { "hi" }, "messages.name", "bob" },
	{ "image detail", CHAT, MESSAGES,
	    SAYS(SAID("user",
		"{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/"
		"y\","
		"\"detail\":\"low\"}}")),
	    NULL, { "\"source\":{\"type\":\"url\",\"url\":\"https://x/y\"}" },
	    "image_url.detail", NULL },
	{ "document by address", MESSAGES, CHAT,
	    MSGS(SAID("user",
		"{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":"
		"\"https://x/y.pdf\"}}")),
	    "messages[0].content[0]", { "not by URL" }, "", NULL },
	{ "document by address", MESSAGES, RESPONSES,
	    MSGS(SAID("user",
		"{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":"
		"\"https://x/y.pdf\"}}")),
	    NULL, { "\"file_url\":\"https://x/y.pdf\"" }, "", NULL },
	{ "plain document", MESSAGES, CHAT,
	    MSGS(SAID("user",
		"{\"type\":\"document\",\"title\":\"T\",\"source\":{\"type\":"
		"\"text\",\"media_type\":\"text/plain\",\"data\":\"words\"}}")),
	    NULL, { "<document name=", "words" }, "", NULL },
	{ "file_id", CHAT, GEMINI,
	    SAYS(SAID("user",
		"{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}")),
	    "messages[0].content[0]", { "file id" }, "", NULL },
	{ "audio in", CHAT, GEMINI,
	    SAYS(SAID("user",
		"{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"QQ==\","
		"\"format\":\"wav\"}}")),
	    NULL,
	    { "\"inlineData\":{\"mimeType\":\"audio/wav\",\"data\":\"QQ==\"}" },
	    "", NULL },
	{ "audio out", CHAT, MESSAGES,
	    ASKS(",\"modalities\":[\"text\",\"audio\"]"), "modalities",
	    { "audio output" }, "", NULL },
	{ "max tokens", CHAT, MESSAGES, ASKS(""), NULL,
	    { "\"max_tokens\":128000" }, "", NULL },
	{ "max tokens", CHAT, RESPONSES, ASKS(",\"max_tokens\":5"), NULL,
	    { "\"max_output_tokens\":16" }, "max_tokens", NULL },
	{ "temperature", CHAT, MESSAGES, ASKS(",\"temperature\":1.7"), NULL,
	    { "\"temperature\":1" }, "temperature", "1.7" },
	{ "top_p beside it", CHAT, MESSAGES,
	    ASKS(",\"temperature\":0.5,\"top_p\":0.9"), NULL,
	    { "\"temperature\":0.5" }, "top_p", "0.9" },
	{ "top_k", MESSAGES, CHAT, ASKM(",\"top_k\":4"), NULL, { NULL },
	    "top_k", "top_k" },
	{ "penalties", CHAT, GEMINI, ASKS(",\"presence_penalty\":0.5"), NULL,
	    { "\"presencePenalty\":0.5" }, "", NULL },
	{ "penalties", CHAT, RESPONSES, ASKS(",\"presence_penalty\":0.5"), NULL,
	    { NULL }, "presence_penalty", "penalty" },
	{ "seed", CHAT, GEMINI, ASKS(",\"seed\":7"), NULL, { "\"seed\":7" }, "",
	    NULL },
	{ "seed", CHAT, MESSAGES, ASKS(",\"seed\":7"), NULL, { NULL }, "seed",
	    "seed" },
	{ "n", CHAT, MESSAGES, ASKS(",\"n\":2"), "n", { "only 1" }, "", NULL },
	{ "logprobs", CHAT, MESSAGES, ASKS(",\"logprobs\":true"), "logprobs",
	    { "no log probabilities" }, "", NULL },
	{ "logprobs", CHAT, GEMINI, ASKS(",\"logprobs\":true"), NULL, { NULL },
	    "logprobs", NULL },
	{ "logprobs", CHAT, MESSAGES, ASKS(",\"logprobs\":false"), NULL,
	    { NULL }, "", NULL },
	{ "logit_bias, prediction", CHAT, RESPONSES,
	    ASKS(",\"logit_bias\":{\"1\":2},\"prediction\":{\"type\":"
		 "\"content\",\"content\":\"x\"}"),
	    NULL, { NULL }, "logit_bias prediction", "bias" },
	{ "function tool", CHAT, MESSAGES, ASKS(FN), NULL,
	    { "{\"name\":\"g\",\"input_schema\":{\"type\":\"object\"}}" }, "",
	    NULL },
	{ "strict", CHAT, GEMINI,
	    ASKS(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
		 "\"f\",\"strict\":true}}]"),
	    NULL, { "\"mode\":\"VALIDATED\"" }, "", NULL },
	{ "custom tool", CHAT, MESSAGES,
	    ASKS(TOOL("{\"type\":\"grammar\",\"grammar\":{\"syntax\":\"lark\","
		      "\"definition\":\"start: A\"}}")),
	    NULL,
	    { "\"description\":\"The input must match this grammar (lark):"
	      "\\nstart: A\"",
		"\"input\":{\"type\":\"string\"}" },
	    "tools.format", NULL },
	{ "custom tool", RESPONSES, CHAT,
	    INPUT(",\"tools\":[{\"type\":\"custom\",\"name\":\"c\","
		  "\"description\":\"d\",\"format\":{\"type\":\"grammar\","
		  "\"syntax\":\"regex\",\"definition\":\"a+\"}}]"),
	    NULL,
	    { "\"description\":\"d\\n\\nThe input must match this grammar "
	      "(regex):\\na+\"" },
	    "tools.format", NULL },
	{ "custom tool of any text", CHAT, GEMINI,
	    ASKS(TOOL("{\"type\":\"text\"}")), NULL,
	    { "\"input\":{\"type\":\"string\"}" }, "", NULL },
	{ "custom tool", CHAT, RESPONSES,
	    ASKS(TOOL("{\"type\":\"grammar\",\"grammar\":{\"syntax\":\"lark\","
		      "\"definition\":\"start: A\"}}")),
	    NULL,
	    { "\"format\":{\"type\":\"grammar\",\"syntax\":\"lark\","
	      "\"definition\":\"start: A\"}" },
	    "", NULL },
	{ "namespace tool", RESPONSES, MESSAGES,
	    INPUT(",\"tools\":[{\"type\":\"namespace\",\"name\":\"n\","
		  "\"tools\":[{\"type\":\"function\",\"name\":\"f\","
		  "\"parameters\":{}}]}]"),
	    NULL, { "\"name\":\"n__f\"" }, "", NULL },
	{ "additional_tools item", RESPONSES, CHAT,
	    ITEMS("{\"type\":\"additional_tools\",\"role\":\"developer\","
		  "\"tools\":[{\"type\":\"function\",\"name\":\"f\","
		  "\"parameters\":{}}]}," HI),
	    NULL, { "\"tools\":[{\"type\":\"function\"" }, "", NULL },
	{ "web search alone", RESPONSES, MESSAGES,
	    INPUT(",\"tools\":[{\"type\":\"web_search\"}]"), "tools[0].type",
	    { "hosted tool \"web_search\"" }, "", NULL },
	{ "hosted tools", RESPONSES, GEMINI,
	    INPUT(",\"tools\":[{\"type\":\"code_interpreter\"}]"),
	    "tools[0].type", { "hosted tool \"code_interpreter\"" }, "", NULL },
	{ "client-executed tools", MESSAGES, CHAT,
	    ASKM(",\"tools\":[{\"type\":\"bash_20250124\",\"name\":"
		 "\"bash\"}]"),
	    NULL, { "\"name\":\"bash\"", "\"restart\"" }, "", NULL },
	{ "tool_choice none keeps tools", CHAT, MESSAGES,
	    ASKS(FN ",\"tool_choice\":\"none\""), NULL,
	    { "\"tool_choice\":{\"type\":\"none\"}", "\"name\":\"f\"" }, "",
	    NULL },
	{ "required", CHAT, MESSAGES, ASKS(FN ",\"tool_choice\":\"required\""),
	    NULL, { "\"tool_choice\":{\"type\":\"any\"}" }, "", NULL },
	{ "required", MESSAGES, GEMINI,
	    ASKM(FNM ",\"tool_choice\":{\"type\":\"any\"}"), NULL,
	    { "\"mode\":\"ANY\"" }, "", NULL },
	{ "one function", MESSAGES, GEMINI,
	    ASKM(FNM ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}"),
	    NULL, { "\"mode\":\"ANY\",\"allowedFunctionNames\":[\"f\"]" }, "",
	    NULL },
	{ "allowed_tools", CHAT, MESSAGES,
	    ASKS(FN ",\"tool_choice\":{\"type\":\"allowed_tools\","
		    "\"allowed_tools\":{\"mode\":\"auto\",\"tools\":[{"
		    "\"type\":\"function\",\"function\":{\"name\":\"g\"}}]}}"),
	    NULL, { "\"name\":\"g\"" }, "", "\"name\":\"f\"" },
	{ "parallel off", CHAT, MESSAGES,
	    ASKS(FN ",\"parallel_tool_calls\":false"), NULL,
	    { "\"disable_parallel_tool_use\":true" }, "", NULL },
	{ "parallel off", CHAT, GEMINI,
	    ASKS(FN ",\"parallel_tool_calls\":false"), NULL, { NULL },
	    "parallel_tool_calls", NULL },
	{ "tool result text", CHAT, GEMINI, CALLED("\"12\""), NULL,
	    { "\"response\":{\"output\":\"12\"}" }, "", NULL },
	{ "tool result text that is JSON", CHAT, GEMINI,
	    CALLED("\"{\\\"a\\\":1}\""), NULL, { "\"response\":{\"a\":1}" }, "",
	    NULL },
	{ "json_object", CHAT, MESSAGES,
	    ASKS(",\"response_format\":{\"type\":\"json_object\"}"), NULL,
	    { "Answer with one JSON object" }, "response_format", NULL },
	{ "structured output", MESSAGES, RESPONSES,
	    ASKM(",\"output_config\":{\"format\":{\"type\":\"json_schema\","
		 "\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{},"
		 "\"b\":{}},\"required\":[\"a\"],"
		 "\"additionalProperties\":false}}}"),
	    NULL,
	    { "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":"
	      "\"answer\",\"schema\":{\"type\":\"object\"",
		"\"strict\":false" },
	    "json_schema.strict", NULL },
	{ "PDF/doc: plain text", CHAT, MESSAGES,
	    CHAT_FILE("data:text/plain;base64,aMOpIQ=="), NULL,
	    { "\"type\":\"document\",\"source\":{\"type\":\"text\","
	      "\"media_type\":\"text/plain\",\"data\":\"h\303\251!\"}",
		"\"title\":\"a.txt\"" },
	    "", NULL },
	{ "PDF/doc: plain text", CHAT, GEMINI,
	    CHAT_FILE("data:text/csv;base64,YSwxCg=="), NULL,
	    { "<document name=\\\"a.txt\\\">\\na,1\\n" }, "", NULL },
	{ "PDF/doc: text in another alphabet", CHAT, GEMINI,
	    CHAT_FILE("data:text/plain;base64,6Q=="), NULL,
	    { "\"mimeType\":\"text/plain\",\"data\":\"6Q==\"" }, "filename",
	    NULL },
	{ "structured output", MESSAGES, CHAT,
	    ASKM(",\"output_config\":{\"format\":{\"type\":\"json_schema\","
		 "\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{}},"
		 "\"required\":[\"a\"],\"additionalProperties\":false}}}"),
	    NULL, { "\"strict\":true" }, "", NULL },
	{ "effort", CHAT, MESSAGES, ASKS(",\"reasoning_effort\":\"low\""), NULL,
	    { "\"thinking\":{\"type\":\"adaptive\"", "\"effort\":\"low\"" }, "",
	    NULL },
	{ "effort none", CHAT, MESSAGES, ASKS(",\"reasoning_effort\":\"none\""),
	    NULL, { "\"thinking\":{\"type\":\"disabled\"}" }, "", NULL },
	{ "budget", MESSAGES, RESPONSES,
	    "{\"model\":\"m\",\"max_tokens\":10000,\"messages\":[" HI "],"
	    "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3000}}",
	    NULL, { "\"effort\":\"medium\"", "\"summary\":\"auto\"" }, "",
	    NULL },
	{ "thinking display", MESSAGES, RESPONSES,
	    ASKM(",\"thinking\":{\"type\":\"adaptive\",\"display\":"
		 "\"omitted\"}"),
	    NULL, { "\"effort\":\"high\"" }, "", "summary" },
	{ "thinking display", MESSAGES, GEMINI,
	    ASKM(",\"thinking\":{\"type\":\"adaptive\",\"display\":"
		 "\"summarized\"}"),
	    NULL, { "\"includeThoughts\":true" }, "", NULL },
	{ "metadata.user_id", MESSAGES, CHAT,
	    ASKM(",\"metadata\":{\"user_id\":\"u\"}"), NULL,
	    { "\"user\":\"u\"" }, "", NULL },
	{ "metadata.user_id", MESSAGES, GEMINI,
	    ASKM(",\"metadata\":{\"user_id\":\"u\"}"), NULL, { NULL },
	    "metadata.user_id", NULL },
	{ "service_tier", CHAT, MESSAGES, ASKS(",\"service_tier\":\"default\""),
	    NULL, { "\"service_tier\":\"standard_only\"" }, "", NULL },
	{ "service_tier", MESSAGES, RESPONSES,
	    ASKM(",\"service_tier\":\"standard_only\""), NULL,
	    { "\"service_tier\":\"default\"" }, "", NULL },
	{ "service_tier", CHAT, GEMINI, ASKS(",\"service_tier\":\"flex\""),
	    NULL, { "\"serviceTier\":\"flex\"" }, "", NULL },
	{ "speed is never mapped", MESSAGES, CHAT, ASKM(",\"speed\":\"fast\""),
	    NULL, { NULL }, "speed", "fast" },
	{ "previous_response_id", RESPONSES, CHAT,
	    INPUT(",\"previous_response_id\":\"resp_1\""),
	    "previous_response_id", { "not available on this provider" }, "",
	    NULL },
	{ "conversation", RESPONSES, MESSAGES, INPUT(",\"conversation\":\"c\""),
	    "conversation", { "not available on this provider" }, "", NULL },
	{ "background", RESPONSES, GEMINI, INPUT(",\"background\":true"),
	    "background", { "not available on this provider" }, "", NULL },
	{ "thinking kept is no loss", MESSAGES, CHAT,
	    ASKM(",\"context_management\":{\"edits\":[{\"type\":"
		 "\"clear_thinking_20251015\",\"keep\":\"all\"}]}"),
	    NULL, { NULL }, "", "clear_thinking" },
	{ "context_management", MESSAGES, CHAT,
	    ASKM(",\"context_management\":{\"edits\":[{\"type\":"
		 "\"clear_tool_uses_20250919\"}]}"),
	    NULL, { NULL }, "context_management", "clear_tool" },
	{ "truncation", RESPONSES, CHAT, INPUT(",\"truncation\":\"auto\""),
	    NULL, { NULL }, "truncation", NULL },
	{ "moderation", CHAT, RESPONSES,
	    ASKS(",\"moderation\":{\"model\":\"m\"}"), NULL, { NULL },
	    "moderation", NULL },
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
	check_all(shared, COUNT(shared));
}

static void
cache_marks_pass_where_they_are_known(void **state)
{
	(void)state;
	check_all(marks, COUNT(marks));
}

static void
each_concept_becomes_what_the_map_says(void **state)
{
	(void)state;
	check_all(rows, COUNT(rows));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_both_of_openais_formats_have_passes),
		cmocka_unit_test(cache_marks_pass_where_they_are_known),
		cmocka_unit_test(each_concept_becomes_what_the_map_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
