/* SPDX-License-Identifier: MIT */
#include "core/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <db.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/row_pack.h"

#define PAGE_BYTES      4096 /* no more than the disk writes at once */
#define CACHE_BYTES     (8u << 20)
#define LOG_FILE_BYTES  (1u << 20) /* an open zero-fills the rest of one */
#define LOG_CACHE_BYTES (128u << 10)
#define TXN_BYTES       ((size_t)256 << 20)
#define FILE_MODE       0600
#define VALUE_MAX_BYTES ((size_t)4 << 20)

static const char *const files[STORE_TABLES] = {
	[STORE_LEDGER] = "ledger.db",
	[STORE_OPEN] = "open.db",
	[STORE_OFFSETS] = "offsets.db",
	[STORE_KEYS] = "keys.db",
	[STORE_ACCOUNTS] = "accounts.db",
	[STORE_BUDGETS] = "budgets.db",
	[STORE_ROLLUP] = "rollup.db",
	[STORE_META] = "meta.db",
	[STORE_TRIALS] = "trials.db",
	[STORE_VERDICTS] = "verdicts.db",
	[STORE_EVIDENCE] = "evidence.db",
	[STORE_EXPERIMENTS] = "experiments.db",
	[STORE_FEEDBACK] = "feedback.db",
	[STORE_FACTS] = "facts.db",
};

#define PLAIN_VERSION  1
#define PACKED_VERSION 2 /* ledger: row_pack.h */
#define FACTS_VERSION  2 /* fact.h */
#define SUMS_VERSION   3 /* of rollups: rollup.h */

static const int versions[STORE_TABLES] = {
	[STORE_LEDGER] = PACKED_VERSION,
	[STORE_ROLLUP] = SUMS_VERSION,
	[STORE_FACTS] = FACTS_VERSION,
};

/* The version of what is written to ${table}, and the newest in it. */
static int
version_of(enum store_table table)
{
	return versions[table] != 0 ? versions[table] : PLAIN_VERSION;
}

const char *
store_file(enum store_table table)
{
	return files[table];
}

struct store {
	DB_ENV *env;
	DB *db[STORE_TABLES];
	DB_TXN *txn; /* the one that runs, or NULL */
	struct arena *arena;
	struct row_packer packer;
	struct buf plain; /* of the value last read, or to be written */
	enum store_fault fault;
	char why[200]; /* what libdb said first */
};

/* libdb's own words are better than its error codes. */
static void
note(const DB_ENV *env, const char *prefix, const char *msg)
{
	struct store *s = env->app_private;

	(void)prefix;
	if (s->why[0] == '\0')
		snprintf(s->why, sizeof(s->why), "%s", msg);
}

static enum store_fault
classify(int rc)
{
	switch (rc) {
	case 0:
		return STORE_FINE;
	case ENOSPC:
	case EDQUOT:
		return STORE_FULL;
	case EINVAL:
	case ENOENT:
	case DB_PAGE_NOTFOUND:
	case DB_RUNRECOVERY:
	case DB_SECONDARY_BAD:
	case DB_VERIFY_BAD:
	case -30898: /* DB_CHKSUM_FAIL, which db.h keeps to itself */
		return STORE_BROKEN;
	default:
		return STORE_OTHER;
	}
}

static int
fail(struct store *s, int rc, const char *what, struct error *err)
{
	enum store_fault fault = classify(rc);

	if (s->fault == STORE_FINE || fault == STORE_BROKEN)
		s->fault = fault;
	return error_set(err, ERROR_STORE, "database: %s: %s%s%s", what,
	    db_strerror(rc), s->why[0] != '\0' ? ": " : "", s->why);
}

static void *
zeroed(size_t n)
{
	return calloc(1, n);
}

int
store_clean_memory(void)
{
	return db_env_set_func_malloc(zeroed);
}

static int
open_env(struct store *s, const char *home)
{
	DB_ENV *env;
	int rc = store_clean_memory();

	if (rc == 0)
		rc = db_env_create(&s->env, 0);
	if (rc != 0)
		return rc;
	env = s->env;
	env->app_private = s;
	env->set_errcall(env, note);
	if ((rc = env->set_cachesize(env, 0, CACHE_BYTES, 1)) != 0 ||
	    (rc = env->set_lg_max(env, LOG_FILE_BYTES)) != 0 ||
	    (rc = env->set_lg_bsize(env, LOG_CACHE_BYTES)) != 0 ||
	    (rc = env->log_set_config(env, DB_LOG_AUTO_REMOVE, 1)) != 0 ||
	    (rc = env->set_flags(env, DB_TXN_WRITE_NOSYNC, 1)) != 0)
		return rc;
	return env->open(env, home,
	    DB_CREATE | DB_PRIVATE | DB_INIT_MPOOL | DB_INIT_LOG | DB_INIT_TXN |
		DB_RECOVER,
	    FILE_MODE);
}

static int
open_table(struct store *s, enum store_table table)
{
	DB *db;
	int rc = db_create(&s->db[table], s->env, 0);

	if (rc != 0)
		return rc;
	db = s->db[table];
	if ((rc = db->set_pagesize(db, PAGE_BYTES)) != 0 ||
	    (rc = db->set_flags(db, DB_CHKSUM)) != 0)
		return rc;
	return db->open(db, NULL, files[table], NULL, DB_BTREE,
	    DB_CREATE | DB_AUTO_COMMIT, FILE_MODE);
}

struct store *
store_open(const char *data_dir, enum store_fault *fault, struct error *err)
{
	struct store *s = calloc(1, sizeof(*s));
	const char *home;
	int i, rc = 0;

	if (s == NULL)
		abort();
	s->arena = arena_new(TXN_BYTES);
	row_packer_init(&s->packer);
	buf_init(&s->plain, VALUE_MAX_BYTES);
	home = arena_printf(s->arena, "%s/env", data_dir);
	if (mkdir(home, 0700) != 0 && errno != EEXIST)
		rc = errno;
	if (rc == 0)
		rc = open_env(s, home);
	for (i = 0; i < STORE_TABLES && rc == 0; i++)
		rc = open_table(s, (enum store_table)i);
	*fault = classify(rc);
	if (rc == 0)
		return s;
	fail(s, rc, "open", err);
	store_close(s);
	return NULL;
}

/*
 * Nothing is flushed here: what is committed stands in the log, and the next
 * open recovers it.  store_checkpoint makes that short.
 */
void
store_close(struct store *s)
{
	int i;

	if (s == NULL)
		return;
	for (i = 0; i < STORE_TABLES; i++)
		if (s->db[i] != NULL)
			s->db[i]->close(s->db[i], DB_NOSYNC);
	if (s->env != NULL)
		s->env->close(s->env, 0);
	buf_release(&s->plain);
	arena_free(s->arena);
	free(s);
}

int
store_checkpoint(struct store *s, struct error *err)
{
	int rc = s->env->txn_checkpoint(s->env, 0, 0, 0);

	return rc == 0 ? 0 : fail(s, rc, "checkpoint", err);
}

enum store_fault
store_fault(const struct store *s)
{
	return s->fault;
}

int
store_txn(struct store *s, int (*body)(struct txn *t, void *arg), void *arg,
    struct error *err)
{
	struct txn t = { .store = s, .arena = s->arena, .err = err };
	int rc = s->env->txn_begin(s->env, NULL, &s->txn, 0);

	if (rc != 0)
		return fail(s, rc, "begin", err);
	arena_reset(s->arena);
	if (body(&t, arg) != 0) {
		s->txn->abort(s->txn);
		s->txn = NULL;
		return -1;
	}
	rc = s->txn->commit(s->txn, 0);
	s->txn = NULL;
	return rc == 0 ? 0 : fail(s, rc, "commit", err);
}

/* libdb does not write through these, and its DBT has no const. */
static DBT
dbt(struct str s)
{
	union {
		const char *in;
		void *out;
	} p = { .in = s.p };
	DBT d;

	memset(&d, 0, sizeof(d));
	d.data = p.out;
	d.size = (u_int32_t)s.n;
	return d;
}

static struct str
str_of_dbt(const DBT *d)
{
	return (struct str){ .p = d->data, .n = d->size };
}

enum store_fault
store_decode(enum store_table table, struct str *value, struct buf *scratch)
{
	int version = value->n > 0 ? (unsigned char)value->p[0] : 0;

	if (version == 0)
		return STORE_BROKEN;
	if (version > version_of(table))
		return STORE_OTHER;
	*value = str_skip(*value, 1);
	if (version == PLAIN_VERSION || table != STORE_LEDGER)
		return STORE_FINE;
	buf_reset(scratch);
	if (row_unpack(*value, scratch) != 0)
		return STORE_BROKEN;
	*value = buf_str(scratch);
	return STORE_FINE;
}

/* A value as it was put, without its version byte. */
static int
unwrap(struct txn *t, enum store_table table, struct str *value)
{
	int version = value->n > 0 ? (unsigned char)value->p[0] : 0;

	switch (store_decode(table, value, &t->store->plain)) {
	case STORE_FINE:
		return 0;
	case STORE_OTHER:
		return error_set(t->err, ERROR_STORE,
		    "database: %s has records of version %d: a newer sluice "
		    "wrote them, this one must not touch them",
		    files[table], version);
	case STORE_BROKEN:
	case STORE_FULL:
		break;
	}
	return fail(t->store, DB_VERIFY_BAD, files[table], t->err);
}

/* Version byte and value, in the form that is written. */
static struct str
wrap(struct store *s, enum store_table table, struct str value)
{
	struct buf *b = &s->plain;

	buf_reset(b);
	buf_addch(b, PACKED_VERSION);
	if (table == STORE_LEDGER && row_pack(&s->packer, value, b) == 0)
		return buf_str(b);
	buf_reset(b);
	buf_addch(b,
	    (char)(table == STORE_LEDGER ? PLAIN_VERSION : version_of(table)));
	buf_adds(b, value);
	return buf_str(b);
}

int
store_get(
    struct txn *t, enum store_table table, struct str key, struct str *value)
{
	DB *db = t->store->db[table];
	DBT k = dbt(key), v = dbt(STR_NONE);
	int rc = db->get(db, t->store->txn, &k, &v, 0);

	if (rc == DB_NOTFOUND)
		return 0;
	if (rc != 0)
		return fail(t->store, rc, files[table], t->err);
	*value = str_of_dbt(&v);
	if (unwrap(t, table, value) != 0)
		return -1;
	*value = str_dup(t->arena, *value);
	return 1;
}

int
store_get_into(struct txn *t, enum store_table table, struct str key,
    struct buf *b, struct str *value)
{
	DB *db = t->store->db[table];
	DBT k = dbt(key), v = dbt(STR_NONE);
	int rc = DB_BUFFER_SMALL, version;

	buf_reset(b);
	v.flags = DB_DBT_USERMEM;
	while (rc == DB_BUFFER_SMALL) {
		v.data = buf_room(b, v.size);
		v.ulen = (u_int32_t)b->cap;
		if (v.data == NULL)
			return fail(
			    t->store, DB_VERIFY_BAD, files[table], t->err);
		memset(v.data, 0, v.ulen);
		rc = db->get(db, t->store->txn, &k, &v, 0);
	}
	if (rc == DB_NOTFOUND)
		return 0;
	if (rc != 0)
		return fail(t->store, rc, files[table], t->err);
	*value = str_of_dbt(&v);
	version = value->n > 0 ? (unsigned char)value->p[0] : 0;
	return unwrap(t, table, value) == 0 ? version : -1;
}

int
store_put(
    struct txn *t, enum store_table table, struct str key, struct str value)
{
	DB *db = t->store->db[table];
	DBT k = dbt(key), v = dbt(wrap(t->store, table, value));
	int rc = db->put(db, t->store->txn, &k, &v, 0);

	return rc == 0 ? 0 : fail(t->store, rc, files[table], t->err);
}

int
store_del(struct txn *t, enum store_table table, struct str key)
{
	DB *db = t->store->db[table];
	DBT k = dbt(key);
	int rc = db->del(db, t->store->txn, &k, 0);

	if (rc == 0 || rc == DB_NOTFOUND)
		return 0;
	return fail(t->store, rc, files[table], t->err);
}

int
store_clear(struct txn *t, enum store_table table)
{
	DB *db = t->store->db[table];
	u_int32_t n;
	int rc = db->truncate(db, t->store->txn, &n, 0);

	return rc == 0 ? 0 : fail(t->store, rc, files[table], t->err);
}

/* One direction of a scan. */
struct walk {
	u_int32_t first, next; /* cursor operations */
	bool keys;             /* alone: no byte of a value is read */
	store_visit *fn;
	void *arg;
};

static int
walk(
    struct txn *t, enum store_table table, DBC *c, DBT *k, const struct walk *w)
{
	DBT v = dbt(STR_NONE);
	struct str value;
	int rc, stop = 0;

	if (w->keys)
		v.flags = DB_DBT_PARTIAL;
	rc = c->get(c, k, &v, w->first);
	while (rc == 0 && stop == 0) {
		value = w->keys ? STR_NONE : str_of_dbt(&v);
		if (!w->keys && unwrap(t, table, &value) != 0)
			return -1;
		stop = w->fn(w->arg, str_of_dbt(k), value);
		if (stop == 0)
			rc = c->get(c, k, &v, w->next);
	}
	if (rc != 0 && rc != DB_NOTFOUND)
		return fail(t->store, rc, files[table], t->err);
	return stop;
}

/* The cursor has to stand on what is not below ${from} first. */
static int
walk_back(struct txn *t, enum store_table table, DBC *c, DBT *k, struct walk *w)
{
	DBT v = dbt(STR_NONE);
	int rc = DB_NOTFOUND;

	if (k->data != NULL)
		rc = c->get(c, k, &v, DB_SET_RANGE);
	if (rc != 0 && rc != DB_NOTFOUND)
		return fail(t->store, rc, files[table], t->err);
	w->first = rc == 0 ? DB_PREV : DB_LAST;
	return walk(t, table, c, k, w);
}

static int
scan(struct txn *t, enum store_table table, struct str from, struct walk *w)
{
	DB *db = t->store->db[table];
	DBT k = dbt(from);
	DBC *c;
	int rc = db->cursor(db, t->store->txn, &c, 0);

	if (rc != 0)
		return fail(t->store, rc, files[table], t->err);
	rc = w->next == DB_PREV ? walk_back(t, table, c, &k, w)
				: walk(t, table, c, &k, w);
	c->close(c);
	return rc;
}

int
store_scan(struct txn *t, enum store_table table, struct str from,
    store_visit *fn, void *arg)
{
	struct walk w = { .first = from.p != NULL ? DB_SET_RANGE : DB_FIRST,
		.next = DB_NEXT,
		.fn = fn,
		.arg = arg };

	return scan(t, table, from, &w);
}

int
store_scan_keys(struct txn *t, enum store_table table, struct str from,
    store_visit *fn, void *arg)
{
	struct walk w = { .first = from.p != NULL ? DB_SET_RANGE : DB_FIRST,
		.next = DB_NEXT,
		.keys = true,
		.fn = fn,
		.arg = arg };

	return scan(t, table, from, &w);
}

int
store_scan_back(struct txn *t, enum store_table table, struct str from,
    store_visit *fn, void *arg)
{
	struct walk w = { .next = DB_PREV, .fn = fn, .arg = arg };

	return scan(t, table, from, &w);
}
