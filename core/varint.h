/* SPDX-License-Identifier: MIT */
/*
 * Numbers in as few bytes as they need (LEB128): seven bits a byte, the least
 * first, and the highest bit says that there are more.
 */
#ifndef CORE_VARINT_H
#define CORE_VARINT_H

#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

#define VARINT_BYTES 10 /* of one, at most */

/*
 * varint_put(out, v):
 * Returns  how many bytes of ${out} ${v} takes.
 */
size_t varint_put(char out[VARINT_BYTES], uint64_t v);

/*
 * varint_take(s, v):
 * Take one off the front of ${*s}.
 *
 * Returns  0, or -1 where it is not whole.
 */
int varint_take(struct str *s, uint64_t *v) __attribute__((warn_unused_result));

/* Small numbers of either sign are small: 0, -1, 1, -2, ... */
static inline uint64_t
varint_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t
varint_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

#endif
