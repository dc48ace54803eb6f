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
 *	  "input": "6", … } ], "modes": { "flex": { "input": … } },
 *	  "units": { "web_search": "0.01", "request": "0.005" },
 *	  "from": "2026-07-01" }
 * or a list of such, of which the latest that is in effect counts.  USD per
 * million tokens, bucket names of usage.h; "cache_write" alone prices every
 * lifetime that has no price of its own.  A bucket without a price costs what
 * its nearest kin costs: reasoning as output, audio and image as text, cache
 * reads and writes as input.  A tier applies to the whole call when its input
 * (all kinds) is above the number; what it does not name it takes from the
 * base.  A mode (flex, priority, batch, fast: usage.h) is a whole price but for
 * units and from.  A unit is priced each: a search, a request.
 */
#ifndef CORE_PRICE_H
#define CORE_PRICE_H

#include <stdint.h>

#include "core/str.h"
#include "core/usage.h"

struct error;
struct jw;

#define PUSD_PER_USD INT64_C(1000000000000)

#define PRICE_MAX_TIERS 4

struct price_tier {
	int64_t above_tokens;        /* 0 for the base prices */
	int64_t pusd[USAGE_BUCKETS]; /* per token */
};

struct price_mode {
	struct price_tier tiers[PRICE_MAX_TIERS]; /* [0] is the base */
	unsigned n_tiers;                         /* 0: has no price */
};

struct price {
	struct price_mode modes[USAGE_MODES]; /* standard is there */
	int64_t web_search_pusd;              /* each */
	int64_t request_pusd;                 /* each call */
	int64_t from_us;                      /* in effect since; 0 ever */
};

/*
 * price_parse(text, price, err), price_parse_at(text, now_us, price, err):
 * Read a price as above: the one in effect at ${now_us}, wall (now).
 *
 * Returns  0, or -1: ERROR_CONF (no input or output price, negative, more
 *          than 12 places, tiers not rising, none in effect).
 */
int price_parse(struct str text, struct price *price, struct error *err)
    __attribute__((warn_unused_result));

int price_parse_at(struct str text, int64_t now_us, struct price *price,
    struct error *err) __attribute__((warn_unused_result));

/* price_check(text, err): as price_parse, for all of a list, whenever. */
int price_check(struct str text, struct error *err)
    __attribute__((warn_unused_result));

/*
 * price_cost(price, usage, pusd):
 * Price one finished call.
 *
 * Returns  0 with ${*pusd} >= 0; 1 when its mode, which is never dearer than
 *          standard, has no price and the standard one stands in; -1 when the
 *          sum overflows, or a mode that may be dearer has no price.
 */
int price_cost(const struct price *price, const struct usage *usage,
    int64_t *pusd) __attribute__((warn_unused_result));

/* What a request may make the provider bill, beyond plain text. */
enum price_may {
	PRICE_MAY_AUDIO = 1 << 0,
	PRICE_MAY_IMAGE = 1 << 1,
	PRICE_MAY_SEARCH = 1 << 2
};

/* The most that a call may consume. */
struct price_most {
	int64_t input_tokens, output_tokens;
	unsigned may;         /* enum price_may */
	int64_t searches;     /* with PRICE_MAY_SEARCH */
	enum usage_mode mode; /* asked for */
};

/*
 * price_worst(price, most, pusd):
 * The dearest way to bill ${most}: each token at the highest price that one
 * of its kind may have there.
 *
 * Returns  0, or -1 as price_cost.
 */
int price_worst(const struct price *price, const struct price_most *most,
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

/* money_json(w, key, pusd): write ${pusd} as member ${key}, such text. */
void money_json(struct jw *w, const char *key, int64_t pusd);

#endif
