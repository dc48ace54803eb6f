/* SPDX-License-Identifier: MIT */
/*
 * An answer that passes through as it came, because client and provider
 * speak the same format.  Two things may differ from the provider's bytes:
 * the last frame (or the document) with a usage object, which in Responses
 * streams stands inside the response, gains usage.cost, and
 * a usage chunk that only the gateway asked for is left out.
 *
 * A frame with usage is held back, with what follows it, until content
 * follows or the end has come; beyond VERBATIM_MAX_BYTES it goes as it is
 * (Responses: FOLD_MAX_BYTES, since their last frame has the whole answer).
 */
#ifndef FCGI_VERBATIM_H
#define FCGI_VERBATIM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"
#include "core/wire.h"

struct arena;
struct buf;
struct error;
struct event;

#define VERBATIM_MAX_BYTES (256u << 10)

struct verbatim {
	struct buf *out;
	struct buf *held;
	size_t usage_n; /* bytes of the usage frame, the first in held */
	enum wire wire;
	enum framing framing;
	bool hide_usage; /* the client did not ask for the usage chunk */
	bool is_cut;     /* the last frame has no end */
	/* What events have told about the frame to come. */
	bool usage, start, content;
};

/* verbatim_init(v, a, wire, framing, hide_usage, out): see the struct. */
void verbatim_init(struct verbatim *v, struct arena *a, enum wire wire,
    enum framing framing, bool hide_usage, struct buf *out);

/*
 * verbatim_put(v, ev, err):
 * Take the next event; FRAMEs are passed, the others say what they hold.
 *
 * Returns  0, or -1: ERROR_UP_BROKEN, a document too large.
 */
int verbatim_put(struct verbatim *v, const struct event *ev, struct error *err)
    __attribute__((warn_unused_result));

/* What the usage of an answer gains, as raw JSON; each may be absent. */
struct verbatim_more {
	struct str cost;  /* usage.cost */
	struct str cache; /* usage.cost_details.cache */
	struct str note;  /* usage.sluice */
};

/* verbatim_finish(v, more): pass what is held, with this. */
void verbatim_finish(struct verbatim *v, const struct verbatim_more *more);

/*
 * verbatim_flush(v), verbatim_break(v):
 * Pass what is held, unchanged; also end a frame that was cut in the middle,
 * so that one of ours may follow.
 */
void verbatim_flush(struct verbatim *v);
void verbatim_break(struct verbatim *v);

#endif
