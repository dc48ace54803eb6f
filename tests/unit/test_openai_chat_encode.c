/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/jtext.h"
#include "tests/unit/reply.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

/* ---- streams ---- */

#define CHUNK(d, f, u)                                                         \
	"data: {\"id\":\"chatcmpl-call_01\",\"object\":"                       \
	"\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m-1\","  \
	"\"choices\":[{\"index\":0,\"delta\":" d ",\"logprobs\":null,"         \
	"\"finish_reason\":" f "}]" u "}\n\n"
#define ROLE(c, u)                                                             \
	CHUNK("{\"role\":\"assistant\",\"content\":" c ",\"refusal\":null}",   \
	    "null", u)
#define SAID(key, text) CHUNK("{\"" key "\":\"" text "\"}", "null", "")
#define TOOL(json)      CHUNK("{\"tool_calls\":[" json "]}", "null", "")
#define DONE            "data: [DONE]\n\n"

static const struct {
	bool include_usage, known;
	struct event ev[16];
	const char *want;
} streams[] = {
	{ .ev = { HEAD(WIRE_ANTHROPIC), START("m-1"), OPEN(0, BLOCK_TEXT),
	      DELTA(0, "Hel"), PING, DELTA(0, ""), DELTA(0, "lo"), CLOSE(0),
	      USAGE, STOP(STOP_END) },
	    .want = ROLE("\"\"", "") SAID("content", "Hel") ": ping\n\n" SAID(
		"content", "lo") CHUNK("{}", "\"stop\"", "") DONE },
	{ .include_usage = true,
	    .known = true,
	    .ev = { HEAD(WIRE_ANTHROPIC), START("m-1"), USAGE,
		STOP(STOP_LENGTH) },
	    .want = ROLE("\"\"", ",\"usage\":null") CHUNK("{}", "\"length\"",
		",\"usage\":null") "data: "
				   "{\"id\":\"chatcmpl-call_01\",\"object\":"
				   "\"chat.completion.chunk\",\"created\":"
				   "1700000000,\"model\":"
				   "\"m-1\",\"choices\":[],\"usage\":{\"prompt_"
				   "tokens\":16,"
				   "\"completion_tokens\":8,\"total_tokens\":"
				   "24,"
				   "\"prompt_tokens_details\":{\"cached_"
				   "tokens\":4,"
				   "\"cache_write_tokens\":2,\"audio_tokens\":"
				   "0,"
				   "\"image_tokens\":0},\"completion_tokens_"
				   "details\":{"
				   "\"reasoning_tokens\":3,\"audio_tokens\":0,"
				   "\"accepted_prediction_tokens\":0,"
				   "\"rejected_prediction_tokens\":0},\"cost\":"
				   "0.0031}}\n\n" DONE },
	/* Two calls at once come one after the other; one has no arguments. */
	{ .ev = { HEAD(WIRE_ANTHROPIC), START("m-1"), CALL(0, "a", "f"),
	      CALL(1, "b", "g"), DELTA(0, "{\"x\""), DELTA(0, ":1}"),
	      STOP(STOP_END) },
	    .want = ROLE("null", "") TOOL(
		"{\"index\":0,\"id\":\"a\",\"type\":\"function\","
		"\"function\":{\"name\":\"f\",\"arguments\":\"\"}}")
		TOOL("{\"index\":0,\"function\":{\"arguments\":"
		     "\"{\\\"x\\\"\"}}") TOOL("{\"index\":0,\"function\":{"
					      "\"arguments\":\":1}\"}}")
		    TOOL("{\"index\":1,\"id\":\"b\",\"type\":\"function\","
			 "\"function\":{\"name\":\"g\",\"arguments\":\"\"}}")
			TOOL(
			    "{\"index\":1,\"function\":{\"arguments\":\"{}\"}}")
			    CHUNK("{}", "\"tool_calls\"", "") DONE },
	/* The signature brings the whole text with it. */
	{ .ev = { HEAD(WIRE_ANTHROPIC), START("m-1"), OPEN(0, BLOCK_THINKING),
	      DELTA(0, "h"), DELTA(0, "m"), SIGN(0, "S"), SIGN(0, "="),
	      CLOSE(0), OPEN(1, BLOCK_REDACTED), SIGN(1, "D"), CLOSE(1),
	      STOP(STOP_PAUSE) },
	    .want = ROLE("\"\"", "") SAID("reasoning_content", "h")
		SAID("reasoning_content", "m") CHUNK(
		    "{\"reasoning_details\":[{\"type\":\"reasoning.text\","
		    "\"text\":\"hm\",\"signature\":\"sluice:"
		    "anthropic-claude-v1:S=\",\"format\":"
		    "\"anthropic-claude-v1\",\"index\":0}]}",
		    "null", "")
		    CHUNK("{\"reasoning_details\":[{\"type\":"
			  "\"reasoning.encrypted\",\"data\":\"sluice:"
			  "anthropic-claude-v1:D\",\"format\":"
			  "\"anthropic-claude-v1\",\"index\":1}]}",
			"null", "") CHUNK("{}", "\"stop\"", "") DONE },
	{ .ev = { HEAD(WIRE_ANTHROPIC), START("m-1"),
	      STOP_FOR(STOP_REFUSAL, "no") },
	    .want = ROLE("\"\"", "") SAID("refusal", "no")
		CHUNK("{}", "\"content_filter\"", "") DONE },
	{ .ev = { HEAD(WIRE_OPENAI_RESPONSES), START("m-1"),
	      OPEN(0, BLOCK_REFUSAL), DELTA(0, "no"), STOP(STOP_END) },
	    .want = ROLE("\"\"", "") SAID("refusal", "no")
		CHUNK("{}", "\"stop\"", "") DONE },
};

static void
streams_are_written_byte_for_byte(void **state)
{
	struct reply a;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(streams); i++) {
		reply_begin(&a, &dialect_openai_chat,
		    &(struct reply_opts){ .stream = true,
			.include_usage = streams[i].include_usage,
			.known = streams[i].known,
			.pusd = 3100000000 });
		reply_put_until(&a, streams[i].ev, EVENT_STOP);
		reply_finish(&a);
		reply_is(&a, streams[i].want);
		reply_check(&a);
		reply_end(&a);
	}
}

static const struct {
	enum stop_reason stop;
	const char *want;
} finishes[] = {
	{ STOP_NONE, "\"stop\"" },
	{ STOP_END, "\"stop\"" },
	{ STOP_SEQUENCE, "\"stop\"" },
	{ STOP_LENGTH, "\"length\"" },
	{ STOP_CONTEXT, "\"length\"" },
	{ STOP_TOOL, "\"stop\"" }, /* no call is there */
	{ STOP_REFUSAL, "\"content_filter\"" },
	{ STOP_PAUSE, "\"stop\"" },
};

static void
each_stop_reason_has_its_word(void **state)
{
	struct reply a;
	struct event ev[] = { START("m"), STOP(STOP_END) };
	struct str value = STR_NONE;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(finishes); i++) {
		ev[1].stop = finishes[i].stop;
		reply_begin(&a, &dialect_openai_chat,
		    &(struct reply_opts){ .stream = false });
		reply_run(&a, ev, COUNT(ev));
		assert_true(jtext_get(
		    buf_str(&a.out), "choices.0.finish_reason", &value));
		assert_true(str_is(value, finishes[i].want));
		reply_end(&a);
	}
}

/* ---- documents ---- */

static void
a_document_has_every_member_real_ones_have(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_ANTHROPIC), START("m-1"),
		OPEN(0, BLOCK_THINKING), DELTA(0, "hm"), SIGN(0, "S"), CLOSE(0),
		OPEN(1, BLOCK_TEXT), DELTA(1, "Hello"), CLOSE(1),
		CALL(2, "a", "f"), DELTA(2, "{}"), CLOSE(2), USAGE,
		STOP(STOP_TOOL) };
	struct reply a;

	(void)state;
	reply_begin(
	    &a, &dialect_openai_chat, &(struct reply_opts){ .stream = false });
	reply_run(&a, ev, COUNT(ev));
	reply_is(&a,
	    "{\"id\":\"chatcmpl-call_01\",\"object\":\"chat.completion\","
	    "\"created\":1700000000,\"model\":\"m-1\",\"choices\":[{"
	    "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
	    "\"Hello\",\"refusal\":null,\"reasoning_content\":\"hm\","
	    "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":"
	    "\"hm\",\"signature\":\"sluice:anthropic-claude-v1:S\","
	    "\"format\":\"anthropic-claude-v1\","
	    "\"index\":0}],\"tool_calls\":[{\"id\":\"a\",\"type\":"
	    "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}"
	    "],\"annotations\":[]},\"logprobs\":null,\"finish_reason\":"
	    "\"tool_calls\"}],\"usage\":{\"prompt_tokens\":16,"
	    "\"completion_tokens\":8,\"total_tokens\":24,"
	    "\"prompt_tokens_details\":{\"cached_tokens\":4,"
	    "\"cache_write_tokens\":2,\"audio_tokens\":0,\"image_tokens\":0},"
	    "\"completion_tokens_details\":{\"reasoning_tokens\":3,"
	    "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
	    "\"rejected_prediction_tokens\":0},\"cost\":null},"
	    "\"system_fingerprint\":null}");
	reply_end(&a);
}

static const struct {
	struct event ev[8];
	const char *content, *refusal;
} contents[] = {
	{ { START("m"), STOP(STOP_END) }, "\"\"", "null" },
	{ { START("m"), STOP_FOR(STOP_REFUSAL, "no") }, "null", "\"no\"" },
	{ { START("m"), OPEN(0, BLOCK_REFUSAL), DELTA(0, "no"),
	      STOP(STOP_END) },
	    "null", "\"no\"" },
	{ { START("m"), CALL(0, "a", "f"), STOP(STOP_END) }, "null", "null" },
	{ { START("m"), OPEN(0, BLOCK_TEXT), DELTA(0, "a"), CLOSE(0),
	      OPEN(1, BLOCK_TEXT), DELTA(1, "b"), STOP(STOP_END) },
	    "\"ab\"", "null" },
};

static void
content_is_null_only_beside_what_replaces_it(void **state)
{
	struct reply a;
	struct str doc, value = STR_NONE;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(contents); i++) {
		reply_begin(&a, &dialect_openai_chat,
		    &(struct reply_opts){ .stream = false });
		reply_put_until(&a, contents[i].ev, EVENT_STOP);
		reply_finish(&a);
		doc = buf_str(&a.out);
		assert_true(
		    jtext_get(doc, "choices.0.message.content", &value));
		assert_true(str_is(value, contents[i].content));
		assert_true(
		    jtext_get(doc, "choices.0.message.refusal", &value));
		assert_true(str_is(value, contents[i].refusal));
		reply_end(&a);
	}
}

/* A free text tool comes back as one, whichever way the provider took it. */
static void
a_custom_tool_is_unwrapped(void **state)
{
	static const struct {
		const char *args, *input;
	} cases[] = {
		{ "{\"input\":\"a\\nb\"}", "\"a\\nb\"" },
		{ "plain text", "\"plain text\"" },
		{ "{\"other\":1}", "\"{\\\"other\\\":1}\"" },
	};
	struct tool tool = { .name = STR("c"), .custom = true };
	struct chat chat = { .tools = &tool };
	struct event ev[] = { START("m"), CALL(0, "a", "c"), DELTA(0, ""),
		STOP(STOP_TOOL) };
	struct reply a;
	struct str value = STR_NONE;
	size_t i;
	int stream;

	(void)state;
	for (i = 0; i < COUNT(cases) * 2; i++) {
		stream = (int)(i % 2);
		ev[2].text = str_of(cases[i / 2].args);
		reply_begin(&a, &dialect_openai_chat,
		    &(struct reply_opts){ .stream = stream });
		a.ask.chat = &chat;
		reply_run(&a, ev, COUNT(ev));
		if (stream) {
			assert_true(str_find(buf_str(&a.out),
					str_of(arena_printf(a.arena,
					    "\"custom\":{\"input\":%s}",
					    cases[i / 2].input))) > 0);
		} else {
			assert_true(jtext_get(buf_str(&a.out),
			    "choices.0.message.tool_calls.0.custom.input",
			    &value));
			assert_true(str_is(value, cases[i / 2].input));
		}
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

static void
add_string(struct reply *a, struct buf *out, struct str raw)
{
	buf_adds(out, jtext_string(a->arena, raw));
}

struct summary {
	struct buf *text, *refusal, *thinking, *calls;
	struct str finish, usage;
};

static void
summary_init(struct reply *a, struct summary *s)
{
	s->text = buf_new(a->arena, MIB);
	s->refusal = buf_new(a->arena, MIB);
	s->thinking = buf_new(a->arena, MIB);
	s->calls = buf_new(a->arena, MIB);
}

static void
add_message(struct reply *a, struct summary *s, struct str message)
{
	struct str calls = member(message, "tool_calls"), call;
	size_t pos = 0;

	add_string(a, s->text, member(message, "content"));
	add_string(a, s->refusal, member(message, "refusal"));
	add_string(a, s->thinking, member(message, "reasoning_content"));
	while (calls.p != NULL && jtext_item(calls, &pos, &call)) {
		if (member(call, "id").p != NULL) {
			buf_addch(s->calls, '\n');
			add_string(a, s->calls, member(call, "id"));
			add_string(a, s->calls, member(call, "function.name"));
		}
		add_string(a, s->calls, member(call, "function.arguments"));
	}
}

static void
summarise_stream(struct reply *a, struct summary *s)
{
	struct str rest = buf_str(&a->out), line, choice;

	summary_init(a, s);
	while (rest.p != NULL) {
		rest = str_split(rest, '\n', &line);
		if (!str_starts(line, "data: {"))
			continue;
		line = str_skip(line, 6);
		choice = member(line, "choices.0");
		if (choice.p == NULL) {
			s->usage = member(line, "usage");
			continue;
		}
		add_message(a, s, member(choice, "delta"));
		s->finish = member(choice, "finish_reason");
	}
}

static void
summarise_document(struct reply *a, struct summary *s)
{
	struct str doc = buf_str(&a->out);

	summary_init(a, s);
	add_message(a, s, member(doc, "choices.0.message"));
	s->finish = member(doc, "choices.0.finish_reason");
	s->usage = member(doc, "usage");
}

static void
random_answers_are_grammatical_and_equal_as_stream_and_document(void **state)
{
	struct event ev[REPLY_EVENTS];
	struct reply stream, document;
	struct summary s, d;
	uint64_t seed;
	size_t n;

	(void)state;
	for (seed = 1; seed <= 200; seed++) {
		n = reply_random(seed, ev);
		reply_begin(&stream, &dialect_openai_chat,
		    &(struct reply_opts){ .stream = true,
			.include_usage = true,
			.known = true,
			.pusd = 7 });
		reply_begin(&document, &dialect_openai_chat,
		    &(struct reply_opts){ .known = true, .pusd = 7 });
		reply_run(&stream, ev, n);
		reply_run(&document, ev, n);
		summarise_stream(&stream, &s);
		summarise_document(&document, &d);
		assert_string_equal(s.text->p, d.text->p);
		assert_string_equal(s.refusal->p, d.refusal->p);
		assert_string_equal(s.thinking->p, d.thinking->p);
		assert_string_equal(s.calls->p, d.calls->p);
		assert_true(str_eq(s.finish, d.finish));
		assert_true(str_eq(s.usage, d.usage));
		reply_end(&stream);
		reply_end(&document);
	}
}

/* ---- pings, errors, memory ---- */

static void
what_an_early_ping_kept_from_the_headers_is_in_usage(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_ANTHROPIC), START("m"),
		USAGE, STOP(STOP_END) };
	struct name lossy = { .s = STR("seed") };
	struct reply a;

	(void)state;
	reply_begin(&a, &dialect_openai_chat,
	    &(struct reply_opts){ .stream = true, .include_usage = true });
	a.receipt.lossy = &lossy;
	a.enc->ping(a.enc);
	reply_is(&a, ": ping\n\n");
	reply_run(&a, ev, COUNT(ev));
	assert_true(str_find(buf_str(&a.out),
			STR(",\"cost\":null,\"sluice\":{\"model\":\"p/"
			    "m\",\"attempts\":2,"
			    "\"lossy\":[\"seed\"]}}")) > 0);
	reply_end(&a);
}

#define RAW "{\"error\": {\"message\":\"theirs\"}}"

static const struct reply_error errors[] = {
	{ NULL, WIRE_NONE,
	    "data: {\"error\":{\"message\":\"x: bad\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"x\",\"code\":\"c\"}}\n\n",
	    "{\"error\":{\"message\":\"x: bad\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"x\",\"code\":\"c\"}}" },
	{ RAW, WIRE_OPENAI_CHAT, "data: " RAW "\n\n", RAW },
	{ "{\"error\":\n {\"message\":\"a\"}}\n", WIRE_OPENAI_CHAT,
	    "data: {\"error\": {\"message\":\"a\"}}\n\n",
	    "{\"error\":\n {\"message\":\"a\"}}\n" },
	{ "data: " RAW "\n\n", WIRE_OPENAI_CHAT, "data: " RAW "\n\n", RAW },
	{ "data: " RAW, WIRE_OPENAI_CHAT, "data: " RAW "\n\n", RAW },
	{ RAW, WIRE_ANTHROPIC,
	    "data: {\"error\":{\"message\":\"x: bad\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"x\",\"code\":\"c\"}}\n\n",
	    "{\"error\":{\"message\":\"x: bad\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"x\",\"code\":\"c\"}}" },
	{ "<html>", WIRE_OPENAI_CHAT,
	    "data: {\"error\":{\"message\":\"x: bad\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"x\",\"code\":\"c\"}}\n\n",
	    "<html>" },
};

static void
errors_are_the_providers_own_or_in_its_words(void **state)
{
	struct error err = { 0 };

	(void)state;
	error_set(&err, ERROR_BAD_REQUEST, "x: bad");
	memcpy(err.param, "x", 2);
	memcpy(err.code, "c", 2);
	reply_errors(&dialect_openai_chat, &err, errors, COUNT(errors));
}

static void
a_long_stream_needs_no_more_memory(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_ANTHROPIC), START("m"),
		OPEN(0, BLOCK_TEXT), DELTA(0, "some words of an answer") };

	(void)state;
	reply_is_frugal(&dialect_openai_chat, ev, COUNT(ev));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_written_byte_for_byte),
		cmocka_unit_test(each_stop_reason_has_its_word),
		cmocka_unit_test(a_document_has_every_member_real_ones_have),
		cmocka_unit_test(content_is_null_only_beside_what_replaces_it),
		cmocka_unit_test(a_custom_tool_is_unwrapped),
		cmocka_unit_test(
		    random_answers_are_grammatical_and_equal_as_stream_and_document),
		cmocka_unit_test(
		    what_an_early_ping_kept_from_the_headers_is_in_usage),
		cmocka_unit_test(errors_are_the_providers_own_or_in_its_words),
		cmocka_unit_test(a_long_stream_needs_no_more_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
