/* SPDX-License-Identifier: MIT */
#include "core/call_cache.h"

#include <stdio.h>

#include "core/allowance.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/cache_batch.h"
#include "core/cache_key.h"
#include "core/call.h"
#include "core/call_follow.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/flight.h"
#include "core/log.h"

#define AHEAD_BYTES     ((int64_t)1 << 20)  /* of a slow client */
#define MAX_BATCH_BYTES ((size_t)256 << 20) /* of vectors, kept one by one */

/* ---- front ---- */

/* What a client without a stored answer is told, as HTTP has it (RFC 9111
 * §5.2.1.7); its SDK need not ask again. */
static int
refuse_miss(struct call *c, const char *why)
{
	error_set(
	    &c->err, ERROR_NOT_FOUND, "%s, and x-sluice-cache is only", why);
	c->err.status = 504;
	snprintf(c->err.code, sizeof(c->err.code), "not_cached");
	return -1;
}

static int
never(struct call *c, enum cache_mode mode, const char *why)
{
	c->row.cache = str_of(arena_printf(c->arena, "refused: %s", why));
	if (mode == CACHE_ONLY)
		return refuse_miss(c, "the answer is never stored");
	return 0;
}

bool
call_cache_get(struct call *c, const unsigned char key[CACHE_KEY],
    struct call_found *found)
{
	struct cache_item item;
	struct error err = { .kind = ERROR_NONE };
	int64_t max_s = c->control.cache.max_age_s;
	int rc = cache_get(c->store, key, c->arena, &item, &err);

	if (rc < 0)
		log_event(LOG_LEVEL_ERROR, "cache", "%s", err.msg);
	if (rc != 1 ||
	    !cache_check(item.value, &found->cost_pusd, &found->usage))
		return false;
	found->value = item.value;
	found->age_s = (clock_wall_us() - item.stored_us) / 1000000;
	if (found->age_s < 0) /* the clock was set back */
		found->age_s = 0;
	return max_s < 0 || found->age_s <= max_s;
}

static void
hit(struct call *c, const struct call_found *found)
{
	struct call_cache *cc = c->cache;

	cc->role = CALL_HIT;
	cc->found = *found;
	cc->walk.rest = found->value;
	cc->walk.final = &cc->found.usage;
	c->row.saved_pusd = found->cost_pusd;
}

static struct cache_subject
subject_of(struct call *c)
{
	return (struct cache_subject){ .account = c->row.account,
		.key = c->row.key,
		.plan = c->plan,
		.ask = &c->ask };
}

/* Each text for itself; what is missing becomes what is asked for. */
static bool
look_up_batch(struct call *c)
{
	struct call_cache *cc = c->cache;
	const struct cache_subject subject = subject_of(c);
	struct call_found found;

	if (cc->batch == NULL) /* else its leader has died */
		cc->batch =
		    cache_batch_new(c, &subject, cc->mode != CACHE_REFRESH);
	if (cache_batch_missing(cc->batch) > 0) {
		cache_batch_key(cc->batch, cc->key);
		return false;
	}
	found = (struct call_found){ .value = cache_batch_recording(cc->batch),
		.age_s = cache_batch_age_s(cc->batch),
		.cost_pusd = cache_batch_saved(cc->batch),
		.usage = *cache_batch_usage(cc->batch) };
	hit(c, &found);
	return true;
}

static bool
look_up(struct call *c)
{
	struct call_found found;

	if (c->ask.operation == OPERATION_EMBED)
		return look_up_batch(c);
	if (c->cache->mode == CACHE_REFRESH ||
	    !call_cache_get(c, c->cache->key, &found))
		return false;
	hit(c, &found);
	return true;
}

/*
 * Between a miss and the lock somebody may have stored it: whoever leads
 * looks again.
 */
static void
join(struct call *c)
{
	struct call_cache *cc = c->cache;

	if (c->flights == NULL)
		return;
	cc->flight = flight_join(c->flights, c->arena, cc->key);
	if (cc->flight == NULL)
		return;
	cc->role = flight_leads(cc->flight) ? CALL_LEADS : CALL_FOLLOWS;
	if (cc->role == CALL_LEADS && look_up(c)) {
		flight_leave(cc->flight, true);
		cc->flight = NULL;
	}
}

static int
find(struct call *c)
{
	struct call_cache *cc = c->cache;

	if (look_up(c))
		return 0;
	if (cc->mode == CACHE_ONLY)
		return refuse_miss(c, "no answer is stored");
	/* A new answer that somebody else has asked for before is not new. */
	if (cc->mode != CACHE_REFRESH)
		join(c);
	if (cc->batch != NULL && !call_cache_serves(c))
		cache_batch_reduce(cc->batch, c);
	return 0;
}

bool
call_cache_key(struct call *c, unsigned char out[CACHE_KEY])
{
	const struct cache_subject subject = subject_of(c);
	struct error ignored = { .kind = ERROR_NONE };

	return cache_policy_mode(c) != CACHE_OFF &&
	    cache_policy_request(c) == NULL &&
	    cache_key(&subject, out, &ignored) == 0;
}

bool
call_cache_serves(const struct call *c)
{
	return c->cache != NULL && c->cache->role >= CALL_FOLLOWS;
}

int
call_cache_front(struct call *c)
{
	enum cache_mode mode = cache_policy_mode(c);
	const struct cache_subject subject = subject_of(c);
	struct error ignored = { .kind = ERROR_NONE };
	const char *why;
	unsigned char key[CACHE_KEY];

	if (mode == CACHE_OFF)
		return 0;
	why = c->store != NULL ? cache_policy_request(c)
			       : "the store does not work";
	if (why == NULL && cache_key(&subject, key, &ignored) != 0)
		why = "too large";
	if (why != NULL)
		return never(c, mode, why);
	if (allowance_models(c) != 0)
		return -1;
	if (c->cache == NULL) /* else its leader has died */
		c->cache = ARENA_NEW(c->arena, struct call_cache);
	c->cache->role = CALL_ALONE;
	c->cache->mode = mode;
	memcpy(c->cache->key, key, sizeof(key));
	c->row.cache = STR("miss");
	if (find(c) != 0)
		return -1;
	if (call_cache_serves(c)) {
		c->row.cache = STR("hit");
		c->row.cost = (struct cost){ .known = true };
	}
	return 0;
}

/* ---- middle ---- */

struct sink *
call_cache_sink(struct call *c, struct sink *out)
{
	struct call_cache *cc = c->cache;
	struct recorder_opts opts = { .row = &c->row,
		.max_entry_bytes = (size_t)c->conf->cache.max_entry_bytes };

	if (cc == NULL)
		return out;
	opts.flight = cc->role == CALL_LEADS ? cc->flight : NULL;
	if (cc->batch != NULL) {
		opts.max_entry_bytes = MAX_BATCH_BYTES;
		out = cache_batch_sink(cc->batch, out);
	}
	if (cc->resume.said != NULL) { /* we had followed */
		resume_again(&cc->resume);
		out = &cc->resume.sink;
	}
	recorder_init(&cc->recorder, c->arena, &opts, out);
	return &cc->recorder.sink;
}

void
call_cache_flush(struct call *c)
{
	if (c->cache != NULL && c->cache->role == CALL_LEADS)
		recorder_flush(&c->cache->recorder);
}

static bool
is_followed(const struct call *c)
{
	return c->cache != NULL && c->cache->role == CALL_LEADS &&
	    flight_followed(c->cache->flight);
}

/* A slow client holds up nobody else while what waits for it is little. */
bool
call_cache_pause(struct call *c)
{
	if (call_cache_serves(c)) {
		c->cache->paused = true;
		return true;
	}
	return is_followed(c) && flight_bytes(c->cache->flight) < AHEAD_BYTES;
}

bool
call_cache_resume(struct call *c)
{
	if (!call_cache_serves(c))
		return false;
	call_follow_resume(c);
	return true;
}

bool
call_cache_cancel(struct call *c, enum error_kind kind, const char *why)
{
	struct call_cache *cc = c->cache;

	if (cc == NULL || c->over)
		return false;
	if (call_cache_serves(c)) {
		call_follow_cancel(c, kind, why);
		return true;
	}
	if (kind == ERROR_CLIENT_GONE && is_followed(c)) {
		cc->gone = true;
		cc->recorder.next = NULL;
		if (c->attempt != NULL)
			attempt_resume(c->attempt);
		return true;
	}
	flight_leave(cc->flight, false);
	return false;
}

/* ---- back ---- */

void
call_cache_put(struct call *c, const unsigned char key[CACHE_KEY],
    struct str value, int64_t cost_pusd)
{
	int64_t ttl_us = c->conf->cache.ttl_ms * 1000;
	struct cache_item item = { .account = c->row.account,
		.route = c->row.route,
		.stored_us = clock_wall_us(),
		.cost_pusd = cost_pusd,
		.value = value };
	struct error err = { .kind = ERROR_NONE };
	int rc;

	if (c->route->cache_ttl_s > 0)
		ttl_us = c->route->cache_ttl_s * 1000000;
	if (c->control.cache.ttl_s > 0)
		ttl_us = c->control.cache.ttl_s * 1000000;
	item.expires_us = item.stored_us + ttl_us;
	rc = cache_put(c->store, key, &item, &err);
	if (rc < 0)
		log_event(LOG_LEVEL_ERROR, "cache", "%s", err.msg);
	if (rc == 0)
		c->row.cache = STR("refused: no room");
}

/* Of an answer that is complete. */
static void
keep(struct call *c)
{
	struct call_cache *cc = c->cache;
	struct recorder *r = &cc->recorder;
	int64_t cost = c->row.cost.known ? c->row.cost.pusd : -1;
	const char *why;

	recorder_end(r, cost);
	if (cc->batch != NULL) {
		cache_batch_store(cc->batch, c, buf_str(r->entry));
		return;
	}
	why = recorder_refuses(r);
	if (why != NULL)
		c->row.cache =
		    str_of(arena_printf(c->arena, "refused: %s", why));
	else
		call_cache_put(c, cc->key, buf_str(r->entry), cost);
}

/* An error of the provider's is everybody's; ours is our own. */
static bool
is_shared(const struct call *c)
{
	if (c->err.kind == ERROR_UP_TIMEOUT && c->control.timeout_ms > 0)
		return false;
	return c->err.kind >= ERROR_UP_REFUSED;
}

/* What was stored of a batch is paid no second time. */
static void
end_batch(struct call *c)
{
	struct call_cache *cc = c->cache;
	int64_t saved = cc->role == CALL_FOLLOWS ? c->row.saved_pusd : 0;

	if (cache_batch_end(cc->batch, &saved, &c->err) == 0 && saved != 0)
		c->row.saved_pusd = saved;
}

void
call_cache_back(struct call *c)
{
	struct call_cache *cc = c->cache;
	bool ok = c->err.kind == ERROR_NONE, shared = is_shared(c);

	if (cc == NULL)
		return;
	if (ok && cc->batch != NULL && cc->role != CALL_HIT)
		end_batch(c);
	if (call_cache_serves(c))
		return;
	if (ok)
		keep(c);
	else if (shared)
		recorder_fail(&cc->recorder, &c->err);
	flight_leave(cc->flight, ok || shared);
	if (ok && cc->recorder.lost.kind != ERROR_NONE)
		c->err = cc->recorder.lost;
	if (ok && cc->gone)
		error_set(&c->err, ERROR_CLIENT_GONE, "the client left");
}

bool
call_cache_died(struct call *c)
{
	struct call_cache *cc = c->cache;

	if (cc == NULL || !cc->died)
		return false;
	cc->died = false;
	c->over = false;
	flight_leave(cc->flight, false);
	cc->flight = NULL;
	c->row.cache = STR_NONE;
	c->row.saved_pusd = -1;
	return true;
}
