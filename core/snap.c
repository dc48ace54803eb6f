/* SPDX-License-Identifier: MIT */
#include "core/snap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/mem.h"
#include "core/visit.h"

#define ARENA_BYTES    ((size_t)256 << 20)
#define LOOK_US        INT64_C(1000000)
#define MAX_NAME_BYTES 64

static int
read_fd(int fd, struct arena *a, struct str *text)
{
	struct stat st;
	char *p;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return -1;
	if (st.st_size < 0 || (size_t)st.st_size > SNAP_MAX_BYTES) {
		errno = EFBIG;
		return -1;
	}
	p = arena_alloc(a, (size_t)st.st_size + 1);
	n = pread(fd, p, (size_t)st.st_size, 0);
	if (n < 0)
		return -1;
	*text = (struct str){ .p = p, .n = (size_t)n };
	return 0;
}

/* The snapshot's text, nothing where there is none. */
static int
read_snapshot(int dirfd, const char *file, struct arena *a, struct str *text,
    struct error *err)
{
	int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC);
	int rc;

	*text = STR_NONE;
	if (fd < 0 && errno == ENOENT)
		return 0;
	rc = fd >= 0 ? read_fd(fd, a, text) : -1;
	if (rc != 0)
		error_set(err, ERROR_STORE, "data_dir: %s: %s", file,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

static void
keep(struct snap_edit *e, struct str id, struct str json)
{
	struct snap_record *r = ARENA_NEW(e->arena, struct snap_record);

	r->id = str_dup(e->arena, id);
	r->json = str_dup(e->arena, json);
	r->next = e->records;
	e->records = r;
}

static int
see(void *arg, struct str id, struct str json)
{
	keep(arg, id, json);
	return 0;
}

/* The table, or the snapshot where the table has been lost. */
static int
load(struct snap_edit *e, struct state *s, struct error *err)
{
	struct error bad;
	struct str text, line, id;

	e->records = NULL;
	if (store_scan(e->txn, e->kind->table, STR_NONE, see, e) != 0)
		return -1;
	if (e->records != NULL)
		return 0;
	if (read_snapshot(s->dirfd, e->kind->file, e->arena, &text, err) != 0)
		return -1;
	while (text.n > 0) {
		text = str_split(text, '\n', &line);
		bad = (struct error){ .kind = ERROR_NONE };
		if (jtext_check(line, &bad) != 0 || !jtext_get(line, "id", &id))
			continue;
		id = jtext_string(e->arena, id);
		if (id.n > 0 && snap_put(e, id, line) != 0)
			return -1;
	}
	return 0;
}

struct snap_record *
snap_find(const struct snap_edit *e, struct str id)
{
	struct snap_record *r = e->records;

	while (r != NULL && !str_eq(r->id, id))
		r = r->next;
	return r;
}

int
snap_put(struct snap_edit *e, struct str id, struct str json)
{
	struct snap_record *old = snap_find(e, id);

	if (old != NULL)
		old->json = str_dup(e->arena, json);
	else
		keep(e, id, json);
	return store_put(e->txn, e->kind->table, id, json);
}

int
snap_del(struct snap_edit *e, struct snap_record *r)
{
	struct snap_record **at = &e->records;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	return store_del(e->txn, e->kind->table, r->id);
}

static void
tmp_name(char tmp[MAX_NAME_BYTES], const struct snap_edit *e)
{
	snprintf(tmp, MAX_NAME_BYTES, "%s.tmp", e->kind->file);
}

static int
fail(const struct snap_edit *e, struct error *err)
{
	return error_set(err, ERROR_STORE, "data_dir: %s: %s", e->kind->file,
	    strerror(errno));
}

/* Before the commit: on a full disk nothing must have changed. */
static int
write_snapshot(
    const struct snap_edit *e, const struct state *s, struct error *err)
{
	struct buf *b = buf_new(e->arena, SNAP_MAX_BYTES);
	const struct snap_record *r;
	char tmp[MAX_NAME_BYTES];

	for (r = e->records; r != NULL; r = r->next) {
		buf_adds(b, r->json);
		buf_addch(b, '\n');
	}
	if (buf_over(b))
		return error_set(
		    err, ERROR_STORE, "%s: too many", e->kind->what);
	tmp_name(tmp, e);
	return dir_write(s->dirfd, tmp, buf_str(b)) == 0 ? 0 : fail(e, err);
}

static int
publish(const struct snap_edit *e, const struct state *s, struct error *err)
{
	char tmp[MAX_NAME_BYTES];

	tmp_name(tmp, e);
	if (renameat(s->dirfd, tmp, s->dirfd, e->kind->file) != 0 ||
	    fsync(s->dirfd) != 0)
		return fail(e, err);
	shm_add(s->shm, e->kind->gen, 1);
	return 0;
}

/* What one visit is about. */
struct work {
	struct snap_edit edit;
	struct state *state;
	int (*change)(struct snap_edit *e, void *arg, struct error *err);
	void *arg;
	bool changed;
};

static int
txn_edit(struct txn *t, void *arg)
{
	struct work *w = arg;
	int rc;

	w->edit.txn = t;
	if (load(&w->edit, w->state, t->err) != 0)
		return -1;
	rc = w->change(&w->edit, w->arg, t->err);
	w->changed = rc == 0;
	if (w->changed)
		rc = write_snapshot(&w->edit, w->state, t->err);
	return rc < 0 ? -1 : 0;
}

static int
visit_edit(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct work *w = arg;

	if (store_txn(store, txn_edit, w, err) != 0)
		return -1;
	if (!w->changed)
		return 0;
	if (store_checkpoint(store, err) != 0)
		return -1;
	return publish(&w->edit, s, err);
}

int
snap_edit(struct state *s, const struct snap_kind *kind,
    int (*change)(struct snap_edit *e, void *arg, struct error *err), void *arg,
    struct error *err)
{
	struct work w = { .edit = { .kind = kind },
		.state = s,
		.change = change,
		.arg = arg };
	int rc;

	w.edit.arena = arena_new(ARENA_BYTES);
	rc = visit_patiently(s, visit_edit, &w, err);
	arena_free(w.edit.arena);
	return rc;
}

struct snap {
	struct state *state;
	const struct snap_kind *kind;
	void *(*build)(struct arena *a, struct str text);
	pthread_mutex_t lock; /* over what follows */
	struct arena *arena;  /* of built */
	void *built;
	int64_t gen;       /* the counter when the file was read */
	int64_t looked_us; /* monotonic; 0: never */
	struct stat file;  /* what was read; st_ino 0: none */
};

struct snap *
snap_new(struct state *state, const struct snap_kind *kind,
    void *(*build)(struct arena *a, struct str text))
{
	struct snap *s = mem_new(sizeof(*s));

	s->state = state;
	s->kind = kind;
	s->build = build;
	s->arena = arena_new(ARENA_BYTES);
	s->built = build(s->arena, STR_NONE);
	s->gen = -1;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void
snap_free(struct snap *s)
{
	if (s == NULL)
		return;
	arena_free(s->arena);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

size_t
snap_lines(struct str text)
{
	size_t i, n = 1;

	for (i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

/* Replace what is in memory; what cannot be read leaves the old. */
static int
reload(struct snap *s, struct error *err)
{
	struct arena *a = arena_new(ARENA_BYTES);
	struct str text;

	if (read_snapshot(s->state->dirfd, s->kind->file, a, &text, err) != 0) {
		arena_free(a);
		return -1;
	}
	arena_free(s->arena);
	s->arena = a;
	s->built = s->build(a, text);
	return 0;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/*
 * The counter tells at once; the file itself is looked at once a second, since
 * the header may have been replaced.
 */
static int
refresh(struct snap *s, struct error *err)
{
	int64_t gen = shm_get(s->state->shm, s->kind->gen);
	int64_t now_us = clock_mono_us();
	struct stat st = { .st_ino = 0 };

	if (gen == s->gen && now_us - s->looked_us < LOOK_US)
		return 0;
	fstatat(s->state->dirfd, s->kind->file, &st, 0);
	if ((gen != s->gen || !same_file(&st, &s->file)) && reload(s, err) != 0)
		return -1;
	s->gen = gen;
	s->file = st;
	s->looked_us = now_us;
	return 0;
}

const void *
snap_lock(struct snap *s, struct error *err)
{
	pthread_mutex_lock(&s->lock);
	if (refresh(s, err) == 0)
		return s->built;
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

void
snap_unlock(struct snap *s)
{
	pthread_mutex_unlock(&s->lock);
}
