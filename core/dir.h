/* SPDX-License-Identifier: MIT */
/* Directories: the names in one, sorted; making one with its parents; and a
 * small file in one, on the disk when it is told so. */
#ifndef CORE_DIR_H
#define CORE_DIR_H

#include <stddef.h>

#include "core/str.h"

struct arena;
struct error;

#define DIR_LIST_BYTES ((size_t)64 << 20) /* an arena that holds any list */
#define DIR_MAX_NAMES  200000

struct dir_list {
	char **names; /* byte order, without those that begin with a dot */
	size_t n;
};

/*
 * dir_read(dirfd, path, a, list, err):
 * List directory ${path} relative to ${dirfd}.  Of more than DIR_MAX_NAMES
 * some are left out.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int dir_read(int dirfd, const char *path, struct arena *a,
    struct dir_list *list, struct error *err)
    __attribute__((warn_unused_result));

/*
 * dir_make(path):
 * Make ${path}, and what is missing above it, with mode 0700.
 *
 * Returns  0 (also if it is there), or -1 with errno.
 */
int dir_make(const char *path) __attribute__((warn_unused_result));

/*
 * dir_write(dirfd, name, text):
 * Write a private file (0600) with ${text}, and fsync it.
 *
 * Returns  0, or -1 with errno.
 */
int dir_write(int dirfd, const char *name, struct str text)
    __attribute__((warn_unused_result));

#endif
