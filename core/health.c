/* SPDX-License-Identifier: MIT */
#include "core/health.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/jw.h"

#define BUCKET_US      INT64_C(10000000)
#define RATE_OPEN_MS   INT64_C(5000)
#define MAX_OPEN_MS    INT64_C(3600000) /* whatever a provider asks for */
#define BAD_OPEN_US    INT64_C(30000000)
#define PROBE_US       INT64_C(60000000)
#define MIN_CALLS      5
#define COUNT_BITS     16
#define COUNT_MAX      UINT64_C(0xffff)
#define MAX_TTFT_MS    INT64_C(0x7fffffff)
#define MAX_LAP_TOKENS INT64_C(10000000)

/* Of "provider/model"; never 0. */
static uint64_t
hash(struct str provider, struct str model)
{
	uint64_t h = str_hash(str_hash(STR_HASH, provider), STR("/"));

	h = str_hash(h, model);
	return h != 0 ? h : 1;
}

/* Whoever writes it writes the same; a death in between is made good. */
static void
set_name(struct health_target *t, struct str provider, struct str model)
{
	if (atomic_load(&t->named) != 0)
		return;
	snprintf(t->name, sizeof(t->name), "%.*s/%.*s", STR_ARG(provider),
	    STR_ARG(model));
	atomic_store(&t->named, 1);
}

/* --- the last 60 s --- */

/* A bucket is 32 bits of its 10 s epoch, 16 of calls, 16 of failures. */
static uint64_t
bucket_add(uint64_t was, uint64_t epoch, bool failed)
{
	uint64_t calls = was >> COUNT_BITS & COUNT_MAX;
	uint64_t failures = was & COUNT_MAX;

	if (was >> 32 != epoch)
		calls = failures = 0;
	if (calls < COUNT_MAX) {
		calls++;
		failures += failed;
	}
	return epoch << 32 | calls << COUNT_BITS | failures;
}

static uint64_t
epoch_of(int64_t now_us)
{
	return (uint64_t)(now_us / BUCKET_US) & UINT64_C(0xffffffff);
}

static void
count(struct health_target *t, bool failed, int64_t now_us)
{
	uint64_t epoch = epoch_of(now_us);
	_Atomic uint64_t *b = &t->buckets[epoch % HEALTH_BUCKETS];
	uint64_t was = atomic_load(b);

	while (!atomic_compare_exchange_weak(
	    b, &was, bucket_add(was, epoch, failed)))
		continue;
	atomic_fetch_add(&t->calls, 1);
	if (failed)
		atomic_fetch_add(&t->failures, 1);
}

/* --- a place for everybody --- */

/* The epoch in which it was last called, or made. */
static uint64_t
last_epoch(struct health_target *t)
{
	uint64_t last = 0, epoch;
	size_t i;

	for (i = 0; i < HEALTH_BUCKETS; i++) {
		epoch = atomic_load(&t->buckets[i]) >> 32;
		last = epoch > last ? epoch : last;
	}
	return last;
}

static void
clear(struct health_target *t)
{
	uint64_t epoch = epoch_of(clock_mono_us());
	size_t i;

	atomic_store(&t->named, 0);
	for (i = 0; i < HEALTH_BUCKETS; i++)
		atomic_store(&t->buckets[i], 0);
	atomic_store(&t->buckets[epoch % HEALTH_BUCKETS], epoch << 32);
	atomic_store(&t->open_until_us, 0);
	atomic_store(&t->probe_until_us, 0);
	atomic_store(&t->calls, 0);
	atomic_store(&t->failures, 0);
	atomic_store(&t->turns, 0);
	atomic_store(&t->ttft_us, 0);
	atomic_store(&t->token_us, 0);
	for (i = 0; i < HEALTH_LAPS; i++)
		atomic_store(&t->laps[i], 0);
	atomic_store(&t->lap, 0);
}

/*
 * Clients may ask for any model of a provider: the one left alone longest
 * makes room.  A search goes on over whatever stands in a place, so that all
 * others are found as before.
 */
static struct health_target *
replace(struct health *h, uint64_t key)
{
	struct health_target *t = h->targets, *oldest = t;
	uint64_t was;

	for (; t < h->targets + HEALTH_TARGETS; t++)
		if (last_epoch(t) < last_epoch(oldest))
			oldest = t;
	was = atomic_load(&oldest->key);
	if (!atomic_compare_exchange_strong(&oldest->key, &was, key))
		return NULL;
	clear(oldest);
	return oldest;
}

struct health_target *
health_find(struct health *h, struct str provider, struct str model)
{
	uint64_t key = hash(provider, model), seen;
	struct health_target *t = NULL;
	size_t i;

	for (i = 0; h != NULL && i < HEALTH_TARGETS; i++) {
		t = &h->targets[(key + i) % HEALTH_TARGETS];
		seen = 0;
		if (atomic_compare_exchange_strong(&t->key, &seen, key) ||
		    seen == key)
			break;
	}
	if (h != NULL && i == HEALTH_TARGETS)
		t = replace(h, key);
	if (t != NULL)
		set_name(t, provider, model);
	return t;
}

struct health_window
health_window(const struct health_target *t, int64_t now_us)
{
	struct health_window w = { 0, 0 };
	uint64_t epoch = epoch_of(now_us), b;
	size_t i;

	for (i = 0; t != NULL && i < HEALTH_BUCKETS; i++) {
		b = atomic_load(&t->buckets[i]);
		if (epoch - (b >> 32) >= HEALTH_BUCKETS)
			continue;
		w.calls += (int64_t)(b >> COUNT_BITS & COUNT_MAX);
		w.failures += (int64_t)(b & COUNT_MAX);
	}
	return w;
}

/* --- the breaker --- */

enum health_door
health_look(struct health_target *t, int64_t now_us)
{
	int64_t open_until, probe_until;

	if (t == NULL)
		return HEALTH_CLOSED;
	open_until = atomic_load(&t->open_until_us);
	if (open_until == 0)
		return HEALTH_CLOSED;
	probe_until = atomic_load(&t->probe_until_us);
	return now_us < open_until || now_us < probe_until ? HEALTH_OPEN
							   : HEALTH_PROBE;
}

enum health_door
health_enter(struct health_target *t, int64_t now_us)
{
	int64_t was;

	if (t == NULL)
		return HEALTH_CLOSED;
	/* Read before the look: a probe taken meanwhile makes the swap fail. */
	was = atomic_load(&t->probe_until_us);
	if (health_look(t, now_us) != HEALTH_PROBE)
		return health_look(t, now_us) == HEALTH_CLOSED ? HEALTH_CLOSED
							       : HEALTH_OPEN;
	if (was > now_us ||
	    !atomic_compare_exchange_strong(
		&t->probe_until_us, &was, now_us + PROBE_US))
		return HEALTH_OPEN;
	return HEALTH_PROBE;
}

/* Never for less than it is open already. */
static void
open_for(struct health_target *t, int64_t us, int64_t now_us)
{
	int64_t was = atomic_load(&t->open_until_us);

	while (was < now_us + us &&
	    !atomic_compare_exchange_weak(&t->open_until_us, &was, now_us + us))
		continue;
}

/* A fresh start: old failures must not open it again at once. */
static void
close_breaker(struct health_target *t)
{
	size_t i;

	for (i = 0; i < HEALTH_BUCKETS; i++)
		atomic_store(&t->buckets[i], 0);
	atomic_store(&t->open_until_us, 0);
}

static void
open_if_bad(struct health_target *t, bool probe, int64_t now_us)
{
	struct health_window w = health_window(t, now_us);

	if (probe || (w.calls >= MIN_CALLS && w.failures * 2 > w.calls))
		open_for(t, BAD_OPEN_US, now_us);
}

void
health_report(
    struct health_target *t, const struct health_report *r, int64_t now_us)
{
	int64_t ms = r->retry_after_ms > 0 ? r->retry_after_ms : RATE_OPEN_MS;

	if (t == NULL)
		return;
	switch (r->result) {
	case HEALTH_NOTHING:
		break;
	case HEALTH_GOOD:
		if (r->probe)
			close_breaker(t);
		count(t, false, now_us);
		break;
	case HEALTH_BAD:
		count(t, true, now_us);
		open_if_bad(t, r->probe, now_us);
		break;
	case HEALTH_RATE:
		count(t, false, now_us);
		open_for(
		    t, (ms < MAX_OPEN_MS ? ms : MAX_OPEN_MS) * 1000, now_us);
		break;
	}
	if (r->probe)
		atomic_store(&t->probe_until_us, 0);
}

/* --- speed --- */

/*
 * The mean of what was seen, the newest counting 40 %, and 80 % where it is
 * less than half: that target has become another.  If that was luck, what it
 * earns, calls, will show it.
 */
static int64_t
follow(int64_t mean, int64_t v)
{
	if (mean == 0)
		return v;
	return mean + (v - mean) * (v < mean / 2 ? 4 : 2) / 5;
}

static void
decay(_Atomic int64_t *mean, int64_t v)
{
	int64_t was = atomic_load(mean);

	if (v < 1)
		v = 1;
	while (!atomic_compare_exchange_weak(mean, &was, follow(was, v)))
		continue;
}

void
health_lap(
    struct health_target *t, int64_t ttft_us, int64_t tokens, int64_t rest_us)
{
	int64_t ms = ttft_us / 1000;
	uint32_t lap;

	if (t == NULL || ttft_us < 0)
		return;
	if (ms >= MAX_TTFT_MS)
		ms = MAX_TTFT_MS - 1;
	decay(&t->ttft_us, ttft_us);
	lap = atomic_fetch_add(&t->lap, 1);
	atomic_store(&t->laps[lap % HEALTH_LAPS], (uint32_t)ms + 1);
	if (tokens > 0 && tokens < MAX_LAP_TOKENS && rest_us > 0)
		decay(&t->token_us, rest_us / tokens);
}

int64_t
health_speed_us(struct health_target *t, int64_t tokens)
{
	int64_t ttft = t != NULL ? atomic_load(&t->ttft_us) : 0;

	return ttft == 0 ? 0 : ttft + tokens * atomic_load(&t->token_us);
}

static int
by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int64_t
health_p95_us(struct health_target *t)
{
	uint32_t laps[HEALTH_LAPS];
	size_t i, n = 0;

	for (i = 0; t != NULL && i < HEALTH_LAPS; i++) {
		laps[n] = atomic_load(&t->laps[i]);
		n += laps[n] != 0;
	}
	if (n == 0)
		return 0;
	qsort(laps, n, sizeof(laps[0]), by_size);
	i = (n * 95 + 99) / 100 - 1;
	return laps[i] > 1 ? (int64_t)(laps[i] - 1) * 1000 : 1000;
}

int64_t
health_turn(struct health_target *t)
{
	return t != NULL ? (int64_t)atomic_fetch_add(&t->turns, 1) + 1 : 0;
}

/* --- looking --- */

void
health_each(
    struct health *h, void (*fn)(void *arg, struct health_target *t), void *arg)
{
	size_t i;

	for (i = 0; h != NULL && i < HEALTH_TARGETS; i++)
		if (atomic_load(&h->targets[i].named) != 0)
			fn(arg, &h->targets[i]);
}

static const char *
state_word(const struct health_target *t, int64_t now_us)
{
	int64_t until = atomic_load(&t->open_until_us);

	if (until == 0)
		return "closed";
	return now_us < until ? "open" : "half-open";
}

struct writer {
	struct jw *w;
	int64_t now_us;
};

static void
put_ms(struct jw *w, const char *key, int64_t us)
{
	if (us > 0)
		jw_kv_i64(w, key, (us + 999) / 1000);
	else
		jw_kv_null(w, key);
}

static void
write_target(void *arg, struct health_target *t)
{
	const struct writer *to = arg;
	struct health_window win = health_window(t, to->now_us);
	int64_t token_us = atomic_load(&t->token_us);
	struct jw *w = to->w;

	jw_object(w);
	jw_kv_cstr(w, "target", t->name);
	jw_kv_cstr(w, "state", state_word(t, to->now_us));
	put_ms(w, "open_for_ms", atomic_load(&t->open_until_us) - to->now_us);
	jw_kv_bool(w, "probing", atomic_load(&t->probe_until_us) > to->now_us);
	jw_kv_i64(w, "calls_60s", win.calls);
	jw_kv_i64(w, "failures_60s", win.failures);
	jw_kv_i64(w, "calls", (int64_t)atomic_load(&t->calls));
	jw_kv_i64(w, "failures", (int64_t)atomic_load(&t->failures));
	put_ms(w, "ttft_ms", atomic_load(&t->ttft_us));
	put_ms(w, "ttft_p95_ms", health_p95_us(t));
	if (token_us > 0)
		jw_kv_i64(w, "tokens_per_s", 1000000 / token_us);
	else
		jw_kv_null(w, "tokens_per_s");
	jw_end(w);
}

void
health_json(struct health *h, int64_t now_us, struct jw *w)
{
	struct writer to = { w, now_us };

	jw_array(w);
	health_each(h, write_target, &to);
	jw_end(w);
}
