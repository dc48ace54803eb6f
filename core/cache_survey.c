/* SPDX-License-Identifier: MIT */
/* What goes through all entries of the response cache, a few at a time:
 * cache_purge and cache_stats. */
#include "core/cache.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "core/arena.h"
#include "core/cache_env.h"
#include "core/cache_index.h"
#include "core/clock.h"
#include "core/error.h"

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

/* --- purge --- */

struct walk {
	const struct cache_purge *what;
	uint64_t account, route; /* ids; account may be CACHE_ALL */
	uint64_t at;             /* sequence: where to go on */
	uint64_t end;            /* what is used later is not looked at */
	int64_t env;             /* the environment it began in */
	int64_t removed;
};

static bool
is_meant(struct cache *c, const struct walk *w, const struct cache_record *r)
{
	if (w->what->route.p != NULL && r->route != w->route)
		return false;
	return w->what->older_us <= 0 ||
	    c->clock.steady_us() - r->stored_us >= w->what->older_us;
}

/* Inside: 1 for more to come, 0 at the end, -1. */
static int
step(struct cache *c, struct walk *w, struct error *err)
{
	unsigned char key[CACHE_KEY];
	struct cache_record r;
	int rc = cache_index_next(c, w->account, &w->at, key, err);

	if (rc <= 0 || w->at > w->end)
		return rc < 0 ? -1 : 0;
	w->at++;
	rc = cache_index_find(c, key, &r, err);
	if (rc == 0)
		return cache_db_damaged(c->db, "an entry is lost", err);
	if (rc < 0 || !is_meant(c, w, &r))
		return rc;
	w->removed++;
	return cache_index_remove(c, key, &r, err) == 0 ? 1 : -1;
}

/* Inside.  If it was emptied meanwhile, then all are gone. */
static int
steps(struct cache *c, struct walk *w, struct error *err)
{
	int64_t until_us = clock_mono_us() + SLICE_US;
	int rc = 1;

	if (c->ctl->id != w->env)
		return 0;
	while (rc == 1 && clock_mono_us() < until_us)
		rc = step(c, w, err);
	return rc;
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
	struct walk w = { .what = what, .account = CACHE_ALL };
	int rc = 1;

	*n = 0;
	if (what->account.p == NULL && what->route.p == NULL &&
	    what->older_us <= 0)
		return purge_all(c, n, err);
	if (what->account.p != NULL)
		w.account = cache_id(what->account);
	w.route = cache_id(what->route);
	while (rc == 1) {
		if (enter(c, err) != 0)
			return -1;
		if (w.env == 0) {
			w.env = c->ctl->id;
			w.end = c->ctl->sequence;
		}
		rc = steps(c, &w, err);
		leave(c);
	}
	*n = w.removed;
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
	uint64_t at; /* account id: where to go on; 0 at the end */
	int64_t env;
};

/* In its place among the largest. */
static void
rank(struct survey *s, const struct cache_sum *sum, struct str name)
{
	size_t i = s->n;

	if (i < CACHE_TOP_ACCOUNTS)
		s->n++;
	else if (s->top[--i].account.bytes >= sum->bytes)
		return;
	for (; i > 0 && s->top[i - 1].account.bytes < sum->bytes; i--)
		s->top[i] = s->top[i - 1];
	s->top[i].account = (struct cache_account){
		.name.n = name.n < CACHE_MAX_NAME ? name.n : CACHE_MAX_NAME,
		.entries = (int64_t)sum->entries,
		.bytes = sum->bytes,
	};
	memcpy(s->top[i].name, name.p, s->top[i].account.name.n);
}

/* Inside: some accounts. */
static int
look_round(struct cache *c, struct survey *s, struct error *err)
{
	int64_t until_us = clock_mono_us() + SLICE_US;
	struct cache_sum sum;
	struct str name;
	int rc = 1;

	if (c->ctl->id != s->env)
		s->at = 0;
	while (s->at != 0 && clock_mono_us() < until_us) {
		rc = cache_index_account(c, &s->at, &sum, &name, err);
		if (rc < 0)
			return -1;
		if (rc == 1)
			rank(s, &sum, name);
		s->at = rc == 1 ? s->at + 1 : 0;
	}
	return 0;
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
	struct survey s = { .at = 1 };
	size_t i;
	int rc = 0;

	*st = (struct cache_stats){ 0 };
	s.top = ARENA_ARRAY(a, struct top, CACHE_TOP_ACCOUNTS);
	while (s.at != 0 && rc == 0) {
		if (enter(c, err) != 0)
			return -1;
		if (s.env == 0) {
			s.env = c->ctl->id;
			sum_up(c, st);
		}
		rc = look_round(c, &s, err);
		leave(c);
	}
	st->accounts = ARENA_ARRAY(a, struct cache_account, s.n + 1);
	st->n_accounts = s.n;
	for (i = 0; i < s.n; i++) {
		st->accounts[i] = s.top[i].account;
		st->accounts[i].name.p = s.top[i].name;
	}
	return rc;
}
