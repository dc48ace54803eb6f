/* SPDX-License-Identifier: MIT */
/*
 * Environments that are damaged, or may be.
 *
 * What libdb can still read of a table it writes as text, in the form of
 * db_dump: a header that ends with "HEADER=END", then one line of hex digits
 * behind a space for each key and each value in turn, then "DATA=END".  It
 * comes through a pipe from a child, since damaged pages have been seen to
 * kill the process that reads them.
 */
#include "core/store.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <db.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/dir.h"
#include "core/error.h"

#define BAD_PREFIX    "env.bad."
#define SCRATCH_BYTES ((size_t)4 << 20)

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

int
store_salvage(const char *path, enum store_table table, store_visit *fn,
    void *arg, struct error *err)
{
	struct arena *a = arena_new(1u << 16);
	const char *file = arena_printf(a, "%s/%s", path, store_file(table));
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
	arena_free(a);
	return rc;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* All but the newest; names end with the time.  A comfort, not a duty. */
static void
prune_bad(const char *data_dir)
{
	struct arena *a = arena_new(DIR_LIST_BYTES);
	struct error ignored = { .kind = ERROR_NONE };
	struct dir_list list;
	size_t i, kept = 0;

	if (dir_read(AT_FDCWD, data_dir, a, &list, &ignored) != 0)
		list.n = 0;
	for (i = list.n; i-- > 0;) {
		if (!str_starts(str_of(list.names[i]), BAD_PREFIX) ||
		    kept++ < STORE_BAD_KEPT)
			continue;
		nftw(arena_printf(a, "%s/%s", data_dir, list.names[i]),
		    remove_one, 8, FTW_DEPTH | FTW_PHYS);
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
	prune_bad(data_dir);
	return rc;
}
