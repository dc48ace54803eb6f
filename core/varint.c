/* SPDX-License-Identifier: MIT */
#include "core/varint.h"

size_t
varint_put(char out[VARINT_BYTES], uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		out[n++] = (char)(0x80 | (v & 0x7f));
	out[n++] = (char)v;
	return n;
}

int
varint_take(struct str *s, uint64_t *v)
{
	unsigned shift = 0, byte = 0x80;

	for (*v = 0; byte & 0x80; shift += 7) {
		if (s->n == 0 || shift > 63)
			return -1;
		byte = (unsigned char)s->p[0];
		*v |= (uint64_t)(byte & 0x7f) << shift;
		*s = str_skip(*s, 1);
	}
	return 0;
}
