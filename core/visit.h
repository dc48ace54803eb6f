/* SPDX-License-Identifier: MIT */
/*
 * The inside of struct state, for the modules behind state.h, ledger.h and
 * key.h; and visits to the database: take the lease, open, work, close, give
 * it back.
 *
 * What a visit does when the database does not open (reference/
 * berkeley-db.md §6):
 *	S1  disk full: give up the ballast and try again
 *	S2  anything else: try again after 50 ms
 *	S3  still damaged, or damaged in 3 visits in a row: bring j/done back,
 *	    set the environment aside, put the last verified backup in its
 *	    place or make a new one; what the journals hold comes on top with
 *	    the next ingest (`sluice recover` also finds what is left in the
 *	    one set aside)
 *	S5  no luck: the visit fails, and ingests leave it alone for 5 s
 * After 8 visits in a row in which somebody died before anything was achieved,
 * only one a minute is let in, so that a damage that kills does not kill all.
 */
#ifndef CORE_VISIT_H
#define CORE_VISIT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct error;
struct journal;
struct metrics;
struct shm;
struct store;
struct txn;

/* Lock order: visit, then the lease.  The journal has a lock of its own. */
struct state {
	char *dir; /* data_dir, absolute */
	int dirfd; /* data_dir */
	int jfd;   /* data_dir/j */
	struct shm *shm;
	struct journal *journal;
	struct metrics *metrics;     /* NULL: they cannot be kept */
	pthread_mutex_t visit;       /* one thread of this process at a time */
	_Atomic int64_t appended_us; /* last append, monotonic */
	_Atomic int64_t retention_days; /* of rows; 0: for ever */
};

/*
 * state_append(s, payload, err), state_note(s, payload, err):
 * Append ${payload} to this process's journal; see ledger_write, ledger_note.
 */
int state_append(struct state *s, struct str payload, struct error *err)
    __attribute__((warn_unused_result));
int state_note(struct state *s, struct str payload, struct error *err)
    __attribute__((warn_unused_result));

/* Work in the open database: 0, or -1 with the error set. */
typedef int visit_body(
    struct state *s, struct store *store, void *arg, struct error *err);

/*
 * visit(s, wait_ms, body, arg, err):
 * Run ${body} under the lease, waiting at most ${wait_ms} for it.
 *
 * Returns  0, 1 if somebody else holds the lease, -1: ERROR_STORE, or what
 *          the body has set.
 */
int visit(struct state *s, int64_t wait_ms, visit_body *body, void *arg,
    struct error *err) __attribute__((warn_unused_result));

/*
 * visit_patiently(s, body, arg, err):
 * As visit with 2 s, where not to get the lease is an error.
 */
int visit_patiently(struct state *s, visit_body *body, void *arg,
    struct error *err) __attribute__((warn_unused_result));

/*
 * visit_txn(s, body, arg, err):
 * As visit_patiently, with the transaction ${body} as all there is to do.
 */
int visit_txn(struct state *s, int (*body)(struct txn *t, void *arg), void *arg,
    struct error *err) __attribute__((warn_unused_result));

/*
 * visit_rebuild(s, from, err):
 * With the lease held and the database closed: set it aside, and put backup
 * ${from} (NULL: the last one) in its place.  Two empty files say what is
 * under way: while VISIT_RESTORING is there, nobody opens what is in its
 * place, but begins again; while VISIT_SALVAGE is there, what is set aside
 * may hold rows that are nowhere else (recover.h).
 *
 * Returns  0, 1 if there was no backup, -1: ERROR_STORE.
 */
#define VISIT_RESTORING "restoring"
#define VISIT_SALVAGE   "salvage"
int visit_rebuild(struct state *s, const char *from, struct error *err)
    __attribute__((warn_unused_result));

/* visit_is_marked(s, name): true if that file is there. */
bool visit_is_marked(struct state *s, const char *name);

/*
 * visit_closed(s, body, arg, err):
 * As visit_patiently, but leave the database closed: the body's store is NULL.
 */
int visit_closed(struct state *s, visit_body *body, void *arg,
    struct error *err) __attribute__((warn_unused_result));

#endif
