/* SPDX-License-Identifier: MIT */
/*
 * Money: integer picodollars (10^-12 USD, int64), so that a price of one
 * micro-USD per million tokens is exactly 1 pUSD per token.  No floating
 * point.  Sums are checked for overflow.
 *
 * A price in JSON:
 *	{ "input": "3", "output": "15", "cache_read": "0.3",
 *	  "cache_write": "3.75", "cache_write_1h": "6", "reasoning": "15",
 *	  "audio_in": "10", "image_in": "…", "tiers": [ { "above": 200000,
 *	  "input": "6", … } ], "units": { "web_search": "0.01" } }
 * USD per million tokens, bucket names of usage.h; "cache_write" alone
 * prices every lifetime that has no price of its own.  A bucket without a
 * price costs what its nearest kin costs: reasoning as output, audio and
 * image as text, cache reads and writes as input.  A tier applies to the
 * whole call when its input (all kinds) is above the number; what it does not
 * name it takes from the base.
 */
#ifndef CORE_PRICE_H
#define CORE_PRICE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"
#include "core/usage.h"

struct arena;
struct error;

#define PUSD_PER_USD INT64_C(1000000000000)

#define PRICE_MAX_TIERS 4

struct price_tier {
	int64_t above_tokens;        /* 0 for the base prices */
	int64_t pusd[USAGE_BUCKETS]; /* per token */
};

struct price {
	struct price_tier tiers[PRICE_MAX_TIERS]; /* [0] is the base */
	unsigned n_tiers;
	int64_t web_search_pusd; /* per search */
};

/*
 * price_parse(text, price, err):
 * Read a price as above.
 *
 * Returns  0, or -1: ERROR_CONF (no input or output price, negative, more
 *          than 12 places, tiers not rising).
 */
int price_parse(struct str text, struct price *price, struct error *err)
    __attribute__((warn_unused_result));

/*
 * price_cost(price, usage, pusd):
 * Price one finished call.
 *
 * Returns  0 with ${*pusd} >= 0, or -1 when the sum overflows.
 */
int price_cost(const struct price *price, const struct usage *usage,
    int64_t *pusd) __attribute__((warn_unused_result));

/*
 * money_parse(s, scale, out):
 * Read the decimal ${s} times ${scale} as an integer: scale PUSD_PER_USD for
 * dollars, 1000000 for USD per million tokens.
 *
 * Returns  0, or -1: not a number, not exact, negative or too large.
 */
int money_parse(struct str s, int64_t scale, int64_t *out)
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

#endif
