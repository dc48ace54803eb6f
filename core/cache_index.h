/* SPDX-License-Identifier: MIT */
/*
 * What the response cache knows of its entries: where they are, in which
 * order they were used, and how much each account has.  To be called inside
 * (cache_env.h); any error means that the environment is done with.
 *
 * Entries and accounts are slots, found by hash through the chains that begin
 * in struct cache_ctl.  An entry stands in two lines by last use, of all and
 * of its account; the first of a line is the one to go.  An account's name is
 * in a chain of blocks, as a value is.  Each slot has a checksum, which is
 * looked at whenever it is read.
 */
#ifndef CORE_CACHE_INDEX_H
#define CORE_CACHE_INDEX_H

#include <stdint.h>

#include "core/cache_blocks.h"
#include "core/cache_env.h"

struct error;

enum cache_kind {
	CACHE_FREE,
	CACHE_ENTRY,
	CACHE_ACCOUNT
};

/* The neighbours in a line; 0: none. */
struct cache_link {
	uint32_t older, newer;
};

enum cache_line {
	CACHE_LINE_ALL,
	CACHE_LINE_OWN,
	CACHE_LINES
};

struct cache_entry {
	uint64_t sequence; /* of the last use */
	int64_t stored_us; /* steady clock, as expires_us */
	int64_t expires_us;
	int64_t cost_pusd;
	uint64_t route; /* cache_id of its name */
	struct cache_link links[CACHE_LINES];
	uint32_t account; /* slot */
	uint32_t crc;     /* of key, times, cost and chain */
};

struct cache_sum {
	int64_t entries, bytes;
	struct cache_ends line;
};

struct cache_slot {
	uint32_t check; /* CRC-32C of its number and the rest */
	uint32_t kind;  /* enum cache_kind */
	uint32_t next;  /* in its chain */
	uint32_t n;     /* bytes in the blocks */
	struct cache_chain chain;
	uint32_t unused;
	unsigned char key[CACHE_KEY]; /* of an account: of its name */
	union {
		struct cache_entry entry;
		struct cache_sum sum;
	} of;
};

/* cache_id(name): a number that stands for ${name}. */
uint64_t cache_id(struct str name);

/* cache_index_account_key(name, key): the key of the account ${name}. */
void cache_index_account_key(struct str name, unsigned char key[CACHE_KEY]);

/* cache_chain_bytes(chain): what it takes in the file. */
int64_t cache_chain_bytes(const struct cache_chain *chain);

/*
 * cache_index_read(c, number, s, err):
 * Returns  0 with ${*s}, or -1: ERROR_STORE.
 */
int cache_index_read(struct cache *c, uint32_t number, struct cache_slot *s,
    struct error *err) __attribute__((warn_unused_result));

/*
 * cache_index_find(c, key, number, s, err), cache_index_account(c, name, ...):
 * Find an entry; an account.
 *
 * Returns  1 with ${*number} and ${*s}, 0 if there is none, -1: ERROR_STORE.
 */
int cache_index_find(struct cache *c, const unsigned char key[CACHE_KEY],
    uint32_t *number, struct cache_slot *s, struct error *err)
    __attribute__((warn_unused_result));
int cache_index_account(struct cache *c, struct str name, uint32_t *number,
    struct cache_slot *s, struct error *err)
    __attribute__((warn_unused_result));

/*
 * cache_index_add(c, s, account, err):
 * Add an entry under s->key, which is not there, as the last one used.  Takes
 * a block if the account is new.
 *
 * Returns  0, or -1: ERROR_STORE; so do the next two.
 */
int cache_index_add(struct cache *c, struct cache_slot *s, struct str account,
    struct error *err) __attribute__((warn_unused_result));

/* cache_index_remove(c, number, s, err): remove it, and free its blocks. */
int cache_index_remove(struct cache *c, uint32_t number,
    const struct cache_slot *s, struct error *err)
    __attribute__((warn_unused_result));

/*
 * cache_index_touch(c, number, s, err):
 * It was used.  Only what has come down by an eighth of the entries is moved
 * up again, so that what is used all the time is but read.
 */
int cache_index_touch(struct cache *c, uint32_t number, struct cache_slot *s,
    struct error *err) __attribute__((warn_unused_result));

#endif
