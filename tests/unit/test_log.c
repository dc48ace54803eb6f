/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/access.h"
#include "core/arena.h"
#include "core/call.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/log.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

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

static void
a_file_that_is_moved_or_truncated_is_followed(void **state)
{
	char path[128], moved[160], text[1000];
	struct scratch s;

	(void)state;
	scratch_make(&s);
	snprintf(path, sizeof(path), "%s/log", s.dir);
	snprintf(moved, sizeof(moved), "%s.moved", path);
	assert_int_equal(log_open(path, LOG_LEVEL_INFO), 0);
	log_line(LOG_LEVEL_INFO, STR("1"));
	assert_int_equal(rename(path, moved), 0);
	log_line(LOG_LEVEL_INFO, STR("2"));
	assert_string_equal(take(moved, text, sizeof(text)), "1\n");
	assert_int_equal(truncate(path, 0), 0);
	log_line(LOG_LEVEL_INFO, STR("3"));
	assert_string_equal(take(path, text, sizeof(text)), "3\n");
	log_line(LOG_LEVEL_INFO, STR("4")); /* removed: made again */
	assert_string_equal(take(path, text, sizeof(text)), "4\n");
	assert_int_equal(log_open("stderr", LOG_LEVEL_ERROR), 0);
	scratch_drop(&s);
}

#define WRITERS 4
#define LINES   2000
#define LIMIT   60000

/* Each line once, in this file or the one before; neither is too large. */
static void
check_log(const struct scratch *s, const char *name, unsigned *lines)
{
	static char text[2 * LIMIT];
	size_t n = scratch_read(s, name, text, sizeof(text)), i;

	assert_true(n > 0 && n < LIMIT + WRITERS * 100);
	assert_int_equal(text[n - 1], '\n');
	for (i = 0; i < n; i += 25, ++*lines)
		assert_memory_equal(text + i, "{\"line\":\"", 9);
	assert_int_equal(i, n);
}

static void
a_full_file_is_set_aside_once_whoever_writes(void **state)
{
	char path[128], line[64];
	struct scratch s;
	unsigned lines = 0;
	int i, w, status;

	(void)state;
	scratch_make(&s);
	snprintf(path, sizeof(path), "%s/log", s.dir);
	log_limit(LIMIT);
	for (w = 0; w < WRITERS; w++) {
		if (fork() != 0)
			continue;
		log_open(path, LOG_LEVEL_INFO);
		for (i = 0; i < LINES; i++) {
			snprintf(line, sizeof(line),
			    "{\"line\":\"%02d %010d\"}", w, i);
			log_line(LOG_LEVEL_INFO, str_of(line));
		}
		_exit(0);
	}
	for (w = 0; w < WRITERS; w++)
		assert_true(wait(&status) > 0 && status == 0);
	check_log(&s, "log", &lines);
	check_log(&s, "log.1", &lines);
	assert_true(lines >= LIMIT / 25);
	assert_int_equal(scratch_count(&s, ".", "", NULL), 2);
	log_limit(0);
	scratch_drop(&s);
}

static void
a_call_is_one_line_however_much_its_client_says(void **state)
{
	char path[32], large[10001], text[8000];
	struct arena *a = arena_new(1u << 20);
	struct error err = { .kind = ERROR_NONE };
	struct call c = { .arena = a, .attempts = 1 };
	struct str s = { large, sizeof(large) - 1 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(large); i++)
		large[i] = "\x01\"\\\n<\xe2\x80\xae\xff"[i % 9];
	c.row = (struct ledger_call){ .id = "call_x",
		.endpoint = "/v1/messages",
		.key = s,
		.account = s,
		.user = s,
		.session = s,
		.task = s,
		.requested = s,
		.route = s,
		.answered = s,
		.cache = s,
		.error = s };
	temp_name(path);
	assert_int_equal(log_open(path, LOG_LEVEL_INFO), 0);
	access_line(&c);
	take(path, text, sizeof(text));
	assert_true(strlen(text) <= ACCESS_MAX_BYTES + 1);
	assert_true(strlen(text) > 500);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_int_equal(jtext_check(str_of(text), &err), 0);
	assert_non_null(strstr(text, "\"event\":\"call\",\"id\":\"call_x\""));
	assert_int_equal(log_open("stderr", LOG_LEVEL_ERROR), 0);
	access_line(&c); /* of no level that is written */
	arena_free(a);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_lines_of_json_from_the_level_up),
		cmocka_unit_test(a_log_that_does_not_open_leaves_the_old_one),
		cmocka_unit_test(a_file_that_is_moved_or_truncated_is_followed),
		cmocka_unit_test(a_full_file_is_set_aside_once_whoever_writes),
		cmocka_unit_test(
		    a_call_is_one_line_however_much_its_client_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
