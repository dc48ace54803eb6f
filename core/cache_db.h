/* SPDX-License-Identifier: MIT */
/*
 * The Berkeley DB of the response cache: an environment with nothing but a
 * shared buffer pool (no log, no locks, no transactions), which may be used
 * by one thread of all processes at a time (cache_env.h), and must be thrown
 * away when somebody died in it.
 *
 * It has two queues, arrays of records of one size under numbers from 1 on:
 * slots (cache_index.h), 61 a page, and blocks (cache_blocks.h), 4 a page.
 * There is no tree: a page of one that was overwritten with zeros passes for
 * sound, and sends Berkeley DB round in circles.  What a record holds is for
 * its owner to check.
 */
#ifndef CORE_CACHE_DB_H
#define CORE_CACHE_DB_H

#include <stddef.h>
#include <stdint.h>

struct cache_db;
struct error;

enum cache_table {
	CACHE_SLOTS,
	CACHE_BLOCKS,
	CACHE_TABLES
};

#define CACHE_PAGE_BYTES  8192
#define CACHE_SLOT_BYTES  128 /* of a record */
#define CACHE_BLOCK_BYTES 2039
#define CACHE_PAGE_SLOTS  61 /* records a page */
#define CACHE_PAGE_BLOCKS 4

/* What can be done about a failure. */
enum cache_fault {
	CACHE_FINE,
	CACHE_BROKEN, /* a new environment */
	CACHE_UNABLE  /* nothing: memory, descriptors, permissions */
};

/*
 * cache_db_open(home, pool_bytes, fault, err):
 * Make an environment in the empty directory ${home} with that much for its
 * pool; 0: join the one that is there.
 *
 * Returns  the environment, or NULL: ERROR_STORE with ${*fault}.
 */
struct cache_db *cache_db_open(const char *home, size_t pool_bytes,
    enum cache_fault *fault, struct error *err);

/*
 * cache_db_allocate(home):
 * Give the regions of the environment that was just made all the disk they
 * will ever need: a page without would be a SIGBUS.
 *
 * Returns  their bytes, or -1 with errno.
 */
int64_t cache_db_allocate(const char *home);

/* cache_db_close(db): leave a sound environment.  NULL is a no-op. */
void cache_db_close(struct cache_db *db);

/*
 * cache_db_abandon(db, home):
 * Leave an environment in which somebody died: Berkeley DB is not called, as
 * it might wait for the dead.  The mappings and descriptors of the process
 * under ${home} go; some KB of memory cannot.
 */
void cache_db_abandon(struct cache_db *db, const char *home);

/* cache_db_why(db): what has failed since it was opened; NULL: nothing. */
const char *cache_db_why(const struct cache_db *db);

/*
 * cache_db_damaged(db, what, err):
 * Note that what is in there makes no sense.
 *
 * Returns  -1: ERROR_STORE.
 */
int cache_db_damaged(struct cache_db *db, const char *what, struct error *err);

/*
 * cache_db_get(db, table, number, out, n, err):
 * Copy the first ${n} bytes of a record to ${out}.
 *
 * Returns  1, 0 if there is none, -1: ERROR_STORE.
 */
int cache_db_get(struct cache_db *db, enum cache_table table, uint32_t number,
    void *out, size_t n, struct error *err) __attribute__((warn_unused_result));

/*
 * cache_db_put(db, table, number, p, n, err):
 * Write the first ${n} bytes of a record.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int cache_db_put(struct cache_db *db, enum cache_table table, uint32_t number,
    const void *p, size_t n, struct error *err)
    __attribute__((warn_unused_result));

/* cache_db_pages(db): pages of all tables, written or not yet. */
int64_t cache_db_pages(struct cache_db *db);

#endif
