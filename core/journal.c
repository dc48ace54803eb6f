/* SPDX-License-Identifier: MIT */
#include "core/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/crc32c.h"
#include "core/error.h"
#include "core/journal_format.h"
#include "core/mem.h"

#define RETRY_US INT64_C(1000000) /* between attempts at a new file */

struct journal {
	pthread_mutex_t lock;
	int dirfd;
	struct journal_policy policy;
	char proc[JOURNAL_PROC_BYTES]; /* "" before the first file */
	int lifefd;                    /* file 0, -1 before */
	int fd;                        /* the file written to, or -1 */
	unsigned seq;                  /* of fd */
	int64_t bytes;                 /* written to fd */
	int64_t rotate_us;             /* when fd gets too old */
	bool low;                      /* no room could be reserved */
	int64_t retry_us;              /* low: when to try that again */
	bool unsynced;                 /* a name in dirfd is not on disk yet */
	pthread_cond_t turn;           /* a sync has ended */
	bool syncing;                  /* somebody is at it, without the lock */
	int64_t written, synced;       /* records: so far; on disk */
	int64_t lost_from, lost;       /* those whose sync has failed */
	struct buf record;
};

struct journal *
journal_new(int dirfd, const struct journal_policy *policy)
{
	struct journal *j = mem_new(sizeof(*j));

	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->turn, NULL);
	j->dirfd = dirfd;
	j->policy = *policy;
	j->lifefd = -1;
	j->fd = -1;
	buf_init(&j->record, JOURNAL_HEAD + JOURNAL_MAX_PAYLOAD + 1);
	return j;
}

/* Done with the file: give back what was reserved but not used. */
static void
trim(const struct journal *j)
{
	if (j->fd >= 0 && ftruncate(j->fd, (off_t)j->bytes) != 0)
		return; /* the archive tries again */
}

void
journal_free(struct journal *j)
{
	if (j == NULL)
		return;
	trim(j);
	if (j->fd >= 0 && j->fd != j->lifefd)
		close(j->fd);
	if (j->lifefd >= 0)
		close(j->lifefd);
	buf_release(&j->record);
	pthread_cond_destroy(&j->turn);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

static int
create(const struct journal *j, const char *name)
{
	return openat(j->dirfd, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static int
name_process(char proc[JOURNAL_PROC_BYTES])
{
	uint32_t r;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return -1;
	snprintf(proc, JOURNAL_PROC_BYTES, "%016" PRId64 "-%ld-%08" PRIx32,
	    clock_wall_us(), (long)getpid(), r);
	return 0;
}

/* File 0 gets its name when it is locked: nobody may find it unlocked. */
static int
create_first(struct journal *j)
{
	char proc[JOURNAL_PROC_BYTES];
	char tmp[JOURNAL_NAME_BYTES], name[JOURNAL_NAME_BYTES];
	int fd;

	if (name_process(proc) != 0)
		return -1;
	snprintf(tmp, sizeof(tmp), "%s.tmp", proc);
	journal_name(name, str_of(proc), 0);
	fd = create(j, tmp);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 ||
	    renameat(j->dirfd, tmp, j->dirfd, name) != 0) {
		unlinkat(j->dirfd, tmp, 0);
		close(fd);
		return -1;
	}
	memcpy(j->proc, proc, sizeof(proc));
	j->lifefd = fd;
	return fd;
}

static int
create_next(struct journal *j)
{
	char name[JOURNAL_NAME_BYTES];

	journal_name(name, str_of(j->proc), j->seq + 1);
	return create(j, name);
}

static void
set_low(struct journal *j, bool low)
{
	j->low = low;
	j->retry_us = low ? clock_mono_us() + RETRY_US : 0;
}

/*
 * Reserve the file's blocks now, so that the closing records of calls that
 * are under way have room on a full disk.
 */
static void
reserve(struct journal *j)
{
	int rc = fallocate(
	    j->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)j->policy.rotate_bytes);

	set_low(j, rc != 0 && (errno == ENOSPC || errno == EDQUOT));
}

/*
 * Sync what is written, for all who wait: the lock is given back meanwhile,
 * so that the next group can be written.
 */
static void
sync_group(struct journal *j)
{
	int64_t up_to = j->written;
	bool name = j->unsynced;
	int fd = j->fd, rc = 0;

	j->syncing = true;
	pthread_mutex_unlock(&j->lock);
	if (name)
		rc = fsync(j->dirfd);
	if (rc == 0)
		rc = fdatasync(fd);
	pthread_mutex_lock(&j->lock);
	j->syncing = false;
	if (rc == 0) {
		j->synced = up_to;
		j->unsynced = j->unsynced && !name;
	} else {
		j->lost_from = j->synced; /* the kernel says so but once */
		j->lost = up_to;
	}
	pthread_cond_broadcast(&j->turn);
}

/* Durability "power": record number ${n} reaches the disk. */
static int
wait_for_sync(struct journal *j, int64_t n)
{
	while (j->policy.sync && j->synced < n && j->lost < n) {
		if (j->syncing)
			pthread_cond_wait(&j->turn, &j->lock);
		else
			sync_group(j);
	}
	if (n <= j->lost && n > j->lost_from) {
		errno = EIO;
		return -1;
	}
	return 0;
}

/* Until nobody syncs the file written to, and nobody will have to. */
static void
leave_file(struct journal *j)
{
	while (j->syncing ||
	    (j->policy.sync && j->synced < j->written &&
		j->lost < j->written)) {
		if (j->syncing)
			pthread_cond_wait(&j->turn, &j->lock);
		else
			sync_group(j);
	}
}

/*
 * A new file to write to.  Failing to make one is no reason to stop while
 * the old one can be written to.
 */
static int
rotate(struct journal *j)
{
	bool first = j->lifefd < 0;
	int fd;

	leave_file(j);
	fd = first ? create_first(j) : create_next(j);
	if (fd < 0) {
		set_low(j, !first);
		return first ? -1 : 0;
	}
	trim(j);
	if (j->fd != j->lifefd && j->fd >= 0)
		close(j->fd);
	j->seq = first ? 0 : j->seq + 1;
	j->fd = fd;
	j->bytes = 0;
	j->rotate_us = clock_mono_us() + j->policy.rotate_us;
	j->unsynced = true;
	reserve(j);
	return 0;
}

/* See to it that fd is a file to write the next record to. */
static int
prepare(struct journal *j)
{
	int64_t now_us = clock_mono_us();

	if (j->low && now_us < j->retry_us)
		return 0;
	if (j->fd < 0 || j->bytes >= j->policy.rotate_bytes ||
	    now_us >= j->rotate_us)
		return rotate(j);
	if (j->low)
		reserve(j);
	return 0;
}

static void
put32(unsigned char *p, uint32_t v)
{
	p[0] = (unsigned char)v;
	p[1] = (unsigned char)(v >> 8);
	p[2] = (unsigned char)(v >> 16);
	p[3] = (unsigned char)(v >> 24);
}

static void
frame(struct buf *b, struct str payload)
{
	unsigned char numbers[8];
	uint32_t crc;

	put32(numbers, (uint32_t)payload.n);
	crc = crc32c(0, numbers, 4);
	put32(numbers + 4, crc32c(crc, payload.p, payload.n));
	buf_reset(b);
	buf_adds(b, JOURNAL_MAGIC);
	buf_add(b, numbers, sizeof(numbers));
	buf_adds(b, payload);
	buf_addch(b, '\n');
}

/*
 * All or nothing: a part of a record is taken back where that works, and
 * else skipped by readers.  That gives up the reserved room, too.
 */
static int
write_record(struct journal *j, struct str record)
{
	ssize_t n = write(j->fd, record.p, record.n);

	if (n == (ssize_t)record.n) {
		j->bytes += n;
		return 0;
	}
	if (n >= 0) {
		if (ftruncate(j->fd, (off_t)j->bytes) != 0)
			j->bytes += n;
		set_low(j, true);
		errno = ENOSPC;
	}
	return -1;
}

static int
append(struct journal *j, struct str payload, bool wait, struct error *err)
{
	int rc = -1;

	if (payload.n > JOURNAL_MAX_PAYLOAD)
		return error_set(err, ERROR_STORE,
		    "journal: a record of %zu bytes is too large", payload.n);
	pthread_mutex_lock(&j->lock);
	if (prepare(j) == 0) {
		frame(&j->record, payload); /* others had the lock meanwhile */
		rc = write_record(j, buf_str(&j->record));
	}
	if (rc == 0)
		j->written++;
	if (rc == 0 && wait)
		rc = wait_for_sync(j, j->written);
	if (rc != 0)
		error_set(
		    err, ERROR_STORE, "data_dir: journal: %s", strerror(errno));
	pthread_mutex_unlock(&j->lock);
	return rc;
}

int
journal_append(struct journal *j, struct str payload, struct error *err)
{
	return append(j, payload, true, err);
}

int
journal_note(struct journal *j, struct str payload, struct error *err)
{
	return append(j, payload, false, err);
}

/* A process that refuses calls appends nothing: look for room here, too. */
int
journal_check(struct journal *j, bool disk_full, struct error *err)
{
	bool low;

	pthread_mutex_lock(&j->lock);
	if (j->fd >= 0 && j->low)
		prepare(j);
	low = j->low || (disk_full && j->fd < 0);
	pthread_mutex_unlock(&j->lock);
	return low
	    ? error_set(err, ERROR_STORE, "data_dir: no room for a new journal")
	    : 0;
}
