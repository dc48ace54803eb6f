/* SPDX-License-Identifier: MIT */
/*
 * Reading JSON: a json-c tree owned by an arena, walked with typed getters
 * that know where they are, so that every error names its path
 * ("messages[2].content[0].type: must be a string").
 *
 * A jnode is a place in the tree plus how we came there; it is small and
 * lives on the stack.  The place it points up to must outlive it.
 */
#ifndef CORE_JTREE_H
#define CORE_JTREE_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json_object.h>

#include "core/str.h"

struct arena;
struct error;

struct jnode {
	struct json_object *v;  /* NULL: JSON null or nothing there */
	const struct jnode *up; /* NULL at the root */
	const char *key;        /* member name, or NULL for an array item */
	size_t index;           /* array index when key is NULL */
};

enum jtree_need {
	JTREE_OPTIONAL,
	JTREE_REQUIRED
};

#define JTREE_MAX_DEPTH  100     /* levels of nesting; more is refused */
#define JTREE_MAX_VALUES 1000000 /* values in one tree; more is refused */

/*
 * jtree_read(a, text, root, err):
 * Check ${text} with jtext_check (jtext.h), then parse it.  Numbers keep
 * their spelling: jtree_text writes an integer of any length as it was.
 *
 * Returns  0 with the tree in ${a} and ${*root} at its top (root may be any
 *          JSON value), or -1: ERROR_BAD_REQUEST.
 */
int jtree_read(struct arena *a, struct str text, struct jnode *root,
    struct error *err) __attribute__((warn_unused_result));

/*
 * jtree_exact(v, text):
 * Give the integers beyond 64 bits in ${v}, which json-c has parsed from the
 * JSON that ${text} begins with, their digits back; jtree_read has done so.
 */
void jtree_exact(struct json_object *v, struct str text);

/*
 * jtree_find(at, key, out):
 * Step to member ${key} of the object at ${at}.
 *
 * Returns  true if it is there and not null; ${*out} is usable either way.
 */
bool jtree_find(const struct jnode *at, const char *key, struct jnode *out);

/*
 * jtree_item(at, i):
 * Returns  item ${i} of the array at ${at}; jtree_len says how many there are
 *          (0 for what is no array).
 */
struct jnode jtree_item(const struct jnode *at, size_t i);
size_t jtree_len(const struct jnode *at);

/*
 * jtree_str, jtree_bool, jtree_i64, jtree_double(at, key, need, out, err),
 * jtree_object, jtree_array(at, key, need, out, err):
 * Read member ${key} of the object at ${at}.  null counts as not there.
 * Where it is not there and optional, ${*out} keeps its value (jtree_object,
 * jtree_array: out->v is NULL).  jtree_i64 takes a double without fraction too.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST, param = path.
 * Memory   a str points into the tree.
 */
int jtree_str(const struct jnode *at, const char *key, enum jtree_need need,
    struct str *out, struct error *err) __attribute__((warn_unused_result));
int jtree_bool(const struct jnode *at, const char *key, enum jtree_need need,
    bool *out, struct error *err) __attribute__((warn_unused_result));
int jtree_i64(const struct jnode *at, const char *key, enum jtree_need need,
    int64_t *out, struct error *err) __attribute__((warn_unused_result));
int jtree_double(const struct jnode *at, const char *key, enum jtree_need need,
    double *out, struct error *err) __attribute__((warn_unused_result));
int jtree_object(const struct jnode *at, const char *key, enum jtree_need need,
    struct jnode *out, struct error *err) __attribute__((warn_unused_result));
int jtree_array(const struct jnode *at, const char *key, enum jtree_need need,
    struct jnode *out, struct error *err) __attribute__((warn_unused_result));

/*
 * jtree_value_str(at):
 * Returns  the string at ${at}, or the absent str for any other type.
 */
struct str jtree_value_str(const struct jnode *at);

/*
 * jtree_text(a, at):
 * Returns  the value at ${at} as compact JSON text in ${a}.
 */
struct str jtree_text(struct arena *a, const struct jnode *at);

/*
 * jtree_path(a, at):
 * Returns  the path of ${at} as text: "messages[2].content[0]".
 */
struct str jtree_path(struct arena *a, const struct jnode *at);

/*
 * jtree_fail(at, err, fmt, ...):
 * Set ERROR_BAD_REQUEST with param = the path of ${at} and the message
 * "<path>: <fmt ...>".
 *
 * Returns  -1.
 */
int jtree_fail(const struct jnode *at, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
