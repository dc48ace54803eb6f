/* SPDX-License-Identifier: MIT */
#include "core/journal.h"

#include <stdio.h>
#include <string.h>

#include "core/crc32c.h"
#include "core/journal_format.h"

#define SEQ_DIGITS 6

static uint32_t
get32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 |
	    (uint32_t)u[3] << 24;
}

/* Offset of the next magic after the one at 0; all of ${s} if there is none. */
static size_t
next_magic(struct str s)
{
	long at;

	if (s.n == 0)
		return 0;
	at = str_find(str_skip(s, 1), JOURNAL_MAGIC);
	return at < 0 ? s.n : (size_t)at + 1;
}

/* Length of the payload if a good record stands at the start, else -1. */
static long
good_record(struct str s)
{
	uint32_t length, crc;

	if (s.n < JOURNAL_HEAD || memcmp(s.p, JOURNAL_MAGIC.p, 4) != 0)
		return -1;
	length = get32(s.p + 4);
	if (length > JOURNAL_MAX_PAYLOAD || s.n < JOURNAL_HEAD + length + 1 ||
	    s.p[JOURNAL_HEAD + length] != '\n')
		return -1;
	crc = crc32c(0, s.p + 4, 4);
	crc = crc32c(crc, s.p + JOURNAL_HEAD, length);
	return crc == get32(s.p + 8) ? (long)length : -1;
}

/*
 * What is no record may be one in the making, unless a magic stands behind
 * it: a payload has none.
 */
enum journal_item
journal_next(struct str *rest, bool complete, struct str *item)
{
	struct str s = *rest;
	long length = good_record(s);
	size_t n;

	if (length >= 0) {
		*item = (struct str){ s.p + JOURNAL_HEAD, (size_t)length };
		*rest = str_skip(s, JOURNAL_HEAD + (size_t)length + 1);
		return JOURNAL_RECORD;
	}
	n = next_magic(s);
	if (n == 0 || (n == s.n && !complete))
		return JOURNAL_END;
	*item = (struct str){ s.p, n };
	*rest = str_skip(s, n);
	return JOURNAL_BAD;
}

bool
journal_parse_name(const char *name, struct str *proc, unsigned *seq)
{
	struct str s = str_of(name), digits;
	const size_t tail = 1 + SEQ_DIGITS + 3; /* .000000.jl */
	int64_t n;

	if (s.n <= tail || s.n >= JOURNAL_NAME_BYTES ||
	    s.n - tail >= JOURNAL_PROC_BYTES ||
	    !str_is(str_skip(s, s.n - 3), ".jl") || s.p[s.n - tail] != '.')
		return false;
	digits = (struct str){ s.p + s.n - tail + 1, SEQ_DIGITS };
	if (str_i64(digits, 0, 999999, &n) != 0)
		return false;
	*proc = (struct str){ s.p, s.n - tail };
	*seq = (unsigned)n;
	return true;
}

void
journal_name(char out[JOURNAL_NAME_BYTES], struct str proc, unsigned seq)
{
	snprintf(out, JOURNAL_NAME_BYTES, "%.*s.%0*u.jl", STR_ARG(proc),
	    SEQ_DIGITS, seq);
}
