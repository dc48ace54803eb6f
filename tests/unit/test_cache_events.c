/* SPDX-License-Identifier: MIT */
/* Recordings of answers: there and back, damaged, joined, told in every
 * dialect. */
#include "core/arena.h"
#include "core/buf.h"
#include "core/cache_events.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/grammar.h"
#include "core/ledger.h"
#include "core/recorder.h"
#include "fcgi/dialect.h"
#include "tests/unit/unit.h"

#define COST 1234567

static const struct usage usage = { .tokens = { 10, 2, 0, 0, 0, 0, 7, 3 },
	.web_searches = 1,
	.provider_cost_pusd = -1,
	.source = USAGE_REPORTED,
	.mode = USAGE_FLEX };

static const struct event answer[] = {
	{ .kind = EVENT_HEAD, .wire = WIRE_ANTHROPIC, .framing = FRAMING_SSE },
	{ .kind = EVENT_START, .id = { "msg_1", 5 }, .name = { "model", 5 } },
	{ .kind = EVENT_USAGE, .usage = &usage },
	{ .kind = EVENT_OPEN, .block = BLOCK_THINKING, .key = 0 },
	{ .kind = EVENT_DELTA, .key = 0, .text = { "think", 5 } },
	{ .kind = EVENT_SIGNATURE, .key = 0, .text = { "c2ln", 4 } },
	{ .kind = EVENT_CLOSE, .key = 0 },
	{ .kind = EVENT_PING },
	{ .kind = EVENT_OPEN, .block = BLOCK_TEXT, .key = 1 },
	{ .kind = EVENT_DELTA, .key = 1, .text = { "a", 1 } },
	{ .kind = EVENT_DELTA, .key = 1, .text = { "b", 1 } },
	{ .kind = EVENT_DELTA, .key = 1, .text = { "", 0 } },
	{ .kind = EVENT_FRAME, .text = { "data: {}\n\n", 10 } },
	{ .kind = EVENT_CLOSE, .key = 1 },
	{ .kind = EVENT_OPEN,
	    .block = BLOCK_TOOL,
	    .key = 2,
	    .id = { "call_1", 6 },
	    .name = { "f", 1 } },
	{ .kind = EVENT_DELTA, .key = 2, .text = { "{\"x\":", 5 } },
	{ .kind = EVENT_DELTA, .key = 2, .text = { "1}", 2 } },
	{ .kind = EVENT_CLOSE, .key = 2 },
	{ .kind = EVENT_LOST, .name = { "fileData", 8 } },
	{ .kind = EVENT_STOP, .stop = STOP_TOOL },
};

#define N_ANSWER (sizeof(answer) / sizeof(answer[0]))

static struct name lossy = { .s = { "top_k", 5 } };
static const struct ledger_call row = { .answered = { "p/m", 3 },
	.lossy = &lossy };

/* What a recorder without a flight makes of ${events}. */
static struct recorder *
record(struct arena *a, const struct event *events, size_t n, size_t max)
{
	struct recorder *r = ARENA_NEW(a, struct recorder);
	const struct recorder_opts opts = { .row = &row,
		.max_entry_bytes = max };
	struct error err = { 0 };
	size_t i;

	recorder_init(r, a, &opts, NULL);
	for (i = 0; i < n; i++)
		assert_int_equal(sink_put(&r->sink, &events[i], &err), 0);
	recorder_end(r, COST);
	return r;
}

static void
what_was_recorded_is_read_back(void **state)
{
	struct arena *a = arena_new(1 << 26);
	struct recorder *r = record(a, answer, N_ANSWER, 1 << 20);
	struct error err = { 0 };
	struct cache_walk w = {
		.arena = a, .rest = buf_str(r->entry), .error = &err
	};
	const struct event *want = answer;

	(void)state;
	assert_null(recorder_refuses(r));
	assert_int_equal(cache_next(&w), CACHE_ABOUT);
	assert_true(str_is(w.about.answered, "p/m"));
	assert_true(str_is(w.about.lossy->s, "top_k"));
	while (cache_next(&w) == CACHE_EVENT) {
		while (want->kind == EVENT_PING || want->kind == EVENT_FRAME)
			want++;
		assert_int_equal(w.event.kind, want->kind);
		assert_int_equal(w.event.key, want->key);
		assert_int_equal(w.event.block, want->block);
		assert_int_equal(w.event.stop, want->stop);
		assert_int_equal(w.event.wire, want->wire);
		assert_int_equal(w.event.framing, FRAMING_NONE);
		assert_true(str_eq(w.event.name, want->name));
		if (want->kind == EVENT_START)
			assert_int_equal(w.event.id.n, 0);
		else
			assert_true(str_eq(w.event.id, want->id));
		if (want->kind == EVENT_USAGE)
			assert_memory_equal(
			    w.event.usage, &usage, sizeof(usage));
		if (want->kind == EVENT_DELTA) /* small ones became one */
			while (want[1].kind == EVENT_DELTA)
				want++;
		else
			assert_true(str_eq(w.event.text, want->text));
		want++;
	}
	assert_int_equal(w.cost_pusd, COST);
	assert_int_equal(w.rest.n, 0);
	assert_ptr_equal(want, answer + N_ANSWER);
	arena_free(a);
}

/* Whatever is cut, flipped or follows: said to be bad, or read as well. */
static void
a_damaged_recording_is_none(void **state)
{
	struct arena *a = arena_new(1 << 26);
	struct recorder *r = record(a, answer, N_ANSWER, 1 << 20);
	size_t i, n = r->entry->n;
	struct usage got;
	int64_t cost;
	int bit;
	char *copy;

	(void)state;
	assert_true(cache_check(buf_str(r->entry), &cost, &got));
	assert_int_equal(cost, COST);
	assert_memory_equal(&got, &usage, sizeof(got));
	for (i = 0; i < n; i++) {
		copy = arena_memdup(a, r->entry->p, i);
		assert_false(cache_check(
		    (struct str){ .p = copy, .n = i }, &cost, &got));
		for (bit = 0; bit < 8; bit++) {
			copy = arena_memdup(a, r->entry->p, n);
			copy[i] = (char)(copy[i] ^ 1 << bit);
			(void)cache_check(
			    (struct str){ .p = copy, .n = n }, &cost, &got);
		}
	}
	buf_addch(r->entry, 'x');
	assert_false(cache_check(buf_str(r->entry), &cost, &got));
	arena_free(a);
}

static void
an_error_travels_with_its_words(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct buf *out = buf_new(a, 1 << 16);
	struct error err = { 0 }, got = { 0 };
	struct cache_walk w = { .arena = a, .error = &got };

	(void)state;
	error_set(&err, ERROR_UP_RATE, "slow down");
	err.status = 429;
	err.retry_after_ms = 1500;
	err.raw = STR("{\"error\":{}}");
	err.raw_wire = WIRE_ANTHROPIC;
	err.raw_status = 430;
	cache_error_put(out, &err);
	w.rest = buf_str(out);
	assert_int_equal(cache_next(&w), CACHE_ERROR);
	assert_int_equal(got.kind, ERROR_UP_RATE);
	assert_int_equal(got.status, 429);
	assert_int_equal(got.retry_after_ms, 1500);
	assert_string_equal(got.msg, "slow down");
	assert_true(str_eq(got.raw, err.raw));
	error_address(&got, WIRE_ANTHROPIC);
	assert_int_equal(got.status, 430);
	error_address(&got, WIRE_OPENAI_CHAT);
	assert_int_equal(got.status, 429);
	arena_free(a);
}

static void
what_is_not_for_the_cache_has_a_reason(void **state)
{
	static const struct {
		enum stop_reason stop;
		enum block_kind block;
		size_t max;
		const char *why;
	} cases[] = {
		{ STOP_END, BLOCK_TEXT, 1 << 16, NULL },
		{ STOP_SEQUENCE, BLOCK_TEXT, 1 << 16, NULL },
		{ STOP_TOOL, BLOCK_TEXT, 1 << 16, NULL },
		{ STOP_LENGTH, BLOCK_TEXT, 1 << 16, "truncated" },
		{ STOP_CONTEXT, BLOCK_TEXT, 1 << 16, "truncated" },
		{ STOP_REFUSAL, BLOCK_TEXT, 1 << 16, "the model refused" },
		{ STOP_END, BLOCK_REFUSAL, 1 << 16, "the model refused" },
		{ STOP_PAUSE, BLOCK_TEXT, 1 << 16, "unfinished" },
		{ STOP_NONE, BLOCK_TEXT, 1 << 16, "unfinished" },
		{ STOP_END, BLOCK_TEXT, 20, "too large" },
	};
	struct arena *a = arena_new(1 << 26);
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct event events[] = {
			{ .kind = EVENT_HEAD },
			{ .kind = EVENT_OPEN, .block = cases[i].block },
			{ .kind = EVENT_DELTA, .text = STR("some text") },
			{ .kind = EVENT_CLOSE },
			{ .kind = EVENT_STOP, .stop = cases[i].stop },
		};

		why = recorder_refuses(record(a, events,
		    cases[i].stop == STOP_NONE ? 4 : 5, cases[i].max));
		if (cases[i].why == NULL)
			assert_null(why);
		else
			assert_string_equal(why, cases[i].why);
	}
	arena_free(a);
}

/* ---- one recording in every dialect ---- */

static const struct {
	const struct dialect *dialect;
	const char *body;
} dialects[] = {
	{ &dialect_openai_chat, "{\"messages\":[]}" },
	{ &dialect_openai_responses, "{\"input\":\"x\"}" },
	{ &dialect_anthropic, "{\"messages\":[]}" },
};

static struct str
replay(struct arena *a, size_t nth, struct str recording, bool stream)
{
	struct ask ask = { .arena = a,
		.wire = dialects[nth].dialect->wire,
		.body = str_of(dialects[nth].body),
		.model = STR("asked"),
		.include_usage = true,
		.stream = stream };
	const struct encode_opts opts = { .ask = &ask,
		.call_id = "call_0",
		.created_s = 1700000000,
		.out = buf_new(a, 1 << 20) };
	const struct receipt receipt = { .cost = { .known = true },
		.answered = STR("p/m"),
		.cache = STR("hit"),
		.saved_pusd = COST };
	struct encoder *e = dialects[nth].dialect->encoder_new(a, &opts);
	struct error err = { 0 };
	struct usage whole;
	struct cache_walk w = {
		.arena = a, .rest = recording, .final = &whole, .error = &err
	};
	enum cache_record r;
	int64_t cost;

	assert_true(cache_check(recording, &cost, &whole));
	while ((r = cache_next(&w)) == CACHE_EVENT || r == CACHE_ABOUT)
		if (r == CACHE_EVENT)
			assert_int_equal(sink_put(&e->sink, &w.event, &err), 0);
	assert_int_equal(r, CACHE_END);
	assert_int_equal(e->finish(e, &receipt, &err), 0);
	return buf_str(opts.out);
}

static void
one_recording_is_good_grammar_in_every_dialect(void **state)
{
	struct arena *a = arena_new(1 << 28);
	struct recorder *r = record(a, answer, N_ANSWER, 1 << 20);
	struct str out;
	char why[256] = "";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		out = replay(a, i, buf_str(r->entry), true);
		if (grammar_check(
			dialects[i].dialect->wire, out, why, sizeof(why)) != 0)
			fail_msg("%s: %s\n%.*s", dialects[i].dialect->name, why,
			    STR_ARG(out));
		assert_true(str_find(out,
				STR("\"cost_details\":{\"cache\":"
				    "\"hit\",\"saved\":")) > 0);
		out = replay(a, i, buf_str(r->entry), false);
		assert_true(str_find(out, STR("\"ab\"")) > 0);
		assert_true(str_find(out, STR("\"cost\":0,")) > 0);
		assert_true(str_find(out, STR("msg_1")) < 0);
	}
	arena_free(a);
}

static void
a_response_keeps_the_id_it_can_be_continued_from(void **state)
{
	struct event events[] = {
		{ .kind = EVENT_HEAD, .wire = WIRE_OPENAI_RESPONSES },
		{ .kind = EVENT_START, .id = STR("resp_1"), .name = STR("m") },
		{ .kind = EVENT_STOP, .stop = STOP_END },
	};
	struct arena *a = arena_new(1 << 28);
	struct recorder *r = record(a, events, 3, 1 << 20);

	(void)state;
	assert_true(str_find(replay(a, 1, buf_str(r->entry), false),
			STR("\"id\":\"resp_1\"")) > 0);
	assert_true(str_find(replay(a, 0, buf_str(r->entry), false),
			STR("resp_1")) < 0);
	arena_free(a);
}

static void
a_start_tells_the_usage_of_the_end(void **state)
{
	static const struct event events[] = {
		{ .kind = EVENT_HEAD, .wire = WIRE_OPENAI_CHAT },
		{ .kind = EVENT_START, .name = { "m", 1 } },
		{ .kind = EVENT_OPEN, .block = BLOCK_TEXT },
		{ .kind = EVENT_DELTA, .text = { "text", 4 } },
		{ .kind = EVENT_CLOSE },
		{ .kind = EVENT_STOP, .stop = STOP_END },
		{ .kind = EVENT_USAGE, .usage = &usage },
	};
	struct arena *a = arena_new(1 << 28);
	struct recorder *r = record(a, events, 7, 1 << 20);
	struct str out = replay(a, 2, buf_str(r->entry), true);
	long first = str_find(out, STR("\"input_tokens\":10,"));

	(void)state;
	assert_true(first > 0);
	assert_true(first < str_find(out, STR("content_block_start")));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_recorded_is_read_back),
		cmocka_unit_test(a_damaged_recording_is_none),
		cmocka_unit_test(an_error_travels_with_its_words),
		cmocka_unit_test(what_is_not_for_the_cache_has_a_reason),
		cmocka_unit_test(
		    one_recording_is_good_grammar_in_every_dialect),
		cmocka_unit_test(
		    a_response_keeps_the_id_it_can_be_continued_from),
		cmocka_unit_test(a_start_tells_the_usage_of_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
