/* SPDX-License-Identifier: MIT */
/* Reference answers: a file with {"input":…,"answer":…} a line. */
#ifndef CORE_REFERENCE_H
#define CORE_REFERENCE_H

#include "core/str.h"

struct arena;

#define REFERENCE_MAX_BYTES ((size_t)64 << 20) /* of the file are read */

/*
 * reference_find(a, path, input):
 * Returns  the answer that file ${path} (absent: none) has for ${input}, in
 *          ${a}; or the absent str.  A line that is no such object, or a file
 *          that cannot be read, is passed over.
 * Blocks   on reading the file.
 */
struct str reference_find(struct arena *a, struct str path, struct str input);

#endif
