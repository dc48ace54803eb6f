/* SPDX-License-Identifier: MIT */
#include "core/crc32c.h"

/*
 * The table is linear over its bits, so the compiler makes it from the eight
 * powers of two.  It must be constant: a table filled on first use is a race
 * between threads.
 */
#define BIT(n, b, v) ((((n) >> (b)) & 1u) * (v))
#define ENTRY(n, a, b, c, d, e, f, g, h)                                       \
	(BIT(n, 0, a) ^ BIT(n, 1, b) ^ BIT(n, 2, c) ^ BIT(n, 3, d) ^           \
	    BIT(n, 4, e) ^ BIT(n, 5, f) ^ BIT(n, 6, g) ^ BIT(n, 7, h))
#define E4(n, ...)                                                             \
	ENTRY(n, __VA_ARGS__), ENTRY((n) + 1u, __VA_ARGS__),                   \
	    ENTRY((n) + 2u, __VA_ARGS__), ENTRY((n) + 3u, __VA_ARGS__)
#define E16(n, ...)                                                            \
	E4(n, __VA_ARGS__), E4((n) + 4u, __VA_ARGS__),                         \
	    E4((n) + 8u, __VA_ARGS__), E4((n) + 12u, __VA_ARGS__)
#define E64(n, ...)                                                            \
	E16(n, __VA_ARGS__), E16((n) + 16u, __VA_ARGS__),                      \
	    E16((n) + 32u, __VA_ARGS__), E16((n) + 48u, __VA_ARGS__)
#define E256(...)                                                              \
	{                                                                      \
		E64(0u, __VA_ARGS__), E64(64u, __VA_ARGS__),                   \
		    E64(128u, __VA_ARGS__), E64(192u, __VA_ARGS__)             \
	}

/* Table k: what a byte does to the sum of k more bytes behind it. */
static const uint32_t tables[8][256] = {
	E256(0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu, 0x105ec76fu,
	    0x20bd8edeu, 0x417b1dbcu, 0x82f63b78u),
	E256(0x13a29877u, 0x274530eeu, 0x4e8a61dcu, 0x9d14c3b8u, 0x3fc5f181u,
	    0x7f8be302u, 0xff17c604u, 0xfbc3faf9u),
	E256(0xa541927eu, 0x4f6f520du, 0x9edea41au, 0x38513ec5u, 0x70a27d8au,
	    0xe144fb14u, 0xc76580d9u, 0x8b277743u),
	E256(0xdd45aab8u, 0xbf672381u, 0x7b2231f3u, 0xf64463e6u, 0xe964b13du,
	    0xd725148bu, 0xaba65fe7u, 0x52a0c93fu),
	E256(0x38116facu, 0x7022df58u, 0xe045beb0u, 0xc5670b91u, 0x8f2261d3u,
	    0x1ba8b557u, 0x37516aaeu, 0x6ea2d55cu),
	E256(0xef306b19u, 0xdb8ca0c3u, 0xb2f53777u, 0x6006181fu, 0xc00c303eu,
	    0x85f4168du, 0x0e045bebu, 0x1c08b7d6u),
	E256(0x68032cc8u, 0xd0065990u, 0xa5e0c5d1u, 0x4e2dfd53u, 0x9c5bfaa6u,
	    0x3d5b83bdu, 0x7ab7077au, 0xf56e0ef4u),
	E256(0x493c7d27u, 0x9278fa4eu, 0x211d826du, 0x423b04dau, 0x847609b4u,
	    0x0d006599u, 0x1a00cb32u, 0x34019664u),
};

static uint32_t
word(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/* Four bytes, with ${k} + 1 tables to go behind the last. */
static uint32_t
four(uint32_t w, unsigned k)
{
	return tables[k + 3][w & 0xffu] ^ tables[k + 2][w >> 8 & 0xffu] ^
	    tables[k + 1][w >> 16 & 0xffu] ^ tables[k][w >> 24];
}

uint32_t
crc32c(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *at = p;

	crc = ~crc;
	for (; n >= 8; n -= 8, at += 8)
		crc = four(crc ^ word(at), 4) ^ four(word(at + 4), 0);
	for (; n > 0; n--, at++)
		crc = tables[0][(crc ^ *at) & 0xffu] ^ (crc >> 8);
	return ~crc;
}
