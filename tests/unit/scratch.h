/* SPDX-License-Identifier: MIT */
/* A directory of one test, and shortcuts to look into it. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
	char dir[64];
	int fd;
};

static inline void
scratch_make(struct scratch *s)
{
	snprintf(s->dir, sizeof(s->dir), "/tmp/sluice-unit.XXXXXX");
	if (mkdtemp(s->dir) == NULL)
		abort();
	s->fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static inline int
scratch_unlink(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void
scratch_drop(struct scratch *s)
{
	close(s->fd);
	nftw(s->dir, scratch_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* The directory as the state of a test. */
static inline int
scratch_setup(void **state)
{
	static struct scratch s;

	scratch_make(&s);
	*state = &s;
	return 0;
}

static inline int
scratch_teardown(void **state)
{
	scratch_drop(*state);
	return 0;
}

/* How many names in ${path} end with ${tail}; the last one is in ${name}. */
static inline int
scratch_count(
    const struct scratch *s, const char *path, const char *tail, char name[256])
{
	int fd = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	size_t n, t = strlen(tail);
	int count = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		n = strlen(e->d_name);
		if (e->d_name[0] == '.' || n < t ||
		    strcmp(e->d_name + n - t, tail) != 0)
			continue;
		count++;
		if (name != NULL)
			snprintf(name, 256, "%s", e->d_name);
	}
	if (d != NULL)
		closedir(d);
	return count;
}

static inline size_t
scratch_read(const struct scratch *s, const char *path, char *out, size_t max)
{
	int fd = openat(s->fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, max) : -1;

	if (fd >= 0)
		close(fd);
	return n > 0 ? (size_t)n : 0;
}

static inline void
scratch_write(
    const struct scratch *s, const char *path, const void *p, size_t n)
{
	int fd =
	    openat(s->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	close(fd);
}

#endif
