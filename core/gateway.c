/* SPDX-License-Identifier: MIT */
#include "core/gateway.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "core/account.h"
#include "core/arena.h"
#include "core/cache.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/fits.h"
#include "core/flight.h"
#include "core/key.h"
#include "core/limit.h"
#include "core/live.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/state.h"

#define RETRY_STATE_US INT64_C(1000000)
#define SWEEP_US       INT64_C(10000000) /* look after the dead this often */
#define OTHERS_US      INT64_C(15000000) /* who did not do it last: later */
#define FIRST_US       INT64_C(2000000)  /* who was just started: sooner */
#define MAX_PASSES     4    /* of ingest at a time, after the first */
#define LAZY_MS        1000 /* an ingest of nothing takes some ms, too */
#define BUSY_US        INT64_C(100000)

struct gateway {
	struct live *live;
	pthread_mutex_t lock; /* over what follows */
	struct state *state;  /* NULL: not open, state_err says why */
	struct keyring *keys; /* NULL as long as state is, like these: */
	struct limits *limits;
	struct accounts *accounts;
	struct fits *fits;
	struct flights *flights;
	struct cache *cache;
	struct error state_err;
	int64_t tried_us;       /* monotonic; 0: never */
	int64_t cache_tried_us; /* the same */
	int64_t ingested_us;    /* monotonic; these: only gateway_ingest */
	int64_t swept_us;       /* the pool's last ingest when ours ended */
	bool looked;            /* for the dead, at least once */
	bool busy;              /* it took long */
	_Atomic int64_t readers;
};

struct gateway *
gateway_new(struct str path, const struct registry *registry)
{
	struct gateway *gw = mem_new(sizeof(*gw));

	pthread_mutex_init(&gw->lock, NULL);
	gw->live = live_new(path, registry);
	return gw;
}

void
gateway_free(struct gateway *gw)
{
	if (gw == NULL)
		return;
	keyring_free(gw->keys);
	limits_free(gw->limits);
	accounts_free(gw->accounts);
	fits_free(gw->fits);
	flights_free(gw->flights);
	cache_close(gw->cache);
	state_close(gw->state);
	live_free(gw->live);
	pthread_mutex_destroy(&gw->lock);
	free(gw);
}

const struct snapshot *
gateway_conf(struct gateway *gw, struct error *err)
{
	return live_get(gw->live, err);
}

/* Open the state, with the lock held. */
static void
try_state(struct gateway *gw, const struct conf *conf)
{
	int64_t now_us = clock_mono_us();

	if (gw->tried_us != 0 && now_us - gw->tried_us < RETRY_STATE_US)
		return;
	gw->tried_us = now_us;
	error_clear(&gw->state_err);
	log_limit(conf->log_max_bytes);
	log_open(str_cstr(conf->arena, conf->log_file), conf->log_level);
	gw->state =
	    state_open(conf->data_dir, conf->durability, &gw->state_err);
	if (gw->state == NULL) {
		log_event(LOG_LEVEL_ERROR, "store", "%s", gw->state_err.msg);
		return;
	}
	gw->keys = keyring_new(gw->state);
	gw->limits = limits_new(gw->state);
	gw->accounts = accounts_new(gw->state);
	gw->fits = fits_new(conf->data_dir);
	gw->flights = flights_new(conf->data_dir);
}

struct state *
gateway_state(struct gateway *gw, const struct conf *conf, struct error *err)
{
	struct state *state;

	pthread_mutex_lock(&gw->lock);
	if (gw->state == NULL)
		try_state(gw, conf);
	state = gw->state;
	if (state == NULL)
		error_set(err, ERROR_STORE, "%s", gw->state_err.msg);
	else
		state_retain(state, conf->retention_days);
	pthread_mutex_unlock(&gw->lock);
	return state;
}

struct fits *
gateway_fits(struct gateway *gw)
{
	return gw->fits;
}

struct limits *
gateway_limits(struct gateway *gw)
{
	return gw->limits;
}

struct accounts *
gateway_accounts(struct gateway *gw)
{
	return gw->accounts;
}

/* With the lock held. */
static void
try_cache(struct gateway *gw, const struct conf *conf)
{
	struct error err = { .kind = ERROR_NONE };
	int64_t now_us = clock_mono_us();

	if (gw->cache_tried_us != 0 &&
	    now_us - gw->cache_tried_us < RETRY_STATE_US)
		return;
	gw->cache_tried_us = now_us;
	gw->cache = cache_open(conf->data_dir, conf->cache.max_bytes, &err);
	if (gw->cache == NULL)
		log_event(LOG_LEVEL_ERROR, "cache", "%s", err.msg);
}

struct cache *
gateway_cache(struct gateway *gw, const struct conf *conf)
{
	struct cache *cache;

	pthread_mutex_lock(&gw->lock);
	if (gw->cache == NULL)
		try_cache(gw, conf);
	cache = gw->cache;
	pthread_mutex_unlock(&gw->lock);
	if (cache != NULL)
		cache_limit(
		    cache, conf->cache.max_bytes, conf->cache.account_bytes);
	return cache;
}

struct flights *
gateway_flights(struct gateway *gw)
{
	return gw->flights;
}

/* A start opens it too; if that does not work, calls try again. */
static struct state *
state_to_look_at(struct gateway *gw)
{
	const struct snapshot *snap = NULL;
	struct error err = { 0 };
	struct state *state;

	pthread_mutex_lock(&gw->lock);
	if (gw->tried_us == 0)
		snap = gateway_conf(gw, &err);
	if (snap != NULL)
		try_state(gw, snap->conf);
	state = gw->state;
	pthread_mutex_unlock(&gw->lock);
	live_put(snap);
	return state;
}

/*
 * Now and then without being asked: somebody may have died.  One process of an
 * idle pool is enough, always the same one: half a megabyte of code and heap
 * is what the database takes in each that opens it.
 */
static bool
sweep_due(struct gateway *gw, struct state *state, int64_t now_us)
{
	int64_t last_us = state_ingested_us(state), wait_us = FIRST_US;

	if (gw->looked)
		wait_us = last_us == gw->swept_us ? SWEEP_US : OTHERS_US;
	gw->looked = true;
	return now_us - last_us >= wait_us &&
	    now_us - gw->ingested_us >= SWEEP_US;
}

bool
gateway_ingest(struct gateway *gw, int64_t min_age_ms)
{
	struct state *state = state_to_look_at(gw);
	struct error err = { 0 };
	int64_t now_us = clock_mono_us();
	int rc, passes = 0;
	bool due;

	if (state == NULL)
		return false;
	flights_sweep(gw->flights);
	due =
	    state_backlog_ms(state) >= (min_age_ms > 0 ? min_age_ms : LAZY_MS);
	if (min_age_ms == 0 && gw->busy)
		due = state_dirty(state);
	if (min_age_ms == 0 && sweep_due(gw, state, now_us))
		due = true;
	if (!due)
		return false;
	gw->ingested_us = now_us;
	/* Who is behind goes on, but gives back the lease in between. */
	while ((rc = state_ingest(state, 0, &err)) == 1 && passes < MAX_PASSES)
		passes++;
	gw->busy = clock_mono_us() - now_us > BUSY_US;
	gw->swept_us = state_ingested_us(state);
	if (rc < 0)
		log_event(LOG_LEVEL_ERROR, "store", "%s", err.msg);
	return true;
}

/* auth.admin_key of the configuration is a key without an account. */
static const struct key *
admin_key(const struct conf *conf, struct arena *a, struct str presented)
{
	struct key *key;

	if (conf->admin_key.n == 0 || presented.n != conf->admin_key.n ||
	    CRYPTO_memcmp(presented.p, conf->admin_key.p, presented.n) != 0)
		return NULL;
	key = ARENA_NEW(a, struct key);
	*key = (struct key){ .id = STR("admin"),
		.name = STR("admin"),
		.account = STR("default"),
		.admin = true,
		.may_route = true };
	return key;
}

int
gateway_who(struct gateway *gw, const struct conf *conf, struct arena *a,
    struct str presented, const struct key **key, struct error *err)
{
	*key = admin_key(conf, a, presented);
	if (*key != NULL || (!conf->auth_required && presented.n == 0))
		return 0;
	if (gateway_state(gw, conf, err) == NULL)
		return -1;
	*key = keyring_check(gw->keys, a, presented, clock_wall_us(), err);
	return *key != NULL ? 0 : -1;
}

int
gateway_auth(struct gateway *gw, const struct conf *conf, struct arena *a,
    struct str presented, const struct key **key, struct error *err)
{
	if (conf->auth_required)
		return gateway_who(gw, conf, a, presented, key, err);
	*key = admin_key(conf, a, presented);
	return 0;
}

bool
gateway_read_begin(struct gateway *gw, int64_t max)
{
	if (atomic_fetch_add(&gw->readers, 1) < max)
		return true;
	atomic_fetch_sub(&gw->readers, 1);
	return false;
}

void
gateway_read_end(struct gateway *gw)
{
	atomic_fetch_sub(&gw->readers, 1);
}
