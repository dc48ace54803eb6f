/* SPDX-License-Identifier: MIT */
/*
 * JSON as text: check, find and edit without a tree, so that what is not
 * touched keeps its bytes (member order, number spelling, escapes).  This is
 * what same-format forwarding stands on (design §7).
 *
 * Paths are member names and array indices joined by dots: "usage",
 * "stream_options.include_usage", "choices.0.delta".  Names are compared
 * after decoding of escapes.
 */
#ifndef CORE_JTEXT_H
#define CORE_JTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"

struct arena;
struct buf;
struct error;

/*
 * jtext_check(doc, err):
 * Check that ${doc} is exactly one JSON value (RFC 8259): valid UTF-8, no
 * nesting beyond JTREE_MAX_DEPTH, no duplicate member in any object (parsers
 * disagree about which one counts) and no U+0000 in a member's name (parsers
 * in C end it there).  Escaped lone surrogates pass: the grammar allows them.
 * Linear time but for sorting the names of large objects.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST with the byte offset and, for a
 *          duplicate, its name.
 */
int jtext_check(struct str doc, struct error *err)
    __attribute__((warn_unused_result));

/*
 * jtext_plain(s):
 * Returns  how many bytes at the start of ${s} may stand in a JSON string as
 *          they are: whole UTF-8 characters but for quote, backslash and
 *          U+0000 to U+001F.
 * Source   RFC 8259 §7, RFC 3629 §4.
 */
size_t jtext_plain(struct str s);

/*
 * jtext_get(doc, path, value):
 * Find the value at ${path} in the checked ${doc}.
 *
 * Returns  true with ${*value} its raw bytes (strings with their quotes).
 */
bool jtext_get(struct str doc, const char *path, struct str *value);

/*
 * jtext_string(a, value):
 * Returns  the decoded string of a raw JSON string in ${a}; the absent str if
 *          ${value} is no string.
 */
struct str jtext_string(struct arena *a, struct str value);

/*
 * jtext_str(a, doc, path):
 * Returns  the decoded string at ${path} of the checked ${doc}, in ${a}; the
 *          absent str if there is none.
 */
struct str jtext_str(struct arena *a, struct str doc, const char *path);

/*
 * jtext_member(obj, pos, name, value):
 * Walk the members of the raw object ${obj}: start with ${*pos} 0, call until
 * false.  ${*name} is raw, with its quotes.
 */
bool jtext_member(
    struct str obj, size_t *pos, struct str *name, struct str *value);

/* jtext_item(array, pos, value): as jtext_member, for the items of an array. */
bool jtext_item(struct str array, size_t *pos, struct str *value);

/*
 * jtext_is_name(raw, want):
 * Returns  true if the raw string ${raw} spells ${want}.
 */
bool jtext_is_name(struct str raw, struct str want);

/* One change: value is raw JSON; the absent str removes the member. */
struct jtext_edit {
	const char *path; /* its parent object must exist, or be creatable */
	struct str value;
};

/*
 * jtext_apply(out, doc, edits, n):
 * Append ${doc} with ${n} (at most 8) edits to ${out}.  A member that exists
 * has its value replaced in place; one that does not is added at the end of
 * its object (missing objects on the way are created); all other bytes stay.
 * The edits must not overlap.
 *
 * Returns  0, or -1 when a path leads through something that is no object.
 */
int jtext_apply(struct buf *out, struct str doc, const struct jtext_edit *edits,
    size_t n) __attribute__((warn_unused_result));

#endif
