/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/jtext.h"
#include "tests/unit/reply.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

static struct str
member(struct str doc, const char *path)
{
	struct str value;

	return jtext_get(doc, path, &value) ? value : STR_NONE;
}

/* ---- streams ---- */

#define OUT(i)  "\"output_index\":" i
#define ID(id)  "\"item_id\":\"" id "\","
#define AT_MSG0 ID("msg_call_01_0") OUT("0") ",\"content_index\":0,"
#define AT_MSG1 ID("msg_call_01_1") OUT("1") ",\"content_index\":0,"
#define AT_RS   ID("rs_call_01_0") OUT("0") ",\"summary_index\":0,"
#define AT_FC   ID("fc_call_01_1") OUT("1") ","
#define MSG(n, status, part)                                                   \
	OUT(n)                                                                 \
	",\"item\":{\"id\":\"msg_call_01_" n "\",\"type\":\"message\","        \
	"\"status\":\"" status "\",\"role\":\"assistant\",\"content\":[" part  \
	"]}"
#define RS(rest)                                                               \
	OUT("0")                                                               \
	",\"item\":{\"id\":\"rs_call_01_0\",\"type\":\"reasoning\","           \
	"\"summary\":[" rest "}"
#define FC(status, args)                                                       \
	OUT("1")                                                               \
	",\"item\":{\"id\":\"fc_call_01_1\",\"type\":\"function_call\","       \
	"\"status\":\"" status "\",\"arguments\":\"" args                      \
	"\",\"call_id\":\"a\",\"name\":\"f\"}"
#define SAID(what)                                                             \
	"{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],"        \
	"\"text\":\"" what "\"}"
#define NO(what) "{\"type\":\"refusal\",\"refusal\":\"" what "\"}"
#define HM(what) "{\"type\":\"summary_text\",\"text\":\"" what "\"}"
#define TAG      "sluice:anthropic-claude-v1:"

/* An event after in_progress: its type and what follows its number. */
struct want {
	const char *type, *rest;
};

static const struct {
	struct event ev[12];
	struct want want[12];
} streams[] = {
	{ { HEAD(WIRE_ANTHROPIC), START("m-1"), OPEN(0, BLOCK_TEXT),
	      DELTA(0, "Hel"), DELTA(0, ""), DELTA(0, "lo"), CLOSE(0), USAGE,
	      STOP(STOP_END) },
	    { { "output_item.added", MSG("0", "in_progress", "") },
		{ "content_part.added", AT_MSG0 "\"part\":" SAID("") },
		{ "output_text.delta",
		    AT_MSG0 "\"delta\":\"Hel\",\"logprobs\":[]" },
		{ "output_text.delta",
		    AT_MSG0 "\"delta\":\"lo\",\"logprobs\":[]" },
		{ "output_text.done",
		    AT_MSG0 "\"text\":\"Hello\",\"logprobs\":[]" },
		{ "content_part.done", AT_MSG0 "\"part\":" SAID("Hello") },
		{ "output_item.done",
		    MSG("0", "completed", SAID("Hello")) } } },
	/* thinking, its token tagged; a call whose arguments stay away */
	{ { HEAD(WIRE_ANTHROPIC), START("m-1"), OPEN(0, BLOCK_THINKING),
	      DELTA(0, "hm"), SIGN(0, "S="), CLOSE(0), CALL(1, "a", "f"),
	      STOP(STOP_TOOL) },
	    { { "output_item.added", RS("]") },
		{ "reasoning_summary_part.added", AT_RS "\"part\":" HM("") },
		{ "reasoning_summary_text.delta", AT_RS "\"delta\":\"hm\"" },
		{ "reasoning_summary_text.done", AT_RS "\"text\":\"hm\"" },
		{ "reasoning_summary_part.done", AT_RS "\"part\":" HM("hm") },
		{ "output_item.done",
		    RS(HM("hm") "],\"encrypted_content\":\"" TAG "S=\"") },
		{ "output_item.added", FC("in_progress", "") },
		{ "function_call_arguments.delta", AT_FC "\"delta\":\"{}\"" },
		{ "function_call_arguments.done",
		    AT_FC "\"arguments\":\"{}\"" },
		{ "output_item.done", FC("completed", "{}") } } },
	{ { HEAD(WIRE_ANTHROPIC), START("m-1"), OPEN(0, BLOCK_REDACTED),
	      SIGN(0, "D"), CLOSE(0), OPEN(1, BLOCK_REFUSAL), DELTA(1, "no"),
	      STOP(STOP_END) },
	    { { "output_item.added", RS("]") },
		{ "output_item.done",
		    RS("],\"encrypted_content\":\"" TAG "redacted:D\"") },
		{ "output_item.added", MSG("1", "in_progress", "") },
		{ "content_part.added", AT_MSG1 "\"part\":" NO("") },
		{ "refusal.delta", AT_MSG1 "\"delta\":\"no\"" },
		{ "refusal.done", AT_MSG1 "\"refusal\":\"no\"" },
		{ "content_part.done", AT_MSG1 "\"part\":" NO("no") },
		{ "output_item.done", MSG("1", "completed", NO("no")) } } },
};

static const char *
stream_of(struct arena *a, const struct want *want)
{
	struct buf *b = buf_new(a, MIB);

	for (int n = 2; want->type != NULL; want++, n++)
		buf_addf(b,
		    "event: response.%s\ndata: {\"type\":\"response.%s\","
		    "\"sequence_number\":%d,%s}\n\n",
		    want->type, want->type, n, want->rest);
	return b->p;
}

static void
streams_are_written_byte_for_byte(void **state)
{
	struct str out, begun = STR("event: response.in_progress\n");
	struct reply a;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(streams); i++) {
		reply_begin(&a, &dialect_openai_responses,
		    &(struct reply_opts){ .stream = true });
		reply_put_until(&a, streams[i].ev, EVENT_STOP);
		reply_finish(&a);
		out = buf_str(&a.out);
		assert_true(str_starts(out, "event: response.created\n"));
		out = str_skip(out, (size_t)str_find(out, begun));
		out = str_skip(out, (size_t)str_find(out, STR("\n\n")) + 2);
		assert_true(
		    str_starts(out, stream_of(a.arena, streams[i].want)));
		reply_check(&a);
		reply_end(&a);
	}
}

/* ---- the response object ---- */

static void
a_document_has_every_member_real_ones_have(void **state)
{
	static const struct event ev[] = { WHOLE(WIRE_ANTHROPIC), START("m-1"),
		OPEN(0, BLOCK_THINKING), DELTA(0, "hm"), SIGN(0, "S"), CLOSE(0),
		OPEN(1, BLOCK_TEXT), DELTA(1, "Hello"), CLOSE(1),
		CALL(2, "a", "f"), DELTA(2, "{}"), CLOSE(2), USAGE,
		STOP(STOP_TOOL) };
	struct reply a;

	(void)state;
	reply_begin(&a, &dialect_openai_responses,
	    &(struct reply_opts){ .known = true, .pusd = 3100000000 });
	a.ask.body = STR("{\"model\":\"x\",\"tools\":[ {\"a\":\n1} ],"
			 "\"temperature\":0.50,\"metadata\":null}");
	reply_run(&a, ev, COUNT(ev));
	reply_is(&a,
	    "{\"id\":\"resp_call_01\",\"object\":\"response\",\"created_at\":"
	    "1700000000,\"status\":\"completed\",\"background\":false,"
	    "\"error\":null,\"incomplete_details\":null,\"model\":\"m-1\","
	    "\"output\":[{\"id\":\"rs_call_01_0\",\"type\":\"reasoning\","
	    "\"summary\":[{\"type\":\"summary_text\",\"text\":\"hm\"}],"
	    "\"encrypted_content\":\"sluice:anthropic-claude-v1:S\"},"
	    "{\"id\":\"msg_call_01_1\",\"type\":\"message\",\"status\":"
	    "\"completed\",\"role\":\"assistant\",\"content\":[" SAID(
		"Hello") "]},{\"id\":\"fc_call_01_2\",\"type\":"
			 "\"function_call\",\"status\":\"completed\","
			 "\"arguments\":\"{}\","
			 "\"call_id\":\"a\",\"name\":\"f\"}],\"instructions\":"
			 "null,"
			 "\"max_output_tokens\":null,\"max_tool_calls\":null,"
			 "\"metadata\":"
			 "{},\"parallel_tool_calls\":true,\"previous_response_"
			 "id\":null,"
			 "\"prompt_cache_key\":null,\"reasoning\":{\"effort\":"
			 "null,"
			 "\"summary\":null},\"safety_identifier\":null,"
			 "\"service_tier\":"
			 "\"auto\",\"store\":false,\"temperature\":0.50,"
			 "\"text\":{"
			 "\"format\":{\"type\":\"text\"}},\"tool_choice\":"
			 "\"auto\","
			 "\"tools\":[ {\"a\":1} "
			 "],\"top_logprobs\":0,\"top_p\":null,"
			 "\"truncation\":\"disabled\",\"user\":null,\"access_"
			 "programs\":"
			 "null,\"usage\":{\"input_tokens\":16,\"input_tokens_"
			 "details\":{"
			 "\"cached_tokens\":4,\"cache_write_tokens\":2},"
			 "\"output_tokens\":"
			 "8,\"output_tokens_details\":{\"reasoning_tokens\":3},"
			 "\"total_tokens\":24,\"cost\":0.0031}}");
	reply_end(&a);
}

static const struct {
	struct event ev[6];
	const char *status, *reason, *last;
} ends[] = {
	{ { START("m"), STOP(STOP_NONE) }, "\"completed\"", NULL, NULL },
	{ { START("m"), STOP(STOP_END) }, "\"completed\"", NULL, NULL },
	{ { START("m"), STOP(STOP_TOOL) }, "\"completed\"", NULL, NULL },
	{ { START("m"), STOP(STOP_SEQUENCE) }, "\"completed\"", NULL, NULL },
	{ { START("m"), STOP(STOP_PAUSE) }, "\"completed\"", NULL, NULL },
	{ { START("m"), STOP(STOP_LENGTH) }, "\"incomplete\"",
	    "\"max_output_tokens\"", NULL },
	{ { START("m"), STOP(STOP_CONTEXT) }, "\"incomplete\"",
	    "\"max_output_tokens\"", NULL },
	{ { START("m"), STOP(STOP_REFUSAL) }, "\"incomplete\"",
	    "\"content_filter\"", NULL },
	/* an explanation is the last that is said */
	{ { START("m"), STOP_FOR(STOP_REFUSAL, "no") }, "\"incomplete\"",
	    "\"content_filter\"", "\"no\"" },
	{ { START("m"), OPEN(0, BLOCK_REFUSAL), DELTA(0, "never"), CLOSE(0),
	      STOP_FOR(STOP_REFUSAL, "no") },
	    "\"completed\"", NULL, "\"never\"" },
};

static void
each_stop_reason_has_its_status(void **state)
{
	struct str doc, end;
	struct reply a;
	size_t i;
	int stream;

	(void)state;
	for (i = 0; i < COUNT(ends) * 2; i++) {
		stream = (int)(i % 2);
		reply_begin(&a, &dialect_openai_responses,
		    &(struct reply_opts){ .stream = stream });
		reply_put_until(&a, ends[i / 2].ev, EVENT_STOP);
		reply_finish(&a);
		reply_check(&a);
		doc = buf_str(&a.out);
		if (stream) {
			end = str_skip(doc,
			    (size_t)str_find(doc,
				str_of(arena_printf(a.arena,
				    "data: {\"type\":\"response.%.*s\"",
				    (int)strlen(ends[i / 2].status) - 2,
				    ends[i / 2].status + 1))) +
				6);
			doc = member(end, "response");
		}
		assert_true(str_is(member(doc, "status"), ends[i / 2].status));
		assert_true(str_eq(member(doc, "incomplete_details.reason"),
		    str_of(ends[i / 2].reason)));
		assert_true(str_eq(member(doc, "output.0.content.0.refusal"),
		    str_of(ends[i / 2].last)));
		reply_end(&a);
	}
}

/* A call that a limit has cut is not one to run. */
static void
the_last_item_before_a_limit_is_incomplete(void **state)
{
	static const struct event ev[] = { START("m"), OPEN(0, BLOCK_TEXT),
		DELTA(0, "a"), CLOSE(0), CALL(1, "a", "f"), DELTA(1, "{\"b"),
		CLOSE(1), STOP(STOP_LENGTH) };
	static const char call[] = "\"status\":\"incomplete\",\"arguments\":"
				   "\"{\\\"b\"";
	struct reply a;
	struct str out;
	int stream;

	(void)state;
	for (stream = 0; stream < 2; stream++) {
		reply_begin(&a, &dialect_openai_responses,
		    &(struct reply_opts){ .stream = stream });
		reply_put_until(&a, ev, EVENT_STOP);
		reply_finish(&a);
		out = buf_str(&a.out);
		assert_true(str_find(out, STR(call)) > 0);
		assert_true(str_find(out,
				STR("\"type\":\"message\",\"status\":"
				    "\"incomplete\"")) < 0);
		if (stream) { /* done, and in the response */
			out =
			    str_skip(out, (size_t)str_find(out, STR(call)) + 1);
			assert_true(str_find(out, STR(call)) > 0);
		}
		reply_end(&a);
	}
}

/* Both names of a tool come back, and free text unwrapped. */
static void
tools_get_their_own_names_back(void **state)
{
	struct tool function = { .name = STR("ns__g"), .ns = STR("ns") };
	struct tool custom = { .name = STR("n__x"),
		.ns = STR("n"),
		.custom = true,
		.next = &function };
	struct chat chat = { .tools = &custom };
	static const struct event ev[] = { START("m"), CALL(0, "a", "n__x"),
		DELTA(0, "{\"input\":"), DELTA(0, "\"a\\nb\"}"), CLOSE(0),
		CALL(1, "b", "ns__g"), DELTA(1, "{}"), STOP(STOP_TOOL) };
	struct reply a;
	struct str doc;
	int stream;

	(void)state;
	for (stream = 0; stream < 2; stream++) {
		reply_begin(&a, &dialect_openai_responses,
		    &(struct reply_opts){ .stream = stream });
		a.ask.chat = &chat;
		reply_run(&a, ev, COUNT(ev));
		doc = buf_str(&a.out);
		assert_true(
		    str_find(doc,
			STR("{\"id\":\"ctc_call_01_0\",\"type\":"
			    "\"custom_tool_call\",\"status\":\"completed\","
			    "\"input\":\"a\\nb\",\"call_id\":\"a\",\"name\":"
			    "\"x\",\"namespace\":\"n\"}")) > 0);
		assert_true(str_find(doc,
				STR("\"call_id\":\"b\",\"name\":\"g\","
				    "\"namespace\":\"ns\"}")) > 0);
		reply_end(&a);
	}
}

/* ---- stream and document say the same ---- */

static void
random_answers_are_grammatical_and_equal_as_stream_and_document(void **state)
{
	struct event ev[REPLY_EVENTS];
	struct reply stream, document;
	struct str rest, line, last = STR_NONE;
	uint64_t seed;
	size_t n;

	(void)state;
	for (seed = 1; seed <= 200; seed++) {
		n = reply_random(seed, ev);
		reply_begin(&stream, &dialect_openai_responses,
		    &(struct reply_opts){
			.stream = true, .known = true, .pusd = 7 });
		reply_begin(&document, &dialect_openai_responses,
		    &(struct reply_opts){ .known = true, .pusd = 7 });
		reply_run(&stream, ev, n);
		reply_run(&document, ev, n);
		rest = buf_str(&stream.out);
		while (rest.p != NULL) {
			rest = str_split(rest, '\n', &line);
			if (str_starts(line, "data: "))
				last = str_skip(line, 6);
		}
		assert_true(
		    str_eq(member(last, "response"), buf_str(&document.out)));
		reply_end(&stream);
		reply_end(&document);
	}
}

/* ---- verbatim ---- */

#define DONE_FRAME(x)                                                          \
	"event: response.completed\ndata: {\"type\":\"response.completed\","   \
	"\"response\":{\"id\":\"r\", \"usage\":{\"input_tokens\":1" x          \
	"}}}\n\n"

static void
the_last_frame_of_the_same_format_gains_the_cost(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_OPENAI_RESPONSES),
		START("m"), FRAME("data: {\"a\": 1}\n\n"), OPEN(0, BLOCK_TEXT),
		DELTA(0, "x"), FRAME("data: {\"b\":2}\n\n"), USAGE,
		STOP(STOP_END) };
	struct event last = { .kind = EVENT_FRAME,
		.text = EV_STR(DONE_FRAME("")) };
	struct reply a;
	size_t i;

	(void)state;
	reply_begin(&a, &dialect_openai_responses,
	    &(struct reply_opts){
		.stream = true, .known = true, .pusd = 3100000000 });
	for (i = 0; i < COUNT(ev); i++)
		reply_put(&a, &ev[i]);
	reply_put(&a, &last);
	reply_finish(&a);
	reply_is(&a,
	    "data: {\"a\": 1}\n\ndata: {\"b\":2}\n\n" DONE_FRAME(
		",\"cost\":0.0031"));
	reply_end(&a);
}

/* ---- errors ---- */

#define THEIRS                                                                 \
	"event: error\ndata: {\"type\":\"error\",\"sequence_number\":9,"       \
	"\"error\":{\"type\":\"tokens\",\"message\":\"theirs\"}}\n\n"
#define THEIR_END                                                              \
	"event: response.failed\ndata: {\"type\":\"response.failed\","         \
	"\"response\":{\"error\":{\"code\":\"c\",\"message\":\"m\"}}}\n\n"

static void
a_stream_that_fails_says_so_to_every_kind_of_client(void **state)
{
	static const struct event begun[] = { HEAD(WIRE_ANTHROPIC), START("m"),
		OPEN(0, BLOCK_TEXT), DELTA(0, "a"), CLOSE(0),
		OPEN(1, BLOCK_TEXT), DELTA(1, "b") };
	struct reply a;
	struct error err = { 0 };
	size_t n;

	(void)state;
	error_set(&err, ERROR_UP_RATE, "slow down");
	for (n = 0; n <= COUNT(begun); n++) {
		reply_begin(&a, &dialect_openai_responses,
		    &(struct reply_opts){ .stream = true });
		for (size_t i = 0; i < n; i++)
			reply_put(&a, &begun[i]);
		reply_fail(&a, &err);
		assert_true(str_find(buf_str(&a.out),
				STR("\"status\":\"failed\",\"background\":"
				    "false,\"error\":{\"code\":"
				    "\"rate_limit_exceeded\",\"message\":"
				    "\"slow down\"}")) > 0);
		assert_true(str_find(buf_str(&a.out),
				STR(",\"error\":{\"type\":"
				    "\"rate_limit_error\",\"code\":"
				    "\"rate_limit_exceeded\",\"message\":"
				    "\"slow down\",\"param\":null}}\n\n")) > 0);
		reply_end(&a);
	}
}

static void
a_provider_of_the_same_format_is_quoted(void **state)
{
	static const struct event begun[] = { HEAD(WIRE_OPENAI_RESPONSES),
		START("m"), FRAME("data: 0\n\n"), FRAME("data: 1\n\n") };
	struct error err = { .kind = ERROR_UP_RATE, .status = 429 };
	struct reply a;
	struct str out;

	(void)state;
	err.raw_wire = WIRE_OPENAI_RESPONSES;
	for (int failed = 0; failed < 2; failed++) {
		err.raw = failed ? STR(THEIR_END) : STR(THEIRS);
		reply_begin(&a, &dialect_openai_responses,
		    &(struct reply_opts){ .stream = true });
		for (size_t i = 0; i < COUNT(begun); i++)
			reply_put(&a, &begun[i]);
		(a.enc->fail)(a.enc, &err);
		out = str_skip(buf_str(&a.out), strlen("data: 0\n\n") * 2);
		if (failed) {
			assert_string_equal(out.p, THEIR_END);
		} else {
			assert_true(str_starts(out,
			    "event: response.failed\ndata: {\"type\":"
			    "\"response.failed\",\"sequence_number\":2,"
			    "\"response\":{\"id\":\"own_1\""));
			assert_true(
			    str_find(out,
				STR("\"error\":{\"type\":\"tokens\","
				    "\"message\":\"theirs\"}}\n\n")) > 0);
		}
		reply_end(&a);
	}
}

static void
an_error_before_the_head_is_a_body(void **state)
{
	static const struct {
		const char *raw, *want;
	} cases[] = {
		{ NULL,
		    "{\"error\":{\"message\":\"x: bad\",\"type\":"
		    "\"invalid_request_error\",\"param\":\"x\",\"code\":"
		    "\"invalid_request\"}}" },
		{ "{\"error\": {\"message\":\"a\"}}",
		    "{\"error\": {\"message\":\"a\"}}" },
		{ THEIRS,
		    "{\"type\":\"error\",\"sequence_number\":9,\"error\":{"
		    "\"type\":\"tokens\",\"message\":\"theirs\"}}" },
		{ THEIR_END,
		    "{\"error\":{\"message\":\"x: bad\",\"type\":"
		    "\"invalid_request_error\",\"param\":\"x\",\"code\":"
		    "\"invalid_request\"}}" },
	};
	struct error err = { 0 };
	struct buf out;

	(void)state;
	error_param(&err, "x", "bad");
	for (size_t i = 0; i < COUNT(cases); i++) {
		err.raw = str_of(cases[i].raw);
		err.raw_wire = WIRE_OPENAI_RESPONSES;
		buf_init(&out, MIB);
		dialect_openai_responses.fail_body(&out, &err, "call_01");
		assert_string_equal(out.p, cases[i].want);
		buf_release(&out);
	}
}

/* ---- recorded answers ---- */

static size_t passed;

static void
pass(const char *dir)
{
	static const struct event head = WHOLE(WIRE_OPENAI_RESPONSES);
	struct event frame = { .kind = EVENT_FRAME };
	struct reply a;

	reply_begin(&a, &dialect_openai_responses,
	    &(struct reply_opts){ .known = false });
	frame.text = reply_file(a.arena, dir, "body");
	if (frame.text.n > 0 && frame.text.p[0] == '{') {
		reply_put(&a, &head);
		reply_put(&a, &frame);
		reply_finish(&a);
		assert_string_equal(a.out.p, frame.text.p);
		passed++;
	}
	reply_end(&a);
}

static void
recorded_documents_pass_byte_for_byte(void **state)
{
	(void)state;
	assert_true(reply_fixtures("responses", pass) == 0 || passed > 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_written_byte_for_byte),
		cmocka_unit_test(a_document_has_every_member_real_ones_have),
		cmocka_unit_test(each_stop_reason_has_its_status),
		cmocka_unit_test(the_last_item_before_a_limit_is_incomplete),
		cmocka_unit_test(tools_get_their_own_names_back),
		cmocka_unit_test(
		    random_answers_are_grammatical_and_equal_as_stream_and_document),
		cmocka_unit_test(
		    the_last_frame_of_the_same_format_gains_the_cost),
		cmocka_unit_test(
		    a_stream_that_fails_says_so_to_every_kind_of_client),
		cmocka_unit_test(a_provider_of_the_same_format_is_quoted),
		cmocka_unit_test(an_error_before_the_head_is_a_body),
		cmocka_unit_test(recorded_documents_pass_byte_for_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
