/* SPDX-License-Identifier: MIT */
/*
 * The sink that cuts an answer at a stop string where the provider does not
 * take them.  It stands behind order.h, so that blocks come one after the
 * other.  Text is held back as long as it may be the beginning of a stop
 * string; none of it is in thinking, refusals or arguments, as with
 * providers that know stop strings themselves.  The first one that is
 * complete ends the answer: the text before it passes, then CLOSE and
 * STOP_SEQUENCE, and from then on only USAGE.
 */
#ifndef CORE_STOPPER_H
#define CORE_STOPPER_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/sink.h"

struct arena;
struct name;

#define STOPPER_MAX_BYTES (64u << 20) /* of one delta and what was held */

struct stopper {
	struct sink sink;
	struct sink *next;
	const struct name *stops; /* must outlive it; empty ones are ignored */
	struct buf *held;         /* text that has not passed yet */
	bool in_text;             /* a text block is open */
	bool done;                /* a stop string has come */
};

/* stopper_init(s, a, stops, next): cut before ${next} at any of ${stops}. */
void stopper_init(struct stopper *s, struct arena *a, const struct name *stops,
    struct sink *next);

#endif
