/* SPDX-License-Identifier: MIT */
/*
 * Journals into the database, under the lease.  Records and the offset up to
 * which a journal has been read are written in one transaction, so each
 * counts exactly once.  A journal of which nothing more can come is moved
 * away (archive.h) once a checkpoint has brought it to the disk; its offset
 * goes with the next ingest.  When all journals of a dead process are read,
 * the calls it left open are swept to outcome unknown.
 *
 * Records that make no sense are kept in j/bad and skipped.
 */
#ifndef CORE_INGEST_H
#define CORE_INGEST_H

#include <stdint.h>

struct error;
struct state;
struct store;

/*
 * ingest(s, store, budget_us, err):
 * Bring in what there is; begin nothing new after ${budget_us} (0: take the
 * time it takes).
 *
 * Returns  1 if journals remain, 0 if all is in, -1: ERROR_STORE.
 */
int ingest(struct state *s, struct store *store, int64_t budget_us,
    struct error *err) __attribute__((warn_unused_result));

#endif
