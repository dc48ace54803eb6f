/* SPDX-License-Identifier: MIT */
/*
 * Counting the input tokens of a chat: {"input_tokens":N}, the answer of
 * Anthropic's count_tokens.  Vendors without such an endpoint are not asked:
 * count_estimate answers at once with what tokens.h makes of the request.
 */
#ifndef CORE_COUNT_H
#define CORE_COUNT_H

#include "core/provider.h"

extern const struct provider count_estimate;

/* count_decoder_new: see struct provider; for Anthropic's own answer, too. */
struct decoder *count_decoder_new(
    struct arena *a, const struct target *t, const struct ask *ask);

#endif
