/* SPDX-License-Identifier: MIT */
/*
 * What the response cache knows of its entries: where they are, in which
 * order they were used, and how much each account has.  To be called inside
 * (cache_env.h); any error means that the environment is done with.
 */
#ifndef CORE_CACHE_INDEX_H
#define CORE_CACHE_INDEX_H

#include <stdint.h>

#include "core/cache.h"
#include "core/cache_blocks.h"

struct cache;
struct error;

struct cache_record {
	uint64_t sequence; /* of the last use */
	int64_t stored_us; /* steady clock, as expires_us */
	int64_t expires_us;
	int64_t cost_pusd;
	uint64_t account, route; /* cache_id of their names */
	uint32_t n;              /* bytes in the chain */
	uint32_t crc;            /* of key, times, cost and these bytes */
	struct cache_chain chain;
	uint32_t unused;
};

/* Of an account; its name follows. */
struct cache_sum {
	uint64_t entries;
	int64_t bytes; /* of blocks */
};

#define CACHE_ALL 0 /* no cache_id */

/* cache_id(name): a number that stands for ${name}, never CACHE_ALL. */
uint64_t cache_id(struct str name);

/*
 * cache_index_find(c, key, r, err):
 * Returns  1 with ${*r}, 0 if there is none, -1: ERROR_STORE.
 */
int cache_index_find(struct cache *c, const unsigned char key[CACHE_KEY],
    struct cache_record *r, struct error *err)
    __attribute__((warn_unused_result));

/*
 * cache_index_add(c, key, r, account, err):
 * Add what is not there, as the last one used.
 *
 * Returns  0, or -1: ERROR_STORE; so do the next two.
 */
int cache_index_add(struct cache *c, const unsigned char key[CACHE_KEY],
    struct cache_record *r, struct str account, struct error *err)
    __attribute__((warn_unused_result));

/* cache_index_remove(c, key, r, err): remove it, and free its blocks. */
int cache_index_remove(struct cache *c, const unsigned char key[CACHE_KEY],
    const struct cache_record *r, struct error *err)
    __attribute__((warn_unused_result));

/*
 * cache_index_touch(c, key, r, err):
 * It was used.  Only what has come down by an eighth of the entries is moved
 * up again, so that what is used all the time is but read.
 */
int cache_index_touch(struct cache *c, const unsigned char key[CACHE_KEY],
    struct cache_record *r, struct error *err)
    __attribute__((warn_unused_result));

/*
 * cache_index_next(c, account, sequence, key, err):
 * Find the entry of ${account} (CACHE_ALL: of any) that was used least
 * recently, but not before ${*sequence}.
 *
 * Returns  1 with its ${key} and ${*sequence}, 0 if there is none, -1:
 *          ERROR_STORE.
 */
int cache_index_next(struct cache *c, uint64_t account, uint64_t *sequence,
    unsigned char key[CACHE_KEY], struct error *err)
    __attribute__((warn_unused_result));

/*
 * cache_index_sum(c, account, sum, err):
 * Returns  0 with ${*sum}, or -1: ERROR_STORE.
 */
int cache_index_sum(struct cache *c, uint64_t account, struct cache_sum *sum,
    struct error *err) __attribute__((warn_unused_result));

/*
 * cache_index_account(c, id, sum, name, err):
 * Find the first account from ${*id} on upwards.
 *
 * Returns  1 with ${*id}, ${*sum} and ${*name}, a view until the next look;
 *          0 if there is none; -1: ERROR_STORE.
 */
int cache_index_account(struct cache *c, uint64_t *id, struct cache_sum *sum,
    struct str *name, struct error *err) __attribute__((warn_unused_result));

/* cache_chain_bytes(chain): what it takes in the file. */
int64_t cache_chain_bytes(const struct cache_chain *chain);

#endif
