/* SPDX-License-Identifier: MIT */
/*
 * What has to be asked for in words, where a model or its API has no switch
 * for it.  A model need not obey: each of these is a loss.
 */
#ifndef PROVIDERS_INSTRUCT_H
#define PROVIDERS_INSTRUCT_H

#include "core/chat.h"

struct arena;

/*
 * instruct_format(a, chat, json, schema):
 * Returns  the words for the output format of ${chat}, in ${a}; absent if it
 *          is text, or the provider takes it (${json}: an object of any kind,
 *          ${schema}: by schema).
 */
struct str instruct_format(
    struct arena *a, struct chat *chat, bool json, bool schema);

/*
 * instruct_choice(a, chat, forced):
 * Returns  the words for a forced tool choice, in ${a}; absent if there is
 *          none, or the provider takes it (${forced}).
 */
struct str instruct_choice(struct arena *a, struct chat *chat, bool forced);

#endif
