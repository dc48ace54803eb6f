/* SPDX-License-Identifier: MIT */
/*
 * A small file of plain numbers that all processes of a data_dir map, for
 * what may be lost: it is all zero after a reboot, and when it is damaged or
 * comes from another version of the program or another directory.  Such a
 * file is replaced, never changed, since others may have it mapped.  (shm.h is
 * its elder brother, with locks.)
 */
#ifndef CORE_MAPPED_H
#define CORE_MAPPED_H

#include <stddef.h>
#include <stdint.h>

struct error;

/*
 * mapped_attach(dirfd, name, version, bytes, err):
 * Map file ${name} of directory ${dirfd}, made if need be.  ${version} stands
 * for the layout and changes with it.
 *
 * Returns  ${bytes} of shared memory, or NULL: ERROR_STORE.  mapped_detach
 *          ends it; NULL to that is a no-op.
 */
void *mapped_attach(int dirfd, const char *name, uint32_t version, size_t bytes,
    struct error *err);
void mapped_detach(void *p, size_t bytes);

#endif
