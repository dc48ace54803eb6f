/* SPDX-License-Identifier: MIT */
/*
 * Counting budgets from the ledger, when the header does not know them: on
 * their first use, after a reboot, after the clock has gone back, or when
 * their cell was given to another.  The rollups answer, so that it takes
 * milliseconds, whatever the window; rows are read only where a window begins
 * within a day of UTC, and of that day alone.
 *
 * No call can reserve in a cell that is being counted.  Those that hold
 * something in it when the count begins are left out of the count and add
 * what they cost themselves, so each call counts once.  A call that is open
 * in the ledger but holds nothing here (another header knew it) counts with
 * its reservation.
 */
#ifndef CORE_LIMIT_COUNT_H
#define CORE_LIMIT_COUNT_H

#include <stddef.h>
#include <stdint.h>

#include "core/budget.h"

struct arena;
struct error;
struct state;

/* A budget in its window. */
struct limit_count {
	struct budget budget;
	uint64_t cell;    /* id */
	int64_t start_us; /* window, wall */
	int64_t day_us;   /* rollups count from this day on */
	int64_t pusd;     /* found so far */
};

/*
 * limit_count_all(s, counts, n, err):
 * Count ${n} budgets and mark their cells as counted.
 *
 * Returns  0, or -1: ERROR_STORE.
 * Blocks   on the lease, and for milliseconds in the database; up to a second
 *          after an upgrade, while older rows are being added up.
 */
int limit_count_all(struct state *s, struct limit_count *counts, size_t n,
    struct error *err) __attribute__((warn_unused_result));

/*
 * limit_row_pusd(a, row):
 * Returns  what a row of the ledger counts with: its cost, or as much of it
 *          as is known; while it is open its reservation.
 * Memory   scratch in ${a}.
 */
int64_t limit_row_pusd(struct arena *a, struct str row);

#endif
