/* SPDX-License-Identifier: MIT */
/*
 * OpenAI Responses as clients speak it (POST /v1/responses): the parts of
 * dialect_openai_responses.  The format is wire.md §2.
 *
 * Reasoning is an item; what it must bring back unchanged is its
 * encrypted_content, in which a token of another issuer bears a prefix that
 * names it (signature.h), and one without text RESPONSES_REDACTED behind it.
 *
 * Tools of a namespace are called "ns__name" inside, and by both names again
 * on the way out.  The client's own search for tools is a function inside,
 * RESPONSES_SEARCH: what it has found is among the tools, and its output their
 * names.
 *
 * What lives on OpenAI's servers (stored responses, conversations, hosted
 * tools) is an error here: requests with it reach OpenAI verbatim.
 */
#ifndef FCGI_OPENAI_RESPONSES_H
#define FCGI_OPENAI_RESPONSES_H

#include "core/str.h"
#include "fcgi/decode.h"

struct arena;
struct buf;
struct encode_opts;
struct encoder;
struct error;
struct exchange;

#define RESPONSES_REDACTED  "redacted:"
#define RESPONSES_NS_SEP    "__"
#define RESPONSES_SEARCH    "tool_search"
#define RESPONSES_ELSEWHERE "is not available on this provider"

/* See struct dialect. */
int openai_responses_decode(struct arena *a, struct str body, struct chat *chat,
    struct error *err) __attribute__((warn_unused_result));
struct encoder *openai_responses_encoder(
    struct arena *a, const struct encode_opts *opts);
void openai_responses_fail_body(
    struct buf *out, const struct error *err, const char *call_id);

/* Answers GET /v1/responses: no WebSocket here, 426 makes Codex use HTTP. */
void openai_responses_get(struct exchange *x);

/*
 * Read `input`; `tools` (also of items that bring some along) and
 * `tool_choice`; `reasoning` and `text` (also of a configuration_update).
 */
field_fn openai_responses_input;
field_fn openai_responses_tools;
field_fn openai_responses_choice;
field_fn openai_responses_reasoning;
field_fn openai_responses_text;

/*
 * openai_responses_name(chat, ns, name):
 * Returns  what tool ${name} of namespace ${ns} (absent: none) is called.
 */
struct str openai_responses_name(
    struct chat *chat, struct str ns, struct str name);

/*
 * openai_responses_names(chat, v, out):
 * Append the names of all tools in list ${v} to ${out}, one a line.
 */
void openai_responses_names(
    struct chat *chat, const struct jnode *v, struct buf *out);

/* The types of content parts. */
extern const struct part_type openai_responses_parts[];

#endif
