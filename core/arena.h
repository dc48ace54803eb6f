/* SPDX-License-Identifier: MIT */
/*
 * Memory with a lifetime.  An arena hands out zeroed memory by bumping a
 * pointer and gives everything back at once; nothing in it is freed alone.
 * Foreign resources (a json-c tree, a curl handle) join by arena_defer.
 *
 * Invariants: out of memory and a passed ceiling abort the process, so no
 * caller checks for NULL; ceilings on input keep both out of reach from
 * outside.  An arena belongs to one thread at a time.
 */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include <stddef.h>

struct arena;

/*
 * arena_new(max_bytes):
 * Create an empty arena that aborts the process beyond ${max_bytes}.
 *
 * Returns  the arena, never NULL; arena_free ends it.
 */
struct arena *arena_new(size_t max_bytes);

/*
 * arena_sub(parent, max_bytes):
 * As arena_new, for an arena that ends with ${parent}: an attempt in its
 * call, the scratch memory of a decoder.  Only the parent frees it.
 */
struct arena *arena_sub(struct arena *parent, size_t max_bytes);

/*
 * arena_free(a):
 * Run the deferred releases, last first, and free all memory of ${a}.
 * NULL is a no-op.
 */
void arena_free(struct arena *a);

/*
 * arena_reset(a):
 * As arena_free, but keep ${a} and its first block for use again: the scratch
 * memory of a loop.
 */
void arena_reset(struct arena *a);

/*
 * arena_alloc(a, n):
 * Returns  ${n} zeroed bytes, aligned for any type; valid until ${a} ends.
 */
void *arena_alloc(struct arena *a, size_t n) __attribute__((malloc));

/*
 * arena_memdup(a, p, n):
 * Returns  a copy of ${n} bytes at ${p}, followed by a NUL byte.
 */
char *arena_memdup(struct arena *a, const void *p, size_t n);

/*
 * arena_printf(a, fmt, ...):
 * Returns  the formatted, NUL-terminated string.
 */
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * arena_defer(a, fn, arg):
 * Call ${fn}(${arg}) when ${a} is freed or reset.
 */
void arena_defer(struct arena *a, void (*fn)(void *), void *arg);

/*
 * arena_used(a):
 * Returns  bytes handed out so far: what tests of flat memory look at.
 */
size_t arena_used(const struct arena *a);

/* One zeroed object, or an array of ${n}, in ${a}. */
#define ARENA_NEW(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

#endif
