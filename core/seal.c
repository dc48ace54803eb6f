/* SPDX-License-Identifier: MIT */
#include "core/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/arena.h"
#include "core/error.h"

#define MIN_TEXT_BYTES  32
#define MAX_TEXT_BYTES  4096
#define NONCE_BYTES     12
#define TAG_BYTES       16
#define MAX_PLAIN_BYTES 65536
#define PREFIX          "v1:"
#define HEAD_BYTES      (sizeof(PREFIX) - 1 + SEAL_ID_BYTES)

static void
hash(const char *label, struct str s, unsigned char out[32])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(md, label, strlen(label) + 1) != 1 ||
	    EVP_DigestUpdate(md, s.p, s.n) != 1 ||
	    EVP_DigestFinal_ex(md, out, NULL) != 1)
		abort();
	EVP_MD_CTX_free(md);
}

static void
to_hex(const unsigned char *in, size_t n, char *out)
{
	size_t i;

	for (i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", in[i]);
}

int
seal_key_of(struct str text, struct seal_key *key, struct error *err)
{
	unsigned char id[32];

	text = str_trim(text);
	if (text.n < MIN_TEXT_BYTES)
		return error_set(err, ERROR_CONF,
		    "the master key must have at least %d characters",
		    MIN_TEXT_BYTES);
	hash("sluice master key", text, key->bytes);
	hash("sluice key id",
	    (struct str){ (const char *)key->bytes, SEAL_KEY_BYTES }, id);
	to_hex(id, (SEAL_ID_BYTES - 1) / 2, key->id);
	return 0;
}

static int
check_file(int fd, const char *name, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_set(err, ERROR_STORE, "data_dir: %s: %s", name,
		    strerror(errno));
	if ((st.st_mode & 077) != 0)
		return error_set(err, ERROR_CONF,
		    "data_dir: %s can be read by others; chmod 600", name);
	return 0;
}

/* The key in file ${name}; none if there is no file. */
static int
load_file(
    int dirfd, const char *name, struct seal_keys *keys, struct error *err)
{
	char text[MAX_TEXT_BYTES];
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	int rc;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_set(err, ERROR_STORE, "data_dir: %s: %s", name,
		    strerror(errno));
	rc = check_file(fd, name, err);
	if (rc == 0)
		n = read(fd, text, sizeof(text));
	if (rc == 0 && n < 0)
		rc = error_set(err, ERROR_STORE, "data_dir: %s: %s", name,
		    strerror(errno));
	if (rc == 0)
		rc = seal_key_of(
		    (struct str){ text, (size_t)n }, &keys->keys[keys->n], err);
	keys->n += rc == 0;
	OPENSSL_cleanse(text, sizeof(text));
	close(fd);
	return rc;
}

int
seal_keys_load(int dirfd, struct seal_keys *keys, struct error *err)
{
	const char *env = getenv("SLUICE_MASTER_KEY");

	keys->n = 0;
	if (env != NULL && env[0] != '\0') {
		keys->n = 1;
		return seal_key_of(str_of(env), &keys->keys[0], err);
	}
	return seal_keys_files(dirfd, keys, err);
}

int
seal_keys_files(int dirfd, struct seal_keys *keys, struct error *err)
{
	if (load_file(dirfd, "master.key", keys, err) != 0)
		return -1;
	return load_file(dirfd, "master.key.new", keys, err);
}

int
seal_key_new(
    int dirfd, const char *name, struct seal_key *key, struct error *err)
{
	unsigned char bytes[SEAL_KEY_BYTES];
	char text[2 * SEAL_KEY_BYTES + 2];
	int fd, rc = -1;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort();
	to_hex(bytes, sizeof(bytes), text);
	text[sizeof(text) - 2] = '\n';
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		if (write(fd, text, sizeof(text) - 1) ==
			(ssize_t)sizeof(text) - 1 &&
		    fsync(fd) == 0 && fsync(dirfd) == 0)
			rc = seal_key_of(
			    (struct str){ text, sizeof(text) - 1 }, key, err);
		else
			unlinkat(dirfd, name, 0);
		close(fd);
	}
	if (rc != 0)
		error_set(err, ERROR_STORE, "data_dir: %s: %s", name,
		    strerror(errno));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

void
seal_wipe(struct seal_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}

struct str
seal(struct arena *a, const struct seal_key *key, struct str place,
    struct str plain)
{
	size_t n = NONCE_BYTES + plain.n + TAG_BYTES, m = HEAD_BYTES;
	unsigned char *raw = arena_alloc(a, n);
	char *out = arena_alloc(a, m + 4 * ((n + 2) / 3) + 1);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len;

	if (plain.n > MAX_PLAIN_BYTES || c == NULL ||
	    getrandom(raw, NONCE_BYTES, 0) != NONCE_BYTES ||
	    EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, raw) !=
		1 ||
	    EVP_EncryptUpdate(c, NULL, &len, (const unsigned char *)place.p,
		(int)place.n) != 1 ||
	    EVP_EncryptUpdate(c, raw + NONCE_BYTES, &len,
		(const unsigned char *)plain.p, (int)plain.n) != 1 ||
	    EVP_EncryptFinal_ex(c, raw + NONCE_BYTES + len, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(
		c, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, raw + n - TAG_BYTES) != 1)
		abort();
	EVP_CIPHER_CTX_free(c);
	snprintf(out, m + 1, PREFIX "%s:", key->id);
	m += (size_t)EVP_EncodeBlock((unsigned char *)out + m, raw, (int)n);
	return (struct str){ out, m };
}

static const struct seal_key *
key_of(const struct seal_keys *keys, struct str sealed)
{
	unsigned i;

	if (sealed.n <= HEAD_BYTES || !str_starts(sealed, PREFIX) ||
	    sealed.p[HEAD_BYTES - 1] != ':')
		return NULL;
	for (i = 0; i < keys->n; i++)
		if (memcmp(sealed.p + sizeof(PREFIX) - 1, keys->keys[i].id,
			SEAL_ID_BYTES - 1) == 0)
			return &keys->keys[i];
	return NULL;
}

bool
seal_fits(const struct seal_keys *keys, struct str sealed)
{
	return key_of(keys, sealed) != NULL;
}

static int
decrypt(const struct seal_key *key, struct str place, unsigned char *raw,
    size_t n, unsigned char *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	size_t body = n - NONCE_BYTES - TAG_BYTES;
	int len, ok;

	if (c == NULL)
		abort();
	ok = EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, raw) &&
	    EVP_DecryptUpdate(c, NULL, &len, (const unsigned char *)place.p,
		(int)place.n) == 1 &&
	    EVP_DecryptUpdate(c, out, &len, raw + NONCE_BYTES, (int)body) ==
		1 &&
	    EVP_CIPHER_CTX_ctrl(
		c, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, raw + n - TAG_BYTES) == 1 &&
	    EVP_DecryptFinal_ex(c, out + len, &len) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok ? 0 : -1;
}

/* The bytes of base64 ${s} in ${a}; 0 if it is none. */
static size_t
decode(struct arena *a, struct str s, unsigned char **out)
{
	size_t pad = 0;
	int n;

	if (s.n == 0 || s.n % 4 != 0 || s.n > 2 * (size_t)MAX_PLAIN_BYTES)
		return 0;
	while (pad < 2 && s.p[s.n - 1 - pad] == '=')
		pad++;
	*out = arena_alloc(a, s.n);
	n = EVP_DecodeBlock(*out, (const unsigned char *)s.p, (int)s.n);
	return n > 0 ? (size_t)n - pad : 0;
}

int
seal_open(struct arena *a, const struct seal_keys *keys, struct str place,
    struct str sealed, struct str *plain, struct error *err)
{
	const struct seal_key *key = key_of(keys, sealed);
	unsigned char *raw, *out;
	size_t n;

	if (key == NULL)
		return error_set(err, ERROR_CONF,
		    "%.*s is sealed with another master key (id %.16s, %s%s)",
		    STR_ARG(place),
		    sealed.n > HEAD_BYTES ? sealed.p + 3 : "unknown",
		    keys->n > 0 ? "this one has id " : "none is there",
		    keys->n > 0 ? keys->keys[0].id : "");
	n = decode(a, str_skip(sealed, HEAD_BYTES), &raw);
	if (n < NONCE_BYTES + TAG_BYTES)
		return error_set(
		    err, ERROR_CONF, "%.*s is damaged", STR_ARG(place));
	out = arena_alloc(a, n);
	if (decrypt(key, place, raw, n, out) != 0)
		return error_set(
		    err, ERROR_CONF, "%.*s is damaged", STR_ARG(place));
	*plain = (struct str){ (char *)out, n - NONCE_BYTES - TAG_BYTES };
	seal_wipe_later(a, *plain);
	return 0;
}

struct secret {
	void *p;
	size_t n;
};

static void
wipe(void *arg)
{
	const struct secret *s = arg;

	OPENSSL_cleanse(s->p, s->n);
}

void
seal_wipe_later(struct arena *a, struct str s)
{
	struct secret *secret = ARENA_NEW(a, struct secret);

	secret->p = (void *)(uintptr_t)s.p;
	secret->n = s.n;
	arena_defer(a, wipe, secret);
}
