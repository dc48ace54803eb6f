/* SPDX-License-Identifier: MIT */
/* What the files of OpenAI's two formats share. */
#ifndef PROVIDERS_OPENAI_H
#define PROVIDERS_OPENAI_H

#include "core/provider.h"

struct buf;
struct jnode;
struct usage;

/*
 * openai_write(a, t, ask, out, err):
 * Write the canonical request as Chat Completions JSON to ${out}.
 *
 * Source   wire.md §1, §7, §9, §10.
 */
int openai_write(struct arena *a, const struct target *t, struct ask *ask,
    struct buf *out, struct error *err) __attribute__((warn_unused_result));

/* openai_cut(t, chat): the stop strings of ${chat} that ${t} does not take. */
const struct name *openai_cut(const struct target *t, const struct chat *chat);

/* openai_headers(a, t): content type and credential. */
struct header *openai_headers(struct arena *a, const struct target *t);

/* openai_decoder_new: see struct provider. */
struct decoder *openai_decoder_new(
    struct arena *a, const struct target *t, const struct ask *ask);

extern const struct provider openai_embeddings; /* POST /embeddings */

/*
 * openai_usage(a, at, quirks, u):
 * Bring the usage object ${at}, in the words of Chat Completions or of
 * Responses, to disjoint buckets; ${a} is for scratch.
 *
 * Returns  false if there are no counts in it: that is no usage of 0.
 * Source   wire.md §1.4, §2.4, §7.3.
 */
bool openai_usage(
    struct arena *a, const struct jnode *at, unsigned quirks, struct usage *u);

#endif
