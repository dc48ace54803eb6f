/* SPDX-License-Identifier: MIT */
/* Who am I, what is there, what works, and who changed what. */
#include "fcgi/admin.h"

#include "core/catalog.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/health.h"
#include "core/key.h"
#include "core/live.h"
#include "core/state.h"
#include "core/trail.h"
#include "core/version.h"
#include "fcgi/exchange.h"

int
admin_me(struct admin *ad)
{
	struct jw *w = &ad->w;

	if (admin_query(ad, NULL, 0) != 0)
		return -1;
	jw_object(w);
	jw_kv_bool(w, "admin", ad->key != NULL && ad->key->admin);
	jw_kv_bool(w, "all", ad->all);
	jw_key(w, "key");
	if (ad->key != NULL) {
		jw_object(w);
		key_write(ad->key, clock_wall_us(), w);
		jw_end(w);
	} else {
		jw_null(w);
	}
	jw_kv_cstr(w, "version", SLUICE_VERSION);
	jw_kv_str(w, "zone", ad->x->snap->conf->zone_name);
	jw_end(w);
	return 0;
}

/* The models of one provider on their way into the answer. */
struct models {
	struct admin *ad;
	const struct conf_provider *provider;
};

static void
each_model(void *arg, struct str id)
{
	struct models *ms = arg;
	const struct model *m = catalog_find(ms->ad->x->snap->conf->catalog,
	    ms->ad->x->arena, ms->provider->name, id);

	if (m != NULL)
		catalog_json(
		    m, ms->provider->name, ms->provider->free, &ms->ad->w);
}

static void
write_aliases(struct jw *w, const struct conf *conf)
{
	const struct conf_alias *al;

	jw_key(w, "aliases");
	jw_array(w);
	for (al = conf->aliases; al != NULL; al = al->next) {
		jw_object(w);
		jw_kv_str(w, "name", al->name);
		jw_kv_str(w, "model", al->model);
		jw_end(w);
	}
	jw_end(w);
}

int
admin_models(struct admin *ad)
{
	const struct conf *conf = ad->x->snap->conf;
	struct models ms = { .ad = ad, .provider = conf->providers };
	const struct conf_route *r;
	struct jw *w = &ad->w;

	if (admin_query(ad, NULL, 0) != 0)
		return -1;
	jw_object(w);
	jw_key(w, "models");
	jw_array(w);
	for (; ms.provider != NULL; ms.provider = ms.provider->next)
		catalog_each(conf->catalog, ms.provider->name, each_model, &ms);
	jw_end(w);
	write_aliases(w, conf);
	jw_key(w, "routes");
	jw_array(w);
	for (r = conf->routes; r != NULL; r = r->next)
		jw_str(w, r->name);
	jw_end(w);
	jw_end(w);
	return 0;
}

int
admin_health(struct admin *ad)
{
	if (admin_query(ad, NULL, 0) != 0)
		return -1;
	jw_object(&ad->w);
	jw_key(&ad->w, "targets");
	health_json(state_targets(ad->state), clock_mono_us(), &ad->w);
	jw_end(&ad->w);
	return 0;
}

int
admin_audit(struct admin *ad)
{
	struct str cursor = STR_NONE;
	int64_t limit = ADMIN_PAGE;
	struct admin_opt opts[] = {
		{ "cursor", ADMIN_TEXT, &cursor, 0, false, false },
		{ "limit", ADMIN_COUNT, &limit, ADMIN_PAGE_MOST, false, false },
	};
	struct trail_page page;
	size_t i;

	if (admin_query(ad, opts, 2) != 0 ||
	    trail_read(ad->state, ad->x->arena, cursor, (size_t)limit, &page,
		&ad->err) != 0)
		return -1;
	jw_object(&ad->w);
	jw_key(&ad->w, "entries");
	jw_array(&ad->w);
	for (i = 0; i < page.n; i++)
		jw_raw(&ad->w, page.lines[i]);
	jw_end(&ad->w);
	jw_kv_cstr(&ad->w, "next", page.next[0] != '\0' ? page.next : NULL);
	jw_end(&ad->w);
	return 0;
}
