/* SPDX-License-Identifier: MIT */
/*
 * Rows, packed for the database (record version 2 of table ledger).  A row of
 * the ledger is mostly the names of its members; what is written again and
 * again stands in a fixed list of texts, and a packed row has one byte, or
 * two, instead.  A page of 4 KB, which is all that a disk writes at once,
 * then holds several rows, where a plain one would take a page of its own.
 *
 * Packed: JSON text without control characters, in which
 *	0x02..0x1f	stands for text number 0..29
 *	0x01 b		for text number 30 + b - 1, b from 1 on
 * The list may never change but at its end; another order is another version.
 */
#ifndef CORE_ROW_PACK_H
#define CORE_ROW_PACK_H

#include <stdint.h>

#include "core/str.h"

struct buf;

#define ROW_PACK_TEXTS 284 /* at most */

/* Where to look for the text that begins at a place. */
struct row_packer {
	uint16_t head[256]; /* by a hash of its beginning: text + 1 */
	uint16_t next[ROW_PACK_TEXTS];
};

void row_packer_init(struct row_packer *p);

/*
 * row_pack(p, row, out):
 * Append ${row} packed to ${out}.
 *
 * Returns  0, or -1 if it holds control characters, and so cannot be.
 */
int row_pack(const struct row_packer *p, struct str row, struct buf *out);

/*
 * row_unpack(packed, out):
 * The reverse.
 *
 * Returns  0, or -1 for bytes that are no packed row.
 */
int row_unpack(struct str packed, struct buf *out);

#endif
