/* SPDX-License-Identifier: MIT */
/*
 * Gateway keys: "sk-sl-" 12 public characters "-" 40 secret ones, lower-case
 * letters and digits.  "sk-sl-<public>" is the key's id, safe to log; of the
 * whole only a SHA-256 is stored (280 random bits need no slow hash), and
 * the plain text is shown once.
 *
 * Truth is the table `keys` in Berkeley DB, written under the lease; readers
 * use keys.snap, rewritten with it and found again when hdr's keys_gen moves.
 */
#ifndef CORE_KEY_H
#define CORE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct arena;
struct error;
struct keyring;
struct state;

#define KEY_ID_BYTES   (6 + 12 + 1) /* with NUL */
#define KEY_TEXT_BYTES (6 + 12 + 1 + 40 + 1)

struct key {
	struct str id;      /* "sk-sl-…12" */
	struct str name;    /* for people */
	struct str account; /* the team it belongs to; "default" */
	struct str owner;   /* absent if none */
	int64_t created_us;
	int64_t expires_us; /* 0: never */
	int64_t revoked_us; /* 0: valid */
	bool admin;
	bool may_route; /* may bring routes of its own */
};

/*
 * key_create(state, key, text, err):
 * Make a new key with the name, account, owner, expiry, admin and may_route
 * of ${key}.
 *
 * Returns  0 with the secret in ${text} and ${key}->id pointing into
 *          ${id}, or -1: ERROR_STORE, ERROR_BAD_REQUEST (empty name).
 * Blocks   on the lease.
 */
int key_create(struct state *state, struct key *key, char id[KEY_ID_BYTES],
    char text[KEY_TEXT_BYTES], struct error *err)
    __attribute__((warn_unused_result));

/*
 * key_each(state, fn, arg, err):
 * Call ${fn} for each key in order of creation.  Blocks on the lease.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int key_each(struct state *state, void (*fn)(void *arg, const struct key *key),
    void *arg, struct error *err) __attribute__((warn_unused_result));

/*
 * key_revoke(state, id, err):
 * Returns  0, or -1: ERROR_NOT_FOUND, ERROR_STORE.
 */
int key_revoke(struct state *state, struct str id, struct error *err)
    __attribute__((warn_unused_result));

/*
 * keyring_new(state), keyring_free(kr):
 * The reader's side: keys.snap in memory, re-read when it has changed.  Used
 * by several threads.
 */
struct keyring *keyring_new(struct state *state);
void keyring_free(struct keyring *kr);

/*
 * keyring_check(kr, a, presented, now_us, err):
 * Look up the key whose text is ${presented}; the secret is compared in
 * constant time.
 *
 * Returns  the key, copied to ${a}, or NULL: ERROR_AUTH (missing, unknown,
 *          revoked, expired: the message says which only where the public
 *          part matched), ERROR_STORE.
 */
const struct key *keyring_check(struct keyring *kr, struct arena *a,
    struct str presented, int64_t now_us, struct error *err);

#endif
