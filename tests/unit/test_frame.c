/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/frame.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

/* What came: frames as text, and all raws one after the other. */
struct seen {
	struct buf *text;
	struct buf *raws;
	size_t frames;
	size_t fail_at; /* the frame that is refused; 0: none */
};

static int
note(void *arg, const struct frame *f, struct error *err)
{
	struct seen *s = arg;

	s->frames++;
	buf_addf(s->text, "%.*s|%s%.*s|%zu;", STR_ARG(f->event),
	    f->data.p != NULL ? "=" : "", STR_ARG(f->data), f->raw.n);
	buf_adds(s->raws, f->raw);
	if (s->frames == s->fail_at)
		return error_set(err, ERROR_UP_BROKEN, "as the test wants");
	return 0;
}

struct run {
	struct arena *arena;
	struct seen seen;
	struct error err;
	int rc;
};

/* Deframe ${input} in pieces of ${cut} bytes. */
static void
run(struct run *r, enum framing framing, struct str input, size_t cut,
    size_t max)
{
	struct deframer *d;
	struct str piece;

	r->arena = arena_new(64 * MIB);
	r->seen.text = buf_new(r->arena, MIB);
	r->seen.raws = buf_new(r->arena, MIB);
	r->err = (struct error){ 0 };
	r->rc = 0;
	d = deframer_new(r->arena, framing, max, note, &r->seen);
	while (input.n > 0 && r->rc == 0) {
		piece = (struct str){ .p = input.p,
			.n = input.n < cut ? input.n : cut };
		r->rc = deframer_push(d, piece, &r->err);
		input = str_skip(input, cut);
	}
	if (r->rc == 0)
		r->rc = deframer_end(d, &r->err);
}

/* event|=data|bytes; of every frame */
static const struct {
	const char *input;
	const char *want;
} streams[] = {
	{ "data: {\"a\":1}\n\ndata: [DONE]\n\n",
	    "|={\"a\":1}|15;|=[DONE]|14;" },
	{ "event: x\ndata: 1\n\n", "x|=1|18;" },
	{ "event: x\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", "x|=1|21;|=2|11;" },
	{ "event: x\rdata: 1\r\rdata: 2\r\r", "x|=1|18;|=2|9;" },
	{ "data: a\r\n\ndata: b\n\r\n", "|=a|10;|=b|10;" },
	{ "data: a\ndata:b\ndata:\ndata\n\n", "|=a\nb\n\n|27;" },
	{ "data:  two spaces\n\n", "|= two spaces|19;" },
	{ ": ping\n\ndata: 1\n\n", "||8;|=1|9;" },
	{ ": c\ndata: 1\n: d\n\n", "|=1|17;" },
	{ "id: 7\nretry: 10\ndatax: 1\nevent: e\n\n", "e||35;" },
	{ "data: a: b\n\n", "|=a: b|12;" },
	{ "data\n\n", "|=|6;" },
	{ "\n\n\ndata: 1\n\n", "||1;||1;||1;|=1|9;" },
	{ "\xef\xbb\xbf"
	  "data: 1\n\n",
	    "|=1|12;" },
	{ "data: 1\n\ndata: unfinished", "|=1|9;|=unfinished|16;" },
	{ "data: 1\n", "|=1|8;" },
	{ "data: 1\r\r", "|=1|9;" },
	{ "data: 1\r\n\r", "|=1|10;" },
	{ "event: a\nevent: b\ndata: 1\n\n", "b|=1|27;" },
	{ "", "" },
};

static void
streams_are_cut_into_frames_whatever_the_pieces(void **state)
{
	static const size_t cuts[] = { 1, 2, 3, 7, 4096 };
	size_t i, c;

	(void)state;
	for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		for (c = 0; c < sizeof(cuts) / sizeof(cuts[0]); c++) {
			struct run r = { 0 };

			run(&r, FRAMING_SSE, str_of(streams[i].input), cuts[c],
			    MIB);
			assert_int_equal(r.rc, 0);
			assert_string_equal(r.seen.text->p, streams[i].want);
			assert_string_equal(r.seen.raws->p, streams[i].input);
			arena_free(r.arena);
		}
	}
}

static void
a_long_stream_keeps_memory_flat(void **state)
{
	struct run r = { 0 };
	struct deframer *d;
	size_t used, i;

	(void)state;
	run(&r, FRAMING_SSE, STR(""), 1, MIB);
	d = deframer_new(r.arena, FRAMING_SSE, 1000, note, &r.seen);
	used = arena_used(r.arena);
	for (i = 0; i < 100000; i++) {
		assert_int_equal(
		    deframer_push(
			d, STR("data: some\ndata: words\n\nda"), &r.err),
		    0);
		assert_int_equal(
		    deframer_push(d, STR("ta: more\n\n"), &r.err), 0);
		buf_reset(r.seen.text);
		buf_reset(r.seen.raws);
	}
	assert_int_equal(r.seen.frames, 200000);
	assert_int_equal(arena_used(r.arena), used);
	arena_free(r.arena);
}

static void
a_frame_too_large_breaks_the_answer(void **state)
{
	static const enum framing framings[] = { FRAMING_SSE, FRAMING_WHOLE };
	static const size_t cuts[] = { 1, 7, 4096 };
	size_t i, c;

	(void)state;
	for (i = 0; i < 2; i++) {
		for (c = 0; c < 3; c++) {
			struct run r = { 0 };

			run(&r, framings[i], STR("data: 123\n\n"), cuts[c], 11);
			assert_int_equal(r.rc, 0);
			arena_free(r.arena);
			run(&r, framings[i], STR("data: 123\n\n"), cuts[c], 10);
			assert_int_equal(r.rc, -1);
			assert_int_equal(r.err.kind, ERROR_UP_BROKEN);
			arena_free(r.arena);
		}
	}
}

static void
a_refusal_of_the_reader_is_handed_on(void **state)
{
	struct run r = { .seen.fail_at = 2 };

	(void)state;
	run(&r, FRAMING_SSE, STR("data: 1\n\ndata: 2\n\ndata: 3\n\n"), 100,
	    MIB);
	assert_int_equal(r.rc, -1);
	assert_string_equal(r.err.msg, "as the test wants");
	assert_int_equal(r.seen.frames, 2);
	arena_free(r.arena);
}

static void
a_whole_document_is_one_frame(void **state)
{
	static const size_t cuts[] = { 1, 7, 4096 };
	size_t c;

	(void)state;
	for (c = 0; c < 3; c++) {
		struct run r = { 0 };

		run(&r, FRAMING_WHOLE, STR("{\"a\":\n\n1}\r\n"), cuts[c], MIB);
		assert_int_equal(r.rc, 0);
		assert_string_equal(r.seen.text->p, "|={\"a\":\n\n1}\r\n|11;");
		arena_free(r.arena);
	}
}

static void
a_frame_is_told_as_soon_as_it_is_complete(void **state)
{
	struct run r = { 0 };
	struct deframer *d;

	(void)state;
	run(&r, FRAMING_SSE, STR(""), 1, MIB);
	d = deframer_new(r.arena, FRAMING_SSE, MIB, note, &r.seen);
	assert_int_equal(deframer_push(d, STR("data: 1\n"), &r.err), 0);
	assert_int_equal(r.seen.frames, 0);
	assert_int_equal(deframer_push(d, STR("\n"), &r.err), 0);
	assert_int_equal(r.seen.frames, 1);
	assert_int_equal(deframer_push(d, STR("data: 2\r\n\r\n"), &r.err), 0);
	assert_int_equal(r.seen.frames, 2);
	arena_free(r.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    streams_are_cut_into_frames_whatever_the_pieces),
		cmocka_unit_test(a_long_stream_keeps_memory_flat),
		cmocka_unit_test(a_frame_too_large_breaks_the_answer),
		cmocka_unit_test(a_refusal_of_the_reader_is_handed_on),
		cmocka_unit_test(a_whole_document_is_one_frame),
		cmocka_unit_test(a_frame_is_told_as_soon_as_it_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
