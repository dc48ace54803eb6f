/* SPDX-License-Identifier: MIT */
#include "core/key_record.h"

#include <stddef.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "core/buf.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"

#define PREFIX     "sk-sl-"
#define ID_BYTES   (KEY_ID_BYTES - 1)
#define TEXT_BYTES (KEY_TEXT_BYTES - 1)

const struct snap_kind key_kind = {
	.table = STORE_KEYS,
	.file = "keys.snap",
	.gen = SHM_KEYS_GEN,
	.what = "keys",
};

static const char hex[] = "0123456789abcdef";

static const char *const cache_words[] = {
	[KEY_CACHE_DEFAULT] = "default",
	[KEY_CACHE_ON] = "on",
	[KEY_CACHE_OFF] = "off",
};

/* The plain members of a key, and where they are. */
static const struct {
	const char *name;
	size_t offset;
} texts[] = {
	{ "name", offsetof(struct key, name) },
	{ "account", offsetof(struct key, account) },
	{ "owner", offsetof(struct key, owner) },
}, numbers[] = {
	{ "created_us", offsetof(struct key, created_us) },
	{ "expires_us", offsetof(struct key, expires_us) },
	{ "revoked_us", offsetof(struct key, revoked_us) },
	{ "old_until_us", offsetof(struct key, old_until_us) },
	{ "rpm", offsetof(struct key, rpm) },
	{ "tpm", offsetof(struct key, tpm) },
	{ "parallel", offsetof(struct key, parallel) },
}, flags[] = {
	{ "admin", offsetof(struct key, admin) },
	{ "may_route", offsetof(struct key, may_route) },
};

#define COUNT(list)           (sizeof(list) / sizeof(*(list)))
#define FIELD(k, row, type)   ((type *)((char *)(k) + (row).offset))
#define FIELD_C(k, row, type) ((const type *)((const char *)(k) + (row).offset))

static void
put_hash(
    struct jw *w, const char *name, const unsigned char hash[KEY_HASH_BYTES])
{
	char text[2 * KEY_HASH_BYTES];
	size_t i;

	for (i = 0; i < KEY_HASH_BYTES; i++) {
		text[2 * i] = hex[hash[i] >> 4];
		text[2 * i + 1] = hex[hash[i] & 15];
	}
	jw_kv_str(w, name, (struct str){ text, sizeof(text) });
}

static void
put_models(struct jw *w, const struct name *models)
{
	if (models == NULL)
		return;
	jw_key(w, "models");
	jw_array(w);
	for (; models != NULL; models = models->next)
		jw_str(w, models->s);
	jw_end(w);
}

void
key_record_write(const struct key_record *r, struct buf *out)
{
	const struct key *k = &r->key;
	struct jw w;
	size_t i;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "id", k->id);
	put_hash(&w, "hash", r->hash);
	if (k->old_until_us != 0)
		put_hash(&w, "old_hash", r->old_hash);
	for (i = 0; i < COUNT(texts); i++)
		jw_kv_str(&w, texts[i].name, *FIELD_C(k, texts[i], struct str));
	for (i = 0; i < COUNT(numbers); i++)
		jw_kv_i64(
		    &w, numbers[i].name, *FIELD_C(k, numbers[i], int64_t));
	for (i = 0; i < COUNT(flags); i++)
		jw_kv_bool(&w, flags[i].name, *FIELD_C(k, flags[i], bool));
	jw_kv_cstr(&w, "cache", cache_words[k->cache]);
	put_models(&w, k->models);
	jw_end(&w);
}

static int
digit(char c)
{
	const char *p = c != '\0' ? strchr(hex, c) : NULL;

	return p != NULL ? (int)(p - hex) : -1;
}

static int
get_hash(struct str json, const char *name, unsigned char hash[KEY_HASH_BYTES])
{
	struct str s;
	size_t i;
	int high, low;

	if (!jtext_get(json, name, &s) || s.n != 2 * KEY_HASH_BYTES + 2)
		return -1;
	for (i = 0; i < KEY_HASH_BYTES; i++) {
		high = digit(s.p[1 + 2 * i]);
		low = digit(s.p[2 + 2 * i]);
		if (high < 0 || low < 0)
			return -1;
		hash[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

static void
get_models(struct arena *a, struct str json, struct key *k)
{
	struct str list, item;
	size_t pos = 0;

	if (!jtext_get(json, "models", &list))
		return;
	while (jtext_item(list, &pos, &item))
		name_add(a, &k->models, jtext_string(a, item));
}

static enum key_cache
get_cache(struct str json)
{
	enum key_cache c = KEY_CACHE_OFF;
	struct str v;

	if (!jtext_get(json, "cache", &v))
		return KEY_CACHE_DEFAULT;
	while (
	    c > KEY_CACHE_DEFAULT && !jtext_is_name(v, str_of(cache_words[c])))
		c--;
	return c;
}

/* Numbers that the first version did not have are 0 where they are missing. */
static int
get_numbers(struct str json, struct key *k)
{
	struct str v;
	size_t i;

	for (i = 0; i < COUNT(numbers); i++) {
		if (!jtext_get(json, numbers[i].name, &v)) {
			if (i < 3)
				return -1;
			continue;
		}
		if (str_i64(v, 0, INT64_MAX, FIELD(k, numbers[i], int64_t)) !=
		    0)
			return -1;
	}
	return 0;
}

int
key_record_read(struct arena *a, struct str json, struct key_record *r)
{
	struct key *k = &r->key;
	struct error ignored = { .kind = ERROR_NONE };
	struct str v;
	size_t i;

	*r = (struct key_record){ .key = { .id = STR_NONE } };
	if (jtext_check(json, &ignored) != 0 ||
	    get_hash(json, "hash", r->hash) != 0 || get_numbers(json, k) != 0)
		return -1;
	if (k->old_until_us != 0 &&
	    get_hash(json, "old_hash", r->old_hash) != 0)
		return -1;
	k->id = jtext_str(a, json, "id");
	for (i = 0; i < COUNT(texts); i++)
		if (jtext_get(json, texts[i].name, &v))
			*FIELD(k, texts[i], struct str) = jtext_string(a, v);
	for (i = 0; i < COUNT(flags); i++)
		*FIELD(k, flags[i], bool) =
		    jtext_get(json, flags[i].name, &v) && str_is(v, "true");
	k->cache = get_cache(json);
	get_models(a, json, k);
	return k->id.n == ID_BYTES ? 0 : -1;
}

bool
key_record_id(struct str text, struct str *id)
{
	if (text.n != TEXT_BYTES || !str_starts(text, PREFIX) ||
	    text.p[ID_BYTES] != '-')
		return false;
	*id = (struct str){ text.p, ID_BYTES };
	return true;
}

void
key_record_hash(struct str text, unsigned char hash[KEY_HASH_BYTES])
{
	if (EVP_Digest(text.p, text.n, hash, NULL, EVP_sha256(), NULL) != 1)
		abort();
}
