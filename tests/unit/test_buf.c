/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "tests/unit/unit.h"

static void
an_empty_buffer_is_an_empty_string_without_memory(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_add(&b, NULL, 0);
	buf_adds(&b, STR_NONE);
	buf_addz(&b, "");
	buf_addf(&b, "%s", "");
	buf_reset(&b);
	buf_drop(&b, 5);
	assert_int_equal(b.cap, 0);
	assert_string_equal(b.p, "");
	buf_release(&b);
}

static void
appends_stand_one_after_the_other(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_add(&b, "abc", 2);
	buf_adds(&b, STR("cd"));
	buf_addz(&b, "ef");
	buf_addch(&b, 'g');
	buf_addf(&b, "%d%s", 12, "h");
	assert_string_equal(b.p, "abcdefg12h");
	assert_int_equal(b.n, 10);
	buf_drop(&b, 3);
	assert_string_equal(b.p, "defg12h");
	buf_drop(&b, 100);
	assert_string_equal(b.p, "");
	assert_false(buf_over(&b));
	buf_release(&b);
}

static void
numbers_are_written_as_printf_does(void **state)
{
	static const int64_t numbers[] = { 0, 7, -1, 10, 1234567890, INT64_MAX,
		INT64_MIN };
	char want[32];
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 100);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(want, sizeof(want), "%lld", (long long)numbers[i]);
		buf_reset(&b);
		buf_addi(&b, numbers[i]);
		assert_string_equal(b.p, want);
	}
	buf_release(&b);
}

/* What has been formatted into too little room is not left there. */
static void
a_format_that_does_not_fit_leaves_what_was_there(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 130);
	buf_addf(&b, "%0*d", 125, 1);
	buf_addf(&b, "%s", "more than there is room for");
	assert_true(buf_over(&b));
	assert_int_equal(strlen(b.p), 125);
	buf_reset(&b);
	buf_addf(&b, "%0*d", 125, 1);
	buf_addf(&b, "%s", "12345");
	assert_int_equal(strlen(b.p), 130);
	assert_false(buf_over(&b));
	buf_release(&b);
}

static void
what_comes_in_one_piece_takes_its_size(void **state)
{
	char piece[3000];
	struct buf b;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	buf_init(&b, 65536);
	buf_add(&b, piece, sizeof(piece));
	assert_int_equal(b.cap, sizeof(piece) + 1);
	buf_addch(&b, 'x');
	assert_int_equal(b.cap, 2 * (sizeof(piece) + 1));
	buf_release(&b);
}

static void
the_ceiling_itself_fits(void **state)
{
	static const size_t ceilings[] = { 0, 1, 127, 128, 129, 1000, 65536 };
	struct buf b;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
		buf_init(&b, ceilings[i]);
		for (n = 0; n < ceilings[i]; n++)
			buf_addch(&b, 'x');
		assert_false(buf_over(&b));
		assert_int_equal(b.n, ceilings[i]);
		assert_int_equal(strlen(b.p), b.n);
		buf_addch(&b, 'x');
		assert_true(buf_over(&b));
		assert_int_equal(b.n, ceilings[i]);
		buf_release(&b);
	}
}

static void
an_append_that_does_not_fit_stops_all_later_ones(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	buf_addz(&b, "abc");
	buf_addz(&b, "def");
	buf_addch(&b, 'x');
	buf_addf(&b, "%c", 'y');
	assert_null(buf_room(&b, 1));
	assert_true(buf_over(&b));
	assert_string_equal(b.p, "abc");
	buf_reset(&b);
	assert_false(buf_over(&b));
	buf_addf(&b, "%s", "12345");
	assert_string_equal(b.p, "12345");
	buf_addf(&b, "%s", "6");
	assert_true(buf_over(&b));
	assert_string_equal(b.p, "12345");
	buf_release(&b);
	assert_string_equal(b.p, "");
}

static void
room_is_written_by_the_caller(void **state)
{
	struct buf b;
	char *to;

	(void)state;
	buf_init(&b, 1000);
	buf_addz(&b, "a");
	to = buf_room(&b, 500);
	assert_ptr_equal(to, b.p + 1);
	memset(to, 'b', 500);
	buf_added(&b, 500);
	assert_int_equal(strlen(b.p), 501);
	assert_null(buf_room(&b, 500));
	buf_release(&b);
}

static void
growth_is_geometric(void **state)
{
	struct buf b;
	size_t cap = 0, grown = 0;
	int i;

	(void)state;
	buf_init(&b, 1000000);
	for (i = 0; i < 1000000; i++) {
		buf_addch(&b, 'x');
		grown += b.cap != cap;
		cap = b.cap;
	}
	assert_true(grown <= 15);
	assert_true(b.cap <= 1000001);
	buf_release(&b);
}

static void
a_buffer_of_an_arena_ends_with_it(void **state)
{
	struct arena *a = arena_new(1000);
	struct buf *b = buf_new(a, 1 << 20);
	size_t used = arena_used(a);
	int i;

	(void)state;
	for (i = 0; i < 10000; i++)
		buf_addz(b, "0123456789");
	assert_int_equal(buf_str(b).n, 100000);
	assert_int_equal(arena_used(a), used);
	arena_free(a); /* the leak checker sees the rest */
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_empty_buffer_is_an_empty_string_without_memory),
		cmocka_unit_test(appends_stand_one_after_the_other),
		cmocka_unit_test(numbers_are_written_as_printf_does),
		cmocka_unit_test(
		    a_format_that_does_not_fit_leaves_what_was_there),
		cmocka_unit_test(what_comes_in_one_piece_takes_its_size),
		cmocka_unit_test(the_ceiling_itself_fits),
		cmocka_unit_test(
		    an_append_that_does_not_fit_stops_all_later_ones),
		cmocka_unit_test(room_is_written_by_the_caller),
		cmocka_unit_test(growth_is_geometric),
		cmocka_unit_test(a_buffer_of_an_arena_ends_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
