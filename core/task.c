/* SPDX-License-Identifier: MIT */
#include "core/task.h"

#include <json-c/json_object.h>

#include "core/arena.h"
#include "core/conf.h"
#include "core/experiment.h"
#include "core/ledger.h"
#include "core/plan.h"
#include "core/route_test.h"

static struct task_rule *
read_rule(struct route_reader *r, const struct jnode *at)
{
	struct task_rule *rule = ARENA_NEW(r->arena, struct task_rule);
	struct jnode cond, task;

	if (!jtree_find(at, "if", &cond) || !jtree_find(at, "task", &task)) {
		route_bad(r, at, "must be { \"if\": …, \"task\": NAME }");
		return NULL;
	}
	if (route_members(r, at, NULL, "if, task") != 0)
		return NULL;
	rule->test = route_test_parse(r, &cond);
	rule->task = str_dup(r->arena, jtree_value_str(&task));
	if (rule->task.n == 0 || rule->task.n > EXPERIMENT_NAME_BYTES) {
		route_bad(r, &task, "must be a name of at most %d bytes",
		    EXPERIMENT_NAME_BYTES);
		return NULL;
	}
	return rule->test != NULL ? rule : NULL;
}

void
task_read(
    struct route_reader *r, const struct jnode *at, struct task_rule **rules)
{
	struct jnode item;
	size_t i;

	if (!json_object_is_type(at->v, json_type_array) ||
	    jtree_len(at) > TASK_MAX_RULES) {
		route_bad(r, at, "must be a list of at most %d rules",
		    TASK_MAX_RULES);
		return;
	}
	for (i = 0; i < jtree_len(at); i++) {
		item = jtree_item(at, i);
		*rules = read_rule(r, &item);
		if (*rules != NULL)
			rules = &(*rules)->next;
	}
}

struct str
task_of(struct planner *p)
{
	const struct task_rule *rule;
	const struct header *tag;

	if (p->row->task.n > 0)
		return p->row->task;
	for (tag = p->row->tags; tag != NULL; tag = tag->next)
		if (str_is(tag->name, "task") && tag->value.n > 0)
			return tag->value;
	for (rule = p->conf->tasks; rule != NULL; rule = rule->next)
		if (route_test_holds(p, rule->test))
			return rule->task;
	return STR_NONE;
}
