/* SPDX-License-Identifier: MIT */
#include "core/cache_db.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <db.h>

#include "core/error.h"
#include "core/store.h"

#define FILE_MODE 0600
#define MAX_KEY   64
#define MAX_VALUE 2048

static const struct table {
	const char *file;
	DBTYPE type;
} tables[CACHE_TABLES] = {
	[CACHE_INDEX] = { "index.db", DB_BTREE },
	[CACHE_AGES] = { "ages.db", DB_BTREE },
	[CACHE_ACCOUNTS] = { "accounts.db", DB_BTREE },
	[CACHE_BLOCKS] = { "blocks.db", DB_QUEUE },
};

struct cache_db {
	DB_ENV *env;
	DB *db[CACHE_TABLES];
	bool broken;       /* why says how */
	char key[MAX_KEY]; /* what cache_db_next found */
	char value[MAX_VALUE];
	char why[200]; /* what libdb said first */
};

static void
note(const DB_ENV *env, const char *prefix, const char *msg)
{
	struct cache_db *db = env->app_private;

	(void)prefix;
	if (db->why[0] == '\0')
		snprintf(db->why, sizeof(db->why), "%s", msg);
}

static int
fail(struct cache_db *db, int rc, const char *what, struct error *err)
{
	db->broken = true;
	if (db->why[0] == '\0')
		snprintf(db->why, sizeof(db->why), "%s", db_strerror(rc));
	return error_set(err, ERROR_STORE, "cache: %s: %s", what, db->why);
}

int
cache_db_damaged(struct cache_db *db, const char *what, struct error *err)
{
	db->broken = true;
	snprintf(db->why, sizeof(db->why), "%s", what);
	return error_set(err, ERROR_STORE, "cache: %s", what);
}

const char *
cache_db_why(const struct cache_db *db)
{
	return db->broken ? db->why : NULL;
}

static int
open_env(struct cache_db *db, const char *home, size_t pool_bytes)
{
	u_int32_t make = pool_bytes > 0 ? DB_CREATE : 0;
	DB_ENV *env;
	int rc = store_clean_memory();

	if (rc == 0)
		rc = db_env_create(&db->env, 0);
	if (rc != 0)
		return rc;
	env = db->env;
	env->app_private = db;
	env->set_errcall(env, note);
	if (make != 0)
		rc = env->set_cachesize(env, (u_int32_t)(pool_bytes >> 30),
		    (u_int32_t)(pool_bytes & ((1u << 30) - 1)), 1);
	if (rc != 0)
		return rc;
	return env->open(env, home, make | DB_INIT_MPOOL, FILE_MODE);
}

/* Blocks leave the pool first: nearly all look-ups need pages of trees. */
static int
prepare(DB *d, DBTYPE type)
{
	int rc = d->set_pagesize(d, CACHE_PAGE_BYTES);

	if (rc == 0 && type == DB_QUEUE)
		rc = d->set_re_len(d, CACHE_BLOCK_BYTES);
	if (rc == 0 && type == DB_QUEUE)
		rc = d->set_priority(d, DB_PRIORITY_VERY_LOW);
	if (rc == 0 && type == DB_BTREE)
		rc = d->set_flags(d, DB_CHKSUM);
	return rc;
}

static int
open_table(struct cache_db *db, enum cache_table table, u_int32_t make)
{
	const struct table *t = &tables[table];
	int rc = db_create(&db->db[table], db->env, 0);
	DB *d = db->db[table];

	if (rc == 0)
		rc = prepare(d, t->type);
	if (rc == 0)
		rc = d->open(d, NULL, t->file, NULL, t->type, make, FILE_MODE);
	return rc;
}

static enum cache_fault
classify(int rc)
{
	switch (rc) {
	case 0:
		return CACHE_FINE;
	case EACCES:
	case EAGAIN:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOSPC:
	case EPERM:
	case EROFS:
		return CACHE_UNABLE;
	default:
		return CACHE_BROKEN;
	}
}

struct cache_db *
cache_db_open(const char *home, size_t pool_bytes, enum cache_fault *fault,
    struct error *err)
{
	struct cache_db *db = calloc(1, sizeof(*db));
	u_int32_t make = pool_bytes > 0 ? DB_CREATE : 0;
	int i, rc;

	if (db == NULL)
		abort();
	rc = open_env(db, home, pool_bytes);
	for (i = 0; i < CACHE_TABLES && rc == 0; i++)
		rc = open_table(db, (enum cache_table)i, make);
	*fault = classify(rc);
	if (rc == 0)
		return db;
	fail(db, rc, "open", err);
	cache_db_close(db);
	return NULL;
}

void
cache_db_close(struct cache_db *db)
{
	int i;

	if (db == NULL)
		return;
	for (i = 0; i < CACHE_TABLES; i++)
		if (db->db[i] != NULL)
			db->db[i]->close(db->db[i], DB_NOSYNC);
	if (db->env != NULL)
		db->env->close(db->env, 0);
	free(db);
}

/* --- leaving without a word --- */

static bool
is_under(const char *path, const char *home, size_t n)
{
	return strncmp(path, home, n) == 0 && path[n] == '/';
}

/* "from-to perms offset dev inode   path" */
static void
unmap_line(const char *line, const char *home, size_t n)
{
	const char *path = strchr(line, '/');
	unsigned long from, to;
	char *end;
	union {
		unsigned long n;
		void *p;
	} at;

	if (path == NULL || !is_under(path, home, n))
		return;
	from = strtoul(line, &end, 16);
	if (*end != '-')
		return;
	to = strtoul(end + 1, NULL, 16);
	at.n = from;
	munmap(at.p, to - from);
}

static void
unmap_all(const char *home, size_t n)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t room = 0;

	while (maps != NULL && getline(&line, &room, maps) > 0)
		unmap_line(line, home, n);
	free(line);
	if (maps != NULL)
		fclose(maps);
}

static void
close_all(const char *home, size_t n)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	char path[PATH_MAX];
	ssize_t len;

	while (d != NULL && (e = readdir(d)) != NULL) {
		len = readlinkat(dirfd(d), e->d_name, path, sizeof(path) - 1);
		path[len > 0 ? len : 0] = '\0';
		if (is_under(path, home, n))
			close((int)strtol(e->d_name, NULL, 10));
	}
	if (d != NULL)
		closedir(d);
}

void
cache_db_abandon(struct cache_db *db, const char *home)
{
	size_t n = strlen(home);

	if (db == NULL)
		return;
	unmap_all(home, n);
	close_all(home, n);
	free(db);
}

/* --- entries --- */

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

/* Where libdb copies to. */
static DBT
room(void *out, size_t max)
{
	DBT d;

	memset(&d, 0, sizeof(d));
	d.data = out;
	d.ulen = (u_int32_t)max;
	d.flags = DB_DBT_USERMEM;
	return d;
}

static bool
is_none(int rc)
{
	return rc == DB_NOTFOUND || rc == DB_KEYEMPTY;
}

int
cache_db_get(struct cache_db *db, enum cache_table table, struct str key,
    void *out, size_t max, struct error *err)
{
	DB *d = db->db[table];
	DBT k = dbt(key), v = room(out, max);
	int rc;

	v.flags |= DB_DBT_PARTIAL;
	v.dlen = (u_int32_t)max;
	rc = d->get(d, NULL, &k, &v, 0);
	if (rc == 0)
		return (int)v.size;
	return is_none(rc) ? 0 : fail(db, rc, tables[table].file, err);
}

int
cache_db_next(struct cache_db *db, enum cache_table table, struct str *key,
    struct str *value, struct error *err)
{
	DB *d = db->db[table];
	DBT k = room(db->key, sizeof(db->key));
	DBT v = room(db->value, sizeof(db->value));
	DBC *c;
	int rc;

	if (key->n > sizeof(db->key))
		return fail(db, EINVAL, tables[table].file, err);
	memmove(db->key, key->p, key->n);
	k.size = (u_int32_t)key->n;
	rc = d->cursor(d, NULL, &c, 0);
	if (rc != 0)
		return fail(db, rc, tables[table].file, err);
	rc = c->get(c, &k, &v, DB_SET_RANGE);
	c->close(c);
	if (rc != 0)
		return is_none(rc) ? 0 : fail(db, rc, tables[table].file, err);
	*key = (struct str){ .p = db->key, .n = k.size };
	*value = (struct str){ .p = db->value, .n = v.size };
	return 1;
}

static int
put(struct cache_db *db, enum cache_table table, struct str key, DBT *v,
    struct error *err)
{
	DB *d = db->db[table];
	DBT k = dbt(key);
	int rc = d->put(d, NULL, &k, v, 0);

	return rc == 0 ? 0 : fail(db, rc, tables[table].file, err);
}

int
cache_db_put(struct cache_db *db, enum cache_table table, struct str key,
    struct str value, struct error *err)
{
	DBT v = dbt(value);

	return put(db, table, key, &v, err);
}

int
cache_db_patch(
    struct cache_db *db, struct str key, struct str head, struct error *err)
{
	DBT v = dbt(head);

	v.flags = DB_DBT_PARTIAL;
	v.dlen = v.size;
	return put(db, CACHE_BLOCKS, key, &v, err);
}

int
cache_db_del(struct cache_db *db, enum cache_table table, struct str key,
    struct error *err)
{
	DB *d = db->db[table];
	DBT k = dbt(key);
	int rc = d->del(d, NULL, &k, 0);

	if (rc == 0 || is_none(rc))
		return 0;
	return fail(db, rc, tables[table].file, err);
}

int64_t
cache_db_pages(struct cache_db *db)
{
	DB_MPOOLFILE *file;
	db_pgno_t last;
	int64_t n = 0;
	int i;

	for (i = 0; i < CACHE_TABLES; i++) {
		file = db->db[i]->get_mpf(db->db[i]);
		if (file->get_last_pgno(file, &last) == 0)
			n += (int64_t)last + 1;
	}
	return n;
}
