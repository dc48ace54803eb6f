/* SPDX-License-Identifier: MIT */
#include "core/account_record.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"

#define MAX_RECORD_BYTES ((size_t)1 << 20)

const struct snap_kind account_kind = {
	.table = STORE_ACCOUNTS,
	.file = "accounts.snap",
	.gen = SHM_ACCOUNTS_GEN,
	.what = "accounts",
};

struct str
account_place(struct arena *a, struct str account, struct str provider)
{
	return str_of(
	    arena_printf(a, "%.*s/%.*s", STR_ARG(account), STR_ARG(provider)));
}

struct str
account_record_write(struct arena *a, const struct account *account)
{
	struct buf *out = buf_new(a, MAX_RECORD_BYTES);
	const struct credential *c;
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "id", account->name);
	jw_kv_i64(&w, "created_us", account->created_us);
	jw_kv_bool(&w, "allow_shared", account->allow_shared);
	jw_key(&w, "credentials");
	jw_array(&w);
	for (c = account->credentials; c != NULL; c = c->next) {
		jw_object(&w);
		jw_kv_str(&w, "provider", c->provider);
		jw_kv_str(&w, "sealed", c->sealed);
		jw_kv_i64(&w, "set_us", c->set_us);
		jw_end(&w);
	}
	jw_end(&w);
	jw_end(&w);
	return buf_str(out);
}

static int64_t
time_at(struct str json, const char *name)
{
	struct str v;
	int64_t us = 0;

	if (!jtext_get(json, name, &v) || str_i64(v, 0, INT64_MAX, &us) != 0)
		return 0;
	return us;
}

int
account_record_read(struct arena *a, struct str json, struct account *account)
{
	struct error ignored = { .kind = ERROR_NONE };
	struct credential **end = &account->credentials, *c;
	struct str list, item, v;
	size_t pos = 0;

	*account = (struct account){ .name = STR_NONE };
	if (jtext_check(json, &ignored) != 0 ||
	    !jtext_get(json, "credentials", &list))
		return -1;
	account->name = jtext_str(a, json, "id");
	account->created_us = time_at(json, "created_us");
	account->allow_shared =
	    jtext_get(json, "allow_shared", &v) && str_is(v, "true");
	while (jtext_item(list, &pos, &item)) {
		c = ARENA_NEW(a, struct credential);
		c->provider = jtext_str(a, item, "provider");
		c->sealed = jtext_str(a, item, "sealed");
		c->set_us = time_at(item, "set_us");
		*end = c;
		end = &c->next;
	}
	return account->name.n > 0 ? 0 : -1;
}

void
account_json(const struct account *account, struct jw *w)
{
	char text[CLOCK_TEXT_BYTES];
	const struct credential *c;

	jw_object(w);
	jw_kv_str(w, "name", account->name);
	jw_kv_cstr(w, "created_at", clock_text(account->created_us, text));
	jw_kv_bool(w, "allow_shared", account->allow_shared);
	jw_key(w, "credentials");
	jw_array(w);
	for (c = account->credentials; c != NULL; c = c->next) {
		jw_object(w);
		jw_kv_str(w, "provider", c->provider);
		jw_kv_cstr(w, "set_at", clock_text(c->set_us, text));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
}
