/* SPDX-License-Identifier: MIT */
/*
 * Berkeley DB, and the only module that knows it (store*.c; the response
 * cache has its own, cache_db.h): a private, single-threaded, transactional
 * environment in data_dir/env whose opening is its recovery.
 * Only a leaseholder (shm.h) may have one open, and not for long.
 *
 * Every value starts with the version byte of its table's records; it is added
 * and checked here.  A record of a newer version than this program knows is
 * an error that names the table, and no damage: nothing is rebuilt for it.
 *
 *	table		key			value
 *	ledger		call id			the row, JSON (ledger.h);
 *						version 2: packed (row_pack.h)
 *	open		call id of an open row	process id (journal.h)
 *	offsets		journal file		bytes ingested, decimal
 *	keys		public key id		the key, JSON (key_record.h)
 *	accounts	name			account_record.h
 *	budgets		scope, window, name	budget.h
 *	rollup, meta	rollup.h		rollup.h
 *	facts		facts.h			fact.h, from version 1 on
 *	trials, verdicts, evidence, experiments	trial_record.h
 *	feedback	call id			feedback.h
 *
 * Where nothing is said they are of version 1.  The first layout had the first four tables,
 * and plain rows.  Tables that are missing are made; rollup.h says how they
 * are filled.  Rows are packed as they change.
 */
#ifndef CORE_STORE_H
#define CORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct arena;
struct buf;
struct error;
struct store;

enum store_table {
	STORE_LEDGER,   /* call id -> row */
	STORE_OPEN,     /* call id of an open row -> process id */
	STORE_OFFSETS,  /* journal file -> bytes that are in the database */
	STORE_KEYS,     /* public key id -> key */
	STORE_ACCOUNTS, /* name -> account with its sealed credentials */
	STORE_BUDGETS,  /* scope, name and window -> budget */
	STORE_ROLLUP,   /* sums over rows (rollup.h) */
	STORE_META,     /* what is known of the other tables */
	STORE_TRIALS,   /* these four: trial_record.h */
	STORE_VERDICTS,
	STORE_EVIDENCE,
	STORE_EXPERIMENTS,
	STORE_FEEDBACK, /* call id -> what its client thinks of it */
	STORE_FACTS,    /* what calls add up to, in columns (facts.h) */
	STORE_TABLES
};

/* store_file(table): the name of its file in env. */
const char *store_file(enum store_table table);

/* Why a store does not work, and so what may help. */
enum store_fault {
	STORE_FINE,
	STORE_FULL,   /* the disk: room may help */
	STORE_BROKEN, /* what it holds is damaged: a new one may help */
	STORE_OTHER   /* permissions, memory, ...: time may help */
};

/*
 * store_decode(table, value, scratch):
 * Make of the bytes ${*value}, as a table holds them, what was put.
 *
 * Returns  STORE_FINE with ${*value} a view of itself or of ${scratch};
 *          STORE_OTHER: of a newer version; STORE_BROKEN.
 */
enum store_fault store_decode(
    enum store_table table, struct str *value, struct buf *scratch);

/*
 * store_clean_memory():
 * Have libdb work in cleared memory.  Pages go to the disk whole, with what
 * the allocator left in their unused parts: without this, pieces of requests
 * and provider keys.
 *
 * Returns  0, or an error of libdb.
 */
int store_clean_memory(void) __attribute__((warn_unused_result));

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
 * store_get_into(t, table, key, b, value):
 * As store_get, but into ${b}; not for rows.  A value cut by a page of zeros,
 * which libdb lets pass, ends in bytes 0.
 * Returns  the version of the record, 0 if there is none, -1: ERROR_STORE.
 */
int store_get_into(struct txn *t, enum store_table table, struct str key,
    struct buf *b, struct str *value) __attribute__((warn_unused_result));

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

/*
 * store_clear(t, table):
 * Remove all entries.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int store_clear(struct txn *t, enum store_table table)
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
 * store_scan_keys(t, table, from, fn, arg):
 * As store_scan, but leave the values alone: ${fn} gets absent ones.
 */
int store_scan_keys(struct txn *t, enum store_table table, struct str from,
    store_visit *fn, void *arg) __attribute__((warn_unused_result));

/*
 * store_verify(data_dir, err):
 * Check the structure of all tables, page by page.  The environment is closed
 * and has been checkpointed.
 *
 * Returns  0, or -1: ERROR_STORE with the first table that is damaged.
 * Blocks   some seconds a gigabyte.
 */
int store_verify(const char *data_dir, struct error *err)
    __attribute__((warn_unused_result));

/*
 * store_salvage(path, table, fn, arg, err):
 * Call ${fn} for whatever entries of ${table} can still be read of the
 * damaged environment in directory ${path}, in any order, until it returns
 * other than 0.  It may come to the same entry twice, or to one that was
 * removed.
 *
 * Returns  0, what ${fn} returned, or -1: ERROR_STORE.
 */
int store_salvage(const char *path, enum store_table table, store_visit *fn,
    void *arg, struct error *err) __attribute__((warn_unused_result));

/*
 * store_set_aside(data_dir, err):
 * Rename env to env.bad.<time>, for a new one to be made.  Where there is none
 * that is no error.
 */
int store_set_aside(const char *data_dir, struct error *err)
    __attribute__((warn_unused_result));

/*
 * store_prune_bad(data_dir, before_us):
 * Of the environments set aside keep the newest STORE_BAD_KEPT, and none that
 * was set aside before wall time ${before_us}.
 */
#define STORE_BAD_KEPT 2
void store_prune_bad(const char *data_dir, int64_t before_us);

#endif
