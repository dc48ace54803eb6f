/* SPDX-License-Identifier: MIT */
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/mem.h"

#define CAP_MIN    128
#define MAX_DIGITS 19 /* of an int64_t */

static char empty[1]; /* p of every buf that owns no memory; never written */

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .p = empty, .max = max };
}

void
buf_release(struct buf *b)
{
	if (b->cap > 0)
		free(b->p);
	buf_init(b, b->max);
}

static void
release(void *b)
{
	buf_release(b);
}

struct buf *
buf_new(struct arena *a, size_t max)
{
	struct buf *b = ARENA_NEW(a, struct buf);

	buf_init(b, max);
	arena_defer(a, release, b);
	return b;
}

static void
terminate(struct buf *b)
{
	if (b->cap > 0)
		b->p[b->n] = '\0';
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->over = false;
	terminate(b);
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n > b->n)
		n = b->n;
	if (n == 0)
		return;
	b->n -= n;
	memmove(b->p, b->p + n, b->n);
	terminate(b);
}

/*
 * Makes cap at least ${need} <= max + 1: twice what it was, or just that.  What
 * comes in one piece, such as a request, takes no more than its size.
 */
static void
grow(struct buf *b, size_t need)
{
	size_t cap = b->cap < b->max / 2 ? b->cap * 2 : b->max + 1;

	if (cap < CAP_MIN)
		cap = CAP_MIN;
	if (cap < need)
		cap = need;
	b->p = mem_grow(b->cap ? b->p : NULL, cap);
	b->cap = cap;
	terminate(b);
}

char *
buf_room(struct buf *b, size_t n)
{
	if (b->over || n > b->max - b->n) {
		b->over = true;
		return NULL;
	}
	if (b->cap <= b->n + n)
		grow(b, b->n + n + 1);
	return b->p + b->n;
}

void
buf_added(struct buf *b, size_t n)
{
	b->n += n;
	terminate(b);
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	char *to;

	if (n == 0)
		return;
	to = buf_room(b, n);
	if (to == NULL)
		return;
	memcpy(to, p, n);
	buf_added(b, n);
}

void
buf_adds(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void
buf_addz(struct buf *b, const char *cstr)
{
	buf_adds(b, str_of(cstr));
}

void
buf_addch(struct buf *b, char c)
{
	char *to = buf_room(b, 1);

	if (to == NULL)
		return;
	*to = c;
	buf_added(b, 1);
}

void
buf_addi(struct buf *b, int64_t v)
{
	char text[MAX_DIGITS + 1], *at = text + sizeof(text);
	uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;

	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (v < 0)
		*--at = '-';
	buf_add(b, at, (size_t)(text + sizeof(text) - at));
}

/* Where there is room already: with the final NUL, below the ceiling. */
static size_t
room_now(const struct buf *b)
{
	if (b->cap == 0)
		return 0;
	return (b->cap <= b->max ? b->cap : b->max + 1) - b->n;
}

/* Written at once if there is room, and again if that was too little. */
void
buf_addf(struct buf *b, const char *fmt, ...)
{
	size_t room = room_now(b);
	char *to = b->p + b->n;
	va_list ap;
	int n;

	if (b->over)
		return;
	va_start(ap, fmt);
	n = vsnprintf(to, room, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n >= room) {
		terminate(b);
		to = buf_room(b, (size_t)n);
		if (to == NULL)
			return;
		va_start(ap, fmt);
		vsnprintf(to, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	if (n > 0)
		buf_added(b, (size_t)n);
}
