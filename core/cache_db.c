/* SPDX-License-Identifier: MIT */
#include "core/cache_db.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <db.h>

#include "core/error.h"
#include "core/mem.h"
#include "core/store.h"

#define FILE_MODE 0600

static const struct table {
	const char *file;
	u_int32_t record_bytes;
	DB_CACHE_PRIORITY priority; /* to stay in the pool */
} tables[CACHE_TABLES] = {
	[CACHE_SLOTS] = { "slots.db", CACHE_SLOT_BYTES, DB_PRIORITY_DEFAULT },
	[CACHE_BLOCKS] = { "blocks.db", CACHE_BLOCK_BYTES,
	    DB_PRIORITY_VERY_LOW },
};

struct cache_db {
	DB_ENV *env;
	DB *db[CACHE_TABLES];
	bool broken;   /* why says how */
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

static int
open_table(struct cache_db *db, enum cache_table table, u_int32_t make)
{
	const struct table *t = &tables[table];
	int rc = db_create(&db->db[table], db->env, 0);
	DB *d = db->db[table];

	if (rc != 0 || (rc = d->set_pagesize(d, CACHE_PAGE_BYTES)) != 0 ||
	    (rc = d->set_re_len(d, t->record_bytes)) != 0 ||
	    (rc = d->set_priority(d, t->priority)) != 0)
		return rc;
	return d->open(d, NULL, t->file, NULL, DB_QUEUE, make, FILE_MODE);
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
	struct cache_db *db = mem_new(sizeof(*db));
	u_int32_t make = pool_bytes > 0 ? DB_CREATE : 0;
	int i, rc;

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

/* --- what this process has mapped and open --- */

static bool
is_under(const char *path, const char *home, size_t n)
{
	return strncmp(path, home, n) == 0 && path[n] == '/';
}

/* A mapping of a file: 0, or -1 with errno to stop. */
typedef int see(const char *path, void *from, size_t bytes, int64_t *sum);

/* "from-to perms offset dev inode   path" */
static int
see_line(char *line, const char *home, see *fn, int64_t *sum)
{
	char *path = strchr(line, '/'), *end;
	unsigned long from, to;
	union {
		unsigned long n;
		void *p;
	} at;

	if (path == NULL || !is_under(path, home, strlen(home)))
		return 0;
	path[strcspn(path, "\n")] = '\0';
	from = strtoul(line, &end, 16);
	if (*end != '-')
		return 0;
	to = strtoul(end + 1, NULL, 16);
	at.n = from;
	return fn(path, at.p, to - from, sum);
}

static int
see_maps(const char *home, see *fn, int64_t *sum)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t room = 0;
	int rc = maps != NULL ? 0 : -1;

	while (rc == 0 && getline(&line, &room, maps) > 0)
		rc = see_line(line, home, fn, sum);
	free(line);
	if (maps != NULL)
		fclose(maps);
	return rc;
}

/* Regions are mapped as large as they may ever be, and their files grow. */
static int
allocate(const char *path, void *from, size_t bytes, int64_t *sum)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), rc;

	(void)from;
	if (fd < 0)
		return -1;
	rc = posix_fallocate(fd, 0, (off_t)bytes);
	close(fd);
	*sum += (int64_t)bytes;
	errno = rc;
	return rc == 0 ? 0 : -1;
}

int64_t
cache_db_allocate(const char *home)
{
	int64_t sum = 0;

	return see_maps(home, allocate, &sum) == 0 ? sum : -1;
}

static int
unmap(const char *path, void *from, size_t bytes, int64_t *sum)
{
	(void)path;
	(void)sum;
	munmap(from, bytes);
	return 0;
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
	int64_t unused;

	if (db == NULL)
		return;
	see_maps(home, unmap, &unused);
	close_all(home, strlen(home));
	free(db);
}

/* --- records --- */

static DBT
key(uint32_t *number)
{
	DBT k;

	memset(&k, 0, sizeof(k));
	k.data = number;
	k.size = sizeof(*number);
	return k;
}

/* The beginning of a record. */
static DBT
part(void *p, size_t n)
{
	DBT v;

	memset(&v, 0, sizeof(v));
	v.data = p;
	v.size = v.ulen = v.dlen = (u_int32_t)n;
	v.flags = DB_DBT_USERMEM | DB_DBT_PARTIAL;
	return v;
}

int
cache_db_get(struct cache_db *db, enum cache_table table, uint32_t number,
    void *out, size_t n, struct error *err)
{
	DB *d = db->db[table];
	DBT k = key(&number), v = part(out, n);
	int rc = d->get(d, NULL, &k, &v, 0);

	if (rc == 0)
		return v.size == n;
	if (rc == DB_NOTFOUND || rc == DB_KEYEMPTY)
		return 0;
	return fail(db, rc, tables[table].file, err);
}

int
cache_db_put(struct cache_db *db, enum cache_table table, uint32_t number,
    const void *p, size_t n, struct error *err)
{
	/* libdb does not write through it, and its DBT has no const. */
	union {
		const void *in;
		void *out;
	} from = { .in = p };
	DB *d = db->db[table];
	DBT k = key(&number), v = part(from.out, n);
	int rc;

	if (n == tables[table].record_bytes)
		v.flags &= ~(u_int32_t)DB_DBT_PARTIAL;
	rc = d->put(d, NULL, &k, &v, 0);
	return rc == 0 ? 0 : fail(db, rc, tables[table].file, err);
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
