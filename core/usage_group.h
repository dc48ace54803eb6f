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
	size_t rows[USAGE_CHUNK]; /* the last row that was added to each */
};

struct usage_groups {
	struct arena *arena; /* what the groups are made of */
	unsigned n_values;
	struct usage_chunk *chunks[USAGE_CHUNKS];
	uint32_t n;   /* groups */
	uint32_t max; /* of them */
	struct usage_slot *index;
	size_t slots; /* of index; twice as many as groups, or more */
	size_t rows;  /* rows begun */
	unsigned day; /* of usage_groups_sorted */
	bool full;    /* there would have been more than may be */
};

void usage_groups_init(
    struct usage_groups *g, struct arena *a, unsigned n_values);

/* usage_groups_has(g, values): is there a group of ${values}? */
bool usage_groups_has(const struct usage_groups *g, const struct str *values);

/* usage_groups_row(g): what is added from now on is of another row. */
void usage_groups_row(struct usage_groups *g);

/*
 * usage_groups_add(g, values, sum):
 * Add ${sum} to the group of ${values}.
 *
 * Returns  true if the group has not had anything of this row yet.
 */
bool usage_groups_add(struct usage_groups *g, const struct str *values,
    const struct ledger_sum *sum);

/*
 * usage_groups_sorted(g, day, last):
 * Returns  all groups by value ${day}, if there are so many values, then the
 *          dearest first; those with a value ${last} come after all others.
 */
struct usage_group *usage_groups_sorted(
    struct usage_groups *g, unsigned day, unsigned last);

#endif
