/* SPDX-License-Identifier: MIT */
/* What the files of echo share. */
#ifndef PROVIDERS_ECHO_H
#define PROVIDERS_ECHO_H

#include "core/provider.h"

#define ECHO_DIMENSIONS 16 /* of a vector, if the client does not say */

/*
 * Embeddings: each word of a text adds 1 to a place of the vector that only
 * depends on the word, and the sum is divided by the number of words.
 */
extern const struct provider echo_embeddings;

/* echo_refused: see struct provider. */
void echo_refused(struct arena *a, const struct refusal *r, struct error *err);

/*
 * echo_word(text):
 * Returns  the first word of ${text} with the blanks around it.
 */
struct str echo_word(struct str text);

/*
 * echo_refuse(a, status, out):
 * Answer with ${status}: the body is a sentence, the shortest error format
 * there is.
 */
void echo_refuse(struct arena *a, int64_t status, struct canned *out);

#endif
