/* SPDX-License-Identifier: MIT */
/*
 * Ledger rows on their way from the journal into the database.
 *
 * Journal payload: one version byte (1), one kind byte, the row's JSON.
 * Table ledger: call id -> the JSON.  Table open: call id -> process id, for
 * as long as the row is open.
 *
 * An open row is replaced by what comes later; a row that was swept to
 * unknown by the closing record, should there be one after all; a closed row
 * by nothing; one that was pruned does not come back.  So records may come
 * twice.
 */
#ifndef CORE_LEDGER_ROW_H
#define CORE_LEDGER_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ledger.h"
#include "core/str.h"

struct rollup;
struct txn;

#define LEDGER_RECORD_VERSION 1

enum ledger_record {
	LEDGER_OPEN = 'O',
	LEDGER_CLOSE = 'C'
};

/*
 * ledger_row_id(out, ms, bits):
 * Write the call id of ${ms} milliseconds since 1970 and 80 more ${bits}.
 */
void ledger_row_id(
    char out[CALL_ID_BYTES], int64_t ms, const unsigned char bits[10]);

/*
 * ledger_row_ms(id):
 * Returns  the milliseconds since 1970 that a call id begins with, 0 for what
 *          is none.
 */
int64_t ledger_row_ms(struct str id);

/*
 * The calls that are closed in a batch of records: their open records need
 * not go into the database at all.  Starts as all zero.
 */
#define LEDGER_CLOSES_MAX 2048 /* records noted */
struct ledger_closes {
	struct str ids[2 * LEDGER_CLOSES_MAX];
};

/*
 * ledger_closes_note(c, payload), ledger_closes_covers(c, payload):
 * Note a record, which stays where it is; true if it is an open record of a
 * call that was noted to be closed.
 */
void ledger_closes_note(struct ledger_closes *c, struct str payload);
bool ledger_closes_covers(const struct ledger_closes *c, struct str payload);

/*
 * ledger_row_apply(t, sums, payload, proc):
 * Bring a record of process ${proc} into the database, and the difference it
 * makes into ${sums} (rollup.h).
 *
 * Returns  0, 1 if ${payload} is no ledger record, -1: ERROR_STORE.
 */
int ledger_row_apply(struct txn *t, struct rollup *sums, struct str payload,
    struct str proc) __attribute__((warn_unused_result));

/*
 * ledger_row_sweep(t, sums, is_over, arg, max):
 * Turn open rows of processes for which ${is_over} says so into rows with
 * outcome unknown, at most ${max}.
 *
 * Returns  how many, or -1: ERROR_STORE.
 */
int ledger_row_sweep(struct txn *t, struct rollup *sums,
    bool (*is_over)(void *arg, struct str proc), void *arg, int max)
    __attribute__((warn_unused_result));

#endif
