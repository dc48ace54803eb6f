/* SPDX-License-Identifier: MIT */
#include "core/clock.h"
#include "tests/unit/unit.h"

#define DAY_US INT64_C(86400000000)

static const struct {
	int64_t us;
	const char *text;
} times[] = {
	{ 0, "1970-01-01T00:00:00.000000Z" },
	{ -1, "1969-12-31T23:59:59.999999Z" },
	{ -DAY_US, "1969-12-31T00:00:00.000000Z" },
	{ 1795541489123456, "2026-11-24T17:31:29.123456Z" },
	{ 951782400000000, "2000-02-29T00:00:00.000000Z" },
	{ 253402300799999999, "9999-12-31T23:59:59.999999Z" },
};

static void
times_are_written_and_read_back(void **state)
{
	char text[CLOCK_TEXT_BYTES];
	int64_t us;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(times); i++) {
		assert_string_equal(
		    clock_text(times[i].us, text), times[i].text);
		assert_int_equal(clock_parse(str_of(times[i].text), &us), 0);
		assert_true(us == times[i].us);
	}
}

static void
times_beyond_four_digits_stay_in_their_room(void **state)
{
	static const int64_t extremes[] = { INT64_MIN, INT64_MAX };
	char text[CLOCK_TEXT_BYTES];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(extremes); i++)
		assert_int_equal(strlen(clock_text(extremes[i], text)), 27);
}

static void
zones_fractions_and_dates_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{ "1970-01-02", DAY_US },
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01t00:00:00z", 0 },
		{ "1970-01-01 00:00:01Z", 1000000 },
		{ "1970-01-01T01:00:00+01:00", 0 },
		{ "1969-12-31T19:00:00-05:00", 0 },
		{ "1970-01-01T00:00:00.5Z", 500000 },
		{ "1970-01-01T00:00:00.1234567899Z", 123456 },
		{ "1972-06-30T23:59:60Z", 78796799000000 },
	};
	int64_t us;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(clock_parse(str_of(cases[i].text), &us), 0);
		assert_true(us == cases[i].us);
	}
}

static void
what_is_no_time_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"now",
		"1970",
		"1970-1-1",
		"1970-13-01",
		"1970-00-01",
		"1970-01-00",
		"1970-01-32",
		"1971-02-29",
		"1970-01-01T",
		"1970-01-01T00:00",
		"1970-01-01T24:00:00Z",
		"1970-01-01T00:60:00Z",
		"1970-01-01T00:00:61Z",
		"1970-01-01T00:00:00",
		"1970-01-01T00:00:00.Z",
		"1970-01-01T00:00:00Zx",
		"1970-01-01T00:00:00+1:00",
		"1970-01-01T00:00:00+24:00",
		"-970-01-01",
	};
	int64_t us = 7;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(clock_parse(str_of(cases[i]), &us), -1);
	assert_int_equal(clock_parse(STR_NONE, &us), -1);
	assert_true(us == 7);
}

static void
the_clocks_run(void **state)
{
	int64_t mono = clock_mono_us();

	(void)state;
	assert_true(clock_wall_us() > INT64_C(1700000000000000));
	assert_true(clock_mono_us() >= mono);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_and_read_back),
		cmocka_unit_test(times_beyond_four_digits_stay_in_their_room),
		cmocka_unit_test(zones_fractions_and_dates_are_read),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(the_clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
