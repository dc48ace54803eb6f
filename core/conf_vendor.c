/* SPDX-License-Identifier: MIT */
#include "core/conf_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/catalog.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jtree.h"
#include "core/price_table.h"
#include "core/provider.h"

#define MAX_PATH_BYTES  4096
#define MAX_NAMES_BYTES 2048

struct conf_provider *
conf_vendor_add(struct conf_reader *r, struct str name)
{
	struct conf_provider **end = &r->conf->providers, *p;

	p = ARENA_NEW(r->arena, struct conf_provider);
	p->name = str_dup(r->arena, name);
	while (*end != NULL)
		end = &(*end)->next;
	return *end = p;
}

/* The first of the vendor's variables that is set; absent if none is. */
static struct str
vendor_key(struct arena *a, const struct vendor *v)
{
	struct str rest = str_of(v->key_env), name;
	const char *value;

	while (rest.p != NULL) {
		rest = str_split(rest, ',', &name);
		value = getenv(str_cstr(a, str_trim(name)));
		if (value != NULL && value[0] != '\0')
			return str_dup(a, str_of(value));
	}
	return STR_NONE;
}

/* Names like ${name}: vendors, and members of ${section}. */
static const char *
hint(struct conf_reader *r, const struct jnode *section, struct str name)
{
	struct conf_names names = { .wanted = name };
	const struct vendor *v;

	names.all = buf_new(r->arena, MAX_NAMES_BYTES);
	for (v = r->registry->vendors; v->name != NULL; v++)
		conf_names_add(&names, str_of(v->name));
	if (json_object_is_type(section->v, json_type_object)) {
		json_object_object_foreach(section->v, key, value)
		{
			(void)value;
			conf_names_add(&names, str_of(key));
		}
	}
	return conf_names_hint(&names, r->arena);
}

static bool
speaks(const struct vendor *v, const char *api)
{
	struct str also, first = vendor_apis(v, &also);

	return str_is(first, api) || str_is(also, api);
}

/* The first vendor that speaks ${api}: the one whose format it is. */
static const struct vendor *
speaker(const struct registry *r, const char *api)
{
	const struct vendor *v = r->vendors;

	while (v->name != NULL && !speaks(v, api))
		v++;
	return v->name != NULL ? v : NULL;
}

/* A second format only where the document has not chosen one. */
static void
fill_api(
    const struct registry *r, struct conf_provider *p, const struct vendor *v)
{
	struct str also, first = vendor_apis(v, &also);

	p->api = registry_api(r, first);
	p->also = registry_api(r, also);
}

/*
 * Fill in what the vendor of that name brings.  One that goes by another
 * name gets the URL of the vendor whose format it speaks ("work": { "api":
 * "openai" }), but never the key variable of somebody else.
 */
static void
fill(struct conf_reader *r, struct conf_provider *p)
{
	const struct vendor *v = registry_vendor(r->registry, p->name);
	bool known = v != NULL;

	if (p->api == NULL && known)
		fill_api(r->registry, p, v);
	if (known && p->key.p == NULL)
		p->key = vendor_key(r->arena, v);
	if (p->api == NULL)
		return;
	if (!known && p->base_url.p == NULL)
		v = speaker(r->registry, p->api->name);
	/* Quirks and URL are those of its formats. */
	if (v == NULL || !speaks(v, p->api->name))
		return;
	p->quirks |= v->quirks;
	if (p->base_url.p == NULL)
		p->base_url = str_of(v->base_url);
	p->at_home = str_is(p->base_url, v->base_url);
}

static bool
needs_url(const struct conf_provider *p)
{
	return p->api != NULL && p->api->wire != WIRE_NONE &&
	    p->base_url.n == 0;
}

/* Complain about what a provider of the document still lacks. */
static void
check(struct conf_reader *r, const struct conf_provider *p,
    const struct jnode *section)
{
	struct jnode at = { 0 }, api, nothing = { 0 };

	jtree_find(section, p->name.p, &at);
	if (memchr(p->name.p, '/', p->name.n) != NULL)
		conf_complain(r, &at, "a name must not contain \"/\"");
	if (needs_url(p))
		conf_complain(r, &at, "base_url is missing");
	/* An api that is there but wrong has had its complaint. */
	if (p->api == NULL && !jtree_find(&at, "api", &api))
		conf_complain(r, &at,
		    "unknown vendor without \"api\" and \"base_url\"; %s",
		    hint(r, &nothing, p->name));
}

static void
add_vendors_with_keys(struct conf_reader *r)
{
	const struct vendor *v;

	for (v = r->registry->vendors; v->name != NULL; v++) {
		if (vendor_key(r->arena, v).p != NULL)
			conf_vendor_add(r, str_of(v->name));
	}
}

void
conf_vendor_complete(struct conf_reader *r, const struct jnode *root)
{
	struct jnode section = { 0 };
	struct conf_provider *p;

	if (root == NULL)
		add_vendors_with_keys(r);
	else
		jtree_find(root, "providers", &section);
	for (p = r->conf->providers; p != NULL; p = p->next) {
		fill(r, p);
		if (root != NULL)
			check(r, p, &section);
	}
	if (conf_provider_find(r->conf, STR("echo")) != NULL)
		return;
	p = conf_vendor_add(r, STR("echo"));
	p->api = registry_api(r->registry, p->name);
	p->free = true;
}

void
conf_vendor_catalog(struct conf_reader *r)
{
	struct jnode nowhere = { 0 };
	struct error err = { 0 };

	r->conf->catalog = catalog_new(r->arena, catalog_builtin(), &err);
	if (r->conf->catalog == NULL)
		conf_complain(r, &nowhere, "%s", err.msg);
}

static char *
prices_path(struct arena *a, const struct conf *conf)
{
	return arena_printf(
	    a, "%.*s/" PRICE_TABLE_FILE, STR_ARG(conf->data_dir));
}

int64_t
conf_vendor_prices_mtime_ns(const struct conf *conf)
{
	char path[MAX_PATH_BYTES];
	struct stat st;

	snprintf(path, sizeof(path), "%.*s/" PRICE_TABLE_FILE,
	    STR_ARG(conf->data_dir));
	if (stat(path, &st) != 0)
		return 0;
	return st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
}

void
conf_vendor_prices(struct conf_reader *r)
{
	struct jnode nowhere = { 0 };
	struct error err = { 0 };
	struct str text;

	r->conf->prices_mtime_ns = conf_vendor_prices_mtime_ns(r->conf);
	if (r->conf->prices_mtime_ns == 0 || r->conf->catalog == NULL)
		return;
	if (price_table_read(
		r->arena, prices_path(r->arena, r->conf), &text, &err) != 0 ||
	    catalog_overlay(r->conf->catalog, text, &err) != 0)
		conf_complain(r, &nowhere, "%s: %s",
		    prices_path(r->arena, r->conf), err.msg);
}

void
conf_vendor_model(struct conf_reader *r, const struct jnode *at)
{
	const struct jnode *root = at->up->up;
	struct str provider, id = str_split(str_of(at->key), '/', &provider);
	struct jnode section, own, nowhere = { 0 };
	struct error err = { 0 };

	if (id.n == 0 || provider.n == 0) {
		conf_complain(r, at, "must be called \"provider/id\"");
		return;
	}
	jtree_find(root, "providers", &section);
	if (registry_vendor(r->registry, provider) == NULL &&
	    !jtree_find(&section, str_cstr(r->arena, provider), &own))
		conf_complain(r, at, "unknown provider \"%.*s\"; %s",
		    STR_ARG(provider), hint(r, &section, provider));
	/* Its messages begin with the path. */
	if (r->conf->catalog != NULL &&
	    catalog_add(r->conf->catalog, str_of(at->key),
		jtree_text(r->arena, at), &err) == -1)
		conf_complain(r, &nowhere, "%s", err.msg);
}
