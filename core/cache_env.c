/* SPDX-License-Identifier: MIT */
#include "core/cache_env.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/log.h"
#include "core/shm.h"

#define MAX_POOL_BYTES   (INT64_C(16) << 20)
#define MIN_POOL_BYTES   (INT64_C(256) << 10)
#define POOL_SHARE       16                 /* of the ceiling */
#define REGION_BYTES     (INT64_C(3) << 20) /* of Berkeley DB, about */
#define SPARE_DISK_BYTES (INT64_C(16) << 20)

#define RETRY_US      INT64_C(1000000)
#define MAX_FRAIL     8
#define FRAIL_US      INT64_C(60000000)
#define SHY_US        INT64_C(50000)
#define SHY_WAIT_US   INT64_C(1000)
#define SPIN_US       INT64_C(20) /* a visit or two; to sleep takes longer */
#define QUIT_US       INT64_C(1000000)
#define MAX_ABANDONED 1000 /* about 10 KB each */

_Static_assert(sizeof(struct cache_ctl) <= SHM_ROOM_BYTES, "room too small");

void
cache_add(struct cache *c, enum cache_count count)
{
	atomic_fetch_add(&c->ctl->counts[count], 1);
}

static int64_t
pool_bytes(const struct cache *c)
{
	int64_t n = atomic_load(&c->max_bytes) / POOL_SHARE;

	return n < MIN_POOL_BYTES ? MIN_POOL_BYTES
	    : n > MAX_POOL_BYTES  ? MAX_POOL_BYTES
				  : n;
}

int64_t
cache_room(const struct cache *c)
{
	/* Of what is left: a group has as many slots as blocks. */
	const int64_t group_bytes =
	    CACHE_PAGE_BYTES * (CACHE_PAGE_SLOTS + CACHE_PAGE_BLOCKS);
	const int64_t group_blocks = CACHE_PAGE_SLOTS * CACHE_PAGE_BLOCKS;
	int64_t left = atomic_load(&c->max_bytes) - c->ctl->file_bytes -
	    (CACHE_TABLES + 1) * CACHE_PAGE_BYTES;
	int64_t groups = left / group_bytes;

	if (left <= 0)
		return 0;
	if (groups >= INT32_MAX / group_blocks)
		return INT32_MAX;
	return groups * group_blocks +
	    left % group_bytes * group_blocks / group_bytes;
}

int64_t
cache_file_bytes(struct cache *c)
{
	return c->ctl->file_bytes + cache_db_pages(c->db) * CACHE_PAGE_BYTES;
}

static char *
home_of(const struct cache *c, int64_t id, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/env.%" PRId64, c->dir, id);
	return out;
}

/* --- what this process has open --- */

static void
drop(struct cache *c)
{
	char home[PATH_MAX];

	if (c->db == NULL)
		return;
	if (c->id > c->ctl->unsound) {
		cache_db_close(c->db);
	} else {
		cache_db_abandon(c->db, home_of(c, c->id, home));
		c->abandoned++;
	}
	c->db = NULL;
}

/* What cannot work next time either must not be tried with every call. */
static void
give_up(struct cache *c, int64_t us)
{
	c->ctl->made = 0;
	c->ctl->retry_at_us = clock_mono_us() + us;
}

static int
join(struct cache *c, enum cache_fault *fault, struct error *err)
{
	char home[PATH_MAX];

	drop(c);
	*fault = CACHE_UNABLE;
	if (c->abandoned >= MAX_ABANDONED)
		return error_set(err, ERROR_STORE,
		    "cache: %d environments have failed under this process",
		    c->abandoned);
	c->id = c->ctl->id;
	c->db = cache_db_open(home_of(c, c->id, home), 0, fault, err);
	return c->db != NULL ? 0 : -1;
}

/* --- the files --- */

static void
remove_env(int dirfd, const char *name)
{
	struct arena *a = arena_new(DIR_LIST_BYTES);
	struct error ignored = { .kind = ERROR_NONE };
	struct dir_list list;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t i;

	if (fd >= 0 && dir_read(fd, ".", a, &list, &ignored) == 0)
		for (i = 0; i < list.n; i++)
			unlinkat(fd, list.names[i], 0);
	if (fd >= 0)
		close(fd);
	unlinkat(dirfd, name, AT_REMOVEDIR);
	arena_free(a);
}

static void
remove_envs(int dirfd)
{
	struct arena *a = arena_new(DIR_LIST_BYTES);
	struct error ignored = { .kind = ERROR_NONE };
	struct dir_list list;
	size_t i;

	if (dir_read(dirfd, ".", a, &list, &ignored) == 0)
		for (i = 0; i < list.n; i++)
			if (str_starts(str_of(list.names[i]), "env."))
				remove_env(dirfd, list.names[i]);
	arena_free(a);
}

static int
check_disk(struct cache *c, struct error *err)
{
	int64_t need = pool_bytes(c) + REGION_BYTES + SPARE_DISK_BYTES;
	struct statvfs vfs;

	if (fstatvfs(c->dirfd, &vfs) != 0 ||
	    (int64_t)((uint64_t)vfs.f_bavail * vfs.f_frsize) >= need)
		return 0;
	return error_set(err, ERROR_STORE,
	    "cache: %s: less than %" PRId64 " MB of disk are free", c->dir,
	    need >> 20);
}

static void
clear(struct cache_ctl *ctl)
{
	ctl->line = (struct cache_ends){ 0 };
	ctl->sequence = 0;
	ctl->entries = ctl->bytes = 0;
	ctl->free_slot = ctl->free_block = ctl->free_blocks = 0;
	ctl->high_slot = ctl->high_block = 0;
	memset(ctl->heads, 0, sizeof(ctl->heads));
}

/* An environment in place of all that are there. */
static int
make(struct cache *c, struct error *err)
{
	struct cache_ctl *ctl = c->ctl;
	int64_t now_us = clock_mono_us();
	char home[PATH_MAX];
	enum cache_fault fault;
	struct stat st;

	remove_envs(c->dirfd);
	if (check_disk(c, err) != 0)
		return -1;
	ctl->id = now_us > ctl->id ? now_us : ctl->id + 1;
	home_of(c, ctl->id, home);
	if (mkdir(home, 0700) != 0)
		return error_set(
		    err, ERROR_STORE, "cache: %s: %s", home, strerror(errno));
	c->id = ctl->id;
	c->db = cache_db_open(home, (size_t)pool_bytes(c), &fault, err);
	if (c->db == NULL)
		return -1;
	ctl->file_bytes = cache_db_allocate(home);
	if (ctl->file_bytes < 0 || fstatat(c->dirfd, "hdr", &st, 0) != 0)
		return error_set(
		    err, ERROR_STORE, "cache: %s: %s", home, strerror(errno));
	ctl->file_bytes += st.st_size;
	clear(ctl);
	ctl->made = shm_get(c->shm, SHM_OWNER_DEATHS) + 1;
	return 0;
}

/* If one dies in here, too, then the next begins again. */
static int
replace(struct cache *c, struct error *err)
{
	struct cache_ctl *ctl = c->ctl;
	int64_t now_us = clock_mono_us();

	if (now_us < ctl->retry_at_us)
		return error_set(
		    err, ERROR_STORE, "cache: it failed a moment ago");
	ctl->made = 0;
	if (++ctl->frail > MAX_FRAIL)
		ctl->retry_at_us = now_us + FRAIL_US;
	drop(c);
	if (make(c, err) == 0)
		return 0;
	give_up(c, RETRY_US);
	drop(c);
	return -1;
}

int
cache_wipe(struct cache *c, struct error *err)
{
	return replace(c, err);
}

/* Whoever has it open must not even close it. */
static void
condemn(struct cache *c, const char *why)
{
	c->ctl->unsound = c->ctl->id;
	c->ctl->made = 0;
	cache_add(c, CACHE_WIPES);
	log_event(
	    LOG_LEVEL_WARN, "cache", "%s: %s: it is emptied", c->dir, why);
}

/* --- in and out --- */

/* Who was waited for in vain may be stopped: others wait but a little. */
static int64_t
bounded(struct cache *c, int64_t wait_us)
{
	bool shy = clock_mono_us() < atomic_load(&c->shy_until_us);

	return shy && wait_us > SHY_WAIT_US ? SHY_WAIT_US : wait_us;
}

static int
lock_process(struct cache *c, int64_t wait_us)
{
	int64_t until_us = clock_mono_us() + wait_us;
	struct timespec ts = { .tv_sec = until_us / 1000000,
		.tv_nsec = until_us % 1000000 * 1000 };

	if (wait_us == 0)
		return pthread_mutex_trylock(&c->lock);
	return pthread_mutex_clocklock(&c->lock, CLOCK_MONOTONIC, &ts);
}

static int
lock_both(struct cache *c, int64_t wait_us, struct error *err)
{
	int rc;

	if (lock_process(c, wait_us) != 0)
		return 0;
	rc = shm_lock(c->shm, (wait_us + 999) / 1000, err);
	if (rc != 1)
		pthread_mutex_unlock(&c->lock);
	return rc;
}

/*
 * Who sleeps is late: with more processes than processors he waits for one
 * when he is woken.  So look each microsecond first, for a moment.
 */
static int
lock(struct cache *c, int64_t wait_us, struct error *err)
{
	int64_t now_us = clock_mono_us(), last_us, until_us = now_us + SPIN_US;
	int rc = lock_both(c, 0, err);

	while (rc == 0 && wait_us > 0 && now_us < until_us) {
		last_us = now_us;
		while ((now_us = clock_mono_us()) == last_us)
			;
		rc = lock_both(c, 0, err);
	}
	return rc == 0 && wait_us > 0 ? lock_both(c, wait_us, err) : rc;
}

static void
unlock(struct cache *c)
{
	shm_unlock(c->shm);
	pthread_mutex_unlock(&c->lock);
}

/* What was made before the last death is not entered any more. */
static void
notice_death(struct cache *c)
{
	const struct cache_ctl *ctl = c->ctl;

	if (ctl->made != 0 &&
	    ctl->made != shm_get(c->shm, SHM_OWNER_DEATHS) + 1)
		condemn(c, "a process died in the cache");
}

static int
settle(struct cache *c, struct error *err)
{
	const struct cache_ctl *ctl = c->ctl;
	struct error why = { .kind = ERROR_NONE };
	enum cache_fault fault;

	notice_death(c);
	if (ctl->made != 0) {
		if (c->db != NULL && c->id == ctl->id)
			return 0;
		if (join(c, &fault, &why) == 0)
			return 0;
		if (fault != CACHE_BROKEN)
			return error_set(err, ERROR_STORE, "%s", why.msg);
		condemn(c, why.msg);
	}
	return replace(c, err);
}

int
cache_enter(struct cache *c, int64_t wait_us, struct error *err)
{
	int64_t bound_us = bounded(c, wait_us);
	int rc = lock(c, bound_us, err);

	if (rc == 0 && bound_us > SHY_WAIT_US)
		atomic_store(&c->shy_until_us, clock_mono_us() + SHY_US);
	if (rc != 1)
		return rc;
	atomic_store(&c->shy_until_us, 0);
	if (settle(c, err) == 0)
		return 1;
	unlock(c);
	return -1;
}

void
cache_leave(struct cache *c)
{
	struct cache_ctl *ctl = c->ctl;

	if (c->db != NULL && cache_db_why(c->db) != NULL) {
		condemn(c, cache_db_why(c->db));
		drop(c);
	} else {
		ctl->frail = 0;
		ctl->retry_at_us = 0;
	}
	unlock(c);
}

void
cache_quit(struct cache *c)
{
	struct error ignored = { .kind = ERROR_NONE };
	char home[PATH_MAX];

	if (c->db == NULL)
		return;
	if (lock(c, QUIT_US, &ignored) == 1) {
		notice_death(c);
		drop(c);
		unlock(c);
	} else {
		cache_db_abandon(c->db, home_of(c, c->id, home));
	}
}
