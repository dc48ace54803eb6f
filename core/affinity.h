/* SPDX-License-Identifier: MIT */
/*
 * Conversations that should stay where they are (design §8): a provider that
 * has read from its prompt cache for one keeps it for ten minutes of silence,
 * and its price there counts as cached.  Known to all processes (health.h).
 *
 * A conversation is its x-sluice-session, else its system prompt and first
 * message; in either case of one key.
 */
#ifndef CORE_AFFINITY_H
#define CORE_AFFINITY_H

#include <stdint.h>

struct planner;
struct target;
struct usage;

/*
 * affinity_note(p, target, usage, now_us):
 * Remember that ${target} has answered with ${usage}.
 */
void affinity_note(struct planner *p, const struct target *target,
    const struct usage *usage, int64_t now_us);

/*
 * affinity_tokens(p, target):
 * Returns  the input tokens that ${target} most likely has in its cache; 0.
 */
int64_t affinity_tokens(struct planner *p, const struct target *target);

#endif
