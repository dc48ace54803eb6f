/* SPDX-License-Identifier: MIT */
/* The records of rollup.h as bytes. */
#ifndef CORE_ROLLUP_RECORD_H
#define CORE_ROLLUP_RECORD_H

#include "core/rollup.h"

#define ROLLUP_KEY_BYTES   (ROLLUP_OWN_BYTES + 16)
#define ROLLUP_VALUE_BYTES (10 * LEDGER_SUM_FIELDS + 2 * 7 * LATENCY_BUCKETS)

/* What a row that is being counted looks like in the meta table. */
#define ROLLUP_META_PRUNED STR("pruned")
#define ROLLUP_META_FACTS  STR("facts from")
#define ROLLUP_DONE        "done"

/* In the meta table, by number of the part: how far it is. */
extern const char *const rollup_places[ROLLUP_PARTS];

/*
 * rollup_key(e, out), rollup_value(sum, out):
 * Write the key of ${e}, the value for ${sum}.
 *
 * Returns  a view of ${out}.
 */
struct str rollup_key(const struct rollup_entry *e, char out[ROLLUP_KEY_BYTES]);
struct str rollup_value(
    const struct ledger_sum *sum, char out[ROLLUP_VALUE_BYTES]);

/*
 * rollup_read_key(key, e), rollup_read_value(value, sum):
 * The reverse; ${e} gets views.
 *
 * Returns  0, or -1 for bytes that are none.
 */
int rollup_read_key(struct str key, struct rollup_entry *e);
int rollup_read_value(struct str value, struct ledger_sum *sum);

#endif
