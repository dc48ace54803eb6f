/* SPDX-License-Identifier: MIT */
/*
 * The key of an answer in the cache: SHA-256 over
 *	the scope	an account; where there is none, the one key (accounts
 *			share nothing, and there is no scope by default)
 *	the route	every target that may answer, with its settings
 *	the request
 * Of the request everything counts but what cache_key_ignores lists, and
 * `model`, which the route stands for.  What a client's JSON spells
 * differently (order of members, white space, numbers, escapes) is the same.
 *
 * A request that struct chat holds in full is keyed by that, whatever its
 * dialect, so that one entry serves them all.  One that says more
 * (chat->beyond, or it does not decode) is keyed by its canonical JSON and its
 * dialect.  A prompt
 * cache breakpoint is not part of what is asked.
 */
#ifndef CORE_CACHE_KEY_H
#define CORE_CACHE_KEY_H

#include <stdbool.h>

#include "core/cache.h"
#include "core/str.h"

struct ask;
struct error;
struct plan;

/* What a key is made of. */
struct cache_subject {
	struct str account; /* absent or "default": none */
	struct str key;     /* the caller's key id; absent: nobody */
	const struct plan *plan;
	struct ask *ask;
};

/*
 * cache_key(s, out, err):
 * Returns  0, or -1: the request is too large.
 */
int cache_key(const struct cache_subject *s, unsigned char out[CACHE_KEY],
    struct error *err) __attribute__((warn_unused_result));

/*
 * cache_key_text(s, text, out):
 * The key of one input of an embedding request that decodes: as of a request
 * for ${text} alone.
 */
void cache_key_text(const struct cache_subject *s, struct str text,
    unsigned char out[CACHE_KEY]);

/* cache_key_ignores(member): may it differ, at the top of a request? */
bool cache_key_ignores(struct str member);

#endif
