/* SPDX-License-Identifier: MIT */
/* Strings by number, in order of appearance; the absent one is one, too. */
#ifndef CORE_DICT_H
#define CORE_DICT_H

#include <stdint.h>

#include "core/str.h"

struct arena;

struct dict {
	struct arena *arena;
	struct str *list; /* by number; copies */
	uint32_t n, slots;
	struct dict_slot {
		uint32_t hash, number; /* + 1; 0: free */
	} * index;                     /* twice as many as list */
	size_t bytes;                  /* of all strings */
};

/* dict_init(d, a): empty; allocates nothing. */
void dict_init(struct dict *d, struct arena *a);

/*
 * dict_at(d, s):
 * Returns  the number of ${s}, which is copied if it is new.
 */
uint32_t dict_at(struct dict *d, struct str s);

/* dict_near(d, s): have the memory fetched that finding ${s} looks at. */
void dict_near(const struct dict *d, struct str s);

/* dict_find(d, s): the number of ${s}, or DICT_NONE. */
#define DICT_NONE UINT32_MAX
uint32_t dict_find(const struct dict *d, struct str s);

#endif
