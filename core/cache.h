/* SPDX-License-Identifier: MIT */
/*
 * Storage of the response cache: values under 32-byte keys, in data_dir/cache,
 * shared by all processes.  What a value means is not known here.
 *
 * All of it may vanish at any time: it is a Berkeley DB environment of its
 * own, which is wiped when somebody died inside it, when it is damaged and
 * after a reboot.  What is returned has been checksummed together with its
 * key, so it is never another value.  The least recently used go when bytes
 * run out, of one account or of all.  Lifetimes are measured on a clock that
 * does not jump.
 */
#ifndef CORE_CACHE_H
#define CORE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct arena;
struct cache; /* one a process; for several threads */
struct error;
struct jw;

#define CACHE_KEY             32
#define CACHE_MAX_TTL_US      (INT64_C(366) * 86400 * 1000000)
#define CACHE_MAX_NAME        1024 /* bytes of account or route */
#define CACHE_MAX_VALUE_BYTES ((size_t)4 << 20)

struct cache_item {
	struct str account; /* whose it is; absent: nobody's */
	struct str route;   /* what was asked for; for purges */
	int64_t stored_us;  /* wall clock; of a hit: now less its age */
	int64_t expires_us; /* wall clock */
	int64_t cost_pusd;  /* what a hit saves; -1 unknown */
	struct str value;
};

/*
 * cache_open(data_dir, max_bytes, err):
 * Open the cache in ${data_dir}, to hold at most ${max_bytes} on the disk with
 * all that it needs: some 4 MB and a sixteenth, up to 16 MB, for its pool.
 * These are not made before it is used.
 *
 * Returns  the cache, or NULL: ERROR_STORE; cache_close ends it, and NULL to
 *          that is a no-op.
 */
struct cache *cache_open(
    struct str data_dir, int64_t max_bytes, struct error *err);
void cache_close(struct cache *c);

/*
 * cache_limit(c, max_bytes, account_bytes):
 * Change the ceiling, and what one account may have of it (0: all).  At any
 * time; a much smaller ceiling empties the cache.
 */
void cache_limit(struct cache *c, int64_t max_bytes, int64_t account_bytes);

/*
 * cache_get(c, key, a, item, err):
 * Returns  1 with ${*item} in ${a}; 0 if there is none, which may also mean
 *          that it was damaged, or others were busy; -1: ERROR_STORE.
 * Blocks   some microseconds, up to 20 ms where others are busy: a call to
 *          the provider takes longer.
 */
int cache_get(struct cache *c, const unsigned char key[CACHE_KEY],
    struct arena *a, struct cache_item *item, struct error *err)
    __attribute__((warn_unused_result));

/*
 * cache_put(c, key, item, err):
 * Store ${item}, in place of what is under ${key}.
 *
 * Returns  1; 0 if it was not stored: it is larger than the ceiling or the
 *          account's share, expires within no time or after CACHE_MAX_TTL_US,
 *          or others were busy; -1: ERROR_STORE.
 * Blocks   some 10 us, up to 10 ms.
 */
int cache_put(struct cache *c, const unsigned char key[CACHE_KEY],
    const struct cache_item *item, struct error *err)
    __attribute__((warn_unused_result));

/* What goes: entries that match all that is given; if nothing is, all. */
struct cache_purge {
	struct str account; /* absent: any */
	struct str route;   /* absent: any */
	int64_t older_us;   /* at least this old; 0: any age */
};

/*
 * cache_purge(c, what, n, err):
 * Remove entries, ${*n} of them.  Others go on meanwhile.
 *
 * Returns  0, or -1: ERROR_STORE, also if others were busy for seconds.
 */
int cache_purge(struct cache *c, const struct cache_purge *what, int64_t *n,
    struct error *err) __attribute__((warn_unused_result));

#define CACHE_TOP_ACCOUNTS 20

struct cache_account {
	struct str name; /* "": entries without one */
	int64_t entries, bytes;
};

struct cache_stats {
	int64_t entries;
	int64_t bytes;         /* of values, as they are kept */
	int64_t file_bytes;    /* on the disk, with everything */
	int64_t max_bytes;     /* the ceiling of file_bytes */
	int64_t account_bytes; /* an account's share of it; 0: all */

	/* Since the machine started. */
	int64_t hits, misses, puts;
	int64_t refused;   /* not stored */
	int64_t evictions; /* for want of room */
	int64_t expired;   /* found too old */
	int64_t damaged;   /* entries found damaged */
	int64_t busy;      /* of the misses and the refused */
	int64_t wipes;     /* somebody had died, or it did not work */

	struct cache_account *accounts; /* most bytes first */
	size_t n_accounts;              /* at most CACHE_TOP_ACCOUNTS */
};

/*
 * cache_stats(c, a, st, err):
 * Returns  0 with ${*st}, its accounts in ${a}, or -1: ERROR_STORE.
 */
int cache_stats(struct cache *c, struct arena *a, struct cache_stats *st,
    struct error *err) __attribute__((warn_unused_result));

/* cache_stats_json(st, w): as one object, member by member. */
void cache_stats_json(const struct cache_stats *st, struct jw *w);

#endif
