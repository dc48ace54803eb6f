/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "core/crc32c.h"
#include "core/error.h"
#include "core/journal.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static const struct journal_policy plain = {
	.rotate_bytes = JOURNAL_ROTATE_BYTES,
	.rotate_us = JOURNAL_ROTATE_US,
};

static char file[1 << 20];

/* A journal of three records, as bytes. */
static struct str
three_records(struct scratch *s)
{
	struct error err = { .kind = ERROR_NONE };
	struct journal *j = journal_new(s->fd, &plain);
	char name[256];

	assert_int_equal(journal_append(j, STR("first"), &err), 0);
	assert_int_equal(journal_append(j, STR("second"), &err), 0);
	assert_int_equal(journal_append(j, STR("third"), &err), 0);
	journal_free(j);
	assert_int_equal(scratch_count(s, ".", ".000000.jl", name), 1);
	return (struct str){ file, scratch_read(s, name, file, sizeof(file)) };
}

static void
the_checksum_is_the_one_of_the_rfc(void **state)
{
	char zeros[32] = { 0 };

	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(crc32c(0, "", 0), 0);
}

static void
records_come_back_in_order(void **state)
{
	struct str rest = three_records(*state), item;

	assert_int_equal(rest.n, 3 * 13 + 5 + 6 + 5);
	assert_int_equal(journal_next(&rest, false, &item), JOURNAL_RECORD);
	assert_true(str_is(item, "first"));
	assert_int_equal(journal_next(&rest, false, &item), JOURNAL_RECORD);
	assert_true(str_is(item, "second"));
	assert_int_equal(journal_next(&rest, false, &item), JOURNAL_RECORD);
	assert_true(str_is(item, "third"));
	assert_int_equal(journal_next(&rest, false, &item), JOURNAL_END);
	assert_int_equal(journal_next(&rest, true, &item), JOURNAL_END);
}

static void
a_torn_tail_is_waited_for_while_the_writer_lives(void **state)
{
	struct str all = three_records(*state), rest, item;
	size_t cut;

	for (cut = 1; cut < 13 + 5; cut++) {
		rest = (struct str){ all.p, all.n - cut };
		journal_next(&rest, false, &item);
		journal_next(&rest, false, &item);
		assert_true(str_is(item, "second"));
		assert_int_equal(
		    journal_next(&rest, false, &item), JOURNAL_END);
		assert_int_equal(rest.n, 13 + 5 - cut);
		assert_int_equal(journal_next(&rest, true, &item), JOURNAL_BAD);
		assert_int_equal(item.n, 13 + 5 - cut);
		assert_int_equal(rest.n, 0);
	}
}

/* Damage each byte of the middle record in turn: its neighbours survive. */
static void
a_bad_record_costs_no_other(void **state)
{
	struct str all = three_records(*state), rest, item;
	size_t at, begin = 13 + 5, end = begin + 13 + 6, bad;
	enum journal_item kind;

	for (at = begin; at < end; at++) {
		file[at] ^= 0x11;
		rest = all;
		bad = 0;
		assert_int_equal(
		    journal_next(&rest, false, &item), JOURNAL_RECORD);
		while (
		    (kind = journal_next(&rest, false, &item)) == JOURNAL_BAD)
			bad += item.n;
		assert_int_equal(kind, JOURNAL_RECORD);
		assert_true(str_is(item, "third"));
		assert_int_equal(bad, end - begin);
		file[at] ^= 0x11;
	}
}

static void
half_a_record_before_a_whole_one_is_skipped(void **state)
{
	struct str all = three_records(*state), rest, item;
	const size_t first = 13 + 5;
	char part[32];
	size_t cut;

	memcpy(part, all.p, first);
	for (cut = 1; cut < first; cut++) {
		memcpy(file + first - cut, part, cut);
		rest = str_skip(all, first - cut);
		assert_int_equal(
		    journal_next(&rest, false, &item), JOURNAL_BAD);
		assert_int_equal(item.n, cut);
		assert_int_equal(
		    journal_next(&rest, false, &item), JOURNAL_RECORD);
		assert_true(str_is(item, "second"));
	}
}

static void
garbage_never_stops_a_reader(void **state)
{
	uint32_t seed = 7;
	struct str rest, item;
	size_t i, seen = 0;

	(void)state;
	for (i = 0; i < 4096; i++) {
		seed = seed * 1664525 + 1013904223;
		file[i] = (char)(seed >> 24);
		if (seed >> 28 == 0)
			memcpy(file + i, "\xf5SLJ", 4);
	}
	rest = (struct str){ file, 4096 };
	while (journal_next(&rest, true, &item) != JOURNAL_END)
		seen += item.n;
	assert_int_equal(seen, 4096);
}

static void
a_full_file_is_followed_by_the_next(void **state)
{
	struct scratch *s = *state;
	struct error err = { .kind = ERROR_NONE };
	struct journal_policy small = { .rotate_bytes = 64,
		.rotate_us = JOURNAL_ROTATE_US };
	struct journal *j = journal_new(s->fd, &small);
	char name[256];
	struct str proc;
	unsigned seq;
	int i, fd;

	for (i = 0; i < 12; i++) /* 20 bytes each: 4 a file */
		assert_int_equal(journal_append(j, STR("1234567"), &err), 0);
	assert_int_equal(scratch_count(s, ".", ".000000.jl", name), 1);
	assert_int_equal(scratch_count(s, ".", ".jl", NULL), 3);
	assert_int_equal(scratch_read(s, name, file, sizeof(file)), 80);
	assert_true(journal_parse_name(name, &proc, &seq));
	assert_int_equal(seq, 0);

	/* the first is still what says that we live */
	fd = openat(s->fd, name, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_SH | LOCK_NB), -1);
	journal_free(j);
	assert_int_equal(flock(fd, LOCK_SH | LOCK_NB), 0);
	close(fd);
}

static void
an_old_file_is_followed_by_the_next(void **state)
{
	struct scratch *s = *state;
	struct error err = { .kind = ERROR_NONE };
	struct journal_policy now = { .rotate_bytes = JOURNAL_ROTATE_BYTES,
		.rotate_us = 0 };
	struct journal *j = journal_new(s->fd, &now);

	assert_int_equal(journal_append(j, STR("a"), &err), 0);
	assert_int_equal(journal_append(j, STR("b"), &err), 0);
	assert_int_equal(scratch_count(s, ".", ".jl", NULL), 2);
	journal_free(j);
}

/* The limit on file size stands for a full disk: part of a record fits. */
static void
a_short_write_is_no_acknowledgement(void **state)
{
	struct scratch *s = *state;
	struct error err = { .kind = ERROR_NONE };
	struct journal *j = journal_new(s->fd, &plain);
	struct rlimit old, low;
	struct str rest, item;
	char name[256];
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(journal_append(j, STR("whole"), &err), 0);
	getrlimit(RLIMIT_FSIZE, &old);
	low = (struct rlimit){ .rlim_cur = 30, .rlim_max = old.rlim_max };
	setrlimit(RLIMIT_FSIZE, &low);
	rc = journal_append(j, STR("a record that is cut"), &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(rc, -1);
	assert_int_equal(err.kind, ERROR_STORE);
	error_clear(&err);
	assert_int_equal(journal_append(j, STR("after"), &err), 0);

	scratch_count(s, ".", ".jl", name);
	rest = (struct str){ file, scratch_read(s, name, file, sizeof(file)) };
	assert_int_equal(journal_next(&rest, false, &item), JOURNAL_RECORD);
	assert_int_equal(journal_next(&rest, false, &item), JOURNAL_RECORD);
	assert_true(str_is(item, "after"));
	journal_free(j);
}

static void
a_record_has_a_largest_size(void **state)
{
	struct scratch *s = *state;
	struct error err = { .kind = ERROR_NONE };
	struct journal *j = journal_new(s->fd, &plain);
	static char big[JOURNAL_MAX_PAYLOAD + 1];
	char name[256];
	struct str rest, item;

	memset(big, 'x', sizeof(big));
	assert_int_equal(
	    journal_append(j, (struct str){ big, sizeof(big) }, &err), -1);
	assert_int_equal(err.kind, ERROR_STORE);
	error_clear(&err);
	assert_int_equal(
	    journal_append(j, (struct str){ big, sizeof(big) - 1 }, &err), 0);
	scratch_count(s, ".", ".jl", name);
	rest = (struct str){ file, scratch_read(s, name, file, sizeof(file)) };
	assert_int_equal(journal_next(&rest, false, &item), JOURNAL_RECORD);
	assert_int_equal(item.n, JOURNAL_MAX_PAYLOAD);
	journal_free(j);
}

static void
blocks_are_reserved_and_given_back(void **state)
{
	struct scratch *s = *state;
	struct error err = { .kind = ERROR_NONE };
	struct journal *j = journal_new(s->fd, &plain);
	char name[256];
	struct stat st;

	assert_int_equal(journal_append(j, STR("x"), &err), 0);
	assert_int_equal(journal_check(j, false, &err), 0);
	scratch_count(s, ".", ".jl", name);
	fstatat(s->fd, name, &st, 0);
	assert_int_equal(st.st_size, 14);
	assert_true(st.st_blocks * 512 >= JOURNAL_ROTATE_BYTES);
	journal_free(j);
	fstatat(s->fd, name, &st, 0);
	assert_true(st.st_blocks * 512 <= 8192);
}

static void
a_directory_that_is_gone_is_an_error(void **state)
{
	struct scratch *s = *state;
	struct error err = { .kind = ERROR_NONE };
	struct journal *j = journal_new(s->fd, &plain);

	rmdir(s->dir);
	assert_int_equal(journal_append(j, STR("x"), &err), -1);
	assert_int_equal(err.kind, ERROR_STORE);
	assert_non_null(strstr(err.msg, "No such file"));
	journal_free(j);
}

static void
names_are_taken_apart_and_made(void **state)
{
	static const char *const bad[] = { "", ".jl", ".000000.jl", "a.jl",
		"a.00000x.jl", "a-000001.jl", "a.000001.jx", "keys.snap" };
	char name[JOURNAL_NAME_BYTES];
	struct str proc;
	unsigned seq;
	size_t i;

	(void)state;
	journal_name(name, STR("1-2-3"), 41);
	assert_string_equal(name, "1-2-3.000041.jl");
	assert_true(journal_parse_name(name, &proc, &seq));
	assert_true(str_is(proc, "1-2-3"));
	assert_int_equal(seq, 41);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(journal_parse_name(bad[i], &proc, &seq));
}

#define GROUP   8
#define RECORDS 200

struct member {
	struct journal *journal;
	int number;
};

static void *
append_many(void *arg)
{
	const struct member *m = arg;
	struct error err = { .kind = ERROR_NONE };
	char text[32];
	int i;

	for (i = 0; i < RECORDS; i++) {
		snprintf(text, sizeof(text), "%d %d", m->number, i);
		if (journal_append(m->journal, str_of(text), &err) != 0)
			return arg;
	}
	return NULL;
}

/* All records of one file: those of a thread in its order. */
static int
count_records(const struct scratch *s, const char *name, int last[GROUP])
{
	struct str rest = { file, scratch_read(s, name, file, sizeof(file)) };
	struct str item;
	int who, i, n = 0;

	while (journal_next(&rest, true, &item) == JOURNAL_RECORD) {
		assert_int_equal(sscanf(item.p, "%d %d\n", &who, &i), 2);
		assert_int_equal(i, last[who]++);
		n++;
	}
	assert_int_equal(rest.n, 0);
	return n;
}

/* Durability "power" under many threads, with many changes of file. */
static void
a_group_syncs_once_for_all(void **state)
{
	const struct journal_policy policy = {
		.sync = true, .rotate_bytes = 1000, .rotate_us = INT64_MAX / 2
	};
	struct scratch *s = *state;
	struct journal *j = journal_new(s->fd, &policy);
	struct member members[GROUP];
	pthread_t threads[GROUP];
	char name[256], first[256];
	int last[GROUP] = { 0 }, i, n = 0, files;
	struct str proc;
	unsigned seq;
	void *failed;

	for (i = 0; i < GROUP; i++) {
		members[i] = (struct member){ j, i };
		assert_int_equal(
		    pthread_create(&threads[i], NULL, append_many, &members[i]),
		    0);
	}
	for (i = 0; i < GROUP; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	journal_free(j);
	files = scratch_count(s, ".", ".jl", name);
	assert_true(files > 10);
	assert_true(journal_parse_name(name, &proc, &seq));
	for (i = 0; i < files; i++) {
		journal_name(first, proc, (unsigned)i);
		n += count_records(s, first, last);
	}
	assert_int_equal(n, GROUP * RECORDS);
}

#define TEST(f)                                                                \
	cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_checksum_is_the_one_of_the_rfc),
		TEST(records_come_back_in_order),
		TEST(a_torn_tail_is_waited_for_while_the_writer_lives),
		TEST(a_bad_record_costs_no_other),
		TEST(half_a_record_before_a_whole_one_is_skipped),
		TEST(garbage_never_stops_a_reader),
		TEST(a_full_file_is_followed_by_the_next),
		TEST(an_old_file_is_followed_by_the_next),
		TEST(a_short_write_is_no_acknowledgement),
		TEST(a_record_has_a_largest_size),
		TEST(blocks_are_reserved_and_given_back),
		TEST(a_directory_that_is_gone_is_an_error),
		TEST(names_are_taken_apart_and_made),
		TEST(a_group_syncs_once_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
