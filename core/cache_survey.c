/* SPDX-License-Identifier: MIT */
/* What goes through all entries of the response cache, a few at a time:
 * cache_purge and cache_stats. */
#include "core/cache.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#include "core/arena.h"
#include "core/cache_index.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/jw.h"

#define WAIT_US  INT64_C(100000)
#define PATIENCE 20 /* waits in a row */
#define SLICE_US INT64_C(1000)
#define PAUSE_NS 100000L /* between slices: somebody may be waiting */

/* As cache_enter, but patiently: 0 inside, or -1. */
static int
enter(struct cache *c, struct error *err)
{
	int i, rc = 0;

	for (i = 0; i < PATIENCE && rc == 0; i++) {
		atomic_store(&c->shy_until_us, 0);
		rc = cache_enter(c, WAIT_US, err);
	}
	if (rc == 0)
		return error_set(err, ERROR_STORE, "cache: busy");
	return rc == 1 ? 0 : -1;
}

static void
leave(struct cache *c)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	cache_leave(c);
	nanosleep(&pause, NULL);
}

/* --- all slots, by number --- */

/* Inside: see one: 0, or -1. */
typedef int see(struct cache *c, uint32_t number, const struct cache_slot *s,
    void *arg, struct error *err);

struct walk {
	see *fn;
	void *arg;
	int64_t env;  /* the environment it began in; 0: not begun */
	uint32_t at;  /* where to go on */
	uint32_t end; /* what comes later is not looked at */
};

/* Inside, for a while: 1 there are more, 0, -1. */
static int
walk_on(struct cache *c, struct walk *w, struct error *err)
{
	int64_t until_us = clock_mono_us() + SLICE_US;
	struct cache_slot s;

	if (w->env == 0)
		*w = (struct walk){ w->fn, w->arg, c->ctl->id, 1,
			c->ctl->high_slot };
	if (c->ctl->id != w->env) /* emptied meanwhile: all are gone */
		return 0;
	for (; w->at <= w->end; w->at++) {
		if (clock_mono_us() >= until_us)
			return 1;
		if (cache_index_read(c, w->at, &s, err) != 0 ||
		    w->fn(c, w->at, &s, w->arg, err) != 0)
			return -1;
	}
	return 0;
}

static int
walk(struct cache *c, see *fn, void *arg, struct error *err)
{
	struct walk w = { .fn = fn, .arg = arg };
	int rc = 1;

	while (rc == 1) {
		if (enter(c, err) != 0)
			return -1;
		rc = walk_on(c, &w, err);
		leave(c);
	}
	return rc;
}

/* --- purge --- */

struct purge {
	const struct cache_purge *what;
	uint64_t route; /* its id */
	unsigned char account[CACHE_KEY];
	int64_t removed;
};

static int
purge_slot(struct cache *c, uint32_t number, const struct cache_slot *s,
    void *arg, struct error *err)
{
	struct purge *p = arg;
	const struct cache_entry *e = &s->of.entry;
	struct cache_slot a;

	if (s->kind != CACHE_ENTRY ||
	    (p->what->route.p != NULL && e->route != p->route) ||
	    c->clock.steady_us() - e->stored_us < p->what->older_us)
		return 0;
	if (p->what->account.p != NULL) {
		if (cache_index_read(c, e->account, &a, err) != 0)
			return -1;
		if (memcmp(a.key, p->account, CACHE_KEY) != 0)
			return 0;
	}
	p->removed++;
	return cache_index_remove(c, number, s, err);
}

static int
purge_all(struct cache *c, int64_t *n, struct error *err)
{
	int rc;

	if (enter(c, err) != 0)
		return -1;
	*n = c->ctl->entries;
	rc = cache_wipe(c, err);
	cache_leave(c);
	return rc;
}

int
cache_purge(struct cache *c, const struct cache_purge *what, int64_t *n,
    struct error *err)
{
	struct purge p = { .what = what };
	int rc;

	*n = 0;
	if (what->account.p == NULL && what->route.p == NULL &&
	    what->older_us <= 0)
		return purge_all(c, n, err);
	cache_index_account_key(what->account, p.account);
	p.route = cache_id(what->route);
	rc = walk(c, purge_slot, &p, err);
	*n = p.removed;
	return rc;
}

/* --- stats --- */

struct top {
	struct cache_account account;
	char name[CACHE_MAX_NAME];
};

struct survey {
	struct top *top; /* CACHE_TOP_ACCOUNTS, most bytes first */
	size_t n;
};

/* In its place among the largest: -1 if it is none of them. */
static int
rank(struct survey *s, int64_t bytes)
{
	int i = (int)s->n;

	if (i < CACHE_TOP_ACCOUNTS)
		s->n++;
	else if (s->top[--i].account.bytes >= bytes)
		return -1;
	for (; i > 0 && s->top[i - 1].account.bytes < bytes; i--)
		s->top[i] = s->top[i - 1];
	return i;
}

static int
see_slot(struct cache *c, uint32_t number, const struct cache_slot *s,
    void *arg, struct error *err)
{
	struct survey *all = arg;
	struct top *top;
	int i;

	(void)number;
	if (s->kind != CACHE_ACCOUNT)
		return 0;
	if (s->n > CACHE_MAX_NAME)
		return cache_db_damaged(c->db, "a name is too long", err);
	i = rank(all, s->of.sum.bytes);
	if (i < 0)
		return 0;
	top = &all->top[i];
	top->account = (struct cache_account){ .name.n = s->n,
		.entries = s->of.sum.entries,
		.bytes = s->of.sum.bytes };
	return cache_blocks_read(c, &s->chain, top->name, s->n, err);
}

/* Inside: what is known at once. */
static void
sum_up(struct cache *c, struct cache_stats *st)
{
	const struct {
		int64_t *to;
		enum cache_count count;
	} counts[] = {
		{ &st->hits, CACHE_HITS },
		{ &st->misses, CACHE_MISSES },
		{ &st->puts, CACHE_PUTS },
		{ &st->refused, CACHE_REFUSED },
		{ &st->evictions, CACHE_EVICTIONS },
		{ &st->expired, CACHE_EXPIRED },
		{ &st->damaged, CACHE_DAMAGED },
		{ &st->busy, CACHE_BUSY },
		{ &st->wipes, CACHE_WIPES },
	};
	size_t i;

	st->entries = c->ctl->entries;
	st->bytes = c->ctl->bytes;
	st->file_bytes = cache_file_bytes(c);
	st->max_bytes = atomic_load(&c->max_bytes);
	st->account_bytes = atomic_load(&c->account_bytes);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		*counts[i].to = atomic_load(&c->ctl->counts[counts[i].count]);
}

int
cache_stats(
    struct cache *c, struct arena *a, struct cache_stats *st, struct error *err)
{
	struct survey s = { .n = 0 };
	size_t i;

	*st = (struct cache_stats){ 0 };
	if (enter(c, err) != 0)
		return -1;
	sum_up(c, st);
	leave(c);
	s.top = ARENA_ARRAY(a, struct top, CACHE_TOP_ACCOUNTS);
	if (walk(c, see_slot, &s, err) != 0)
		return -1;
	st->accounts = ARENA_ARRAY(a, struct cache_account, s.n + 1);
	st->n_accounts = s.n;
	for (i = 0; i < s.n; i++) {
		st->accounts[i] = s.top[i].account;
		st->accounts[i].name.p = s.top[i].name;
	}
	return 0;
}

void
cache_stats_json(const struct cache_stats *st, struct jw *w)
{
	size_t i;

	jw_object(w);
	jw_kv_i64(w, "entries", st->entries);
	jw_kv_i64(w, "bytes", st->bytes);
	jw_kv_i64(w, "file_bytes", st->file_bytes);
	jw_kv_i64(w, "max_bytes", st->max_bytes);
	jw_kv_i64(w, "account_bytes", st->account_bytes);
	jw_kv_i64(w, "hits", st->hits);
	jw_kv_i64(w, "misses", st->misses);
	jw_kv_i64(w, "puts", st->puts);
	jw_kv_i64(w, "refused", st->refused);
	jw_kv_i64(w, "evictions", st->evictions);
	jw_kv_i64(w, "expired", st->expired);
	jw_kv_i64(w, "damaged", st->damaged);
	jw_kv_i64(w, "busy", st->busy);
	jw_kv_i64(w, "wipes", st->wipes);
	jw_key(w, "accounts");
	jw_array(w);
	for (i = 0; i < st->n_accounts; i++) {
		jw_object(w);
		jw_kv_str(w, "account", st->accounts[i].name);
		jw_kv_i64(w, "entries", st->accounts[i].entries);
		jw_kv_i64(w, "bytes", st->accounts[i].bytes);
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
}
