/* SPDX-License-Identifier: MIT */
#include "fcgi/admin.h"

#include <string.h>

#include "core/account.h"
#include "core/arena.h"
#include "core/conf.h"
#include "core/key.h"
#include "core/live.h"
#include "fcgi/exchange.h"

#define MAX_NAME_BYTES   200
#define MAX_SECRET_BYTES 16384

struct listing {
	struct admin *ad;
	struct str only; /* absent: all */
	int n;
};

static void
list_account(void *arg, const struct account *account)
{
	struct listing *l = arg;

	if (l->only.p != NULL && !str_eq(l->only, account->name))
		return;
	l->n++;
	account_json(account, &l->ad->w);
}

/* The one account that a key may see; absent: all. */
static struct str
own_account(const struct admin *ad)
{
	return ad->all ? STR_NONE : ad->key->account;
}

int
admin_accounts(struct admin *ad)
{
	struct listing l = { .ad = ad, .only = own_account(ad) };

	if (admin_query(ad, NULL, 0) != 0)
		return -1;
	jw_object(&ad->w);
	jw_key(&ad->w, "accounts");
	jw_array(&ad->w);
	if (account_each(ad->state, list_account, &l, &ad->err) != 0)
		return -1;
	jw_end(&ad->w);
	jw_end(&ad->w);
	return 0;
}

static int
show(struct admin *ad, struct str name)
{
	struct listing l = { .ad = ad, .only = name };

	if (account_each(ad->state, list_account, &l, &ad->err) != 0)
		return -1;
	return l.n > 0 ? 0 : admin_missing(ad, "account", name);
}

int
admin_account(struct admin *ad)
{
	struct str own = own_account(ad);

	if (admin_query(ad, NULL, 0) != 0)
		return -1;
	if (own.p != NULL && !str_eq(own, ad->stars[0]))
		return admin_missing(ad, "account", ad->stars[0]);
	return show(ad, ad->stars[0]);
}

/* Such that a path can name it. */
static int
check_name(struct str name, struct error *err)
{
	if (str_trim(name).n == 0 || name.n > MAX_NAME_BYTES ||
	    memchr(name.p, '/', name.n) != NULL)
		return error_param(
		    err, "name", "must have 1 to 200 bytes and no slash");
	return 0;
}

int
admin_account_create(struct admin *ad)
{
	struct str name = STR_NONE;
	bool shared = true;
	struct admin_opt opts[] = {
		{ "name", ADMIN_TEXT, &name, 0, true, false },
		{ "allow_shared", ADMIN_FLAG, &shared, 0, false, false },
	};

	if (admin_body(ad, &ad->body, opts, 2) != 0 ||
	    check_name(name, &ad->err) != 0)
		return -1;
	ad->target = name;
	if (account_create(ad->state, name, shared, &ad->err) != 0)
		return -1;
	ad->status = 201;
	return show(ad, name);
}

int
admin_account_edit(struct admin *ad)
{
	bool shared = true;
	struct admin_opt opts[] = { { "allow_shared", ADMIN_FLAG, &shared, 0,
	    true, false } };

	if (admin_body(ad, &ad->body, opts, 1) != 0 ||
	    account_allow(ad->state, ad->stars[0], shared, &ad->err) != 0)
		return -1;
	return show(ad, ad->stars[0]);
}

int
admin_account_remove(struct admin *ad)
{
	if (admin_query(ad, NULL, 0) != 0 ||
	    account_remove(ad->state, ad->stars[0], &ad->err) != 0)
		return -1;
	ad->status = 204;
	return 0;
}

/* "team/openai", as it stands in the audit log. */
static void
set_target(struct admin *ad)
{
	ad->target = str_of(arena_printf(ad->x->arena, "%.*s/%.*s",
	    STR_ARG(ad->stars[0]), STR_ARG(ad->stars[1])));
}

int
admin_credential_set(struct admin *ad)
{
	struct str secret = STR_NONE;
	bool add = false;
	struct admin_opt opts[] = {
		{ "key", ADMIN_TEXT, &secret, MAX_SECRET_BYTES, true, false },
		{ "add", ADMIN_FLAG, &add, 0, false, false },
	};

	set_target(ad);
	if (admin_body(ad, &ad->body, opts, 2) != 0)
		return -1;
	secret = str_trim(secret);
	if (secret.n == 0)
		return error_param(&ad->err, "key", "must not be empty");
	if (conf_provider_find(ad->x->snap->conf, ad->stars[1]) == NULL)
		return admin_missing(ad, "provider", ad->stars[1]);
	if (account_set(ad->state, ad->stars[0], ad->stars[1], secret, add,
		&ad->err) != 0)
		return -1;
	return show(ad, ad->stars[0]);
}

int
admin_credential_remove(struct admin *ad)
{
	set_target(ad);
	if (admin_query(ad, NULL, 0) != 0 ||
	    account_set(ad->state, ad->stars[0], ad->stars[1], STR_NONE, false,
		&ad->err) != 0)
		return -1;
	return show(ad, ad->stars[0]);
}
