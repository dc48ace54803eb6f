/* SPDX-License-Identifier: MIT */
/*
 * LiteLLM's price map, model_prices_and_context_window.json: one object,
 * model name to members such as "input_cost_per_token": 2.5e-06, with
 * suffixes for context tiers (_above_200k_tokens) and modes (_flex,
 * _priority, _batches).  Amounts are USD per token as JSON numbers; they are
 * read as decimals, rounded to the picodollar.
 * Source  github.com/BerriAI/litellm, the file's "sample_spec".
 */
#ifndef CORE_PRICE_LITELLM_H
#define CORE_PRICE_LITELLM_H

#include <stdbool.h>

#include "core/str.h"

struct arena;

struct litellm_model {
	struct str provider; /* LiteLLM's word */
	struct str id;       /* without the provider's prefix */
	struct str text;     /* in the format of conf/models.json */
	const char *bad;     /* an amount that is none; NULL: fine */
};

/*
 * litellm_model(a, name, entry, model):
 * Convert one entry of the map, raw JSON.
 *
 * Returns  true, or false if it is no model priced by tokens.
 */
bool litellm_model(struct arena *a, struct str name, struct str entry,
    struct litellm_model *model);

#endif
