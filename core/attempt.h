/* SPDX-License-Identifier: MIT */
/*
 * One try at one target: prepare the request, transfer it, cut the answer
 * into frames, decode them, and pass the events down
 *	decoder > order > [stopper >] meter > gate > the call's sink.
 *
 * States:
 *	PREPARED  the request is ready; no byte has left
 *	RUNNING	  a transfer is under way
 *	ENDED	  err tells how: kind ERROR_NONE, or what went wrong
 * The end is told by a callback from the loop, never from inside another
 * callback.  Attempts of one call are independent of each other; one may be
 * cancelled from inside a callback of another.
 */
#ifndef CORE_ATTEMPT_H
#define CORE_ATTEMPT_H

#include <stdint.h>

#include "core/error.h"
#include "core/gate.h"
#include "core/loop.h"
#include "core/meter.h"
#include "core/provider.h"
#include "core/stopper.h"
#include "core/upstream.h"

struct buf;
struct deframer;

struct attempt_events {
	/*
	 * The first content is here, or the answer is complete without any:
	 * where do events go?  NULL with the error: nowhere, it has failed.
	 */
	struct sink *(*content)(void *arg, struct error *err);
	/* Events went down the chain; send what they produced. */
	void (*progress)(void *arg);
	/* It is over. */
	void (*ended)(void *arg);
};

enum attempt_state {
	ATTEMPT_PREPARED,
	ATTEMPT_RUNNING,
	ATTEMPT_ENDED
};

/* First what each piece of a stream touches: it shares cache lines. */
struct attempt {
	enum attempt_state state;
	int status; /* HTTP, 0 if none came */
	/* private */
	size_t drain_left; /* bytes; 0: not drained */
	struct transfer *transfer;
	struct buf *refusal; /* body of an error answer */
	struct deframer *deframer;
	const struct attempt_events *events;
	void *arg;
	struct sink *chain;     /* its head */
	struct stopper stopper; /* in the chain if request.cut */
	/* public */
	struct gate gate;
	struct meter meter;
	struct arena *arena; /* the attempt's own; NULL: discarded */
	struct target target;
	const struct provider *api; /* the format that it speaks */
	struct ask *ask;
	struct name *losses; /* what this translation dropped */
	struct error err;
	int64_t started_us, ended_us; /* monotonic; 0: not yet */
	/* private */
	struct upstream_request request;
	struct loop *loop;
	struct header *headers; /* of the answer */
	struct decoder *decoder;
	struct loop_timer end_timer;
};

/*
 * attempt_prepare(a, ask, target, err):
 * Build the request for ${target}; nothing is sent.  Losses go to the
 * attempt, not to the chat that other attempts share.
 *
 * Returns  the attempt in the request's arena ${a}, its own arena with it,
 *          or NULL: what the provider's prepare set.
 */
struct attempt *attempt_prepare(struct arena *a, struct ask *ask,
    const struct target *target, struct error *err);

/* What an attempt runs on. */
struct attempt_engine {
	struct loop *loop;
	struct upstream *upstream;
	struct upstream_limits limits;
};

/*
 * attempt_start(at, engine, events, arg):
 * Send the request.  A failure to start is told by events->ended as well.
 */
void attempt_start(struct attempt *at, const struct attempt_engine *engine,
    const struct attempt_events *events, void *arg);

/* attempt_pause(at), attempt_resume(at): flow control while RUNNING. */
void attempt_pause(struct attempt *at);
void attempt_resume(struct attempt *at);

/*
 * attempt_cancel(at, kind, why):
 * Close the transfer now, with this error; no callback follows.
 */
void attempt_cancel(struct attempt *at, enum error_kind kind, const char *why);

/*
 * attempt_drain(at, max):
 * Nobody wants the answer; only ${max} bytes more of it are read.
 */
void attempt_drain(struct attempt *at, size_t max);

/*
 * attempt_discard(at):
 * Give the memory of an ENDED attempt back before the call ends.  Its err,
 * status, times and meter (but no string of it) stay.
 */
void attempt_discard(struct attempt *at);

#endif
