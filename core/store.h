/* SPDX-License-Identifier: MIT */
/*
 * Berkeley DB, and the only file that knows it: a private, single-threaded,
 * transactional environment in data_dir/env whose opening is its recovery.
 * Only a leaseholder (shm.h) may have one open, and not for long.
 *
 * Every value starts with a version byte; it is added and checked here.
 */
#ifndef CORE_STORE_H
#define CORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct arena;
struct error;
struct store;

enum store_table {
	STORE_LEDGER,   /* call id -> row */
	STORE_OPEN,     /* call id of an open row -> process id */
	STORE_OFFSETS,  /* journal file -> bytes that are in the database */
	STORE_KEYS,     /* public key id -> key */
	STORE_ACCOUNTS, /* name -> account with its sealed credentials */
	STORE_BUDGETS,  /* scope, name and window -> budget */
	STORE_TABLES
};

/* Why a store does not work, and so what may help. */
enum store_fault {
	STORE_FINE,
	STORE_FULL,   /* the disk: room may help */
	STORE_BROKEN, /* what it holds is damaged: a new one may help */
	STORE_OTHER   /* permissions, memory, ...: time may help */
};

/* Where a body works; all it allocates goes when the transaction ends. */
struct txn {
	struct store *store;
	struct arena *arena;
	struct error *err;
};

/*
 * store_open(data_dir, fault, err):
 * Open, and so recover, the environment; make it if there is none.
 *
 * Returns  the store, or NULL: ERROR_STORE with ${*fault}.
 * Blocks   some milliseconds, more after a crash.
 */
struct store *store_open(
    const char *data_dir, enum store_fault *fault, struct error *err);

/* store_close(s): close it; what was not committed is gone.  NULL is a no-op.
 */
void store_close(struct store *s);

/*
 * store_checkpoint(s, err):
 * Bring all commits to the disk.
 */
int store_checkpoint(struct store *s, struct error *err)
    __attribute__((warn_unused_result));

/* store_fault(s): the worst that happened since store_open. */
enum store_fault store_fault(const struct store *s);

/*
 * store_txn(s, body, arg, err):
 * Run ${body} in a transaction; commit if it returns 0, else abort.
 *
 * Returns  0, or -1 with what the body has set, or ERROR_STORE.
 */
int store_txn(struct store *s, int (*body)(struct txn *t, void *arg), void *arg,
    struct error *err) __attribute__((warn_unused_result));

/*
 * store_get(t, table, key, value):
 * Returns  1 with ${*value} in the transaction's arena, 0 if there is none,
 *          -1: ERROR_STORE.
 */
int store_get(struct txn *t, enum store_table table, struct str key,
    struct str *value) __attribute__((warn_unused_result));

/*
 * store_put(t, table, key, value), store_del(t, table, key):
 * Write or replace, remove (it need not be there).
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int store_put(struct txn *t, enum store_table table, struct str key,
    struct str value) __attribute__((warn_unused_result));
int store_del(struct txn *t, enum store_table table, struct str key)
    __attribute__((warn_unused_result));

/* An entry; views that are valid during the call. */
typedef int store_visit(void *arg, struct str key, struct str value);

/*
 * store_scan(t, table, from, fn, arg), store_scan_back(t, table, from, ...):
 * Call ${fn} for the entries from ${from} on upwards, or those below ${from}
 * downwards (absent: all), until it returns other than 0.  It must not change
 * the table.
 *
 * Returns  0 at the end, what ${fn} returned, or -1: ERROR_STORE.
 */
int store_scan(struct txn *t, enum store_table table, struct str from,
    store_visit *fn, void *arg) __attribute__((warn_unused_result));
int store_scan_back(struct txn *t, enum store_table table, struct str from,
    store_visit *fn, void *arg) __attribute__((warn_unused_result));

/*
 * store_set_aside(data_dir, err):
 * Rename env to env.bad.<time>, for a new one to be made.
 */
int store_set_aside(const char *data_dir, struct error *err)
    __attribute__((warn_unused_result));

#endif
