/* SPDX-License-Identifier: MIT */
/*
 * One client call, from the parsed request to the settled ledger row, in the
 * three legs of design §4:
 *	front	call_front: route, plan, open the ledger row	    (worker)
 *	middle	call_run: the plan runs, until events->ended  (event thread)
 *	back	call_price, call_settle: close the ledger row	    (worker)
 * A call belongs to one thread at a time and has no lock.  The caller feeds
 * in the request and takes events from ${out}; HTTP and dialects are unknown
 * here.  call.c has front and back, call_run.c the middle, call_price.c the
 * money.
 *
 * Ledger: a call that reaches an upstream has its open record written before
 * the first byte leaves, and its closing record, with every attempt, by
 * call_settle, the only place that closes.  A call refused before that has
 * one closing record.
 *
 * Losers of a race that are read to their end (on_cancel: drain) outlive the
 * answer: then c->drains after the middle, the back closes nothing yet, and
 * call_linger and call_settle_late follow once the answer has left.
 */
#ifndef CORE_CALL_H
#define CORE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/attempt.h"
#include "core/cache_policy.h"
#include "core/error.h"
#include "core/ledger.h"
#include "core/limit.h"
#include "core/plan.h"
#include "core/provider.h"
#include "core/route_run.h"
#include "core/trace.h"

struct accounts;
struct arena;
struct cache;
struct call_cache;
struct conf;
struct fetch;
struct fits;
struct flights;
struct health_target;
struct key;
struct sink;
struct state;

struct call_events {
	/* Events went to the sink; send what they produced. */
	void (*progress)(void *arg);
	/* The middle is over; err tells how. */
	void (*ended)(void *arg);
};

/* What a client may say about its call; all zero but max_cost_pusd: nothing. */
struct call_control {
	struct str route;      /* a name, or a JSON node if may_route */
	bool may_route;        /* what the key is allowed */
	struct name *models;   /* fallback list; NULL: ask.model alone */
	int64_t max_cost_pusd; /* -1: none */
	int64_t timeout_ms;    /* 0: the configuration's */
	bool no_store;         /* nothing of it is kept: no trial */
	/* Of the gateway itself: what is not asked for by name; NULL: is. */
	const struct route *tree;
	/* JUDGE, SHADOW: of all its attempts; PRIMARY: as they come. */
	enum attempt_role role;
	struct cache_wish cache;
};

/* One attempt of the call. */
struct call_try {
	struct call *call;
	struct step *step;
	struct attempt *at;
	struct ledger_attempt *row;
	struct health_target *health;
	bool probe; /* the breaker's */
	bool lost;  /* another one has won */
	bool late;  /* it outlives the middle, being drained */
	bool settled;
	int64_t worst_pusd; /* the most it may cost; 0: no budget asks */
	struct call_try *next;
};

/* First what each piece of a stream touches: it shares cache lines. */
struct call {
	/* private */
	const struct call_events *events;
	void *arg;
	bool loses; /* losers have ended whose memory is still held */
	/* public */
	struct call_cache *cache; /* NULL: not for this call (call_cache.h) */
	struct error err;         /* how it went wrong, or ERROR_NONE */
	struct arena *arena;      /* the request's */
	const struct conf *conf;
	struct state *state; /* NULL: serve without a store */
	struct ask ask;
	struct call_control control;
	struct str (*header)(void *arg, const char *name); /* of the request */
	void *header_arg;
	bool may_drain; /* somebody waits for what goes on in the background */
	const struct key *key;     /* NULL: nobody in particular */
	struct limits *limits;     /* NULL: none apply */
	struct accounts *accounts; /* NULL: none has its own credentials */
	struct fits *fits;         /* NULL: nothing is known of any arm */
	struct limit_grant grant;  /* what is set aside for it */
	struct trace trace;        /* zero: none */
	struct str spans;          /* of it, once settled; absent: none */
	unsigned n_spans;
	struct cache *store;     /* of answers; NULL: none is kept */
	struct flights *flights; /* NULL: each call for itself */
	struct ledger_call row;
	int64_t started_us; /* monotonic */
	int64_t deadline_us;
	int64_t ended_us; /* monotonic: of the middle; 0: none yet */
	const struct route *route;
	struct plan *plan;       /* NULL until call_plan */
	struct attempt *attempt; /* that answers, or whose error it is; NULL */
	unsigned attempts;       /* begun */
	bool opened;             /* the open record is written */
	bool drains;             /* a loser is still being read; see above */
	/* private */
	struct planner planner;
	struct attempt *prepared; /* of the plan's only target, by front */
	struct call_try *tries;
	struct route_run run;
	struct fetch *fetch; /* of images, under way; NULL: none */
	struct attempt_engine engine;
	struct sink *out;
	struct sink nowhere;
	int64_t worst_pusd;          /* of the next attempt */
	struct health_target *probe; /* of whose breaker the next attempt is
				      * the probe; NULL: of none */
	bool over;                   /* ended is on its way */
	bool lingers;                /* call_linger waits */
	bool stopping;               /* nothing is drained any more */
	struct loop_timer wake, end;
};

/*
 * call_init(c, a, conf, state):
 * Make ${c} a call that begins now, with a new id.  The caller then fills in
 * ask, control and the client's part of row.
 */
void call_init(struct call *c, struct arena *a, const struct conf *conf,
    struct state *state);

/*
 * call_plan(c):
 * Find the route and plan it; nothing is written or sent.
 *
 * Returns  0, or -1 with c->err set: also 402 where the worst case exceeds
 *          what the client allows.
 */
int call_plan(struct call *c) __attribute__((warn_unused_result));

/*
 * call_front(c):
 * As call_plan, if that is still due; then open the ledger row.
 *
 * Returns  0, or -1 with c->err set; call_settle is due in either case.
 * Blocks   on one journal append.
 */
int call_front(struct call *c) __attribute__((warn_unused_result));

/*
 * call_run(c, loop, upstream, out, events, arg):
 * Start the middle; events go to ${out}.
 */
void call_run(struct call *c, struct loop *loop, struct upstream *upstream,
    struct sink *out, const struct call_events *events, void *arg);

/* call_pause(c), call_resume(c): the client reads slowly, reads again. */
void call_pause(struct call *c);
void call_resume(struct call *c);

/*
 * call_cancel(c, kind, why):
 * Give up: ERROR_CLIENT_GONE, or ERROR_BUSY when draining.  ended follows;
 * where a provider is read to the end (on_cancel: drain), after that.
 */
void call_cancel(struct call *c, enum error_kind kind, const char *why);

/*
 * call_price(c):
 * After the middle: put usage and cost of each attempt, estimated where the
 * answer was left early, and their sum into the row.
 */
void call_price(struct call *c);

/* call_price_try(c, t): of one attempt; estimated if it is not over. */
void call_price_try(struct call *c, struct call_try *t);

/*
 * call_settle(c, status):
 * Close the ledger row, unless c->drains; ${status} is the HTTP status that
 * the client gets.  A failing store is logged: the answer stands.
 *
 * Blocks   on one journal append.
 */
void call_settle(struct call *c, int status);

/*
 * call_linger(c):
 * Back on the event thread, with c->drains: wait for the losers, which
 * call_cancel cuts short.  ended comes once more, c->drains is false then and
 * call_settle_late due.
 */
void call_linger(struct call *c);

/*
 * call_settle_late(c):
 * Price what was drained and close the ledger row.
 *
 * Blocks   on one journal append.
 */
void call_settle_late(struct call *c);

#endif
