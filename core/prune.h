/* SPDX-License-Identifier: MIT */
/*
 * Retention: rows, and journals that still hold them, go when they are old;
 * the sums of rollup.h stay.  All of it under the lease.
 */
#ifndef CORE_PRUNE_H
#define CORE_PRUNE_H

#include <stdint.h>

struct error;
struct state;
struct store;

/*
 * prune(s, store, before_us, until_us, rows, err):
 * Remove rows of calls that began before wall time ${before_us}, but those
 * still open, with all that is kept of single calls beside them (feedback,
 * verdicts), files of j/done and j/bad last written before it, and databases
 * set aside before it; begin nothing new after the monotonic time ${until_us}
 * (0: go on to the end).  ${*rows} grows by the number of rows removed.  Rows
 * that are not counted yet stay.
 *
 * Returns  0 when done, 1 if some are left, -1: ERROR_STORE.
 */
int prune(struct state *s, struct store *store, int64_t before_us,
    int64_t until_us, int64_t *rows, struct error *err)
    __attribute__((warn_unused_result));

/*
 * prune_now_and_then(s, store, until_us, err):
 * As prune, by the retention of state_retain, about once an hour in the whole
 * pool.
 */
int prune_now_and_then(struct state *s, struct store *store, int64_t until_us,
    struct error *err) __attribute__((warn_unused_result));

#endif
