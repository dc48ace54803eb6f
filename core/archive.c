/* SPDX-License-Identifier: MIT */
#include "core/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/shm.h"

#define PATH_BYTES  160
#define BLOCK_BYTES 512 /* of st_blocks */

/* How full a directory may be, and what is left when it has been. */
struct ceiling {
	int64_t files, bytes;
};

static const struct ceiling full = { ARCHIVE_MAX_FILES, ARCHIVE_MAX_BYTES };
static const struct ceiling kept = { ARCHIVE_MAX_FILES / 4 * 3,
	ARCHIVE_MAX_BYTES / 4 * 3 };

static int
fail(struct error *err, const char *name)
{
	return error_set(
	    err, ERROR_STORE, "data_dir: j/%s: %s", name, strerror(errno));
}

int
archive_prepare(int jfd, struct error *err)
{
	static const char *const names[] = { "done", "bad" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (mkdirat(jfd, names[i], 0700) != 0 && errno != EEXIST)
			return fail(err, names[i]);
	return 0;
}

static struct ceiling
size_of(int jfd, const char *path)
{
	struct ceiling c = { 1, 0 };
	struct stat st;

	if (fstatat(jfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		c.bytes = (int64_t)st.st_blocks * BLOCK_BYTES;
	return c;
}

/*
 * Remove the oldest files of ${dir} (names begin with the time) until no more
 * than ${limit} is left, and say what is.
 */
static int
prune(int jfd, const char *dir, struct ceiling limit, struct ceiling *left,
    struct error *err)
{
	struct arena *a = arena_new(DIR_LIST_BYTES);
	struct dir_list list;
	struct ceiling one;
	char path[PATH_BYTES];
	size_t i;
	int rc = dir_read(jfd, dir, a, &list, err);

	*left = (struct ceiling){ 0, 0 };
	for (i = rc == 0 ? list.n : 0; i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s", dir, list.names[i]);
		one = size_of(jfd, path);
		if (left->files + one.files > limit.files ||
		    left->bytes + one.bytes > limit.bytes) {
			unlinkat(jfd, path, 0);
			continue;
		}
		left->files += one.files;
		left->bytes += one.bytes;
	}
	arena_free(a);
	return rc;
}

/* Give back blocks that were reserved but not used. */
static void
trim(int jfd, const char *name)
{
	struct stat st;
	int fd = openat(jfd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && ftruncate(fd, st.st_size) != 0)
		errno = 0; /* the blocks stay until the file goes */
	close(fd);
}

/*
 * Count what comes in; look at the directory itself only when that count
 * says that it is full, or when nobody has counted yet.
 */
static int
account(int jfd, struct shm *shm, const char *path, struct error *err)
{
	struct ceiling add = size_of(jfd, path), left;
	int64_t files = shm_get(shm, SHM_DONE_FILES);

	if (files >= 0 && files < full.files &&
	    shm_get(shm, SHM_DONE_BYTES) < full.bytes) {
		shm_add(shm, SHM_DONE_FILES, add.files);
		shm_add(shm, SHM_DONE_BYTES, add.bytes);
		return 0;
	}
	if (prune(jfd, "done", files < 0 ? full : kept, &left, err) != 0)
		return -1;
	atomic_store(shm_slot(shm, SHM_DONE_FILES), left.files);
	atomic_store(shm_slot(shm, SHM_DONE_BYTES), left.bytes);
	return 0;
}

int
archive_journal(int jfd, struct shm *shm, const char *name, struct error *err)
{
	char to[PATH_BYTES];

	trim(jfd, name);
	snprintf(to, sizeof(to), "done/%s", name);
	if (renameat(jfd, name, jfd, to) != 0)
		return errno == ENOENT ? 0 : fail(err, name);
	return account(jfd, shm, to, err);
}

static int
write_all(int fd, struct str bytes)
{
	ssize_t n = write(fd, bytes.p, bytes.n);

	if (n == (ssize_t)bytes.n)
		return 0;
	if (n >= 0)
		errno = ENOSPC;
	return -1;
}

int
archive_bad(int jfd, const char *name, int64_t offset, struct str bytes,
    struct error *err)
{
	struct ceiling left;
	char path[PATH_BYTES];
	int fd, rc;

	if (prune(jfd, "bad", full, &left, err) != 0)
		return -1;
	snprintf(path, sizeof(path), "bad/%s.%" PRId64, name, offset);
	fd = openat(jfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(err, path);
	rc = write_all(fd, bytes);
	if (rc != 0)
		fail(err, path);
	close(fd);
	return rc;
}

int
archive_restore(int jfd, struct error *err)
{
	struct arena *a = arena_new(DIR_LIST_BYTES);
	struct dir_list list;
	char from[PATH_BYTES];
	size_t i;
	int rc = dir_read(jfd, "done", a, &list, err);

	for (i = 0; rc == 0 && i < list.n; i++) {
		snprintf(from, sizeof(from), "done/%s", list.names[i]);
		rc = fchmodat(jfd, from, 0400, 0);
		if (rc == 0)
			rc = renameat(jfd, from, jfd, list.names[i]);
		if (rc != 0)
			fail(err, from);
	}
	arena_free(a);
	return rc;
}
