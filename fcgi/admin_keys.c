/* SPDX-License-Identifier: MIT */
#include "fcgi/admin.h"

#include <string.h>

#include "core/arena.h"
#include "core/budget.h"
#include "core/clock.h"
#include "core/key.h"
#include "core/seal.h"
#include "fcgi/exchange.h"

#define MAX_RATE    INT64_C(1000000000)
#define MAX_GRACE_S INT64_C(31536000)

/* Keys on their way into the answer. */
struct listing {
	struct admin *ad;
	struct str only; /* absent: all */
	bool bare;       /* members alone */
	int n;
};

static void
list_key(void *arg, const struct key *key)
{
	struct listing *l = arg;

	if (l->only.p != NULL && !str_eq(l->only, key->id))
		return;
	l->n++;
	if (!l->bare)
		jw_object(&l->ad->w);
	key_write(key, clock_wall_us(), &l->ad->w);
	if (!l->bare)
		jw_end(&l->ad->w);
}

int
admin_keys(struct admin *ad)
{
	struct listing l = { .ad = ad, .only = admin_owner(ad) };

	if (admin_query(ad, NULL, 0) != 0)
		return -1;
	jw_object(&ad->w);
	jw_key(&ad->w, "keys");
	jw_array(&ad->w);
	if (key_each(ad->state, list_key, &l, &ad->err) != 0)
		return -1;
	jw_end(&ad->w);
	jw_end(&ad->w);
	return 0;
}

/* Key ${id} and, where it is new, its ${text}. */
static int
show(struct admin *ad, struct str id, const char *text)
{
	struct listing l = { .ad = ad, .only = id, .bare = true };

	jw_object(&ad->w);
	if (key_each(ad->state, list_key, &l, &ad->err) != 0)
		return -1;
	if (l.n == 0)
		return admin_missing(ad, "key", id);
	if (text != NULL)
		jw_kv_cstr(&ad->w, "key", text);
	jw_end(&ad->w);
	return 0;
}

int
admin_key(struct admin *ad)
{
	struct str own = admin_owner(ad);

	if (admin_query(ad, NULL, 0) != 0)
		return -1;
	if (own.p != NULL && !str_eq(own, ad->stars[0]))
		return admin_missing(ad, "key", ad->stars[0]);
	return show(ad, ad->stars[0], NULL);
}

/* What the body says of a key. */
struct change {
	struct key key;
	struct str cache;
	struct jnode budget;
};

enum {
	NAME,
	OWNER,
	EXPIRES,
	MODELS,
	RPM,
	TPM,
	PARALLEL,
	MAY_ROUTE,
	ADMIN,
	CACHE,
	EDITABLE, /* all above; the others are for new keys */
	ACCOUNT = EDITABLE,
	BUDGET,
	MEMBERS
};

static void
set_opts(struct change *c, struct admin_opt opts[MEMBERS])
{
	struct key *k = &c->key;
	const struct admin_opt all[MEMBERS] = {
		[NAME] = { .name = "name", .value = &k->name },
		[OWNER] = { .name = "owner", .value = &k->owner },
		[EXPIRES] = { .name = "expires_at",
		    .kind = ADMIN_TIME,
		    .value = &k->expires_us },
		[MODELS] = { .name = "models",
		    .kind = ADMIN_NAMES,
		    .value = &k->models },
		[RPM] = { .name = "rpm",
		    .kind = ADMIN_COUNT,
		    .value = &k->rpm,
		    .max = MAX_RATE },
		[TPM] = { .name = "tpm",
		    .kind = ADMIN_COUNT,
		    .value = &k->tpm,
		    .max = MAX_RATE },
		[PARALLEL] = { .name = "parallel",
		    .kind = ADMIN_COUNT,
		    .value = &k->parallel,
		    .max = MAX_RATE },
		[MAY_ROUTE] = { .name = "may_route",
		    .kind = ADMIN_FLAG,
		    .value = &k->may_route },
		[ADMIN] = { .name = "admin",
		    .kind = ADMIN_FLAG,
		    .value = &k->admin },
		[CACHE] = { .name = "cache", .value = &c->cache },
		[ACCOUNT] = { .name = "account", .value = &k->account },
		[BUDGET] = { .name = "budget",
		    .kind = ADMIN_NODE,
		    .value = &c->budget },
	};

	memcpy(opts, all, sizeof(all));
}

static int
check(struct change *c, const struct admin_opt *opts, struct error *err)
{
	if (c->key.expires_us != 0 && c->key.expires_us <= clock_wall_us())
		return error_param(err, "expires_at", "lies in the past");
	if (opts[NAME].given && str_trim(c->key.name).n == 0)
		return error_param(err, "name", "must not be empty");
	if (c->cache.p == NULL)
		return 0;
	c->key.cache = str_is(c->cache, "on") ? KEY_CACHE_ON : KEY_CACHE_OFF;
	return str_is(c->cache, "on") || str_is(c->cache, "off")
	    ? 0
	    : error_param(err, "cache", "must be on, off or null");
}

static int
read_budget(struct admin *ad, struct change *c, struct budget *b)
{
	struct str per = STR_NONE;
	struct admin_opt opts[] = {
		{ "usd", ADMIN_USD, &b->pusd, 0, true, false },
		{ "per", ADMIN_TEXT, &per, 0, true, false },
		{ "alert_pct", ADMIN_COUNT, &b->alert_pct, 100, false, false },
	};

	if (c->budget.v == NULL)
		return 0;
	c->budget.up = &ad->body;
	if (admin_body(ad, &c->budget, opts, 3) != 0)
		return -1;
	b->window = window_of(per);
	if (b->window == WINDOWS)
		return error_param(&ad->err, "budget.per",
		    "must be day, week, month or total");
	return 0;
}

/* A key without the limit that was asked for must not be used. */
static int
limit_key(struct admin *ad, struct change *c, struct budget *b)
{
	struct error ignored = { .kind = ERROR_NONE };

	b->name = c->key.id;
	if (c->budget.v == NULL || budget_set(ad->state, b, &ad->err) == 0)
		return 0;
	(void)!key_revoke(ad->state, c->key.id, &ignored);
	return -1;
}

/* The text must outlive the answer's writing only: then it is wiped. */
static char *
new_text(struct admin *ad)
{
	char *text = arena_alloc(ad->x->arena, KEY_TEXT_BYTES);

	seal_wipe_later(
	    ad->x->arena, (struct str){ .p = text, .n = KEY_TEXT_BYTES });
	return text;
}

int
admin_key_create(struct admin *ad)
{
	struct change c = { .key = { .account = STR("default") } };
	struct budget b = { .scope = BUDGET_KEY };
	struct admin_opt opts[MEMBERS];
	char *id = arena_alloc(ad->x->arena, KEY_ID_BYTES);
	char *text = new_text(ad);

	set_opts(&c, opts);
	opts[NAME].required = true;
	if (admin_body(ad, &ad->body, opts, MEMBERS) != 0 ||
	    check(&c, opts, &ad->err) != 0 || read_budget(ad, &c, &b) != 0)
		return -1;
	if (c.key.account.n == 0)
		c.key.account = STR("default");
	if (key_create(ad->state, &c.key, id, text, &ad->err) != 0 ||
	    limit_key(ad, &c, &b) != 0)
		return -1;
	ad->target = c.key.id;
	ad->status = 201;
	return show(ad, c.key.id, text);
}

/* What an edit changes, and with what. */
struct edit {
	const struct change *change;
	const struct admin_opt *opts;
};

static int
edit_key(void *arg, struct key *key, struct error *err)
{
	const struct edit *e = arg;
	const struct key *to = &e->change->key;
	const struct admin_opt *o = e->opts;

	if (key->revoked_us != 0)
		return error_set(err, ERROR_BAD_REQUEST, "key %.*s is revoked",
		    STR_ARG(key->id));
	key->name = o[NAME].given ? to->name : key->name;
	key->owner = o[OWNER].given ? to->owner : key->owner;
	key->expires_us = o[EXPIRES].given ? to->expires_us : key->expires_us;
	key->models = o[MODELS].given ? to->models : key->models;
	key->rpm = o[RPM].given ? to->rpm : key->rpm;
	key->tpm = o[TPM].given ? to->tpm : key->tpm;
	key->parallel = o[PARALLEL].given ? to->parallel : key->parallel;
	key->may_route = o[MAY_ROUTE].given ? to->may_route : key->may_route;
	key->admin = o[ADMIN].given ? to->admin : key->admin;
	key->cache = o[CACHE].given ? to->cache : key->cache;
	return 0;
}

int
admin_key_edit(struct admin *ad)
{
	struct change c = { .cache = STR_NONE };
	struct admin_opt opts[MEMBERS];
	struct edit edit = { &c, opts };

	set_opts(&c, opts);
	if (admin_body(ad, &ad->body, opts, EDITABLE) != 0 ||
	    check(&c, opts, &ad->err) != 0 ||
	    key_edit(ad->state, ad->stars[0], edit_key, &edit, &ad->err) != 0)
		return -1;
	return show(ad, ad->stars[0], NULL);
}

int
admin_key_rotate(struct admin *ad)
{
	int64_t grace_s = 0;
	struct admin_opt opts[] = { { "grace_s", ADMIN_COUNT, &grace_s,
	    MAX_GRACE_S, false, false } };
	char *text = new_text(ad);

	if (admin_body(ad, &ad->body, opts, 1) != 0 ||
	    key_rotate(ad->state, ad->stars[0], grace_s * 1000000, text,
		&ad->err) != 0)
		return -1;
	return show(ad, ad->stars[0], text);
}

int
admin_key_revoke(struct admin *ad)
{
	if (admin_query(ad, NULL, 0) != 0 ||
	    key_revoke(ad->state, ad->stars[0], &ad->err) != 0)
		return -1;
	return show(ad, ad->stars[0], NULL);
}
