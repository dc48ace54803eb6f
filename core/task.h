/* SPDX-License-Identifier: MIT */
/*
 * What a call is for: what the client says (x-sluice-task, or a tag "task"),
 * else what the first rule of the configuration's `tasks` says that holds:
 *	{ "if": CONDITION, "task": NAME }
 */
#ifndef CORE_TASK_H
#define CORE_TASK_H

#include "core/str.h"

struct jnode;
struct planner;
struct route_reader;
struct route_test;

#define TASK_MAX_RULES 64

struct task_rule {
	const struct route_test *test;
	struct str task;
	struct task_rule *next;
};

/* task_read(r, at, rules): read the list at ${at}, or complain. */
void task_read(
    struct route_reader *r, const struct jnode *at, struct task_rule **rules);

/* task_of(p): the task of the call of ${p}; the absent str if it has none. */
struct str task_of(struct planner *p);

#endif
