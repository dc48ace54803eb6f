/* SPDX-License-Identifier: MIT */
/*
 * A call and the cache.  In the front call_cache_front says where the events
 * come from:
 *	ALONE	upstream; the answer may be stored
 *	LEADS	upstream; others may follow (flight.h), and it may be stored
 *	FOLLOWS	another call, which has gone upstream already
 *	HIT	what is stored
 * Who leads or goes alone is a call as any other, with a recorder before its
 * client.  Who follows, or has a hit, has call_follow (call_follow.h) as its
 * middle, and neither reserves nor pays.  When a leader dies its followers
 * begin with the front once more: call_cache_died.
 */
#ifndef CORE_CALL_CACHE_H
#define CORE_CALL_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/cache.h"
#include "core/cache_events.h"
#include "core/cache_policy.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/recorder.h"
#include "core/resume.h"

struct buf;
struct cache_batch;
struct call;
struct flight;

enum call_cache_role {
	CALL_ALONE,
	CALL_LEADS,
	CALL_FOLLOWS,
	CALL_HIT
};

/* A stored answer that a call takes. */
struct call_found {
	struct str value;
	int64_t age_s;
	int64_t cost_pusd;
	struct usage usage;
};

struct call_cache {
	enum call_cache_role role;
	enum cache_mode mode;
	unsigned char key[CACHE_KEY];
	struct flight *flight;     /* LEADS, FOLLOWS */
	struct call_found found;   /* HIT */
	struct cache_batch *batch; /* of an embedding request; else NULL */
	struct recorder recorder;
	bool gone; /* LEADS: our client, but others still follow */
	/* private to call_follow.c */
	struct resume resume; /* before the client, once we follow */
	struct buf *in;       /* records that are not whole yet */
	struct cache_walk walk;
	bool paused;
	bool died; /* the leader; see call_cache_died */
	struct loop_timer pump;
	int64_t room_bytes; /* HIT at a pace: text that may leave now */
	struct str left;    /* of the present delta */
};

/*
 * call_cache_front(c):
 * After call_plan: c->cache is set unless the cache is off for this call, or
 * never takes its answer; the row says which.  Where it FOLLOWS or is a HIT
 * the call is to be run by call_follow, and call_front is not due.
 *
 * Returns  0, or -1 with c->err: only a stored answer would do.
 * Blocks   on a lookup, and on joining a flight.
 */
int call_cache_front(struct call *c) __attribute__((warn_unused_result));

/* call_cache_key(c, out): the key alone; false: it has none. */
bool call_cache_key(struct call *c, unsigned char out[CACHE_KEY]);

/* call_cache_serves(c): this call is run by call_follow. */
bool call_cache_serves(const struct call *c);

/* call_cache_sink(c, out): where events that go to ${out} have to go. */
struct sink *call_cache_sink(struct call *c, struct sink *out);

/* call_cache_flush(c): at each progress: followers see it. */
void call_cache_flush(struct call *c);

/*
 * call_cache_back(c):
 * When the call has been priced: store the answer if it may be, end the
 * flight.  The row says what came of it.
 *
 * Blocks   on the store.
 */
void call_cache_back(struct call *c);

/*
 * call_cache_died(c):
 * Returns  true once if the leader has died: the front is due again, from
 *          call_cache_front on, and another middle after it.
 */
bool call_cache_died(struct call *c);

/*
 * call_cache_get(c, key, found), call_cache_put(c, key, value, cost_pusd):
 * Look up, and store, as ${c} wants it.  For cache_batch.h.
 *
 * Returns  true with ${*found}: whole, and young enough.
 */
bool call_cache_get(struct call *c, const unsigned char key[CACHE_KEY],
    struct call_found *found);
void call_cache_put(struct call *c, const unsigned char key[CACHE_KEY],
    struct str value, int64_t cost_pusd);

/*
 * call_cache_pause(c), call_cache_resume(c), call_cache_cancel(c, kind, why):
 * For call_run.c, whose functions come here first.
 *
 * Returns  true: that is all, the call itself goes on as it is.
 */
bool call_cache_pause(struct call *c);
bool call_cache_resume(struct call *c);
bool call_cache_cancel(struct call *c, enum error_kind kind, const char *why);

#endif
