/* SPDX-License-Identifier: MIT */
#include "fcgi/admin.h"

#include "core/cache.h"
#include "core/gateway.h"
#include "core/live.h"
#include "fcgi/exchange.h"

#define MAX_AGE_S (INT64_C(10) * 365 * 86400)

/* The cache, or NULL with ad->err. */
static struct cache *
open_cache(struct admin *ad)
{
	struct cache *c = gateway_cache(ad->x->gw, ad->x->snap->conf);

	if (c == NULL)
		error_set(
		    &ad->err, ERROR_STORE, "the response cache does not work");
	return c;
}

int
admin_cache(struct admin *ad)
{
	struct cache *c;
	struct cache_stats st;

	if (admin_query(ad, NULL, 0) != 0 || (c = open_cache(ad)) == NULL ||
	    cache_stats(c, ad->x->arena, &st, &ad->err) != 0)
		return -1;
	cache_stats_json(&st, &ad->w);
	return 0;
}

int
admin_cache_purge(struct admin *ad)
{
	struct cache_purge what = { .account = STR_NONE };
	int64_t older_s = 0, n = 0;
	struct admin_opt opts[] = {
		{ "account", ADMIN_TEXT, &what.account, 0, false, false },
		{ "route", ADMIN_TEXT, &what.route, 0, false, false },
		{ "older_s", ADMIN_COUNT, &older_s, MAX_AGE_S, false, false },
	};
	struct cache *c;

	if (admin_query(ad, opts, 3) != 0 || (c = open_cache(ad)) == NULL)
		return -1;
	ad->target = what.account.p != NULL ? what.account : what.route;
	what.older_us = older_s * 1000000;
	if (cache_purge(c, &what, &n, &ad->err) != 0)
		return -1;
	jw_object(&ad->w);
	jw_kv_i64(&ad->w, "removed", n);
	jw_end(&ad->w);
	return 0;
}
