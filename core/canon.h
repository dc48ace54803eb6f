/* SPDX-License-Identifier: MIT */
/*
 * One spelling for each JSON value: members sorted by name, strings and
 * numbers written in one way (1, 1.0 and 10e-1 are the same, however many
 * digits they have), no white space.  Two documents mean the same exactly
 * when their canonical texts are equal bytes.
 */
#ifndef CORE_CANON_H
#define CORE_CANON_H

#include <stdbool.h>

#include "core/str.h"

struct arena;
struct buf;

/*
 * canon_json(a, doc, skip, out):
 * Append the canonical text of ${doc}, which jtext_check has passed, to
 * ${out}; without the members of the outermost object that ${skip} (NULL:
 * none) says yes to.
 *
 * Memory   ${a} for what is being sorted.
 */
void canon_json(struct arena *a, struct str doc, bool (*skip)(struct str name),
    struct buf *out);

#endif
