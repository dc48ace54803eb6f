/* SPDX-License-Identifier: MIT */
#include "core/ingest_list.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/journal.h"
#include "core/store.h"

#define STRAY_S 60 /* age of a file 0 that never got its name */

/* What we cannot look at is taken to be alive. */
static bool
is_locked(int jfd, const char *name)
{
	int fd = openat(jfd, name, O_RDONLY | O_CLOEXEC);
	bool locked;

	if (fd < 0)
		return errno != ENOENT;
	locked = flock(fd, LOCK_SH | LOCK_NB) != 0;
	close(fd);
	return locked;
}

static bool
exists(int jfd, struct str proc, unsigned seq)
{
	char name[JOURNAL_NAME_BYTES];

	journal_name(name, proc, seq);
	return faccessat(jfd, name, F_OK, 0) == 0;
}

/*
 * Judge the ${n} files of one process.  Whoever is dead now may have begun
 * another file after the directory was listed: then it is next time's.
 */
static void
judge(struct ingest_list *list, int jfd, struct journal_file *f, size_t n)
{
	bool dead = f->seq != 0 || !is_locked(jfd, f->name);
	size_t i;

	if (dead && exists(jfd, f->proc, f[n - 1].seq + 1)) {
		list->partial = true;
		dead = false;
	}
	for (i = 0; i < n; i++) {
		f[i].dead = dead;
		f[i].complete = dead || i + 1 < n;
	}
}

static void
judge_all(struct ingest_list *list, int jfd)
{
	size_t i, n;

	for (i = 0; i < list->n; i += n) {
		for (n = 1; i + n < list->n; n++)
			if (!str_eq(
				list->files[i + n].proc, list->files[i].proc))
				break;
		judge(list, jfd, &list->files[i], n);
	}
}

static void
remove_stray(int jfd, const char *name)
{
	struct str s = str_of(name);
	struct stat st;

	if (s.n > 4 && str_is(str_skip(s, s.n - 4), ".tmp") &&
	    fstatat(jfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtime < time(NULL) - STRAY_S)
		unlinkat(jfd, name, 0);
}

static int
list_files(
    struct ingest_list *list, struct arena *a, int jfd, struct error *err)
{
	struct dir_list names;
	struct journal_file *f;
	size_t i;

	if (dir_read(jfd, ".", a, &names, err) != 0)
		return -1;
	list->files = ARENA_ARRAY(a, struct journal_file, names.n + 1);
	for (i = 0; i < names.n; i++) {
		f = &list->files[list->n];
		f->name = names.names[i];
		if (journal_parse_name(f->name, &f->proc, &f->seq))
			list->n++;
		else
			remove_stray(jfd, f->name);
	}
	return 0;
}

/* The first file whose name is not below ${name}. */
static size_t
lower_bound(const struct ingest_list *list, struct str name)
{
	size_t low = 0, high = list->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (str_cmp(str_of(list->files[mid].name), name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct offsets {
	struct ingest_list *list;
	struct arena *arena;
	struct stale {
		struct str name;
		struct stale *next;
	} * stale;
};

static int
see_offset(void *arg, struct str name, struct str value)
{
	struct offsets *o = arg;
	size_t i = lower_bound(o->list, name);
	struct stale *s;

	if (i < o->list->n && str_is(name, o->list->files[i].name)) {
		if (str_i64(value, 0, INT64_MAX, &o->list->files[i].offset))
			o->list->files[i].offset = 0;
		return 0;
	}
	s = ARENA_NEW(o->arena, struct stale);
	s->name = str_dup(o->arena, name);
	s->next = o->stale;
	o->stale = s;
	return 0;
}

static int
txn_offsets(struct txn *t, void *arg)
{
	struct offsets *o = arg;
	const struct stale *s;

	if (store_scan(t, STORE_OFFSETS, STR_NONE, see_offset, o) != 0)
		return -1;
	for (s = o->stale; s != NULL; s = s->next)
		if (store_del(t, STORE_OFFSETS, s->name) != 0)
			return -1;
	return 0;
}

int
ingest_list_read(struct ingest_list *list, struct arena *a, int jfd,
    struct store *store, struct error *err)
{
	struct offsets o = { .list = list, .arena = a };

	*list = (struct ingest_list){ 0 };
	if (list_files(list, a, jfd, err) != 0)
		return -1;
	judge_all(list, jfd);
	return store_txn(store, txn_offsets, &o, err);
}

bool
ingest_list_is_over(const struct ingest_list *list, struct str proc)
{
	size_t i = lower_bound(list, proc);

	for (; i < list->n && str_eq(list->files[i].proc, proc); i++)
		if (!list->files[i].dead || !list->files[i].consumed)
			return false;
	return true;
}

bool
ingest_list_is_spent(const struct journal_file *f)
{
	return f->consumed && (f->dead || f->seq > 0);
}
