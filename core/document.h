/* SPDX-License-Identifier: MIT */
/*
 * A decoder for answers that are one JSON document and never a stream: what
 * embeddings and token counts are.  It reads text, not a tree, because a
 * document of vectors has millions of numbers.
 */
#ifndef CORE_DOCUMENT_H
#define CORE_DOCUMENT_H

#include "core/provider.h"

struct document;
struct usage;

/*
 * Turns ${f}, whose data jtext_check has passed, into events.
 *
 * Returns  0, or -1 with the error set.
 */
typedef int document_fn(const struct document *d, const struct frame *f,
    struct sink *out, struct error *err);

struct document {
	struct decoder decoder;
	struct arena *arena; /* the attempt's */
	const struct target *target;
	const struct ask *ask;
	document_fn *read;
	bool done;
};

/*
 * document_decoder(a, target, ask, read):
 * Returns  a decoder in ${a} that calls ${read} once.
 */
struct decoder *document_decoder(struct arena *a, const struct target *target,
    const struct ask *ask, document_fn *read);

/*
 * document_usage(d, out, usage, err):
 * Pass on a USAGE event; with ${usage} NULL one whose input is estimated.
 */
int document_usage(const struct document *d, struct sink *out,
    const struct usage *usage, struct error *err)
    __attribute__((warn_unused_result));

#endif
