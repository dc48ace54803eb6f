/* SPDX-License-Identifier: MIT */
/*
 * The inside of struct cache, for the modules behind cache.h; and who may be
 * in the environment: one thread of all processes at a time.
 *
 * data_dir/cache has the same header as data_dir (shm.h): the lease is the
 * right to be inside, struct cache_ctl in the header's room says what is
 * there.  Everybody keeps the environment env.<id> open, and looks with each
 * visit whether it is still that one.  If a leaseholder died since it was
 * made, or it has failed, then it is replaced by an empty one: nobody waits
 * for the locks of the dead, since they stay in the one that is gone.
 * Environments that keep killing or failing are made once a minute only.
 *
 * The disk has to hold the header and the regions of Berkeley DB, allocated
 * when they are made (a page that the disk has no room for would be a
 * SIGBUS), and the two queues.  These only grow, and there never are more
 * slots than blocks, since what has a slot has a block; so the number of
 * blocks is all that needs a limit.
 */
#ifndef CORE_CACHE_ENV_H
#define CORE_CACHE_ENV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "core/cache.h"
#include "core/cache_db.h"

struct shm;

enum cache_count {
	CACHE_HITS,
	CACHE_MISSES,
	CACHE_PUTS,
	CACHE_REFUSED,
	CACHE_EVICTIONS,
	CACHE_EXPIRED,
	CACHE_DAMAGED,
	CACHE_BUSY,
	CACHE_WIPES,
	CACHE_COUNTS
};

/* Slots of entries in the order of their use; 0: none. */
struct cache_ends {
	uint32_t oldest, newest;
};

#define CACHE_HEADS (1 << 17)

/* In the header's room.  All but the counters: for who is inside. */
struct cache_ctl {
	int64_t made;        /* SHM_OWNER_DEATHS + 1 at that time; 0: no env */
	int64_t id;          /* of the last one that was made */
	int64_t unsound;     /* those up to this id ended badly */
	int64_t frail;       /* made in a row without a visit that went well */
	int64_t retry_at_us; /* monotonic: leave it alone until then */
	int64_t file_bytes;  /* header and regions */

	struct cache_ends line; /* all entries, by last use */
	uint64_t sequence;      /* of the last use */
	int64_t entries;
	int64_t bytes;      /* in blocks */
	uint32_t free_slot; /* chain of free slots, 0: none; as with blocks: */
	uint32_t free_block;
	uint32_t free_blocks; /* how many */
	uint32_t high_slot;   /* highest number that was ever used */
	uint32_t high_block;
	uint32_t heads[CACHE_HEADS]; /* chains of slots, by hash */

	_Atomic int64_t counts[CACHE_COUNTS];
};

/* Clocks, for tests to replace. */
struct cache_clock {
	int64_t (*wall_us)(void);
	int64_t (*steady_us)(void); /* goes on while the machine sleeps */
};

/* Lock order: lock, then the lease. */
struct cache {
	char *dir; /* data_dir/cache, absolute */
	int dirfd;
	struct shm *shm;
	struct cache_ctl *ctl;
	struct cache_clock clock;
	_Atomic int64_t max_bytes, account_bytes;

	pthread_mutex_t lock;         /* over what follows */
	struct cache_db *db;          /* NULL: not open */
	int64_t id;                   /* of db */
	int abandoned;                /* environments, each with memory lost */
	_Atomic int64_t shy_until_us; /* was busy: do not wait until then */
};

/*
 * cache_enter(c, wait_us, err), cache_leave(c):
 * Enter the environment, waiting at most ${wait_us}, and make one if there
 * is none that works; leave it.
 *
 * Returns  1 inside, 0 if others were busy, -1: ERROR_STORE.
 */
int cache_enter(struct cache *c, int64_t wait_us, struct error *err)
    __attribute__((warn_unused_result));
void cache_leave(struct cache *c);

/*
 * cache_wipe(c, err):
 * Inside: replace the environment by an empty one.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int cache_wipe(struct cache *c, struct error *err)
    __attribute__((warn_unused_result));

/* cache_quit(c): close what this process has open of it. */
void cache_quit(struct cache *c);

/* cache_add(c, count): one more. */
void cache_add(struct cache *c, enum cache_count count);

/* cache_room(c): inside: how many blocks there may be, 0 or more. */
int64_t cache_room(const struct cache *c);

/* cache_file_bytes(c): inside: on the disk, with everything. */
int64_t cache_file_bytes(struct cache *c);

#endif
