/* SPDX-License-Identifier: MIT */
/* The reader's side: the keys of keys.snap by their ids. */
#include "core/key.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "core/arena.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/key_record.h"
#include "core/mem.h"

struct keyring {
	struct snap *snap;
};

/* What a snapshot becomes. */
struct ring {
	struct key_record *keys; /* by id */
	size_t n;
};

static int
by_id(const void *a, const void *b)
{
	const struct key_record *x = a, *y = b;

	return str_cmp(x->key.id, y->key.id);
}

static void *
build(struct arena *a, struct str text)
{
	struct ring *ring = ARENA_NEW(a, struct ring);
	struct str line;

	ring->keys = ARENA_ARRAY(a, struct key_record, snap_lines(text));
	while (text.n > 0) {
		text = str_split(text, '\n', &line);
		ring->n += key_record_read(a, line, &ring->keys[ring->n]) == 0;
	}
	qsort(ring->keys, ring->n, sizeof(*ring->keys), by_id);
	return ring;
}

struct keyring *
keyring_new(struct state *state)
{
	struct keyring *kr = mem_new(sizeof(*kr));

	kr->snap = snap_new(state, &key_kind, build);
	return kr;
}

void
keyring_free(struct keyring *kr)
{
	if (kr == NULL)
		return;
	snap_free(kr->snap);
	free(kr);
}

/* The secret that is presented, or until then the one before it. */
static bool
is_secret(const struct key_record *r, struct str text, int64_t now_us)
{
	unsigned char hash[KEY_HASH_BYTES];
	bool now, before;

	key_record_hash(text, hash);
	now = CRYPTO_memcmp(hash, r->hash, sizeof(hash)) == 0;
	before = CRYPTO_memcmp(hash, r->old_hash, sizeof(hash)) == 0;
	return now || (before && now_us < r->key.old_until_us);
}

static const struct key_record *
find(const struct ring *ring, struct str text, int64_t now_us)
{
	struct key_record want = { .key = { .id = STR_NONE } };
	const struct key_record *found = NULL;

	if (key_record_id(text, &want.key.id) && ring->n > 0)
		found = bsearch(
		    &want, ring->keys, ring->n, sizeof(*ring->keys), by_id);
	return found != NULL && is_secret(found, text, now_us) ? found : NULL;
}

static struct key *
copy(struct arena *a, const struct key *k)
{
	struct key *out = ARENA_NEW(a, struct key);
	const struct name *m;

	*out = *k;
	out->id = str_dup(a, k->id);
	out->name = str_dup(a, k->name);
	out->account = str_dup(a, k->account);
	out->owner = str_dup(a, k->owner);
	out->models = NULL;
	for (m = k->models; m != NULL; m = m->next)
		name_add(a, &out->models, m->s);
	return out;
}

/* Is it still good?  Only who has the whole secret learns that it is not. */
static int
judge(const struct key *k, int64_t now_us, struct error *err)
{
	if (k->revoked_us != 0)
		return error_set(err, ERROR_AUTH, "gateway key %.*s is revoked",
		    STR_ARG(k->id));
	if (k->expires_us != 0 && now_us >= k->expires_us)
		return error_set(err, ERROR_AUTH,
		    "gateway key %.*s has expired", STR_ARG(k->id));
	return 0;
}

const struct key *
keyring_check(struct keyring *kr, struct arena *a, struct str presented,
    int64_t now_us, struct error *err)
{
	const struct key_record *found;
	const struct key *key = NULL;
	const struct ring *ring;

	if (presented.n == 0) {
		error_set(err, ERROR_AUTH, "no gateway key given");
		return NULL;
	}
	ring = snap_lock(kr->snap, err);
	if (ring == NULL)
		return NULL;
	found = find(ring, presented, now_us);
	if (found == NULL)
		error_set(err, ERROR_AUTH, "gateway key not known");
	else if (judge(&found->key, now_us, err) == 0)
		key = copy(a, &found->key);
	snap_unlock(kr->snap);
	return key;
}
