/* SPDX-License-Identifier: MIT */
#include "core/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/copy.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/ingest.h"
#include "core/shm.h"
#include "core/store.h"
#include "core/trail.h"
#include "core/visit.h"

#define PATH_MAX_BYTES 4096

struct making {
	const char *dir; /* absolute */
	struct arena *arena;
	struct dir_list done; /* journals that the copy covers */
};

static const char *
in(struct arena *a, const char *dir, const char *name)
{
	return arena_printf(a, "%s/%s", dir, name);
}

static int
fail(struct error *err, const char *path)
{
	return error_set(err, ERROR_STORE, "%s: %s", path, strerror(errno));
}

/* ${dir} with an empty env in it. */
static int
prepare(struct making *m, const char *dir, struct error *err)
{
	struct dir_list list;
	const char *env;
	char *real;

	if (dir_make(dir) != 0)
		return fail(err, dir);
	real = realpath(dir, NULL);
	if (real == NULL)
		return fail(err, dir);
	m->dir = str_cstr(m->arena, str_of(real));
	free(real);
	if (dir_read(AT_FDCWD, m->dir, m->arena, &list, err) != 0)
		return -1;
	if (list.n > 0)
		return error_set(err, ERROR_STORE, "%s is not empty", m->dir);
	env = in(m->arena, m->dir, "env");
	return mkdir(env, 0700) == 0 ? 0 : fail(err, env);
}

/* Older first: a restored one that is broken off lacks what is newest. */
static const char *const logs[] = { TRAIL_OLD_FILE, TRAIL_FILE };

/* Whole lines: nobody writes or turns them over meanwhile. */
static int
copy_logs(struct state *s, const struct making *m, struct error *err)
{
	int lock = trail_open(s, err), rc = lock >= 0 ? 0 : -1;
	struct stat st;
	size_t i;

	for (i = 0; rc == 0 && i < sizeof(logs) / sizeof(*logs); i++)
		if (fstatat(s->dirfd, logs[i], &st, 0) == 0)
			rc = copy_file(in(m->arena, s->dir, logs[i]),
			    in(m->arena, m->dir, logs[i]), err);
	trail_close(lock);
	return rc;
}

/* Nobody writes while we have the lease, and all is checkpointed. */
static int
copy_out(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct making *m = arg;

	if (ingest(s, store, 0, err) < 0 || store_checkpoint(store, err) != 0 ||
	    dir_read(s->jfd, "done", m->arena, &m->done, err) != 0)
		return -1;
	if (copy_matching(in(m->arena, s->dir, "env"),
		in(m->arena, m->dir, "env"), "", err) != 0)
		return -1;
	if (copy_matching(s->dir, m->dir, ".snap", err) != 0)
		return -1;
	return copy_logs(s, m, err);
}

int
backup_verify(const char *dir, struct audit *found, struct error *err)
{
	enum store_fault fault;
	struct store *store;
	struct stat st;
	struct arena *a = arena_new(1u << 16);
	int rc = -1;

	if (stat(in(a, dir, "env"), &st) != 0) {
		fail(err, in(a, dir, "env"));
	} else if ((store = store_open(dir, &fault, err)) != NULL) {
		rc = audit(dir, store, found, err);
		store_close(store);
	}
	arena_free(a);
	return rc;
}

static int
mark_verified(struct making *m, const struct audit *found, struct error *err)
{
	char at[CLOCK_TEXT_BYTES];
	const char *text = arena_printf(m->arena,
	    "{\"version\":1,\"at\":\"%s\",\"rows\":%" PRId64 "}\n",
	    clock_text(clock_wall_us(), at), found->rows);

	return copy_text(in(m->arena, m->dir, "verified"), str_of(text), err);
}

/* From now on these are only in the backup. */
static int
prune_done(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct making *m = arg;
	size_t i;

	(void)store;
	if (copy_text(
		in(m->arena, s->dir, "backup.last"), str_of(m->dir), err) != 0)
		return -1;
	for (i = 0; i < m->done.n; i++)
		unlinkat(s->jfd,
		    arena_printf(m->arena, "done/%s", m->done.names[i]), 0);
	atomic_store(shm_slot(s->shm, SHM_DONE_FILES), -1);
	return 0;
}

int
backup_make(
    struct state *s, const char *dir, struct audit *found, struct error *err)
{
	struct making m = { .arena = arena_new(2 * DIR_LIST_BYTES) };
	int rc = prepare(&m, dir, err);

	if (rc == 0)
		rc = visit_patiently(s, copy_out, &m, err);
	if (rc == 0)
		rc = backup_verify(m.dir, found, err);
	if (rc == 0)
		rc = mark_verified(&m, found, err);
	if (rc == 0)
		rc = visit_patiently(s, prune_done, &m, err);
	arena_free(m.arena);
	return rc;
}

/* Tables that have a snapshot, which may be newer than a backup. */
static const struct {
	enum store_table table;
	const char *snapshot;
} snapshots[] = {
	{ STORE_KEYS, "keys.snap" },
	{ STORE_ACCOUNTS, "accounts.snap" },
	{ STORE_BUDGETS, "budgets.snap" },
};

static int
txn_forget(struct txn *t, void *arg)
{
	const char *data_dir = arg;
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(snapshots) / sizeof(*snapshots); i++)
		if (stat(in(t->arena, data_dir, snapshots[i].snapshot), &st) ==
			0 &&
		    store_clear(t, snapshots[i].table) != 0)
			return -1;
	return 0;
}

static int
forget_snapshots(char *data_dir, const char *copy, struct error *err)
{
	enum store_fault fault;
	struct store *store = store_open(copy, &fault, err);
	int rc;

	if (store == NULL)
		return -1;
	rc = store_txn(store, txn_forget, data_dir, err);
	if (rc == 0)
		rc = store_checkpoint(store, err);
	store_close(store);
	return rc;
}

/* A file that data_dir lacks; one that it has is newer. */
static void
restore_file(
    struct arena *a, const char *data_dir, const char *from, const char *name)
{
	struct error ignored = { .kind = ERROR_NONE };
	struct stat st;

	if (stat(in(a, from, name), &st) == 0 &&
	    copy_file(in(a, from, name), in(a, data_dir, name), &ignored) != 0)
		return;
}

static void
restore_beside(struct arena *a, const char *data_dir, const char *from)
{
	size_t i;

	for (i = 0; i < sizeof(snapshots) / sizeof(*snapshots); i++)
		restore_file(a, data_dir, from, snapshots[i].snapshot);
	for (i = 0; i < sizeof(logs) / sizeof(*logs); i++)
		restore_file(a, data_dir, from, logs[i]);
}

/* What backup.last says, or NULL. */
static const char *
last_backup(struct arena *a, const char *data_dir)
{
	char path[PATH_MAX_BYTES];
	int fd = open(in(a, data_dir, "backup.last"), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, path, sizeof(path) - 1) : -1;

	if (fd >= 0)
		close(fd);
	return n > 0 ? str_cstr(a, (struct str){ path, (size_t)n }) : NULL;
}

/* In a place of its own first: env appears whole, or not at all. */
static int
restore(struct arena *a, char *data_dir, const char *from, struct error *err)
{
	const char *tmp = in(a, data_dir, "restore.tmp");
	const char *env = in(a, tmp, "env");

	copy_remove(tmp);
	if (mkdir(tmp, 0700) != 0 || mkdir(env, 0700) != 0)
		return fail(err, env);
	if (copy_matching(in(a, from, "env"), env, "", err) != 0 ||
	    forget_snapshots(data_dir, tmp, err) != 0)
		return -1;
	if (rename(env, in(a, data_dir, "env")) != 0)
		return fail(err, env);
	restore_beside(a, data_dir, from);
	copy_remove(tmp);
	return 0;
}

int
backup_restore(const char *data_dir, const char *from, struct error *err)
{
	struct arena *a = arena_new(1u << 20);
	bool asked = from != NULL;
	struct stat st;
	int rc = 1;

	if (!asked)
		from = last_backup(a, data_dir);
	if (from != NULL && stat(in(a, from, "verified"), &st) == 0)
		rc = restore(a, str_cstr(a, str_of(data_dir)), from, err);
	else if (asked)
		rc = error_set(err, ERROR_STORE,
		    "%s: no backup that has been verified", from);
	arena_free(a);
	return rc;
}
