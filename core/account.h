/* SPDX-License-Identifier: MIT */
/*
 * Accounts: teams with provider credentials of their own, sealed (seal.h);
 * several per provider, tried in order.  A team that was never created has
 * none, and may use the configured ones.
 *
 * A record, in the table `accounts` and a line of accounts.snap:
 *	{"id","created_us","allow_shared","credentials":[
 *	  {"provider","sealed","set_us"}]}
 * A credential is sealed for "<account>/<provider>".
 */
#ifndef CORE_ACCOUNT_H
#define CORE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct accounts;
struct arena;
struct error;
struct jw;
struct state;
struct target;

struct credential {
	struct str provider;
	struct str sealed;
	int64_t set_us;
	struct credential *next;
};

struct account {
	struct str name;
	int64_t created_us;
	bool allow_shared;
	struct credential *credentials;
};

/*
 * account_create(s, name, allow_shared, err), account_remove(s, name, err),
 * account_allow(s, name, allow_shared, err):
 * A key of no account may use the shared credentials: one that may not has to
 * be revoked before its account is removed.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST (there already, no name, such keys),
 *          ERROR_NOT_FOUND, ERROR_STORE.
 * Blocks   on the lease, like all that follow.
 */
int account_create(struct state *s, struct str name, bool allow_shared,
    struct error *err) __attribute__((warn_unused_result));
int account_remove(struct state *s, struct str name, struct error *err)
    __attribute__((warn_unused_result));
int account_allow(struct state *s, struct str name, bool allow_shared,
    struct error *err) __attribute__((warn_unused_result));

/*
 * account_set(s, name, provider, secret, add, err):
 * Seal ${secret} as the account's only credential for ${provider}, or with
 * ${add} as the last of several; an absent ${secret} removes them all.
 *
 * Returns  0, or -1: ERROR_NOT_FOUND, ERROR_CONF (what is there is sealed
 *          with another master key: nothing is changed), ERROR_STORE.
 */
int account_set(struct state *s, struct str name, struct str provider,
    struct str secret, bool add, struct error *err)
    __attribute__((warn_unused_result));

/*
 * account_rekey(s, old, err):
 * Seal everything anew: under $SLUICE_MASTER_KEY if that is set (${old} is
 * the text of the key before it; absent: that of master.key), else under a
 * fresh master.key.
 *
 * Returns  0, or -1: ERROR_CONF, ERROR_STORE; then nothing is changed.
 */
int account_rekey(struct state *s, struct str old, struct error *err)
    __attribute__((warn_unused_result));

/*
 * account_each(s, fn, arg, err):
 * Call ${fn} for each account, by name.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int account_each(struct state *s,
    void (*fn)(void *arg, const struct account *account), void *arg,
    struct error *err) __attribute__((warn_unused_result));

/* account_json(account, w): as one object; of credentials what is no secret. */
void account_json(const struct account *account, struct jw *w);

/* accounts_new(state), accounts_free(as): readers; used by several threads. */
struct accounts *accounts_new(struct state *state);
void accounts_free(struct accounts *as);

/*
 * account_pick(as, a, account, target, err):
 * Give ${target} credential number target->nth of ${account} for its
 * provider, unsealed in ${a} (which wipes it), and say how many there are.
 *
 * Returns  0, or -1: ERROR_FORBIDDEN (none of its own, and it may not use
 *          shared ones), ERROR_CONF (master key), ERROR_STORE.
 */
int account_pick(struct accounts *as, struct arena *a, struct str account,
    struct target *target, struct error *err)
    __attribute__((warn_unused_result));

#endif
