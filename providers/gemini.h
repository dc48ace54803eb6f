/* SPDX-License-Identifier: MIT */
/* What the files of the Gemini provider share. */
#ifndef PROVIDERS_GEMINI_H
#define PROVIDERS_GEMINI_H

#include "core/event.h"
#include "core/provider.h"

struct buf;
struct jnode;
struct jw;
struct usage;

/* A request being written. */
struct gemini_writer {
	struct arena *arena;
	struct jw *w;
	const struct target *target;
	struct chat *chat;
	struct error *err;
	struct turn *turns;     /* in the order that the API insists on */
	struct str instruction; /* ours, behind the client's; absent: none */
	bool modern; /* the third generation or later: thinks by level, insists
		      * on its signatures, takes media in results */
};

/*
 * gemini_write(a, t, ask, out, err):
 * Write the canonical request as GenerateContentRequest JSON to ${out}.
 *
 * Source   wire.md §4.1, §7, §9, §10.
 */
int gemini_write(struct arena *a, const struct target *t, struct ask *ask,
    struct buf *out, struct error *err) __attribute__((warn_unused_result));

/*
 * gemini_cut(chat):
 * Returns  the stop strings of ${chat} that are too many for the API.
 */
const struct name *gemini_cut(const struct chat *chat);

/*
 * gemini_contents(o):
 * Write the members "systemInstruction" (if there are instructions) and
 * "contents".
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST for a part that the API cannot take.
 */
int gemini_contents(struct gemini_writer *o)
    __attribute__((warn_unused_result));

/*
 * gemini_media(o, p):
 * Write the part ${p}, an image, a document or audio.
 *
 * Returns  as gemini_contents.
 */
int gemini_media(struct gemini_writer *o, const struct part *p)
    __attribute__((warn_unused_result));

/* gemini_wants_bytes: see struct provider. */
bool gemini_wants_bytes(struct str url);

/* gemini_thinking(o): write "thinkingConfig" as the model knows it. */
void gemini_thinking(struct gemini_writer *o);

/* gemini_can(o, can): whether the model can, or is not in the catalogue. */
bool gemini_can(const struct gemini_writer *o, unsigned can);

/*
 * gemini_usage(at, u):
 * Bring the object usageMetadata ${at} to disjoint buckets.
 *
 * Returns  false if there are no counts in it: that is no usage of 0.
 * Source   wire.md §4.2, §7.3.
 */
bool gemini_usage(const struct jnode *at, struct usage *u);

/*
 * gemini_finish(word):
 * Returns  what the finishReason ${word} means; STOP_NONE: a failure.
 *
 * Source   wire.md §4.2, §7.2.
 */
enum stop_reason gemini_finish(struct str word);

/* gemini_url(a, t, method): of ${t}'s model; ${method} ":generateContent". */
const char *gemini_url(
    struct arena *a, const struct target *t, const char *method);

/* gemini_headers(a, t): content type and credential. */
struct header *gemini_headers(struct arena *a, const struct target *t);

/* gemini_decoder_new: see struct provider. */
struct decoder *gemini_decoder_new(
    struct arena *a, const struct target *t, const struct ask *ask);

extern const struct provider gemini_embeddings; /* :batchEmbedContents */

#endif
