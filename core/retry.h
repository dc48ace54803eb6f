/* SPDX-License-Identifier: MIT */
/*
 * What a failed attempt means for the call (design §8, Classes), how long to
 * wait before another, and how providers spell that.  Pure.
 */
#ifndef CORE_RETRY_H
#define CORE_RETRY_H

#include <stdint.h>

#include "core/str.h"

struct arena;
struct error;
struct header;

enum retry_class {
	RETRY_AGAIN,       /* network, timeout, 408, 5xx, 529: once more here,
			    * then the next */
	RETRY_RATE,        /* 429: the next at once, else wait */
	RETRY_CREDENTIALS, /* 401, 402, 403: the next; this one is dead */
	RETRY_CONTEXT,     /* context overflow: only those marked for it */
	RETRY_POLICY,      /* content policy: only those marked for it */
	RETRY_NEXT,        /* this target cannot take the request: the next */
	RETRY_NEVER        /* the client's fault, or its wish: back to it */
};

/*
 * retry_class(err):
 * Returns  the class of a provider's failure ${err}.
 * Source   wire.md §5; the messages are those that vendors send where they
 *          have no code.
 */
enum retry_class retry_class(const struct error *err);

#define RETRY_MAX_WAIT_MS 10000 /* the longest Retry-After worth waiting */

/*
 * retry_backoff_ms(n, random):
 * Returns  the wait before retry ${n} (0, 1, …): min(0.5 s x 2^n, 5 s), 20 %
 *          more or less by ${random}.
 */
int64_t retry_backoff_ms(unsigned n, uint64_t random);

/*
 * retry_after_ms(a, headers, body, wall_us):
 * Read what a provider says about waiting: retry-after-ms,
 * x-ms-retry-after-ms, retry-after (seconds or date), x-ratelimit-reset
 * (seconds, or a time), then of *-ratelimit-*reset* the longest among those
 * of which nothing remains, else the shortest; Google's retryDelay in the
 * body.
 *
 * Returns  milliseconds, at most a day; 0 if it does not say.
 */
int64_t retry_after_ms(struct arena *a, const struct header *headers,
    struct str body, int64_t wall_us);

/*
 * retry_duration_ms(s, ms):
 * Read "1.5", "250ms", "6m0s", "1h2m3.5s".
 *
 * Returns  0, or -1.
 */
int retry_duration_ms(struct str s, int64_t *ms)
    __attribute__((warn_unused_result));

#endif
