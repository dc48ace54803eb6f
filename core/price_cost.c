/* SPDX-License-Identifier: MIT */
/* Prices applied: what a call did cost, and what one may. */
#include "core/price.h"

#include <stddef.h>

/* The prices for a call of so much input; tiers rise. */
static const struct price_tier *
find_tier(const struct price_mode *mode, int64_t input_tokens)
{
	unsigned i = mode->n_tiers - 1;

	while (i > 0 && input_tokens <= mode->tiers[i].above_tokens)
		i--;
	return &mode->tiers[i];
}

static int
add_product(int64_t *sum, int64_t count, int64_t pusd)
{
	int64_t cost;

	return count < 0 || __builtin_mul_overflow(count, pusd, &cost) ||
		__builtin_add_overflow(*sum, cost, sum)
	    ? -1
	    : 0;
}

/*
 * The mode to price by: 1 where standard stands in for one that costs at
 * most as much, -1 where there is none.
 */
static int
find_mode(const struct price *price, enum usage_mode mode,
    const struct price_mode **out)
{
	*out = &price->modes[mode];
	if ((*out)->n_tiers > 0)
		return 0;
	*out = &price->modes[USAGE_STANDARD];
	return mode == USAGE_FLEX || mode == USAGE_BATCH ? 1 : -1;
}

int
price_cost(const struct price *price, const struct usage *usage, int64_t *pusd)
{
	const struct price_mode *mode;
	const struct price_tier *tier;
	int64_t sum = price->request_pusd;
	int i, rc = find_mode(price, usage->mode, &mode);

	if (rc < 0)
		return -1;
	tier = find_tier(mode, usage_total_input(usage));
	for (i = 0; i < USAGE_BUCKETS; i++)
		if (add_product(&sum, usage->tokens[i], tier->pusd[i]) != 0)
			return -1;
	if (add_product(&sum, usage->web_searches, price->web_search_pusd) != 0)
		return -1;
	*pusd = sum;
	return rc;
}

/* The highest price of buckets that tokens may end up in. */
static int64_t
dearest(const struct price_tier *tier, bool output, unsigned may)
{
	static const struct {
		enum usage_bucket bucket;
		bool output;
		unsigned may; /* 0: any call */
	} rows[] = {
		{ USAGE_INPUT, false, 0 },
		{ USAGE_CACHE_READ, false, 0 },
		{ USAGE_CACHE_WRITE_5M, false, 0 },
		{ USAGE_CACHE_WRITE_1H, false, 0 },
		{ USAGE_CACHE_WRITE_30M, false, 0 },
		{ USAGE_CACHE_WRITE_12H, false, 0 },
		{ USAGE_AUDIO_IN, false, PRICE_MAY_AUDIO },
		{ USAGE_IMAGE_IN, false, PRICE_MAY_IMAGE },
		{ USAGE_OUTPUT, true, 0 },
		{ USAGE_REASONING, true, 0 },
		{ USAGE_AUDIO_OUT, true, PRICE_MAY_AUDIO },
		{ USAGE_IMAGE_OUT, true, PRICE_MAY_IMAGE },
	};
	int64_t most = 0;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].output == output &&
		    (rows[i].may & may) == rows[i].may &&
		    tier->pusd[rows[i].bucket] > most)
			most = tier->pusd[rows[i].bucket];
	return most;
}

int
price_worst(
    const struct price *price, const struct price_most *most, int64_t *pusd)
{
	const struct price_mode *mode;
	const struct price_tier *tier;
	int64_t sum = price->request_pusd;
	int rc = find_mode(price, most->mode, &mode);

	if (rc < 0)
		return -1;
	tier = find_tier(mode, most->input_tokens);
	if (add_product(&sum, most->input_tokens,
		dearest(tier, false, most->may)) != 0 ||
	    add_product(
		&sum, most->output_tokens, dearest(tier, true, most->may)) != 0)
		return -1;
	if ((most->may & PRICE_MAY_SEARCH) &&
	    add_product(&sum, most->searches, price->web_search_pusd) != 0)
		return -1;
	*pusd = sum;
	return 0;
}
