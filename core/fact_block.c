/* SPDX-License-Identifier: MIT */
#include "core/fact.h"

#include <endian.h>
#include <string.h>

#include "core/arena.h"
#include "core/varint.h"

#define MOST_VALUES 1000000 /* of a column: what has more is no block */

void *
fact_room(struct arena *a, struct fact_room *room, size_t n)
{
	if (room->p == NULL || room->n < n) {
		room->n = 2 * n;
		room->p = arena_alloc(a, room->n);
	}
	return room->p;
}

static int
take_names(struct fact_block *b, struct str *bytes)
{
	uint64_t n;
	unsigned d;

	for (d = ROLLUP_KEY; d < ROLLUP_DIMS; d++) {
		if (varint_take(bytes, &n) != 0 || n > bytes->n ||
		    (n > 0 && b->names[d].n > 0))
			return -1;
		if (n > 0)
			b->names[d] = (struct str){ bytes->p, (size_t)n };
		*bytes = str_skip(*bytes, (size_t)n);
	}
	return 0;
}

static int
take_column(struct fact_block *b, struct str *bytes)
{
	unsigned c = (unsigned char)bytes->p[0];
	unsigned width = (unsigned char)bytes->p[1] & ~FACT_FACTOR;
	bool has_factor = (unsigned char)bytes->p[1] & FACT_FACTOR;
	uint64_t least, factor = 1, n;

	if (c >= FACT_COLUMNS || b->packed[c].bits != NULL)
		return -1;
	n = ((uint64_t)b->n[fact_kind_of((enum fact_column)c)] * width + 7) / 8;
	*bytes = str_skip(*bytes, 2);
	if ((width > FACT_MOST_BITS && width != 64) ||
	    varint_take(bytes, &least) != 0 ||
	    (has_factor && varint_take(bytes, &factor) != 0) ||
	    bytes->n < n + FACT_PADDING)
		return -1;
	b->packed[c] = (struct fact_packed){ .bits = bytes->p,
		.least = varint_unzigzag(least),
		.factor = factor,
		.width = width };
	*bytes = str_skip(*bytes, (size_t)n);
	return 0;
}

/* Does column ${c} hand out all the values of ${kind}? */
static bool
adds_up(struct fact_block *b, enum fact_column c, enum fact_kind kind)
{
	const int64_t *v = fact_values(b, c);
	int64_t left = b->n[kind];
	uint32_t i;

	for (i = 0; i < b->n[FACT_CALL]; i++) {
		if (v[i] < 0 || v[i] > left)
			return false;
		left -= v[i];
	}
	return left == 0;
}

static int
take_counts(struct str *bytes, uint32_t counts[FACT_KINDS])
{
	uint64_t n;
	unsigned k;

	for (k = 0; k < FACT_KINDS; k++) {
		if (varint_take(bytes, &n) != 0 || n > MOST_VALUES)
			return -1;
		counts[k] = (uint32_t)n;
	}
	return 0;
}

int
fact_more(struct fact_block *b, struct str bytes)
{
	uint32_t counts[FACT_KINDS];

	if (take_counts(&bytes, counts) != 0 ||
	    memcmp(counts, b->n, sizeof(counts)) != 0 ||
	    take_names(b, &bytes) != 0)
		return -1;
	while (bytes.n > FACT_PADDING)
		if (take_column(b, &bytes) != 0)
			return -1;
	return bytes.n == FACT_PADDING ? 0 : -1;
}

int
fact_open(struct fact_block *b, struct str bytes)
{
	struct str counts = bytes;

	memset(b->packed, 0, sizeof(b->packed));
	memset(b->decoded, 0, sizeof(b->decoded));
	memset(b->names, 0, sizeof(b->names));
	return take_counts(&counts, b->n) == 0 && fact_more(b, bytes) == 0 &&
		adds_up(b, FACT_ATTEMPTS, FACT_ATTEMPT) &&
		adds_up(b, FACT_TAGS, FACT_TAG)
	    ? 0
	    : -1;
}

bool
fact_is_whole(struct str bytes)
{
	return bytes.n >= FACT_PADDING &&
	    memcmp(bytes.p + bytes.n - FACT_PADDING, FACT_END, FACT_PADDING) ==
	    0;
}

bool
fact_is_zero(const struct fact_block *b, enum fact_column c)
{
	return b->packed[c].width == 0 && b->packed[c].least == 0;
}

static void
unpack(const struct fact_packed *p, uint32_t n, int64_t *out)
{
	uint64_t mask = p->width < 64 ? (UINT64_C(1) << p->width) - 1 : ~0ull;
	uint64_t word, least = (uint64_t)p->least;
	size_t bit = 0;
	uint32_t i;

	for (i = 0; i < n; i++, bit += p->width) {
		memcpy(&word, p->bits + bit / 8, sizeof(word));
		word = le64toh(word) >> bit % 8 & mask;
		out[i] = (int64_t)(least + word * p->factor);
	}
}

const int64_t *
fact_values(struct fact_block *b, enum fact_column c)
{
	const struct fact_packed *p = &b->packed[c];
	uint32_t i, n = b->n[fact_kind_of(c)];
	int64_t *v = fact_room(b->arena, &b->values[c], (n + 1) * sizeof(*v));

	if (b->decoded[c])
		return v;
	b->decoded[c] = true;
	if (p->width != 0)
		unpack(p, n, v);
	else
		for (i = 0; i < n; i++)
			v[i] = p->least;
	return v;
}

static int
read_names(struct fact_block *b, enum rollup_dim dim, struct fact_names *names)
{
	struct str bytes = b->names[dim];
	uint64_t n;
	uint32_t i;

	if (varint_take(&bytes, &n) != 0 || n > bytes.n)
		return -1;
	names->n = (uint32_t)n;
	names->list =
	    fact_room(b->arena, &b->lists[dim], (n + 1) * sizeof(*names->list));
	for (i = 0; i < names->n; i++) {
		if (varint_take(&bytes, &n) != 0 || n > bytes.n + 1)
			return -1;
		names->list[i] =
		    n > 0 ? (struct str){ bytes.p, (size_t)n - 1 } : STR_NONE;
		bytes = str_skip(bytes, names->list[i].n);
	}
	return 0;
}

int
fact_names(struct fact_block *b, enum rollup_dim dim, struct fact_names *names)
{
	enum fact_column c = fact_columns[dim];
	uint32_t i, n = b->n[fact_kind_of(c)];
	bool unknown = false;

	*names = (struct fact_names){ .at = fact_values(b, c) };
	if (b->names[dim].n > 0 && read_names(b, dim, names) != 0)
		return -1;
	for (i = 0; i < n; i++)
		unknown |= (uint64_t)names->at[i] >= names->n;
	return unknown ? -1 : 0;
}
