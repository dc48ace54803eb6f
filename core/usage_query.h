/* SPDX-License-Identifier: MIT */
/*
 * What was used and what it cost, by whatever one likes: by one dimension from
 * the rollups (rollup.h), which takes milliseconds for years; by several at
 * once, hours, and what is left of days at both ends of the time, from the
 * facts (fact.h), which takes some 50 ns a call.  Both count what is pruned.
 */
#ifndef CORE_USAGE_QUERY_H
#define CORE_USAGE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ledger_sum.h"
#include "core/rollup.h"
#include "core/str.h"

struct arena;
struct error;
struct jw;
struct state;

#define USAGE_QUERY_BY         3
#define USAGE_QUERY_MAX_GROUPS 250000
#define USAGE_QUERY_BYTES      ((size_t)1 << 30) /* an arena for any result */

/* UTC; weeks begin on Monday. */
enum usage_interval {
	USAGE_DAY,
	USAGE_HOUR,
	USAGE_WEEK,
	USAGE_MONTH,
	USAGE_INTERVALS
};

extern const char *const usage_intervals[USAGE_INTERVALS];

struct usage_query {
	enum rollup_dim by[USAGE_QUERY_BY]; /* ROLLUP_ALL: by interval */
	unsigned n_by;                      /* all different */
	enum usage_interval interval;
	int64_t since_us, until_us;   /* started_at in [since, until); 0 open */
	struct str only[ROLLUP_DIMS]; /* absent: all; empty: has none */
	size_t top;                   /* values that are told apart; 0: all */
	size_t max;                   /* groups; 0: USAGE_QUERY_MAX_GROUPS */
	int64_t patience_us;          /* for reading facts; 0: any */
};

struct usage_group {
	/* As by; absent: has none.  Of ROLLUP_ALL: "20261124", the first day;
	 * with USAGE_HOUR "2026112417". */
	struct str values[USAGE_QUERY_BY];
	bool other; /* all that is not among the top */
	struct ledger_sum sum;
};

struct usage_groups;

struct usage_result {
	const struct usage_groups *groups;
	const uint32_t *order; /* by time, then the dearest first */
	size_t n;
	struct ledger_sum total; /* each call once */
	bool from_facts;         /* in part at least */
};

/*
 * usage_query_parse(words, q, err):
 * Read "key" or "day,model" into ${q}->by.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST.
 */
int usage_query_parse(struct str words, struct usage_query *q,
    struct error *err) __attribute__((warn_unused_result));

/*
 * ledger_usage(state, q, a, result, err):
 * Ingest all journals and add up.  A call with two tags counts with both, one
 * that went to two models with both.
 *
 * Returns  0 with ${*result} in ${a}; or -1: ERROR_BAD_REQUEST (more groups
 *          than may be, rows that were pruned before there were facts,
 *          patience ran out), ERROR_BUSY (the sums are still being made,
 *          after an upgrade), ERROR_STORE.
 * Blocks   on the lease, up to 2 s at a time, and the database.
 */
int ledger_usage(struct state *state, const struct usage_query *q,
    struct arena *a, struct usage_result *result, struct error *err)
    __attribute__((warn_unused_result));

/*
 * usage_result_at(r, i):
 * Returns  group ${i} of ${r}, whose strings are those of ${r}.
 */
struct usage_group usage_result_at(const struct usage_result *r, size_t i);

/* usage_query_write(q, r, w): the result as one JSON object. */
void usage_query_write(
    const struct usage_query *q, const struct usage_result *r, struct jw *w);

#endif
