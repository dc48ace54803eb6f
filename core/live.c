/* SPDX-License-Identifier: MIT */
#include "core/live.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/log.h"
#include "core/mem.h"

#define LOOK_EVERY_US    INT64_C(1000000)
#define FRESH_S          2
#define FIND_ARENA_BYTES ((size_t)1 << 20)

struct live {
	pthread_mutex_t lock;
	char *path; /* NULL: defaults */
	const struct registry *registry;
	struct snapshot *now; /* NULL: none has loaded yet */
	struct stat bad;      /* the file that did not load, when it did not */
	int64_t looked_us;    /* monotonic, 0: never */
};

struct live *
live_new(struct str path, const struct registry *registry)
{
	struct live *l = mem_new(sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	l->path = path.p != NULL ? strndup(path.p, path.n) : NULL;
	l->registry = registry;
	return l;
}

/* Drop one reference; the lock is held. */
static void
unref(struct snapshot *s)
{
	union {
		const struct conf *in;
		struct conf *out;
	} conf;

	if (s == NULL || --s->refs > 0)
		return;
	conf.in = s->conf;
	conf_free(conf.out);
	free(s);
}

void
live_free(struct live *l)
{
	if (l == NULL)
		return;
	unref(l->now);
	pthread_mutex_destroy(&l->lock);
	free(l->path);
	free(l);
}

/* Log every complaint of a file that did not load, one event a line. */
static void
log_complaints(const struct live *l, const struct buf *complaints)
{
	struct str rest = buf_str(complaints), line;

	while (rest.n > 0) {
		rest = str_split(rest, '\n', &line);
		if (line.n > 0)
			log_event(LOG_LEVEL_ERROR, "conf", "%s: %.*s",
			    l->path ? l->path : "defaults", STR_ARG(line));
	}
}

/*
 * Is the file that is there now the one that did not load?  One written a
 * moment ago may have been caught half written: its time stamp proves nothing
 * yet.
 */
static bool
still_bad(struct live *l)
{
	struct stat st = { 0 };
	int64_t age_s;
	bool same;

	if (l->path == NULL || stat(l->path, &st) != 0)
		return false;
	age_s = clock_wall_us() / 1000000 - st.st_mtim.tv_sec;
	same = st.st_ino == l->bad.st_ino && st.st_size == l->bad.st_size &&
	    st.st_mtim.tv_sec == l->bad.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == l->bad.st_mtim.tv_nsec;
	l->bad = st;
	return same && (age_s < 0 || age_s > FRESH_S);
}

/* Began without a file?  One may have come. */
static void
find_path(struct live *l)
{
	struct arena *a;
	struct str path;

	if (l->path != NULL)
		return;
	a = arena_new(FIND_ARENA_BYTES);
	path = conf_find(a);
	if (path.p != NULL)
		l->path = strndup(path.p, path.n);
	arena_free(a);
}

static int
load(struct live *l, struct error *err)
{
	struct buf complaints;
	struct conf *conf;
	struct snapshot *s;

	buf_init(&complaints, CONF_MAX_COMPLAINT_BYTES);
	conf = conf_load(str_of(l->path), l->registry, &complaints, err);
	if (conf == NULL)
		log_complaints(l, &complaints);
	buf_release(&complaints);
	if (conf == NULL)
		return -1;
	s = mem_new(sizeof(*s));
	*s = (struct snapshot){ .conf = conf, .live = l, .refs = 1 };
	if (l->now != NULL)
		log_event(LOG_LEVEL_INFO, "conf", "%s: re-read",
		    l->path ? l->path : "defaults");
	unref(l->now);
	l->now = s;
	return 0;
}

const struct snapshot *
live_get(struct live *l, struct error *err)
{
	struct error load_err = { 0 };
	struct snapshot *s;
	int64_t now_us = clock_mono_us();
	bool look;

	pthread_mutex_lock(&l->lock);
	look = l->looked_us == 0 || now_us - l->looked_us >= LOOK_EVERY_US;
	if (look) {
		l->looked_us = now_us;
		find_path(l);
		if (l->now == NULL ||
		    (conf_changed(l->now->conf) && !still_bad(l)))
			load(l, &load_err);
	}
	s = l->now;
	if (s != NULL) {
		s->refs++;
	} else {
		l->looked_us = 0;
		error_set(err, ERROR_CONF, "%s", load_err.msg);
	}
	pthread_mutex_unlock(&l->lock);
	return s;
}

void
live_put(const struct snapshot *s)
{
	struct live *l;

	if (s == NULL)
		return;
	l = s->live;
	pthread_mutex_lock(&l->lock);
	/* The only writer of a snapshot is this module, under its lock. */
	unref((struct snapshot *)(uintptr_t)s);
	pthread_mutex_unlock(&l->lock);
}
