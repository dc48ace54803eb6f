/* SPDX-License-Identifier: MIT */
/*
 * Small tables that every call reads and operators seldom change: keys,
 * accounts, budgets.  Truth is a table in Berkeley DB, written under the
 * lease; with each change all of it is written to a snapshot file, one JSON
 * object a line, which readers keep in memory and read again when a counter
 * in the header, or the file, has moved.
 *
 * Each record is one JSON object with a member "id", its key in the table.
 * A table that is empty where a snapshot is not has been rebuilt after damage
 * (visit.h): it is filled from the snapshot first.
 */
#ifndef CORE_SNAP_H
#define CORE_SNAP_H

#include <stddef.h>

#include "core/shm.h"
#include "core/store.h"
#include "core/str.h"

struct arena;
struct error;
struct snap;
struct state;

#define SNAP_MAX_BYTES ((size_t)64 << 20)

struct snap_kind {
	enum store_table table;
	const char *file; /* "keys.snap" */
	enum shm_slot gen;
	const char *what; /* "keys", for messages */
};

struct snap_record {
	struct str id, json;
	struct snap_record *next;
};

/* A table while it is being changed, in one transaction. */
struct snap_edit {
	struct arena *arena; /* of the edit; longer than the transaction */
	const struct snap_kind *kind;
	struct snap_record *records; /* no order */
	struct txn *txn;
};

/*
 * snap_edit(s, kind, change, arg, err):
 * Let ${change} look at the table and change it by snap_put and snap_del; if
 * it returns 0 that is committed and the snapshot is written, if it returns 1
 * it has only looked.
 *
 * Returns  0, or -1: ERROR_STORE, or what ${change} has set.
 * Blocks   on the lease, up to 2 s.
 */
int snap_edit(struct state *s, const struct snap_kind *kind,
    int (*change)(struct snap_edit *e, void *arg, struct error *err), void *arg,
    struct error *err) __attribute__((warn_unused_result));

/* snap_find(e, id): the record of that id, or NULL. */
struct snap_record *snap_find(const struct snap_edit *e, struct str id);

/*
 * snap_put(e, id, json), snap_del(e, r):
 * Write or replace a record (both are copied), remove one.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int snap_put(struct snap_edit *e, struct str id, struct str json)
    __attribute__((warn_unused_result));
int snap_del(struct snap_edit *e, struct snap_record *r)
    __attribute__((warn_unused_result));

/*
 * snap_new(state, kind, build), snap_free(s):
 * A reader; ${build} makes of the snapshot's text (in the same arena, and
 * writable) what is looked things up in.  Used by several threads.
 */
struct snap *snap_new(struct state *state, const struct snap_kind *kind,
    void *(*build)(struct arena *a, struct str text));
void snap_free(struct snap *s);

/*
 * snap_lock(s, err), snap_unlock(s):
 * Returns  what ${build} made of the newest snapshot, locked until
 *          snap_unlock; or NULL, not locked: ERROR_STORE.
 */
const void *snap_lock(struct snap *s, struct error *err);
void snap_unlock(struct snap *s);

/* snap_lines(text): how many records a snapshot holds at most. */
size_t snap_lines(struct str text);

#endif
