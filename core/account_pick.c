/* SPDX-License-Identifier: MIT */
/* The reader's side of accounts: which credential a call uses. */
#include "core/account.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/account_record.h"
#include "core/arena.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/mem.h"
#include "core/provider.h"
#include "core/seal.h"
#include "core/visit.h"

struct accounts {
	struct state *state;
	struct snap *snap;
	pthread_mutex_t lock; /* over keys */
	struct seal_keys keys;
};

struct roll {
	struct account *accounts; /* by name */
	size_t n;
};

static int
by_name(const void *a, const void *b)
{
	const struct account *x = a, *y = b;

	return str_cmp(x->name, y->name);
}

static void *
build(struct arena *a, struct str text)
{
	struct roll *roll = ARENA_NEW(a, struct roll);
	struct str line;

	roll->accounts = ARENA_ARRAY(a, struct account, snap_lines(text));
	while (text.n > 0) {
		text = str_split(text, '\n', &line);
		roll->n +=
		    account_record_read(a, line, &roll->accounts[roll->n]) == 0;
	}
	qsort(roll->accounts, roll->n, sizeof(*roll->accounts), by_name);
	return roll;
}

struct accounts *
accounts_new(struct state *state)
{
	struct accounts *as = mem_new(sizeof(*as));

	as->state = state;
	as->snap = snap_new(state, &account_kind, build);
	pthread_mutex_init(&as->lock, NULL);
	return as;
}

void
accounts_free(struct accounts *as)
{
	if (as == NULL)
		return;
	snap_free(as->snap);
	seal_wipe(&as->keys);
	pthread_mutex_destroy(&as->lock);
	free(as);
}

/* Open with the keys in memory; those may have been replaced since. */
static int
unseal(struct accounts *as, struct arena *a, struct str place,
    struct str sealed, struct str *plain, struct error *err)
{
	int rc = 0;

	pthread_mutex_lock(&as->lock);
	if (!seal_fits(&as->keys, sealed))
		rc = seal_keys_load(as->state->dirfd, &as->keys, err);
	if (rc == 0)
		rc = seal_open(a, &as->keys, place, sealed, plain, err);
	pthread_mutex_unlock(&as->lock);
	return rc;
}

/* The account's credential number target->nth; how many there are. */
static const struct credential *
own_credential(const struct account *account, struct target *t)
{
	const struct credential *c, *found = NULL;

	for (c = account->credentials; c != NULL; c = c->next) {
		if (!str_eq(c->provider, t->provider->name))
			continue;
		if (t->credentials++ == t->nth)
			found = c;
	}
	return found;
}

static const struct account *
find(const struct roll *roll, struct str name)
{
	const struct account want = { .name = name };

	if (roll->n == 0)
		return NULL;
	return bsearch(
	    &want, roll->accounts, roll->n, sizeof(*roll->accounts), by_name);
}

/* What the snapshot says, copied: 1 own (sealed), 0 shared, -1 neither. */
static int
look(struct accounts *as, struct arena *a, struct str account, struct target *t,
    struct str *sealed, struct error *err)
{
	const struct roll *roll = snap_lock(as->snap, err);
	const struct account *found;
	const struct credential *own = NULL;
	bool shared = true;

	if (roll == NULL)
		return -1;
	t->credentials = 0;
	found = find(roll, account);
	if (found != NULL) {
		own = own_credential(found, t);
		shared = found->allow_shared || t->provider->key.n == 0;
	}
	if (own != NULL)
		*sealed = str_dup(a, own->sealed);
	snap_unlock(as->snap);
	if (own == NULL && (!shared || t->nth > t->credentials))
		return error_set(err, ERROR_FORBIDDEN,
		    "account %.*s has no credential of its own for %.*s, and "
		    "may not use the shared one",
		    STR_ARG(account), STR_ARG(t->provider->name));
	t->credentials += shared && t->provider->key.n > 0;
	return own != NULL;
}

int
account_pick(struct accounts *as, struct arena *a, struct str account,
    struct target *t, struct error *err)
{
	struct str sealed = STR_NONE;
	int rc = look(as, a, account, t, &sealed, err);

	if (rc <= 0)
		return rc;
	t->credential =
	    str_of(arena_printf(a, "%.*s/%u", STR_ARG(account), t->nth + 1));
	return unseal(as, a, account_place(a, account, t->provider->name),
	    sealed, &t->key, err);
}
