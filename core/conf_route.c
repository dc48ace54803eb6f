/* SPDX-License-Identifier: MIT */
#include <json-c/json_object.h>

#include "core/arena.h"
#include "core/conf.h"
#include "core/conf_read.h"
#include "core/error.h"
#include "core/jtree.h"
#include "core/money.h"
#include "core/route.h"
#include "core/task.h"

/* Note the name; the tree follows when every other name is known. */
static void
set_route(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	struct conf_route **end = &r->conf->routes, *cr;

	(void)row;
	(void)base;
	cr = ARENA_NEW(r->arena, struct conf_route);
	cr->name = str_dup(r->arena, str_of(at->key));
	cr->json = at->v;
	while (*end != NULL)
		end = &(*end)->next;
	*end = cr;
}

static void
store(const struct conf_row *row, void *base, int64_t v)
{
	memcpy((char *)base + row->offset, &v, sizeof(v));
}

static void
set_hedge(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	int64_t ms = json_object_get_int64(at->v);

	if (str_is(jtree_value_str(at), "auto"))
		store(row, base, CONF_HEDGE_AUTO);
	else if (!json_object_is_type(at->v, json_type_int) || ms < 0 ||
	    (double)ms > row->max)
		conf_complain(r, at, "must be between 0 and %.15g, or \"auto\"",
		    row->max);
	else
		store(row, base, ms);
}

static void
set_usd(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	int64_t pusd;

	if (money_parse(jtree_value_str(at), PUSD_PER_USD, &pusd) != 0)
		conf_complain(
		    r, at, "must be a decimal string, such as \"0.01\"");
	else
		store(row, base, pusd);
}

const struct conf_type conf_route_type = { "node", set_route, 0 };
const struct conf_type conf_hedge_type = { "milliseconds or auto", set_hedge,
	0 };
const struct conf_type conf_usd_type = { "USD", set_usd, 0 };

/* The message has its path already. */
static void
complain(void *arg, const struct error *err)
{
	struct jnode nowhere = { 0 };

	conf_complain(arg, &nowhere, "%s", err->msg);
}

/* A name that would hide a target, or that no request could spell. */
static bool
check_name(
    struct conf_reader *r, const struct conf_route *cr, const struct jnode *at)
{
	const struct conf_alias *al;

	for (al = r->conf->aliases; al != NULL; al = al->next) {
		if (!str_eq(al->name, cr->name))
			continue;
		conf_complain(r, at, "there is an alias of this name");
		return false;
	}
	return true;
}

void
conf_routes_complete(struct conf_reader *r, const struct jnode *root)
{
	struct route_reader reader = { .arena = r->arena,
		.conf = r->conf,
		.complain = complain,
		.arg = r };
	struct conf_route *cr;
	struct jnode at;

	if (root == NULL || r->conf->catalog == NULL)
		return;
	jtree_find(root, "routes", &reader.section);
	jtree_find(root, "experiments", &reader.experiments);
	for (cr = r->conf->routes; cr != NULL; cr = cr->next) {
		at = (struct jnode){
			.v = cr->json, .up = &reader.section, .key = cr->name.p
		};
		if (check_name(r, cr, &at) && cr->json != NULL)
			(void)route_find(&reader, cr->name, &at);
	}
	conf_experiments_complete(&reader);
	if (jtree_find(root, "tasks", &at))
		task_read(&reader, &at, &r->conf->tasks);
}

struct conf_route *
conf_route_find(const struct conf *conf, struct str name)
{
	struct conf_route *cr;

	for (cr = conf->routes; cr != NULL; cr = cr->next) {
		if (str_eq(cr->name, name))
			return cr;
	}
	return NULL;
}
