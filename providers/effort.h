/* SPDX-License-Identifier: MIT */
/*
 * How hard a model shall think, in the words of one vendor or another, or as
 * a budget of tokens.
 *
 * Source   wire.md §7.1.
 */
#ifndef PROVIDERS_EFFORT_H
#define PROVIDERS_EFFORT_H

#include <stdint.h>

#include "core/chat.h"

/*
 * effort_wanted(chat, max_tokens):
 * Returns  the effort ${chat} asks for; a budget becomes a word by its share
 *          of ${max_tokens}.  EFFORT_UNSET if it does not ask.
 */
enum effort effort_wanted(const struct chat *chat, int64_t max_tokens);

/*
 * effort_pick(want, accepted):
 * Returns  the word nearest to ${want} among ${accepted} (bits 1 << effort):
 *          itself, the next lower one, or else the next higher one; never
 *          EFFORT_NONE in place of another.  EFFORT_UNSET if none is left.
 */
enum effort effort_pick(enum effort want, unsigned accepted);

/*
 * effort_budget(e, max_tokens):
 * Returns  the thinking budget for ${e}: its share of ${max_tokens}, at least
 *          EFFORT_MIN_BUDGET; may be more than ${max_tokens}.
 */
int64_t effort_budget(enum effort e, int64_t max_tokens);

#define EFFORT_MIN_BUDGET 1024

#endif
