/* SPDX-License-Identifier: MIT */
/* Do facts add up to what rollups do? */
#ifndef CORE_AUDIT_FACTS_H
#define CORE_AUDIT_FACTS_H

struct error;
struct store;

/*
 * audit_facts(store, err):
 * Compare both by each dimension, month by month; where a dimension has more
 * than USAGE_QUERY_MAX_GROUPS values a month, only as far as there are groups.
 * In months in which rows had been pruned before there were facts, rollups may
 * have more.
 *
 * Returns  0, or -1: ERROR_STORE with the first that differs.
 */
int audit_facts(struct store *store, struct error *err)
    __attribute__((warn_unused_result));

#endif
