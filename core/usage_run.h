/* SPDX-License-Identifier: MIT */
/* One pass of a query (usage_query.h), shared by its ways to answer. */
#ifndef CORE_USAGE_RUN_H
#define CORE_USAGE_RUN_H

#include "core/usage_group.h"
#include "core/usage_query.h"

struct error;
struct state;
struct txn;

#define USAGE_DAY_US    INT64_C(86400000000)
#define USAGE_DAY_BYTES 9 /* "20261124", NUL */

struct usage_run {
	const struct usage_query *q;
	struct state *state;
	struct usage_groups groups;
	struct ledger_sum total;
	const struct usage_groups *best; /* values to tell apart; NULL: all.
					  * Theirs have the same numbers. */
	bool ranks; /* only calls and cost of groups are wanted */
	char period[USAGE_DAY_BYTES]; /* whose start is known */
	char start[USAGE_DAY_BYTES];
	int64_t until_us; /* monotonic: patience ends; 0: never */
	int64_t facts_us; /* calls that began before are in no facts */
};

/*
 * usage_run_begin(run, a):
 * Make the groups, without any, in ${a}.
 */
void usage_run_begin(struct usage_run *run, struct arena *a);

/*
 * usage_run_name(run, k, value):
 * Returns  the number of a value of what is grouped by at place ${k}, a start
 *          where that is the time; DICT_NONE if it is not told apart.
 *
 * usage_run_at(run, names):
 * Returns  the group of values with these numbers, or that of all others;
 *          USAGE_NO_GROUP if there can be no more.
 */
uint32_t usage_run_name(struct usage_run *run, unsigned k, struct str value);
uint32_t usage_run_at(
    struct usage_run *run, const uint32_t names[USAGE_QUERY_BY]);

/*
 * usage_run_start(run, day):
 * Returns  the first day of the interval that ${day}, "20261124" or "202611",
 *          lies in; valid until the next call.
 */
struct str usage_run_start(struct usage_run *run, struct str day);

/* usage_fits(only, value): does a filter let ${value} pass? */
bool usage_fits(struct str only, struct str value);

/*
 * usage_can_sum(q): can rollups answer ${q}, but for ends that are no days?
 */
bool usage_can_sum(const struct usage_query *q);

/*
 * usage_sums(run, since_us, until_us, err):
 * Add up whole days (0: open) from the rollups.
 *
 * usage_sums_old(run, since_us, until_us, err):
 * Add up, from the old rollups, what is in no facts.
 *
 * usage_facts(run, since_us, until_us, err):
 * Add up any time from the facts.
 *
 * usage_facts_now(run, t, since_us, until_us):
 * The same, in one transaction.
 *
 * Returns  0; usage_facts 1, if calls of that time are in no facts; or -1:
 *          ERROR_STORE, ERROR_BAD_REQUEST (the old ones have no such sums,
 *          patience ran out).
 */
int usage_sums(struct usage_run *run, int64_t since_us, int64_t until_us,
    struct error *err) __attribute__((warn_unused_result));
int usage_sums_old(struct usage_run *run, int64_t since_us, int64_t until_us,
    struct error *err) __attribute__((warn_unused_result));
int usage_facts_now(struct usage_run *run, struct txn *t, int64_t since_us,
    int64_t until_us) __attribute__((warn_unused_result));
int usage_facts(struct usage_run *run, int64_t since_us, int64_t until_us,
    struct error *err) __attribute__((warn_unused_result));

#endif
