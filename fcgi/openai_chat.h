/* SPDX-License-Identifier: MIT */
/*
 * OpenAI Chat Completions as clients speak it (POST /v1/chat/completions):
 * the parts of dialect_openai_chat.  The format is wire.md §1.
 *
 * Reasoning has no field in this format.  Its text is written as
 * `reasoning_content`; what a later request must bring back unchanged as
 * `reasoning_details`, in OpenRouter's form:
 *	{"type":"reasoning.text","text":…,"signature":…,"format":…,"index":i}
 *	{"type":"reasoning.encrypted","data":…,"format":…,"index":i}
 * In a stream such an item comes whole, text included, when its signature
 * does.  Both are read back from assistant messages.
 */
#ifndef FCGI_OPENAI_CHAT_H
#define FCGI_OPENAI_CHAT_H

#include "core/str.h"
#include "fcgi/decode.h"

struct arena;
struct buf;
struct chat;
struct encode_opts;
struct encoder;
struct error;

/* See struct dialect. */
int openai_chat_decode(struct arena *a, struct str body, struct chat *chat,
    struct error *err) __attribute__((warn_unused_result));
struct encoder *openai_chat_encoder(
    struct arena *a, const struct encode_opts *opts);
void openai_chat_fail_body(
    struct buf *out, const struct error *err, const char *call_id);

/* Reads `messages` into chat->turns. */
field_fn openai_chat_messages;

/* The types of content parts. */
extern const struct part_type openai_chat_parts[];

/* Reads ${v}, `tool_calls` of an assistant message or nothing. */
int openai_chat_calls(struct chat *chat, struct turn *turn,
    const struct jnode *v, struct error *err)
    __attribute__((warn_unused_result));

#endif
