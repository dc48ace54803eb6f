/* SPDX-License-Identifier: MIT */
#include "core/resolve.h"

#include <stdbool.h>
#include <stdio.h>

#include "core/buf.h"
#include "core/catalog.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/provider.h"

#define MAX_ALIAS_STEPS 8 /* an alias may name an alias */
#define NEAR_NAMES      3

static const struct conf_alias *
find_alias(const struct conf *conf, struct str name)
{
	const struct conf_alias *al;

	for (al = conf->aliases; al != NULL; al = al->next) {
		if (str_eq(al->name, name))
			return al;
	}
	return NULL;
}

static void
set_target(const struct conf *conf, struct arena *a,
    const struct conf_provider *p, struct str model, struct target *target)
{
	*target = (struct target){ .provider = p,
		.model = str_dup(a, model),
		.facts = catalog_find(conf->catalog, a, p->name, model) };
}

/* "provider/model": everything after the first slash is the model. */
static bool
by_provider(const struct conf *conf, struct arena *a, struct str name,
    struct target *target)
{
	struct str provider, model = str_split(name, '/', &provider);
	const struct conf_provider *p;

	if (model.n == 0)
		return false;
	p = conf_provider_find(conf, provider);
	if (p == NULL)
		return false;
	set_target(conf, a, p, model, target);
	return true;
}

/* A bare id: the one configured provider that lists it, else nothing. */
static bool
by_model(const struct conf *conf, struct arena *a, struct str name,
    struct target *target)
{
	const struct conf_provider *p, *found = NULL;

	for (p = conf->providers; p != NULL; p = p->next) {
		if (catalog_find(conf->catalog, a, p->name, name) == NULL)
			continue;
		if (found != NULL)
			return false;
		found = p;
	}
	if (found == NULL)
		return false;
	set_target(conf, a, found, name, target);
	return true;
}

/* The names nearest to a wrong one, best first. */
struct nearest {
	struct str wanted;
	char names[NEAR_NAMES][128];
	size_t distance[NEAR_NAMES];
	size_t n;
};

static void
consider(void *arg, struct str name, struct str provider)
{
	struct nearest *near = arg;
	struct str bare, model = str_split(name, '/', &bare);
	size_t d = str_distance(near->wanted, name), i, at;

	(void)provider;
	if (model.p != NULL && str_distance(near->wanted, model) < d)
		d = str_distance(near->wanted, model);
	if (d > near->wanted.n / 2 + 1)
		return;
	for (at = 0; at < near->n && near->distance[at] <= d; at++)
		continue;
	if (at >= NEAR_NAMES)
		return;
	if (near->n < NEAR_NAMES)
		near->n++;
	for (i = near->n - 1; i > at; i--) {
		memcpy(near->names[i], near->names[i - 1], 128);
		near->distance[i] = near->distance[i - 1];
	}
	snprintf(near->names[at], 128, "%.*s", STR_ARG(name));
	near->distance[at] = d;
}

static int
not_found(const struct conf *conf, struct str name, struct error *err)
{
	struct nearest near = { .wanted = name };
	size_t i;
	struct buf list;

	if (name.n > 200)
		near.wanted.n = 200;
	resolve_each(conf, consider, &near);
	buf_init(&list, 512);
	for (i = 0; i < near.n; i++)
		buf_addf(&list, "%s\"%s\"", i > 0 ? ", " : "", near.names[i]);
	error_set(err, ERROR_NOT_FOUND, "unknown model \"%.*s\"%s%s%s",
	    STR_ARG(near.wanted), near.n > 0 ? "; did you mean " : "", list.p,
	    near.n > 0 ? "?" : "; GET /v1/models lists what there is");
	snprintf(err->code, sizeof(err->code), "model_not_found");
	snprintf(err->param, sizeof(err->param), "model");
	buf_release(&list);
	return -1;
}

struct str
resolve_alias(const struct conf *conf, struct str name)
{
	const struct conf_alias *al;
	int step;

	for (step = 0; step < MAX_ALIAS_STEPS; step++) {
		al = find_alias(conf, name);
		if (al == NULL)
			break;
		name = al->model;
	}
	return name;
}

int
resolve(const struct conf *conf, struct arena *a, struct str name,
    struct target *target, struct error *err)
{
	struct str asked = name;

	name = resolve_alias(conf, name);
	if (by_provider(conf, a, name, target) ||
	    by_model(conf, a, name, target))
		return 0;
	return not_found(conf, asked, err);
}

struct each {
	void (*fn)(void *arg, struct str name, struct str provider);
	void *arg;
	struct str provider;
	struct buf name;
};

static void
each_model(void *arg, struct str id)
{
	struct each *e = arg;

	buf_reset(&e->name);
	buf_addf(&e->name, "%.*s/%.*s", STR_ARG(e->provider), STR_ARG(id));
	e->fn(e->arg, buf_str(&e->name), e->provider);
}

void
resolve_each(const struct conf *conf,
    void (*fn)(void *arg, struct str name, struct str provider), void *arg)
{
	struct each e = { .fn = fn, .arg = arg };
	const struct conf_alias *al;
	const struct conf_route *cr;
	const struct conf_provider *p = conf->providers;

	for (al = conf->aliases; al != NULL; al = al->next)
		fn(arg, al->name, STR("sluice"));
	for (cr = conf->routes; cr != NULL; cr = cr->next)
		fn(arg, cr->name, STR("sluice"));
	buf_init(&e.name, 1024);
	for (; p != NULL; p = p->next) {
		e.provider = p->name;
		catalog_each(conf->catalog, p->name, each_model, &e);
	}
	buf_release(&e.name);
}
