/* SPDX-License-Identifier: MIT */
#include "core/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/health.h"
#include "core/mem.h"

#define MAGIC        "sluicehd"
#define VERSION      4u
#define HEAD_BYTES   393216 /* before the room */
#define SHM_BYTES    (HEAD_BYTES + SHM_ROOM_BYTES)
#define ROOM_WAIT_US INT64_C(2000000)
#define BOOT_BYTES   40
#define POLL_NS      1000000L
#define DEAD         INT64_C(-1)
#define START_FIELD  20 /* of /proc/self/stat, counted after "(comm) " */

struct header {
	char magic[8]; /* written last */
	uint32_t version;
	uint32_t arch;
	char boot[BOOT_BYTES];
	uint64_t dev, ino; /* of this very file */
	pthread_mutex_t lease;
	pthread_mutex_t room;
	_Atomic int64_t slots[SHM_SLOTS];
	struct health health;
};

_Static_assert(sizeof(struct header) <= HEAD_BYTES, "header too large");

struct shm {
	struct header *hdr;
	int lockfd;
	int64_t start; /* of this process, read with the first lease */
};

/* What must agree between processes that share a mutex. */
static uint32_t
arch(void)
{
	const uint16_t probe = 1;
	unsigned char low;

	memcpy(&low, &probe, 1);
	return (uint32_t)(sizeof(pthread_mutex_t) << 16 | sizeof(void *) << 8 |
	    low);
}

/* Read a small file of /proc; "" if that is not to be had. */
static void
read_proc(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	if (fd >= 0) {
		n = read(fd, out, size - 1);
		close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
}

static void
boot_id(char out[BOOT_BYTES])
{
	memset(out, 0, BOOT_BYTES);
	read_proc("/proc/sys/kernel/random/boot_id", out, BOOT_BYTES);
}

/*
 * Clock ticks after boot: with the pid, the name of a process.  0: not to be
 * had; DEAD: it has ended, and its parent has not looked yet.
 */
static int64_t
start_time(int64_t pid)
{
	char text[512], path[64];
	const char *p;
	int field;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
	read_proc(path, text, sizeof(text));
	p = strrchr(text, ')');
	if (p != NULL && p[1] == ' ' && (p[2] == 'Z' || p[2] == 'X'))
		return DEAD;
	for (field = 0; p != NULL && field < START_FIELD; field++)
		p = strchr(p + 1, ' ');
	return p != NULL ? strtoll(p, NULL, 10) : 0;
}

static bool
matches(const struct header *h, const struct stat *st)
{
	char boot[BOOT_BYTES];

	boot_id(boot);
	return memcmp(h->magic, MAGIC, sizeof(h->magic)) == 0 &&
	    h->version == VERSION && h->arch == arch() &&
	    memcmp(h->boot, boot, sizeof(boot)) == 0 &&
	    h->dev == (uint64_t)st->st_dev && h->ino == (uint64_t)st->st_ino;
}

static struct header *
map(int fd)
{
	void *p =
	    mmap(NULL, SHM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* The header that is there: 1 with it, 0 if it will not do, -1 with errno. */
static int
map_existing(int dirfd, struct header **out)
{
	struct stat st;
	struct header *h = NULL;
	int fd = openat(dirfd, "hdr", O_RDWR | O_CLOEXEC);

	*out = NULL;
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) == 0 && st.st_size == (off_t)SHM_BYTES)
		h = map(fd);
	close(fd);
	if (h != NULL && !matches(h, &st)) {
		munmap(h, SHM_BYTES);
		h = NULL;
	}
	*out = h;
	return h != NULL;
}

static int
init_mutex(pthread_mutex_t *m)
{
	pthread_mutexattr_t at;
	int rc;

	pthread_mutexattr_init(&at);
	pthread_mutexattr_setpshared(&at, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&at, PTHREAD_MUTEX_ROBUST);
	rc = pthread_mutex_init(m, &at);
	pthread_mutexattr_destroy(&at);
	return rc;
}

static int
fill(struct header *h, const struct stat *st)
{
	if ((errno = init_mutex(&h->lease)) != 0 ||
	    (errno = init_mutex(&h->room)) != 0)
		return -1;
	h->version = VERSION;
	h->arch = arch();
	boot_id(h->boot);
	h->dev = (uint64_t)st->st_dev;
	h->ino = (uint64_t)st->st_ino;
	atomic_store(&h->slots[SHM_DONE_FILES], -1);
	/* Nobody knows what lies in j/: let the next timer have a look. */
	atomic_store(&h->slots[SHM_OLDEST_US], clock_mono_us());
	atomic_thread_fence(memory_order_seq_cst);
	memcpy(h->magic, MAGIC, sizeof(h->magic));
	return 0;
}

/*
 * A fresh header, with flock() held.  fallocate first: a page of a sparse
 * file that the disk has no room for would be a SIGBUS.
 */
static struct header *
create(int dirfd)
{
	struct stat st;
	struct header *h = NULL;
	int fd, rc;

	fd = openat(
	    dirfd, "hdr.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return NULL;
	rc = posix_fallocate(fd, 0, SHM_BYTES);
	if (rc != 0)
		errno = rc;
	else if (fstat(fd, &st) == 0)
		h = map(fd);
	close(fd);
	if (h == NULL)
		return NULL;
	if (fill(h, &st) == 0 && renameat(dirfd, "hdr.tmp", dirfd, "hdr") == 0)
		return h;
	munmap(h, SHM_BYTES);
	return NULL;
}

static struct header *
map_or_create(int dirfd, int lockfd)
{
	struct header *h;

	if (map_existing(dirfd, &h) != 0)
		return h;
	if (flock(lockfd, LOCK_EX) != 0)
		return NULL;
	if (map_existing(dirfd, &h) == 0)
		h = create(dirfd);
	flock(lockfd, LOCK_UN);
	return h;
}

struct shm *
shm_attach(int dirfd, struct error *err)
{
	struct shm *m = mem_new(sizeof(*m));
	const char *what = "lock";

	m->lockfd = openat(dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (m->lockfd >= 0) {
		what = "hdr";
		m->hdr = map_or_create(dirfd, m->lockfd);
	}
	if (m->hdr != NULL)
		return m;
	error_set(err, ERROR_STORE, "%s: %s", what, strerror(errno));
	shm_detach(m);
	return NULL;
}

void
shm_detach(struct shm *m)
{
	if (m == NULL)
		return;
	if (m->hdr != NULL)
		munmap(m->hdr, SHM_BYTES);
	if (m->lockfd >= 0)
		close(m->lockfd);
	free(m);
}

_Atomic int64_t *
shm_slot(struct shm *m, enum shm_slot slot)
{
	return &m->hdr->slots[slot];
}

int64_t
shm_get(struct shm *m, enum shm_slot slot)
{
	return atomic_load(&m->hdr->slots[slot]);
}

void
shm_add(struct shm *m, enum shm_slot slot, int64_t n)
{
	atomic_fetch_add(&m->hdr->slots[slot], n);
}

struct health *
shm_health(struct shm *m)
{
	return &m->hdr->health;
}

static int
lock_mutex(pthread_mutex_t *m, int64_t until_us)
{
	struct timespec ts = { .tv_sec = until_us / 1000000,
		.tv_nsec = until_us % 1000000 * 1000 };

	if (until_us == 0)
		return pthread_mutex_trylock(m);
	return pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &ts);
}

/* The flock of a process that died goes a moment after its mutex. */
static bool
lock_file(int fd, int64_t until_us)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return false;
		if (clock_mono_us() >= until_us)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static void
note_owner(struct shm *m)
{
	if (m->start == 0)
		m->start = start_time(getpid());
	atomic_store(shm_slot(m, SHM_OWNER_PID), getpid());
	atomic_store(shm_slot(m, SHM_OWNER_START), m->start);
	atomic_store(shm_slot(m, SHM_ACQUIRED_US), clock_mono_us());
}

/* What the dead owner was about to ingest is still to be ingested. */
static int
inherit(struct shm *m)
{
	int64_t none = 0;

	shm_add(m, SHM_OWNER_DEATHS, 1);
	atomic_compare_exchange_strong(
	    shm_slot(m, SHM_OLDEST_US), &none, clock_mono_us());
	return pthread_mutex_consistent(&m->hdr->lease);
}

int
shm_lock(struct shm *m, int64_t wait_ms, struct error *err)
{
	int64_t until_us = wait_ms > 0 ? clock_mono_us() + wait_ms * 1000 : 0;
	int rc = lock_mutex(&m->hdr->lease, until_us);

	if (rc == EBUSY || rc == ETIMEDOUT)
		return 0;
	if (rc == EOWNERDEAD)
		rc = inherit(m);
	if (rc != 0)
		return error_set(
		    err, ERROR_STORE, "data_dir: lease: %s", strerror(rc));
	if (!lock_file(m->lockfd, until_us)) {
		pthread_mutex_unlock(&m->hdr->lease);
		return 0;
	}
	note_owner(m);
	return 1;
}

void
shm_unlock(struct shm *m)
{
	atomic_store(shm_slot(m, SHM_OWNER_PID), 0);
	flock(m->lockfd, LOCK_UN);
	pthread_mutex_unlock(&m->hdr->lease);
}

void *
shm_room(struct shm *m)
{
	return (char *)m->hdr + HEAD_BYTES;
}

int
shm_room_lock(struct shm *m, struct error *err)
{
	int rc = lock_mutex(&m->hdr->room, clock_mono_us() + ROOM_WAIT_US);

	if (rc == 0)
		return 0;
	if (rc == EOWNERDEAD)
		rc = pthread_mutex_consistent(&m->hdr->room);
	else
		return error_set(err, ERROR_STORE,
		    "data_dir: limits are locked: %s", strerror(rc));
	return rc == 0
	    ? 1
	    : error_set(err, ERROR_STORE, "data_dir: limits: %s", strerror(rc));
}

void
shm_room_unlock(struct shm *m)
{
	pthread_mutex_unlock(&m->hdr->room);
}

void
shm_process(int64_t *pid, int64_t *start)
{
	*pid = getpid();
	*start = start_time(*pid);
}

bool
shm_process_lives(int64_t pid, int64_t start)
{
	int64_t now;

	if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
		return false;
	now = start_time(pid);
	return now != DEAD && (now == 0 || start == 0 || now == start);
}
