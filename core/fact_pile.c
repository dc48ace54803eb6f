/* SPDX-License-Identifier: MIT */
#include "core/fact.h"

#include <endian.h>
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/varint.h"

#define FIRST_ROOM 16u
#define FULL_CALLS 8192u
#define FULL_BYTES ((size_t)512 << 10) /* of names */

const enum fact_column fact_columns[ROLLUP_DIMS] = {
	[ROLLUP_ALL] = FACT_COLUMNS,
	[ROLLUP_KEY] = FACT_KEY,
	[ROLLUP_ACCOUNT] = FACT_ACCOUNT,
	[ROLLUP_PROVIDER] = FACT_AT_PROVIDER,
	[ROLLUP_MODEL] = FACT_AT_MODEL,
	[ROLLUP_TAG] = FACT_TAG_NAME,
	[ROLLUP_USER] = FACT_USER,
	[ROLLUP_TASK] = FACT_TASK,
	[ROLLUP_SESSION] = FACT_SESSION,
	[ROLLUP_ROUTE] = FACT_ROUTE,
};

enum fact_kind
fact_kind_of(enum fact_column c)
{
	return c < FACT_AT_PROVIDER ? FACT_CALL
	    : c < FACT_TAG_NAME     ? FACT_ATTEMPT
				    : FACT_TAG;
}

enum fact_part
fact_part_of(enum rollup_dim d)
{
	return d == ROLLUP_ALL ? FACT_STARTS
			       : (enum fact_part)(FACT_NAMED + d - ROLLUP_KEY);
}

/* The part that column ${c} is in. */
static enum fact_part
part_of(unsigned c)
{
	unsigned d = ROLLUP_KEY;

	switch (c) {
	case FACT_SIGN:
	case FACT_ATTEMPTS:
	case FACT_TAGS:
	case FACT_FIELD + LEDGER_SUM_COST:
	case FACT_AT_FIELD + LEDGER_SUM_COST:
		return FACT_COSTS;
	case FACT_START:
		return FACT_STARTS;
	default:
		while (d < ROLLUP_DIMS && fact_columns[d] != c)
			d++;
		return d < ROLLUP_DIMS ? fact_part_of((enum rollup_dim)d)
				       : FACT_REST;
	}
}

void
fact_pile_init(struct fact_pile *p, struct arena *a)
{
	unsigned d;

	*p = (struct fact_pile){
		.arena = a, .first_us = INT64_MAX, .last_us = INT64_MIN
	};
	for (d = 0; d < ROLLUP_DIMS; d++)
		dict_init(&p->names[d], a);
}

/* Room for ${more} values; what the old columns take goes with the arena. */
static void
make_room(struct fact_pile *p, enum fact_kind kind, uint32_t more)
{
	uint32_t room = p->room[kind] != 0 ? p->room[kind] : FIRST_ROOM;
	int64_t *old;
	unsigned c;

	if (p->n[kind] + more <= p->room[kind])
		return;
	while (room < p->n[kind] + more)
		room *= 4;
	p->room[kind] = room;
	for (c = 0; c < FACT_COLUMNS; c++) {
		old = p->columns[c];
		if (old == NULL || fact_kind_of((enum fact_column)c) != kind)
			continue;
		p->columns[c] = ARENA_ARRAY(p->arena, int64_t, room);
		memcpy(p->columns[c], old, p->n[kind] * sizeof(*old));
	}
}

static int64_t *
column(struct fact_pile *p, unsigned c)
{
	enum fact_kind kind = fact_kind_of((enum fact_column)c);

	if (p->columns[c] == NULL)
		p->columns[c] = ARENA_ARRAY(p->arena, int64_t, p->room[kind]);
	return p->columns[c];
}

static void
put(struct fact_pile *p, unsigned c, uint32_t at, int64_t v)
{
	if (v != 0)
		column(p, c)[at] = v;
}

static void
put_name(struct fact_pile *p, enum rollup_dim d, uint32_t at, struct str s)
{
	put(p, fact_columns[d], at, dict_at(&p->names[d], s));
}

/* The one bucket that a time was noted in, + 1. */
static int64_t
bucket_of(const struct latency *l)
{
	int64_t i = 0;

	while (i < LATENCY_BUCKETS && l->n[i] == 0)
		i++;
	return i < LATENCY_BUCKETS ? i + 1 : 0;
}

/* All numbers but calls, negated where the call is taken back. */
static void
put_fields(struct fact_pile *p, unsigned first, uint32_t at,
    struct ledger_sum *sum, bool taken)
{
	uint64_t v;
	unsigned i;

	for (i = 1; i < LEDGER_SUM_FIELDS; i++) {
		v = (uint64_t)*ledger_sum_field(sum, i);
		put(p, first + i, at, (int64_t)(taken ? 0 - v : v));
	}
}

static void
add_attempt(struct fact_pile *p, const struct ledger_view_attempt *attempt,
    struct ledger_sum *rest, bool taken)
{
	struct ledger_sum sum = attempt->sum;
	uint32_t at;
	unsigned i;

	make_room(p, FACT_ATTEMPT, 1);
	at = p->n[FACT_ATTEMPT]++;
	put_name(p, ROLLUP_PROVIDER, at, attempt->provider);
	put_name(p, ROLLUP_MODEL, at, attempt->name);
	put(p, FACT_AT_DURATION, at, bucket_of(&sum.duration));
	put(p, FACT_AT_TTFT, at, bucket_of(&sum.ttft));
	put_fields(p, FACT_AT_FIELD, at, &sum, taken);
	for (i = 1; i < LEDGER_SUM_FIELDS; i++)
		*ledger_sum_field(rest, i) =
		    (int64_t)((uint64_t)*ledger_sum_field(rest, i) -
			(uint64_t)*ledger_sum_field(&sum, i));
}

static void
add_call(struct fact_pile *p, const struct ledger_view *v, int64_t start_us,
    bool taken)
{
	uint32_t at = p->n[FACT_CALL]++;

	if (start_us < p->first_us)
		p->first_us = start_us;
	if (start_us > p->last_us)
		p->last_us = start_us;
	put(p, FACT_START, at, start_us);
	put(p, FACT_SIGN, at, taken ? -1 : 1);
	put_name(p, ROLLUP_KEY, at, v->key);
	put_name(p, ROLLUP_ACCOUNT, at, v->account);
	put_name(p, ROLLUP_USER, at, v->user);
	put_name(p, ROLLUP_TASK, at, v->task);
	put_name(p, ROLLUP_SESSION, at, v->session);
	put_name(p, ROLLUP_ROUTE, at, v->route);
	put(p, FACT_ATTEMPTS, at, v->n_attempts);
	put(p, FACT_TAGS, at, v->n_tags);
	put(p, FACT_DURATION, at, bucket_of(&v->sum.duration));
	put(p, FACT_TTFT, at, bucket_of(&v->sum.ttft));
}

void
fact_add(struct fact_pile *p, const struct ledger_view *v, bool taken)
{
	struct ledger_sum rest = v->sum;
	int64_t start_us;
	unsigned i;

	if (clock_parse(v->started_at, &start_us) != 0)
		return;
	make_room(p, FACT_CALL, 1);
	add_call(p, v, start_us, taken);
	for (i = 0; i < v->n_attempts; i++)
		add_attempt(p, &v->attempts[i], &rest, taken);
	put_fields(p, FACT_FIELD, p->n[FACT_CALL] - 1, &rest, taken);
	make_room(p, FACT_TAG, v->n_tags);
	for (i = 0; i < v->n_tags; i++)
		put_name(p, ROLLUP_TAG, p->n[FACT_TAG]++, v->tags[i]);
}

bool
fact_is_full(const struct fact_pile *p)
{
	size_t bytes = 0;
	unsigned d, k;

	for (k = 0; k < FACT_KINDS; k++)
		if (p->n[k] >= FULL_CALLS)
			return true;
	for (d = 0; d < ROLLUP_DIMS; d++)
		bytes += p->names[d].bytes;
	return bytes >= FULL_BYTES;
}

/* The values of a dimension of ${b}, by the numbers of the pile. */
static int
append_names(struct fact_pile *p, struct fact_block *b, enum rollup_dim d)
{
	enum fact_column c = fact_columns[d];
	enum fact_kind kind = fact_kind_of(c);
	struct fact_names names;
	int64_t *to;
	uint32_t i, *map;

	if (fact_names(b, d, &names) != 0)
		return -1;
	map = ARENA_ARRAY(p->arena, uint32_t, names.n + 1);
	for (i = 0; i < names.n; i++)
		map[i] = dict_at(&p->names[d], names.list[i]);
	to = column(p, c) + p->n[kind];
	for (i = 0; i < b->n[kind]; i++)
		to[i] = map[names.at[i]];
	return 0;
}

int
fact_append(struct fact_pile *p, struct fact_block *b)
{
	const int64_t *start = fact_values(b, FACT_START);
	unsigned d, c, k;
	uint32_t i;

	for (k = 0; k < FACT_KINDS; k++)
		make_room(p, (enum fact_kind)k, b->n[k]);
	for (d = ROLLUP_KEY; d < ROLLUP_DIMS; d++)
		if (append_names(p, b, (enum rollup_dim)d) != 0)
			return -1;
	for (c = 0; c < FACT_COLUMNS; c++) {
		for (d = ROLLUP_KEY; d < ROLLUP_DIMS && fact_columns[d] != c;)
			d++;
		k = fact_kind_of((enum fact_column)c);
		if (d == ROLLUP_DIMS && !fact_is_zero(b, (enum fact_column)c))
			memcpy(column(p, c) + p->n[k],
			    fact_values(b, (enum fact_column)c),
			    b->n[k] * sizeof(int64_t));
	}
	for (i = 0; i < b->n[FACT_CALL]; i++) {
		p->first_us = start[i] < p->first_us ? start[i] : p->first_us;
		p->last_us = start[i] > p->last_us ? start[i] : p->last_us;
	}
	for (k = 0; k < FACT_KINDS; k++)
		p->n[k] += b->n[k];
	return 0;
}

static void
pack_number(struct buf *out, uint64_t v)
{
	char bytes[VARINT_BYTES];

	buf_add(out, bytes, varint_put(bytes, v));
}

static size_t
number_bytes(uint64_t v)
{
	char bytes[VARINT_BYTES];

	return varint_put(bytes, v);
}

static void
pack_names(const struct dict *d, struct buf *out)
{
	size_t bytes = number_bytes(d->n);
	uint32_t i;

	for (i = 0; i < d->n; i++)
		bytes += number_bytes(d->list[i].n + 1) + d->list[i].n;
	if (d->n == 0)
		bytes = 0;
	pack_number(out, bytes);
	if (bytes == 0)
		return;
	pack_number(out, d->n);
	for (i = 0; i < d->n; i++) {
		pack_number(out, d->list[i].p != NULL ? d->list[i].n + 1 : 0);
		buf_adds(out, d->list[i]);
	}
}

/* The last bytes are zero; the buffer is large enough. */
static void
pack_bits(
    const int64_t *v, uint32_t n, const struct fact_packed *p, struct buf *out)
{
	size_t bytes = ((size_t)n * p->width + 7) / 8, bit = 0;
	char *to = buf_room(out, bytes + FACT_PADDING);
	uint64_t word;
	uint32_t i;

	if (to == NULL)
		return;
	memset(to, 0, bytes + FACT_PADDING);
	for (i = 0; i < n; i++, bit += p->width) {
		memcpy(&word, to + bit / 8, sizeof(word));
		word = le64toh(word);
		word |= ((uint64_t)v[i] - (uint64_t)p->least) / p->factor
		    << bit % 8;
		word = htole64(word);
		memcpy(to + bit / 8, &word, sizeof(word));
	}
	buf_added(out, bytes);
}

/* The largest number that all values are a multiple of above the least:
 * amounts are so many tokens at a price. */
static uint64_t
factor_of(const int64_t *v, uint32_t n, int64_t least)
{
	uint64_t factor = 0, x, rest;
	uint32_t i;

	for (i = 0; i < n && factor != 1; i++) {
		x = (uint64_t)v[i] - (uint64_t)least;
		while (factor != 0 && (rest = x % factor) != 0) {
			x = factor;
			factor = rest;
		}
		if (factor == 0)
			factor = x;
	}
	return factor != 0 ? factor : 1;
}

static void
pack_column(const struct fact_pile *p, unsigned c, struct buf *out)
{
	const int64_t *v = p->columns[c];
	uint32_t i, n = p->n[fact_kind_of((enum fact_column)c)];
	int64_t least, most;
	struct fact_packed packed;
	uint64_t span;

	if (v == NULL || n == 0)
		return;
	for (least = most = v[0], i = 1; i < n; i++) {
		least = v[i] < least ? v[i] : least;
		most = v[i] > most ? v[i] : most;
	}
	if (least == 0 && most == 0)
		return;
	packed = (struct fact_packed){ .least = least,
		.factor = factor_of(v, n, least) };
	span = ((uint64_t)most - (uint64_t)least) / packed.factor;
	while (packed.width < FACT_MOST_BITS && span >> packed.width != 0)
		packed.width++;
	if (span >> packed.width != 0)
		packed.width = 64;
	buf_addch(out, (char)c);
	buf_addch(
	    out, (char)(packed.width | (packed.factor != 1 ? FACT_FACTOR : 0)));
	pack_number(out, varint_zigzag(least));
	if (packed.factor != 1)
		pack_number(out, packed.factor);
	pack_bits(v, n, &packed, out);
}

void
fact_pack(const struct fact_pile *p, unsigned parts, struct buf *out)
{
	unsigned i;

	for (i = 0; i < FACT_KINDS; i++)
		pack_number(out, p->n[i]);
	for (i = ROLLUP_KEY; i < ROLLUP_DIMS; i++)
		if (parts >> fact_part_of((enum rollup_dim)i) & 1)
			pack_names(&p->names[i], out);
		else
			pack_number(out, 0);
	for (i = 0; i < FACT_COLUMNS; i++)
		if (parts >> part_of(i) & 1)
			pack_column(p, i, out);
	buf_addz(out, FACT_END);
}
