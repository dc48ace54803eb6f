/* SPDX-License-Identifier: MIT */
/*
 * Gateway keys: "sk-sl-" 12 public characters "-" 40 secret ones, lower-case
 * letters and digits.  "sk-sl-<public>" is the key's id, safe to log; of the
 * whole only a SHA-256 is stored (280 random bits need no slow hash), and
 * the plain text is shown once.  A rotated key keeps its id, and so its
 * budgets and its rows in the ledger; the old secret may live on for a while.
 *
 * Truth is the table `keys` in Berkeley DB; readers use keys.snap (snap.h).
 */
#ifndef CORE_KEY_H
#define CORE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct arena;
struct error;
struct jw;
struct keyring;
struct name;
struct state;

#define KEY_ID_BYTES   (6 + 12 + 1) /* with NUL */
#define KEY_TEXT_BYTES (6 + 12 + 1 + 40 + 1)

enum key_cache {
	KEY_CACHE_DEFAULT, /* as the configuration says */
	KEY_CACHE_ON,
	KEY_CACHE_OFF
};

struct key {
	struct str id;       /* "sk-sl-…12" */
	struct str name;     /* for people */
	struct str account;  /* the team it belongs to; "default" */
	struct str owner;    /* absent if none */
	struct name *models; /* models, aliases and routes it may use, "x/" and
			      * "*" for all that begin so; NULL: any */
	int64_t created_us;
	int64_t expires_us;   /* 0: never */
	int64_t revoked_us;   /* 0: valid */
	int64_t old_until_us; /* the secret before this one; 0: none */
	int64_t rpm, tpm;     /* requests, tokens a minute; 0: any */
	int64_t parallel;     /* calls at a time; 0: any */
	bool admin;
	bool may_route; /* may bring a route of its own */
	enum key_cache cache;
};

/*
 * key_create(state, key, id, text, err):
 * Make a new key with what ${key} says but for id and times.
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
 * key_edit(state, id, change, arg, err):
 * Let ${change} alter key ${id}: all but its id, account and times but
 * expires_us.
 *
 * Returns  0, or -1: ERROR_NOT_FOUND, ERROR_BAD_REQUEST (names), what
 *          ${change} has set, ERROR_STORE.
 */
int key_edit(struct state *state, struct str id,
    int (*change)(void *arg, struct key *key, struct error *err), void *arg,
    struct error *err) __attribute__((warn_unused_result));

/*
 * key_revoke(state, id, err):
 * Returns  0, or -1: ERROR_NOT_FOUND, ERROR_STORE.
 */
int key_revoke(struct state *state, struct str id, struct error *err)
    __attribute__((warn_unused_result));

/*
 * key_rotate(state, id, grace_us, text, err):
 * Give key ${id} a new secret; the old one stays good for ${grace_us}.
 *
 * Returns  0 with the whole new key in ${text}, or -1: ERROR_NOT_FOUND,
 *          ERROR_BAD_REQUEST (revoked), ERROR_STORE.
 */
int key_rotate(struct state *state, struct str id, int64_t grace_us,
    char text[KEY_TEXT_BYTES], struct error *err)
    __attribute__((warn_unused_result));

/* key_write(key, now_us, w): its members into the open JSON object of ${w}. */
void key_write(const struct key *key, int64_t now_us, struct jw *w);

/* key_state(key, now_us): "valid", "admin", "expired", "revoked". */
const char *key_state(const struct key *key, int64_t now_us);

/*
 * key_allows(key, asked, target, err):
 * May ${key} (NULL: anybody) use what it asked for as ${asked}, an alias, a
 * route or a model, which leads to ${target}, "provider/model"?
 *
 * Returns  0, or -1: ERROR_FORBIDDEN with what is allowed.
 */
int key_allows(const struct key *key, struct str asked, struct str target,
    struct error *err) __attribute__((warn_unused_result));

/*
 * keyring_new(state), keyring_free(kr):
 * The reader's side.  Used by several threads.
 */
struct keyring *keyring_new(struct state *state);
void keyring_free(struct keyring *kr);

/*
 * keyring_check(kr, a, presented, now_us, err):
 * Look up the key whose text is ${presented}; the secret is compared in
 * constant time.
 *
 * Returns  the key, copied to ${a}, or NULL: ERROR_AUTH (missing, unknown,
 *          revoked, expired: the message says which only where the secret
 *          matched), ERROR_STORE.
 */
const struct key *keyring_check(struct keyring *kr, struct arena *a,
    struct str presented, int64_t now_us, struct error *err);

#endif
