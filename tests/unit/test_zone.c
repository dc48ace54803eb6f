/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/clock.h"
#include "core/zone.h"
#include "tests/unit/unit.h"

static int64_t
at(const char *text)
{
	int64_t us = 0;

	assert_int_equal(clock_parse(str_of(text), &us), 0);
	return us;
}

static void
windows_begin_and_end_by_the_calendar_of_their_zone(void **state)
{
	static const struct {
		const char *zone;
		enum window window;
		const char *now, *start, *end;
	} cases[] = {
		{ "UTC", WINDOW_DAY, "2026-11-24T17:30:00Z",
		    "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z" },
		{ "UTC", WINDOW_DAY, "2026-11-24T00:00:00Z",
		    "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z" },
		{ "UTC", WINDOW_WEEK, "2026-11-24T17:30:00Z",
		    "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z" },
		{ "UTC", WINDOW_WEEK, "2026-11-23T00:00:00Z",
		    "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z" },
		{ "UTC", WINDOW_WEEK, "2026-11-29T23:59:59.999999Z",
		    "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z" },
		{ "UTC", WINDOW_MONTH, "2028-02-29T12:00:00Z",
		    "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z" },
		{ "UTC", WINDOW_MONTH, "2026-12-31T23:59:59Z",
		    "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z" },
		{ "UTC", WINDOW_MONTH, "2100-02-28T23:59:59Z",
		    "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z" },
		{ "Europe/Berlin", WINDOW_DAY, "2026-11-24T23:30:00Z",
		    "2026-11-24T23:00:00Z", "2026-11-25T23:00:00Z" },
		/* 25 and 23 hours */
		{ "Europe/Berlin", WINDOW_DAY, "2026-10-25T12:00:00Z",
		    "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z" },
		{ "Europe/Berlin", WINDOW_DAY, "2026-03-29T12:00:00Z",
		    "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z" },
		{ "Europe/Berlin", WINDOW_MONTH, "2026-10-31T23:30:00Z",
		    "2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z" },
		/* Clocks leap over midnight, to the west and to the east. */
		{ "America/Santiago", WINDOW_DAY, "2026-09-06T03:30:00Z",
		    "2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z" },
		{ "America/Santiago", WINDOW_DAY, "2026-09-06T04:00:00Z",
		    "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z" },
		{ "Asia/Beirut", WINDOW_DAY, "2026-03-28T21:59:59Z",
		    "2026-03-27T22:00:00Z", "2026-03-28T22:00:00Z" },
		{ "Asia/Beirut", WINDOW_DAY, "2026-03-28T22:00:00Z",
		    "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z" },
		/* They go back to the day before, or show midnight twice. */
		{ "America/Santiago", WINDOW_DAY, "2026-04-05T03:30:00Z",
		    "2026-04-04T03:00:00Z", "2026-04-05T04:00:00Z" },
		{ "America/Havana", WINDOW_DAY, "2026-11-01T05:30:00Z",
		    "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z" },
		{ "America/New_York", WINDOW_DAY, "2026-07-01T03:59:59Z",
		    "2026-06-30T04:00:00Z", "2026-07-01T04:00:00Z" },
	};
	struct arena *a = arena_new(1 << 20);
	const struct zone *z;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		z = zone_load(a, str_of(cases[i].zone));
		assert_non_null(z);
		assert_int_equal(
		    window_start(z, cases[i].window, at(cases[i].now)),
		    at(cases[i].start));
		assert_int_equal(
		    window_end(z, cases[i].window, at(cases[i].now)),
		    at(cases[i].end));
		arena_reset(a);
	}
	arena_free(a);
}

static void
every_day_of_two_centuries_lies_in_its_month(void **state)
{
	struct arena *a = arena_new(1 << 20);
	const struct zone *z = zone_load(a, STR("UTC"));
	int64_t us, start, end, last = 0;

	(void)state;
	for (us = 0; us < at("2170-01-01"); us += INT64_C(86400000000)) {
		start = window_start(z, WINDOW_MONTH, us);
		end = window_end(z, WINDOW_MONTH, us);
		assert_true(start <= us && us < end);
		assert_true(start == last || start >= last);
		assert_int_equal(window_start(z, WINDOW_MONTH, end - 1), start);
		last = start;
	}
	arena_free(a);
}

static void
total_is_all_of_time(void **state)
{
	struct arena *a = arena_new(1 << 20);
	const struct zone *z = zone_load(a, STR("UTC"));

	(void)state;
	assert_int_equal(window_start(z, WINDOW_TOTAL, 5), 0);
	assert_true(window_end(z, WINDOW_TOTAL, 5) == INT64_MAX);
	assert_int_equal(window_start(z, WINDOW_DAY, -5), 0);
	arena_free(a);
}

static void
names_that_are_no_zone_are_refused(void **state)
{
	static const char *const names[] = { "", "Europe/Nowhere",
		"../etc/passwd", "/etc/localtime", "tzdata.zi", "Europe",
		"zone.tab" };
	struct arena *a = arena_new(8 << 20);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_null(zone_load(a, str_of(names[i])));
	arena_free(a);
}

static void
windows_have_words(void **state)
{
	(void)state;
	assert_int_equal(window_of(STR("day")), WINDOW_DAY);
	assert_int_equal(window_of(STR("total")), WINDOW_TOTAL);
	assert_int_equal(window_of(STR("year")), WINDOWS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    windows_begin_and_end_by_the_calendar_of_their_zone),
		cmocka_unit_test(every_day_of_two_centuries_lies_in_its_month),
		cmocka_unit_test(total_is_all_of_time),
		cmocka_unit_test(names_that_are_no_zone_are_refused),
		cmocka_unit_test(windows_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
