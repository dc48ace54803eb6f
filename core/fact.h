/* SPDX-License-Identifier: MIT */
/*
 * Facts: what is counted of closed calls, in columns.  A pile of calls is
 * packed into a block, a block is opened and gives up the columns that are
 * asked for.  A block takes some twenty bytes a call, so sums over a million
 * of them, by whatever one likes, are sums over a few hundred blocks.
 * What is asked for together is a part: a block is stored as one item with all
 * parts, or one item for each, of which only those that matter are read.
 *
 * What a call adds to a sum is what its attempts add, plus what stands in its
 * own columns: nearly always nothing, which costs nothing.  A call that is
 * taken back is a fact of its own, all of whose numbers are negated.
 *
 * An item, record version 2 of table facts (store.h):
 *	varints		how many calls, attempts, tags the block has
 *	for each dimension from ROLLUP_KEY on: the bytes that its names take
 *		(varint; 0: its part is not here), and these: how many
 *		(varint), then of each its length + 1 (0: absent; varint) and
 *		its bytes
 *	the columns of its parts that are not 0 throughout, by number: the
 *		number and the width in bits (a byte each; 0 to 57, or 64;
 *		+ 128: with a factor), the least value (zigzag varint), the
 *		factor, if any (varint), how many factors each value is above
 *		the least, as a stream of bits, the lowest first, filled up to
 *		a byte
 *	FACT_END
 * Version 1 had no factors, all parts in one item, and 8 bytes 0 at the end.
 */
#ifndef CORE_FACT_H
#define CORE_FACT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/dict.h"
#include "core/ledger_sum.h"
#include "core/rollup.h"
#include "core/str.h"

struct arena;
struct buf;

#define FACT_MOST_BITS 57 /* that a load of 8 bytes has, wherever they begin */
#define FACT_PADDING   8  /* that load may begin at the last byte */
#define FACT_END       "\xff\xff\xff\xff\xff\xff\xff\xff"
#define FACT_FACTOR    128u /* with the width: a factor follows */

/* What a column has one value each of. */
enum fact_kind {
	FACT_CALL,
	FACT_ATTEMPT,
	FACT_TAG,
	FACT_KINDS
};

/* New ones are another version: who does not know one would sum up less. */
enum fact_column {
	FACT_START, /* us since 1970 */
	FACT_SIGN,  /* 1, or -1: taken back */
	FACT_KEY,   /* these: which of the dimension's names */
	FACT_ACCOUNT,
	FACT_USER,
	FACT_TASK,
	FACT_SESSION,
	FACT_ROUTE,
	FACT_ATTEMPTS, /* how many */
	FACT_TAGS,
	FACT_DURATION, /* bucket of latency.h + 1; 0: none */
	FACT_TTFT,
	FACT_FIELD, /* + number of a field of ledger_sum, but calls */
	FACT_AT_PROVIDER = FACT_FIELD + LEDGER_SUM_FIELDS,
	FACT_AT_MODEL,
	FACT_AT_DURATION,
	FACT_AT_TTFT,
	FACT_AT_FIELD,
	FACT_TAG_NAME = FACT_AT_FIELD + LEDGER_SUM_FIELDS,
	FACT_COLUMNS
};

/* fact_kind_of(c): what column ${c} has one value each of. */
enum fact_kind fact_kind_of(enum fact_column c);

/* By number, in the keys of items, too. */
enum fact_part {
	FACT_COSTS,  /* how many calls, attempts and tags; what they cost */
	FACT_STARTS, /* when the calls began */
	FACT_REST,   /* all other numbers, times */
	FACT_NAMED,  /* + dimension - ROLLUP_KEY: its names and its column */
	FACT_PARTS = FACT_NAMED + ROLLUP_DIMS - ROLLUP_KEY
};

/* Sets of parts are bits. */
#define FACT_EVERY ((1u << FACT_PARTS) - 1)

/* fact_part_of(d): the part of a dimension; of ROLLUP_ALL FACT_STARTS. */
enum fact_part fact_part_of(enum rollup_dim d);

/* The column of a dimension; of ROLLUP_ALL there is none. */
extern const enum fact_column fact_columns[ROLLUP_DIMS];

/* Calls on their way into a block. */
struct fact_pile {
	struct arena *arena;
	uint32_t n[FACT_KINDS], room[FACT_KINDS];
	int64_t *columns[FACT_COLUMNS]; /* NULL: 0 throughout */
	struct dict names[ROLLUP_DIMS];
	int64_t first_us, last_us; /* of the starts */
};

void fact_pile_init(struct fact_pile *p, struct arena *a);

/*
 * fact_add(p, view, taken):
 * Put a call that is counted, or ${taken} back, on the pile.  A row that does
 * not say when it began is left out, as rollups do.
 */
void fact_add(struct fact_pile *p, const struct ledger_view *view, bool taken);

/* fact_is_full(p): a block of it is as large as one should be. */
bool fact_is_full(const struct fact_pile *p);

/* fact_pack(p, parts, out): an item with ${parts} of a pile, not empty. */
void fact_pack(const struct fact_pile *p, unsigned parts, struct buf *out);

struct fact_packed {
	const char *bits;
	int64_t least;
	uint64_t factor;
	unsigned width;
};

/* Memory that is used again and again. */
struct fact_room {
	void *p;
	size_t n;
};

/*
 * A block that is being read, and then the next: begins as zero, but for the
 * arena, which outlives all of them.
 */
struct fact_block {
	struct arena *arena;
	uint32_t n[FACT_KINDS];
	struct fact_packed packed[FACT_COLUMNS];
	bool decoded[FACT_COLUMNS];
	struct str names[ROLLUP_DIMS]; /* as they are stored */
	struct buf *items[FACT_PARTS]; /* what is read, by its owner */
	struct fact_room values[FACT_COLUMNS], lists[ROLLUP_DIMS];
};

/* A dimension of a block: name number at[i] is that of value ${i}. */
struct fact_names {
	const int64_t *at;
	struct str *list; /* views of the block's bytes */
	uint32_t n;
};

/*
 * fact_room(a, room, n):
 * Returns  ${n} bytes, not zeroed: those of ${room}, or more from ${a}.
 */
void *fact_room(struct arena *a, struct fact_room *room, size_t n);

/*
 * fact_open(b, bytes), fact_more(b, bytes):
 * Begin to read a block with the item that has FACT_COSTS; go on with another
 * of its items.  ${bytes} must stay.
 *
 * Returns  0, or -1 for bytes that are no such item.
 */
int fact_open(struct fact_block *b, struct str bytes)
    __attribute__((warn_unused_result));
int fact_more(struct fact_block *b, struct str bytes)
    __attribute__((warn_unused_result));

/* fact_is_whole(bytes): has an item of version 2 its end? */
bool fact_is_whole(struct str bytes);

/* fact_is_zero(b, c): is column ${c} 0 throughout, or its part not here? */
bool fact_is_zero(const struct fact_block *b, enum fact_column c);

/* fact_values(b, c): all values of a column. */
const int64_t *fact_values(struct fact_block *b, enum fact_column c);

/*
 * fact_names(b, dim, names):
 * Returns  0, or -1 if there are numbers without a name: damage.
 */
int fact_names(struct fact_block *b, enum rollup_dim dim,
    struct fact_names *names) __attribute__((warn_unused_result));

/*
 * fact_append(p, b):
 * Put all calls of ${b} on the pile.
 *
 * Returns  0, or -1: the block is damaged.
 */
int fact_append(struct fact_pile *p, struct fact_block *b)
    __attribute__((warn_unused_result));

#endif
