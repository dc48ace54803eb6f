/* SPDX-License-Identifier: MIT */
/*
 * What OpenAI's two formats have in common and no other has: members of the
 * request, parts of messages, and breakpoints of the prompt cache.  Vendors
 * that merely speak the format refuse members and breakpoints that they do
 * not know, so they get none of them.
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

/* openai_user(w, chat): the client's word for its user, unless too long. */
void openai_user(struct jw *w, struct chat *chat);

/*
 * openai_media_url(a, part):
 * Returns  where the image or document ${part} is, or the data URL it makes,
 *          in ${a}.
 */
struct str openai_media_url(struct arena *a, const struct part *part);

/*
 * openai_audio(w, t, part, wire, err):
 * Write ${part} as an input_audio part of the format ${wire}.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST, ${t} does not take it.
 */
int openai_audio(struct jw *w, const struct target *t, const struct part *part,
    enum wire wire, struct error *err) __attribute__((warn_unused_result));

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
