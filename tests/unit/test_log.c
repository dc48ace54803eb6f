/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

/* Reads all of ${path} and removes it. */
static char *
take(const char *path, char *into, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(into, 1, size - 1, f);
	into[n] = '\0';
	fclose(f);
	unlink(path);
	return into;
}

static void
temp_name(char path[32])
{
	memcpy(path, "/tmp/test_log.XXXXXX", 21);
	close(mkstemp(path));
}

static void
events_are_lines_of_json_from_the_level_up(void **state)
{
	char path[32], text[1000];

	(void)state;
	temp_name(path);
	assert_int_equal(log_open(path, LOG_LEVEL_WARN), 0);
	log_event(LOG_LEVEL_INFO, "quiet", "x");
	log_event(LOG_LEVEL_ERROR, "loud", "say \"%s\"\n", "hi");
	log_line(LOG_LEVEL_DEBUG, STR("{\"n\":1}"));
	log_line(LOG_LEVEL_WARN, STR("{\"n\":2}"));
	take(path, text, sizeof(text));
	assert_memory_equal(text, "{\"time\":\"2", 10);
	assert_non_null(strstr(text,
	    "\"level\":\"error\",\"event\":\"loud\","
	    "\"text\":\"say \\\"hi\\\"\\n\"}\n{\"n\":2}\n"));
	assert_null(strstr(text, "quiet"));
	assert_null(strstr(text, "\"n\":1"));
}

static void
a_log_that_does_not_open_leaves_the_old_one(void **state)
{
	char first[32], second[32], text[1000];

	(void)state;
	temp_name(first);
	temp_name(second);
	assert_int_equal(log_open(first, LOG_LEVEL_INFO), 0);
	assert_int_equal(log_open("/nonexistent/x", LOG_LEVEL_ERROR), -1);
	log_line(LOG_LEVEL_INFO, STR("1"));
	assert_int_equal(log_open(second, LOG_LEVEL_INFO), 0);
	log_line(LOG_LEVEL_INFO, STR("2"));
	assert_string_equal(take(first, text, sizeof(text)), "1\n");
	assert_string_equal(take(second, text, sizeof(text)), "2\n");
	assert_int_equal(log_open("stderr", LOG_LEVEL_ERROR), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_lines_of_json_from_the_level_up),
		cmocka_unit_test(a_log_that_does_not_open_leaves_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
