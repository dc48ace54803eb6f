/* SPDX-License-Identifier: MIT */
/*
 * A view of bytes.  A str never owns its bytes and is not NUL-terminated;
 * print it with "%.*s" and STR_ARG.  The empty str has n 0; p may be NULL,
 * which by convention means "absent".
 */
#ifndef CORE_STR_H
#define CORE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct str {
	const char *p; /* NULL: absent */
	size_t n;      /* bytes */
};

#define STR(literal) ((struct str){ .p = (literal), .n = sizeof(literal) - 1 })
#define STR_NONE     ((struct str){ .p = NULL, .n = 0 })
#define STR_ARG(s)   (int)(s).n, (s).p ? (s).p : ""

/* The view of a NUL-terminated string; NULL gives the absent str. */
static inline struct str
str_of(const char *cstr)
{
	return (struct str){ .p = cstr, .n = cstr ? strlen(cstr) : 0 };
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
str_is(struct str s, const char *cstr)
{
	return str_eq(s, str_of(cstr));
}

static inline bool
str_starts(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

/*
 * str_cmp(a, b):
 * Returns  <0, 0 or >0 in byte order, for sorting and searching.
 */
int str_cmp(struct str a, struct str b);

/*
 * str_skip(s, n):
 * Returns  ${s} without its first ${n} bytes (at most all of them).
 */
struct str str_skip(struct str s, size_t n);

/*
 * str_trim(s):
 * Returns  ${s} without spaces, tabs, CR and LF at both ends.
 */
struct str str_trim(struct str s);

/*
 * str_clip(s, max):
 * Returns  ${s}, or of a longer one at most ${max} bytes, cut between two
 *          UTF-8 characters.
 */
struct str str_clip(struct str s, size_t max);

/*
 * str_split(s, sep, head):
 * Cut ${s} at the first byte ${sep}.
 *
 * Returns  what follows ${sep}; the absent str when there is none.
 *          ${*head} is what stands before it, or all of ${s}.
 */
struct str str_split(struct str s, char sep, struct str *head);

/*
 * str_find(s, needle):
 * Returns  the offset of ${needle} in ${s}, or -1.
 */
long str_find(struct str s, struct str needle);

/*
 * str_hash(h, s):
 * Returns  the hash (FNV-1a, 64 bit) of ${s} behind what has hash ${h}; begin
 *          with STR_HASH.
 */
#define STR_HASH UINT64_C(0xcbf29ce484222325)
uint64_t str_hash(uint64_t h, struct str s);

/*
 * str_dup(a, s), str_cstr(a, s):
 * Returns  a copy in ${a}, NUL-terminated; absent stays absent (str_cstr: "").
 */
struct str str_dup(struct arena *a, struct str s);
char *str_cstr(struct arena *a, struct str s);

/*
 * str_i64(s, min, max, out):
 * Read a decimal integer that fills all of ${s}.
 *
 * Returns  0, or -1 when it is no integer or outside ${min}..${max}.
 */
int str_i64(struct str s, int64_t min, int64_t max, int64_t *out)
    __attribute__((warn_unused_result));

/*
 * str_distance(a, b):
 * Returns  the edit distance (Levenshtein) of two short names, at most 64
 *          bytes of each counted: "did you mean".
 */
size_t str_distance(struct str a, struct str b);

#endif
