/* SPDX-License-Identifier: MIT */
/* Adding up blocks of facts (fact.h) for a query. */
#ifndef CORE_USAGE_BLOCK_H
#define CORE_USAGE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/fact.h"
#include "core/usage_run.h"

struct usage_block;

/*
 * usage_block_new(run, since_us, until_us):
 * Returns  what adds calls that began in [since, until), 0: open, to the
 *          groups and the total of ${run}; in the arena of the groups.
 */
struct usage_block *usage_block_new(
    struct usage_run *run, int64_t since_us, int64_t until_us);

/*
 * usage_block_parts(u, cut):
 * Returns  the parts of a block that are asked for; ${cut}: there may be calls
 *          of other times in it.
 */
unsigned usage_block_parts(const struct usage_block *u, bool cut);

/*
 * usage_block_add(u, b, cut):
 * Add up a block.
 *
 * Returns  0, or -1: it is damaged.
 * Memory   what it needs for that is in the arena of ${b}.
 */
int usage_block_add(struct usage_block *u, struct fact_block *b, bool cut)
    __attribute__((warn_unused_result));

#endif
