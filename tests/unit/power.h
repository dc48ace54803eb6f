/* SPDX-License-Identifier: MIT */
/*
 * Power cuts, simulated: what a directory may look like when the machine
 * stops at some moment.
 *
 * The simulator watches write, pwrite, fsync and fdatasync of this process
 * (libdb's, too).  What a file held at its last sync is safe; of what was
 * written since, each block of 4 KB may have got to the disk or not, and a
 * file that grew may end anywhere in between.  Names are as at the last sync
 * of anything, or as they are now: file systems with a journal keep their
 * order.
 */
#ifndef TESTS_POWER_H
#define TESTS_POWER_H

#include <stdbool.h>

/*
 * power_begin(dir, seed), power_end():
 * Watch directory ${dir}; nothing in it counts as safe at first.
 */
void power_begin(const char *dir, unsigned seed);
void power_end(void);

/*
 * power_cut_at(writes, to, fn, arg):
 * Before the write or sync that comes after ${writes} more of them, put an
 * image of the directory into ${to} and call ${fn}.
 */
void power_cut_at(int writes, const char *to, void (*fn)(void *arg), void *arg);

/* power_is_due(): true until that has happened. */
bool power_is_due(void);

/*
 * power_tick(), power_synced(fd):
 * The hooks: something is about to be written or synced; ${fd} has been.  A
 * test defines write and its kin itself, since all tests are linked with what
 * they share.
 */
void power_tick(void);
void power_synced(int fd);

#endif
