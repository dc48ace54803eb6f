/* SPDX-License-Identifier: MIT */
#include "core/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/error.h"

static int
compare(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void
add(struct dir_list *list, size_t *room, struct arena *a, const char *name)
{
	char **bigger;

	if (list->n == *room) {
		*room = *room > 0 ? *room * 2 : 64;
		bigger = ARENA_ARRAY(a, char *, *room);
		if (list->n > 0)
			memcpy(bigger, list->names, list->n * sizeof(char *));
		list->names = bigger;
	}
	list->names[list->n++] = arena_memdup(a, name, strlen(name));
}

static DIR *
open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (d == NULL && fd >= 0)
		close(fd);
	return d;
}

int
dir_read(int dirfd, const char *path, struct arena *a, struct dir_list *list,
    struct error *err)
{
	DIR *d = open_dir(dirfd, path);
	const struct dirent *e;
	size_t room = 0;

	*list = (struct dir_list){ 0 };
	if (d == NULL)
		return error_set(err, ERROR_STORE, "data_dir: %s: %s", path,
		    strerror(errno));
	while (list->n < DIR_MAX_NAMES && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			add(list, &room, a, e->d_name);
	closedir(d);
	if (list->n > 1)
		qsort(list->names, list->n, sizeof(char *), compare);
	return 0;
}

int
dir_make(const char *path)
{
	char part[PATH_MAX];
	size_t n = strlen(path);
	char *slash;

	if (n >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(part, path, n + 1);
	for (slash = strchr(part + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return mkdir(part, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

int
dir_write(int dirfd, const char *name, struct str text)
{
	int fd =
	    openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;
	int rc = -1;

	if (fd < 0)
		return -1;
	n = write(fd, text.p, text.n);
	if (n == (ssize_t)text.n)
		rc = fsync(fd);
	else if (n >= 0)
		errno = ENOSPC;
	close(fd);
	return rc;
}
