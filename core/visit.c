/* SPDX-License-Identifier: MIT */
#include "core/visit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "core/archive.h"
#include "core/backup.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/shm.h"
#include "core/store.h"

#define PATIENCE_MS    2000
#define RETRY_NS       50000000L
#define DEGRADED_US    INT64_C(5000000)
#define MAX_FAULTS     3
#define MAX_DEATHS     8
#define DEATH_PAUSE_US INT64_C(60000000)
#define BALLAST_BYTES  (4 << 20)
#define LOW_BYTES      (UINT64_C(8) << 20)
#define PLENTY_BYTES   (UINT64_C(64) << 20)

/* Try to open; a damage found on a full disk is put down to the disk. */
static struct store *
open_once(struct state *s, enum store_fault *fault, struct error *err)
{
	struct store *store;
	struct statvfs vfs;

	error_clear(err);
	store = store_open(s->dir, fault, err);
	if (*fault == STORE_BROKEN && fstatvfs(s->dirfd, &vfs) == 0 &&
	    (uint64_t)vfs.f_bavail * vfs.f_frsize < LOW_BYTES)
		*fault = STORE_FULL;
	return store;
}

static int
mark(struct state *s, const char *name, struct error *err)
{
	int fd = openat(s->dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_set(err, ERROR_STORE, "data_dir: %s: %s", name,
		    strerror(errno));
	close(fd);
	return fsync(s->dirfd);
}

bool
visit_is_marked(struct state *s, const char *name)
{
	return faccessat(s->dirfd, name, F_OK, 0) == 0;
}

/* In this order: a crash in between ingests into the old one. */
static int
set_aside(struct state *s, struct error *err)
{
	if (mark(s, VISIT_RESTORING, err) != 0 ||
	    archive_restore(s->jfd, err) != 0 ||
	    store_set_aside(s->dir, err) != 0)
		return -1;
	atomic_store(shm_slot(s->shm, SHM_DONE_FILES), -1);
	atomic_store(shm_slot(s->shm, SHM_FAULTS), 0);
	shm_add(s->shm, SHM_REBUILDS, 1);
	return 0;
}

int
visit_rebuild(struct state *s, const char *from, struct error *err)
{
	struct error why = { .kind = ERROR_NONE };
	int rc;

	if (set_aside(s, err) != 0)
		return -1;
	rc = backup_restore(s->dir, from, &why);
	if (rc < 0 && from != NULL)
		return error_set(err, ERROR_STORE, "%s", why.msg);
	if (rc < 0) /* the journals since it may still be all there are */
		log_event(LOG_LEVEL_ERROR, "store",
		    "the last backup is of no use: %s", why.msg);
	if (mark(s, VISIT_SALVAGE, err) != 0)
		return -1;
	unlinkat(s->dirfd, VISIT_RESTORING, 0);
	return rc != 0;
}

static int
rebuild(struct state *s, struct error *err)
{
	int rc;

	log_event(LOG_LEVEL_ERROR, "store",
	    "%s: the database is damaged (%s); it is set aside as env.bad.* "
	    "and rebuilt from journals and the last backup; `sluice recover` "
	    "may find more",
	    s->dir, err->msg);
	error_clear(err);
	rc = visit_rebuild(s, NULL, err);
	store_prune_bad(s->dir, 0);
	return rc < 0 ? -1 : 0;
}

/* S0 to S4. */
static struct store *
open_store(struct state *s, struct error *err)
{
	const struct timespec pause = { .tv_nsec = RETRY_NS };
	enum store_fault fault = STORE_BROKEN;
	struct store *store = NULL;

	if (shm_get(s->shm, SHM_FAULTS) < MAX_FAULTS &&
	    !visit_is_marked(s, VISIT_RESTORING)) {
		store = open_once(s, &fault, err);
		if (store != NULL)
			return store;
		if (fault == STORE_FULL)
			unlinkat(s->dirfd, "ballast", 0);
		else
			nanosleep(&pause, NULL);
		store = open_once(s, &fault, err);
	}
	if (store != NULL || fault != STORE_BROKEN || rebuild(s, err) != 0)
		return store;
	return open_once(s, &fault, err);
}

/* Something to give back when the disk is full; a comfort, not a duty. */
static void
keep_ballast(struct state *s)
{
	struct statvfs vfs;
	int fd;

	if (faccessat(s->dirfd, "ballast", F_OK, 0) == 0 ||
	    fstatvfs(s->dirfd, &vfs) != 0 ||
	    (uint64_t)vfs.f_bavail * vfs.f_frsize < PLENTY_BYTES)
		return;
	fd = openat(s->dirfd, "ballast", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (posix_fallocate(fd, 0, BALLAST_BYTES) != 0)
		unlinkat(s->dirfd, "ballast", 0);
	close(fd);
}

static void
retry_after(struct state *s, int64_t us)
{
	atomic_store(shm_slot(s->shm, SHM_RETRY_AT_US), clock_mono_us() + us);
}

/* Remember for the next visit how this one went. */
static void
note_fault(struct state *s, enum store_fault fault)
{
	if (fault == STORE_BROKEN)
		shm_add(s->shm, SHM_FAULTS, 1);
	else if (fault == STORE_FINE)
		atomic_store(shm_slot(s->shm, SHM_FAULTS), 0);
	if (fault != STORE_FINE)
		retry_after(s, DEGRADED_US);
}

/* With the lease held. */
static int
work(struct state *s, visit_body *body, void *arg, struct error *err)
{
	struct error why = { .kind = ERROR_NONE };
	struct store *store = open_store(s, &why);
	int rc;

	if (store == NULL) {
		retry_after(s, DEGRADED_US);
		return error_set(err, ERROR_STORE, "%s", why.msg);
	}
	rc = body(s, store, arg, err);
	note_fault(s, store_fault(store));
	store_close(store);
	keep_ballast(s);
	return rc;
}

/* Is it too dangerous in there? */
static int
dare(struct state *s, struct error *err)
{
	int64_t deaths = shm_get(s->shm, SHM_ENTERED);

	if (deaths >= MAX_DEATHS) {
		if (clock_mono_us() < shm_get(s->shm, SHM_RETRY_AT_US))
			return error_set(err, ERROR_STORE,
			    "database: %" PRId64
			    " processes in a row died inside it",
			    deaths);
		retry_after(s, DEATH_PAUSE_US);
	}
	shm_add(s->shm, SHM_ENTERED, 1);
	return 0;
}

static int
lock_process(struct state *s, int64_t wait_ms)
{
	int64_t until_us = clock_mono_us() + wait_ms * 1000;
	struct timespec ts = { .tv_sec = until_us / 1000000,
		.tv_nsec = until_us % 1000000 * 1000 };

	if (wait_ms == 0)
		return pthread_mutex_trylock(&s->visit);
	return pthread_mutex_clocklock(&s->visit, CLOCK_MONOTONIC, &ts);
}

/* Take process lock and lease: 0, 1 if somebody has them, -1. */
static int
enter(struct state *s, int64_t wait_ms, struct error *err)
{
	int rc;

	if (lock_process(s, wait_ms) != 0)
		return 1;
	rc = shm_lock(s->shm, wait_ms, err);
	if (rc == 1)
		return 0;
	pthread_mutex_unlock(&s->visit);
	return rc == 0 ? 1 : -1;
}

static void
leave(struct state *s)
{
	shm_unlock(s->shm);
	pthread_mutex_unlock(&s->visit);
}

int
visit(struct state *s, int64_t wait_ms, visit_body *body, void *arg,
    struct error *err)
{
	int rc = enter(s, wait_ms, err);

	if (rc != 0)
		return rc;
	rc = dare(s, err);
	if (rc == 0) {
		rc = work(s, body, arg, err);
		atomic_store(shm_slot(s->shm, SHM_ENTERED), 0);
	}
	leave(s);
	return rc;
}

static int
busy(struct state *s, struct error *err)
{
	return error_set(err, ERROR_STORE,
	    "database: busy for %d s; its lease is held by process %" PRId64,
	    PATIENCE_MS / 1000, shm_get(s->shm, SHM_OWNER_PID));
}

int
visit_patiently(struct state *s, visit_body *body, void *arg, struct error *err)
{
	int rc = visit(s, PATIENCE_MS, body, arg, err);

	return rc == 1 ? busy(s, err) : rc;
}

struct lone_txn {
	int (*body)(struct txn *t, void *arg);
	void *arg;
};

static int
run_txn(struct state *s, struct store *store, void *arg, struct error *err)
{
	const struct lone_txn *lone = arg;

	(void)s;
	return store_txn(store, lone->body, lone->arg, err);
}

int
visit_txn(struct state *s, int (*body)(struct txn *t, void *arg), void *arg,
    struct error *err)
{
	struct lone_txn lone = { body, arg };

	return visit_patiently(s, run_txn, &lone, err);
}

int
visit_closed(struct state *s, visit_body *body, void *arg, struct error *err)
{
	int rc = enter(s, PATIENCE_MS, err);

	if (rc != 0)
		return rc == 1 ? busy(s, err) : rc;
	rc = body(s, NULL, arg, err);
	leave(s);
	return rc;
}
