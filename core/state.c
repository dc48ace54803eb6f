/* SPDX-License-Identifier: MIT */
#include "core/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/archive.h"
#include "core/clock.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/ingest.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/metrics.h"
#include "core/shm.h"
#include "core/visit.h"

#define INGEST_US       INT64_C(100000)
#define INGEST_MOST_US  INT64_C(500000)
#define BACKLOG_MS      2000 /* older: a trylock has failed too often */
#define BACKLOG_WAIT_MS 200
#define FULL_BYTES      UINT64_C(65536) /* with less nothing can be done */

static int
fail(const struct state *s, const char *what, struct error *err)
{
	return error_set(err, ERROR_STORE, "data_dir %s: %s%s", s->dir, what,
	    strerror(errno));
}

static int
open_dir(int dirfd, const char *path)
{
	return openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/*
 * The directory itself.  Files that another user makes here could not be
 * opened by the owner: a forgotten sudo must not end the service.
 */
static int
open_data_dir(struct state *s, struct error *err)
{
	struct stat st;
	char *real;

	if (dir_make(s->dir) != 0)
		return fail(s, "", err);
	real = realpath(s->dir, NULL);
	if (real == NULL)
		return fail(s, "", err);
	free(s->dir);
	s->dir = real;
	s->dirfd = open_dir(AT_FDCWD, s->dir);
	if (s->dirfd < 0 || fstat(s->dirfd, &st) != 0)
		return fail(s, "", err);
	if (st.st_uid != geteuid())
		return error_set(err, ERROR_STORE,
		    "data_dir %s belongs to user %ld, not to %ld: run as its "
		    "owner",
		    s->dir, (long)st.st_uid, (long)geteuid());
	return 0;
}

/* No call fails for want of them. */
static struct metrics *
open_metrics(struct state *s)
{
	struct error err = { .kind = ERROR_NONE };
	struct metrics *m = metrics_attach(s->dirfd, &err);

	if (m == NULL)
		log_event(LOG_LEVEL_WARN, "metrics", "%s", err.msg);
	return m;
}

static int
open_parts(struct state *s, enum conf_durability durability, struct error *err)
{
	const struct journal_policy policy = {
		.sync = durability == DURABILITY_POWER,
		.rotate_bytes = JOURNAL_ROTATE_BYTES,
		.rotate_us = JOURNAL_ROTATE_US,
	};
	struct error why = { .kind = ERROR_NONE };

	if (mkdirat(s->dirfd, "j", 0700) != 0 && errno != EEXIST)
		return fail(s, "j: ", err);
	s->jfd = open_dir(s->dirfd, "j");
	if (s->jfd < 0)
		return fail(s, "j: ", err);
	if (archive_prepare(s->jfd, err) != 0)
		return -1;
	s->shm = shm_attach(s->dirfd, &why);
	if (s->shm == NULL)
		return error_set(
		    err, ERROR_STORE, "data_dir %s: %s", s->dir, why.msg);
	s->metrics = open_metrics(s);
	s->journal = journal_new(s->jfd, &policy);
	return 0;
}

struct state *
state_open(
    struct str data_dir, enum conf_durability durability, struct error *err)
{
	struct state *s = mem_new(sizeof(*s));

	s->dir = mem_new(data_dir.n + 1);
	if (data_dir.n > 0)
		memcpy(s->dir, data_dir.p, data_dir.n);
	s->dirfd = s->jfd = -1;
	pthread_mutex_init(&s->visit, NULL);
	if (open_data_dir(s, err) == 0 && open_parts(s, durability, err) == 0)
		return s;
	state_close(s);
	return NULL;
}

void
state_close(struct state *s)
{
	if (s == NULL)
		return;
	journal_free(s->journal);
	metrics_detach(s->metrics);
	shm_detach(s->shm);
	if (s->jfd >= 0)
		close(s->jfd);
	if (s->dirfd >= 0)
		close(s->dirfd);
	pthread_mutex_destroy(&s->visit);
	free(s->dir);
	free(s);
}

static int
appended(struct state *s, int rc)
{
	int64_t none = 0, now_us = clock_mono_us();

	if (rc != 0)
		return -1;
	atomic_store(&s->appended_us, now_us);
	atomic_compare_exchange_strong(
	    shm_slot(s->shm, SHM_OLDEST_US), &none, now_us);
	return 0;
}

int
state_append(struct state *s, struct str payload, struct error *err)
{
	return appended(s, journal_append(s->journal, payload, err));
}

int
state_note(struct state *s, struct str payload, struct error *err)
{
	return appended(s, journal_note(s->journal, payload, err));
}

void
state_retain(struct state *s, int64_t days)
{
	atomic_store(&s->retention_days, days);
}

struct pass {
	bool remain;
};

/* Who is behind takes longer: records that come all the while are no reason
 * never to get to the end, and what a visit costs is shared by more. */
static int64_t
ingest_us(struct state *s)
{
	int64_t us = INGEST_US + state_backlog_ms(s) * 1000 / 4;

	return us < INGEST_MOST_US ? us : INGEST_MOST_US;
}

static int
ingest_some(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct pass *p = arg;
	int rc = ingest(s, store, ingest_us(s), err);

	p->remain = rc == 1;
	return rc < 0 ? -1 : 0;
}

int
state_ingest(struct state *s, int64_t wait_ms, struct error *err)
{
	struct pass p = { .remain = false };

	if (clock_mono_us() < shm_get(s->shm, SHM_RETRY_AT_US))
		return error_set(err, ERROR_STORE,
		    "data_dir %s: the database failed a moment ago", s->dir);
	if (wait_ms == 0 && state_backlog_ms(s) > BACKLOG_MS)
		wait_ms = BACKLOG_WAIT_MS;
	if (visit(s, wait_ms, ingest_some, &p, err) < 0)
		return -1;
	return p.remain;
}

bool
state_dirty(struct state *s)
{
	return atomic_load(&s->appended_us) > shm_get(s->shm, SHM_COVERED_US);
}

int64_t
state_backlog_ms(struct state *s)
{
	int64_t oldest_us = shm_get(s->shm, SHM_OLDEST_US);

	return oldest_us == 0 ? 0 : (clock_mono_us() - oldest_us) / 1000;
}

int64_t
state_ingested_us(struct state *s)
{
	return shm_get(s->shm, SHM_LAST_INGEST_US);
}

struct health *
state_targets(struct state *s)
{
	return shm_health(s->shm);
}

struct metrics *
state_metrics(struct state *s)
{
	return s->metrics;
}

bool
state_disk_full(struct state *s)
{
	struct statvfs vfs;

	return fstatvfs(s->jfd, &vfs) == 0 &&
	    ((uint64_t)vfs.f_bavail * vfs.f_frsize < FULL_BYTES ||
		(vfs.f_files > 0 && vfs.f_favail == 0));
}

int
state_health(struct state *s, struct error *err)
{
	struct statvfs vfs;

	if (faccessat(s->jfd, ".", W_OK | X_OK, AT_EACCESS) != 0)
		return fail(s, "j: ", err);
	if (fstatvfs(s->jfd, &vfs) != 0)
		return fail(s, "j: ", err);
	if ((vfs.f_flag & ST_RDONLY) != 0) {
		errno = EROFS;
		return fail(s, "", err);
	}
	return journal_check(s->journal, state_disk_full(s), err);
}
