/* SPDX-License-Identifier: MIT */
/* JSON Schemas by wire.md §3.4 and §4.1, written for tests a second time. */
#ifndef TESTS_SCHEMA_RULES_H
#define TESTS_SCHEMA_RULES_H

#include <stdbool.h>

#include "core/str.h"
#include "core/wire.h"

struct arena;

/*
 * schema_rules(a, text, as, constrained):
 * Returns  what the schema ${text} must read in format ${as}, there for
 *          ${constrained} output or for a tool's plain input, with sorted
 *          members.
 */
struct str schema_rules(
    struct arena *a, struct str text, enum wire as, bool constrained);

#endif
