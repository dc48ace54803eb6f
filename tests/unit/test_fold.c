/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/fold.h"
#include "core/order.h"
#include "tests/unit/unit.h"

#define MIB ((size_t)1 << 20)

static void
put_all(struct sink *s, const struct event *evs, size_t n)
{
	struct error err = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		assert_int_equal(sink_put(s, &evs[i], &err), 0);
}

static void
an_answer_is_folded_into_one_message(void **state)
{
	struct usage half = { .tokens = { [USAGE_OUTPUT] = 3 } };
	struct usage full = { .tokens = { [USAGE_OUTPUT] = 7 },
		.source = USAGE_REPORTED };
	const struct event evs[] = {
		{ .kind = EVENT_HEAD, .wire = WIRE_ANTHROPIC },
		{ .kind = EVENT_START, .id = STR("msg_1"), .name = STR("m") },
		{ .kind = EVENT_OPEN, .block = BLOCK_THINKING },
		{ .kind = EVENT_DELTA, .text = STR("hm") },
		{ .kind = EVENT_SIGNATURE, .text = STR("si") },
		{ .kind = EVENT_SIGNATURE, .text = STR("gn") },
		{ .kind = EVENT_CLOSE },
		{ .kind = EVENT_PING },
		{ .kind = EVENT_USAGE, .usage = &half },
		{ .kind = EVENT_OPEN, .block = BLOCK_TEXT, .key = 1 },
		{ .kind = EVENT_CLOSE, .key = 1 },
		{ .kind = EVENT_OPEN,
		    .block = BLOCK_TOOL,
		    .key = 2,
		    .id = STR("call_1"),
		    .name = STR("weather") },
		{ .kind = EVENT_DELTA, .key = 2, .text = STR("{\"a\":") },
		{ .kind = EVENT_DELTA, .key = 2, .text = STR("1}") },
		{ .kind = EVENT_CLOSE, .key = 2 },
		{ .kind = EVENT_FRAME, .text = STR("raw") },
		{ .kind = EVENT_STOP,
		    .stop = STOP_SEQUENCE,
		    .text = STR("END") },
		{ .kind = EVENT_USAGE, .usage = &full },
	};
	static const struct fold_block want[] = {
		{ .kind = BLOCK_THINKING,
		    .text = { "hm", 2 },
		    .signature = { "sign", 4 } },
		{ .kind = BLOCK_TEXT, .text = { "", 0 } },
		{ .kind = BLOCK_TOOL,
		    .id = { "call_1", 6 },
		    .name = { "weather", 7 },
		    .text = { "{\"a\":1}", 7 } },
	};
	struct arena *a = arena_new(MIB);
	const struct fold_block *b;
	struct fold f;
	size_t i;

	(void)state;
	fold_init(&f, a);
	put_all(&f.sink, evs, COUNT(evs));
	assert_true(str_is(f.id, "msg_1") && str_is(f.model, "m"));
	assert_int_equal(f.stop, STOP_SEQUENCE);
	assert_true(str_is(f.stop_text, "END"));
	assert_int_equal(f.usage.tokens[USAGE_OUTPUT], 7);
	assert_int_equal(f.usage.source, USAGE_REPORTED);
	for (i = 0, b = f.blocks; i < COUNT(want); i++, b = b->next) {
		assert_non_null(b);
		assert_int_equal(b->kind, want[i].kind);
		assert_true(str_eq(b->id, want[i].id));
		assert_true(str_eq(b->name, want[i].name));
		assert_true(str_eq(b->text, want[i].text));
		assert_true(str_eq(b->signature, want[i].signature));
		assert_int_equal(b->signature.p != NULL, i == 0);
	}
	assert_null(b);
	arena_free(a);
}

static void
an_empty_fold_says_nothing(void **state)
{
	struct arena *a = arena_new(MIB);
	struct fold f;

	(void)state;
	fold_init(&f, a);
	assert_null(f.blocks);
	assert_null(f.id.p);
	assert_int_equal(f.stop, STOP_NONE);
	assert_int_equal(f.usage.source, USAGE_NONE);
	assert_true(f.usage.provider_cost_pusd == -1);
	arena_free(a);
}

static void
strings_of_events_are_copied(void **state)
{
	struct arena *a = arena_new(MIB);
	char text[] = "abc";
	const struct event evs[] = {
		{ .kind = EVENT_START, .id = str_of(text) },
		{ .kind = EVENT_OPEN, .id = str_of(text) },
		{ .kind = EVENT_DELTA, .text = str_of(text) },
		{ .kind = EVENT_STOP, .text = str_of(text) },
	};
	struct fold f;

	(void)state;
	fold_init(&f, a);
	put_all(&f.sink, evs, COUNT(evs));
	memset(text, 'x', sizeof(text));
	assert_true(str_is(f.id, "abc") && str_is(f.stop_text, "abc"));
	assert_true(str_is(f.blocks->id, "abc"));
	assert_true(str_is(f.blocks->text, "abc"));
	arena_free(a);
}

static void
text_outside_of_a_block_is_a_bug(void **state)
{
	static const enum event_kind kinds[] = { EVENT_DELTA, EVENT_SIGNATURE };
	struct arena *a = arena_new(MIB);
	struct event ev = { .text = STR("x") };
	struct error err;
	struct fold f;
	size_t i;

	(void)state;
	fold_init(&f, a);
	for (i = 0; i < COUNT(kinds); i++) {
		err = (struct error){ 0 };
		ev.kind = kinds[i];
		assert_int_equal(sink_put(&f.sink, &ev, &err), -1);
		assert_int_equal(err.kind, ERROR_INTERNAL);
	}
	arena_free(a);
}

static void
an_answer_has_a_ceiling(void **state)
{
	static char mib[1 << 20];
	const struct event open = { .kind = EVENT_OPEN };
	struct event delta = { .kind = EVENT_DELTA,
		.text = { mib, sizeof(mib) } };
	struct arena *a = arena_new(MIB);
	struct error err = { 0 };
	struct fold f;
	size_t n = 0;

	(void)state;
	fold_init(&f, a);
	assert_int_equal(sink_put(&f.sink, &open, &err), 0);
	while (sink_put(&f.sink, &delta, &err) == 0)
		n++;
	assert_int_equal(n, FOLD_MAX_BYTES / sizeof(mib) - 1);
	assert_int_equal(err.kind, ERROR_UP_BROKEN);
	assert_true(arena_used(a) < 4096);
	arena_free(a);
}

static void
empty_blocks_count_too(void **state)
{
	const struct event evs[] = { { .kind = EVENT_OPEN },
		{ .kind = EVENT_CLOSE } };
	struct arena *a = arena_new(FOLD_MAX_BYTES);
	struct error err = { 0 };
	struct fold f;

	(void)state;
	fold_init(&f, a);
	while (sink_put(&f.sink, &evs[0], &err) == 0)
		assert_int_equal(sink_put(&f.sink, &evs[1], &err), 0);
	assert_int_equal(err.kind, ERROR_UP_BROKEN);
	arena_free(a);
}

static void
a_hundred_thousand_deltas_leave_the_arena_flat(void **state)
{
	const struct event open = { .kind = EVENT_OPEN };
	const struct event delta = { .kind = EVENT_DELTA,
		.text = STR("token ") };
	struct arena *a = arena_new(MIB);
	struct error err = { 0 };
	struct sink *order;
	struct fold f;
	size_t used;
	int i;

	(void)state;
	fold_init(&f, a);
	order = order_new(a, &f.sink);
	put_all(order, &open, 1);
	put_all(order, &delta, 1);
	used = arena_used(a);
	for (i = 1; i < 100000; i++)
		assert_int_equal(sink_put(order, &delta, &err), 0);
	assert_int_equal(arena_used(a), used);
	assert_int_equal(f.blocks->text.n, 600000);
	arena_free(a);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_folded_into_one_message),
		cmocka_unit_test(an_empty_fold_says_nothing),
		cmocka_unit_test(strings_of_events_are_copied),
		cmocka_unit_test(text_outside_of_a_block_is_a_bug),
		cmocka_unit_test(an_answer_has_a_ceiling),
		cmocka_unit_test(empty_blocks_count_too),
		cmocka_unit_test(
		    a_hundred_thousand_deltas_leave_the_arena_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
