/* SPDX-License-Identifier: MIT */
/*
 * Where journals go: j/done keeps those that are in the database, so that it
 * can be rebuilt; j/bad keeps bytes that were no record, for a human.  Both
 * have a ceiling, beyond which the oldest files are removed.  All of it
 * under the lease.
 */
#ifndef CORE_ARCHIVE_H
#define CORE_ARCHIVE_H

#include <stdint.h>

#include "core/str.h"

struct error;
struct shm;

#define ARCHIVE_MAX_BYTES (INT64_C(64) << 20)
#define ARCHIVE_MAX_FILES 4096

/*
 * archive_prepare(jfd, err):
 * Make the two directories in ${jfd}, which is data_dir/j.
 */
int archive_prepare(int jfd, struct error *err)
    __attribute__((warn_unused_result));

/*
 * archive_journal(jfd, shm, name, err):
 * Move journal ${name} to j/done; now and then make room there.
 */
int archive_journal(int jfd, struct shm *shm, const char *name,
    struct error *err) __attribute__((warn_unused_result));

/*
 * archive_bad(jfd, name, offset, bytes, err):
 * Keep ${bytes}, found at ${offset} of journal ${name}.  Doing it twice
 * changes nothing.
 */
int archive_bad(int jfd, const char *name, int64_t offset, struct str bytes,
    struct error *err) __attribute__((warn_unused_result));

/*
 * archive_restore(jfd, err):
 * Move all of j/done back to j, to be ingested again.  Such files cannot be
 * written to any more, which says that what is missing of them in the ledger
 * may have been pruned (rollup.h), while an old date in any other file is but
 * a clock that was wrong.
 */
int archive_restore(int jfd, struct error *err)
    __attribute__((warn_unused_result));

#endif
