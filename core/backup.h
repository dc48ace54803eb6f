/* SPDX-License-Identifier: MIT */
/*
 * Backups and what is made of them.  A backup is a directory with
 *	env/		the environment, as of a checkpoint
 *	*.snap		keys and other small tables, for their readers
 *	audit.log*	who changed what (trail.h)
 *	verified	written last, when the copy has been opened and audited
 * Credentials in it are sealed; the key that opens them is not in it.
 *
 * data_dir/backup.last names the newest one: should the database be damaged,
 * it is what a rebuild begins with, before the journals since then (j/done,
 * j) come on top.  Journals that a verified backup covers are removed.
 */
#ifndef CORE_BACKUP_H
#define CORE_BACKUP_H

#include "core/audit.h"

struct error;
struct state;

/*
 * backup_make(s, dir, found, err):
 * Make a backup in directory ${dir}, which is new or empty: under the lease
 * ingest, checkpoint and copy; then, without it, verify the copy; then prune
 * j/done.
 *
 * Returns  0 with what the copy holds in ${*found}, or -1: ERROR_STORE.
 * Blocks   others out of the database while it copies, about a second a
 *          gigabyte; calls go on.
 */
int backup_make(struct state *s, const char *dir, struct audit *found,
    struct error *err) __attribute__((warn_unused_result));

/*
 * backup_verify(dir, found, err):
 * Open the copy in ${dir} and audit it.
 */
int backup_verify(const char *dir, struct audit *found, struct error *err)
    __attribute__((warn_unused_result));

/*
 * backup_restore(data_dir, from, err):
 * Under the lease, with env set aside: put a copy of backup ${from} (NULL:
 * that of backup.last) in its place.  Tables of which data_dir has a snapshot
 * are left empty: the snapshot is newer (key.h).  Snapshots and audit logs
 * that data_dir lacks come back, too.
 *
 * Returns  0, 1 if there is no backup to restore, -1: ERROR_STORE.
 */
int backup_restore(const char *data_dir, const char *from, struct error *err)
    __attribute__((warn_unused_result));

#endif
