/* SPDX-License-Identifier: MIT */
/*
 * A function call whose arguments come in pieces, as Vertex streams them:
 * each piece is a value and the JSONPath of its place.  The pieces of one
 * string follow each other, but places may alternate, so the call is passed
 * on when it is whole.
 *
 * Source   wire.md §4.3.
 */
#ifndef PROVIDERS_GEMINI_PARTIAL_H
#define PROVIDERS_GEMINI_PARTIAL_H

#include <stdbool.h>

#include "core/jtree.h"
#include "core/str.h"

struct arena;
struct buf;
struct error;
struct json_object;

struct gemini_partial {
	bool open; /* a call is under way */
	struct str name, id, signature;
	/* private */
	struct arena *arena;
	struct json_object *args;
	struct str path; /* of the string that grows in text; absent */
	struct buf *text;
	size_t bytes;
};

/*
 * gemini_partial_begin(p, a, call):
 * Begin the call ${call}; all of it lives in ${a}.  signature is the
 * caller's.
 */
void gemini_partial_begin(
    struct gemini_partial *p, struct arena *a, const struct jnode *call);

/*
 * gemini_partial_add(p, call, err):
 * Take the "partialArgs" of ${call}, if it has any.
 *
 * Returns  0, or -1: ERROR_UP_BROKEN (a path that leads nowhere, too much).
 */
int gemini_partial_add(struct gemini_partial *p, const struct jnode *call,
    struct error *err) __attribute__((warn_unused_result));

/* gemini_partial_args(p, a): the arguments so far as JSON text in ${a}. */
struct str gemini_partial_args(struct gemini_partial *p, struct arena *a);

#endif
