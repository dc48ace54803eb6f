/* SPDX-License-Identifier: MIT */
/*
 * Writing JSON: one streaming writer over a buf.  It sets commas and quotes,
 * escapes strings, and asserts that a key stands exactly where one must.
 * Bytes that are not UTF-8 are written as U+FFFD.
 */
#ifndef CORE_JW_H
#define CORE_JW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct buf;

#define JW_MAX_DEPTH 64

struct jw {
	struct buf *out;
	unsigned depth;     /* open objects and arrays */
	uint64_t is_array;  /* bit d: level d is an array */
	uint64_t has_items; /* bit d: level d needs a comma next */
	bool after_key;     /* a value must come now */
};

/* jw_init(w, out): begin one JSON value that is appended to ${out}. */
void jw_init(struct jw *w, struct buf *out);

/* Structure.  jw_end closes the innermost open object or array. */
void jw_object(struct jw *w);
void jw_array(struct jw *w);
void jw_end(struct jw *w);
void jw_key(struct jw *w, const char *key);
void jw_key_str(struct jw *w, struct str key);

/* Values.  jw_str of the absent str writes null; jw_raw splices JSON text. */
void jw_str(struct jw *w, struct str s);
void jw_cstr(struct jw *w, const char *s);
void jw_i64(struct jw *w, int64_t v);
void jw_double(struct jw *w, double v);
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
void jw_raw(struct jw *w, struct str json);

/* jw_kv_*: a key and its value in one call. */
void jw_kv_str(struct jw *w, const char *key, struct str s);
void jw_kv_cstr(struct jw *w, const char *key, const char *s);
void jw_kv_i64(struct jw *w, const char *key, int64_t v);
void jw_kv_bool(struct jw *w, const char *key, bool v);
void jw_kv_raw(struct jw *w, const char *key, struct str json);
void jw_kv_null(struct jw *w, const char *key);
void jw_kv_pair(struct jw *w, const char *key, const struct str pair[2]);

/*
 * jw_quote(out, s):
 * Append ${s} as one JSON string to ${out}, without a writer.
 */
void jw_quote(struct buf *out, struct str s);

#endif
