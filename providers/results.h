/* SPDX-License-Identifier: MIT */
/*
 * The results of tools in a request, found by the ids of their calls; an id
 * may come more than once.
 */
#ifndef PROVIDERS_RESULTS_H
#define PROVIDERS_RESULTS_H

#include "core/str.h"

struct arena;
struct chat;
struct part;
struct results;

/* results_of(a, chat): all of ${chat}, in ${a}. */
struct results *results_of(struct arena *a, const struct chat *chat);

/*
 * results_take(r, id):
 * Returns  the first result of ${id} that was not taken before, or NULL.
 */
const struct part *results_take(struct results *r, struct str id);

/*
 * results_left(r):
 * Returns  the first one in the request that was never taken, or NULL.
 */
const struct part *results_left(const struct results *r);

#endif
