/* SPDX-License-Identifier: MIT */
/* The checker itself: what it must not let pass. */
#include "core/grammar.h"
#include "tests/unit/unit.h"

#define CHUNK(delta, finish)                                                   \
	"data: {\"id\":\"i\",\"object\":\"chat.completion.chunk\","            \
	"\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"             \
	"\"delta\":" delta ",\"finish_reason\":" finish "}]}\n\n"
#define ROLE CHUNK("{\"role\":\"assistant\"}", "null")
#define SAY  CHUNK("{\"content\":\"x\"}", "null")
#define CALL(i, rest)                                                          \
	CHUNK("{\"tool_calls\":[{\"index\":" i "," rest "}]}", "null")
#define NAMED   "\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\"}"
#define ARGS(x) "\"function\":{\"arguments\":\"" x "\"}"
#define FINISH  CHUNK("{}", "\"stop\"")
#define DONE    "data: [DONE]\n\n"
#define LEGACY(finish)                                                         \
	"data: {\"id\":\"i\",\"object\":\"text_completion\",\"created\":1,"    \
	"\"model\":\"m\",\"choices\":[{\"index\":0,\"text\":\"x\","            \
	"\"finish_reason\":" finish "}]}\n\n"
#define EV(t, j) "event: " t "\ndata: {\"type\":\"" t "\"" j "}\n\n"
#define BEGIN                                                                  \
	EV("message_start",                                                    \
	    ",\"message\":{\"id\":\"i\",\"content\":[],"                       \
	    "\"usage\":{\"input_tokens\":0}}")
#define TEXT(i)                                                                \
	EV("content_block_start",                                              \
	    ",\"index\":" i ",\"content_block\":{\"type\":\"text\"}")
#define TOOL                                                                   \
	EV("content_block_start",                                              \
	    ",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":"    \
	    "\"a\",\"name\":\"f\",\"input\":{}}")
#define DELTA(t, k)                                                            \
	EV("content_block_delta",                                              \
	    ",\"index\":0,\"delta\":{\"type\":\"" t "\",\"" k "\":\"{\"}")
#define SHUT EV("content_block_stop", ",\"index\":0")
#define TELL                                                                   \
	EV("message_delta",                                                    \
	    ",\"delta\":{\"stop_reason\":\"end_turn\"},"                       \
	    "\"usage\":{\"output_tokens\":0}")
#define STOP EV("message_stop", "")

/* Responses: an event with its number, a response, one message. */
#define EN(t, n, j)                                                            \
	"event: " t "\ndata: {\"type\":\"" t "\",\"sequence_number\":" n j     \
	"}\n\n"
#define OBJECT(status, rest, output, usage)                                    \
	",\"response\":{\"id\":\"r\",\"object\":\"response\","                 \
	"\"created_at\":1,\"status\":\"" status "\"," rest ",\"model\":"       \
	"\"m\",\"instructions\":null,\"metadata\":{},\"output\":[" output      \
	"],\"parallel_tool_calls\":true,\"temperature\":null,"                 \
	"\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":null,"                \
	"\"access_programs\":null,\"usage\":" usage "}"
#define NO_FAULT "\"error\":null,\"incomplete_details\":null"
#define CREATED                                                                \
	EN("response.created", "0", OBJECT("in_progress", NO_FAULT, "", "null"))
#define SPENT "{\"input_tokens\":1,\"total_tokens\":2}"
#define COMPLETED(n, output)                                                   \
	EN("response.completed", n,                                            \
	    OBJECT("completed", NO_FAULT, output, SPENT))
#define FAILED(n)                                                              \
	EN("response.failed", n,                                               \
	    OBJECT("failed",                                                   \
		"\"incomplete_details\":null,\"error\":{\"code\":"             \
		"\"c\",\"message\":\"m\"}",                                    \
		"", "null"))
#define ERROR_EVENT(n)                                                         \
	EN("error", n, ",\"message\":\"m\",\"error\":{\"message\":\"m\"}")
#define AT_ITEM   ",\"output_index\":0,\"item_id\":\"a\""
#define MSG(rest) "{\"id\":\"a\",\"type\":\"message\",\"content\":[" rest "]}"
#define ADDED(n)                                                               \
	EN("response.output_item.added", n,                                    \
	    ",\"output_index\":0,\"item\":" MSG(""))
#define PART(n, what)                                                          \
	EN("response.content_part." what, n,                                   \
	    AT_ITEM ",\"part\":{\"type\":\"output_text\"}")
#define SAID(n) EN("response.output_text.delta", n, AT_ITEM ",\"delta\":\"x\"")
#define SAID_ALL(n, x)                                                         \
	EN("response.output_text.done", n, AT_ITEM ",\"text\":\"" x "\"")
#define WHOLE_MSG MSG("{\"type\":\"output_text\",\"text\":\"x\"}")
#define ITEM_DONE(n)                                                           \
	EN("response.output_item.done", n,                                     \
	    ",\"output_index\":0,\"item\":" WHOLE_MSG)
#define CALLED(n, what, args)                                                  \
	EN("response.output_item." what, n,                                    \
	    ",\"output_index\":0,\"item\":{\"id\":\"a\",\"type\":"             \
	    "\"function_call\",\"call_id\":\"c\",\"name\":\"f\","              \
	    "\"arguments\":\"" args "\"}")
#define ARGS_EVENT(n, what, key, args)                                         \
	EN("response.function_call_arguments." what, n,                        \
	    AT_ITEM ",\"" key "\":\"" args "\"")

struct grammar_case {
	enum wire wire;
	const char *stream, *why; /* NULL: it is good */
};

static const struct grammar_case cases[] = {
	{ WIRE_OPENAI_RESPONSES,
	    CREATED ADDED("1") PART("2", "added")
		SAID("3") ": ping\n\n" SAID_ALL("4", "x") PART("5", "done")
		    ITEM_DONE("6") COMPLETED("7", WHOLE_MSG),
	    NULL },
	{ WIRE_OPENAI_RESPONSES,
	    CREATED CALLED("1", "added", "") ARGS_EVENT("2", "delta", "delta",
		"{}") ARGS_EVENT("3", "done", "arguments", "{}")
		CALLED("4", "done", "{}") COMPLETED("5", "{}"),
	    NULL },
	{ WIRE_OPENAI_RESPONSES, CREATED COMPLETED("1", ""), NULL },
	{ WIRE_OPENAI_RESPONSES, CREATED ADDED("1") FAILED("2"), NULL },
	{ WIRE_OPENAI_RESPONSES, CREATED FAILED("1") ERROR_EVENT("2"), NULL },
	{ WIRE_OPENAI_RESPONSES, COMPLETED("0", ""),
	    "before response.created" },
	{ WIRE_OPENAI_RESPONSES, CREATED COMPLETED("2", ""),
	    "wrong sequence_number" },
	{ WIRE_OPENAI_RESPONSES, CREATED ERROR_EVENT("1"),
	    "error before response.failed" },
	{ WIRE_OPENAI_RESPONSES, CREATED ADDED("1") COMPLETED("2", ""),
	    "an item is open at the end" },
	{ WIRE_OPENAI_RESPONSES, CREATED ADDED("1") SAID("2"),
	    "text of another kind" },
	{ WIRE_OPENAI_RESPONSES,
	    CREATED ADDED("1") PART("2", "added") SAID("3") SAID_ALL("4", "y"),
	    "text is not the sum" },
	{ WIRE_OPENAI_RESPONSES,
	    CREATED ADDED("1") PART("2", "added") SAID("3") ITEM_DONE("4"),
	    "item done before its content" },
	{ WIRE_OPENAI_RESPONSES, CREATED ADDED("1") ADDED("2"),
	    "an item inside an item" },
	{ WIRE_OPENAI_RESPONSES, CREATED ITEM_DONE("1"), "another item" },
	{ WIRE_OPENAI_RESPONSES,
	    CREATED CALLED("1", "added", "") CALLED("2", "done", "")
		COMPLETED("3", "{\"id\":\"a\",\"type\":\"function_call\"}"),
	    "arguments are no object" },
	{ WIRE_OPENAI_RESPONSES, CREATED COMPLETED("1", "{}"),
	    "output has other items" },
	{ WIRE_OPENAI_RESPONSES,
	    CREATED EN("response.completed", "1",
		OBJECT("completed", NO_FAULT, "", "null")),
	    "no usage" },
	{ WIRE_OPENAI_RESPONSES, CREATED FAILED("1") COMPLETED("2", ""),
	    "after response.failed" },
	{ WIRE_OPENAI_RESPONSES, CREATED EN("response.odd", "1", ""),
	    "unknown event" },
	{ WIRE_OPENAI_RESPONSES, CREATED, "has no end" },
	{ WIRE_OPENAI_COMPLETIONS,
	    LEGACY("null") ": c\n\n" LEGACY("\"stop\"") DONE, NULL },
	{ WIRE_OPENAI_COMPLETIONS, LEGACY("null") DONE,
	    "before finish_reason" },
	{ WIRE_OPENAI_COMPLETIONS, LEGACY("\"stop\"") LEGACY("null"),
	    "text after finish_reason" },
	{ WIRE_OPENAI_COMPLETIONS, ROLE, "lacks a member" },
	{ WIRE_OPENAI_CHAT, LEGACY("null"), "lacks a member" },
	{ WIRE_GEMINI, "data: {}\n\n", "no grammar" },
	{ WIRE_OPENAI_CHAT, ROLE SAY ": c\n\n" FINISH DONE, NULL },
	{ WIRE_OPENAI_CHAT, ROLE "data: {\"error\":{}}\n\n", NULL },
	{ WIRE_OPENAI_CHAT,
	    ROLE CALL("0", NAMED) CALL("0", ARGS("{}")) FINISH DONE, NULL },
	{ WIRE_OPENAI_CHAT, SAY FINISH DONE, "role in the wrong place" },
	{ WIRE_OPENAI_CHAT, ROLE SAY FINISH, "the stream has no end" },
	{ WIRE_OPENAI_CHAT, ROLE DONE, "before finish_reason" },
	{ WIRE_OPENAI_CHAT, ROLE FINISH SAY DONE, "after finish_reason" },
	{ WIRE_OPENAI_CHAT, ROLE FINISH DONE SAY, "after the end" },
	{ WIRE_OPENAI_CHAT, ROLE CALL("0", ARGS("{}")) FINISH DONE,
	    "without id" },
	{ WIRE_OPENAI_CHAT, ROLE CALL("1", NAMED) FINISH DONE, "out of order" },
	{ WIRE_OPENAI_CHAT, ROLE CALL("0", NAMED) FINISH DONE,
	    "arguments are no object" },
	{ WIRE_OPENAI_CHAT, "data: {]\n\n", "no JSON" },
	{ WIRE_OPENAI_CHAT, ROLE FINISH "data: [DONE]\n", "no empty line" },
	{ WIRE_ANTHROPIC,
	    BEGIN TEXT("0") DELTA("text_delta", "text") SHUT EV("ping", "")
		TELL STOP,
	    NULL },
	{ WIRE_ANTHROPIC, BEGIN TOOL SHUT TELL STOP, NULL },
	{ WIRE_ANTHROPIC, EV("error", ",\"error\":{\"message\":\"x\"}"), NULL },
	{ WIRE_ANTHROPIC, EV("ping", "") BEGIN, "before message_start" },
	{ WIRE_ANTHROPIC, BEGIN BEGIN, "second message_start" },
	{ WIRE_ANTHROPIC, BEGIN TEXT("1"), "wrong index" },
	{ WIRE_ANTHROPIC, BEGIN TEXT("0") TEXT("0"), "block inside" },
	{ WIRE_ANTHROPIC, BEGIN TEXT("0") DELTA("thinking_delta", "thinking"),
	    "another kind" },
	{ WIRE_ANTHROPIC,
	    BEGIN TOOL DELTA("input_json_delta", "partial_json") SHUT TELL STOP,
	    "arguments are no object" },
	{ WIRE_ANTHROPIC, BEGIN TEXT("0") TELL, "message_delta in the wrong" },
	{ WIRE_ANTHROPIC, BEGIN STOP, "without message_delta" },
	{ WIRE_ANTHROPIC, BEGIN TELL, "has no end" },
	{ WIRE_ANTHROPIC, BEGIN TELL STOP STOP, "after the end" },
	{ WIRE_ANTHROPIC, "data: {\"type\":\"ping\"}\n\n",
	    "name and type differ" },
};

static void
check_all(const struct grammar_case *c, size_t n,
    int (*check)(enum wire, struct str, char *, size_t))
{
	char why[256];
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		why[0] = '\0';
		rc = check(c[i].wire, str_of(c[i].stream), why, sizeof(why));
		if (c[i].why == NULL ? rc != 0
				     : rc == 0 || strstr(why, c[i].why) == NULL)
			fail_msg("case %zu: %s", i, why);
	}
}

static void
broken_streams_are_told_from_whole_ones(void **state)
{
	(void)state;
	check_all(cases, COUNT(cases), grammar_check);
}

/* What vendors do, and what must not come of it. */
static const struct grammar_case passed[] = {
	{ WIRE_OPENAI_CHAT, ROLE SAY FINISH DONE, NULL },
	{ WIRE_OPENAI_CHAT, ": comment\n\nid: 1\nretry: 5\n\n" SAY FINISH,
	    NULL },
	{ WIRE_OPENAI_CHAT, "data:{\r\ndata:\"choices\":[]}\r\n\r\n" DONE,
	    NULL },
	{ WIRE_OPENAI_CHAT, "event: error\ndata: {\"error\":{}}\n\n" DONE,
	    NULL },
	{ WIRE_OPENAI_CHAT, SAY, "has no end" },
	{ WIRE_OPENAI_CHAT, SAY FINISH DONE SAY, "after the end" },
	{ WIRE_OPENAI_CHAT, SAY "data: {\"a\n\n" DONE, "no JSON" },
	{ WIRE_OPENAI_CHAT, SAY "ddata: [DONE]\n\n", "has no end" },
	{ WIRE_OPENAI_CHAT, FINISH "data: [DONE]\n", NULL },
	{ WIRE_ANTHROPIC,
	    BEGIN EV("news", "") TEXT("0") TELL STOP EV("ping", ""), NULL },
	{ WIRE_ANTHROPIC, BEGIN EV("error", ""), NULL },
	{ WIRE_ANTHROPIC, BEGIN TELL, "has no end" },
	{ WIRE_ANTHROPIC, BEGIN STOP STOP, "after the end" },
	{ WIRE_ANTHROPIC, "data: {\"type\":\"ping\"}\n\n" STOP,
	    "name and type differ" },
	{ WIRE_OPENAI_RESPONSES,
	    EV("response.created", "") EV("response.completed", ""), NULL },
	{ WIRE_OPENAI_RESPONSES, EV("response.failed", "") EV("error", ""),
	    NULL },
	{ WIRE_OPENAI_RESPONSES, EV("response.created", ""), "has no end" },
	{ WIRE_OPENAI_RESPONSES, EV("response.completed", "") EV("error", ""),
	    "after the end" },
};

static void
streams_that_passed_are_whole_and_end_once(void **state)
{
	(void)state;
	check_all(passed, COUNT(passed), grammar_check_passed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_streams_are_told_from_whole_ones),
		cmocka_unit_test(streams_that_passed_are_whole_and_end_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
