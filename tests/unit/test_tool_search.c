/* SPDX-License-Identifier: MIT */
/* Tools that clients search for themselves, as Codex and Claude Code do:
 * with every provider, though none but their own knows of it. */
#include "core/arena.h"
#include "core/buf.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/event.h"
#include "core/grammar.h"
#include "core/provider.h"
#include "core/sink.h"
#include "fcgi/dialect.h"
#include "tests/unit/crossing.h"
#include "tests/unit/unit.h"

#define N(list)   (sizeof(list) / sizeof(*(list)))
#define MAX_BYTES ((size_t)64 << 20)

/* ---- Responses: an item of its own for the call, and for what it found ---- */

#define SEARCH                                                                 \
	"{\"type\":\"tool_search\",\"execution\":\"client\",\"description\":"  \
	"\"finds\",\"parameters\":{\"type\":\"object\",\"properties\":{"       \
	"\"q\":{\"type\":\"string\"}}}}"
#define HI "{\"role\":\"user\",\"content\":\"hi\"}"
#define FOUND                                                                  \
	"{\"type\":\"tool_search_call\",\"call_id\":\"c1\",\"execution\":"     \
	"\"client\",\"status\":\"completed\",\"arguments\":{\"q\":\"x\"}},{"   \
	"\"type\":\"tool_search_output\",\"call_id\":\"c1\",\"execution\":"    \
	"\"client\",\"status\":\"completed\",\"tools\":[{\"type\":"            \
	"\"function\",\"name\":\"found\",\"defer_loading\":true,"              \
	"\"parameters\":{\"type\":\"object\"}},{\"type\":\"namespace\","       \
	"\"name\":\"n\",\"tools\":[{\"type\":\"function\",\"name\":\"g\"}]}]}"
#define CODEX(items)                                                           \
	"{\"model\":\"m\",\"input\":[" HI items "],\"tools\":[" SEARCH "]}"
#define OPENAIS                                                                \
	"{\"type\":\"tool_search_call\",\"call_id\":null,\"execution\":"       \
	"\"server\",\"arguments\":{}},{\"type\":\"tool_search_output\","       \
	"\"call_id\":null,\"execution\":\"server\",\"tools\":[{\"type\":"      \
	"\"function\",\"name\":\"found\"}]}"

static const struct crossing responses[] = {
	{ "the search is a function", RESPONSES, CHAT, CODEX(""), NULL,
	    { "\"name\":\"tool_search\"", "\"description\":\"finds\"",
		"\"q\":{\"type\":\"string\"}" },
	    "", NULL },
	{ "the search is a function", RESPONSES, MESSAGES, CODEX(""), NULL,
	    { "\"name\":\"tool_search\"", "\"description\":\"finds\"",
		"\"q\":{\"type\":\"string\"}" },
	    "", NULL },
	{ "the search is a function", RESPONSES, GEMINI, CODEX(""), NULL,
	    { "\"name\":\"tool_search\"", "\"description\":\"finds\"",
		"\"q\":{\"type\":\"string\"}" },
	    "", NULL },
	{ "what it found is offered, and its names are its result", RESPONSES,
	    CHAT, CODEX("," FOUND), NULL,
	    { "\"arguments\":\"{\\\"q\\\":\\\"x\\\"}\"",
		"\"tool_call_id\":\"c1\",\"content\":\"found\\nn__g\"",
		"\"function\":{\"name\":\"n__g\"" },
	    "", NULL },
	{ "what it found is offered, and its names are its result", RESPONSES,
	    MESSAGES, CODEX("," FOUND), NULL,
	    { "\"name\":\"tool_search\",\"input\":{\"q\":\"x\"}",
		"found\\nn__g", "{\"name\":\"found\"" },
	    "", NULL },
	{ "what it found is offered, and its names are its result", RESPONSES,
	    GEMINI, CODEX("," FOUND), NULL,
	    { "\"id\":\"c1\",\"name\":\"tool_search\"", "found\\nn__g",
		"{\"name\":\"found\"" },
	    "", NULL },
	{ "nothing found is said", RESPONSES, CHAT,
	    CODEX(",{\"type\":\"tool_search_call\",\"execution\":\"client\","
		  "\"call_id\":\"c\","
		  "\"arguments\":{}},{\"type\":\"tool_search_output\","
		  "\"execution\":\"client\",\"call_id\":\"c\",\"tools\":[]}"),
	    NULL, { "\"content\":\"no tools found\"" }, "", NULL },
	{ "what OpenAI's own search has found is offered", RESPONSES, MESSAGES,
	    CODEX("," OPENAIS), NULL, { "{\"name\":\"found\"" },
	    "input.tool_search_call", NULL },
	{ "a function of the same name stays one", RESPONSES, CHAT,
	    "{\"model\":\"m\",\"input\":[" HI "],\"tools\":[{\"type\":"
	    "\"function\",\"name\":\"tool_search\"}," SEARCH "]}",
	    NULL, { "\"name\":\"tool_search\"" }, "tools.tool_search",
	    "finds" },
	{ "an output without tools is no output", RESPONSES, CHAT,
	    CODEX(",{\"type\":\"tool_search_output\",\"execution\":\"client\","
		  "\"call_id\":\"c\"}"),
	    "input[1].tools", { "is required" }, "", NULL },
};

/* ---- Messages: tools that wait until a reference names them ---- */

#define LATE(name)                                                             \
	"{\"name\":\"" name "\",\"defer_loading\":true,\"input_schema\":{"     \
	"\"type\":\"object\"}}"
#define NOW(name) "{\"name\":\"" name "\",\"input_schema\":{}}"
#define CLAUDE(more, tools)                                                    \
	"{\"model\":\"m\",\"max_tokens\":99,\"messages\":[" HI more            \
	"],\"tools\":[" tools "]}"
#define USED(name)                                                             \
	",{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\","        \
	"\"id\":\"t\",\"name\":\"" name "\",\"input\":{}}]},{\"role\":"        \
	"\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"     \
	"\"t\",\"content\":[{\"type\":\"tool_reference\",\"tool_name\":"       \
	"\"late\"}]}]}"
#define CHANGED(type)                                                          \
	",{\"role\":\"system\",\"content\":[{\"type\":\"" type                 \
	"\",\"tool\":{\"type\":\"tool_reference\",\"name\":\"late\"}}]}"
#define HOSTED                                                                 \
	"{\"type\":\"tool_search_tool_bm25_20251119\",\"name\":"               \
	"\"tool_search_tool_bm25\"}"
#define SEARCHED(name)                                                         \
	",{\"role\":\"assistant\",\"content\":[{\"type\":"                     \
	"\"server_tool_use\",\"id\":\"s\",\"name\":\"" name                    \
	"\",\"input\":{}},{\"type\":\"tool_search_tool_result\","              \
	"\"tool_use_id\":\"s\",\"content\":{}},{\"type\":\"text\","            \
	"\"text\":\"found it\"}]}," HI

static const struct crossing messages[] = {
	{ "a deferred tool waits", MESSAGES, CHAT,
	    CLAUDE("", NOW("ToolSearch") "," LATE("late")), NULL,
	    { "\"name\":\"ToolSearch\"" }, "", "late" },
	{ "until the client's search names it", MESSAGES, CHAT,
	    CLAUDE(USED("ToolSearch"),
		LATE("late") "," NOW("ToolSearch") "," LATE("more")),
	    NULL, { "\"function\":{\"name\":\"late\"", "\"content\":\"late\"" },
	    "", "more" },
	{ "until the client's search names it", MESSAGES, GEMINI,
	    CLAUDE(USED("ToolSearch"), NOW("ToolSearch") "," LATE("late")),
	    NULL, { "{\"name\":\"late\"" }, "", NULL },
	{ "until it was called", MESSAGES, RESPONSES,
	    CLAUDE(USED("other"), NOW("f") "," LATE("other")), NULL,
	    { "\"name\":\"other\"" }, "", NULL },
	{ "until a message adds it", MESSAGES, CHAT,
	    CLAUDE(CHANGED("tool_addition"), NOW("f") "," LATE("late")), NULL,
	    { "\"function\":{\"name\":\"late\"",
		"The tool late is available now." },
	    "", NULL },
	{ "a message takes one away", MESSAGES, CHAT,
	    CLAUDE(CHANGED("tool_removal"), NOW("f") "," NOW("late")), NULL,
	    { "The tool late is no longer available.", "\"name\":\"f\"" }, "",
	    "\"name\":\"late\"" },
	{ "what Anthropic's search would find is offered", MESSAGES, CHAT,
	    CLAUDE(SEARCHED("tool_search_tool_bm25"), HOSTED "," LATE("late")),
	    NULL, { "\"name\":\"late\"", "found it" },
	    "tools.tool_search_tool_bm25_20251119 "
	    "messages.content.server_tool_use "
	    "messages.content.tool_search_tool_result",
	    NULL },
	{ "other hosted calls are refused", MESSAGES, CHAT,
	    CLAUDE(SEARCHED("web_search"), NOW("f")),
	    "messages[1].content[0].type", { "\"web_search\"" }, "", NULL },
	{ "other changes are refused", MESSAGES, CHAT,
	    CLAUDE(",{\"role\":\"system\",\"content\":[{\"type\":"
		   "\"tool_addition\",\"tool\":{\"type\":\"mcp_toolset\"}}]}",
		NOW("f")),
	    "messages[1].content[0].tool.type", { "\"mcp_toolset\"" }, "",
	    NULL },
};

static void
a_search_crosses_to_every_provider(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N(responses); i++)
		crossing_check(&responses[i]);
}

static void
deferred_tools_come_when_they_are_found(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N(messages); i++)
		crossing_check(&messages[i]);
}

/* ---- and back ---- */

static void
put(struct sink *s, struct event ev)
{
	struct error err = { 0 };

	assert_int_equal(sink_put(s, &ev, &err), 0);
}

static struct str
answer_of(struct arena *a, bool stream, const char *args)
{
	struct chat *chat = ARENA_NEW(a, struct chat);
	struct ask ask = { .arena = a, .stream = stream, .chat = chat };
	struct encode_opts opts = {
		.ask = &ask, .call_id = "i", .out = buf_new(a, MAX_BYTES)
	};
	struct receipt receipt = { .answered = STR("p/m"), .attempts = 1 };
	struct error err = { 0 };
	struct encoder *e;

	assert_int_equal(
	    dialect_openai_responses.decode(a, STR(CODEX("")), chat, &err), 0);
	ask.body = STR(CODEX(""));
	e = dialect_openai_responses.encoder_new(a, &opts);
	put(&e->sink,
	    (struct event){ .kind = EVENT_HEAD, .wire = WIRE_ANTHROPIC });
	put(&e->sink, (struct event){ .kind = EVENT_START });
	put(&e->sink,
	    (struct event){ .kind = EVENT_OPEN,
		.block = BLOCK_TOOL,
		.id = STR("toolu_1"),
		.name = STR("tool_search") });
	put(&e->sink,
	    (struct event){ .kind = EVENT_DELTA,
		.block = BLOCK_TOOL,
		.text = str_of(args) });
	put(&e->sink, (struct event){ .kind = EVENT_CLOSE });
	put(&e->sink, (struct event){ .kind = EVENT_STOP, .stop = STOP_TOOL });
	assert_int_equal(e->finish(e, &receipt, &err), 0);
	return buf_str(opts.out);
}

static void
its_call_comes_back_as_its_own_item(void **state)
{
	static const struct {
		const char *args, *item;
	} cases[] = {
		{ "{\"q\":\"x\"}",
		    "{\"id\":\"tsc_i_0\",\"type\":\"tool_search_call\","
		    "\"status\":\"completed\",\"execution\":\"client\","
		    "\"arguments\":{\"q\":\"x\"},\"call_id\":\"toolu_1\"}" },
		{ "{\"q\":", "\"arguments\":{},\"call_id\":\"toolu_1\"}" },
	};
	struct arena *a = arena_new(MAX_BYTES);
	struct str bytes;
	char why[256];

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		for (int stream = 0; stream < 2; stream++) {
			bytes = answer_of(a, stream, cases[i].args);
			if (str_find(bytes, str_of(cases[i].item)) < 0)
				fail_msg("%.*s", STR_ARG(bytes));
			assert_true(str_find(bytes, STR("function_call")) < 0);
			if (stream &&
			    grammar_check(WIRE_OPENAI_RESPONSES, bytes, why,
				sizeof(why)) != 0)
				fail_msg("%s", why);
		}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_search_crosses_to_every_provider),
		cmocka_unit_test(deferred_tools_come_when_they_are_found),
		cmocka_unit_test(its_call_comes_back_as_its_own_item),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
