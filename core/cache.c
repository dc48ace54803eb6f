/* SPDX-License-Identifier: MIT */
#include "core/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/cache_env.h"
#include "core/cache_index.h"
#include "core/clock.h"
#include "core/crc32c.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/log.h"
#include "core/shm.h"

#define WAIT_US      INT64_C(5000)
#define PUT_US       INT64_C(8000) /* to make room, with pauses for others */
#define PUT_SLICE_US INT64_C(1500)
#define WIPE_SHARE   32 /* of the ceiling: beyond it, a file has to go */

/* What a chain holds: this, account, route, value. */
struct names {
	uint16_t account, route; /* bytes */
};

#define MAX_CHAIN_BYTES                                                        \
	(sizeof(struct names) + 2 * (size_t)CACHE_MAX_NAME +                   \
	    CACHE_MAX_VALUE_BYTES)

static int64_t
steady_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static int
attach(struct cache *c, struct error *err)
{
	if (dir_make(c->dir) == 0)
		c->dirfd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dirfd < 0)
		return error_set(
		    err, ERROR_STORE, "%s: %s", c->dir, strerror(errno));
	c->shm = shm_attach(c->dirfd, err);
	if (c->shm == NULL)
		return -1;
	c->ctl = shm_room(c->shm);
	return 0;
}

/* Absolute: what is mapped and open is known by its path. */
static char *
dir_of(struct str data_dir)
{
	static const char sub[] = "/cache";
	char *path = calloc(1, data_dir.n + sizeof(sub)), *real;

	if (path == NULL)
		abort();
	memcpy(path, data_dir.p, data_dir.n);
	if (dir_make(path) == 0 && (real = realpath(path, NULL)) != NULL) {
		free(path);
		path = realloc(real, strlen(real) + sizeof(sub));
		if (path == NULL)
			abort();
	}
	memcpy(path + strlen(path), sub, sizeof(sub));
	return path;
}

struct cache *
cache_open(struct str data_dir, int64_t max_bytes, struct error *err)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		abort();
	c->dir = dir_of(data_dir);
	c->dirfd = -1;
	c->clock = (struct cache_clock){ clock_wall_us, steady_us };
	pthread_mutex_init(&c->lock, NULL);
	atomic_store(&c->max_bytes, max_bytes);
	if (attach(c, err) == 0)
		return c;
	cache_close(c);
	return NULL;
}

void
cache_close(struct cache *c)
{
	if (c == NULL)
		return;
	cache_quit(c);
	shm_detach(c->shm);
	if (c->dirfd >= 0)
		close(c->dirfd);
	pthread_mutex_destroy(&c->lock);
	free(c->dir);
	free(c);
}

void
cache_limit(struct cache *c, int64_t max_bytes, int64_t account_bytes)
{
	atomic_store(&c->max_bytes, max_bytes);
	atomic_store(&c->account_bytes, account_bytes);
}

/* What makes a value the right one for its key. */
static uint32_t
checksum(const unsigned char key[CACHE_KEY], const struct cache_record *r,
    const char *chain)
{
	const int64_t facts[] = { r->stored_us, r->expires_us, r->cost_pusd,
		r->n };
	uint32_t crc = crc32c(0, key, CACHE_KEY);

	return crc32c(crc32c(crc, facts, sizeof(facts)), chain, r->n);
}

/* --- get --- */

/*
 * Inside: 1 with the record and the bytes of a hit, 0, or -1, which ends the
 * environment.
 */
static int
look_up(struct cache *c, const unsigned char key[CACHE_KEY], struct arena *a,
    struct cache_record *r, char **chain)
{
	struct error err = { .kind = ERROR_NONE };
	int rc = cache_index_find(c, key, r, &err);

	if (rc != 1)
		return rc;
	if (r->n > MAX_CHAIN_BYTES || r->chain.blocks != cache_blocks_of(r->n))
		return cache_db_damaged(c->db, "a record is torn", &err);
	if (c->clock.steady_us() >= r->expires_us) {
		cache_add(c, CACHE_EXPIRED);
		return cache_index_remove(c, key, r, &err);
	}
	*chain = arena_alloc(a, r->n);
	if (cache_blocks_read(c, &r->chain, *chain, r->n, &err) != 0 ||
	    cache_index_touch(c, key, r, &err) != 0)
		return -1;
	return 1;
}

/* Unless somebody has put another one there meanwhile. */
static void
remove_damaged(struct cache *c, const unsigned char key[CACHE_KEY],
    const struct cache_record *bad)
{
	struct error err = { .kind = ERROR_NONE };
	struct cache_record r;

	cache_add(c, CACHE_DAMAGED);
	if (cache_enter(c, WAIT_US, &err) != 1)
		return;
	if (cache_index_find(c, key, &r, &err) == 1 && r.crc == bad->crc &&
	    cache_index_remove(c, key, &r, &err) != 0)
		log_event(LOG_LEVEL_WARN, "cache", "%s", err.msg);
	cache_leave(c);
}

static int
unpack(struct cache *c, const struct cache_record *r, const char *chain,
    struct cache_item *item)
{
	struct names n;
	const char *p = chain + sizeof(n);

	if (r->n < sizeof(n))
		return -1;
	memcpy(&n, chain, sizeof(n));
	if (sizeof(n) + n.account + n.route > r->n)
		return -1;
	item->account = (struct str){ n.account > 0 ? p : NULL, n.account };
	p += n.account;
	item->route = (struct str){ n.route > 0 ? p : NULL, n.route };
	p += n.route;
	item->value = (struct str){ p, (size_t)(chain + r->n - p) };
	item->stored_us =
	    c->clock.wall_us() - (c->clock.steady_us() - r->stored_us);
	item->expires_us = item->stored_us + (r->expires_us - r->stored_us);
	item->cost_pusd = r->cost_pusd;
	return 0;
}

static int
miss(struct cache *c, bool busy)
{
	cache_add(c, CACHE_MISSES);
	if (busy)
		cache_add(c, CACHE_BUSY);
	return 0;
}

int
cache_get(struct cache *c, const unsigned char key[CACHE_KEY], struct arena *a,
    struct cache_item *item, struct error *err)
{
	struct cache_record r;
	char *chain = NULL;
	int rc = cache_enter(c, WAIT_US, err);

	if (rc != 1)
		return rc < 0 ? -1 : miss(c, true);
	rc = look_up(c, key, a, &r, &chain);
	cache_leave(c);
	if (rc != 1)
		return miss(c, false);
	if (checksum(key, &r, chain) != r.crc ||
	    unpack(c, &r, chain, item) != 0) {
		remove_damaged(c, key, &r);
		return miss(c, false);
	}
	cache_add(c, CACHE_HITS);
	return 1;
}

/* --- put --- */

struct put {
	const unsigned char *key;
	struct cache_record record;
	struct str account; /* name */
	struct str chain;
};

/* Inside: remove the least recently used entry, of all or of an account. */
static int
evict(struct cache *c, uint64_t account, struct error *err)
{
	unsigned char key[CACHE_KEY];
	struct cache_record r;
	uint64_t sequence = 0;

	if (cache_index_next(c, account, &sequence, key, err) != 1 ||
	    cache_index_find(c, key, &r, err) != 1)
		return cache_db_damaged(c->db, "an entry is lost", err);
	cache_add(c, CACHE_EVICTIONS);
	return cache_index_remove(c, key, &r, err);
}

/* Inside: whose oldest has to go for this.  1, 0: nobody's, -1. */
static int
victim(
    struct cache *c, const struct put *p, uint64_t *account, struct error *err)
{
	int64_t share = atomic_load(&c->account_bytes);
	const struct cache_ctl *ctl = c->ctl;
	struct cache_room room = cache_room(c);
	struct cache_sum sum = { 0 };

	if (ctl->entries == 0)
		return 0;
	if (share > 0 && cache_index_sum(c, p->record.account, &sum, err) != 0)
		return -1;
	*account = p->record.account;
	if (share > 0 &&
	    sum.bytes + cache_chain_bytes(&p->record.chain) > share)
		return 1;
	*account = CACHE_ALL;
	return ctl->entries >= room.entries ||
	    ctl->free_blocks + room.blocks <
	    (int64_t)ctl->high_block + p->record.chain.blocks;
}

/* Inside, for a while: 1 there is room, 0 not yet, -1. */
static int
make_room(struct cache *c, const struct put *p, struct error *err)
{
	int64_t until_us = clock_mono_us() + PUT_SLICE_US;
	uint64_t account;
	int rc;

	while ((rc = victim(c, p, &account, err)) == 1) {
		if (evict(c, account, err) != 0)
			return -1;
		if (clock_mono_us() >= until_us)
			return 0;
	}
	return rc == 0 ? 1 : -1;
}

/* Inside: files do not shrink, so after a lower ceiling all begins anew. */
static int
keep_ceiling(struct cache *c, struct error *err)
{
	int64_t max = atomic_load(&c->max_bytes);

	if (cache_file_bytes(c) <= max + max / WIPE_SHARE)
		return 0;
	return cache_wipe(c, err);
}

/* Inside: whether the ceiling could ever hold it. */
static bool
may_fit(struct cache *c, const struct put *p)
{
	int64_t share = atomic_load(&c->account_bytes);
	struct cache_room room = cache_room(c);

	return room.entries > 0 && p->record.chain.blocks <= room.blocks &&
	    (share <= 0 || cache_chain_bytes(&p->record.chain) <= share);
}

/* Inside: 1 stored, 0 there is no room yet, -1. */
static int
put_slice(struct cache *c, struct put *p, struct error *err)
{
	struct cache_record old;
	int rc = cache_index_find(c, p->key, &old, err);

	if (rc == 1)
		rc = cache_index_remove(c, p->key, &old, err);
	if (rc == 0)
		rc = make_room(c, p, err);
	if (rc != 1)
		return rc;
	if (cache_blocks_write(c, p->chain, &p->record.chain, err) != 0 ||
	    cache_index_add(c, p->key, &p->record, p->account, err) != 0)
		return -1;
	return 1;
}

enum outcome {
	STORED,
	TOO_LARGE,
	NO_TIME,
	FAILED
};

static enum outcome
put(struct cache *c, struct put *p, struct error *err)
{
	int64_t until_us = clock_mono_us() + PUT_US;
	bool fits = true;
	int rc;

	do {
		rc = cache_enter(c, WAIT_US, err);
		if (rc != 1)
			return rc < 0 ? FAILED : NO_TIME;
		rc = keep_ceiling(c, err);
		if (rc == 0 && (fits = may_fit(c, p)))
			rc = put_slice(c, p, err);
		cache_leave(c);
	} while (rc == 0 && fits && clock_mono_us() < until_us);
	return rc < 0 ? FAILED : rc == 1 ? STORED : fits ? NO_TIME : TOO_LARGE;
}

/* When it was stored, and how long it may live: 0, or -1 if not at all. */
static int
set_times(
    struct cache *c, const struct cache_item *item, struct cache_record *r)
{
	int64_t now_us = c->clock.steady_us(), ttl_us;
	int64_t age_us = c->clock.wall_us() - item->stored_us;

	if (__builtin_sub_overflow(item->expires_us, item->stored_us, &ttl_us))
		return -1;
	if (ttl_us <= 0 || ttl_us > CACHE_MAX_TTL_US)
		return -1;
	r->stored_us = now_us - (age_us > 0 ? age_us : 0);
	r->expires_us = r->stored_us + ttl_us;
	return r->expires_us > now_us ? 0 : -1;
}

static int
refuse(struct cache *c, bool busy)
{
	cache_add(c, CACHE_REFUSED);
	if (busy)
		cache_add(c, CACHE_BUSY);
	return 0;
}

static void
pack(const struct cache_item *item, struct buf *b)
{
	const struct names n = { (uint16_t)item->account.n,
		(uint16_t)item->route.n };

	buf_add(b, &n, sizeof(n));
	buf_adds(b, item->account);
	buf_adds(b, item->route);
	buf_adds(b, item->value);
}

int
cache_put(struct cache *c, const unsigned char key[CACHE_KEY],
    const struct cache_item *item, struct error *err)
{
	struct put p = { .key = key, .account = item->account };
	enum outcome done;
	struct buf b;

	if (item->account.n > CACHE_MAX_NAME ||
	    item->route.n > CACHE_MAX_NAME ||
	    item->value.n > CACHE_MAX_VALUE_BYTES ||
	    set_times(c, item, &p.record) != 0)
		return refuse(c, false);
	buf_init(&b, MAX_CHAIN_BYTES);
	pack(item, &b);
	p.chain = buf_str(&b);
	p.record.cost_pusd = item->cost_pusd;
	p.record.account = cache_id(item->account);
	p.record.route = cache_id(item->route);
	p.record.n = (uint32_t)b.n;
	p.record.crc = checksum(key, &p.record, b.p);
	p.record.chain.blocks = cache_blocks_of(b.n);
	done = put(c, &p, err);
	buf_release(&b);
	if (done == FAILED)
		return -1;
	if (done != STORED)
		return refuse(c, done == NO_TIME);
	cache_add(c, CACHE_PUTS);
	return 1;
}
