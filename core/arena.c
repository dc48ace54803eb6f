/* SPDX-License-Identifier: MIT */
/*
 * A block is half as large as all before it, from 2 to 64 KiB: an idle stream
 * wastes little and a large request takes few calls of malloc.  An object
 * above a quarter of the next block gets a block of its own, which bounds what
 * is wasted at block ends.
 * Under AddressSanitizer everything not handed out is poisoned, with a gap
 * after each object.
 */
#include "core/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define GAP 16
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define GAP                               0
#endif

#define BLOCK_MIN ((size_t)2 << 10)
#define BLOCK_MAX ((size_t)64 << 10)
#define ALIGN     _Alignof(max_align_t)

struct block {
	struct block *next;
	size_t size; /* of data */
	size_t used;
	_Alignas(max_align_t) char data[];
};

struct defer {
	struct defer *next;
	void (*fn)(void *);
	void *arg;
};

struct arena {
	struct block *blocks; /* the current one first, the oldest last */
	struct block *own;    /* one object each */
	struct defer *defers; /* the last one first */
	size_t held;          /* bytes of blocks, headers included */
	size_t used;
	size_t max;
};

struct arena *
arena_new(size_t max_bytes)
{
	struct arena *a = mem_new(sizeof(*a));

	a->max = max_bytes;
	return a;
}

static struct block *
block_add(struct block **list, size_t size)
{
	struct block *b = mem_new(sizeof(*b) + size);

	ASAN_POISON_MEMORY_REGION(b->data, size);
	b->size = size;
	b->next = *list;
	*list = b;
	return b;
}

/* Frees the list up to, but without, ${end}. */
static void
blocks_free(struct block **list, const struct block *end)
{
	struct block *b;

	while ((b = *list) != end) {
		*list = b->next;
		free(b);
	}
}

static void
run_defers(struct arena *a)
{
	struct defer *d;

	while ((d = a->defers) != NULL) {
		a->defers = d->next;
		d->fn(d->arg);
	}
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	run_defers(a);
	blocks_free(&a->blocks, NULL);
	blocks_free(&a->own, NULL);
	free(a);
}

void
arena_reset(struct arena *a)
{
	struct block *first = a->blocks;

	run_defers(a);
	while (first != NULL && first->next != NULL)
		first = first->next;
	blocks_free(&a->blocks, first);
	blocks_free(&a->own, NULL);
	a->used = 0;
	a->held = 0;
	if (first == NULL)
		return;
	ASAN_UNPOISON_MEMORY_REGION(first->data, first->used);
	memset(first->data, 0, first->used);
	ASAN_POISON_MEMORY_REGION(first->data, first->size);
	first->used = 0;
	a->held = sizeof(*first) + first->size;
}

/* Of the next block, header included. */
static size_t
next_size(const struct arena *a)
{
	size_t half = a->held / 2;

	if (half < BLOCK_MIN)
		return BLOCK_MIN;
	return half < BLOCK_MAX ? half / ALIGN * ALIGN : BLOCK_MAX;
}

/* A block with ${n} free bytes. */
static struct block *
block_for(struct arena *a, size_t n)
{
	struct block *b = a->blocks;
	size_t size = next_size(a);

	if (b != NULL && b->size - b->used >= n)
		return b;
	if (n > size / 4)
		return block_add(&a->own, n);
	a->held += size;
	return block_add(&a->blocks, size - sizeof(*b));
}

void *
arena_alloc(struct arena *a, size_t n)
{
	struct block *b;
	size_t room;
	void *p;

	if (n > a->max || a->max - n < a->used) {
		fprintf(stderr,
		    "sluice: arena %p: %zu bytes used, %zu more wanted, "
		    "ceiling %zu\n",
		    (void *)a, a->used, n, a->max);
		abort();
	}
	room = ((n ? n : 1) + GAP + ALIGN - 1) / ALIGN * ALIGN;
	b = block_for(a, room);
	p = b->data + b->used;
	ASAN_UNPOISON_MEMORY_REGION(p, n);
	b->used += room;
	a->used += n;
	return p;
}

char *
arena_memdup(struct arena *a, const void *p, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return arena_alloc(a, 1);
	s = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void
arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
	struct defer *d = ARENA_NEW(a, struct defer);

	d->fn = fn;
	d->arg = arg;
	d->next = a->defers;
	a->defers = d;
}

static void
free_sub(void *sub)
{
	arena_free(sub);
}

struct arena *
arena_sub(struct arena *parent, size_t max_bytes)
{
	struct arena *sub = arena_new(max_bytes);

	arena_defer(parent, free_sub, sub);
	return sub;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}
