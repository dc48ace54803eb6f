/* SPDX-License-Identifier: MIT */
/*
 * Which group of a query the calls of a block belong to.  A combination of
 * values is looked for by the small numbers that they have in the block, then
 * by those that they have in all groups.
 */
#ifndef CORE_USAGE_AXES_H
#define CORE_USAGE_AXES_H

#include <stdint.h>

#include "core/fact.h"
#include "core/usage_run.h"

struct usage_axes;

/* usage_axes_new(run): what ${run} groups by; in the arena of its groups. */
struct usage_axes *usage_axes_new(struct usage_run *run);

/*
 * usage_axes_set(u, b):
 * It is block ${b} from now on, whose arena outlives ${u}.
 *
 * Returns  0, or -1: it is damaged.
 */
int usage_axes_set(struct usage_axes *u, struct fact_block *b)
    __attribute__((warn_unused_result));

/*
 * usage_axes_at(u, at):
 * Returns  the group of call, attempt and tag ${at}, as far as they matter;
 *          USAGE_NO_GROUP if there can be no more groups.
 */
uint32_t usage_axes_at(struct usage_axes *u, const uint32_t at[FACT_KINDS]);

#endif
