/* SPDX-License-Identifier: MIT */
#include "core/crc32c.h"

/*
 * The table is linear over its bits, so the compiler makes it from the eight
 * powers of two.  It must be constant: a table filled on first use is a race
 * between threads.
 */
#define BIT(n, b, v) ((((n) >> (b)) & 1u) * (v))
#define T1(n)                                                                  \
	(BIT(n, 0, 0xf26b8303u) ^ BIT(n, 1, 0xe13b70f7u) ^                     \
	    BIT(n, 2, 0xc79a971fu) ^ BIT(n, 3, 0x8ad958cfu) ^                  \
	    BIT(n, 4, 0x105ec76fu) ^ BIT(n, 5, 0x20bd8edeu) ^                  \
	    BIT(n, 6, 0x417b1dbcu) ^ BIT(n, 7, 0x82f63b78u))
#define T4(n)  T1(n), T1((n) + 1u), T1((n) + 2u), T1((n) + 3u)
#define T16(n) T4(n), T4((n) + 4u), T4((n) + 8u), T4((n) + 12u)
#define T64(n) T16(n), T16((n) + 16u), T16((n) + 32u), T16((n) + 48u)

static const uint32_t table[256] = { T64(0u), T64(64u), T64(128u), T64(192u) };

uint32_t
crc32c(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *at = p;
	size_t i;

	crc = ~crc;
	for (i = 0; i < n; i++)
		crc = table[(crc ^ at[i]) & 0xffu] ^ (crc >> 8);
	return ~crc;
}
