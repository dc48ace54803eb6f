/* SPDX-License-Identifier: MIT */
/*
 * A leaf: one model of one provider.  `set` overrides members of the client's
 * request, in the client's dialect, before it is translated.
 */
#include <json-c/json_object.h>
#include <json-c/linkhash.h>

#include "core/arena.h"
#include "core/plan.h"
#include "core/route.h"

#define MAX_SET     7 /* with the model's name as many as jtext_apply takes */
#define MAX_WAIT_MS INT64_C(86400000)

static const struct {
	const char *word;
	enum route_on bit;
} on_words[] = {
	{ "context", ROUTE_ON_CONTEXT },
	{ "policy", ROUTE_ON_POLICY },
};

/* What the gateway itself decides about a request. */
static const char *const not_set[] = { "model", "models", "messages", "stream",
	"input", "contents" };

static int
read_on(struct route_reader *r, const struct jnode *at, unsigned *on)
{
	struct jnode list, item;
	size_t i, w;

	if (!jtree_find(at, "on", &list))
		return 0;
	if (jtree_len(&list) == 0)
		return route_bad(
		    r, &list, "must be a list of \"context\", \"policy\"");
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		for (w = 0; w < 2; w++)
			if (str_is(jtree_value_str(&item), on_words[w].word))
				break;
		if (w == 2)
			return route_bad(
			    r, &item, "must be \"context\" or \"policy\"");
		*on |= on_words[w].bit;
	}
	return 0;
}

static int
check_set(struct route_reader *r, const struct jnode *set)
{
	struct jnode member = { .up = set };
	size_t i, n = 0;

	if (!json_object_is_type(set->v, json_type_object))
		return route_bad(r, set, "must be an object");
	json_object_object_foreach(set->v, key, value)
	{
		member.key = key;
		member.v = value;
		if (++n > MAX_SET)
			return route_bad(
			    r, set, "has more than %d members", MAX_SET);
		if (key[0] == '\0' || strchr(key, '.') != NULL)
			return route_bad(r, &member, "is no parameter");
		for (i = 0; i < sizeof(not_set) / sizeof(not_set[0]); i++)
			if (strcmp(key, not_set[i]) == 0)
				return route_bad(
				    r, &member, "cannot be set by a route");
	}
	return 0;
}

int
route_set(struct route_reader *r, const struct jnode *at, struct str *set)
{
	struct jnode place;

	if (!jtree_find(at, "set", &place))
		return 0;
	if (check_set(r, &place) != 0)
		return -1;
	*set = jtree_text(r->arena, &place);
	return 0;
}

static struct route *
parse(struct route_reader *r, const struct jnode *at)
{
	static const struct route_range wait = { 1, MAX_WAIT_MS };
	struct route_target *t = ARENA_NEW(r->arena, struct route_target);
	const struct route *named;
	struct jnode model;

	if (!jtree_find(at, "model", &model) ||
	    jtree_value_str(&model).n == 0) {
		route_bad(r, &model, "must be a model's name");
		return NULL;
	}
	named = route_find(r, jtree_value_str(&model), &model);
	if (named == NULL)
		return NULL;
	if (named->kind != &route_target) {
		route_bad(r, &model, "names a route, not a model");
		return NULL;
	}
	/* An alias may lead to a leaf of a route: its own say comes last. */
	*t = *(const struct route_target *)named;
	if (route_i64(r, at, "timeout_ms", wait, &t->timeout_ms) != 0 ||
	    read_on(r, at, &t->on) != 0 || route_set(r, at, &t->set) != 0)
		return NULL;
	return &t->route;
}

static struct plan *
plan(struct planner *p, const struct route *route)
{
	struct plan *leaf = plan_new(p, PLAN_TARGET);

	leaf->leaf = (const struct route_target *)route;
	return leaf;
}

const struct route_kind route_target = {
	.options = "model, set, timeout_ms, on",
	.parse = parse,
	.plan = plan,
};
