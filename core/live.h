/* SPDX-License-Identifier: MIT */
/*
 * The configuration in force, while the program runs: re-read when its file
 * changes (looked at once a second at most).  A bad new file is logged and
 * the old configuration stays.  A call holds the snapshot that it began with
 * until it ends.  Used by several threads.
 */
#ifndef CORE_LIVE_H
#define CORE_LIVE_H

#include "core/str.h"

struct conf;
struct error;
struct live;
struct registry;

struct snapshot {
	const struct conf *conf;
	struct live *live; /* private, as is what follows */
	unsigned refs;
};

/*
 * live_new(path, registry), live_free(l):
 * Returns  a live configuration of file ${path} (absent: the defaults), not
 *          read yet.  live_free needs all snapshots to have been put.
 */
struct live *live_new(struct str path, const struct registry *registry);
void live_free(struct live *l);

/*
 * live_get(l, err):
 * Returns  the current snapshot, to be given back with live_put; or NULL,
 *          ERROR_CONF, as long as no readable file has been seen.
 * Blocks   on reading the file, when it has changed.
 */
const struct snapshot *live_get(struct live *l, struct error *err);

/* live_put(s): give ${s} back; NULL is fine. */
void live_put(const struct snapshot *s);

#endif
