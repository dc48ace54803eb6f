/* SPDX-License-Identifier: MIT */
/* The conversation of a Chat Completions request. */
#ifndef PROVIDERS_OPENAI_MESSAGES_H
#define PROVIDERS_OPENAI_MESSAGES_H

#include "core/provider.h"

struct jw;

/*
 * openai_messages(a, w, t, chat, err):
 * Write the member "messages".
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST for a part that the target cannot
 *          take, or a tool result without its call.
 */
int openai_messages(struct arena *a, struct jw *w, const struct target *t,
    struct chat *chat, struct error *err) __attribute__((warn_unused_result));

#endif
