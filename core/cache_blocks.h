/* SPDX-License-Identifier: MIT */
/*
 * Values of the response cache, in chains of blocks of one size, so that the
 * file never holds more than the ceiling allows, and that a value of any size
 * is freed at once: its chain goes in front of the free ones.
 *
 * A block is struct cache_head and CACHE_PAYLOAD bytes.  The head is checked
 * whenever it is followed, since a chain that leads elsewhere would spread
 * the damage of one value to others; what is behind it is checked with the
 * value.  To be called inside (cache_env.h).
 */
#ifndef CORE_CACHE_BLOCKS_H
#define CORE_CACHE_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "core/cache_db.h"
#include "core/str.h"

struct cache;
struct error;

struct cache_head {
	uint32_t next;  /* block, 0: none */
	uint32_t check; /* CRC-32C of this block's number and next */
};

#define CACHE_PAYLOAD (CACHE_BLOCK_BYTES - sizeof(struct cache_head))

struct cache_chain {
	uint32_t first, last, blocks;
};

/* cache_blocks_of(n): how many ${n} bytes need, at least one. */
uint32_t cache_blocks_of(size_t n);

/*
 * cache_blocks_write(c, text, chain, err):
 * Write ${text}; the caller has made room.
 *
 * Returns  0 with ${*chain}, or -1: ERROR_STORE.
 */
int cache_blocks_write(struct cache *c, struct str text,
    struct cache_chain *chain, struct error *err)
    __attribute__((warn_unused_result));

/*
 * cache_blocks_read(c, chain, out, n, err):
 * Read the ${n} bytes of ${chain} to ${out}.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int cache_blocks_read(struct cache *c, const struct cache_chain *chain,
    char *out, size_t n, struct error *err) __attribute__((warn_unused_result));

/* cache_blocks_free(c, chain, err): 0, or -1: ERROR_STORE. */
int cache_blocks_free(struct cache *c, const struct cache_chain *chain,
    struct error *err) __attribute__((warn_unused_result));

#endif
