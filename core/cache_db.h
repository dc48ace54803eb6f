/* SPDX-License-Identifier: MIT */
/*
 * The Berkeley DB of the response cache: an environment with nothing but a
 * shared buffer pool (no log, no locks, no transactions), which may be used
 * by one thread of all processes at a time (cache_env.h), and must be thrown
 * away when somebody died in it.  Pages of the B-trees have checksums: what
 * is wrong with them ends the environment.  Blocks have their own.
 *
 *	table		access	key			value
 *	index		B-tree	key of the entry	struct cache_record
 *	ages		B-tree	account id, sequence	key of the entry
 *	accounts	B-tree	account id		struct cache_sum, name
 *	blocks		queue	number			cache_blocks.h
 */
#ifndef CORE_CACHE_DB_H
#define CORE_CACHE_DB_H

#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct cache_db;
struct error;

enum cache_table {
	CACHE_INDEX,
	CACHE_AGES,
	CACHE_ACCOUNTS,
	CACHE_BLOCKS,
	CACHE_TABLES
};

/* Bytes of a block, and of the file it is in: two fit a page of 4096. */
#define CACHE_BLOCK_BYTES 2031
#define CACHE_PAGE_BYTES  4096
#define CACHE_PAGE_BLOCKS 2

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
 * cache_db_get(db, table, key, out, max, err):
 * Copy the value under ${key}, or its first ${max} bytes, to ${out}.
 *
 * Returns  the length of the copy, 0 if there is none, -1: ERROR_STORE.
 */
int cache_db_get(struct cache_db *db, enum cache_table table, struct str key,
    void *out, size_t max, struct error *err)
    __attribute__((warn_unused_result));

/*
 * cache_db_next(db, table, key, value, err):
 * Find the first entry from ${*key} on upwards: ${*key} and ${*value} become
 * views of it, valid until the next call of this function.
 *
 * Returns  1, 0 if there is none, -1: ERROR_STORE.
 */
int cache_db_next(struct cache_db *db, enum cache_table table, struct str *key,
    struct str *value, struct error *err) __attribute__((warn_unused_result));

/*
 * cache_db_put(db, table, key, value, err), cache_db_del(db, table, key, err):
 * Write or replace; remove (it need not be there).
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int cache_db_put(struct cache_db *db, enum cache_table table, struct str key,
    struct str value, struct error *err) __attribute__((warn_unused_result));
int cache_db_del(struct cache_db *db, enum cache_table table, struct str key,
    struct error *err) __attribute__((warn_unused_result));

/*
 * cache_db_patch(db, key, head, err):
 * Overwrite the beginning of the block ${key} with ${head}.
 */
int cache_db_patch(struct cache_db *db, struct str key, struct str head,
    struct error *err) __attribute__((warn_unused_result));

/* cache_db_pages(db): pages of all tables, written or not yet. */
int64_t cache_db_pages(struct cache_db *db);

#endif
