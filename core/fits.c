/* SPDX-License-Identifier: MIT */
#include "core/fits.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json_object.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/evidence.h"
#include "core/experiment.h"
#include "core/fit.h"
#include "core/jtree.h"
#include "core/jw.h"
#include "core/mem.h"
#include "core/price.h"

#define LOOK_US     INT64_C(1000000)
#define ARENA_BYTES (FITS_MAX_BYTES * 8)
#define FITS_TMP    FITS_FILE ".tmp"

/* --- writing --- */

static void
write_arm(struct jw *w, struct str name, const struct fit_arm *arm)
{
	char money[MONEY_TEXT_BYTES];

	jw_object(w);
	jw_kv_str(w, "arm", name);
	jw_kv_i64(w, "n", arm->n);
	jw_key(w, "fit");
	jw_double(w, arm->fit.mean);
	jw_key(w, "floor");
	jw_double(w, arm->floor);
	jw_kv_cstr(w, "call_usd",
	    arm->call_pusd < 0 ? NULL : money_text(arm->call_pusd, money));
	jw_end(w);
}

void
fits_line(struct buf *out, const struct experiment *e,
    const struct evidence *ev, bool resting)
{
	struct fit fit;
	struct jw w;
	unsigned i;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "experiment", e->name);
	jw_kv_cstr(&w, "version", e->version);
	jw_kv_str(&w, "task", ev->task);
	jw_kv_bool(&w, "resting", resting);
	fit_of(&fit, ev, e);
	jw_key(&w, "arms");
	jw_array(&w);
	for (i = 0; i < fit.n_arms; i++)
		write_arm(&w, e->arms[i].name, &fit.arms[i]);
	jw_end(&w);
	jw_end(&w);
	buf_addch(out, '\n');
}

void
fits_line_whole(
    struct buf *out, const struct experiment *e, struct str promoted)
{
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "experiment", e->name);
	jw_kv_cstr(&w, "version", e->version);
	jw_kv_bool(&w, "resting", true);
	jw_kv_str(&w, "promoted", promoted);
	jw_end(&w);
	buf_addch(out, '\n');
}

int
fits_write(int dirfd, struct str text, struct error *err)
{
	if (text.n > FITS_MAX_BYTES)
		return error_set(err, ERROR_STORE, FITS_FILE ": too large");
	if (dir_write(dirfd, FITS_TMP, text) != 0 ||
	    renameat(dirfd, FITS_TMP, dirfd, FITS_FILE) != 0)
		return error_set(
		    err, ERROR_STORE, FITS_FILE ": %s", strerror(errno));
	return 0;
}

/* --- reading --- */

struct cell {
	struct str experiment, version, task; /* task absent: of all */
	bool resting;
	struct str promoted; /* absent: none */
	unsigned n_arms;
	struct fits_arm arms[EXPERIMENT_MAX_ARMS];
	struct cell *next;
};

struct fits {
	char *path;
	pthread_mutex_t lock; /* over what follows */
	struct arena *arena;
	struct cell *cells;
	int64_t looked_us; /* monotonic; 0: never */
	struct stat file;  /* that was read; st_ino 0: none */
};

struct fits *
fits_new(struct str data_dir)
{
	struct fits *f = mem_new(sizeof(*f));
	size_t n = data_dir.n + sizeof("/" FITS_FILE);

	f->path = mem_new(n);
	snprintf(f->path, n, "%.*s/" FITS_FILE, STR_ARG(data_dir));
	f->arena = arena_new(ARENA_BYTES);
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void
fits_free(struct fits *f)
{
	if (f == NULL)
		return;
	arena_free(f->arena);
	pthread_mutex_destroy(&f->lock);
	free(f->path);
	free(f);
}

static void
read_arm(const struct jnode *at, struct fits_arm *arm)
{
	struct error ignored = { 0 };
	struct str usd = STR_NONE;

	arm->call_pusd = -1;
	if (jtree_i64(at, "n", JTREE_REQUIRED, &arm->n, &ignored) != 0 ||
	    jtree_double(at, "fit", JTREE_REQUIRED, &arm->fit, &ignored) != 0 ||
	    jtree_double(at, "floor", JTREE_REQUIRED, &arm->floor, &ignored) !=
		0 ||
	    jtree_str(at, "call_usd", JTREE_OPTIONAL, &usd, &ignored) != 0)
		arm->n = 0;
	else if (money_parse(usd, PUSD_PER_USD, &arm->call_pusd) != 0)
		arm->call_pusd = -1;
}

/* A line that makes no sense is passed over. */
static struct cell *
read_cell(struct arena *a, struct str line)
{
	struct cell *c = ARENA_NEW(a, struct cell);
	struct error ignored = { 0 };
	struct jnode root, arms, item;
	size_t i;

	if (jtree_read(a, line, &root, &ignored) != 0 ||
	    jtree_str(&root, "experiment", JTREE_REQUIRED, &c->experiment,
		&ignored) != 0 ||
	    jtree_str(
		&root, "version", JTREE_REQUIRED, &c->version, &ignored) != 0 ||
	    jtree_str(&root, "task", JTREE_OPTIONAL, &c->task, &ignored) != 0 ||
	    jtree_str(&root, "promoted", JTREE_OPTIONAL, &c->promoted,
		&ignored) != 0 ||
	    jtree_bool(
		&root, "resting", JTREE_REQUIRED, &c->resting, &ignored) != 0 ||
	    jtree_array(&root, "arms", JTREE_OPTIONAL, &arms, &ignored) != 0 ||
	    jtree_len(&arms) > EXPERIMENT_MAX_ARMS)
		return NULL;
	c->n_arms = (unsigned)jtree_len(&arms);
	for (i = 0; i < c->n_arms; i++) {
		item = jtree_item(&arms, i);
		read_arm(&item, &c->arms[i]);
	}
	return c;
}

static void
read_cells(struct arena *a, struct str text, struct cell **end)
{
	struct str line;

	while (text.n > 0) {
		text = str_split(text, '\n', &line);
		*end = line.n > 0 ? read_cell(a, line) : NULL;
		if (*end != NULL)
			end = &(*end)->next;
	}
}

static void
reload(struct fits *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	struct arena *a;
	struct stat st;
	ssize_t n;
	char *text;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size <= (off_t)FITS_MAX_BYTES) {
		a = arena_new(ARENA_BYTES);
		text = arena_alloc(a, (size_t)st.st_size + 1);
		n = read(fd, text, (size_t)st.st_size);
		arena_free(f->arena);
		f->arena = a;
		f->cells = NULL;
		read_cells(a,
		    (struct str){ .p = text, .n = n > 0 ? (size_t)n : 0 },
		    &f->cells);
		f->file = st;
	}
	close(fd);
}

static void
refresh(struct fits *f)
{
	int64_t now_us = clock_mono_us();
	struct stat st;

	if (f->looked_us != 0 && now_us - f->looked_us < LOOK_US)
		return;
	f->looked_us = now_us;
	if (stat(f->path, &st) == 0 &&
	    (st.st_ino != f->file.st_ino || st.st_size != f->file.st_size ||
		st.st_mtim.tv_sec != f->file.st_mtim.tv_sec ||
		st.st_mtim.tv_nsec != f->file.st_mtim.tv_nsec))
		reload(f);
}

static bool
is_of(const struct cell *c, const struct experiment *e)
{
	return str_eq(c->experiment, e->name) &&
	    (c->task.p == NULL || str_is(c->version, e->version));
}

int
fits_promoted(struct fits *f, const struct experiment *e)
{
	const struct cell *c;
	int arm = -1;

	if (f == NULL)
		return -1;
	pthread_mutex_lock(&f->lock);
	refresh(f);
	for (c = f->cells; c != NULL; c = c->next)
		if (is_of(c, e) && c->promoted.n > 0)
			arm = experiment_arm(e, c->promoted);
	pthread_mutex_unlock(&f->lock);
	return arm;
}

bool
fits_rests(struct fits *f, const struct experiment *e, struct str task)
{
	const struct cell *c;
	bool rests = false;

	if (f == NULL)
		return false;
	pthread_mutex_lock(&f->lock);
	refresh(f);
	for (c = f->cells; c != NULL; c = c->next)
		if (is_of(c, e) && (c->task.p == NULL || str_eq(c->task, task)))
			rests |= c->resting;
	pthread_mutex_unlock(&f->lock);
	return rests;
}

bool
fits_arm(struct fits *f, const struct experiment *e, struct str task,
    unsigned arm, struct fits_arm *out)
{
	const struct cell *c;
	bool found = false;

	if (f == NULL)
		return false;
	pthread_mutex_lock(&f->lock);
	refresh(f);
	for (c = f->cells; c != NULL && !found; c = c->next) {
		found = is_of(c, e) && c->task.p != NULL &&
		    str_eq(c->task, task) && arm < c->n_arms;
		if (found)
			*out = c->arms[arm];
	}
	pthread_mutex_unlock(&f->lock);
	return found && out->n > 0;
}
