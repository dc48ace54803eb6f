/* SPDX-License-Identifier: MIT */
/*
 * Secrets at rest: AES-256-GCM under the operator's master key, bound to
 * where they belong.  A sealed text is
 *	v1:<id of the master key, 16 hex>:<base64 of nonce, cipher text, tag>
 * The master key is SHA-256 of a text of at least 32 characters: that of
 * $SLUICE_MASTER_KEY, or of data_dir/master.key (0600, 64 random hex digits,
 * made on first use).  master.key.new is there while a rekey is under way.
 */
#ifndef CORE_SEAL_H
#define CORE_SEAL_H

#include <stdbool.h>

#include "core/str.h"

struct arena;
struct error;

#define SEAL_ID_BYTES  17 /* with NUL */
#define SEAL_KEY_BYTES 32
#define SEAL_MAX_KEYS  4

struct seal_key {
	unsigned char bytes[SEAL_KEY_BYTES];
	char id[SEAL_ID_BYTES];
};

/* The keys there are; [0] seals, any of them opens. */
struct seal_keys {
	struct seal_key keys[SEAL_MAX_KEYS];
	unsigned n;
};

/*
 * seal_keys_load(dirfd, keys, err):
 * Returns  0 with what there is, which may be none, or -1: ERROR_CONF (too
 *          short, or a file that others can read), ERROR_STORE.
 */
int seal_keys_load(int dirfd, struct seal_keys *keys, struct error *err)
    __attribute__((warn_unused_result));

/* seal_keys_files(dirfd, keys, err): the same, but add those of files. */
int seal_keys_files(int dirfd, struct seal_keys *keys, struct error *err)
    __attribute__((warn_unused_result));

/*
 * seal_key_new(dirfd, name, key, err):
 * Make a random key and the file ${name} in ${dirfd} with its text.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int seal_key_new(int dirfd, const char *name, struct seal_key *key,
    struct error *err) __attribute__((warn_unused_result));

/*
 * seal_key_of(text, key, err): the key that ${text} makes.
 * Returns  0, or -1: ERROR_CONF.
 */
int seal_key_of(struct str text, struct seal_key *key, struct error *err)
    __attribute__((warn_unused_result));

/* seal_wipe(keys): forget them. */
void seal_wipe(struct seal_keys *keys);

/*
 * seal(a, key, place, plain):
 * Returns  ${plain} sealed for ${place} ("team/openai"), in ${a}.
 */
struct str seal(struct arena *a, const struct seal_key *key, struct str place,
    struct str plain);

/*
 * seal_open(a, keys, place, sealed, plain, err):
 * Returns  0 with ${*plain} in ${a}, which wipes it at its end, or -1:
 *          ERROR_CONF, another master key or damage.
 */
int seal_open(struct arena *a, const struct seal_keys *keys, struct str place,
    struct str sealed, struct str *plain, struct error *err)
    __attribute__((warn_unused_result));

/* seal_fits(keys, sealed): is the key of ${sealed} among them? */
bool seal_fits(const struct seal_keys *keys, struct str sealed);

/*
 * seal_wipe_later(a, s):
 * Overwrite the bytes of ${s}, which are in ${a}, when ${a} ends.
 */
void seal_wipe_later(struct arena *a, struct str s);

#endif
