/* SPDX-License-Identifier: MIT */
/* What Chat Completions chunks and documents have in common. */
#ifndef FCGI_OPENAI_CHAT_ANSWER_H
#define FCGI_OPENAI_CHAT_ANSWER_H

#include <stdbool.h>

#include "core/str.h"

struct encode;
struct jw;
struct receipt;

/* Writes the members id, object, created and model. */
void openai_chat_identity(
    const struct encode *e, struct jw *w, const char *object);

/* Writes the value of `usage`. */
void openai_chat_usage(
    const struct encode *e, struct jw *w, const struct receipt *r);

/* Writes item ${index} of `reasoning_details`; redacted has no ${text}. */
void openai_chat_detail(const struct encode *e, struct jw *w, bool redacted,
    struct str text, struct str signature, unsigned index);

/* The value of `finish_reason`. */
const char *openai_chat_finish(const struct encode *e);

/* Writes the whole answer. */
void openai_chat_document(struct encode *e, const struct receipt *r);

#endif
