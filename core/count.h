/* SPDX-License-Identifier: MIT */
/*
 * Counting the input tokens of a chat: {"input_tokens":N}, the answer of
 * Anthropic's count_tokens; in Responses an "object" stands beside it.
 * Vendors without such an endpoint are not asked: count_estimate answers at
 * once with what tokens.h makes of the request.
 */
#ifndef CORE_COUNT_H
#define CORE_COUNT_H

#include "core/provider.h"

/* count_estimate(client): the provider that estimates, in that format. */
const struct provider *count_estimate(enum wire client);

/* count_decoder_new: see struct provider; for vendors' own answers, too. */
struct decoder *count_decoder_new(
    struct arena *a, const struct target *t, const struct ask *ask);

#endif
