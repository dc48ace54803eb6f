/* SPDX-License-Identifier: MIT */
/*
 * What OpenAI's two formats have in common and no other has: members of the
 * request, and breakpoints of the prompt cache.  Vendors that merely speak
 * the format refuse what they do not know, so they get none of it.
 */
#ifndef PROVIDERS_OPENAI_SHARED_H
#define PROVIDERS_OPENAI_SHARED_H

#include "core/provider.h"

struct jw;

/*
 * openai_shared(w, chat, t, wire):
 * Write the members of chat->shared that ${t} takes in format ${wire}, but
 * for verbosity.
 */
void openai_shared(
    struct jw *w, struct chat *chat, const struct target *t, enum wire wire);

/*
 * openai_verbosity(chat, t, wire):
 * Returns  the raw word, which counts as carried; absent if ${t} takes none.
 */
struct str openai_verbosity(
    struct chat *chat, const struct target *t, enum wire wire);

/*
 * openai_mark(w, t, part, n):
 * Write the breakpoint of ${part} unless there are too many; ${*n} counts
 * those written.  Anthropic's marks are not OpenAI's: older models refuse
 * breakpoints, and cache without being asked.
 */
void openai_mark(
    struct jw *w, const struct target *t, const struct part *part, unsigned *n);

/* openai_has_mark(t, parts): would openai_mark write one for any of them? */
bool openai_has_mark(const struct target *t, const struct part *parts);

#endif
