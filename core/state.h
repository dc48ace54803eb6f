/* SPDX-License-Identifier: MIT */
/*
 * All that processes share, in data_dir (0700):
 *	hdr, lock	the mmap'd header: lease and counters (shm.h)
 *	metrics		mmap'd counters and histograms (metrics.h)
 *	j/		journals, one per process at a time (journal.h)
 *	j/done/, j/bad/	consumed journals; records that made no sense (archive.h)
 *	env/		the Berkeley DB environment (store.h); env.bad.<time>:
 *			one that was damaged and has been rebuilt (visit.h)
 *	restoring, salvage, restore.tmp: of that, while it is under way
 *	backup.last	the path of the newest backup (backup.h)
 *	keys.snap	the gateway keys, for readers (key.h)
 *	audit.log	who changed what (trail.h)
 *	ballast		4 MB to give back when the disk is full
 * This is the recipe of reference/berkeley-db.md, design P: the append to the
 * journal is the acknowledgement, Berkeley DB is a rebuildable index entered
 * by one thread of the whole pool at a time under the lease, and opening it
 * is recovery.  No daemon, no locks for readers, any process may be killed at
 * any instant.
 *
 * The handle may be used by several threads.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/conf.h"
#include "core/str.h"

struct error;
struct health;
struct metrics;
struct state;

/*
 * state_open(data_dir, durability, err):
 * Create ${data_dir} if needed and open what is cheap: header and, on the
 * first append, the journal.  Berkeley DB is not touched.
 *
 * Returns  the handle, or NULL: ERROR_STORE naming the file and the reason.
 */
struct state *state_open(
    struct str data_dir, enum conf_durability durability, struct error *err);

/* state_close(s): close the journal; what it holds stays for ingest. */
void state_close(struct state *s);

/*
 * state_retain(s, days):
 * From now on ingests remove rows that are older (prune.h); 0, as at first:
 * none are.
 */
void state_retain(struct state *s, int64_t days);

/*
 * state_ingest(s, wait_ms, err):
 * Take the lease within ${wait_ms} (0: only if it is free, or soon will be
 * where the backlog is older than 2 s), bring journals into the database for
 * at most 100 ms of work and a quarter of the age of the backlog, 500 ms in
 * all, and sweep the calls of dead processes to outcome unknown.  After a
 * failure the next 5 s fail at once.
 *
 * Returns  1 if journals remain, 0 if all is ingested or somebody else holds
 *          the lease, -1: ERROR_STORE.
 */
int state_ingest(struct state *s, int64_t wait_ms, struct error *err);

/*
 * state_dirty(s):
 * Returns  true if this process has appended since it last saw an ingest
 *          cover it: cheap, for timers.
 */
bool state_dirty(struct state *s);

/*
 * state_backlog_ms(s):
 * Returns  the age of the oldest append, of any process, that no ingest has
 *          covered; 0 if there is none.  Cheap.  A CGI process ingests at its
 *          end when this is 1000 or more.
 */
int64_t state_backlog_ms(struct state *s);

/*
 * state_ingested_us(s):
 * Returns  when the last ingest, of any process, that left nothing began;
 *          monotonic, 0: none since the boot.
 */
int64_t state_ingested_us(struct state *s);

/* state_targets(s): the health of targets, shared by all processes. */
struct health *state_targets(struct state *s);

/* state_metrics(s): what all processes count (metrics.h); may be NULL. */
struct metrics *state_metrics(struct state *s);

/* state_disk_full(s): true if next to no room, or no file, is left. */
bool state_disk_full(struct state *s);

/*
 * state_health(s, err):
 * Returns  0 if an append would work, or -1: ERROR_STORE with the reason.
 */
int state_health(struct state *s, struct error *err);

#endif
