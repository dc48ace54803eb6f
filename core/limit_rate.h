/* SPDX-License-Identifier: MIT */
/*
 * Rates of a key, in one cell of the room: requests and tokens a minute as
 * token buckets that are full at first, calls at a time by the holds on the
 * cell.  A bucket is kept as the moment at which it will be full again, on
 * the monotonic clock (GCRA).
 */
#ifndef CORE_LIMIT_RATE_H
#define CORE_LIMIT_RATE_H

#include <stdint.h>

struct error;
struct key;
struct limit_cell;

/*
 * limit_rate_check(c, key, tokens, now_us, err):
 * Returns  0, or -1: ERROR_RATE.
 */
int limit_rate_check(const struct limit_cell *c, const struct key *key,
    int64_t tokens, int64_t now_us, struct error *err)
    __attribute__((warn_unused_result));

/* limit_rate_take(c, key, tokens, now_us): one more request. */
void limit_rate_take(struct limit_cell *c, const struct key *key,
    int64_t tokens, int64_t now_us);

/*
 * limit_rate_settle(c, taken, used):
 * It was ${used} tokens instead of ${taken}.
 */
void limit_rate_settle(struct limit_cell *c, int64_t taken, int64_t used);

#endif
