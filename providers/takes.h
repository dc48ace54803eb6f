/* SPDX-License-Identifier: MIT */
/*
 * What a model takes.  The catalogue says it; a model that is not there, or
 * of which no capability is known, gets the form that none of its format's
 * models refuses, and what that form lacks is a loss.
 */
#ifndef PROVIDERS_TAKES_H
#define PROVIDERS_TAKES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/catalog.h"
#include "core/chat.h"
#include "core/provider.h"

/*
 * takes_any(t, wire, can):
 * Returns  true if ${t}, asked in format ${wire}, has one of the bits ${can}
 *          (enum model_can).
 * Source   wire.md §0 (10), §7, §10.
 */
bool takes_any(const struct target *t, enum wire wire, unsigned can);

/* takes_is_known(t): whether the catalogue says what ${t} takes.
 * takes_is_openai(t): whether ${t} is at OpenAI itself. */
bool takes_is_known(const struct target *t);
bool takes_is_openai(const struct target *t);

/*
 * takes_limit(t, chat):
 * Returns  the client's limit of output tokens, 0 if it has none; vendors
 *          answer 400 to one beyond the model's, which stands in for it
 *          then, as a loss.
 */
int64_t takes_limit(const struct target *t, struct chat *chat);

/*
 * takes_effort(t, chat, want):
 * Returns  the word of ${t} nearest to ${want}; EFFORT_UNSET, with the loss
 *          noted, where it knows none.
 */
enum effort takes_effort(
    const struct target *t, struct chat *chat, enum effort want);

/*
 * takes_no_effort(t, chat, want):
 * Note that ${want} cannot be asked for.  No thinking at all is what a known
 * model without a word for it does anyway.
 */
void takes_no_effort(
    const struct target *t, struct chat *chat, enum effort want);

#endif
