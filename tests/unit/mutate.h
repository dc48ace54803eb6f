/* SPDX-License-Identifier: MIT */
/* Requests with one thing wrong, for tests. */
#ifndef TESTS_MUTATE_H
#define TESTS_MUTATE_H

#include <stdint.h>

#include "core/str.h"

struct arena;

/*
 * mutate(a, body, seed):
 * Returns  the JSON object ${body}, in ${a}, with one place of it, by chance,
 *          gone, there twice, or something else; ${*seed} moves on.
 */
struct str mutate(struct arena *a, struct str body, uint64_t *seed);

#endif
