/* SPDX-License-Identifier: MIT */
/*
 * The sink that makes blocks strictly sequential: OPEN, its deltas, CLOSE, then
 * the next.  The block that opened first streams; others wait in memory (up to
 * ORDER_MAX_BYTES in all) until it closes.  A block still open at STOP is
 * closed before it.  FRAME, HEAD, LOST, PING and USAGE pass at once; STOP is
 * passed once, after all blocks.  A CITATION whose text is over is LOST.  Text
 * that follows a tool call of the same key space gets a block of its own from
 * the decoder, not from here.
 */
#ifndef CORE_ORDER_H
#define CORE_ORDER_H

#include "core/sink.h"

struct arena;

#define ORDER_MAX_BYTES (8u << 20)
#define ORDER_MAX_OPEN  256

/*
 * order_new(a, next):
 * Returns  the sink, in ${a}, that passes ordered events to ${next}.
 * Errors   (of put) ERROR_UP_BROKEN: a delta for a block that is not open, a
 *          tool call without a name, or a ceiling passed.
 */
struct sink *order_new(struct arena *a, struct sink *next);

#endif
