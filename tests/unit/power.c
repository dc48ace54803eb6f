/* SPDX-License-Identifier: MIT */
#include "tests/unit/power.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK     4096
#define MAX_NAMES 500
#define MAX_PATH  300

/* A name, and what it stands for: one inode in one of its lives. */
struct name {
	char path[MAX_PATH]; /* in dir */
	char life[60];       /* "" for a directory */
};

struct names {
	struct name list[MAX_NAMES];
	int n;
};

static struct {
	bool on;
	char dir[80];
	char safe[80]; /* what files held at their last sync, by life */
	unsigned seed;
	struct names names; /* at the last sync */
	struct names walk;
	int due; /* writes until the cut; -1: none wanted */
	const char *to;
	void (*fn)(void *arg);
	void *arg;
} sim = { .due = -1 };

static void
die(const char *what)
{
	fprintf(stderr, "power: %s: %s\n", what, strerror(errno));
	abort();
}

static void
life_of(const char *path, char life[60])
{
	struct statx st;

	if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &st) != 0)
		die(path);
	snprintf(life, 60, "%llu-%lld-%u", (unsigned long long)st.stx_ino,
	    (long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
}

static int
see(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct name *n = &sim.walk.list[sim.walk.n];

	(void)type;
	if (ftw->level == 0)
		return 0;
	if (sim.walk.n++ == MAX_NAMES)
		die("too many files");
	snprintf(n->path, MAX_PATH, "%s", path + strlen(sim.dir) + 1);
	n->life[0] = '\0';
	if (!S_ISDIR(st->st_mode))
		life_of(path, n->life);
	return 0;
}

static const struct names *
look(void)
{
	sim.walk.n = 0;
	if (nftw(sim.dir, see, 8, FTW_PHYS) != 0)
		die(sim.dir);
	return &sim.walk;
}

static int
open_safe(const char *life, int flags)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", sim.safe, life);
	return open(path, flags | O_CLOEXEC, 0600);
}

static void
put(int fd, const void *p, ssize_t n, off_t at)
{
	if (n < 0 || pwrite(fd, p, (size_t)n, at) != n)
		die("write");
}

/* The file behind ${fd} is on the disk now, and so are all names. */
static void
make_safe(int fd)
{
	char link[40], path[PATH_MAX] = "", life[60], block[BLOCK];
	int from, to;
	off_t at = 0;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0 ||
	    strncmp(path, sim.dir, strlen(sim.dir)) != 0 ||
	    path[strlen(sim.dir)] != '/')
		return;
	from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return; /* removed meanwhile */
	life_of(path, life);
	if (read(from, block, 0) == 0) { /* no directory */
		to = open_safe(life, O_WRONLY | O_CREAT | O_TRUNC);
		while ((n = pread(from, block, BLOCK, at)) > 0) {
			put(to, block, n, at);
			at += n;
		}
		close(to);
	}
	close(from);
	sim.names = *look();
}

static int
roll(int n)
{
	return (int)(rand_r(&sim.seed) % (unsigned)n);
}

static off_t
size_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_size : 0;
}

/* One file: ${now} (-1: it is gone) over ${safe} (-1: it never was). */
static void
mix(int now, int safe, int to)
{
	off_t grown = size_of(now) - size_of(safe), at;
	off_t size = size_of(safe);
	int how = now < 0 ? 0 : roll(4);
	char block[BLOCK];
	ssize_t n;

	if (now >= 0)
		size = grown > 0 && how > 0 ? size + roll((int)grown + 1)
					    : size_of(roll(2) ? now : safe);
	if (how == 1)
		size = size_of(now);
	for (at = 0; at < size; at += BLOCK) {
		/* 0: none of it has got there; 1: all; else by chance */
		n = pread(how == 1 || (how > 1 && roll(2)) ? now : safe, block,
		    BLOCK, at);
		if (n > size - at)
			n = size - at;
		if (n > 0)
			put(to, block, n, at);
	}
	if (ftruncate(to, size) != 0)
		die("truncate");
}

static const char *
path_of_life(const struct names *names, const char *life)
{
	int i;

	for (i = 0; i < names->n; i++)
		if (strcmp(names->list[i].life, life) == 0)
			return names->list[i].path;
	return NULL;
}

static void
make_file(const struct names *now, const struct name *n, const char *path)
{
	const char *is_at = path_of_life(now, n->life);
	char from[500];
	int in = -1, safe = open_safe(n->life, O_RDONLY);
	int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (out < 0)
		die(path);
	if (is_at != NULL) {
		snprintf(from, sizeof(from), "%s/%s", sim.dir, is_at);
		in = open(from, O_RDONLY | O_CLOEXEC);
	}
	mix(in, safe, out);
	if (in >= 0)
		close(in);
	if (safe >= 0)
		close(safe);
	close(out);
}

static void
cut(void)
{
	static struct names now;
	const struct names *names;
	char path[500];
	int i;

	now = *look();
	names = roll(2) ? &now : &sim.names;
	for (i = 0; i < names->n; i++) {
		snprintf(
		    path, sizeof(path), "%s/%s", sim.to, names->list[i].path);
		if (names->list[i].life[0] != '\0')
			make_file(&now, &names->list[i], path);
		else if (mkdir(path, 0700) != 0)
			die(path);
	}
	sim.fn(sim.arg);
}

void
power_tick(void)
{
	if (!sim.on || sim.due < 0 || sim.due-- > 0)
		return;
	sim.on = false;
	cut();
	sim.on = true;
}

void
power_begin(const char *dir, unsigned seed)
{
	sim.seed = seed;
	sim.due = -1;
	sim.names.n = 0;
	snprintf(sim.dir, sizeof(sim.dir), "%s", dir);
	snprintf(sim.safe, sizeof(sim.safe), "%s.safe", dir);
	if (mkdir(sim.safe, 0700) != 0)
		die(sim.safe);
	sim.on = true;
}

static int
forget(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
power_end(void)
{
	sim.on = false;
	nftw(sim.safe, forget, 8, FTW_DEPTH | FTW_PHYS);
}

void
power_cut_at(int writes, const char *to, void (*fn)(void *arg), void *arg)
{
	sim.to = to;
	sim.fn = fn;
	sim.arg = arg;
	sim.due = writes;
}

bool
power_is_due(void)
{
	return sim.due >= 0;
}

void
power_synced(int fd)
{
	if (!sim.on)
		return;
	sim.on = false;
	make_safe(fd);
	sim.on = true;
}
