/* SPDX-License-Identifier: MIT */
#include "core/image_size.h"

#define MAX_SEGMENTS 256

/* Byte ${i} of the file, 0 beyond its end. */
static int64_t
byte_at(struct str base64, size_t i)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/-_";
	unsigned bits = 0, digit;
	size_t k, from = i / 3 * 4;
	const char *p;

	if (from + 4 > base64.n)
		return 0;
	for (k = 0; k < 4; k++) {
		p = memchr(digits, base64.p[from + k], 66);
		digit = p != NULL ? (unsigned)(p - digits) : 0;
		bits = bits << 6 | (digit < 64 ? digit : digit - 2);
	}
	return bits >> (16 - 8 * (i % 3)) & 0xff;
}

/* ${n} bytes, the most significant first. */
static int64_t
big(struct str base64, size_t at, int n)
{
	int64_t v = 0;

	for (; n > 0; n--)
		v = v << 8 | byte_at(base64, at++);
	return v;
}

/* The least significant first. */
static int64_t
little(struct str base64, size_t at, int n)
{
	int64_t v = 0;

	while (n-- > 0)
		v = v << 8 | byte_at(base64, at + (size_t)n);
	return v;
}

static void
png(struct str f, int64_t *w, int64_t *h)
{
	*w = big(f, 16, 4);
	*h = big(f, 20, 4);
}

static void
gif(struct str f, int64_t *w, int64_t *h)
{
	*w = little(f, 6, 2);
	*h = little(f, 8, 2);
}

/* A frame header: SOF0 to SOF15, without DHT, JPG and DAC. */
static bool
is_frame(int64_t marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 &&
	    marker != 0xc8 && marker != 0xcc;
}

/* From segment to segment until a frame begins. */
static void
jpeg(struct str f, int64_t *w, int64_t *h)
{
	size_t at = 2;
	int i;

	for (i = 0; i < MAX_SEGMENTS && byte_at(f, at) == 0xff; i++) {
		if (is_frame(byte_at(f, at + 1))) {
			*h = big(f, at + 5, 2);
			*w = big(f, at + 7, 2);
			return;
		}
		at += 2 + (size_t)big(f, at + 2, 2);
	}
}

/* Lossy, lossless, or extended: the first chunk says which. */
static void
webp(struct str f, int64_t *w, int64_t *h)
{
	int64_t bits;

	switch (byte_at(f, 15)) {
	case ' ':
		*w = little(f, 26, 2) & 0x3fff;
		*h = little(f, 28, 2) & 0x3fff;
		break;
	case 'L':
		bits = little(f, 21, 4);
		*w = (bits & 0x3fff) + 1;
		*h = (bits >> 14 & 0x3fff) + 1;
		break;
	case 'X':
		*w = little(f, 24, 3) + 1;
		*h = little(f, 27, 3) + 1;
		break;
	default:
		break;
	}
}

bool
image_size(struct str base64, int64_t *w, int64_t *h)
{
	static const struct {
		const char *start; /* of the file, in base64 */
		void (*read)(struct str f, int64_t *w, int64_t *h);
	} formats[] = {
		{ "iVBORw0KGgo", png },
		{ "/9j/", jpeg },
		{ "_9j_", jpeg },
		{ "R0lGOD", gif },
		{ "UklGR", webp },
	};
	size_t i;

	*w = *h = 0;
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (str_starts(base64, formats[i].start))
			formats[i].read(base64, w, h);
	return *w > 0 && *h > 0;
}
