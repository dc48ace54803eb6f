/* SPDX-License-Identifier: MIT */
#include "core/jtext.h"
#include "tests/unit/reply.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

/* ---- streams ---- */

#define NO_USAGE                                                               \
	"{\"input_tokens\":0,\"cache_creation_input_tokens\":0,"               \
	"\"cache_read_input_tokens\":0,\"cache_creation\":{"                   \
	"\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},"    \
	"\"output_tokens\":0,\"output_tokens_details\":{"                      \
	"\"thinking_tokens\":0},\"server_tool_use\":null,"                     \
	"\"service_tier\":null"
#define SOME_USAGE                                                             \
	"{\"input_tokens\":10,\"cache_creation_input_tokens\":2,"              \
	"\"cache_read_input_tokens\":4,\"cache_creation\":{"                   \
	"\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":2},"    \
	"\"output_tokens\":8,\"output_tokens_details\":{"                      \
	"\"thinking_tokens\":3},\"server_tool_use\":null,"                     \
	"\"service_tier\":null"
#define BEGIN(usage)                                                           \
	"event: message_start\ndata: {\"type\":\"message_start\",\"message\":" \
	"{\"id\":\"msg_call_01\",\"type\":\"message\",\"role\":\"assistant\"," \
	"\"model\":\"m-1\",\"content\":[],\"stop_reason\":null,"               \
	"\"stop_sequence\":null,\"stop_details\":null,\"usage\":" usage        \
	"},\"container\":null}}\n\n"
#define BLOCK(i, json)                                                         \
	"event: content_block_start\ndata: {\"type\":\"content_block_start\"," \
	"\"index\":" i ",\"content_block\":" json "}\n\n"
#define TEXT(i) BLOCK(i, "{\"type\":\"text\",\"text\":\"\",\"citations\":null}")
#define PIECE(i, type, key, text)                                              \
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\"," \
	"\"index\":" i ",\"delta\":{\"type\":\"" type "\",\"" key "\":\"" text \
	"\"}}\n\n"
#define TOOL(i, id, name)                                                      \
	BLOCK(i,                                                               \
	    "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name        \
	    "\",\"input\":{},\"caller\":{\"type\":\"direct\"}}")
#define SHUT(i)                                                                \
	"event: content_block_stop\ndata: {\"type\":\"content_block_stop\","   \
	"\"index\":" i "}\n\n"
#define END(stop, seq, details, usage, cost)                                   \
	"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"  \
	"\"stop_reason\":\"" stop "\",\"stop_sequence\":" seq                  \
	",\"stop_details\":" details ",\"container\":null},\"usage\":" usage   \
	",\"cost\":" cost "}}\n\nevent: message_stop\ndata: {\"type\":"        \
	"\"message_stop\"}\n\n"

static const struct {
	bool known;
	struct event ev[16];
	const char *want;
} streams[] = {
	{ .known = true,
	    .ev = { HEAD(WIRE_OPENAI_CHAT), START("m-1"), OPEN(0, BLOCK_TEXT),
		DELTA(0, "Hel"), PING, DELTA(0, ""), DELTA(0, "lo"), USAGE,
		STOP(STOP_END) },
	    .want = BEGIN(NO_USAGE) TEXT("0") PIECE("0", "text_delta", "text",
		"Hel") "event: ping\ndata: {\"type\": \"ping\"}\n\n" PIECE("0",
		"text_delta", "text", "lo") SHUT("0")
		END("end_turn", "null", "null", SOME_USAGE, "0.0031") },
	/* What is known at the start is told there; no block at all. */
	{ .ev = { HEAD(WIRE_OPENAI_CHAT), START("m-1"), PING, USAGE,
	      STOP_FOR(STOP_SEQUENCE, "X") },
	    .want = ": ping\n\n" BEGIN(SOME_USAGE)
		END("stop_sequence", "\"X\"", "null", SOME_USAGE, "null") },
	/* Two calls at once come one after the other; one has no arguments. */
	{ .ev = { HEAD(WIRE_OPENAI_CHAT), START("m-1"), CALL(0, "a", "f"),
	      CALL(1, "b", "g"), DELTA(0, "{\"x\""), DELTA(0, ":1}"),
	      STOP(STOP_END) },
	    .want = BEGIN(NO_USAGE) TOOL("0", "a", "f")
		PIECE("0", "input_json_delta", "partial_json", "{\\\"x\\\"")
		    PIECE("0", "input_json_delta", "partial_json", ":1}")
			SHUT("0") TOOL("1", "b", "g") SHUT("1")
			    END("tool_use", "null", "null", NO_USAGE, "null") },
	/* Foreign tokens are tagged, and come in one piece. */
	{ .ev = { HEAD(WIRE_OPENAI_RESPONSES), START("m-1"),
	      OPEN(0, BLOCK_THINKING), DELTA(0, "h"), SIGN(0, "S"),
	      SIGN(0, "="), CLOSE(0), OPEN(1, BLOCK_REDACTED), SIGN(1, "D"),
	      CLOSE(1), OPEN(2, BLOCK_REDACTED), CLOSE(2), STOP(STOP_PAUSE) },
	    .want = BEGIN(NO_USAGE) BLOCK("0",
		"{\"type\":\"thinking\",\"thinking\":\"\","
		"\"signature\":\"\"}") PIECE("0", "thinking_delta", "thinking",
		"h") PIECE("0", "signature_delta", "signature",
		"sluice:openai-responses-v1:S=") SHUT("0") BLOCK("1",
		"{\"type\":\"redacted_thinking\",\"data\":"
		"\"sluice:openai-responses-v1:D\"}") SHUT("1")
		END("pause_turn", "null", "null", NO_USAGE, "null") },
	{ .ev = { HEAD(WIRE_OPENAI_CHAT), START("m-1"), OPEN(0, BLOCK_REFUSAL),
	      DELTA(0, "no"), STOP(STOP_END) },
	    .want = BEGIN(NO_USAGE) TEXT("0") PIECE("0", "text_delta", "text",
		"no") SHUT("0") END("refusal", "null",
		"{\"type\":\"refusal\",\"category\":"
		"null,\"explanation\":null}",
		NO_USAGE, "null") },
	{ .ev = { HEAD(WIRE_GEMINI), START("m-1"),
	      STOP_FOR(STOP_REFUSAL, "why") },
	    .want = BEGIN(NO_USAGE) END("refusal", "null",
		"{\"type\":\"refusal\",\"category\":"
		"null,\"explanation\":\"why\"}",
		NO_USAGE, "null") },
};

static void
streams_are_written_byte_for_byte(void **state)
{
	struct reply a;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(streams); i++) {
		reply_begin(&a, &dialect_anthropic,
		    &(struct reply_opts){ .stream = true,
			.known = streams[i].known,
			.pusd = 3100000000 });
		reply_put_until(&a, streams[i].ev, EVENT_STOP);
		reply_finish(&a);
		reply_is(&a, streams[i].want);
		reply_check(&a);
		reply_end(&a);
	}
}

/* ---- documents ---- */

static void
a_document_has_every_member_real_ones_have(void **state)
{
	static const struct event ev[] = { WHOLE(WIRE_OPENAI_CHAT),
		START("m-1"), OPEN(0, BLOCK_THINKING), DELTA(0, "hm"), CLOSE(0),
		OPEN(1, BLOCK_TEXT), DELTA(1, "Hello"), CLOSE(1),
		CALL(2, "a", "f"), DELTA(2, " {\"x\": 1}"), CLOSE(2),
		CALL(3, "", "g"), CLOSE(3), CALL(4, "c", "h"), DELTA(4, "{\"x"),
		USAGE, STOP(STOP_TOOL) };
	struct reply a;

	(void)state;
	reply_begin(&a, &dialect_anthropic,
	    &(struct reply_opts){ .known = true, .pusd = 0 });
	reply_run(&a, ev, COUNT(ev));
	reply_is(&a,
	    "{\"id\":\"msg_call_01\",\"type\":\"message\",\"role\":"
	    "\"assistant\",\"model\":\"m-1\",\"content\":[{\"type\":"
	    "\"thinking\",\"thinking\":\"hm\",\"signature\":\"\"},{\"type\":"
	    "\"text\",\"text\":\"Hello\",\"citations\":null},{\"type\":"
	    "\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{\"x\": 1},"
	    "\"caller\":{\"type\":\"direct\"}},{\"type\":\"tool_use\",\"id\":"
	    "\"call_01_3\",\"name\":\"g\",\"input\":{},\"caller\":{\"type\":"
	    "\"direct\"}},{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"h\","
	    "\"input\":{\"_raw\":\"{\\\"x\"},\"caller\":{\"type\":"
	    "\"direct\"}}],\"stop_reason\":\"tool_use\",\"stop_sequence\":"
	    "null,\"stop_details\":null,\"usage\":" SOME_USAGE
	    ",\"cost\":0},\"container\":null}");
	reply_end(&a);
}

static void
each_stop_reason_has_its_word(void **state)
{
	static const struct {
		enum stop_reason stop;
		const char *want;
	} cases[] = {
		{ STOP_NONE, "\"end_turn\"" },
		{ STOP_END, "\"end_turn\"" },
		{ STOP_SEQUENCE, "\"stop_sequence\"" },
		{ STOP_LENGTH, "\"max_tokens\"" },
		{ STOP_CONTEXT, "\"model_context_window_exceeded\"" },
		{ STOP_TOOL, "\"end_turn\"" }, /* no call is there */
		{ STOP_REFUSAL, "\"refusal\"" },
		{ STOP_PAUSE, "\"pause_turn\"" },
	};
	struct event ev[] = { START("m"), STOP(STOP_END) };
	struct str value = STR_NONE;
	struct reply a;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		ev[1].stop = cases[i].stop;
		reply_begin(&a, &dialect_anthropic,
		    &(struct reply_opts){ .stream = false });
		reply_run(&a, ev, COUNT(ev));
		assert_true(jtext_get(buf_str(&a.out), "stop_reason", &value));
		assert_true(str_is(value, cases[i].want));
		reply_end(&a);
	}
}

/* ---- stream and document say the same ---- */

static struct str
member(struct str doc, const char *path)
{
	struct str value;

	return jtext_get(doc, path, &value) ? value : STR_NONE;
}

/* The strings of a block or delta, whichever of them it has. */
static void
add_strings(struct reply *a, struct buf *out, struct str json)
{
	static const char *const keys[] = { "id", "name", "text", "thinking",
		"data", "signature" };
	size_t i;

	for (i = 0; i < COUNT(keys); i++)
		buf_adds(out, jtext_string(a->arena, member(json, keys[i])));
}

static void
summarise_document(struct reply *a, struct buf *out)
{
	struct str doc = buf_str(&a->out), content, block;
	size_t pos = 0;

	content = member(doc, "content");
	while (jtext_item(content, &pos, &block)) {
		buf_addch(out, '\n');
		buf_adds(out, member(block, "type"));
		add_strings(a, out, block);
		buf_adds(out, member(block, "input"));
	}
	buf_addch(out, '\n');
	buf_adds(out, member(doc, "stop_reason"));
	buf_adds(out, member(doc, "stop_sequence"));
	buf_adds(out, member(doc, "usage"));
}

static void
add_event(struct reply *a, struct buf *out, struct buf *args, struct str doc)
{
	struct str block = member(doc, "content_block");
	struct str delta = member(doc, "delta");

	if (block.p != NULL) {
		buf_addch(out, '\n');
		buf_adds(out, member(block, "type"));
		add_strings(a, out, block);
		buf_reset(args);
		if (str_is(member(block, "type"), "\"tool_use\""))
			buf_addch(args, ' ');
	} else if (str_is(member(doc, "type"), "\"message_delta\"")) {
		buf_addch(out, '\n');
		buf_adds(out, member(delta, "stop_reason"));
		buf_adds(out, member(delta, "stop_sequence"));
		buf_adds(out, member(doc, "usage"));
	} else if (delta.p != NULL) {
		add_strings(a, out, delta);
		buf_adds(args,
		    jtext_string(a->arena, member(delta, "partial_json")));
	} else if (args->n > 0 && member(doc, "index").p != NULL) {
		buf_adds(
		    out, args->n > 1 ? str_trim(buf_str(args)) : STR("{}"));
		buf_reset(args);
	}
}

static void
summarise_stream(struct reply *a, struct buf *out)
{
	struct buf *args = buf_new(a->arena, MIB);
	struct str rest = buf_str(&a->out), line;

	while (rest.p != NULL) {
		rest = str_split(rest, '\n', &line);
		if (str_starts(line, "data: "))
			add_event(a, out, args, str_skip(line, 6));
	}
}

static void
random_answers_are_grammatical_and_equal_as_stream_and_document(void **state)
{
	struct event ev[REPLY_EVENTS];
	struct reply stream, document;
	struct buf *s, *d;
	uint64_t seed;
	size_t n;

	(void)state;
	for (seed = 1; seed <= 200; seed++) {
		n = reply_random(seed, ev);
		reply_begin(&stream, &dialect_anthropic,
		    &(struct reply_opts){
			.stream = true, .known = true, .pusd = 7 });
		reply_begin(&document, &dialect_anthropic,
		    &(struct reply_opts){ .known = true, .pusd = 7 });
		reply_run(&stream, ev, n);
		reply_run(&document, ev, n);
		s = buf_new(stream.arena, MIB);
		d = buf_new(document.arena, MIB);
		summarise_stream(&stream, s);
		summarise_document(&document, d);
		assert_string_equal(s->p, d->p);
		reply_end(&stream);
		reply_end(&document);
	}
}

/* ---- pings, errors, memory ---- */

static void
what_an_early_ping_kept_from_the_headers_is_in_usage(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_GEMINI), START("m"),
		OPEN(0, BLOCK_TEXT), STOP(STOP_END) };
	struct reply a;

	(void)state;
	reply_begin(
	    &a, &dialect_anthropic, &(struct reply_opts){ .stream = true });
	a.enc->ping(a.enc);
	reply_is(&a, ": ping\n\n");
	reply_run(&a, ev, COUNT(ev));
	assert_true(str_find(buf_str(&a.out),
			STR(",\"cost\":null,\"sluice\":{\"model\":\"p/m\","
			    "\"attempts\":2,\"lossy\":[]}}")) > 0);
	reply_end(&a);
}

#define RAW "{\"type\":\"error\",\"error\": {\"message\":\"theirs\"}}"
#define OWN                                                                    \
	"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","        \
	"\"message\":\"busy\"},\"request_id\":\"call_01\"}"

static const struct reply_error errors[] = {
	{ NULL, WIRE_NONE, "event: error\ndata: " OWN "\n\n", OWN },
	{ RAW, WIRE_OPENAI_CHAT, "event: error\ndata: " OWN "\n\n", OWN },
	{ RAW, WIRE_ANTHROPIC, "event: error\ndata: " RAW "\n\n", RAW },
	{ "event: error\ndata: " RAW "\n\n", WIRE_ANTHROPIC,
	    "event: error\ndata: " RAW "\n\n", RAW },
};

static void
errors_are_the_providers_own_or_in_its_words(void **state)
{
	struct error err = { 0 };

	(void)state;
	error_set(&err, ERROR_UP_OVERLOADED, "busy");
	reply_errors(&dialect_anthropic, &err, errors, COUNT(errors));
}

/* The counts of message_start are not held back; those of the end are. */
static void
frames_of_the_same_format_pass_verbatim(void **state)
{
#define FIRST                                                                  \
	"event: message_start\ndata: {\"type\":\"message_start\",\"message\":" \
	"{\"usage\":{}}}\n\n"
#define LAST                                                                   \
	"event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{"  \
	"\"output_tokens\":1"
#define OVER "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
	static const struct event ev[] = { HEAD(WIRE_ANTHROPIC), START("m"),
		USAGE, FRAME(FIRST), USAGE, FRAME(LAST "}}\n\n"), FRAME(OVER) };
	struct reply a;
	size_t i;

	(void)state;
	reply_begin(&a, &dialect_anthropic,
	    &(struct reply_opts){
		.stream = true, .known = true, .pusd = 3100000000 });
	for (i = 0; i < COUNT(ev); i++)
		reply_put(&a, &ev[i]);
	reply_is(&a, FIRST);
	reply_finish(&a);
	reply_is(&a, FIRST LAST ",\"cost\":0.0031}}\n\n" OVER);
	reply_end(&a);
}

static void
a_long_stream_needs_no_more_memory(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_GEMINI), START("m"),
		OPEN(0, BLOCK_THINKING), DELTA(0, "some words of a thought") };

	(void)state;
	reply_is_frugal(&dialect_anthropic, ev, COUNT(ev));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_written_byte_for_byte),
		cmocka_unit_test(a_document_has_every_member_real_ones_have),
		cmocka_unit_test(each_stop_reason_has_its_word),
		cmocka_unit_test(
		    random_answers_are_grammatical_and_equal_as_stream_and_document),
		cmocka_unit_test(
		    what_an_early_ping_kept_from_the_headers_is_in_usage),
		cmocka_unit_test(errors_are_the_providers_own_or_in_its_words),
		cmocka_unit_test(frames_of_the_same_format_pass_verbatim),
		cmocka_unit_test(a_long_stream_needs_no_more_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
