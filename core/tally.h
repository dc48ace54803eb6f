/* SPDX-License-Identifier: MIT */
/*
 * What a call adds to the metrics: exactly what its row adds to the ledger,
 * at the moment when that is closed.
 */
#ifndef CORE_TALLY_H
#define CORE_TALLY_H

struct call;
struct error;
struct metrics;

/*
 * tally_call(m, c):
 * Count settled call ${c}.  Models that are neither in the catalogue nor have
 * answered are called "other": clients may ask for anything.
 */
void tally_call(struct metrics *m, const struct call *c);

/* tally_rejected(m, err): count a request that never became a call. */
void tally_rejected(struct metrics *m, const struct error *err);

#endif
