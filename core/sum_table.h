/* SPDX-License-Identifier: MIT */
/* Sums (ledger_sum.h) by name, in an arena. */
#ifndef CORE_SUM_TABLE_H
#define CORE_SUM_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ledger_sum.h"
#include "core/str.h"

struct arena;

struct sum_entry {
	struct str key;
	uint32_t hash;
	bool seen; /* for the user of the table */
	struct ledger_sum sum;
};

struct sum_table {
	struct arena *arena;
	struct sum_entry *list; /* in order of appearance */
	uint32_t n, slots;      /* list has half as many as slots */
	uint32_t *index;        /* of list, + 1; 0: free */
};

void sum_table_init(struct sum_table *t, struct arena *a);

/*
 * sum_table_at(t, key):
 * Returns  the sum of ${key}, which is copied if it is new.
 */
struct ledger_sum *sum_table_at(struct sum_table *t, struct str key);

/* sum_table_find(t, key): the entry, or NULL. */
struct sum_entry *sum_table_find(const struct sum_table *t, struct str key);

/* sum_table_sort(t): the list by key; the table takes no more after it. */
void sum_table_sort(struct sum_table *t);

#endif
