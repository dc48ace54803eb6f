/* SPDX-License-Identifier: MIT */
#include "fcgi/verbatim.h"
#include "tests/unit/reply.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

/* ---- verbatim ---- */

#define DONE "data: [DONE]\n\n"
#define CONTENT_FRAME                                                          \
	"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n"
#define USAGE_FRAME                                                            \
	"data: {\"choices\":[],\"usage\": {\"prompt_tokens\":1 } }\r\n\r\n"
#define LAST_FRAME                                                             \
	"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"      \
	"\"usage\":{\"a\":1}}\n\n"

static const struct {
	bool include_usage, known;
	struct event ev[16];
	const char *want;
} verbatim[] = {
	/* Unknown cost: nothing changes. */
	{ true, false,
	    { HEAD(WIRE_OPENAI_CHAT), START("m"), OPEN(0, BLOCK_TEXT),
		DELTA(0, "x"), FRAME(CONTENT_FRAME), FRAME(": hi\n\n"), USAGE,
		FRAME(USAGE_FRAME), FRAME(DONE) },
	    CONTENT_FRAME ": hi\n\n" USAGE_FRAME DONE },
	/* Known: the last usage gains it, and all other bytes stay. */
	{ true, true,
	    { HEAD(WIRE_OPENAI_CHAT), START("m"), OPEN(0, BLOCK_TEXT),
		DELTA(0, "x"), FRAME(CONTENT_FRAME), USAGE, FRAME(USAGE_FRAME),
		FRAME(DONE) },
	    CONTENT_FRAME
	    "data: {\"choices\":[],\"usage\": {\"prompt_tokens\":1"
	    ",\"cost\":0.0031 } }\r\n\r\n" DONE },
	/* A usage chunk that the client did not ask for is left out. */
	{ false, true,
	    { HEAD(WIRE_OPENAI_CHAT), START("m"), OPEN(0, BLOCK_TEXT),
		DELTA(0, "x"), FRAME(CONTENT_FRAME), USAGE, FRAME(USAGE_FRAME),
		FRAME(DONE) },
	    CONTENT_FRAME DONE },
	/* Usage beside the finish reason is no extra chunk: it stays. */
	{ false, true,
	    { HEAD(WIRE_OPENAI_CHAT), START("m"), STOP(STOP_END), USAGE,
		FRAME(LAST_FRAME), FRAME(DONE) },
	    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
	    "\"usage\":{\"a\":1,\"cost\":0.0031}}\n\n" DONE },
	/* Usage on every chunk: only the last one is final. */
	{ false, true,
	    { HEAD(WIRE_OPENAI_CHAT), START("m"), USAGE, FRAME(LAST_FRAME),
		OPEN(0, BLOCK_TEXT), DELTA(0, "x"), FRAME(CONTENT_FRAME), USAGE,
		FRAME(LAST_FRAME), USAGE, FRAME(LAST_FRAME) },
	    LAST_FRAME CONTENT_FRAME LAST_FRAME
	    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
	    "\"usage\":{\"a\":1,\"cost\":0.0031}}\n\n" },
};

static void
put_all(struct reply *a, const struct event *ev, size_t max)
{
	size_t i;

	for (i = 0; i < max && (i == 0 || ev[i].kind != EVENT_HEAD); i++)
		reply_put(a, &ev[i]);
}

static void
frames_of_the_same_format_pass_verbatim(void **state)
{
	struct reply a;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(verbatim); i++) {
		reply_begin(&a, &dialect_openai_chat,
		    &(struct reply_opts){ .stream = true,
			.include_usage = verbatim[i].include_usage,
			.known = verbatim[i].known,
			.pusd = 3100000000 });
		put_all(&a, verbatim[i].ev, COUNT(verbatim[i].ev));
		reply_finish(&a);
		reply_is(&a, verbatim[i].want);
		reply_end(&a);
	}
}

static void
a_held_frame_goes_when_content_follows(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_OPENAI_CHAT), USAGE,
		FRAME(LAST_FRAME), FRAME(": c\n\n"), OPEN(0, BLOCK_TEXT),
		FRAME(CONTENT_FRAME) };
	struct reply a;
	size_t i;

	(void)state;
	reply_begin(
	    &a, &dialect_openai_chat, &(struct reply_opts){ .stream = true });
	for (i = 0; i < 5; i++)
		reply_put(&a, &ev[i]);
	reply_is(&a, "");
	reply_put(&a, &ev[5]);
	reply_is(&a, LAST_FRAME ": c\n\n" CONTENT_FRAME);
	reply_end(&a);
}

static void
held_frames_have_a_ceiling(void **state)
{
	static const struct event usage[] = { HEAD(WIRE_OPENAI_CHAT), USAGE,
		FRAME(LAST_FRAME) };
	static char comment[1026];
	struct event ev = { .kind = EVENT_FRAME };
	struct reply a;
	size_t i;

	(void)state;
	memset(comment, ':', sizeof(comment));
	memcpy(comment + 1024, "\n\n", 2);
	ev.text = (struct str){ comment, sizeof(comment) };
	reply_begin(&a, &dialect_openai_chat,
	    &(struct reply_opts){ .stream = true, .known = true });
	for (i = 0; i < COUNT(usage); i++)
		reply_put(&a, &usage[i]);
	for (i = 0; i < 300; i++)
		reply_put(&a, &ev);
	reply_finish(&a);
	assert_int_equal(a.out.n, strlen(LAST_FRAME) + 300 * sizeof(comment));
	reply_end(&a);
}

static void
a_document_of_the_same_format_gains_the_cost_only(void **state)
{
#define BEFORE "{ \"x\":1e2,\"usage\":{\"total_tokens\":1"
#define AFTER  "}, \"\\u0041\" : null }\n"
	static const struct {
		const char *body, *known, *unknown;
	} cases[] = {
		{ BEFORE AFTER, BEFORE ",\"cost\":0.0031" AFTER, BEFORE AFTER },
		{ "{\"usage\":null}", "{\"usage\":null}", "{\"usage\":null}" },
		{ "{}", "{}", "{}" },
		{ "no json", "no json", "no json" },
	};
	struct reply a;
	struct event ev[] = { WHOLE(WIRE_OPENAI_CHAT), START("m"), USAGE,
		{ .kind = EVENT_FRAME } };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases) * 2; i++) {
		ev[3].text = str_of(cases[i / 2].body);
		reply_begin(&a, &dialect_openai_chat,
		    &(struct reply_opts){
			.known = i % 2 == 0, .pusd = 3100000000 });
		reply_run(&a, ev, COUNT(ev));
		reply_is(&a, i % 2 ? cases[i / 2].unknown : cases[i / 2].known);
		reply_end(&a);
	}
}

static void
an_early_ping_leaves_a_note_in_usage(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_OPENAI_CHAT), USAGE,
		FRAME(LAST_FRAME) };
	struct reply a;

	(void)state;
	reply_begin(
	    &a, &dialect_openai_chat, &(struct reply_opts){ .stream = true });
	a.enc->ping(a.enc);
	put_all(&a, ev, COUNT(ev));
	reply_finish(&a);
	assert_true(str_find(buf_str(&a.out),
			STR("\"usage\":{\"a\":1,\"sluice\":{\"model\":"
			    "\"p/m\"")) > 0);
	reply_end(&a);
}

/* Another framing than asked for is translated, with the provider's id. */
static void
a_document_for_a_stream_is_translated(void **state)
{
	static const struct event ev[] = { WHOLE(WIRE_OPENAI_CHAT), START("m"),
		OPEN(0, BLOCK_TEXT), DELTA(0, "x"), STOP(STOP_END),
		FRAME("{}") };
	struct reply a;

	(void)state;
	reply_begin(
	    &a, &dialect_openai_chat, &(struct reply_opts){ .stream = true });
	reply_run(&a, ev, COUNT(ev));
	assert_true(str_starts(buf_str(&a.out), "data: {\"id\":\"own_1\","));
	reply_end(&a);
}

/* Each SSE frame of a recorded stream, or the whole document, as events. */
static void
replay(struct reply *a, struct str body, bool sse)
{
	struct event ev = { .kind = EVENT_HEAD,
		.wire = a->dialect->wire,
		.framing = sse ? FRAMING_SSE : FRAMING_WHOLE };
	long end;

	reply_put(a, &ev);
	ev.kind = EVENT_FRAME;
	while (body.n > 0) {
		end = sse ? str_find(body, STR("\n\n")) : -1;
		ev.text = body;
		ev.text.n = end < 0 ? body.n : (size_t)end + 2;
		if (str_find(ev.text, STR("\"usage\"")) >= 0)
			reply_put(a, &(struct event)USAGE);
		reply_put(a, &ev);
		body = str_skip(body, ev.text.n);
	}
}

static void
check_fixture(const struct dialect *dialect, const char *dir)
{
	struct reply a;
	struct str body;
	bool sse;

	reply_begin(&a, dialect, &(struct reply_opts){ .include_usage = true });
	body = reply_file(a.arena, dir, "body");
	sse = str_find(body, STR("data:")) >= 0 && body.p[0] != '{';
	a.ask.stream = sse;
	replay(&a, body, sse);
	reply_finish(&a);
	if (!str_eq(buf_str(&a.out), body))
		fail_msg("%s differs", dir);
	reply_end(&a);
}

static void
check_chat(const char *dir)
{
	check_fixture(&dialect_openai_chat, dir);
}

static void
check_message(const char *dir)
{
	check_fixture(&dialect_anthropic, dir);
}

static void
recorded_answers_pass_byte_for_byte(void **state)
{
	(void)state;
	if (reply_fixtures("chat", check_chat) == 0 ||
	    reply_fixtures("messages", check_message) == 0)
		skip();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_the_same_format_pass_verbatim),
		cmocka_unit_test(a_held_frame_goes_when_content_follows),
		cmocka_unit_test(held_frames_have_a_ceiling),
		cmocka_unit_test(
		    a_document_of_the_same_format_gains_the_cost_only),
		cmocka_unit_test(an_early_ping_leaves_a_note_in_usage),
		cmocka_unit_test(a_document_for_a_stream_is_translated),
		cmocka_unit_test(recorded_answers_pass_byte_for_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
