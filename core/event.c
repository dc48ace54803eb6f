/* SPDX-License-Identifier: MIT */
#include "core/event.h"

#include "core/arena.h"

struct citation *
citation_dup(struct arena *a, const struct citation *c)
{
	struct citation *copy = ARENA_NEW(a, struct citation);

	*copy = *c;
	copy->url = str_dup(a, c->url);
	copy->title = str_dup(a, c->title);
	copy->quote = str_dup(a, c->quote);
	return copy;
}

int64_t
citation_chars(struct str s)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}
