/* SPDX-License-Identifier: MIT */
#include "core/key_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"

#define PREFIX       "sk-sl-"
#define PREFIX_BYTES (sizeof(PREFIX) - 1)
#define ID_BYTES     (KEY_ID_BYTES - 1)
#define TEXT_BYTES   (KEY_TEXT_BYTES - 1)

static const char hex[] = "0123456789abcdef";

static void
put_hash(struct jw *w, const unsigned char hash[KEY_HASH_BYTES])
{
	char text[2 * KEY_HASH_BYTES];
	size_t i;

	for (i = 0; i < KEY_HASH_BYTES; i++) {
		text[2 * i] = hex[hash[i] >> 4];
		text[2 * i + 1] = hex[hash[i] & 15];
	}
	jw_kv_str(w, "hash", (struct str){ text, sizeof(text) });
}

void
key_record_write(const struct key_record *r, struct buf *out)
{
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "id", r->key.id);
	put_hash(&w, r->hash);
	jw_kv_str(&w, "name", r->key.name);
	jw_kv_str(&w, "account", r->key.account);
	jw_kv_str(&w, "owner", r->key.owner);
	jw_kv_i64(&w, "created_us", r->key.created_us);
	jw_kv_i64(&w, "expires_us", r->key.expires_us);
	jw_kv_i64(&w, "revoked_us", r->key.revoked_us);
	jw_kv_bool(&w, "admin", r->key.admin);
	jw_kv_bool(&w, "may_route", r->key.may_route);
	jw_end(&w);
}

static int
digit(char c)
{
	const char *p = c != '\0' ? strchr(hex, c) : NULL;

	return p != NULL ? (int)(p - hex) : -1;
}

static int
get_hash(struct str json, unsigned char hash[KEY_HASH_BYTES])
{
	struct str s;
	size_t i;
	int high, low;

	if (!jtext_get(json, "hash", &s) || s.n != 2 * KEY_HASH_BYTES + 2)
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

int
key_record_read(struct arena *a, struct str json, struct key_record *r)
{
	struct key *k = &r->key;
	const struct {
		const char *name;
		struct str *out;
	} texts[] = {
		{ "id", &k->id },
		{ "name", &k->name },
		{ "account", &k->account },
		{ "owner", &k->owner },
	};
	const struct {
		const char *name;
		int64_t *out;
	} times[] = {
		{ "created_us", &k->created_us },
		{ "expires_us", &k->expires_us },
		{ "revoked_us", &k->revoked_us },
	};
	struct error ignored = { .kind = ERROR_NONE };
	struct str v;
	size_t i;

	if (jtext_check(json, &ignored) != 0 || get_hash(json, r->hash) != 0)
		return -1;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		*texts[i].out = jtext_get(json, texts[i].name, &v)
		    ? jtext_string(a, v)
		    : STR_NONE;
	for (i = 0; i < sizeof(times) / sizeof(*times); i++)
		if (!jtext_get(json, times[i].name, &v) ||
		    str_i64(v, 0, INT64_MAX, times[i].out) != 0)
			return -1;
	k->admin = jtext_get(json, "admin", &v) && str_is(v, "true");
	k->may_route = jtext_get(json, "may_route", &v) && str_is(v, "true");
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

static int
read_fd(int fd, struct arena *a, struct str *text)
{
	struct stat st;
	char *p;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return -1;
	if (st.st_size < 0 || (size_t)st.st_size > KEY_SNAP_MAX_BYTES) {
		errno = EFBIG;
		return -1;
	}
	p = arena_alloc(a, (size_t)st.st_size + 1);
	n = pread(fd, p, (size_t)st.st_size, 0);
	if (n < 0)
		return -1;
	*text = (struct str){ p, (size_t)n };
	return 1;
}

int
key_record_snapshot(
    int dirfd, struct arena *a, struct str *text, struct error *err)
{
	int fd = openat(dirfd, KEY_SNAP, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0 && errno == ENOENT)
		return 0;
	rc = fd >= 0 ? read_fd(fd, a, text) : -1;
	if (rc < 0)
		error_set(err, ERROR_STORE, "data_dir: %s: %s", KEY_SNAP,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}
