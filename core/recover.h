/* SPDX-License-Identifier: MIT */
/*
 * Making a database whole again: from a backup, the journals since then, and
 * what can still be read of the damaged one.  Rows that are found twice count
 * once, so it may be done again, and goes on where it was killed (visit.h).
 * Verdicts, evidence and feedback are in no journal: what can still be read of
 * them replaces the backup's.  Trials under way are lost.
 */
#ifndef CORE_RECOVER_H
#define CORE_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/audit.h"

struct error;
struct state;

struct recovery {
	bool rebuilt;     /* false: nothing was wrong, or it went on */
	bool from_backup; /* it began with one */
	int64_t salvaged; /* rows read from what was set aside */
	struct audit found;
};

/*
 * recover(s, from, r, err):
 * Look whether the database is sound, and rebuild it if it is not; with
 * ${from}, a backup, rebuild it from that in any case.  Then ingest all
 * journals and audit the result.
 *
 * Returns  0, or -1: ERROR_STORE.
 * Blocks   others out of the database for the time it takes; calls go on.
 */
int recover(struct state *s, const char *from, struct recovery *r,
    struct error *err) __attribute__((warn_unused_result));

#endif
