/* SPDX-License-Identifier: MIT */
/*
 * One exchange with a client: the request that came in, the call it became,
 * the answer that goes out.  It has the three legs of design §4 and knows no
 * threads; serve.c and cgi.c turn it.
 *
 *	exchange_front	authenticate, find the endpoint, begin	   (worker)
 *	exchange_middle	only if front said so: stream	     (event thread)
 *	exchange_back	only after a middle: settle, finish	   (worker)
 * After front without middle, and after back, the whole answer is queued in
 * io and has to be flushed.
 */
#ifndef FCGI_EXCHANGE_H
#define FCGI_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/call.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/str.h"
#include "fcgi/http.h"
#include "fcgi/io.h"

struct arena;
struct dialect;
struct encoder;
struct endpoint;
struct fold;
struct gateway;
struct key;
struct shadow;
struct snapshot;
struct upstream;

/* What the server wants to hear during the middle. */
struct exchange_events {
	void (*output)(void *arg); /* io has something to flush */
	void (*ended)(void *arg);  /* the middle is over: back is due */
};

/* First what each piece of a stream touches: it shares cache lines. */
struct exchange {
	struct io io;
	struct buf *body; /* what the encoder has written */
	bool head_sent;
	bool paused; /* the call is, until some of io has left */
	struct loop *loop;
	const struct exchange_events *events;
	void *arg;
	int64_t spoke_us; /* monotonic: when the client last got something */
	struct call call;
	bool calling;        /* call is in use: it must be settled */
	struct arena *arena; /* request lifetime; holds the exchange too */
	struct gateway *gw;
	const struct snapshot *snap; /* NULL: no configuration */
	struct http_in in;
	const struct endpoint *endpoint; /* NULL: no such path */
	bool asked;                    /* endpoint, key and denied are known */
	const struct key *key;         /* who asks; NULL: nobody we know */
	struct error denied;           /* why he may not */
	struct str allow;              /* methods, if endpoint is NULL */
	const struct dialect *dialect; /* for errors, and for chats */
	struct encoder *enc;           /* NULL until the middle */
	struct header *fields;  /* more headers for the head of the answer */
	struct header *options; /* private to options.c */
	const struct error *read_err; /* front: what reading ran into */
	struct loop_timer keepalive;
	struct upstream *upstream;
	struct fold *served;   /* the answer, for an experiment; NULL */
	struct shadow *shadow; /* another arm's, under way; NULL */
	bool drained;          /* a loser has been waited for */
};

/*
 * exchange_new(gw, kind, fd):
 * Returns  an exchange with an arena of its own; exchange_free ends both and
 *          leaves ${fd} open.
 */
struct exchange *exchange_new(struct gateway *gw, enum io_kind kind, int fd);
void exchange_free(struct exchange *x);

/*
 * exchange_max_body(x):
 * Once x->in has all but its body: find the endpoint and who asks.
 *
 * Returns  the most bytes of body worth reading; more is refused by front.
 *          Who may not ask has nothing worth it.
 * Blocks   rarely, on configuration and keys.
 */
size_t exchange_max_body(struct exchange *x);

/*
 * exchange_front(x, read_err):
 * Begin the answer to x->in, whose body is complete; ${read_err} is what
 * reading it ran into (kind ERROR_NONE if nothing).
 *
 * Returns  true when a middle is needed.
 * Blocks   on the journal, rarely on configuration and keys.
 */
bool exchange_front(struct exchange *x, const struct error *read_err);

/* exchange_middle(x, loop, upstream, events, arg): start streaming. */
void exchange_middle(struct exchange *x, struct loop *loop,
    struct upstream *upstream, const struct exchange_events *events, void *arg);

/*
 * exchange_flushed(x):
 * Some of io has left: go on reading if the client was the slower one.
 */
void exchange_flushed(struct exchange *x);

/* exchange_cancel(x, kind, why): end the middle early; ended follows. */
void exchange_cancel(struct exchange *x, enum error_kind kind, const char *why);

enum exchange_next {
	EXCHANGE_DONE,
	/* Something remains to be done without the client: a loser of the
	 * call is still being read, an experiment wants another arm's answer.
	 * Once the answer has left exchange_linger is due; after another
	 * ended exchange_settle. */
	EXCHANGE_LINGERS,
	EXCHANGE_AGAIN /* whom the call followed has died: another middle */
};

/*
 * exchange_back(x):
 * Settle the call and queue the end of the answer.
 *
 * Returns  what is due then.
 */
enum exchange_next exchange_back(struct exchange *x);

/*
 * exchange_hurry(x): between the two: no other arm is to answer.
 *
 * Returns  true if exchange_linger is due all the same.
 */
bool exchange_hurry(struct exchange *x);

/* exchange_linger(x): do that, without the client	  (event thread) */
void exchange_linger(struct exchange *x);

/*
 * exchange_settle(x): settle what had to wait		   (worker)
 *
 * Returns  true if there is more: exchange_linger is due again.
 */
bool exchange_settle(struct exchange *x);

/*
 * exchange_answer(x, status, type, body):
 * Queue a whole answer: for endpoint handlers.  ${type} NULL: no body.
 */
void exchange_answer(
    struct exchange *x, int status, const char *type, struct str body);

/*
 * exchange_nowhere(x, allow):
 * Answer a request whose method is none of ${allow} ("GET, HEAD"): OPTIONS, or
 * 405; 404 where that is empty.
 */
void exchange_nowhere(struct exchange *x, struct str allow);

/* exchange_fail(x, err): queue ${err} as a whole answer in the dialect. */
void exchange_fail(struct exchange *x, const struct error *err);

#endif
