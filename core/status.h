/* SPDX-License-Identifier: MIT */
/*
 * How the state in data_dir is, for /healthz and `sluice check`: do appends
 * work, which is all that a call needs, and does the database behind them?
 */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include <stdint.h>

struct jw;
struct state;

enum status_level {
	STATUS_OK,
	STATUS_DEGRADED, /* calls are acknowledged; something waits for help */
	STATUS_FAILED    /* nothing can be acknowledged */
};

extern const char *const status_words[]; /* by level */

struct status {
	enum status_level level;
	char reason[400]; /* "" when all is well */
	int64_t backlog_ms, bad_records, unknown_calls, rebuilds;
	const char *filesystem; /* "NFS", ... if it is no local one; NULL */
};

/*
 * status_of(s, st):
 * Look at ${s}; NULL, for a data_dir that cannot be opened, is STATUS_FAILED
 * without a reason.  Cheap; the database is not touched.
 */
void status_of(struct state *s, struct status *st);

/* status_write(st, w): as members of the open JSON object of ${w}. */
void status_write(const struct status *st, struct jw *w);

#endif
