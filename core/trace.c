/* SPDX-License-Identifier: MIT */
#include "core/trace.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define VERSION_0_BYTES 55

static void
random_bytes(unsigned char *p, size_t n)
{
	if (getrandom(p, n, 0) != (ssize_t)n)
		abort();
}

void
trace_span(unsigned char span[TRACE_SPAN_BYTES])
{
	random_bytes(span, TRACE_SPAN_BYTES);
	span[0] |= 1; /* all zero is none */
}

char *
trace_hex(const unsigned char *bytes, size_t n, char out[TRACE_HEX_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n && i < TRACE_ID_BYTES; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * i] = '\0';
	return out;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
read_hex(const char *p, unsigned char *out, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (digit(p[2 * i]) < 0 || digit(p[2 * i + 1]) < 0)
			return false;
		out[i] =
		    (unsigned char)(digit(p[2 * i]) << 4 | digit(p[2 * i + 1]));
	}
	return true;
}

static bool
is_zero(const unsigned char *p, size_t n)
{
	while (n > 0 && p[n - 1] == 0)
		n--;
	return n == 0;
}

/* "00-<32 hex>-<16 hex>-<2 hex>"; later versions may have more behind. */
static bool
read_parent(struct trace *t, struct str s)
{
	unsigned char version, flags;

	if (s.n < VERSION_0_BYTES || s.p[2] != '-' || s.p[35] != '-' ||
	    s.p[52] != '-' || !read_hex(s.p, &version, 1) ||
	    !read_hex(s.p + 3, t->id, TRACE_ID_BYTES) ||
	    !read_hex(s.p + 36, t->parent, TRACE_SPAN_BYTES) ||
	    !read_hex(s.p + 53, &flags, 1))
		return false;
	if (version == 0xff || (version == 0 && s.n != VERSION_0_BYTES) ||
	    (s.n > VERSION_0_BYTES && s.p[VERSION_0_BYTES] != '-'))
		return false;
	t->sampled = (flags & 1) != 0;
	return !is_zero(t->id, TRACE_ID_BYTES) &&
	    !is_zero(t->parent, TRACE_SPAN_BYTES);
}

void
trace_begin(struct trace *t, struct str traceparent, bool make)
{
	*t = (struct trace){ .known = false };
	t->has_parent = t->known = read_parent(t, str_trim(traceparent));
	if (!t->known && !make)
		return;
	trace_span(t->span);
	if (t->known)
		return;
	t->known = t->sampled = true;
	random_bytes(t->id, TRACE_ID_BYTES);
	t->id[0] |= 1;
}

void
trace_below(struct trace *t, const struct trace *above)
{
	*t = *above;
	t->has_parent = above->known;
	memcpy(t->parent, above->span, TRACE_SPAN_BYTES);
	trace_span(t->span);
}
