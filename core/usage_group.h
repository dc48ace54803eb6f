/* SPDX-License-Identifier: MIT */
/* The groups of a query (usage_query.h) while they are being added up. */
#ifndef CORE_USAGE_GROUP_H
#define CORE_USAGE_GROUP_H

#include "core/usage_query.h"

struct usage_slot {
	uint32_t hash;
	uint32_t group; /* of list, + 1; 0: free */
};

#define USAGE_CHUNK  1024u
#define USAGE_CHUNKS (USAGE_QUERY_MAX_GROUPS / USAGE_CHUNK + 1)

struct usage_chunk {
	struct usage_group groups[USAGE_CHUNK];
};

struct usage_groups {
	struct arena *arena; /* what the groups are made of */
	unsigned n_values;
	struct usage_chunk *chunks[USAGE_CHUNKS];
	uint32_t n;   /* groups */
	uint32_t max; /* of them */
	struct usage_slot *index;
	size_t slots; /* of index; twice as many as groups, or more */
	unsigned day; /* of usage_groups_sorted */
	bool full;    /* there would have been more than may be */
};

void usage_groups_init(
    struct usage_groups *g, struct arena *a, unsigned n_values);

/* usage_groups_has(g, values): is there a group of ${values}? */
bool usage_groups_has(const struct usage_groups *g, const struct str *values);

/* usage_groups_values(g, i): the values of group ${i}, of those there are. */
const struct str *usage_groups_values(const struct usage_groups *g, uint32_t i);

/*
 * usage_groups_at(g, values):
 * Returns  the sum of the group of ${values}, NULL if there can be no more;
 *          it stays where it is.
 */
struct ledger_sum *usage_groups_at(
    struct usage_groups *g, const struct str *values);

/*
 * usage_groups_sorted(g, day, last):
 * Forget groups in which nothing is left: what was in them was taken back.
 *
 * Returns  all groups by value ${day}, if there are so many values, then the
 *          dearest first; those with a value ${last} come after all others.
 */
struct usage_group **usage_groups_sorted(
    struct usage_groups *g, unsigned day, unsigned last);

#endif
