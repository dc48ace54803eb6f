/* SPDX-License-Identifier: MIT */
#include "core/cache_index.h"

#include <stddef.h>
#include <string.h>

#include <openssl/sha.h>

#include "core/cache_env.h"
#include "core/error.h"

#define TOUCH_SHARE 8

/* An account's sums as they are kept. */
struct account {
	struct cache_sum sum;
	char name[CACHE_MAX_NAME];
};

/* Where an entry stands in ages: account id and sequence, high byte first. */
struct place {
	unsigned char p[16];
};

uint64_t
cache_id(struct str name)
{
	unsigned char sum[SHA256_DIGEST_LENGTH];
	uint64_t id;

	SHA256((const unsigned char *)(name.n > 0 ? name.p : ""), name.n, sum);
	memcpy(&id, sum, sizeof(id));
	return id == CACHE_ALL ? 1 : id;
}

int64_t
cache_chain_bytes(const struct cache_chain *chain)
{
	return (int64_t)chain->blocks * CACHE_PAGE_BYTES / CACHE_PAGE_BLOCKS;
}

static struct str
bytes(const void *p, size_t n)
{
	return (struct str){ .p = p, .n = n };
}

static struct str
bytes_of_key(const unsigned char key[CACHE_KEY])
{
	return bytes(key, CACHE_KEY);
}

static void
put_u64(unsigned char out[8], uint64_t v)
{
	int i;

	for (i = 7; i >= 0; i--, v >>= 8)
		out[i] = (unsigned char)v;
}

static uint64_t
get_u64(const unsigned char in[8])
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | in[i];
	return v;
}

static struct place
place(uint64_t account, uint64_t sequence)
{
	struct place at;

	put_u64(at.p, account);
	put_u64(at.p + 8, sequence);
	return at;
}

int
cache_index_find(struct cache *c, const unsigned char key[CACHE_KEY],
    struct cache_record *r, struct error *err)
{
	int n = cache_db_get(
	    c->db, CACHE_INDEX, bytes_of_key(key), r, sizeof(*r), err);

	if (n <= 0)
		return n;
	return n == (int)sizeof(*r)
	    ? 1
	    : cache_db_damaged(c->db, "a record is torn", err);
}

static int
set(struct cache *c, const unsigned char key[CACHE_KEY],
    const struct cache_record *r, struct error *err)
{
	return cache_db_put(
	    c->db, CACHE_INDEX, bytes_of_key(key), bytes(r, sizeof(*r)), err);
}

/* --- order --- */

static int
age_put(struct cache *c, uint64_t account, uint64_t sequence,
    const unsigned char key[CACHE_KEY], struct error *err)
{
	struct place at = place(account, sequence);

	return cache_db_put(
	    c->db, CACHE_AGES, bytes(&at, sizeof(at)), bytes_of_key(key), err);
}

static int
age_del(struct cache *c, uint64_t account, uint64_t sequence, struct error *err)
{
	struct place at = place(account, sequence);

	return cache_db_del(c->db, CACHE_AGES, bytes(&at, sizeof(at)), err);
}

/* Among all, and among those of its account. */
static int
line_up(struct cache *c, const unsigned char key[CACHE_KEY],
    const struct cache_record *r, struct error *err)
{
	if (age_put(c, CACHE_ALL, r->sequence, key, err) != 0)
		return -1;
	return age_put(c, r->account, r->sequence, key, err);
}

static int
fall_out(struct cache *c, const struct cache_record *r, struct error *err)
{
	if (age_del(c, CACHE_ALL, r->sequence, err) != 0)
		return -1;
	return age_del(c, r->account, r->sequence, err);
}

int
cache_index_next(struct cache *c, uint64_t account, uint64_t *sequence,
    unsigned char key[CACHE_KEY], struct error *err)
{
	struct place from = place(account, *sequence);
	struct str at = bytes(&from, sizeof(from)), value;
	const unsigned char *p;
	int rc = cache_db_next(c->db, CACHE_AGES, &at, &value, err);

	if (rc <= 0)
		return rc;
	if (at.n != sizeof(from) || value.n != CACHE_KEY)
		return cache_db_damaged(c->db, "an age is torn", err);
	p = (const unsigned char *)at.p;
	if (get_u64(p) != account)
		return 0;
	*sequence = get_u64(p + 8);
	memcpy(key, value.p, CACHE_KEY);
	return 1;
}

int
cache_index_touch(struct cache *c, const unsigned char key[CACHE_KEY],
    struct cache_record *r, struct error *err)
{
	uint64_t behind = c->ctl->sequence - r->sequence;

	if (behind == 0 || behind <= (uint64_t)c->ctl->entries / TOUCH_SHARE)
		return 0;
	if (fall_out(c, r, err) != 0)
		return -1;
	r->sequence = ++c->ctl->sequence;
	return set(c, key, r, err) == 0 ? line_up(c, key, r, err) : -1;
}

/* --- sums --- */

/* An account without entries has no sums: there are no more than entries. */
static int
sum_set(struct cache *c, uint64_t id, struct account *a, struct str name,
    struct error *err)
{
	unsigned char at[8];
	struct str key = bytes(at, sizeof(at));

	put_u64(at, id);
	if (a->sum.entries == 0)
		return cache_db_del(c->db, CACHE_ACCOUNTS, key, err);
	if (name.n > 0)
		memmove(a->name, name.p, name.n);
	return cache_db_put(c->db, CACHE_ACCOUNTS, key,
	    bytes(a, offsetof(struct account, name) + name.n), err);
}

static int
sum_get(struct cache *c, uint64_t id, struct account *a, struct str *name,
    struct error *err)
{
	const size_t least = offsetof(struct account, name);
	unsigned char at[8];
	int n;

	put_u64(at, id);
	n = cache_db_get(
	    c->db, CACHE_ACCOUNTS, bytes(at, sizeof(at)), a, sizeof(*a), err);
	if (n < 0)
		return -1;
	*name = STR_NONE;
	if (n == 0)
		a->sum = (struct cache_sum){ 0 };
	else if ((size_t)n < least)
		return cache_db_damaged(c->db, "a sum is torn", err);
	else
		*name = bytes(a->name, (size_t)n - least);
	return 0;
}

int
cache_index_sum(
    struct cache *c, uint64_t account, struct cache_sum *sum, struct error *err)
{
	struct account a;
	struct str name;

	if (sum_get(c, account, &a, &name, err) != 0)
		return -1;
	*sum = a.sum;
	return 0;
}

int
cache_index_account(struct cache *c, uint64_t *id, struct cache_sum *sum,
    struct str *name, struct error *err)
{
	unsigned char from[8];
	struct str at = bytes(from, sizeof(from)), value;
	int rc;

	put_u64(from, *id);
	rc = cache_db_next(c->db, CACHE_ACCOUNTS, &at, &value, err);
	if (rc <= 0)
		return rc;
	if (at.n != sizeof(from) || value.n < sizeof(*sum))
		return cache_db_damaged(c->db, "a sum is torn", err);
	*id = get_u64((const unsigned char *)at.p);
	memcpy(sum, value.p, sizeof(*sum));
	*name = str_skip(value, sizeof(*sum));
	return 1;
}

/* One entry more (1) or less (-1); ${name} is asked for only of the first. */
static int
count(struct cache *c, const struct cache_record *r, int sign, struct str name,
    struct error *err)
{
	struct account a;
	struct str known;

	if (sum_get(c, r->account, &a, &known, err) != 0)
		return -1;
	if (sign < 0 && a.sum.entries == 0)
		return cache_db_damaged(c->db, "the sums do not add up", err);
	a.sum.entries += (uint64_t)sign;
	a.sum.bytes += sign * cache_chain_bytes(&r->chain);
	c->ctl->entries += sign;
	c->ctl->bytes += sign * cache_chain_bytes(&r->chain);
	return sum_set(c, r->account, &a, sign > 0 ? name : known, err);
}

int
cache_index_add(struct cache *c, const unsigned char key[CACHE_KEY],
    struct cache_record *r, struct str account, struct error *err)
{
	r->sequence = ++c->ctl->sequence;
	if (set(c, key, r, err) != 0 || line_up(c, key, r, err) != 0)
		return -1;
	return count(c, r, 1, account, err);
}

int
cache_index_remove(struct cache *c, const unsigned char key[CACHE_KEY],
    const struct cache_record *r, struct error *err)
{
	if (cache_db_del(c->db, CACHE_INDEX, bytes_of_key(key), err) != 0 ||
	    fall_out(c, r, err) != 0 || count(c, r, -1, STR_NONE, err) != 0)
		return -1;
	return cache_blocks_free(c, &r->chain, err);
}
