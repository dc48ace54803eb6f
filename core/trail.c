/* SPDX-License-Identifier: MIT */
#include "core/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/visit.h"

#define CLIP_BYTES 300

static int
fail(struct error *err, const char *what)
{
	return error_set(
	    err, ERROR_STORE, "data_dir: %s: %s", what, strerror(errno));
}

/* Is ${fd} still what the name stands for, and has it room? */
static bool
is_current(const struct state *s, int fd, bool *full)
{
	struct stat st, now;

	if (fstat(fd, &st) != 0 ||
	    fstatat(s->dirfd, TRAIL_FILE, &now, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	*full = st.st_size >= TRAIL_MAX_BYTES;
	return st.st_ino == now.st_ino && !*full;
}

int
trail_open(struct state *s, struct error *err)
{
	bool full = false;
	int fd, turn;

	for (turn = 0; turn < 3; turn++) {
		fd = openat(s->dirfd, TRAIL_FILE,
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (fd < 0 || flock(fd, LOCK_EX) != 0)
			break;
		if (is_current(s, fd, &full))
			return fd;
		/* The lock is on the old file: nobody else is at this. */
		if (full)
			renameat(
			    s->dirfd, TRAIL_FILE, s->dirfd, TRAIL_OLD_FILE);
		full = false;
		close(fd);
	}
	fail(err, TRAIL_FILE);
	if (fd >= 0)
		close(fd);
	return -1;
}

void
trail_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void
put(struct buf *b, const struct trail_entry *e, struct str change)
{
	char at[CLOCK_TEXT_BYTES];
	struct jw w;

	jw_init(&w, b);
	jw_object(&w);
	jw_kv_cstr(&w, "at", clock_text(clock_wall_us(), at));
	jw_kv_str(&w, "key", str_clip(e->key, CLIP_BYTES));
	jw_kv_str(&w, "action", str_clip(e->action, CLIP_BYTES));
	jw_kv_str(&w, "target", str_clip(e->target, CLIP_BYTES));
	if (e->status > 0)
		jw_kv_i64(&w, "status", e->status);
	else
		jw_kv_null(&w, "status");
	jw_kv_str(&w, "remote", str_clip(e->remote, CLIP_BYTES));
	if (change.p != NULL)
		jw_kv_raw(&w, "change", change);
	else
		jw_kv_null(&w, "change");
	jw_end(&w);
	buf_addch(b, '\n');
}

void
trail_write(int fd, const struct trail_entry *entry)
{
	struct buf b;
	ssize_t n;

	buf_init(&b, TRAIL_LINE_BYTES);
	put(&b, entry, entry->change);
	if (buf_over(&b)) {
		buf_reset(&b);
		put(&b, entry, STR_NONE);
	}
	do {
		n = write(fd, b.p, b.n);
	} while (n < 0 && errno == EINTR);
	buf_release(&b);
}

/* One of the two files, read backwards. */
struct reading {
	struct arena *arena;
	int fd;
	uint64_t inode;
	int64_t end; /* what lies behind has been read */
};

static int
open_log(struct state *s, const char *name, struct reading *r)
{
	struct stat st;

	r->fd = openat(s->dirfd, name, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return errno == ENOENT ? 1 : -1;
	if (fstat(r->fd, &st) != 0)
		return -1;
	r->inode = (uint64_t)st.st_ino;
	r->end = st.st_size;
	return 0;
}

/* Lines from the end on, up to ${limit} in all; the last may be cut. */
static int
read_back(struct reading *r, struct trail_page *page, size_t limit)
{
	size_t want = (limit - page->n) * TRAIL_LINE_BYTES;
	struct error ignored;
	char *p;
	ssize_t n;
	size_t to, at;

	if ((int64_t)want > r->end)
		want = (size_t)r->end;
	p = arena_alloc(r->arena, want + 1);
	n = pread(r->fd, p, want, r->end - (int64_t)want);
	if (n < 0)
		return -1;
	for (to = (size_t)n; to > 0 && page->n < limit; to = at) {
		for (at = to - 1; at > 0 && p[at - 1] != '\n'; at--)
			continue;
		if (at == 0 && r->end > n)
			break; /* its beginning is not here */
		ignored = (struct error){ .kind = ERROR_NONE };
		page->lines[page->n] = (struct str){ p + at, to - 1 - at };
		if (jtext_check(page->lines[page->n], &ignored) == 0)
			page->n++;
	}
	r->end -= (int64_t)((size_t)n - to);
	return 0;
}

/* "<inode>-<offset>", hexadecimal. */
static int
parse_cursor(struct str cursor, uint64_t *inode, int64_t *end)
{
	char text[48], *rest;

	if (cursor.n == 0 || cursor.n >= sizeof(text))
		return -1;
	snprintf(text, sizeof(text), "%.*s", STR_ARG(cursor));
	*inode = strtoull(text, &rest, 16);
	if (rest == text || *rest != '-' || rest[1] == '-')
		return -1;
	*end = strtoll(rest + 1, &rest, 16);
	return *rest == '\0' && *end >= 0 ? 0 : -1;
}

/* The log that ${cursor} is in, which ends there now; 2: none. */
static int
find_log(struct reading logs[2], struct str cursor)
{
	uint64_t inode;
	int64_t end;
	int i;

	if (cursor.p == NULL)
		return 0;
	if (parse_cursor(cursor, &inode, &end) != 0)
		return 2;
	for (i = 0; i < 2; i++) {
		if (logs[i].fd < 0 || logs[i].inode != inode ||
		    end > logs[i].end)
			continue;
		logs[i].end = end;
		break;
	}
	return i;
}

/* From log ${first} back into the one before. */
static int
read_files(
    struct reading logs[2], int first, size_t limit, struct trail_page *page)
{
	int i;

	for (i = first; i < 2 && page->n < limit; i++)
		while (logs[i].fd >= 0 && logs[i].end > 0 && page->n < limit)
			if (read_back(&logs[i], page, limit) != 0)
				return -1;
	for (i = 1; i >= first; i--)
		if (logs[i].fd >= 0 && logs[i].end > 0)
			snprintf(page->next, sizeof(page->next),
			    "%" PRIx64 "-%" PRIx64, logs[i].inode,
			    (uint64_t)logs[i].end);
	return 0;
}

static int
read_logs(struct reading logs[2], struct str cursor, size_t limit,
    struct trail_page *page, struct error *err)
{
	int first = find_log(logs, cursor);

	if (first == 2)
		return error_param(err, "cursor", "is none of this log");
	return read_files(logs, first, limit, page) == 0
	    ? 0
	    : fail(err, TRAIL_FILE);
}

int
trail_read(struct state *s, struct arena *a, struct str cursor, size_t limit,
    struct trail_page *page, struct error *err)
{
	struct reading logs[2] = { { .arena = a, .fd = -1 },
		{ .arena = a, .fd = -1 } };
	int i, rc;

	*page = (struct trail_page){ .lines = ARENA_ARRAY(
					 a, struct str, limit + 1) };
	rc = open_log(s, TRAIL_FILE, &logs[0]) < 0 ||
		open_log(s, TRAIL_OLD_FILE, &logs[1]) < 0
	    ? fail(err, TRAIL_FILE)
	    : read_logs(logs, cursor, limit, page, err);
	for (i = 0; i < 2; i++)
		if (logs[i].fd >= 0)
			close(logs[i].fd);
	return rc;
}
