/* SPDX-License-Identifier: MIT */
/*
 * Anthropic Messages as clients speak it (POST /v1/messages): the parts of
 * dialect_anthropic.  The format is wire.md §3.
 *
 * A signature of another issuer goes out with a prefix that names it
 * (signature.h) and is known by it when the client brings it back.
 */
#ifndef FCGI_ANTHROPIC_H
#define FCGI_ANTHROPIC_H

#include "core/str.h"
#include "fcgi/decode.h"

struct arena;
struct buf;
struct encode_opts;
struct encoder;
struct error;

/* See struct dialect. */
int anthropic_decode(struct arena *a, struct str body, struct chat *chat,
    struct error *err) __attribute__((warn_unused_result));
int anthropic_decode_count(struct arena *a, struct str body, struct chat *chat,
    struct error *err) __attribute__((warn_unused_result));
struct encoder *anthropic_encoder(
    struct arena *a, const struct encode_opts *opts);
void anthropic_fail_body(
    struct buf *out, const struct error *err, const char *call_id);

/* Read `tools` and `tool_choice` into the chat. */
field_fn anthropic_tools;
field_fn anthropic_tool_choice;

/*
 * anthropic_offer(chat, name, offered):
 * From here on tool ${name} is offered, or no longer.
 *
 * anthropic_drop_hidden(chat):
 * Leave out the tools that are not offered at the end.
 */
void anthropic_offer(struct chat *chat, struct str name, bool offered);
void anthropic_drop_hidden(struct chat *chat);

#define ANTHROPIC_SEARCH "tool_search_tool_" /* a hosted one, before its kind */

/* What stands in a conversation about tools that come and go. */
part_fn anthropic_reference, anthropic_addition, anthropic_removal;
part_fn anthropic_hosted_call, anthropic_hosted_search;

/* The types of content blocks, and those of a system prompt. */
extern const struct part_type anthropic_blocks[];
extern const struct part_type anthropic_system_blocks[];

#endif
