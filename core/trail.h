/* SPDX-License-Identifier: MIT */
/*
 * The audit log: who changed what, by verb or by the admin API; one JSON
 * object a line in data_dir/audit.log, written at once.
 *	{"at","key","action","target","status","remote","change"}
 * At TRAIL_MAX_BYTES it becomes audit.log.1, whose predecessor goes.
 */
#ifndef CORE_TRAIL_H
#define CORE_TRAIL_H

#include <stddef.h>

#include "core/str.h"

struct arena;
struct error;
struct state;

#define TRAIL_FILE       "audit.log"
#define TRAIL_OLD_FILE   "audit.log.1"
#define TRAIL_MAX_BYTES  (8 << 20)
#define TRAIL_LINE_BYTES 4096

struct trail_entry {
	struct str key;    /* who: a key's id; "cli" */
	struct str action; /* "key.create" */
	struct str target; /* absent: none */
	int status;        /* HTTP; 0: none */
	struct str remote; /* address; absent */
	struct str change; /* raw JSON without secrets; absent */
};

/*
 * trail_open(s, err), trail_close(fd):
 * Returns  a place for one entry, or -1: ERROR_STORE.  To be had before the
 *          change is made: what cannot be told must not be done.
 * Blocks   on other writers' entries.
 */
int trail_open(struct state *s, struct error *err);
void trail_close(int fd);

/*
 * trail_write(fd, entry):
 * Append ${entry} with the time.  What is too long for a line lacks change.
 */
void trail_write(int fd, const struct trail_entry *entry);

/* A page of the log, newest first. */
struct trail_page {
	struct str *lines; /* JSON */
	size_t n;
	char next[48]; /* cursor of the next page, or "" */
};

/*
 * trail_read(s, a, cursor, limit, page, err):
 * Read up to ${limit} entries before ${cursor} (absent: the newest).
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST (no cursor of this log), ERROR_STORE.
 */
int trail_read(struct state *s, struct arena *a, struct str cursor,
    size_t limit, struct trail_page *page, struct error *err)
    __attribute__((warn_unused_result));

#endif
