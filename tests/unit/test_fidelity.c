/* SPDX-License-Identifier: MIT */
/*
 * The losses and bugs that other gateways live with (peers.md §2.17 (a)-(j),
 * §3 rows 15-21, 23-25), each with the case that shows sluice has it not.
 * The table of lines is at the end.  Bad input, of clients and of providers,
 * has its outcome here, too.
 */
#include <stdbool.h>
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/fold.h"
#include "core/grammar.h"
#include "core/provider.h"
#include "tests/unit/crossing.h"
#include "tests/unit/projection.h"
#include "tests/unit/unit.h"
#include "tests/unit/wires.h"

#define MAX_BYTES ((size_t)64 << 20)

/* ---- answers ---- */

struct answer_case {
	const char *line; /* of peers.md */
	enum crossing_format from, to;
	const char *body;
	const char *told;     /* by lines; NULL: an error */
	const char *wants[3]; /* in the bytes */
	const char *never;
};

#define CHUNK_OF(delta, finish, rest)                                          \
	"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\"" \
	":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{" delta       \
	"},\"finish_reason\":" finish "}]" rest "}\n\n"
#define CHUNK(delta)   CHUNK_OF(delta, "null", "")
#define FINISH(finish) CHUNK_OF("", "\"" finish "\"", "")
#define DONE           "data: [DONE]\n\n"
#define CALL(i, id)                                                            \
	CHUNK("\"tool_calls\":[{\"index\":" i ",\"id\":\"" id "\",\"type\":"   \
	      "\"function\",\"function\":{\"name\":\"f\",\"arguments\":"       \
	      "\"\"}}]")
#define ARGS(i, text)                                                          \
	CHUNK("\"tool_calls\":[{\"index\":" i                                  \
	      ",\"function\":{\"arguments\":\"" text "\"}}]")
#define TEXT(text) CHUNK("\"content\":\"" text "\"")
#define USAGE_12_3                                                             \
	",\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,"            \
	"\"total_tokens\":15,\"prompt_tokens_details\":{\"cached_tokens\":"    \
	"8}}"

#define EVENT(type, rest)                                                      \
	"event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define MESSAGE                                                                \
	EVENT("message_start",                                                 \
	    ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":"    \
	    "\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{"         \
	    "\"input_tokens\":12,\"output_tokens\":1}}")                       \
	EVENT("content_block_start",                                           \
	    ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":"      \
	    "\"\"}")                                                           \
	EVENT("content_block_delta",                                           \
	    ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"        \
	    "\"hi\"}")
#define MESSAGE_END                                                            \
	EVENT("content_block_stop", ",\"index\":0")                            \
	EVENT("message_delta",                                                 \
	    ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"            \
	    "\"output_tokens\":3}")                                            \
	EVENT("message_stop", "")

#define GEMINI_CHUNK(parts, rest)                                              \
	"data: {\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\"," \
	"\"parts\":[" parts "]}" rest "}],\"usageMetadata\":{"                 \
	"\"promptTokenCount\":12,\"candidatesTokenCount\":3,"                  \
	"\"totalTokenCount\":15}}\r\n\r\n"
#define GEMINI_STOP ",\"finishReason\":\"STOP\""

#define RESPONSE(type, status, rest)                                           \
	EVENT(type,                                                            \
	    ",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"object\":"    \
	    "\"response\",\"model\":\"m\",\"status\":\"" status                \
	    "\",\"output\":[]" rest "}")
#define RESPONSE_CALL(event, args)                                             \
	EVENT(event,                                                           \
	    ",\"output_index\":0,\"item\":{\"type\":\"function_call\","        \
	    "\"id\":\"fc\",\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":"   \
	    "\"" args "\"}")

#define USED   "usage in 12, read 0, out 3\nreasoning 0\n"
#define UNUSED "usage in 0, read 0, out 0\nreasoning 0\n"

static const struct answer_case answers[] = {
	{ "2.17 a", CHAT, MESSAGES,
	    CALL("0", "c1") ARGS("0", "{}") TEXT("after") FINISH("tool_calls")
		DONE,
	    "call c1 f {}\ntext after\nstop 5\n" UNUSED, { NULL }, NULL },
	{ "2.17 b", CHAT, MESSAGES,
	    CALL("0", "c1") CALL("1", "c2") ARGS("1", "{\\\"b\\\":2}")
		ARGS("0", "{\\\"a\\\":1}") FINISH("tool_calls") DONE,
	    "call c1 f {\"a\":1}\ncall c2 f {\"b\":2}\nstop 5\n" UNUSED,
	    { NULL }, NULL },
	{ "2.17 c", CHAT, MESSAGES, TEXT("half"), NULL, { "event: error\n" },
	    "end_turn" },
	{ "2.17 c", CHAT, RESPONSES, TEXT("half"), NULL,
	    { "event: response.failed\n", "event: error\n" },
	    "response.completed" },
	{ "2.17 c", MESSAGES, CHAT, MESSAGE, NULL, { "{\"error\":{" },
	    "\"stop\"" },
	{ "2.17 d", CHAT, MESSAGES,
	    TEXT("hi") "data: {\"choices\":[{\n\n" FINISH("stop") DONE, NULL,
	    { "event: error\n" }, "end_turn" },
	{ "2.17 d", CHAT, MESSAGES,
	    TEXT("hi") "data: {\"error\":{\"message\":\"overloaded\","
		       "\"code\":502}}\n\n" FINISH("stop") DONE,
	    NULL, { "event: error\n", "overloaded" }, "end_turn" },
	{ "2.17 e", CHAT, MESSAGES,
	    TEXT("hi") CHUNK_OF("", "\"stop\"", USAGE_12_3) DONE,
	    "text hi\nstop 1\nusage in 12, read 8, out 3\nreasoning 0\n",
	    { NULL }, NULL },
	{ "2.17 f", CHAT, MESSAGES,
	    TEXT("hi") CHUNK_OF("", "\"stop\"", USAGE_12_3) DONE,
	    "text hi\nstop 1\nusage in 12, read 8, out 3\nreasoning 0\n",
	    { "\"cache_read_input_tokens\":8", "\"input_tokens\":4" }, NULL },
	{ "2.17 h", GEMINI, CHAT,
	    GEMINI_CHUNK("{\"text\":\"a\"}", "")
		GEMINI_CHUNK("{\"text\":\"b\"}", GEMINI_STOP),
	    "text ab\nstop 1\n" USED, { NULL }, NULL },
	{ "2.17 j", CHAT, MESSAGES,
	    "data: {\"choices\":[{\"index\":0,\n"
	    "data: \"delta\":{\"content\":\"hi\"}}]}\n\n" FINISH("stop") DONE,
	    "text hi\nstop 1\n" UNUSED, { NULL }, NULL },
	{ "3 row 15: name and arguments in one chunk", GEMINI, CHAT,
	    GEMINI_CHUNK("{\"functionCall\":{\"id\":\"c1\",\"name\":\"f\","
			 "\"args\":{\"a\":1}}}",
		GEMINI_STOP),
	    "call c1 f {\"a\":1}\nstop 5\n" USED, { "\"role\":\"assistant\"" },
	    NULL },
	{ "3 row 15: an empty tool_calls", MESSAGES, CHAT, MESSAGE MESSAGE_END,
	    "text hi\nstop 1\n" USED, { NULL }, "\"tool_calls\"" },
	{ "3 row 15: done without deltas", RESPONSES, CHAT,
	    RESPONSE("response.created", "in_progress", "")
		RESPONSE_CALL("response.output_item.added", "") EVENT(
		    "response.function_call_arguments.done",
		    ",\"output_index\":0,\"item_id\":\"fc\","
		    "\"arguments\":\"{\\\"a\\\":1}\"")
		    RESPONSE_CALL("response.output_item.done", "{\\\"a\\\":1}")
			RESPONSE("response.completed", "completed", ""),
	    "call c1 f {\"a\":1}\nstop 5\n" UNUSED, { NULL }, NULL },
	{ "3 row 17", GEMINI, MESSAGES,
	    GEMINI_CHUNK("{\"text\":\"hm\",\"thought\":true}", "")
		GEMINI_CHUNK("{\"text\":\"hi\"}", "")
		    GEMINI_CHUNK("{\"text\":\"so\",\"thought\":true}", "")
			GEMINI_CHUNK("{\"text\":\"!\"}", GEMINI_STOP),
	    "thinking hm\ntext hi\nthinking so\ntext !\nstop 1\n" USED,
	    { NULL }, NULL },
	{ "3 row 18", MESSAGES, CHAT,
	    MESSAGE EVENT("error",
		",\"error\":{\"type\":\"overloaded_error\",\"message\":"
		"\"Overloaded\"}"),
	    NULL, { "Overloaded" }, "\"stop\"" },
	{ "3 row 18: an unknown event", MESSAGES, CHAT,
	    MESSAGE EVENT("news", ",\"x\":1") MESSAGE_END,
	    "text hi\nstop 1\n" USED, { NULL }, NULL },
	{ "3 row 18: an unknown event", MESSAGES, MESSAGES,
	    MESSAGE EVENT("news", ",\"x\":1") MESSAGE_END,
	    "text hi\nstop 1\n" USED, { "event: news\n" }, NULL },
	{ "3 row 24", CHAT, RESPONSES,
	    CALL("0", "c1") ARGS("0", "{\\\"a\\\":") ARGS("0", "1}")
		CHUNK_OF("", "\"tool_calls\"", USAGE_12_3) DONE,
	    "call c1 f {\"a\":1}\nstop 5\n"
	    "usage in 12, read 8, out 3\nreasoning 0\n",
	    { "event: response.output_item.done\n",
		"\"arguments\":\"{\\\"a\\\":1}\"",
		"event: response.completed\n" },
	    NULL },
};

#define HALF CALL("0", "c1") ARGS("0", "{\\\"a\\\":")

/*
 * What a provider's tool call says passes unjudged, cut by a limit or simply
 * wrong: programs tell the model.  Only where an object must stand it is made
 * one.
 */
static const struct bad_answer {
	struct answer_case c;
	bool whole;  /* the client wants no stream */
	bool broken; /* arguments are no JSON: the grammar's one complaint */
} bad_answers[] = {
	{ { "half a tool call", CHAT, MESSAGES, HALF FINISH("tool_calls") DONE,
	      "call c1 f {\"a\":\nstop 5\n" UNUSED,
	      { "\"partial_json\":\"{\\\"a\\\":\"" }, NULL },
	    false, true },
	{ { "half a tool call", CHAT, MESSAGES, HALF FINISH("tool_calls") DONE,
	      "call c1 f {\"_raw\":\"{\\\"a\\\":\"}\nstop 5\n" UNUSED,
	      { "\"input\":{\"_raw\":\"{\\\"a\\\":\"}" }, NULL },
	    true, false },
	{ { "half a tool call", CHAT, RESPONSES, HALF FINISH("tool_calls") DONE,
	      "call c1 f {\"a\":\nstop 5\n" UNUSED, { NULL }, NULL },
	    false, true },
	{ { "cut by the limit", CHAT, MESSAGES, HALF FINISH("length") DONE,
	      "call c1 f {\"a\":\nstop 3\n" UNUSED,
	      { "\"stop_reason\":\"max_tokens\"" }, NULL },
	    false, true },
	{ { "cut by the limit", CHAT, RESPONSES, HALF FINISH("length") DONE,
	      "call c1 f {\"a\":\nstop 3\n" UNUSED,
	      { "event: response.incomplete\n" }, "response.completed" },
	    false, true },
	{ { "nothing but an end", CHAT, MESSAGES, FINISH("stop") DONE,
	      "stop 1\n" UNUSED, { "\"end_turn\"" }, NULL },
	    false, false },
	{ { "nothing at all", CHAT, MESSAGES, "", NULL, { "event: error\n" },
	      NULL },
	    false, false },
	{ { "no JSON", MESSAGES, CHAT, "event: message_start\ndata: <html>\n\n",
	      NULL, { "{\"error\":{" }, NULL },
	    false, false },
	{ { "a call of nothing", GEMINI, CHAT,
	      GEMINI_CHUNK("{\"functionCall\":{\"args\":{}}}", GEMINI_STOP),
	      NULL, { "{\"error\":{" }, NULL },
	    false, false },
	{ { "a call of nothing", MESSAGES, CHAT,
	      MESSAGE EVENT("content_block_start",
		  ",\"index\":1,\"content_block\":{\"type\":\"tool_use\","
		  "\"id\":\"c1\",\"input\":{}}") MESSAGE_END,
	      NULL, { "{\"error\":{" }, NULL },
	    false, false },
	{ { "arguments for a call that never began", CHAT, MESSAGES,
	      ARGS("3", "{}") FINISH("tool_calls") DONE, NULL,
	      { "event: error\n" }, "tool_use\"}" },
	    false, false },
};

static const char *
lines(struct arena *a, const struct facts *f)
{
	struct buf *b = buf_new(a, MAX_BYTES);

	for (size_t i = 0; i < f->n; i++) {
		buf_adds(b, f->line[i]);
		buf_addch(b, '\n');
	}
	buf_addz(b, "");
	return b->p;
}

static const char *
answer_lines(struct arena *a, const struct answer_case *c, struct str bytes)
{
	static struct facts facts;
	struct error err = { 0 };
	struct fold fold;

	if (wires_fold(a, &wires[c->to], bytes, &fold, &err) != 0)
		fail_msg("%s: %s in\n%.*s", c->line, err.msg, STR_ARG(bytes));
	facts_of_answer(&facts, a, &fold, wires[c->to].provider->wire);
	return lines(a, &facts);
}

static void
check_grammar(const struct answer_case *c, bool broken, struct str bytes)
{
	char why[256] = "";
	enum wire wire = wires[c->to].provider->wire;
	int rc;

	if (c->from == c->to)
		rc = grammar_check_passed(wire, bytes, why, sizeof(why));
	else
		rc = grammar_check(wire, bytes, why, sizeof(why));
	if (rc != (broken ? GRAMMAR_ODD_ARGUMENTS : 0))
		fail_msg("%s: %s in\n%.*s", c->line, why, STR_ARG(bytes));
}

static void
check_answer(const struct answer_case *c, bool whole, bool broken)
{
	const struct wires_way way = { &wires[c->from], &wires[c->to], !whole };
	struct arena *a = arena_new(MAX_BYTES);
	struct error err = { 0 };
	struct str bytes;
	bool ok = wires_encode(a, &way, str_of(c->body), &bytes, &err);

	if (ok != (c->told != NULL))
		fail_msg("%s: %s\n%.*s", c->line, err.msg, STR_ARG(bytes));
	if (!whole)
		check_grammar(c, broken, bytes);
	if (ok)
		assert_string_equal(answer_lines(a, c, bytes), c->told);
	for (size_t i = 0; i < COUNT(c->wants) && c->wants[i]; i++)
		if (str_find(bytes, str_of(c->wants[i])) < 0)
			fail_msg("%s: no %s in\n%.*s", c->line, c->wants[i],
			    STR_ARG(bytes));
	if (c->never && str_find(bytes, str_of(c->never)) >= 0)
		fail_msg("%s: %s in\n%.*s", c->line, c->never, STR_ARG(bytes));
	arena_free(a);
}

static void
answers_that_others_spoil_arrive(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++)
		check_answer(&answers[i], false, false);
}

/* ---- requests ---- */

#define CHAT_OF(messages) "{\"model\":\"m\",\"messages\":[" messages "]}"
#define MESSAGES_OF(messages)                                                  \
	"{\"model\":\"m\",\"max_tokens\":99,\"messages\":[" messages "]}"
#define RESPONSES_OF(items) "{\"model\":\"m\",\"input\":[" items "]}"
#define USER                "{\"role\":\"user\",\"content\":\"hi\"}"
#define USES                                                                   \
	USER ",{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\","   \
	     "\"id\":\"c1\",\"name\":\"f\",\"input\":{\"a\":1}}]}"
#define RESULT(rest)                                                           \
	"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","           \
	"\"tool_use_id\":\"c1\"" rest "}]}"
#define CALLS(args)                                                            \
	USER ",{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\","        \
	     "\"type\":\"function\",\"function\":{\"name\":\"f\","             \
	     "\"arguments\":\"" args "\"}}]},{\"role\":\"tool\","              \
	     "\"tool_call_id\":\"c1\",\"content\":\"12\"}"
#define IMAGE(mime)                                                            \
	"{\"type\":\"image\",\"source\":{\"type\":\"base64\","                 \
	"\"media_type\":\"" mime "\",\"data\":\"QUJD\"}}"
#define IMAGE_URL(url)                                                         \
	CHAT_OF("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","     \
		"\"image_url\":{\"url\":\"" url "\"}}]}")
#define PDF                                                                    \
	"{\"type\":\"document\",\"source\":{\"type\":\"base64\","              \
	"\"media_type\":\"application/pdf\",\"data\":\"QUJD\"}}"
#define THOUGHT                                                                \
	USER ",{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","   \
	     "\"thinking\":\"hm\",\"signature\":\"SIG\"},{\"type\":\"text\","  \
	     "\"text\":\"a\"}]}," USER

#define CALLED_BY_GEMINI                                                       \
	USER ",{\"role\":\"assistant\",\"tool_calls\":[{\"id\":"               \
	     "\"c1__thought__U0lH\",\"type\":\"function\",\"function\":{"      \
	     "\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\","     \
	     "\"tool_call_id\":\"c1__thought__U0lH\",\"content\":"             \
	     "\"12\"}"

static const struct crossing requests[] = {
	{ "2.17 g: image in a result", MESSAGES, CHAT,
	    MESSAGES_OF(USES "," RESULT(",\"content\":[" IMAGE(
		"image/png") ",{\"type\":\"text\",\"text\":\"seen\"}]")),
	    NULL, { "data:image/png;base64,QUJD", "seen" }, "", NULL },
	{ "2.17 g: image in a result", MESSAGES, GEMINI,
	    MESSAGES_OF(
		USES "," RESULT(",\"content\":[" IMAGE("image/png") "]")),
	    NULL, { "\"mimeType\":\"image/png\",\"data\":\"QUJD\"" }, "",
	    NULL },
	{ "2.17 g: image in a result", MESSAGES, RESPONSES,
	    MESSAGES_OF(
		USES "," RESULT(",\"content\":[" IMAGE("image/png") "]")),
	    NULL, { "input_image", "data:image/png;base64,QUJD" }, "", NULL },
	{ "2.17 g: document in a result", MESSAGES, RESPONSES,
	    MESSAGES_OF(USES "," RESULT(",\"content\":[" PDF "]")), NULL,
	    { "input_file", "data:application/pdf;base64,QUJD" }, "", NULL },
	{ "2.17 g: document", MESSAGES, CHAT,
	    MESSAGES_OF("{\"role\":\"user\",\"content\":[" PDF "]}"), NULL,
	    { "\"file_data\":\"data:application/pdf;base64,QUJD\"" }, "",
	    NULL },
	{ "2.17 g: is_error", MESSAGES, CHAT,
	    MESSAGES_OF(
		USES "," RESULT(",\"is_error\":true,\"content\":\"no\"")),
	    NULL, { "\"Error: no\"" }, "is_error", NULL },
	{ "2.17 g: is_error", MESSAGES, GEMINI,
	    MESSAGES_OF(
		USES "," RESULT(",\"is_error\":true,\"content\":\"no\"")),
	    NULL, { "\"response\":{\"error\":\"no\"}" }, "", NULL },
	{ "2.17 g: built-in tools", MESSAGES, CHAT,
	    "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[" USER "],"
	    "\"tools\":[{\"type\":\"web_search_20250305\",\"name\":"
	    "\"web_search\"}]}",
	    "tools[0].type", { "web_search_20250305" }, "", NULL },
	{ "2.17 g: cache_control", MESSAGES, CHAT,
	    MESSAGES_OF("{\"role\":\"user\",\"content\":[{\"type\":\"text\","
			"\"text\":\"a\",\"cache_control\":{\"type\":"
			"\"ephemeral\"}}]}"),
	    NULL, { "\"a\"" }, "cache_control", NULL },
	{ "2.17 i", MESSAGES, CHAT,
	    "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[" USER "],"
	    "\"system\":[{\"type\":\"text\",\"text\":\"one\"},"
	    "{\"type\":\"text\",\"text\":\"two\"}]}",
	    NULL, { "\"one\\n\\ntwo\"" }, "", NULL },
	{ "2.17 i", MESSAGES, RESPONSES,
	    "{\"model\":\"m\",\"max_tokens\":99,\"messages\":[" USER "],"
	    "\"system\":[{\"type\":\"text\",\"text\":\"one\"},"
	    "{\"type\":\"text\",\"text\":\"two\"}]}",
	    NULL, { "\"one\\n\\ntwo\"" }, "", NULL },
	{ "2.17 i: of an assistant", RESPONSES, CHAT,
	    RESPONSES_OF(
		USER ",{\"role\":\"assistant\",\"content\":\"one\"},"
		     "{\"role\":\"assistant\",\"content\":\"two\"}," USER),
	    NULL, { "\"one\\n\\ntwo\"" }, "", NULL },
	{ "3 row 19", MESSAGES, CHAT, MESSAGES_OF(THOUGHT), NULL, { "\"a\"" },
	    "thinking", "SIG" },
	{ "3 row 19", MESSAGES, GEMINI, MESSAGES_OF(THOUGHT), NULL, { "\"a\"" },
	    "thinking", "SIG" },
	{ "3 row 19: the same issuer", MESSAGES, MESSAGES, MESSAGES_OF(THOUGHT),
	    NULL,
	    { "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":"
	      "\"SIG\"}" },
	    "", NULL },
	{ "3 row 19: Gemini's, in the id", CHAT, GEMINI,
	    CHAT_OF(CALLED_BY_GEMINI), NULL,
	    { "\"thoughtSignature\":\"U0lH\"", "\"id\":\"c1\"" }, "",
	    "__thought__" },
	{ "3 row 19: elsewhere the id is bare", CHAT, CHAT,
	    CHAT_OF(CALLED_BY_GEMINI), NULL,
	    { "\"id\":\"c1\"", "\"tool_call_id\":\"c1\"" }, "*",
	    "__thought__" },
	{ "3 row 19: elsewhere the id is bare", MESSAGES, MESSAGES,
	    MESSAGES_OF(USER
		",{\"role\":\"assistant\",\"content\":[{\"type\":"
		"\"tool_use\",\"id\":\"f.g:0__thought__U0lH\",\"name\":\"f\","
		"\"input\":{}}]},{\"role\":\"user\",\"content\":[{"
		"\"type\":\"tool_result\",\"tool_use_id\":"
		"\"f.g:0__thought__U0lH\"}]}"),
	    NULL, { "\"id\":\"f_g_0_", "\"tool_use_id\":\"f_g_0_" }, "*",
	    "__thought__" },
	{ "3 row 19: elsewhere the id is bare", RESPONSES, RESPONSES,
	    RESPONSES_OF(
		USER ",{\"type\":\"function_call\",\"call_id\":"
		     "\"c1__thought__U0lH\",\"name\":\"f\",\"arguments\":"
		     "\"{}\"},{\"type\":\"function_call_output\",\"call_id\":"
		     "\"c1__thought__U0lH\",\"output\":\"12\"}"),
	    NULL,
	    { "\"call_id\":\"c1\",\"name\"", "\"call_id\":\"c1\",\"output\"" },
	    "*", "__thought__" },
	{ "3 row 20: what nobody knows", MESSAGES, CHAT,
	    MESSAGES_OF("{\"role\":\"user\",\"content\":[{\"type\":"
			"\"hologram\"}]}"),
	    "messages[0].content[0].type", { "hologram" }, "", NULL },
	{ "3 row 20: what the target cannot", CHAT, MESSAGES,
	    CHAT_OF("{\"role\":\"user\",\"content\":[{\"type\":"
		    "\"input_audio\",\"input_audio\":{\"data\":\"QUJD\","
		    "\"format\":\"wav\"}}]}"),
	    "messages[0].content[0]", { "audio" }, "", NULL },
	{ "3 row 21: bytes and order stay", MESSAGES, MESSAGES,
	    "{ \"max_tokens\" :9, \"messages\":[" USER "],\"zeta\":[1, 2],"
	    "\"model\":\"m\",\"system\":[{\"cache_control\":{\"type\":"
	    "\"ephemeral\"},\"type\":\"text\",\"text\":\"s\"}]}",
	    NULL,
	    { "{ \"max_tokens\" :9, \"messages\":[" USER "],\"zeta\":[1, 2],",
		",\"system\":[{\"cache_control\":{\"type\":\"ephemeral\"},"
		"\"type\":\"text\",\"text\":\"s\"}]}" },
	    "*", NULL },
	{ "3 row 25: newer than sluice, elsewhere", MESSAGES, CHAT,
	    "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[" USER "],"
	    "\"novelty\":{\"on\":true},\"tools\":[{\"name\":\"f\","
	    "\"input_schema\":{\"type\":\"object\"},"
	    "\"eager_input_streaming\":true}]}",
	    NULL, { "\"name\":\"f\"" }, "*novelty", "novelty" },
	{ "3 row 25: newer than sluice, at home", MESSAGES, MESSAGES,
	    "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[" USER "],"
	    "\"novelty\":{\"on\":true}}",
	    NULL, { "\"novelty\":{\"on\":true}" }, "*", NULL },
};

static const struct crossing bad_input[] = {
	{ "half a tool call", CHAT, MESSAGES, CHAT_OF(CALLS("{\\\"a\\\":")),
	    NULL, { "\"input\":{\"_raw\":\"{\\\"a\\\":\"}" },
	    "tool_calls.function.arguments", NULL },
	{ "half a tool call", CHAT, GEMINI, CHAT_OF(CALLS("{\\\"a\\\":")), NULL,
	    { "\"args\":{\"_raw\":\"{\\\"a\\\":\"}" },
	    "tool_calls.function.arguments", NULL },
	{ "half a tool call", CHAT, RESPONSES, CHAT_OF(CALLS("{\\\"a\\\":")),
	    NULL, { "\"arguments\":\"{\\\"a\\\":\"" }, "", NULL },
	{ "arguments that are no object", CHAT, MESSAGES, CHAT_OF(CALLS("[1]")),
	    NULL, { "\"input\":{\"_raw\":\"[1]\"}" },
	    "tool_calls.function.arguments", NULL },
	{ "no arguments", CHAT, MESSAGES, CHAT_OF(CALLS("")), NULL,
	    { "\"input\":{}" }, "", NULL },
	{ "a tool that nobody offered", CHAT, MESSAGES, CHAT_OF(CALLS("{}")),
	    NULL, { "\"tools\":[{\"name\":\"f\"" }, "", NULL },
	{ "a tool of an unknown kind", CHAT, MESSAGES,
	    "{\"model\":\"m\",\"messages\":[" USER
	    "],\"tools\":[{\"type\":\"oracle\"}]}",
	    "tools[0].type", { "oracle" }, "", NULL },
	{ "a result without its call", CHAT, MESSAGES,
	    CHAT_OF(USER ",{\"role\":\"tool\",\"tool_call_id\":\"c9\","
			 "\"content\":\"12\"}"),
	    "messages[1]", { "tool result without a call" }, "", NULL },
	{ "a result without its call", RESPONSES, GEMINI,
	    RESPONSES_OF(USER ",{\"type\":\"function_call_output\","
			      "\"call_id\":\"c9\",\"output\":\"12\"}"),
	    "input[1]", { "tool result without a call" }, "", NULL },
	{ "a result without its call", MESSAGES, CHAT,
	    MESSAGES_OF(RESULT(",\"content\":\"12\"")),
	    "messages[0].content[0]", { "tool result without a call" }, "",
	    NULL },
	{ "a call without its result", MESSAGES, CHAT, MESSAGES_OF(USES), NULL,
	    { "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":"
	      "\"[no result]\"}" },
	    "", NULL },
	{ "nothing said", CHAT, MESSAGES,
	    CHAT_OF("{\"role\":\"user\",\"content\":\"\"}"), NULL,
	    { "{\"type\":\"text\",\"text\":\".\"}" }, "", NULL },
	{ "nothing said", CHAT, GEMINI,
	    CHAT_OF("{\"role\":\"user\",\"content\":\" \"}"), NULL,
	    { "\"parts\":[{\"text\":\".\"}]" }, "", NULL },
	{ "no content at all", CHAT, MESSAGES,
	    CHAT_OF("{\"role\":\"user\",\"content\":[]}"),
	    "messages[0].content", { "must not be empty" }, "", NULL },
	{ "no messages", CHAT, MESSAGES, CHAT_OF(""), "messages",
	    { "must not be empty" }, "", NULL },
	{ "an image of an unsupported type", CHAT, MESSAGES,
	    IMAGE_URL("data:image/bmp;base64,QUJD"), "messages[0].content[0]",
	    { "png" }, "", NULL },
	{ "an image of an unsupported type", CHAT, GEMINI,
	    IMAGE_URL("data:image/bmp;base64,QUJD"), "messages[0].content[0]",
	    { "png" }, "", NULL },
	/* OpenAI's formats have many vendors: it is theirs to say */
	{ "an image of an unsupported type", MESSAGES, CHAT,
	    MESSAGES_OF(
		"{\"role\":\"user\",\"content\":[" IMAGE("image/bmp") "]}"),
	    NULL, { "data:image/bmp;base64,QUJD" }, "", NULL },
	{ "an image of an unsupported type", MESSAGES, RESPONSES,
	    MESSAGES_OF(
		"{\"role\":\"user\",\"content\":[" IMAGE("image/bmp") "]}"),
	    NULL, { "data:image/bmp;base64,QUJD" }, "", NULL },
	{ "an image by address", CHAT, GEMINI, IMAGE_URL("https://x/a.png"),
	    "messages[0].content[0]", { "address" }, "", NULL },
	{ "an image by a file's address", CHAT, MESSAGES,
	    IMAGE_URL("file:///etc/passwd"),
	    "messages[0].content[0].image_url.url", { "https" }, "", NULL },
	{ "a file of one provider", RESPONSES, MESSAGES,
	    RESPONSES_OF("{\"role\":\"user\",\"content\":[{\"type\":"
			 "\"input_image\",\"file_id\":\"file-1\"}]}"),
	    "input[0].content[0]", { "file id" }, "", NULL },
};

static void
requests_that_others_spoil_arrive(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(requests); i++)
		crossing_check(&requests[i]);
}

static void
bad_input_has_its_outcome(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_input); i++)
		crossing_check(&bad_input[i]);
	for (size_t i = 0; i < COUNT(bad_answers); i++)
		check_answer(&bad_answers[i].c, bad_answers[i].whole,
		    bad_answers[i].broken);
}

/* ---- the list ---- */

/* Each line of peers.md; what is tested elsewhere as well, or instead. */
static const struct {
	const char *line;
	const char *elsewhere; /* NULL: here */
} peers[] = {
	{ "2.17 a", NULL },
	{ "2.17 b", NULL }, /* and e2e/01: "interleave" */
	{ "2.17 c", NULL }, /* and test_cuts.c, e2e/14-cuts */
	{ "2.17 d", NULL },
	{ "2.17 e", NULL },
	{ "2.17 f", NULL },
	{ "2.17 g", NULL },
	{ "2.17 h", NULL }, /* and test_frame.c, at any cut */
	{ "2.17 i", NULL },
	{ "2.17 j", NULL }, /* and test_frame.c */
	{ "3 row 1", "test_openai.c, test_anthropic.c: buckets; e2e/12" },
	{ "3 row 2", "e2e/12: a stream costs what a whole answer costs" },
	{ "3 row 3", "test_price_table.c: a tenfold jump; test_price.c" },
	{ "3 row 4", "e2e/12: unheard-of; e2e/13-money: without a price" },
	{ "3 row 5", "test_usage.c: absurd figures; e2e/13-money" },
	{ "3 row 6", "e2e/04: a client that leaves; e2e/09-routing-shared" },
	{ "3 row 7", "e2e/04: a whole answer that nobody waits for" },
	{ "3 row 8", "e2e/09-routing-shared: an error inside a 200 stream" },
	{ "3 row 9", "e2e/09-routing-shared: after content it ends" },
	{ "3 row 10", "e2e/09-routing: x-sluice-max-cost, -dry-run" },
	{ "3 row 11", "e2e/13-money: never a picodollar more; test_limit.c" },
	{ "3 row 12", "e2e/15-cache: two accounts; test_cache_key.c" },
	{ "3 row 13", "test_cache_key.c; e2e/15-cache: Cache-Control" },
	{ "3 row 14", "e2e/15-cache: a crowd, one leads; test_flight.c" },
	{ "3 row 15", NULL },
	{ "3 row 16", "there is no semantic cache" },
	{ "3 row 17", NULL }, /* and e2e/14-programs: Claude Code's parser */
	{ "3 row 18", NULL },
	{ "3 row 19", NULL }, /* and e2e/01: "signature" */
	{ "3 row 20", NULL },
	{ "3 row 21", NULL }, /* and e2e/02, e2e/09: affinity */
	{ "3 row 22", "e2e/09-routing: Retry-After; test_retry.c" },
	{ "3 row 23", "test_*_encode.c: pings; e2e/04: failures behind them" },
	{ "3 row 24", NULL }, /* and e2e/14-programs: Codex */
	{ "3 row 25", NULL }, /* and e2e/02: anthropic-* headers */
	{ "3 row 26", "test_order.c, test_*_encode.c: memory stays; e2e/04" },
	{ "3 row 27", "test_rollup.c, test_usage_query.c; bench_ledger.sh" },
	{ "3 row 28", "test_crash.c; e2e/07; e2e/21" },
	{ "3 row 29", "bench.sh; server-timing" },
	{ "3 row 30", "e2e/03: in ledger, logs or data; e2e/13-money" },
};

static bool
has_case(const char *line)
{
	size_t n = strlen(line), i;

	for (i = 0; i < COUNT(answers); i++)
		if (strncmp(answers[i].line, line, n) == 0)
			return true;
	for (i = 0; i < COUNT(requests); i++)
		if (strncmp(requests[i].line, line, n) == 0)
			return true;
	return false;
}

static void
every_line_has_a_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(peers); i++)
		if (!peers[i].elsewhere && !has_case(peers[i].line))
			fail_msg("no case for %s", peers[i].line);
}

/* ---- sizes ---- */

/* A text of some megabytes crosses whole, to every provider. */
static void
huge_content_arrives(void **state)
{
	static const size_t size = (size_t)4 << 20;
	struct arena *a = arena_new((size_t)512 << 20);
	struct buf *body = buf_new(a, (size_t)8 << 20);
	struct wires_sent sent;
	struct error err = { 0 };

	(void)state;
	buf_addz(body,
	    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
	    "\"content\":\"");
	memset(buf_room(body, size), 'x', size);
	buf_added(body, size);
	buf_addz(body, "\"}]}");
	for (int to = 0; to < WIRES; to++) {
		struct wires_way way = { &wires[CHAT], &wires[to], false };

		if (wires_send(a, &way, buf_str(body), &sent, &err) != 0)
			fail_msg("%s", err.msg);
		assert_true(sent.body.n > size);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_that_others_spoil_arrive),
		cmocka_unit_test(requests_that_others_spoil_arrive),
		cmocka_unit_test(bad_input_has_its_outcome),
		cmocka_unit_test(every_line_has_a_case),
		cmocka_unit_test(huge_content_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
