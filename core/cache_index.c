/* SPDX-License-Identifier: MIT */
#include "core/cache_index.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/sha.h>

#include "core/crc32c.h"
#include "core/error.h"

#define TOUCH_SHARE 8
#define MAX_CHAIN   100000 /* slots with one hash: more is a circle */

_Static_assert(sizeof(struct cache_slot) == CACHE_SLOT_BYTES, "slot size");

void
cache_index_account_key(struct str name, unsigned char key[CACHE_KEY])
{
	SHA256((const unsigned char *)(name.n > 0 ? name.p : ""), name.n, key);
}

uint64_t
cache_id(struct str name)
{
	unsigned char sum[CACHE_KEY];
	uint64_t id;

	cache_index_account_key(name, sum);
	memcpy(&id, sum, sizeof(id));
	return id;
}

int64_t
cache_chain_bytes(const struct cache_chain *chain)
{
	return (int64_t)chain->blocks * CACHE_PAGE_BYTES / CACHE_PAGE_BLOCKS;
}

/* --- slots --- */

static uint32_t
check(uint32_t number, const struct cache_slot *s)
{
	const size_t from = sizeof(s->check);

	return crc32c(crc32c(0, &number, sizeof(number)),
	    (const char *)s + from, sizeof(*s) - from);
}

int
cache_index_read(
    struct cache *c, uint32_t number, struct cache_slot *s, struct error *err)
{
	int rc = cache_db_get(c->db, CACHE_SLOTS, number, s, sizeof(*s), err);

	if (rc < 0)
		return -1;
	if (rc == 0 || s->check != check(number, s))
		return cache_db_damaged(c->db, "a slot is damaged", err);
	return 0;
}

static int
save(struct cache *c, uint32_t number, struct cache_slot *s, struct error *err)
{
	s->check = check(number, s);
	return cache_db_put(c->db, CACHE_SLOTS, number, s, sizeof(*s), err);
}

/* The number of a free slot; 0: an error. */
static uint32_t
take(struct cache *c, struct error *err)
{
	struct cache_ctl *ctl = c->ctl;
	uint32_t number = ctl->free_slot;
	struct cache_slot s;

	if (number == 0)
		return ++ctl->high_slot;
	if (cache_index_read(c, number, &s, err) != 0)
		return 0;
	ctl->free_slot = s.next;
	return number;
}

static int
give_back(struct cache *c, uint32_t number, struct error *err)
{
	struct cache_slot s = { .kind = CACHE_FREE, .next = c->ctl->free_slot };

	c->ctl->free_slot = number;
	return save(c, number, &s, err);
}

/* --- chains of one hash --- */

static uint32_t *
head(struct cache *c, const unsigned char key[CACHE_KEY])
{
	return &c->ctl->heads[crc32c(0, key, CACHE_KEY) % CACHE_HEADS];
}

static int
find(struct cache *c, enum cache_kind kind, const unsigned char *key,
    uint32_t *number, struct cache_slot *s, struct error *err)
{
	uint32_t at = *head(c, key);
	int i;

	for (i = 0; at != 0 && i < MAX_CHAIN; i++) {
		if (cache_index_read(c, at, s, err) != 0)
			return -1;
		*number = at;
		if (s->kind == kind && memcmp(s->key, key, CACHE_KEY) == 0)
			return 1;
		at = s->next;
	}
	return at == 0 ? 0 : cache_db_damaged(c->db, "a circle", err);
}

static void
chain_in(struct cache *c, uint32_t number, struct cache_slot *s)
{
	uint32_t *first = head(c, s->key);

	s->next = *first;
	*first = number;
}

static int
chain_out(struct cache *c, uint32_t number, const struct cache_slot *s,
    struct error *err)
{
	uint32_t *first = head(c, s->key), at = *first;
	struct cache_slot before;
	int i;

	if (at == number) {
		*first = s->next;
		return 0;
	}
	for (i = 0; at != 0 && i < MAX_CHAIN; i++) {
		if (cache_index_read(c, at, &before, err) != 0)
			return -1;
		if (before.next == number) {
			before.next = s->next;
			return save(c, at, &before, err);
		}
		at = before.next;
	}
	return cache_db_damaged(c->db, "a slot is lost", err);
}

int
cache_index_find(struct cache *c, const unsigned char key[CACHE_KEY],
    uint32_t *number, struct cache_slot *s, struct error *err)
{
	return find(c, CACHE_ENTRY, key, number, s, err);
}

/* --- lines --- */

/* Let the neighbour ${number} of an entry point to ${to} instead. */
static int
join(struct cache *c, uint32_t number, enum cache_line line, bool newer,
    uint32_t to, struct error *err)
{
	struct cache_slot s;
	struct cache_link *link = &s.of.entry.links[line];

	if (cache_index_read(c, number, &s, err) != 0)
		return -1;
	if (newer)
		link->newer = to;
	else
		link->older = to;
	return save(c, number, &s, err);
}

static int
line_out(struct cache *c, const struct cache_slot *s, enum cache_line line,
    struct cache_ends *ends, struct error *err)
{
	struct cache_link link = s->of.entry.links[line];

	if (link.older == 0)
		ends->oldest = link.newer;
	else if (join(c, link.older, line, true, link.newer, err) != 0)
		return -1;
	if (link.newer == 0)
		ends->newest = link.older;
	else if (join(c, link.newer, line, false, link.older, err) != 0)
		return -1;
	return 0;
}

static int
line_up(struct cache *c, uint32_t number, struct cache_slot *s,
    enum cache_line line, struct cache_ends *ends, struct error *err)
{
	uint32_t last = ends->newest;

	s->of.entry.links[line] = (struct cache_link){ .older = last };
	ends->newest = number;
	if (last != 0)
		return join(c, last, line, true, number, err);
	ends->oldest = number;
	return 0;
}

/* --- accounts --- */

int
cache_index_account(struct cache *c, struct str name, uint32_t *number,
    struct cache_slot *s, struct error *err)
{
	unsigned char key[CACHE_KEY];

	cache_index_account_key(name, key);
	return find(c, CACHE_ACCOUNT, key, number, s, err);
}

/* What an entry needs of its account, from the slot it names. */
static int
account_of(struct cache *c, const struct cache_slot *entry,
    struct cache_slot *account, struct error *err)
{
	if (cache_index_read(c, entry->of.entry.account, account, err) != 0)
		return -1;
	if (account->kind != CACHE_ACCOUNT || account->of.sum.entries <= 0)
		return cache_db_damaged(c->db, "an account is lost", err);
	return 0;
}

/* Without saving it. */
static int
open_account(struct cache *c, struct str name, uint32_t *number,
    struct cache_slot *s, struct error *err)
{
	int rc = cache_index_account(c, name, number, s, err);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	*s =
	    (struct cache_slot){ .kind = CACHE_ACCOUNT, .n = (uint32_t)name.n };
	cache_index_account_key(name, s->key);
	*number = take(c, err);
	if (*number == 0 || cache_blocks_write(c, name, &s->chain, err) != 0)
		return -1;
	chain_in(c, *number, s);
	return 0;
}

/* One without entries goes: there are no more of them than entries. */
static int
close_account(
    struct cache *c, uint32_t number, struct cache_slot *s, struct error *err)
{
	if (s->of.sum.entries > 0)
		return save(c, number, s, err);
	if (chain_out(c, number, s, err) != 0 ||
	    cache_blocks_free(c, &s->chain, err) != 0)
		return -1;
	return give_back(c, number, err);
}

static void
count(struct cache *c, struct cache_slot *account,
    const struct cache_slot *entry, int sign)
{
	int64_t bytes = sign * cache_chain_bytes(&entry->chain);

	account->of.sum.entries += sign;
	account->of.sum.bytes += bytes;
	c->ctl->entries += sign;
	c->ctl->bytes += bytes;
}

/* --- entries --- */

int
cache_index_add(struct cache *c, struct cache_slot *s, struct str account,
    struct error *err)
{
	uint32_t owner, number;
	struct cache_slot a;

	if (open_account(c, account, &owner, &a, err) != 0 ||
	    (number = take(c, err)) == 0)
		return -1;
	s->kind = CACHE_ENTRY;
	s->of.entry.account = owner;
	s->of.entry.sequence = ++c->ctl->sequence;
	if (line_up(c, number, s, CACHE_LINE_ALL, &c->ctl->line, err) != 0 ||
	    line_up(c, number, s, CACHE_LINE_OWN, &a.of.sum.line, err) != 0)
		return -1;
	chain_in(c, number, s);
	count(c, &a, s, 1);
	if (save(c, number, s, err) != 0)
		return -1;
	return save(c, owner, &a, err);
}

int
cache_index_remove(struct cache *c, uint32_t number, const struct cache_slot *s,
    struct error *err)
{
	struct cache_slot a;

	if (chain_out(c, number, s, err) != 0 ||
	    account_of(c, s, &a, err) != 0 ||
	    line_out(c, s, CACHE_LINE_ALL, &c->ctl->line, err) != 0 ||
	    line_out(c, s, CACHE_LINE_OWN, &a.of.sum.line, err) != 0)
		return -1;
	count(c, &a, s, -1);
	if (give_back(c, number, err) != 0 ||
	    cache_blocks_free(c, &s->chain, err) != 0)
		return -1;
	return close_account(c, s->of.entry.account, &a, err);
}

int
cache_index_touch(
    struct cache *c, uint32_t number, struct cache_slot *s, struct error *err)
{
	uint64_t behind = c->ctl->sequence - s->of.entry.sequence;
	struct cache_slot a;

	if (behind == 0 || behind <= (uint64_t)c->ctl->entries / TOUCH_SHARE)
		return 0;
	s->of.entry.sequence = ++c->ctl->sequence;
	if (account_of(c, s, &a, err) != 0 ||
	    line_out(c, s, CACHE_LINE_ALL, &c->ctl->line, err) != 0 ||
	    line_out(c, s, CACHE_LINE_OWN, &a.of.sum.line, err) != 0 ||
	    line_up(c, number, s, CACHE_LINE_ALL, &c->ctl->line, err) != 0 ||
	    line_up(c, number, s, CACHE_LINE_OWN, &a.of.sum.line, err) != 0 ||
	    save(c, number, s, err) != 0)
		return -1;
	return save(c, s->of.entry.account, &a, err);
}
