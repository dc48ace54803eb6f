/* SPDX-License-Identifier: MIT */
#include "core/str.h"

#include "core/arena.h"

#define DISTANCE_MAX 64 /* bytes of a name that count */

int
str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

struct str
str_skip(struct str s, size_t n)
{
	if (n > s.n)
		n = s.n;
	if (n == 0)
		return s;
	return (struct str){ .p = s.p + n, .n = s.n - n };
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str
str_trim(struct str s)
{
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	while (s.n > 0 && is_space(s.p[0]))
		s = str_skip(s, 1);
	return s;
}

struct str
str_clip(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	s.n = max;
	while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
		s.n--;
	return s;
}

struct str
str_split(struct str s, char sep, struct str *head)
{
	const char *at = s.n ? memchr(s.p, sep, s.n) : NULL;

	*head = s;
	if (at == NULL)
		return STR_NONE;
	head->n = (size_t)(at - s.p);
	return str_skip(s, head->n + 1);
}

long
str_find(struct str s, struct str needle)
{
	struct str rest = s;
	const char *at;

	if (needle.n == 0)
		return 0;
	while (rest.n >= needle.n) {
		at = memchr(rest.p, needle.p[0], rest.n - needle.n + 1);
		if (at == NULL)
			return -1;
		if (memcmp(at, needle.p, needle.n) == 0)
			return at - s.p;
		rest = str_skip(rest, (size_t)(at - rest.p) + 1);
	}
	return -1;
}

uint64_t
str_hash(uint64_t h, struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return h;
}

struct str
str_dup(struct arena *a, struct str s)
{
	if (s.p == NULL)
		return STR_NONE;
	return (struct str){ .p = arena_memdup(a, s.p, s.n), .n = s.n };
}

char *
str_cstr(struct arena *a, struct str s)
{
	return arena_memdup(a, s.p, s.n);
}

int
str_i64(struct str s, int64_t min, int64_t max, int64_t *out)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	int64_t v = 0; /* negated: INT64_MIN has no positive */
	size_t i;

	if (s.n == minus)
		return -1;
	for (i = minus; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, s.p[i] - '0', &v))
			return -1;
	}
	if (!minus && __builtin_sub_overflow(0, v, &v))
		return -1;
	if (v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* One row of the matrix at a time: row[j] is the distance to b[0..j). */
size_t
str_distance(struct str a, struct str b)
{
	size_t an = a.n < DISTANCE_MAX ? a.n : DISTANCE_MAX;
	size_t bn = b.n < DISTANCE_MAX ? b.n : DISTANCE_MAX;
	size_t row[DISTANCE_MAX + 1], i, j, diagonal, above;

	for (j = 0; j <= bn; j++)
		row[j] = j;
	for (i = 0; i < an; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (j = 0; j < bn; j++) {
			above = row[j + 1];
			row[j + 1] = least(above + 1, row[j] + 1,
			    diagonal + (a.p[i] != b.p[j]));
			diagonal = above;
		}
	}
	return row[bn];
}
