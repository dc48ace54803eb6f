/* SPDX-License-Identifier: MIT */
#include "core/route.h"

#include <stdarg.h>
#include <stdio.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/resolve.h"

#define MAX_LIST_BYTES 512
#define CACHE_OPTIONS  "cache, cache_ttl_s" /* of any node */

/* The strategies, in the order of README. */
static const struct route_kind *const kinds[] = {
	&route_fallback,
	&route_race,
	&route_split,
	&route_cheapest,
	&route_fastest,
	&route_when,
	&route_best,
	&route_experiment,
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

int
route_bad(struct route_reader *r, const struct jnode *at, const char *fmt, ...)
{
	struct error err = { 0 };
	char text[sizeof(err.msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	jtree_fail(at, &err, "%s", text);
	r->complain(r->arg, &err);
	return -1;
}

int
route_i64(struct route_reader *r, const struct jnode *at, const char *key,
    struct route_range range, int64_t *out)
{
	struct error err = { 0 };
	struct jnode place;
	int64_t v = range.min;

	if (!jtree_find(at, key, &place))
		return 0;
	if (jtree_i64(at, key, JTREE_REQUIRED, &v, &err) != 0) {
		r->complain(r->arg, &err);
		return -1;
	}
	if (v < range.min || v > range.max)
		return route_bad(r, &place, "must be between %lld and %lld",
		    (long long)range.min, (long long)range.max);
	*out = v;
	return 0;
}

int
route_share(struct route_reader *r, const struct jnode *at, const char *key,
    double *out)
{
	struct error err = { 0 };
	struct jnode place;
	double v = 0;

	if (!jtree_find(at, key, &place))
		return 0;
	if (jtree_double(at, key, JTREE_REQUIRED, &v, &err) != 0) {
		r->complain(r->arg, &err);
		return -1;
	}
	if (!(v >= 0 && v <= 1))
		return route_bad(r, &place, "must be between 0 and 1");
	*out = v;
	return 0;
}

struct route_use *
route_use(
    struct route_reader *r, struct route *route, const struct route *child)
{
	struct route_use **end = &route->uses, *use;

	use = ARENA_NEW(r->arena, struct route_use);
	use->route = child;
	while (*end != NULL)
		end = &(*end)->next;
	*end = use;
	route->n_targets += child->n_targets;
	return use;
}

int
route_list(struct route_reader *r, const struct jnode *at, const char *key,
    struct route *route)
{
	const struct route *child;
	struct jnode list, item;
	size_t i;
	int rc = 0;

	if (!jtree_find(at, key, &list) || jtree_len(&list) == 0)
		return route_bad(
		    r, &list, "must be a list with at least one target");
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		child = route_parse(r, &item);
		if (child == NULL)
			rc = -1;
		else
			route_use(r, route, child);
	}
	return rc;
}

static bool
has_word(const char *list, struct str word)
{
	struct str rest = str_of(list), one;

	while (rest.p != NULL) {
		rest = str_split(rest, ',', &one);
		if (str_eq(str_trim(one), word))
			return true;
	}
	return false;
}

int
route_members(struct route_reader *r, const struct jnode *at,
    const char *strategy, const char *options)
{
	struct jnode member = { .up = at };
	int rc = 0;

	json_object_object_foreach(at->v, key, value)
	{
		member.key = key;
		member.v = value;
		if (strategy != NULL && strcmp(key, strategy) == 0)
			continue;
		if (!has_word(options, str_of(key)))
			rc = route_bad(r, &member, "unknown key, known: %s%s%s",
			    strategy != NULL ? strategy : "",
			    strategy != NULL && options[0] != '\0' ? ", " : "",
			    options);
	}
	return rc;
}

static int
no_strategy(struct route_reader *r, const struct jnode *at)
{
	struct buf list;
	size_t i;
	int rc;

	buf_init(&list, MAX_LIST_BYTES);
	for (i = 0; i < N_KINDS; i++)
		buf_addf(&list, "%s%s", i > 0 ? ", " : "", kinds[i]->name);
	rc = route_bad(r, at, "needs \"model\" or one strategy: %s", list.p);
	buf_release(&list);
	return rc;
}

/* The kind of the object at ${at}, by its one strategy key. */
static const struct route_kind *
kind_of(struct route_reader *r, const struct jnode *at)
{
	const struct route_kind *found = NULL;
	struct jnode member;
	size_t i;

	if (json_object_object_get_ex(at->v, "model", NULL))
		found = &route_target;
	for (i = 0; i < N_KINDS; i++) {
		if (!json_object_object_get_ex(at->v, kinds[i]->name, NULL))
			continue;
		if (found != NULL) {
			jtree_find(at, kinds[i]->name, &member);
			member.key = kinds[i]->name;
			route_bad(r, &member, "a second strategy beside \"%s\"",
			    found->name != NULL ? found->name : "model");
			return NULL;
		}
		found = kinds[i];
	}
	if (found == NULL)
		no_strategy(r, at);
	return found;
}

/* Its own, and those of any node. */
static const char *
options_of(struct route_reader *r, const struct route_kind *kind)
{
	return arena_printf(r->arena, "%s%s" CACHE_OPTIONS, kind->options,
	    kind->options[0] != '\0' ? ", " : "");
}

static int
read_cache(struct route_reader *r, const struct jnode *at, struct route *route)
{
	struct jnode place;
	struct str word;

	if (route_i64(r, at, "cache_ttl_s",
		(struct route_range){ 1, CACHE_MAX_TTL_S },
		&route->cache_ttl_s) != 0)
		return -1;
	if (!jtree_find(at, "cache", &place))
		return 0;
	word = jtree_value_str(&place);
	route->cache = str_is(word, "on") ? CACHE_ON : CACHE_OFF;
	if (str_is(word, "on") || str_is(word, "off"))
		return 0;
	return route_bad(r, &place, "must be on or off");
}

const struct route *
route_parse(struct route_reader *r, const struct jnode *at)
{
	const struct route_kind *kind;
	struct route *route;

	if (json_object_is_type(at->v, json_type_string))
		return route_find(r, jtree_value_str(at), at);
	if (!json_object_is_type(at->v, json_type_object)) {
		route_bad(r, at, "must be a name or an object");
		return NULL;
	}
	kind = kind_of(r, at);
	if (kind == NULL ||
	    route_members(r, at, kind->name, options_of(r, kind)) != 0)
		return NULL;
	route = kind->parse(r, at);
	if (route == NULL || read_cache(r, at, route) != 0)
		return NULL;
	route->kind = kind;
	if (route->n_targets > ROUTE_MAX_TARGETS) {
		route_bad(r, at, "has more than %d targets", ROUTE_MAX_TARGETS);
		return NULL;
	}
	return route;
}

/* "a > b > a" for routes that lead back to themselves. */
static void
complain_cycle(
    struct route_reader *r, const struct conf_route *to, const struct jnode *at)
{
	const struct conf_route *cr = r->parsing;
	char text[MAX_LIST_BYTES], tail[MAX_LIST_BYTES];

	snprintf(text, sizeof(text), "%.*s", STR_ARG(to->name));
	for (; cr != NULL; cr = cr->by) {
		memcpy(tail, text, sizeof(tail));
		snprintf(text, sizeof(text), "%.*s > %.200s", STR_ARG(cr->name),
		    tail);
		if (cr == to)
			break;
	}
	route_bad(r, at, "leads back to itself: %s", text);
}

/* The tree of a named route, read now if nobody has needed it before. */
static const struct route *
named_route(
    struct route_reader *r, struct conf_route *cr, const struct jnode *at)
{
	struct jnode own = {
		.v = cr->json, .up = &r->section, .key = cr->name.p
	};

	if (cr->parsing) {
		complain_cycle(r, cr, at);
		return NULL;
	}
	if (cr->json == NULL)
		return cr->route;
	cr->parsing = true;
	cr->by = r->parsing;
	r->parsing = cr;
	cr->route = route_parse(r, &own);
	r->parsing = cr->by;
	cr->parsing = false;
	cr->json = NULL;
	return cr->route;
}

static const struct route *
single(struct route_reader *r, const struct target *target)
{
	struct route_target *t = ARENA_NEW(r->arena, struct route_target);

	t->target = *target;
	t->route.kind = &route_target;
	t->route.n_targets = 1;
	return &t->route;
}

const struct route *
route_find(struct route_reader *r, struct str name, const struct jnode *at)
{
	struct conf_route *cr;
	struct target target;
	struct error err = { 0 };

	name = resolve_alias(r->conf, name);
	cr = conf_route_find(r->conf, name);
	if (cr != NULL)
		return named_route(r, cr, at);
	if (resolve(r->conf, r->arena, name, &target, &err) == 0)
		return single(r, &target);
	if (at->up == NULL && at->key == NULL)
		r->complain(r->arg, &err);
	else
		route_bad(r, at, "%s", err.msg);
	return NULL;
}

static void
first_complaint(void *arg, const struct error *err)
{
	struct error *first = arg;

	if (first->kind == ERROR_NONE)
		*first = *err;
}

const struct route *
route_request(const struct conf *conf, struct arena *a, const struct jnode *at,
    struct error *err)
{
	struct route_reader r = { .arena = a,
		.conf = conf,
		.complain = first_complaint,
		.arg = err };

	return route_parse(&r, at);
}

const struct route *
route_request_names(const struct conf *conf, struct arena *a,
    const struct name *names, struct error *err)
{
	struct route_reader r = { .arena = a,
		.conf = conf,
		.complain = first_complaint,
		.arg = err };
	const struct jnode nowhere = { 0 };
	const struct route *one;
	struct route *chain;

	one = route_find(&r, names->s, &nowhere);
	if (one == NULL || names->next == NULL)
		return one;
	chain = route_chain(&r);
	for (; one != NULL; one = route_find(&r, names->s, &nowhere)) {
		route_use(&r, chain, one);
		names = names->next;
		if (names == NULL)
			break;
	}
	if (one != NULL && chain->n_targets > ROUTE_MAX_TARGETS)
		error_set(err, ERROR_BAD_REQUEST, "more than %d targets",
		    ROUTE_MAX_TARGETS);
	return err->kind == ERROR_NONE ? chain : NULL;
}
