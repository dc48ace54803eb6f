/* SPDX-License-Identifier: MIT */
/*
 * Health and speed of each target, in the shared header (shm.h), so that all
 * processes and CGI runs know what one of them has learnt.  Only atomics: a
 * process may be killed at any instant.
 *
 * The breaker of a target (design §8):
 *	closed		everybody may
 *	open		nobody may, until open_until_us: after a 429 for its
 *			Retry-After (5 s without one); with 5 requests and
 *			more than half of them failed within 60 s, for 30 s
 *	half-open	that time is over: one probe of all processes may,
 *			and its first content closes the breaker, or its
 *			failure opens it again; a probe that is never heard of
 *			again counts for 60 s
 * Failures are what more of the same target may cure or a wait: network, 5xx,
 * timeouts, refused credentials.  A refused request is the client's, as is a
 * deadline of its own; what becomes of an account's own credentials (429 too)
 * is that account's.
 */
#ifndef CORE_HEALTH_H
#define CORE_HEALTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

#define HEALTH_TARGETS    512 /* at a time */
#define HEALTH_NAME_BYTES 88
#define HEALTH_BUCKETS    6 /* of 10 s each */
#define HEALTH_LAPS       32

/* All zero is a target that nobody has used. */
struct health_target {
	_Atomic uint64_t key;   /* hash of the name; 0: free */
	_Atomic uint64_t named; /* name is written */
	char name[HEALTH_NAME_BYTES];
	_Atomic uint64_t buckets[HEALTH_BUCKETS]; /* epoch, calls, failures */
	_Atomic int64_t open_until_us;            /* 0: closed */
	_Atomic int64_t probe_until_us;           /* 0: no probe under way */
	_Atomic uint64_t calls, failures;         /* ever */
	_Atomic uint64_t turns;                   /* see health_turn */
	_Atomic int64_t ttft_us;                  /* decayed; 0: unknown */
	_Atomic int64_t token_us;                 /* per token, decayed */
	_Atomic uint32_t laps[HEALTH_LAPS];       /* last TTFTs, ms + 1 */
	_Atomic uint32_t lap;                     /* next place in laps */
};

/* A conversation that a provider has in its prompt cache (affinity.h). */
struct health_conversation {
	_Atomic uint64_t key;
	_Atomic uint64_t target; /* key of its health_target */
	_Atomic int64_t until_us;
	_Atomic int64_t tokens; /* read from the cache last time */
};

#define HEALTH_CONVERSATIONS 2048 /* each overwrites what is in its place */

struct health {
	struct health_target targets[HEALTH_TARGETS];
	struct health_conversation conversations[HEALTH_CONVERSATIONS];
};

/*
 * health_find(h, provider, model):
 * Returns  the target, made if it is new, in the place of the one left alone
 *          longest if need be; NULL where ${h} is NULL.
 *          Every function below takes NULL for a target without health.
 */
struct health_target *health_find(
    struct health *h, struct str provider, struct str model);

enum health_door {
	HEALTH_CLOSED, /* go on */
	HEALTH_PROBE,  /* go on as the one probe: health_report is due */
	HEALTH_OPEN    /* not now */
};

/*
 * health_enter(t, now_us):
 * May an attempt start?  Takes the probe where it is due.  Times are
 * monotonic.
 */
enum health_door health_enter(struct health_target *t, int64_t now_us);

/* health_look(t, now_us): what health_enter would say; takes nothing. */
enum health_door health_look(struct health_target *t, int64_t now_us);

enum health_result {
	HEALTH_NOTHING, /* cancelled: says nothing */
	HEALTH_GOOD,
	HEALTH_BAD,
	HEALTH_RATE /* 429 */
};

struct health_report {
	enum health_result result;
	bool probe;             /* what HEALTH_PROBE let in */
	int64_t retry_after_ms; /* of HEALTH_RATE; 0: unknown */
};

/* health_report(t, r, now_us): tell how an attempt went. */
void health_report(
    struct health_target *t, const struct health_report *r, int64_t now_us);

/*
 * health_lap(t, ttft_us, tokens, rest_us):
 * Measure: first content after ${ttft_us}, then ${tokens} within ${rest_us}.
 */
void health_lap(
    struct health_target *t, int64_t ttft_us, int64_t tokens, int64_t rest_us);

/*
 * health_speed_us(t, tokens):
 * Returns  the time to ${tokens} tokens of an answer, 0 if unknown.
 */
int64_t health_speed_us(struct health_target *t, int64_t tokens);

/* health_p95_us(t): of the last 32 times to first content; 0 if unknown. */
int64_t health_p95_us(struct health_target *t);

/* health_turn(t): counts 1, 2, 3 … over all processes; 0 for NULL. */
int64_t health_turn(struct health_target *t);

/* The calls and failures of the last 60 s. */
struct health_window {
	int64_t calls, failures;
};
struct health_window health_window(
    const struct health_target *t, int64_t now_us);

/* health_each(h, fn, arg): all named targets, in no order. */
void health_each(struct health *h,
    void (*fn)(void *arg, struct health_target *t), void *arg);

struct jw;

/* health_json(h, now_us, w): all targets as one JSON array. */
void health_json(struct health *h, int64_t now_us, struct jw *w);

#endif
