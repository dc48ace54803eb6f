/* SPDX-License-Identifier: MIT */
#include "core/cache_blocks.h"

#include <string.h>

#include "core/cache_env.h"
#include "core/crc32c.h"
#include "core/error.h"

/* As it is written, however short the rest of the value is. */
struct block {
	struct cache_head head;
	char payload[CACHE_PAYLOAD];
};

uint32_t
cache_blocks_of(size_t n)
{
	return n == 0 ? 1 : (uint32_t)((n + CACHE_PAYLOAD - 1) / CACHE_PAYLOAD);
}

static struct cache_head
head(uint32_t number, uint32_t next)
{
	const uint32_t pair[2] = { number, next };

	return (struct cache_head){ next, crc32c(0, pair, sizeof(pair)) };
}

/* The first ${n} bytes of a block, its head made sure of. */
static int
load(struct cache *c, uint32_t number, struct block *b, size_t n,
    struct error *err)
{
	int rc = cache_db_get(c->db, CACHE_BLOCKS, number, b, n, err);

	if (rc < 0)
		return -1;
	if (rc == 0 || b->head.next > c->ctl->high_block ||
	    b->head.check != head(number, b->head.next).check)
		return cache_db_damaged(
		    c->db, "a chain of blocks is torn", err);
	return 0;
}

/* The number of a free block; 0: an error. */
static uint32_t
take(struct cache *c, struct error *err)
{
	struct cache_ctl *ctl = c->ctl;
	struct block b = { .head = { 0 } };
	uint32_t number = ctl->free_block;

	if (number == 0)
		return ++ctl->high_block;
	if (load(c, number, &b, sizeof(b.head), err) != 0)
		return 0;
	ctl->free_block = b.head.next;
	ctl->free_blocks--;
	return number;
}

static int
store(struct cache *c, uint32_t number, uint32_t next, struct str part,
    struct error *err)
{
	struct block b = { .head = head(number, next) };

	if (part.n > 0)
		memcpy(b.payload, part.p, part.n);
	return cache_db_put(
	    c->db, CACHE_BLOCKS, number, &b, CACHE_BLOCK_BYTES, err);
}

int
cache_blocks_write(struct cache *c, struct str text, struct cache_chain *chain,
    struct error *err)
{
	uint32_t n = cache_blocks_of(text.n), number, next, i;
	struct str part;

	number = take(c, err);
	*chain = (struct cache_chain){ number, number, n };
	for (i = 0; i < n && number != 0; i++) {
		part = text;
		if (part.n > CACHE_PAYLOAD)
			part.n = CACHE_PAYLOAD;
		text = str_skip(text, part.n);
		next = i + 1 < n ? take(c, err) : 0;
		if (store(c, number, next, part, err) != 0)
			return -1;
		chain->last = number;
		number = next;
	}
	return i == n ? 0 : -1;
}

int
cache_blocks_read(struct cache *c, const struct cache_chain *chain, char *out,
    size_t n, struct error *err)
{
	uint32_t number = chain->first, i;
	struct block b = { .head = { 0 } };
	size_t part;

	for (i = 0; i < chain->blocks; i++) {
		part = n < CACHE_PAYLOAD ? n : CACHE_PAYLOAD;
		if (load(c, number, &b, sizeof(b.head) + part, err) != 0)
			return -1;
		memcpy(out, b.payload, part);
		out += part;
		n -= part;
		if (i + 1 < chain->blocks)
			number = b.head.next;
	}
	if (n != 0 || number != chain->last)
		return cache_db_damaged(
		    c->db, "a chain of blocks is torn", err);
	return 0;
}

int
cache_blocks_free(
    struct cache *c, const struct cache_chain *chain, struct error *err)
{
	struct cache_ctl *ctl = c->ctl;
	struct cache_head end = head(chain->last, ctl->free_block);

	ctl->free_block = chain->first;
	ctl->free_blocks += chain->blocks;
	return cache_db_put(
	    c->db, CACHE_BLOCKS, chain->last, &end, sizeof(end), err);
}
