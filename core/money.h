/* SPDX-License-Identifier: MIT */
/*
 * Money: integer picodollars (10^-12 USD, int64), so that a price of one
 * micro-USD per million tokens is exactly 1 pUSD per token.  No floating
 * point.  Sums are checked for overflow.
 */
#ifndef CORE_MONEY_H
#define CORE_MONEY_H

#include <stdint.h>

#include "core/str.h"

struct jw;

#define PUSD_PER_USD INT64_C(1000000000000)

/*
 * money_parse(s, scale, out):
 * Read the decimal ${s} times ${scale} as an integer: scale PUSD_PER_USD for
 * dollars, 1000000 for USD per million tokens.
 *
 * Returns  0, or -1: not a number, not exact, negative or too large.
 */
int money_parse(struct str s, int64_t scale, int64_t *out)
    __attribute__((warn_unused_result));

/*
 * money_round(s, scale, out):
 * Likewise the amounts of others, perhaps "-1.5e-05", rounded half up (away
 * from zero below it).  ${scale} is a power of ten.
 *
 * Returns  0, or -1: not a number, or too large.
 */
int money_round(struct str s, int64_t scale, int64_t *out)
    __attribute__((warn_unused_result));

/* Room for any amount as text: sign, digits, point, 12 places, NUL. */
#define MONEY_TEXT_BYTES 32

/*
 * money_text(pusd, out):
 * Write ${pusd} as exact decimal dollars without trailing zeros: "0.0031".
 *
 * Returns  ${out}.
 */
char *money_text(int64_t pusd, char out[MONEY_TEXT_BYTES]);

/* money_json(w, key, pusd): write ${pusd} as member ${key}, such text. */
void money_json(struct jw *w, const char *key, int64_t pusd);

#endif
