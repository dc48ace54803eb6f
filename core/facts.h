/* SPDX-License-Identifier: MIT */
/*
 * The table of facts (fact.h): blocks of calls, written in the transaction
 * that changes their rows, by rollup.h.
 *
 * A batch of calls becomes a block of its own, and small blocks grow together
 * (as in a log-structured merge tree), so that neither a call now and then
 * nor thousands a second cost much, and any ledger has about one block for
 * each 4096 calls:
 *	level 0	less than 64 calls
 *	level 1	less than 4096 calls
 *	level 2	never changes
 * All of levels 0 and 1 become one of the next when they are 64 blocks, or
 * have 4096 calls.
 * A reader that has read levels 0 and 1 and the keys of level 2 in one
 * transaction may take his time with the blocks of level 2.
 *
 * Table facts, record version 2:
 *	key	level (a byte), the latest and the earliest start of a call
 *		(8 bytes each, us since 1970), how many calls (4 bytes), a
 *		number that tells them apart (4 bytes); all big-endian; at
 *		level 2 the part (a byte), of which there are all
 *	value	fact.h
 * Version 1 had no parts, and its blocks of level 2 stay as they are.
 */
#ifndef CORE_FACTS_H
#define CORE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/fact.h"
#include "core/str.h"

struct arena;
struct txn;

#define FACTS_LEVELS    3
#define FACTS_LAST      (FACTS_LEVELS - 1)
#define FACTS_KEY_BYTES 25 /* and the part */

/*
 * facts_new(t), facts_add(f, view, taken), facts_end(f):
 * Collect the calls of transaction ${t} (fact_add); write them.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
struct facts *facts_new(struct txn *t);
void facts_add(struct facts *f, const struct ledger_view *view, bool taken);
int facts_end(struct facts *f) __attribute__((warn_unused_result));

/* Keys of blocks, in their order. */
struct facts_list {
	struct facts_key {
		char bytes[FACTS_KEY_BYTES + 1];
		bool parts; /* an item for each */
	} * keys;
	size_t n, room;
};

/*
 * facts_list(t, level, since_us, until_us, a, list):
 * The blocks of ${level} in which there may be calls that began in [since,
 * until); 0: open.
 *
 * Returns  0, or -1: ERROR_STORE.
 * Memory   in ${a}.
 */
int facts_list(struct txn *t, unsigned level, int64_t since_us,
    int64_t until_us, struct arena *a, struct facts_list *list)
    __attribute__((warn_unused_result));

/*
 * facts_read(t, key, parts, b):
 * Open the block of ${key} in ${b}, with ${parts} and FACT_COSTS at least.
 *
 * Returns  0, or -1: ERROR_STORE.
 * Memory   valid until ${b} is used for the next.
 */
int facts_read(struct txn *t, const struct facts_key *key, unsigned parts,
    struct fact_block *b) __attribute__((warn_unused_result));

/* facts_damaged(t): -1: ERROR_STORE; what was read makes no sense. */
int facts_damaged(struct txn *t);

/* facts_span(key, first_us, last_us): when the calls of a block began. */
void facts_span(
    const struct facts_key *key, int64_t *first_us, int64_t *last_us);

#endif
