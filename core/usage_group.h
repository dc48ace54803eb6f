/* SPDX-License-Identifier: MIT */
/* The groups of a query (usage_query.h) while they are being added up. */
#ifndef CORE_USAGE_GROUP_H
#define CORE_USAGE_GROUP_H

#include "core/usage_query.h"

struct usage_groups {
	struct arena *arena; /* what the groups are made of */
	unsigned n_values;
	size_t max; /* groups */
	struct usage_group *list;
	size_t n, slots; /* list has half as many as slots */
	size_t *index;   /* of list, + 1; 0: free */
	size_t *row;     /* per group: the last row that was added to it */
	size_t rows;     /* rows begun */
	bool full;       /* there would have been more than may be */
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

#endif
