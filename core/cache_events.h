/* SPDX-License-Identifier: MIT */
/*
 * Events as bytes: what the cache stores of an answer, and what a leader
 * writes for those who follow it (flight.h).  A recording is a run of
 * records, each its length (varint) and that many bytes, the first of which
 * says what it is: an event kind, or one of
 *	ABOUT	who answers, what translation dropped (before all events)
 *	END	the answer is complete; what it cost
 *	ERROR	it has failed
 * HEAD tells only whose format the signatures have, so that a replay is
 * never taken for bytes to pass on.  An answer's own id stays in OpenAI's
 * Responses alone, where it names something that can be continued from.
 * FRAME and PING are not recorded.
 */
#ifndef CORE_CACHE_EVENTS_H
#define CORE_CACHE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"
#include "core/sink.h"
#include "core/usage.h"

struct arena;
struct buf;
struct error;
struct name;

#define CACHE_EVENTS_VERSION 1 /* a recording with another one is none */

/* What is known of an answer beside its events. */
struct cache_about {
	struct str answered; /* provider/model */
	struct name *lossy;
};

/* cache_about_put(out, about), cache_event_put(out, ev, issuer): append.
 * ${issuer} is the wire of the last HEAD. */
void cache_about_put(struct buf *out, const struct cache_about *about);
void cache_event_put(struct buf *out, const struct event *ev, enum wire issuer);

/* cache_end_put(out, cost_pusd): it is complete; -1: nobody knows the cost. */
void cache_end_put(struct buf *out, int64_t cost_pusd);

/* cache_error_put(out, err): it has failed: all who wait shall be told as the
 * one who asked is. */
void cache_error_put(struct buf *out, const struct error *err);

/* What cache_next has found. */
enum cache_record {
	CACHE_NOTHING, /* no whole record is left */
	CACHE_ABOUT,   /* about */
	CACHE_EVENT,   /* event */
	CACHE_END,     /* cost_pusd */
	CACHE_ERROR,   /* error */
	CACHE_BROKEN   /* no recording at all */
};

/* A walk through a recording, which may still be growing. */
struct cache_walk {
	struct arena *arena; /* of about */
	struct str rest;
	struct cache_about about;
	/* In the end, if that is known before: told with the start as well,
	 * where Anthropic's streams have the input.  NULL: not yet. */
	const struct usage *final;
	struct event event; /* views into rest, and usage */
	struct usage usage;
	struct citation citation;
	int64_t cost_pusd;
	struct error *error; /* raw: a view, too */
};

/*
 * cache_next(w):
 * Read the next whole record off w->rest.
 */
enum cache_record cache_next(struct cache_walk *w);

/*
 * cache_check(rest, cost_pusd, usage):
 * Returns  true if ${rest} is a whole recording that ends well, with its
 *          cost and usage.
 */
bool cache_check(struct str rest, int64_t *cost_pusd, struct usage *usage);

#endif
