/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/event.h"
#include "core/gate.h"
#include "tests/unit/unit.h"

/* Remembers the kinds of events that came through, one letter each. */
struct seen {
	struct sink sink;
	char kinds[256];
	size_t n;
	int64_t input;
};

static int
see(struct sink *s, const struct event *ev, struct error *err)
{
	static const char letters[] = "HSODGAXUTPF";
	struct seen *seen = (struct seen *)s;

	(void)err;
	seen->kinds[seen->n++] = letters[ev->kind];
	if (ev->kind == EVENT_USAGE)
		seen->input = ev->usage->tokens[USAGE_INPUT];
	return 0;
}

static void
put(struct gate *g, enum event_kind kind, enum block_kind block,
    const char *text)
{
	struct error err = { 0 };
	struct usage u = { .tokens = { 7 } };
	struct event ev = {
		.kind = kind, .block = block, .text = str_of(text), .usage = &u
	};

	assert_int_equal(sink_put(&g->sink, &ev, &err), 0);
	memset(&u, 0, sizeof(u));
}

static void
nothing_passes_before_the_first_content(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct seen seen = { .sink = { see } };
	struct gate g;

	(void)state;
	gate_init(&g, a, &seen.sink);
	put(&g, EVENT_HEAD, BLOCK_TEXT, NULL);
	put(&g, EVENT_START, BLOCK_TEXT, NULL);
	put(&g, EVENT_USAGE, BLOCK_TEXT, NULL);
	put(&g, EVENT_OPEN, BLOCK_TEXT, NULL);
	put(&g, EVENT_DELTA, BLOCK_TEXT, "");
	put(&g, EVENT_PING, BLOCK_TEXT, NULL);
	assert_int_equal(seen.n, 0);
	put(&g, EVENT_DELTA, BLOCK_TEXT, "hi");
	assert_string_equal(seen.kinds, "HSUODPD");
	assert_int_equal(seen.input, 7);
	put(&g, EVENT_PING, BLOCK_TEXT, NULL);
	assert_string_equal(seen.kinds, "HSUODPDP");
	arena_free(a);
}

static void
a_tool_call_is_content_and_so_is_hidden_thinking(void **state)
{
	static const enum block_kind kinds[] = { BLOCK_TOOL, BLOCK_REDACTED };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct event ev = { .kind = EVENT_OPEN, .block = kinds[i] };

		assert_true(event_is_content(&ev));
	}
}

static void
an_answer_without_content_passes_when_it_is_complete(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct seen seen = { .sink = { see } };
	struct error err = { 0 };
	struct gate g;

	(void)state;
	gate_init(&g, a, &seen.sink);
	put(&g, EVENT_START, BLOCK_TEXT, NULL);
	put(&g, EVENT_STOP, BLOCK_TEXT, NULL);
	assert_int_equal(gate_open(&g, &err), 0);
	assert_string_equal(seen.kinds, "ST");
	arena_free(a);
}

static void
the_gate_opens_at_its_ceiling(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct seen seen = { .sink = { see } };
	struct gate g;
	int i;

	(void)state;
	gate_init(&g, a, &seen.sink);
	for (i = 0; i < GATE_MAX_EVENTS; i++)
		put(&g, EVENT_FRAME, BLOCK_TEXT, "data: {}");
	assert_int_equal(seen.n, 0);
	put(&g, EVENT_FRAME, BLOCK_TEXT, "data: {}");
	assert_int_equal(seen.n, GATE_MAX_EVENTS + 1);
	arena_free(a);
}

static void
pings_never_open_it_and_leave_room_for_the_rest(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct seen seen = { .sink = { see } };
	struct gate g;
	int i;

	(void)state;
	gate_init(&g, a, &seen.sink);
	for (i = 0; i < 1000; i++) {
		put(&g, EVENT_PING, BLOCK_TEXT, NULL);
		put(&g, EVENT_FRAME, BLOCK_TEXT, ": still there");
	}
	put(&g, EVENT_START, BLOCK_TEXT, NULL);
	put(&g, EVENT_FRAME, BLOCK_TEXT, "data: {}");
	assert_int_equal(seen.n, 0);
	put(&g, EVENT_DELTA, BLOCK_TEXT, "hi");
	assert_int_equal(seen.n, GATE_MAX_EVENTS / 2 + 3);
	assert_string_equal(seen.kinds + seen.n - 3, "SFD");
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_passes_before_the_first_content),
		cmocka_unit_test(
		    a_tool_call_is_content_and_so_is_hidden_thinking),
		cmocka_unit_test(
		    an_answer_without_content_passes_when_it_is_complete),
		cmocka_unit_test(the_gate_opens_at_its_ceiling),
		cmocka_unit_test(
		    pings_never_open_it_and_leave_room_for_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
