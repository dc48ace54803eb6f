/* SPDX-License-Identifier: MIT */
/*
 * Shares of traffic that stay: the same user, session or key always draws
 * the same number, and so gets the same one of several.
 */
#ifndef CORE_STICKY_H
#define CORE_STICKY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct planner;

enum sticky {
	STICKY_NOT,
	STICKY_USER,
	STICKY_SESSION,
	STICKY_KEY
};

#define STICKY_WORDS "none, user, session, key" /* in this order */

/* sticky_of(word): which one ${word} is, or -1. */
int sticky_of(struct str word);

/*
 * sticky_draw(p, sticky, salt, draw):
 * Draw the number of a call: by its label and ${salt} (absent: none), or at
 * random if it has no such label.
 *
 * Returns  true if the number is that of a label.
 */
bool sticky_draw(
    struct planner *p, enum sticky sticky, struct str salt, uint64_t *draw);

/* sticky_share(draw): a number that was drawn as a fraction of 1. */
double sticky_share(uint64_t draw);

#endif
