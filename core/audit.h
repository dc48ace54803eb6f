/* SPDX-License-Identifier: MIT */
/*
 * Is the database what it says?  Every row of the ledger is found by its key
 * (a scan can see what a look-up misses: reference/berkeley-db.md §0), every
 * rollup is what its rows add up to, facts add up to the rollups of each month
 * (audit_facts.h), and the pages of every table are sound.
 */
#ifndef CORE_AUDIT_H
#define CORE_AUDIT_H

#include <stdint.h>

struct error;
struct store;

struct audit {
	int64_t rows, open, rollups;
};

/*
 * audit(data_dir, store, found, err):
 * Check all of ${store}, which is open in ${data_dir}, to the end of what is
 * committed.
 *
 * Returns  0, or -1: ERROR_STORE with the first thing that is wrong.
 * Blocks   up to a minute for a million rows.
 */
int audit(const char *data_dir, struct store *store, struct audit *found,
    struct error *err) __attribute__((warn_unused_result));

#endif
