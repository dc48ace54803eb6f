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
#include "core/cache_index.h"
#include "core/clock.h"
#include "core/crc32c.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/shm.h"

#define GET_WAIT_US  INT64_C(20000) /* a miss costs more */
#define PUT_WAIT_US  INT64_C(5000)
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
	char *path = mem_new(data_dir.n + sizeof(sub)), *real;

	memcpy(path, data_dir.p, data_dir.n);
	if (dir_make(path) == 0 && (real = realpath(path, NULL)) != NULL) {
		free(path);
		path = mem_grow(real, strlen(real) + sizeof(sub));
	}
	memcpy(path + strlen(path), sub, sizeof(sub));
	return path;
}

struct cache *
cache_open(struct str data_dir, int64_t max_bytes, struct error *err)
{
	struct cache *c = mem_new(sizeof(*c));

	c->dir = dir_of(data_dir);
	c->dirfd = -1;
	c->clock = (struct cache_clock){ clock_wall_us, steady_us };
	pthread_mutex_init(&c->lock, NULL);
	cache_limit(c, max_bytes, 0);
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
	atomic_store(&c->max_bytes, max_bytes > 0 ? max_bytes : 0);
	atomic_store(&c->account_bytes, account_bytes);
}

/* What makes a value the right one for its key. */
static uint32_t
checksum(const struct cache_slot *s, const char *chain)
{
	const struct cache_entry *e = &s->of.entry;
	const int64_t facts[] = { e->stored_us, e->expires_us, e->cost_pusd,
		s->n };
	uint32_t crc = crc32c(0, s->key, CACHE_KEY);

	return crc32c(crc32c(crc, facts, sizeof(facts)), chain, s->n);
}

/* --- get --- */

/*
 * Inside: 1 with the slot and the bytes of a hit, 0, or -1, which ends the
 * environment.
 */
static int
look_up(struct cache *c, const unsigned char key[CACHE_KEY], struct arena *a,
    struct cache_slot *s, char **chain)
{
	struct error err = { .kind = ERROR_NONE };
	uint32_t number;
	int rc = cache_index_find(c, key, &number, s, &err);

	if (rc != 1)
		return rc;
	if (c->clock.steady_us() >= s->of.entry.expires_us) {
		cache_add(c, CACHE_EXPIRED);
		return cache_index_remove(c, number, s, &err);
	}
	*chain = arena_alloc(a, s->n);
	if (cache_blocks_read(c, &s->chain, *chain, s->n, &err) != 0 ||
	    cache_index_touch(c, number, s, &err) != 0)
		return -1;
	return 1;
}

/* Unless somebody has put another one there meanwhile. */
static void
remove_damaged(struct cache *c, const struct cache_slot *bad)
{
	struct error err = { .kind = ERROR_NONE };
	struct cache_slot s;
	uint32_t number;

	cache_add(c, CACHE_DAMAGED);
	if (cache_enter(c, GET_WAIT_US, &err) != 1)
		return;
	if (cache_index_find(c, bad->key, &number, &s, &err) == 1 &&
	    s.of.entry.crc == bad->of.entry.crc &&
	    cache_index_remove(c, number, &s, &err) != 0)
		log_event(LOG_LEVEL_WARN, "cache", "%s", err.msg);
	cache_leave(c);
}

static void
unpack(struct cache *c, const struct cache_slot *s, const char *chain,
    struct cache_item *item)
{
	const struct cache_entry *e = &s->of.entry;
	const char *p = chain + sizeof(struct names);
	struct names n;

	memcpy(&n, chain, sizeof(n));
	item->account = (struct str){ n.account > 0 ? p : NULL, n.account };
	p += n.account;
	item->route = (struct str){ n.route > 0 ? p : NULL, n.route };
	p += n.route;
	item->value = (struct str){ p, (size_t)(chain + s->n - p) };
	item->stored_us =
	    c->clock.wall_us() - (c->clock.steady_us() - e->stored_us);
	item->expires_us = item->stored_us + (e->expires_us - e->stored_us);
	item->cost_pusd = e->cost_pusd;
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
	struct cache_slot s;
	char *chain = NULL;
	int rc = cache_enter(c, GET_WAIT_US, err);

	if (rc != 1)
		return rc < 0 ? -1 : miss(c, true);
	rc = look_up(c, key, a, &s, &chain);
	cache_leave(c);
	if (rc != 1)
		return miss(c, false);
	if (checksum(&s, chain) != s.of.entry.crc) {
		remove_damaged(c, &s);
		return miss(c, false);
	}
	unpack(c, &s, chain, item);
	cache_add(c, CACHE_HITS);
	return 1;
}

/* --- put --- */

struct put {
	struct cache_slot slot;
	struct str account; /* name */
	struct str chain;
	int64_t blocks; /* with one for a new account */
};

/* Inside: remove the entry that was used least recently, the first in line. */
static int
evict(struct cache *c, uint32_t number, struct error *err)
{
	struct cache_slot s;

	if (cache_index_read(c, number, &s, err) != 0)
		return -1;
	if (s.kind != CACHE_ENTRY)
		return cache_db_damaged(c->db, "a line is torn", err);
	cache_add(c, CACHE_EVICTIONS);
	return cache_index_remove(c, number, &s, err);
}

/* Inside: who has to go for this.  1, 0: nobody, -1. */
static int
victim(
    struct cache *c, const struct put *p, uint32_t *number, struct error *err)
{
	int64_t share = atomic_load(&c->account_bytes);
	const struct cache_ctl *ctl = c->ctl;
	struct cache_slot a;
	int rc = 0;

	if (share > 0)
		rc = cache_index_account(c, p->account, number, &a, err);
	if (rc < 0)
		return -1;
	*number = a.of.sum.line.oldest;
	if (rc == 1 &&
	    a.of.sum.bytes + cache_chain_bytes(&p->slot.chain) > share)
		return 1;
	*number = ctl->line.oldest;
	return *number != 0 &&
	    ctl->free_blocks + cache_room(c) < ctl->high_block + p->blocks;
}

/* Inside, for a while: 1 there is room, 0 not yet, -1. */
static int
make_room(struct cache *c, const struct put *p, struct error *err)
{
	int64_t until_us = clock_mono_us() + PUT_SLICE_US;
	uint32_t number;
	int rc;

	while ((rc = victim(c, p, &number, err)) == 1) {
		if (evict(c, number, err) != 0)
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

	if (c->ctl->high_block == 0 ||
	    cache_file_bytes(c) <= max + max / WIPE_SHARE)
		return 0;
	return cache_wipe(c, err);
}

/* Inside: whether the ceiling could ever hold it. */
static bool
may_fit(struct cache *c, const struct put *p)
{
	int64_t share = atomic_load(&c->account_bytes);

	return p->blocks <= cache_room(c) &&
	    (share <= 0 || cache_chain_bytes(&p->slot.chain) <= share);
}

/* Inside: 1 stored, 0 there is no room yet, -1. */
static int
put_slice(struct cache *c, struct put *p, struct error *err)
{
	struct cache_slot old;
	uint32_t number;
	int rc = cache_index_find(c, p->slot.key, &number, &old, err);

	if (rc == 1)
		rc = cache_index_remove(c, number, &old, err);
	if (rc == 0)
		rc = make_room(c, p, err);
	if (rc != 1)
		return rc;
	if (cache_blocks_write(c, p->chain, &p->slot.chain, err) != 0 ||
	    cache_index_add(c, &p->slot, p->account, err) != 0)
		return -1;
	return 1;
}

enum outcome {
	STORED,
	TOO_LARGE,
	NO_TIME,
	FAILED
};

/* With pauses for others; what was freed stays free for the next attempt. */
static enum outcome
put(struct cache *c, struct put *p, struct error *err)
{
	int64_t left_us, until_us = clock_mono_us() + PUT_US;
	bool fits = true;
	int rc = 0;

	while (rc == 0 && fits && (left_us = until_us - clock_mono_us()) > 0) {
		rc = cache_enter(
		    c, left_us < PUT_WAIT_US ? left_us : PUT_WAIT_US, err);
		if (rc != 1)
			return rc < 0 ? FAILED : NO_TIME;
		rc = keep_ceiling(c, err);
		if (rc == 0 && (fits = may_fit(c, p)))
			rc = put_slice(c, p, err);
		cache_leave(c);
	}
	return rc < 0 ? FAILED : rc == 1 ? STORED : fits ? NO_TIME : TOO_LARGE;
}

/* When it was stored, and how long it may live: 0, or -1 if not at all. */
static int
set_times(struct cache *c, const struct cache_item *item, struct cache_entry *e)
{
	int64_t now_us = c->clock.steady_us(), wall_us = c->clock.wall_us();
	int64_t ttl_us, age_us;

	if (__builtin_sub_overflow(
		item->expires_us, item->stored_us, &ttl_us) ||
	    __builtin_sub_overflow(wall_us, item->stored_us, &age_us))
		return -1;
	if (ttl_us <= 0 || ttl_us > CACHE_MAX_TTL_US)
		return -1;
	e->stored_us = now_us - (age_us > 0 ? age_us : 0);
	e->expires_us = e->stored_us + ttl_us;
	return e->expires_us > now_us ? 0 : -1;
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
	struct put p = { .account = item->account };
	struct cache_slot *s = &p.slot;
	enum outcome done;
	struct buf b;

	if (item->account.n > CACHE_MAX_NAME ||
	    item->route.n > CACHE_MAX_NAME ||
	    item->value.n > CACHE_MAX_VALUE_BYTES ||
	    set_times(c, item, &s->of.entry) != 0)
		return refuse(c, false);
	buf_init(&b, MAX_CHAIN_BYTES);
	pack(item, &b);
	p.chain = buf_str(&b);
	memcpy(s->key, key, CACHE_KEY);
	s->n = (uint32_t)b.n;
	s->chain.blocks = cache_blocks_of(b.n);
	p.blocks = (int64_t)s->chain.blocks + 1;
	s->of.entry.cost_pusd = item->cost_pusd;
	s->of.entry.route = cache_id(item->route);
	s->of.entry.crc = checksum(s, b.p);
	done = put(c, &p, err);
	buf_release(&b);
	if (done == FAILED)
		return -1;
	if (done != STORED)
		return refuse(c, done == NO_TIME);
	cache_add(c, CACHE_PUTS);
	return 1;
}
