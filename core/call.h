/* SPDX-License-Identifier: MIT */
/*
 * One client call, from the parsed request to the settled ledger row, in the
 * three legs of design §4:
 *	front	call_front: resolve, prepare, open the ledger row   (worker)
 *	middle	call_run: the upstream, until events->ended  (event thread)
 *	back	call_price, call_settle: close the ledger row	   (worker)
 * A call belongs to one thread at a time and has no lock.  The caller feeds
 * in the request and takes events from ${out}; HTTP and dialects are unknown
 * here.
 *
 * Ledger: a call that reaches an upstream has its open record written before
 * the first byte leaves, and its closing record by call_settle, the only
 * place that closes.  A call refused before that has one closing record.
 */
#ifndef CORE_CALL_H
#define CORE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/attempt.h"
#include "core/error.h"
#include "core/ledger.h"
#include "core/provider.h"

struct arena;
struct conf;
struct sink;
struct state;

struct call_events {
	/* Events went to the sink; send what they produced. */
	void (*progress)(void *arg);
	/* The middle is over; err tells how. */
	void (*ended)(void *arg);
};

struct call {
	struct arena *arena; /* the request's */
	const struct conf *conf;
	struct state *state; /* NULL: serve without a store */
	struct ask ask;
	struct ledger_call row;
	int64_t started_us;      /* monotonic */
	struct error err;        /* how it went wrong, or ERROR_NONE */
	struct attempt *attempt; /* NULL until prepared */
	bool opened;             /* the open record is written */
	/* private */
	struct sink *out;
	const struct call_events *events;
	void *arg;
};

/*
 * call_init(c, a, conf, state):
 * Make ${c} a call that begins now, with a new id.  The caller then fills in
 * ask and the client's part of row.
 */
void call_init(struct call *c, struct arena *a, const struct conf *conf,
    struct state *state);

/*
 * call_front(c):
 * Find the target, prepare the request, open the ledger row.
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
 * Give up: ERROR_CLIENT_GONE, or ERROR_BUSY when draining.  ended follows.
 */
void call_cancel(struct call *c, enum error_kind kind, const char *why);

/*
 * call_price(c):
 * After the middle: put usage and cost of the attempt, estimated where the
 * answer was left early, into the row.
 */
void call_price(struct call *c);

/*
 * call_settle(c, status):
 * Close the ledger row; ${status} is the HTTP status that the client gets.  A
 * failing store is logged: the answer stands.
 *
 * Blocks   on one journal append.
 */
void call_settle(struct call *c, int status);

#endif
