/* SPDX-License-Identifier: MIT */
/*
 * The groups of a query (usage_query.h) while they are being added up.  A
 * group is a combination of values by their numbers, and a place in columns
 * that hold the sums: it takes no more room than what it has numbers of.
 */
#ifndef CORE_USAGE_GROUP_H
#define CORE_USAGE_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/dict.h"
#include "core/ledger_sum.h"
#include "core/usage_query.h"

#define USAGE_VALUES   (USAGE_QUERY_BY + 1) /* and the word for all others */
#define USAGE_NO_GROUP UINT32_MAX
#define USAGE_FEW      31

/* The numbers of a group's values; 0: absent, or behind those there are. */
struct usage_ids {
	uint32_t of[USAGE_VALUES];
};

/* Which of its two histograms. */
enum usage_time {
	USAGE_DURATION,
	USAGE_TTFT,
	USAGE_TIMES
};

/* Times: each 128 if taken back + 64 if ttft + the bucket, while there are few;
 * then a pointer to USAGE_TIMES histograms. */
struct usage_few {
	uint8_t marks[USAGE_FEW];
	uint8_t n; /* USAGE_FEW + 1: many */
};

/* Columns grow by so many groups. */
#define USAGE_CHUNK  1024u
#define USAGE_CHUNKS (USAGE_QUERY_MAX_GROUPS / USAGE_CHUNK + 1)

struct usage_slot {
	uint32_t hash;
	uint32_t group; /* + 1; 0: free */
};

struct usage_groups {
	struct arena *arena;             /* what the groups are made of */
	unsigned n_values;               /* a group has */
	struct dict names[USAGE_VALUES]; /* of each value, absent first */
	uint32_t n;                      /* groups */
	uint32_t max;                    /* of them */
	bool full; /* there would have been more than may be */
	/* By chunk of groups: */
	struct usage_ids *ids[USAGE_CHUNKS];
	struct usage_few *few[USAGE_CHUNKS];
	int64_t **fields[LEDGER_SUM_FIELDS]; /* NULL, both: 0 throughout */
	/* By hash: */
	struct usage_slot *index;
	uint32_t slots; /* twice as many as groups, or more */
};

void usage_groups_init(
    struct usage_groups *g, struct arena *a, unsigned n_values);

/*
 * usage_groups_at(g, ids):
 * Returns  the group of those values, a new one if need be; USAGE_NO_GROUP if
 *          there can be no more.
 *
 * usage_groups_of(g, values):
 * The same, of values that need not have numbers yet.
 */
uint32_t usage_groups_at(struct usage_groups *g, const struct usage_ids *ids);
uint32_t usage_groups_of(struct usage_groups *g, const struct str *values);

/* usage_groups_has(g, ids): is there a group of those values? */
bool usage_groups_has(
    const struct usage_groups *g, const struct usage_ids *ids);

/* usage_groups_value(g, group, k): its value ${k}. */
struct str usage_groups_value(
    const struct usage_groups *g, uint32_t group, unsigned k);

/* usage_groups_add(g, group, sum): add ${sum} (ledger_sum_add). */
void usage_groups_add(
    struct usage_groups *g, uint32_t group, const struct ledger_sum *sum);

/* A value of a column of facts that goes to a group. */
struct usage_pick {
	uint32_t group, at;
};

struct usage_picks {
	struct usage_pick *list;
	size_t n;
};

/*
 * usage_groups_put(g, p, field, v):
 * Add the values of ${v} that are picked to ${field} of their groups.
 *
 * usage_groups_time(g, p, time, v, sign):
 * Count them in histograms: each is a bucket + 1, or 0 for none; ${sign} says
 * by how much.
 */
void usage_groups_put(struct usage_groups *g, const struct usage_picks *p,
    unsigned field, const int64_t *v);
void usage_groups_time(struct usage_groups *g, const struct usage_picks *p,
    enum usage_time time, const int64_t *v, const int64_t *sign);

/* usage_groups_sum(g, group, sum): what it adds up to. */
void usage_groups_sum(
    const struct usage_groups *g, uint32_t group, struct ledger_sum *sum);

/*
 * usage_groups_sorted(g, day, last, n):
 * Returns  the ${*n} groups in which anything is left, and not all was taken
 *          back, by value ${day}, if there are so many values, then the
 *          dearest first; those with a value ${last} come after all others.
 */
const uint32_t *usage_groups_sorted(
    struct usage_groups *g, unsigned day, unsigned last, size_t *n);

#endif
