/* SPDX-License-Identifier: MIT */
/*
 * The header that all processes of a data_dir map: the lease, a few 64-bit
 * atomics, and the health of targets (health.h).
 *
 * The file hdr holds magic, layout version, architecture, boot id and its own
 * device and inode; a header that does not match (reboot, restored copy,
 * damage, another version of the program) is replaced by a fresh file, never
 * changed in place, since a process that has the old one mapped may hold its
 * mutex.  What it holds can therefore be lost, and may only be what can be.
 *
 * The lease is the right to be inside Berkeley DB, for one thread of the
 * whole pool.  It is a robust mutex in the header, which gives timed waits
 * and notices a dead owner, and within it flock() on the file lock, which
 * also holds between processes that map different headers.
 */
#ifndef CORE_SHM_H
#define CORE_SHM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct health;
struct shm;

/* The atomics.  Times are monotonic microseconds, which all processes of one
 * boot share.  New ones go to the end. */
enum shm_slot {
	SHM_OWNER_PID,   /* leaseholder, 0: nobody */
	SHM_OWNER_START, /* its start time, clock ticks after boot */
	SHM_ACQUIRED_US, /* when it took the lease */
	SHM_KEYS_GEN,    /* moves when keys.snap has been replaced */
	SHM_OLDEST_US,   /* oldest append no ingest has covered; 0: none */
	SHM_COVERED_US,  /* appends before this are in the database */
	SHM_LAST_INGEST_US,
	SHM_RETRY_AT_US, /* the database failed: leave it alone until then */
	SHM_FAULTS,      /* visits in a row that found it damaged */
	SHM_ENTERED,     /* visits since the last that got anywhere */
	SHM_DONE_FILES,  /* about what j/done holds; -1: not counted yet */
	SHM_DONE_BYTES,
	SHM_OWNER_DEATHS,  /* counters: leaseholders that died */
	SHM_INGESTED,      /* records brought into the database */
	SHM_BAD_RECORDS,   /* copied to j/bad */
	SHM_UNKNOWN_CALLS, /* swept after the death of their process */
	SHM_REBUILDS,      /* databases set aside and rebuilt */
	SHM_ACCOUNTS_GEN,  /* as SHM_KEYS_GEN, for accounts.snap */
	SHM_BUDGETS_GEN,   /* and budgets.snap */
	SHM_PRUNED_US,     /* when retention was last seen to */
	SHM_TRIALS_DUE_US, /* when the next trial is due; 0: look */
	SHM_SLOTS = 64
};

/*
 * shm_attach(dirfd, err), shm_detach(m):
 * Map the header in directory ${dirfd}; make it if it is missing or not ours.
 *
 * Returns  the mapping, or NULL: ERROR_STORE with the file and the reason.
 *          NULL to shm_detach is a no-op.
 */
struct shm *shm_attach(int dirfd, struct error *err);
void shm_detach(struct shm *m);

/*
 * shm_slot(m, slot):
 * Returns  the atomic; valid until shm_detach.
 */
_Atomic int64_t *shm_slot(struct shm *m, enum shm_slot slot);

/* shm_get(m, slot), shm_add(m, slot, n): read one, add to one. */
int64_t shm_get(struct shm *m, enum shm_slot slot);
void shm_add(struct shm *m, enum shm_slot slot, int64_t n);

/*
 * shm_health(m):
 * Returns  the table of targets; valid until shm_detach.
 */
struct health *shm_health(struct shm *m);

/*
 * shm_lock(m, wait_ms, err):
 * Take the lease, waiting at most ${wait_ms} (0: not at all).
 *
 * Returns  1 with the lease, 0 if somebody else holds it, -1: ERROR_STORE.
 */
int shm_lock(struct shm *m, int64_t wait_ms, struct error *err)
    __attribute__((warn_unused_result));
void shm_unlock(struct shm *m);

/*
 * shm_room(m):
 * Returns  SHM_ROOM_BYTES for running sums (limit_room.h), all zero in a
 *          fresh header; to be read and changed with their lock only.
 */
#define SHM_ROOM_BYTES ((size_t)1 << 20)
void *shm_room(struct shm *m);

/*
 * shm_room_lock(m, err), shm_room_unlock(m):
 * The room's own lock: for microseconds, never while waiting for anything.
 *
 * Returns  0; 1 if its last owner died with it, so that what is there may be
 *          half done; -1: ERROR_STORE.
 * Blocks   at most 2 s: its owner may have been stopped.
 */
int shm_room_lock(struct shm *m, struct error *err)
    __attribute__((warn_unused_result));
void shm_room_unlock(struct shm *m);

/*
 * shm_process(pid, start), shm_process_lives(pid, start):
 * The name of this process among all of this boot; whether the process of
 * that name still runs.
 */
void shm_process(int64_t *pid, int64_t *start);
bool shm_process_lives(int64_t pid, int64_t start);

#endif
