/* SPDX-License-Identifier: MIT */
/* A key as its owner may see it. */
#include "core/key.h"

#include "core/chat.h"
#include "core/clock.h"
#include "core/jw.h"

const char *
key_state(const struct key *key, int64_t now_us)
{
	if (key->revoked_us != 0)
		return "revoked";
	if (key->expires_us != 0 && key->expires_us <= now_us)
		return "expired";
	return key->admin ? "admin" : "valid";
}

static void
write_time(struct jw *w, const char *name, int64_t us)
{
	char text[CLOCK_TEXT_BYTES];

	jw_kv_str(w, name, us ? str_of(clock_text(us, text)) : STR_NONE);
}

static void
write_limits(struct jw *w, const struct key *key)
{
	static const char *const cache[] = { NULL, "on", "off" };
	const struct {
		const char *name;
		int64_t v;
	} numbers[] = { { "rpm", key->rpm }, { "tpm", key->tpm },
		{ "parallel", key->parallel } };
	const struct name *m;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (numbers[i].v > 0)
			jw_kv_i64(w, numbers[i].name, numbers[i].v);
		else
			jw_kv_null(w, numbers[i].name);
	jw_kv_cstr(w, "cache", cache[key->cache]);
	write_time(w, "old_secret_until", key->old_until_us);
	jw_key(w, "models");
	if (key->models == NULL) {
		jw_null(w);
		return;
	}
	jw_array(w);
	for (m = key->models; m != NULL; m = m->next)
		jw_str(w, m->s);
	jw_end(w);
}

void
key_write(const struct key *key, int64_t now_us, struct jw *w)
{
	jw_kv_str(w, "id", key->id);
	jw_kv_str(w, "name", key->name);
	jw_kv_str(w, "account", key->account);
	jw_kv_str(w, "owner", key->owner);
	jw_kv_cstr(w, "state", key_state(key, now_us));
	write_time(w, "created_at", key->created_us);
	write_time(w, "expires_at", key->expires_us);
	write_time(w, "revoked_at", key->revoked_us);
	jw_kv_bool(w, "may_route", key->may_route);
	jw_kv_bool(w, "admin", key->admin);
	write_limits(w, key);
}
