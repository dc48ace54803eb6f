/* SPDX-License-Identifier: MIT */
/* The writer's side; account_pick.c is the reader's. */
#include "core/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/account_record.h"
#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/key.h"
#include "core/seal.h"
#include "core/trials_prune.h"
#include "core/visit.h"

#define MAX_NAME_BYTES   200
#define MAX_SECRET_BYTES 16384
#define KEY_FILE         "master.key"
#define KEY_FILE_NEW     "master.key.new"

/* One edit of one account. */
struct work {
	struct state *state;
	struct str name, provider, secret;
	bool allow_shared, add;
	bool has_keys; /* that are good still */
};

static int
get(struct snap_edit *e, struct str name, struct account *out,
    struct error *err)
{
	const struct snap_record *r = snap_find(e, name);

	if (r == NULL || account_record_read(e->arena, r->json, out) != 0)
		return error_set(err, ERROR_NOT_FOUND, "account %.*s not found",
		    STR_ARG(name));
	return 0;
}

static int
put(struct snap_edit *e, const struct account *account)
{
	return snap_put(
	    e, account->name, account_record_write(e->arena, account));
}

static int
create(struct snap_edit *e, void *arg, struct error *err)
{
	const struct work *w = arg;
	const struct account account = { .name = w->name,
		.created_us = clock_wall_us(),
		.allow_shared = w->allow_shared };

	if (snap_find(e, w->name) != NULL)
		return error_set(err, ERROR_BAD_REQUEST,
		    "account %.*s is there already", STR_ARG(w->name));
	return put(e, &account);
}

int
account_create(
    struct state *s, struct str name, bool allow_shared, struct error *err)
{
	struct work w = { .name = name, .allow_shared = allow_shared };

	if (name.n == 0 || name.n > MAX_NAME_BYTES ||
	    memchr(name.p, '/', name.n) != NULL)
		return error_set(err, ERROR_BAD_REQUEST,
		    "account: a name has 1 to %d bytes and no \"/\"",
		    MAX_NAME_BYTES);
	return snap_edit(s, &account_kind, create, &w, err);
}

static int
drop(struct snap_edit *e, void *arg, struct error *err)
{
	const struct work *w = arg;
	struct account account;

	if (get(e, w->name, &account, err) != 0)
		return -1;
	if (w->has_keys && !account.allow_shared)
		return error_set(err, ERROR_BAD_REQUEST,
		    "account %.*s has keys that could use the shared "
		    "credentials without it: revoke them first",
		    STR_ARG(w->name));
	return snap_del(e, snap_find(e, w->name));
}

static void
note_key(void *arg, const struct key *key)
{
	struct work *w = arg;

	w->has_keys |= key->revoked_us == 0 && str_eq(key->account, w->name);
}

int
account_remove(struct state *s, struct str name, struct error *err)
{
	struct work w = { .name = name };

	if (key_each(s, note_key, &w, err) != 0 ||
	    snap_edit(s, &account_kind, drop, &w, err) != 0)
		return -1;
	return trials_forget_account(s, name, err) < 0 ? -1 : 0;
}

static int
allow(struct snap_edit *e, void *arg, struct error *err)
{
	const struct work *w = arg;
	struct account account;

	if (get(e, w->name, &account, err) != 0)
		return -1;
	account.allow_shared = w->allow_shared;
	return put(e, &account);
}

int
account_allow(
    struct state *s, struct str name, bool allow_shared, struct error *err)
{
	struct work w = { .name = name, .allow_shared = allow_shared };

	return snap_edit(s, &account_kind, allow, &w, err);
}

/* Call ${fn} for each credential of all accounts until it fails. */
static int
each_credential(struct snap_edit *e,
    int (*fn)(void *arg, const struct account *account, struct credential *c),
    void *arg, bool write)
{
	struct snap_record *r;
	struct account account;
	struct credential *c;

	for (r = e->records; r != NULL; r = r->next) {
		if (account_record_read(e->arena, r->json, &account) != 0)
			continue;
		for (c = account.credentials; c != NULL; c = c->next)
			if (fn(arg, &account, c) != 0)
				return -1;
		if (write && put(e, &account) != 0)
			return -1;
	}
	return 0;
}

struct opening {
	struct arena *arena;
	struct seal_keys keys;
	const struct seal_key *anew; /* NULL: only look */
	struct error *err;
	size_t n;
};

/* Open it with what there is; perhaps seal it with something else. */
static int
reopen(void *arg, const struct account *account, struct credential *c)
{
	struct opening *o = arg;
	struct str place = account_place(o->arena, account->name, c->provider);
	struct str plain;

	if (seal_open(o->arena, &o->keys, place, c->sealed, &plain, o->err) !=
	    0)
		return -1;
	if (o->anew != NULL)
		c->sealed = seal(o->arena, o->anew, place, plain);
	o->n++;
	return 0;
}

/*
 * The key to seal with.  All that is sealed must open with what there is, or
 * there would be two keys; the first of all is made here.
 */
static int
key_for_sealing(
    struct snap_edit *e, struct state *s, struct opening *o, struct error *err)
{
	o->arena = e->arena;
	o->err = err;
	if (seal_keys_load(s->dirfd, &o->keys, err) != 0 ||
	    each_credential(e, reopen, o, false) != 0)
		return -1;
	if (o->keys.n > 0)
		return 0;
	if (seal_key_new(s->dirfd, KEY_FILE, &o->keys.keys[0], err) != 0)
		return -1;
	o->keys.n = 1;
	return 0;
}

static void
remove_provider(struct account *account, struct str provider)
{
	struct credential **at = &account->credentials;

	while (*at != NULL)
		if (str_eq((*at)->provider, provider))
			*at = (*at)->next;
		else
			at = &(*at)->next;
}

static int
set(struct snap_edit *e, void *arg, struct error *err)
{
	const struct work *w = arg;
	struct account account;
	struct credential **end = &account.credentials, *c;
	struct opening o = { .n = 0 };
	int rc = get(e, w->name, &account, err);

	if (rc != 0)
		return -1;
	if (!w->add)
		remove_provider(&account, w->provider);
	if (w->secret.n > 0) {
		rc = key_for_sealing(e, w->state, &o, err);
		c = ARENA_NEW(e->arena, struct credential);
		c->provider = w->provider;
		c->set_us = clock_wall_us();
		if (rc == 0)
			c->sealed = seal(e->arena, &o.keys.keys[0],
			    account_place(e->arena, w->name, w->provider),
			    w->secret);
		while (*end != NULL)
			end = &(*end)->next;
		*end = c;
	}
	seal_wipe(&o.keys);
	return rc == 0 ? put(e, &account) : -1;
}

int
account_set(struct state *s, struct str name, struct str provider,
    struct str secret, bool add, struct error *err)
{
	struct work w = { .state = s,
		.name = name,
		.provider = provider,
		.secret = secret,
		.add = add };

	if (secret.n > MAX_SECRET_BYTES)
		return error_set(
		    err, ERROR_BAD_REQUEST, "the credential is too long");
	return snap_edit(s, &account_kind, set, &w, err);
}

struct rekey {
	struct state *state;
	struct str old; /* text; absent: what seal_keys_load finds */
	bool to_file;
};

static int
old_keys(const struct rekey *rk, struct seal_keys *keys, struct error *err)
{
	struct seal_key *next = &keys->keys[keys->n];

	if (rk->old.p == NULL)
		return rk->to_file
		    ? 0
		    : seal_keys_files(rk->state->dirfd, keys, err);
	if (seal_key_of(rk->old, next, err) != 0)
		return -1;
	keys->n++;
	return 0;
}

static int
reseal(struct snap_edit *e, void *arg, struct error *err)
{
	const struct rekey *rk = arg;
	struct opening o = { .arena = e->arena, .err = err };
	struct seal_key fresh;
	int dirfd = rk->state->dirfd, rc;

	rc = seal_keys_load(dirfd, &o.keys, err);
	if (rc == 0)
		rc = old_keys(rk, &o.keys, err);
	if (rc == 0 && rk->to_file) {
		/* What an earlier attempt has left, and nothing is sealed
		 * with, must not stay; what is sealed with it does open. */
		rc = each_credential(e, reopen, &o, false);
		if (rc == 0)
			rc = seal_key_new(dirfd, KEY_FILE_NEW, &fresh, err);
	} else if (rc == 0) {
		fresh = o.keys.keys[0];
	}
	if (rc == 0) {
		o.anew = &fresh;
		rc = each_credential(e, reopen, &o, true);
		seal_wipe(&(struct seal_keys){ .keys = { fresh } });
	}
	seal_wipe(&o.keys);
	return rc;
}

/* Does anything still need master.key?  0 no, 1 yes, -1. */
static int
finish_earlier(struct snap_edit *e, void *arg, struct error *err)
{
	struct state *s = arg;
	struct opening o = { .arena = e->arena, .err = err };
	struct error ignored = { .kind = ERROR_NONE };
	struct seal_keys all;
	int rc = 1;

	if (seal_keys_load(s->dirfd, &all, err) != 0)
		return -1;
	if (all.n == 2) {
		o.keys.keys[0] = all.keys[1];
		o.keys.n = 1;
		o.err = &ignored;
		if (each_credential(e, reopen, &o, false) == 0 && o.n > 0)
			rc = renameat(
			    s->dirfd, KEY_FILE_NEW, s->dirfd, KEY_FILE);
		else
			rc = unlinkat(s->dirfd, KEY_FILE_NEW, 0);
	}
	seal_wipe(&all);
	seal_wipe(&o.keys);
	return rc < 0 ? error_set(err, ERROR_STORE,
			    "data_dir: " KEY_FILE_NEW " cannot be moved")
		      : 1;
}

int
account_rekey(struct state *s, struct str old, struct error *err)
{
	const char *env = getenv("SLUICE_MASTER_KEY");
	struct rekey rk = { .state = s, .old = old };

	rk.to_file = env == NULL || env[0] == '\0';
	if (rk.to_file &&
	    snap_edit(s, &account_kind, finish_earlier, s, err) != 0)
		return -1;
	if (snap_edit(s, &account_kind, reseal, &rk, err) != 0) {
		return -1;
	}
	if (rk.to_file &&
	    (renameat(s->dirfd, KEY_FILE_NEW, s->dirfd, KEY_FILE) != 0 ||
		fsync(s->dirfd) != 0))
		return error_set(
		    err, ERROR_STORE, "data_dir: " KEY_FILE " not replaced");
	return 0;
}

struct listing {
	void (*fn)(void *arg, const struct account *account);
	void *arg;
};

static int
by_name(const void *a, const void *b)
{
	const struct account *x = a, *y = b;

	return str_cmp(x->name, y->name);
}

static int
list(struct snap_edit *e, void *arg, struct error *err)
{
	const struct listing *l = arg;
	const struct snap_record *r;
	struct account *all;
	size_t i, n = 0;

	(void)err;
	for (r = e->records; r != NULL; r = r->next)
		n++;
	all = ARENA_ARRAY(e->arena, struct account, n + 1);
	n = 0;
	for (r = e->records; r != NULL; r = r->next)
		n += account_record_read(e->arena, r->json, &all[n]) == 0;
	qsort(all, n, sizeof(*all), by_name);
	for (i = 0; i < n; i++)
		l->fn(l->arg, &all[i]);
	return 1;
}

int
account_each(struct state *s,
    void (*fn)(void *arg, const struct account *account), void *arg,
    struct error *err)
{
	struct listing l = { fn, arg };

	return snap_edit(s, &account_kind, list, &l, err);
}
