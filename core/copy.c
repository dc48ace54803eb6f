/* SPDX-License-Identifier: MIT */
#include "core/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/mem.h"

#define PIECE_BYTES ((size_t)1 << 20)

static int
fail(struct error *err, const char *path)
{
	return error_set(err, ERROR_STORE, "%s: %s", path, strerror(errno));
}

/* One piece, in the kernel where it can: 1, 0 at the end, -1. */
static int
copy_piece(int in, int out, char *piece)
{
	ssize_t n = copy_file_range(in, NULL, out, NULL, PIECE_BYTES, 0);
	ssize_t done = 0, m;

	if (n >= 0)
		return n > 0;
	n = read(in, piece, PIECE_BYTES);
	for (; done < n; done += m) {
		m = write(out, piece + done, (size_t)(n - done));
		if (m <= 0)
			return -1;
	}
	return n < 0 ? -1 : n > 0;
}

int
copy_file(const char *from, const char *to, struct error *err)
{
	char *piece = mem_new(PIECE_BYTES);
	int in = open(from, O_RDONLY | O_CLOEXEC), out, rc = 1;

	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in < 0 || out < 0)
		rc = fail(err, in < 0 ? from : to);
	while (rc == 1)
		rc = copy_piece(in, out, piece);
	if (rc == 0)
		rc = fsync(out);
	if (rc != 0) {
		fail(err, to);
		if (out >= 0)
			unlink(to);
	}
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	free(piece);
	return rc;
}

static int
sync_dir(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd >= 0 ? fsync(fd) : -1;

	if (rc != 0)
		fail(err, path);
	if (fd >= 0)
		close(fd);
	return rc;
}

static bool
ends_with(struct str s, const char *tail)
{
	size_t n = strlen(tail);

	return s.n >= n && str_is(str_skip(s, s.n - n), tail);
}

int
copy_matching(
    const char *from, const char *to, const char *tail, struct error *err)
{
	struct arena *a = arena_new(DIR_LIST_BYTES);
	struct dir_list list;
	struct stat st;
	const char *path;
	size_t i;
	int rc = dir_read(AT_FDCWD, from, a, &list, err);

	for (i = 0; rc == 0 && i < list.n; i++) {
		path = arena_printf(a, "%s/%s", from, list.names[i]);
		if (!ends_with(str_of(list.names[i]), tail) ||
		    lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
			continue;
		rc = copy_file(
		    path, arena_printf(a, "%s/%s", to, list.names[i]), err);
	}
	if (rc == 0)
		rc = sync_dir(to, err);
	arena_free(a);
	return rc;
}

int
copy_text(const char *path, struct str text, struct error *err)
{
	struct arena *a = arena_new(1u << 16);
	const char *tmp = arena_printf(a, "%s.tmp", path);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc = -1;

	errno = 0;
	if (fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n &&
	    fsync(fd) == 0)
		rc = rename(tmp, path);
	if (rc != 0) {
		errno = errno != 0 ? errno : ENOSPC;
		fail(err, tmp);
	}
	if (fd >= 0)
		close(fd);
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

void
copy_remove(const char *path)
{
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
