/* SPDX-License-Identifier: MIT */
#include "core/flight.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/mem.h"

#define MAGIC    "SLF1"
#define MAX_RUNS 8               /* in one file; then a fresh one */
#define TRIES    8               /* to open what others remove */
#define TICK_US  INT64_C(200000) /* look even if nothing wakes us */
#define SOON_US  INT64_C(5000)   /* a lock goes just after its owner */
#define SWEEP_US INT64_C(1000000)
#define LEADER   0 /* the bytes that are locked */
#define FOLLOWER 1

struct head {
	char magic[4];
	uint32_t runs; /* so far */
	int64_t start; /* of the present run */
};

struct flights {
	char *dir; /* NULL: it cannot be made */
	int inotify;
	_Atomic int64_t sweep_us; /* monotonic: not before */
	struct loop *loop;        /* NULL until somebody watches */
	struct flight *watching;
};

struct flight {
	struct flights *fl;
	char *path;
	int fd; /* -1: left */
	bool leads;
	int64_t start, pos; /* of the run; where we are */
	int wd;             /* -1: not watching */
	void (*woken)(void *arg);
	void *arg;
	struct loop_timer tick;
	struct flight *next;
};

/* ---- locks ---- */

static struct flock
lock_of(int byte, short type)
{
	return (struct flock){ .l_type = type,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1 };
}

static bool
lock(int fd, int byte, short type)
{
	struct flock l = lock_of(byte, type);

	return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

/* Has anybody else a lock on ${byte}? */
static bool
is_locked(int fd, int byte)
{
	struct flock l = lock_of(byte, F_WRLCK);

	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/* ---- the folder ---- */

struct flights *
flights_new(struct str data_dir)
{
	struct flights *fl = mem_new(sizeof(*fl));
	size_t n = data_dir.n + sizeof("/flight");

	fl->inotify = -1;
	fl->dir = mem_new(n);
	snprintf(fl->dir, n, "%.*s/flight", STR_ARG(data_dir));
	if (dir_make(fl->dir) != 0) {
		free(fl->dir);
		fl->dir = NULL;
	}
	return fl;
}

void
flights_free(struct flights *fl)
{
	if (fl == NULL)
		return;
	if (fl->inotify >= 0)
		close(fl->inotify);
	free(fl->dir);
	free(fl);
}

/* Is ${path} still what we have open as ${fd}? */
static bool
is_current(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
	    ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/* Nobody leads it, and nobody follows who would go on with it. */
static bool
is_left(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool left =
	    fd >= 0 && !is_locked(fd, LEADER) && !is_locked(fd, FOLLOWER);

	if (fd >= 0)
		close(fd);
	return left;
}

/*
 * As its leader, so that nobody else becomes that meanwhile; who follows us
 * by mistake finds nothing to read.
 */
static void
sweep_one(const char *path)
{
	int fd =
	    is_left(path) ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;

	if (fd < 0)
		return;
	if (lock(fd, LEADER, F_WRLCK) && !is_locked(fd, FOLLOWER) &&
	    is_current(fd, path) && ftruncate(fd, 0) == 0)
		(void)unlink(path);
	close(fd);
}

void
flights_sweep(struct flights *fl)
{
	int64_t now_us = clock_mono_us(), due_us = atomic_load(&fl->sweep_us);
	struct error ignored = { .kind = ERROR_NONE };
	struct dir_list list = { .n = 0 };
	char path[PATH_MAX];
	struct arena *a;
	size_t i;

	if (fl->dir == NULL || now_us < due_us ||
	    !atomic_compare_exchange_strong(
		&fl->sweep_us, &due_us, now_us + SWEEP_US))
		return;
	a = arena_new(DIR_LIST_BYTES);
	if (dir_read(AT_FDCWD, fl->dir, a, &list, &ignored) != 0)
		list.n = 0;
	for (i = 0; i < list.n; i++) {
		snprintf(path, sizeof(path), "%s/%s", fl->dir, list.names[i]);
		sweep_one(path);
	}
	arena_free(a);
}

/* ---- joining ---- */

static bool
read_head(int fd, struct head *h)
{
	return pread(fd, h, sizeof(*h), 0) == (ssize_t)sizeof(*h) &&
	    memcmp(h->magic, MAGIC, sizeof(h->magic)) == 0 &&
	    h->start >= (int64_t)sizeof(*h);
}

/* Begin a run behind what there may be of dead ones. */
static bool
begin_run(struct flight *f)
{
	struct head h = { .runs = 0 };
	struct stat st;

	if (fstat(f->fd, &st) != 0)
		return false;
	if (st.st_size > 0 && !read_head(f->fd, &h))
		h = (struct head){ .runs = MAX_RUNS };
	if (h.runs >= MAX_RUNS) { /* whoever follows it will come back */
		(void)unlink(f->path);
		return false;
	}
	memcpy(h.magic, MAGIC, sizeof(h.magic));
	h.runs++;
	h.start =
	    st.st_size > (int64_t)sizeof(h) ? st.st_size : (int64_t)sizeof(h);
	f->start = f->pos = h.start;
	return pwrite(f->fd, &h, sizeof(h), 0) == (ssize_t)sizeof(h);
}

static void
shut(struct flight *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static bool
try_lead(struct flight *f)
{
	f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	f->leads = f->fd >= 0 && lock(f->fd, LEADER, F_WRLCK) &&
	    is_current(f->fd, f->path) && begin_run(f);
	if (!f->leads)
		shut(f);
	return f->leads;
}

/* With a descriptor that closes in silence: others wake by those that write. */
static bool
try_follow(struct flight *f)
{
	f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (f->fd >= 0 && is_locked(f->fd, LEADER) &&
	    lock(f->fd, FOLLOWER, F_RDLCK) && is_current(f->fd, f->path))
		return true;
	shut(f);
	return false;
}

static void
leave_at_end(void *arg)
{
	flight_leave(arg, false);
}

struct flight *
flight_join(
    struct flights *fl, struct arena *a, const unsigned char key[CACHE_KEY])
{
	struct flight *f = ARENA_NEW(a, struct flight);
	char name[2 * CACHE_KEY + 1];
	int i;

	if (fl->dir == NULL)
		return NULL;
	flights_sweep(fl);
	for (i = 0; i < CACHE_KEY; i++)
		snprintf(name + 2 * i, 3, "%02x", key[i]);
	*f = (struct flight){ .fl = fl, .fd = -1, .wd = -1 };
	f->path = arena_printf(a, "%s/%s", fl->dir, name);
	for (i = 0; i < TRIES && f->fd < 0; i++)
		if (!try_follow(f))
			(void)try_lead(f);
	if (f->fd < 0)
		return NULL;
	arena_defer(a, leave_at_end, f);
	return f;
}

bool
flight_leads(const struct flight *f)
{
	return f->leads && f->fd >= 0;
}

/* ---- the leader ---- */

void
flight_write(struct flight *f, struct str records)
{
	ssize_t n = 0;

	if (f->fd < 0)
		return;
	if (flight_bytes(f) + (int64_t)records.n <= FLIGHT_MAX_BYTES)
		n = pwrite(f->fd, records.p, records.n, f->pos);
	f->pos += n > 0 ? n : 0;
	if (n != (ssize_t)records.n)
		flight_leave(f, false);
}

bool
flight_followed(const struct flight *f)
{
	return f->fd >= 0 && f->leads && is_locked(f->fd, FOLLOWER);
}

int64_t
flight_bytes(const struct flight *f)
{
	return f->pos - f->start;
}

/* ---- followers ---- */

static void
wake(struct flight *f, int64_t next_us)
{
	struct loop *loop = f->fl->loop;

	loop_timer_set(loop, &f->tick, loop_now_us(loop) + next_us);
	f->woken(f->arg);
}

static void
on_tick(void *arg)
{
	wake(arg, TICK_US);
}

/* Each may leave, and others with it, when it is woken: begin anew then. */
static void
wake_all(struct flights *fl, int wd, bool closed)
{
	int64_t due_us = loop_now_us(fl->loop) + (closed ? SOON_US : 0);
	struct flight *f;

	for (f = fl->watching; f != NULL; f = f->next)
		if (f->wd == wd && f->tick.due_us > due_us)
			loop_timer_set(fl->loop, &f->tick, due_us);
}

static void
on_inotify(void *arg, int fd, unsigned events)
{
	_Alignas(struct inotify_event) char bytes[4096];
	struct flights *fl = arg;
	struct inotify_event ev;
	ssize_t n, at;

	(void)events;
	n = read(fd, bytes, sizeof(bytes));
	for (at = 0; at + (ssize_t)sizeof(ev) <= n;
	     at += (ssize_t)(sizeof(ev) + ev.len)) {
		memcpy(&ev, bytes + at, sizeof(ev));
		wake_all(fl, ev.wd, (ev.mask & IN_MODIFY) == 0);
	}
}

/* Without it there are still the ticks. */
static void
open_inotify(struct flights *fl, struct loop *loop)
{
	if (fl->loop != NULL)
		return;
	fl->loop = loop;
	fl->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fl->inotify >= 0 &&
	    loop_watch(loop, fl->inotify, EPOLLIN, on_inotify, fl) == 0)
		return;
	if (fl->inotify >= 0)
		close(fl->inotify);
	fl->inotify = -1;
}

void
flight_watch(
    struct flight *f, struct loop *loop, void (*woken)(void *arg), void *arg)
{
	struct flights *fl = f->fl;
	char path[64];

	open_inotify(fl, loop);
	f->woken = woken;
	f->arg = arg;
	f->tick = (struct loop_timer){ .fn = on_tick, .arg = f };
	f->next = fl->watching;
	fl->watching = f;
	/* By the descriptor: the name may be another file by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	f->wd = fl->inotify < 0
	    ? -1
	    : inotify_add_watch(fl->inotify, path, IN_MODIFY | IN_CLOSE_WRITE);
	loop_timer_set(loop, &f->tick, loop_now_us(loop));
}

/* The present run is another than the one we have read from. */
static bool
has_restarted(struct flight *f)
{
	struct head h;

	if (!read_head(f->fd, &h) || h.start == f->start)
		return false;
	f->start = f->pos = h.start;
	return true;
}

enum flight_news
flight_read(struct flight *f, struct buf *out)
{
	bool led = is_locked(f->fd, LEADER);
	bool first = f->start == 0;
	ssize_t n = 0;
	char *to;

	if (has_restarted(f) && !first)
		return FLIGHT_AGAIN;
	to = f->start == 0 ? NULL : buf_room(out, FLIGHT_PIECE_BYTES);
	if (to != NULL)
		n = pread(f->fd, to, FLIGHT_PIECE_BYTES, f->pos);
	if (n > 0) {
		f->pos += n;
		buf_added(out, (size_t)n);
		return FLIGHT_BYTES;
	}
	return led && !buf_over(out) ? FLIGHT_SILENT : FLIGHT_DEAD;
}

/* ---- leaving ---- */

static void
unwatch(struct flight *f)
{
	struct flights *fl = f->fl;
	struct flight **at = &fl->watching, *other;

	if (f->woken == NULL)
		return;
	f->woken = NULL;
	loop_timer_stop(fl->loop, &f->tick);
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	for (other = fl->watching; other != NULL; other = other->next)
		if (other->wd == f->wd)
			return;
	if (f->wd >= 0)
		(void)inotify_rm_watch(fl->inotify, f->wd);
}

void
flight_leave(struct flight *f, bool done)
{
	if (f == NULL || f->fd < 0)
		return;
	unwatch(f);
	/* Nobody is behind us: nothing needs to be left. */
	if (f->leads && (done || !is_locked(f->fd, FOLLOWER)))
		(void)unlink(f->path);
	shut(f);
}
