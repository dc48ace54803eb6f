/* SPDX-License-Identifier: MIT */
#include "core/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

/* The first ${bits} of an address. */
struct block {
	unsigned char prefix[16];
	unsigned bits;
};

static const struct block private4[] = {
	{ { 0 }, 8 },             /* this network */
	{ { 10 }, 8 },            /* private */
	{ { 100, 64 }, 10 },      /* carrier's NAT */
	{ { 127 }, 8 },           /* loopback */
	{ { 169, 254 }, 16 },     /* link-local, metadata services */
	{ { 172, 16 }, 12 },      /* private */
	{ { 192, 0, 0 }, 24 },    /* protocol assignments */
	{ { 192, 0, 2 }, 24 },    /* documentation */
	{ { 192, 88, 99 }, 24 },  /* 6to4 relays */
	{ { 192, 168 }, 16 },     /* private */
	{ { 198, 18 }, 15 },      /* benchmarks */
	{ { 198, 51, 100 }, 24 }, /* documentation */
	{ { 203, 0, 113 }, 24 },  /* documentation */
	{ { 224 }, 3 },           /* multicast, reserved, broadcast */
};

/* Of 2000::/3; nothing else is public. */
static const struct block private6[] = {
	{ { 0x20, 0x01, 0x00 }, 23 },       /* Teredo and other protocols */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x20, 0x02 }, 16 },             /* 6to4: any IPv4 inside */
	{ { 0x3f, 0xff, 0x00 }, 20 },       /* documentation */
};

static bool
is_in(const unsigned char *a, const struct block *b)
{
	unsigned whole = b->bits / 8, rest = b->bits % 8;
	unsigned mask = 0xffu & (0xffu << (8 - rest));

	return memcmp(a, b->prefix, whole) == 0 &&
	    (rest == 0 || (a[whole] & mask) == b->prefix[whole]);
}

static bool
is_in_one(const unsigned char *a, const struct block *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (is_in(a, &list[i]))
			return true;
	return false;
}

static bool
is_public4(const unsigned char *a)
{
	return !is_in_one(a, private4, sizeof(private4) / sizeof(*private4));
}

static bool
is_public6(const unsigned char *a)
{
	static const struct block mapped = { .prefix = { [10] = 0xff, 0xff },
		.bits = 96 };
	static const struct block global = { { 0x20 }, 3 };

	if (is_in(a, &mapped))
		return is_public4(a + 12);
	return is_in(a, &global) &&
	    !is_in_one(a, private6, sizeof(private6) / sizeof(*private6));
}

bool
address_is_public(const struct sockaddr *sa)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		return is_public4((const unsigned char *)&v4.sin_addr);
	}
	if (sa->sa_family != AF_INET6)
		return false;
	memcpy(&v6, sa, sizeof(v6));
	return is_public6(v6.sin6_addr.s6_addr);
}
