/* SPDX-License-Identifier: MIT */
/*
 * Where an answer of Gemini's comes from: the pages that a search has found
 * (groundingMetadata) and the works it recites (citationMetadata).
 *
 * Source   wire.md §4.2.
 */
#ifndef PROVIDERS_GEMINI_GROUNDING_H
#define PROVIDERS_GEMINI_GROUNDING_H

#include "core/event.h"
#include "core/jtree.h"

/*
 * gemini_grounding(candidate, said, fn, arg):
 * Call ${fn} for each source of ${candidate}, whose text so far is ${said}:
 * by the piece of text that it supports, else for all of it.
 *
 * Returns  0, or the first other value of ${fn}.
 */
int gemini_grounding(const struct jnode *candidate, struct str said,
    int (*fn)(void *arg, const struct citation *c), void *arg);

#endif
