/* SPDX-License-Identifier: MIT */
/* What the files of the Responses provider share. */
#ifndef PROVIDERS_OPENAI_RESPONSES_H
#define PROVIDERS_OPENAI_RESPONSES_H

#include "core/provider.h"

struct buf;
struct jw;

/*
 * openai_responses_write(a, t, ask, out, err):
 * Write the canonical request as Responses JSON to ${out}.
 *
 * Source   wire.md §2, §7, §9, §10.
 */
int openai_responses_write(struct arena *a, const struct target *t,
    struct ask *ask, struct buf *out, struct error *err)
    __attribute__((warn_unused_result));

/*
 * openai_responses_messages(a, w, t, chat, err):
 * Write the members "instructions" (if there are any) and "input".
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST for a part that the target cannot
 *          take, or a tool result without its call.
 */
int openai_responses_messages(struct arena *a, struct jw *w,
    const struct target *t, struct chat *chat, struct error *err)
    __attribute__((warn_unused_result));

/*
 * openai_responses_pass(a, t, ask, out, body):
 * Write the client's own request to ${body}, with another model and without
 * what another issuer has encrypted; its headers and losses go to ${out}.
 *
 * Returns  0, or -1: it is no object.
 */
int openai_responses_pass(struct arena *a, const struct target *t,
    const struct ask *ask, struct upstream_request *out, struct buf *body)
    __attribute__((warn_unused_result));

/* The vendor's other operations. */
extern const struct provider openai_responses_count, openai_responses_compact,
    openai_responses_stored;

/* openai_responses_decoder_new: see struct provider. */
struct decoder *openai_responses_decoder_new(
    struct arena *a, const struct target *t, const struct ask *ask);

#endif
