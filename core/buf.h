/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer with a ceiling.
 *
 * Invariants: p is never NULL and always NUL-terminated at p[n]; n <= max.
 * An append that would pass max does nothing and sets over, and so does every
 * later append: the caller checks buf_over() once at the end.  Out of memory
 * aborts.
 */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct arena;

struct buf {
	char *p;    /* NUL-terminated */
	size_t n;   /* bytes used */
	size_t cap; /* bytes allocated, 0 while p is the shared empty string */
	size_t max; /* ceiling of n */
	bool over;  /* an append did not fit */
};

/* buf_init(b, max): make ${b} empty with ceiling ${max}; allocates nothing. */
void buf_init(struct buf *b, size_t max);

/* buf_release(b): free the bytes; ${b} is empty and usable again. */
void buf_release(struct buf *b);

/*
 * buf_new(a, max):
 * Returns  an empty buffer that is released with ${a}.
 */
struct buf *buf_new(struct arena *a, size_t max);

/* buf_reset(b): drop the content and the overflow mark, keep the memory. */
void buf_reset(struct buf *b);

/* buf_drop(b, n): drop the first ${n} bytes (at most all). */
void buf_drop(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, struct str s);
void buf_addz(struct buf *b, const char *cstr);
void buf_addch(struct buf *b, char c);
void buf_addi(struct buf *b, int64_t v); /* in decimal */
void buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * buf_room(b, n):
 * Make room for ${n} more bytes to be written at p + n by the caller, who
 * then calls buf_added with how many there are.
 *
 * Returns  where to write, or NULL when the ceiling forbids it.
 */
char *buf_room(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);

static inline bool
buf_over(const struct buf *b)
{
	return b->over;
}

/* The content as a view, valid until the next change of ${b}. */
static inline struct str
buf_str(const struct buf *b)
{
	return (struct str){ .p = b->p, .n = b->n };
}

#endif
