/* SPDX-License-Identifier: MIT */
/*
 * Environments that are damaged, or may be.
 *
 * What libdb can still read of a table it writes as text, in the form of
 * db_dump: a header that ends with "HEADER=END", then one line of hex digits
 * behind a space for each key and each value in turn, then "DATA=END".  It
 * comes through a pipe from a child, since damaged pages have been seen to
 * kill the process that reads them.  And since libdb reads no further than
 * the first page with a wrong checksum, it reads a copy in which such pages
 * are holes.
 */
#include "core/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <db.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/copy.h"
#include "core/dir.h"
#include "core/error.h"

#define BAD_PREFIX    "env.bad."
#define SCRATCH_BYTES ((size_t)4 << 20)
#define PAGE_BYTES    4096
#define SUM_AT        28 /* of the checksum in a page, behind its header */

/* Verify one file outside of any environment, or with ${out} salvage it. */
static int
check_file(const char *path, FILE *out)
{
	DB *db;
	int rc = db_create(&db, NULL, 0);

	if (rc != 0)
		return rc;
	db->set_errfile(db, NULL);
	return db->verify(db, path, NULL, out, out != NULL ? DB_SALVAGE : 0);
}

int
store_verify(const char *data_dir, struct error *err)
{
	struct arena *a = arena_new(1u << 16);
	const char *name;
	int i, rc = 0;

	for (i = 0; i < STORE_TABLES && rc == 0; i++) {
		name = store_file((enum store_table)i);
		rc = check_file(
		    arena_printf(a, "%s/env/%s", data_dir, name), NULL);
		if (rc != 0)
			error_set(err, ERROR_STORE, "database: %s: %s", name,
			    db_strerror(rc));
	}
	arena_free(a);
	return rc == 0 ? 0 : -1;
}

/* libdb's sum of a page, in which the place of the sum itself is zero. */
static uint32_t
page_sum(const unsigned char *page)
{
	uint32_t h = 0;
	size_t i;

	for (i = 0; i < PAGE_BYTES; i++)
		h = h * 33 + (i >= SUM_AT && i < SUM_AT + 4 ? 0 : page[i]);
	return h;
}

static int
punch_one(int fd, off_t at)
{
	static const unsigned char zeros[PAGE_BYTES];
	unsigned char page[PAGE_BYTES];
	uint32_t sum;
	ssize_t n = pread(fd, page, PAGE_BYTES, at);

	if (n <= 0)
		return n < 0 ? -1 : 0;
	memcpy(&sum, page + SUM_AT, sizeof(sum));
	if (n == PAGE_BYTES && sum == page_sum(page))
		return 1;
	return pwrite(fd, zeros, PAGE_BYTES, at) == PAGE_BYTES ? 1 : -1;
}

/* Make holes of the pages that are not what was written; not of the first. */
static int
punch(const char *path, struct error *err)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), rc = fd >= 0 ? 1 : -1;
	off_t at;

	for (at = PAGE_BYTES; rc == 1; at += PAGE_BYTES)
		rc = punch_one(fd, at);
	if (rc < 0)
		error_set(err, ERROR_STORE, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode ${line} in place; absent if it is no line of data. */
static struct str
decode(char *line, ssize_t n)
{
	char *out = line;
	ssize_t i;
	int high, low;

	if (n < 1 || line[0] != ' ')
		return STR_NONE;
	for (i = 1; i + 1 < n; i += 2) {
		high = hex_digit(line[i]);
		low = hex_digit(line[i + 1]);
		if (high < 0 || low < 0)
			break;
		*out++ = (char)(high << 4 | low);
	}
	return (struct str){ line, (size_t)(out - line) };
}

/* Keys and values in turn; those without their version byte are no entries. */
static int
read_dump(FILE *in, enum store_table table, store_visit *fn, void *arg)
{
	struct buf scratch;
	char *lines[2] = { NULL, NULL };
	size_t sizes[2] = { 0, 0 };
	struct str item, key = STR_NONE;
	ssize_t n;
	int turn = 0, rc = 0;

	buf_init(&scratch, SCRATCH_BYTES);
	while (rc == 0 && (n = getline(&lines[turn], &sizes[turn], in)) > 0) {
		item = decode(lines[turn], n);
		if (item.p == NULL)
			continue;
		if (turn == 0)
			key = item;
		else if (store_decode(table, &item, &scratch) == STORE_FINE)
			rc = fn(arg, key, item);
		turn = !turn;
	}
	buf_release(&scratch);
	free(lines[0]);
	free(lines[1]);
	return rc;
}

static void
dump(const char *path, int fd)
{
	FILE *out = fdopen(fd, "w");

	if (out != NULL) {
		(void)check_file(path, out);
		fflush(out);
	}
	_exit(0);
}

static int
salvage(const char *file, enum store_table table, store_visit *fn, void *arg,
    struct error *err)
{
	FILE *in = NULL;
	int fds[2], rc = -1;
	pid_t pid = -1;

	if (pipe2(fds, O_CLOEXEC) == 0) {
		pid = fork();
		if (pid == 0)
			dump(file, fds[1]);
		close(fds[1]);
		in = fdopen(fds[0], "r");
	}
	if (pid < 0 || in == NULL)
		error_set(err, ERROR_STORE, "%s: %s", file, strerror(errno));
	else
		rc = read_dump(in, table, fn, arg);
	if (in != NULL)
		fclose(in);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return rc;
}

int
store_salvage(const char *path, enum store_table table, store_visit *fn,
    void *arg, struct error *err)
{
	struct arena *a = arena_new(1u << 16);
	const char *from = arena_printf(a, "%s/%s", path, store_file(table));
	const char *copy = arena_printf(a, "%s.salvage", from);
	int rc = 0;

	copy_remove(copy);
	if (access(from, F_OK) == 0) {
		rc = copy_file(from, copy, err);
		if (rc == 0)
			rc = punch(copy, err);
		if (rc == 0)
			rc = salvage(copy, table, fn, arg, err);
		copy_remove(copy);
	}
	arena_free(a);
	return rc;
}

/* Names end with the time.  A comfort, not a duty. */
void
store_prune_bad(const char *data_dir, int64_t before_us)
{
	struct arena *a = arena_new(DIR_LIST_BYTES);
	struct error ignored = { .kind = ERROR_NONE };
	struct dir_list list;
	struct str name;
	int64_t at_us;
	size_t i, kept = 0;

	if (dir_read(AT_FDCWD, data_dir, a, &list, &ignored) != 0)
		list.n = 0;
	for (i = list.n; i-- > 0;) {
		name = str_of(list.names[i]);
		if (!str_starts(name, BAD_PREFIX))
			continue;
		if (str_i64(str_skip(name, strlen(BAD_PREFIX)), before_us,
			INT64_MAX, &at_us) != 0 ||
		    kept++ >= STORE_BAD_KEPT)
			copy_remove(
			    arena_printf(a, "%s/%s", data_dir, list.names[i]));
	}
	arena_free(a);
}

int
store_set_aside(const char *data_dir, struct error *err)
{
	struct arena *a = arena_new(1u << 16);
	const char *from = arena_printf(a, "%s/env", data_dir);
	const char *to = arena_printf(
	    a, "%s/" BAD_PREFIX "%" PRId64, data_dir, clock_wall_us());
	int rc = rename(from, to);

	if (rc != 0 && errno == ENOENT)
		rc = 0;
	if (rc != 0)
		error_set(err, ERROR_STORE, "data_dir: %s: %s", from,
		    strerror(errno));
	arena_free(a);
	return rc;
}
