/* SPDX-License-Identifier: MIT */
/* Copies of files, for backups: on the disk before they are called done. */
#ifndef CORE_COPY_H
#define CORE_COPY_H

#include "core/str.h"

struct error;

/*
 * copy_file(from, to, err):
 * Copy file ${from} to ${to}, mode 0600, which must not exist.
 *
 * Returns  0, or -1: ERROR_STORE; then ${to} is gone.
 */
int copy_file(const char *from, const char *to, struct error *err)
    __attribute__((warn_unused_result));

/*
 * copy_matching(from, to, tail, err):
 * Copy the files of directory ${from} whose names end with ${tail} ("": all)
 * to directory ${to}, and bring that to the disk.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int copy_matching(const char *from, const char *to, const char *tail,
    struct error *err) __attribute__((warn_unused_result));

/*
 * copy_text(path, text, err):
 * Make file ${path} with ${text}, or replace it, at once and on the disk.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int copy_text(const char *path, struct str text, struct error *err)
    __attribute__((warn_unused_result));

/* copy_remove(path): remove ${path} with all that is in it, if it is there. */
void copy_remove(const char *path);

#endif
