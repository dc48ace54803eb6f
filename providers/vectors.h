/* SPDX-License-Identifier: MIT */
/* Embeddings on their way to events, shared by the providers that have any. */
#ifndef PROVIDERS_VECTORS_H
#define PROVIDERS_VECTORS_H

#include "core/document.h"
#include "core/str.h"

/*
 * vectors_start(d, out, model, err):
 * Pass on START; ${model}: as the provider calls itself, or absent.
 */
int vectors_start(const struct document *d, struct sink *out, struct str model,
    struct error *err) __attribute__((warn_unused_result));

/*
 * vectors_put(out, key, vector, err):
 * Pass on number ${key}, the raw JSON array ${vector}, as a block.
 *
 * Returns  0, or -1: ERROR_UP_BROKEN if it is no array.
 */
int vectors_put(struct sink *out, int key, struct str vector, struct error *err)
    __attribute__((warn_unused_result));

/*
 * vectors_none(d, f, wire, err):
 * Set what is wrong with the answer ${f}, which has no vectors: the error in
 * it, in format ${wire}, if there is one.
 *
 * Returns  -1.
 */
int vectors_none(const struct document *d, const struct frame *f,
    enum wire wire, struct error *err);

#endif
