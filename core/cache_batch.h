/* SPDX-License-Identifier: MIT */
/*
 * The texts of an embedding request, each of which is in the cache for
 * itself: only those that are not there are asked for, and their vectors are
 * put between the stored ones.
 */
#ifndef CORE_CACHE_BATCH_H
#define CORE_CACHE_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "core/cache.h"
#include "core/sink.h"
#include "core/str.h"

struct cache_batch;
struct cache_subject;
struct call;
struct error;
struct usage;

/*
 * cache_batch_new(c, subject, look):
 * The texts of ${c}, whose request decodes, and what of them is stored;
 * without ${look}, nothing.
 *
 * Returns  the batch, in the call's arena.
 * Blocks   on a lookup for each text.
 */
struct cache_batch *cache_batch_new(
    struct call *c, const struct cache_subject *subject, bool look);

/* cache_batch_missing(b): how many of its texts are not stored. */
size_t cache_batch_missing(const struct cache_batch *b);

/*
 * cache_batch_age_s(b), cache_batch_saved(b), cache_batch_usage(b):
 * Of those that are: of the oldest; what they cost, -1 if that is not known;
 * and took.
 */
int64_t cache_batch_age_s(const struct cache_batch *b);
int64_t cache_batch_saved(const struct cache_batch *b);
const struct usage *cache_batch_usage(const struct cache_batch *b);

/* cache_batch_recording(b): all of it, where nothing is missing. */
struct str cache_batch_recording(struct cache_batch *b);

/* cache_batch_key(b, key): of what is missing, as one thing to ask for. */
void cache_batch_key(const struct cache_batch *b, unsigned char key[CACHE_KEY]);

/*
 * cache_batch_reduce(b, c):
 * Let ${c} ask for what is missing alone.
 */
void cache_batch_reduce(struct cache_batch *b, struct call *c);

/*
 * cache_batch_sink(b, out):
 * Returns  where the answer to what was missing goes, so that all of the
 *          batch comes to ${out}, with the usage of all; ${out} itself if all
 *          was missing.
 */
struct sink *cache_batch_sink(struct cache_batch *b, struct sink *out);

/*
 * cache_batch_end(b, saved_pusd, err):
 * The answer is complete: pass what comes after the last of it.  What the
 * stored ones cost is added to ${*saved_pusd}; -1 stays, and is an unknown
 * sum.
 *
 * Returns  0, or -1: ERROR_UP_BROKEN, vectors are missing.
 */
int cache_batch_end(
    struct cache_batch *b, int64_t *saved_pusd, struct error *err);

/*
 * cache_batch_store(b, c, recording):
 * Store each of the vectors in ${recording}, the answer to what was missing.
 *
 * Blocks   on the store, for each.
 */
void cache_batch_store(
    struct cache_batch *b, struct call *c, struct str recording);

#endif
