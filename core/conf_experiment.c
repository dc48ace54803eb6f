/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/conf_read.h"
#include "core/experiment.h"
#include "core/jtree.h"
#include "core/resolve.h"
#include "core/route.h"

#define MAX_VERSION_BYTES ((size_t)4 << 20)
#define MAX_WEIGHT        1000000

/* --- types of values --- */

static void
set_share(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	double v = json_object_get_double(at->v);

	if ((!json_object_is_type(at->v, json_type_double) &&
		!json_object_is_type(at->v, json_type_int)) ||
	    !(v >= row->min && v <= row->max))
		conf_complain(r, at, "must be between %.15g and %.15g",
		    row->min, row->max);
	else
		memcpy((char *)base + row->offset, &v, sizeof(v));
}

static void
set_time(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	int64_t us;

	if (clock_parse(jtree_value_str(at), &us) != 0)
		conf_complain(r, at,
		    "must be a date, or a time such as "
		    "\"2026-03-01T09:00:00Z\"");
	else
		memcpy((char *)base + row->offset, &us, sizeof(us));
}

/* What is read when all names are known, from the tree. */
static void
set_later(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	(void)r;
	(void)row;
	(void)at;
	(void)base;
}

const struct conf_type conf_share_type = { "number", set_share, 0 };
const struct conf_type conf_time_type = { "time", set_time, 0 };
const struct conf_type conf_arms_type = { "list of arms", set_later, 0 };
const struct conf_type conf_judge_type = { "node", set_later, 0 };
const struct conf_type conf_rules_type = { "list of rules", set_later, 0 };

struct experiment *
conf_experiment_add(struct conf_reader *r, const struct jnode *at)
{
	struct experiment **end = &r->conf->experiments, *e;

	e = ARENA_NEW(r->arena, struct experiment);
	e->name = str_dup(r->arena, str_of(at->key));
	e->json = at->v;
	while (*end != NULL)
		end = &(*end)->next;
	*end = e;
	conf_read_defaults(r, "experiments.", e);
	return e;
}

/* --- arms --- */

static int
check_name(struct route_reader *r, const struct jnode *at,
    const struct experiment *e, struct str name)
{
	if (name.n == 0 || name.n > EXPERIMENT_NAME_BYTES)
		return route_bad(r, at, "needs a \"name\" of at most %d bytes",
		    EXPERIMENT_NAME_BYTES);
	if (experiment_arm(e, name) >= 0)
		return route_bad(
		    r, at, "there is an arm called \"%.*s\"", STR_ARG(name));
	return 0;
}

static int
read_arm(struct route_reader *r, const struct jnode *at, struct experiment *e)
{
	static const struct route_range range = { 1, MAX_WEIGHT };
	struct experiment_arm *arm = &e->arms[e->n_arms];
	struct jnode use = *at, name = *at;
	struct str set = STR_NONE;
	bool plain = json_object_is_type(at->v, json_type_string);

	arm->weight = 1;
	if (!plain && !jtree_find(at, "use", &use))
		return route_bad(r, at,
		    "must be a name or { \"name\": …, \"use\": …, "
		    "\"set\": …, \"weight\": n }");
	if (!plain &&
	    (route_members(r, at, NULL, "name, use, set, weight") != 0 ||
		route_set(r, at, &set) != 0 ||
		route_i64(r, at, "weight", range, &arm->weight) != 0))
		return -1;
	if (!plain && !jtree_find(at, "name", &name))
		name = use;
	arm->name = str_dup(r->arena, jtree_value_str(&name));
	arm->route = route_parse(r, &use);
	if (arm->route == NULL || check_name(r, at, e, arm->name) != 0)
		return -1;
	if (set.p != NULL)
		arm->route = route_arm(r, arm->route, set);
	e->n_arms++;
	return 0;
}

static int
read_arms(struct route_reader *r, const struct jnode *at, struct experiment *e)
{
	struct jnode list, item;
	size_t i, n;
	int rc = 0;

	(void)jtree_find(at, "arms", &list);
	n = jtree_len(&list);
	if (n < 2 || n > EXPERIMENT_MAX_ARMS)
		return route_bad(r, &list, "must be a list of 2 to %d arms",
		    EXPERIMENT_MAX_ARMS);
	for (i = 0; i < n; i++) {
		item = jtree_item(&list, i);
		rc |= read_arm(r, &item, e);
	}
	return rc;
}

/* --- the judge --- */

/* A target of ${judge} that ${arm} leads to as well, or NULL. */
static const struct target *
shared_target(const struct route *judge, const struct route *arm)
{
	const struct target *a, *b, *found = NULL;
	const struct route_use *use;

	for (use = judge->uses; use != NULL && found == NULL; use = use->next)
		found = shared_target(use->route, arm);
	for (use = arm->uses; use != NULL && found == NULL; use = use->next)
		found = shared_target(judge, use->route);
	if (judge->kind != &route_target || arm->kind != &route_target)
		return found;
	a = &((const struct route_target *)judge)->target;
	b = &((const struct route_target *)arm)->target;
	return a->provider == b->provider && str_eq(a->model, b->model) ? a
									: NULL;
}

static int
read_judge(struct route_reader *r, const struct jnode *at, struct experiment *e)
{
	const struct target *t;
	struct jnode judge;
	unsigned i;

	if (!jtree_find(at, "judge", &judge))
		return route_bad(r, at, "\"judge\" is missing");
	e->judge = route_parse(r, &judge);
	if (e->judge == NULL)
		return -1;
	for (i = 0; i < e->n_arms && !e->judge_may_be_arm; i++) {
		t = shared_target(e->judge, e->arms[i].route);
		if (t != NULL)
			return route_bad(r, &judge,
			    "%.*s/%.*s would judge its own answers, as arm "
			    "\"%.*s\" (allow it with \"judge_may_be_arm\")",
			    STR_ARG(t->provider->name), STR_ARG(t->model),
			    STR_ARG(e->arms[i].name));
	}
	return 0;
}

/* --- the version --- */

/* Text that says all that a node leads to, names and what they stand for. */
static void
add_node(struct route_reader *r, struct buf *out, struct json_object *v)
{
	struct jnode at = { .v = v };
	struct str name = jtree_value_str(&at);
	struct conf_route *cr;
	struct json_object *json;
	size_t i;

	if (json_object_is_type(v, json_type_object)) {
		json_object_object_foreach(v, key, value)
		{
			buf_addf(out, "{%s:", key);
			add_node(r, out, value);
		}
		buf_addch(out, '}');
		return;
	}
	for (i = 0; i < jtree_len(&at); i++)
		add_node(r, out, json_object_array_get_idx(v, i));
	if (jtree_len(&at) == 0)
		buf_adds(out, jtree_text(r->arena, &at));
	name = resolve_alias(r->conf, name);
	cr = name.n > 0 ? conf_route_find(r->conf, name) : NULL;
	buf_addf(out, "=%.*s;", STR_ARG(name));
	if (cr == NULL || cr->hashed ||
	    !json_object_object_get_ex(r->section.v, cr->name.p, &json))
		return;
	cr->hashed = true;
	add_node(r, out, json);
}

static void
add_member(struct route_reader *r, struct buf *out, struct experiment *e,
    const char *key)
{
	struct json_object *v;

	buf_addf(out, "%s\n", key);
	if (json_object_object_get_ex(e->json, key, &v))
		add_node(r, out, v);
}

static void
make_version(struct route_reader *r, struct experiment *e)
{
	static const char *const keys[] = { "task", "arms", "judge", "rubric",
		"criteria", "references" };
	struct buf *text = buf_new(r->arena, MAX_VERSION_BYTES);
	struct conf_route *cr;
	size_t i;

	for (cr = r->conf->routes; cr != NULL; cr = cr->next)
		cr->hashed = false;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		add_member(r, text, e, keys[i]);
	snprintf(e->version, sizeof(e->version), "%016" PRIx64,
	    str_hash(STR_HASH, buf_str(text)));
}

/* --- the whole --- */

static int
check_limits(
    struct route_reader *r, const struct jnode *at, const struct experiment *e)
{
	const struct name *c;
	unsigned n = 0;

	for (c = e->criteria; c != NULL; c = c->next)
		if (++n > EXPERIMENT_MAX_CRITERIA ||
		    c->s.n > EXPERIMENT_NAME_BYTES)
			return route_bad(r, at,
			    "\"criteria\" are at most %d, each of %d bytes",
			    EXPERIMENT_MAX_CRITERIA, EXPERIMENT_NAME_BYTES);
	if (e->task.n > EXPERIMENT_NAME_BYTES)
		return route_bad(r, at, "\"task\" has more than %d bytes",
		    EXPERIMENT_NAME_BYTES);
	if (e->end_us != 0 && e->end_us <= e->start_us)
		return route_bad(r, at, "\"end\" is not after \"start\"");
	return 0;
}

/* It stands in paths and file names. */
static int
check_own_name(
    struct route_reader *r, const struct jnode *at, const struct experiment *e)
{
	size_t i;
	bool ok = e->name.n > 0 && e->name.n <= EXPERIMENT_NAME_BYTES &&
	    e->name.p[0] != '.';

	for (i = 0; i < e->name.n; i++)
		ok = ok &&
		    (isalnum((unsigned char)e->name.p[i]) ||
			strchr("-_.", e->name.p[i]) != NULL);
	return ok ? 0
		  : route_bad(r, at,
			"a name is made of letters, digits, \"-\", \"_\" and "
			"\".\", at most %d",
			EXPERIMENT_NAME_BYTES);
}

static int
read_experiment(struct route_reader *r, struct experiment *e)
{
	const struct jnode at = {
		.v = e->json, .up = &r->experiments, .key = e->name.p
	};
	int rc;

	e->parsing = true;
	rc = check_own_name(r, &at, e);
	rc |= read_arms(r, &at, e);
	rc |= read_judge(r, &at, e);
	rc |= check_limits(r, &at, e);
	if (rc == 0)
		make_version(r, e);
	else
		e->n_arms = 0;
	e->parsing = false;
	e->json = NULL;
	return rc;
}

const struct experiment *
conf_experiment(struct route_reader *r, const struct jnode *at)
{
	struct str name = jtree_value_str(at);
	struct experiment *e = r->conf->experiments;

	while (e != NULL && !str_eq(e->name, name))
		e = e->next;
	if (e == NULL)
		route_bad(
		    r, at, "there is no experiment \"%.*s\"", STR_ARG(name));
	else if (e->parsing)
		route_bad(r, at, "experiment \"%.*s\" leads back to itself",
		    STR_ARG(name));
	else if (e->json != NULL ? read_experiment(r, e) == 0 : e->n_arms > 0)
		return e;
	return NULL;
}

void
conf_experiments_complete(struct route_reader *r)
{
	struct experiment *e;

	for (e = r->conf->experiments; e != NULL; e = e->next)
		if (e->json != NULL)
			(void)read_experiment(r, e);
}
