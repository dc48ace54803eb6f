/* SPDX-License-Identifier: MIT */
#include "core/key.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/key_record.h"
#include "core/shm.h"
#include "core/visit.h"

#define ARENA_BYTES ((size_t)256 << 20)
#define LOOK_US     INT64_C(1000000)

struct keyring {
	struct state *state;
	pthread_mutex_t lock;    /* over what follows */
	struct arena *arena;     /* of the keys */
	struct key_record *keys; /* by id */
	size_t n;
	int64_t gen;       /* keys_gen when the file was read */
	int64_t looked_us; /* monotonic; 0: never */
	struct stat file;  /* what was read; st_ino 0: none */
};

struct keyring *
keyring_new(struct state *state)
{
	struct keyring *kr = calloc(1, sizeof(*kr));

	if (kr == NULL)
		abort();
	kr->state = state;
	kr->arena = arena_new(ARENA_BYTES);
	kr->gen = -1;
	pthread_mutex_init(&kr->lock, NULL);
	return kr;
}

void
keyring_free(struct keyring *kr)
{
	if (kr == NULL)
		return;
	arena_free(kr->arena);
	pthread_mutex_destroy(&kr->lock);
	free(kr);
}

static int
by_id(const void *a, const void *b)
{
	const struct key_record *x = a, *y = b;

	return str_cmp(x->key.id, y->key.id);
}

static size_t
count_lines(struct str text)
{
	size_t i, n = 1;

	for (i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

/* Replace the keys in memory; what cannot be read leaves the old ones. */
static int
load(struct keyring *kr, struct error *err)
{
	struct arena *a = arena_new(ARENA_BYTES);
	struct str text = STR_NONE, line;
	struct key_record *keys;
	size_t n = 0;

	if (key_record_snapshot(kr->state->dirfd, a, &text, err) < 0) {
		arena_free(a);
		return -1;
	}
	keys = ARENA_ARRAY(a, struct key_record, count_lines(text));
	while (text.n > 0) {
		text = str_split(text, '\n', &line);
		n += key_record_read(a, line, &keys[n]) == 0;
	}
	qsort(keys, n, sizeof(*keys), by_id);
	arena_free(kr->arena);
	kr->arena = a;
	kr->keys = keys;
	kr->n = n;
	return 0;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/*
 * keys_gen tells at once; the file itself is looked at once a second, and as
 * long as there is none, since the header may have been replaced.
 */
static int
refresh(struct keyring *kr, struct error *err)
{
	int64_t gen = shm_get(kr->state->shm, SHM_KEYS_GEN);
	int64_t now_us = clock_mono_us();
	struct stat st = { .st_ino = 0 };

	if (gen == kr->gen && kr->file.st_ino != 0 &&
	    now_us - kr->looked_us < LOOK_US)
		return 0;
	fstatat(kr->state->dirfd, KEY_SNAP, &st, 0);
	if ((gen != kr->gen || !same_file(&st, &kr->file)) &&
	    load(kr, err) != 0)
		return -1;
	kr->gen = gen;
	kr->file = st;
	kr->looked_us = now_us;
	return 0;
}

static const struct key_record *
find(const struct keyring *kr, struct str text)
{
	struct key_record want = { .key = { .id = STR_NONE } };
	const struct key_record *found = NULL;

	if (key_record_id(text, &want.key.id) && kr->n > 0)
		found =
		    bsearch(&want, kr->keys, kr->n, sizeof(*kr->keys), by_id);
	if (found == NULL)
		return NULL;
	key_record_hash(text, want.hash);
	if (CRYPTO_memcmp(want.hash, found->hash, KEY_HASH_BYTES) != 0)
		return NULL;
	return found;
}

static struct key *
copy(struct arena *a, const struct key *k)
{
	struct key *out = ARENA_NEW(a, struct key);

	*out = *k;
	out->id = str_dup(a, k->id);
	out->name = str_dup(a, k->name);
	out->account = str_dup(a, k->account);
	out->owner = str_dup(a, k->owner);
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

	if (presented.n == 0) {
		error_set(err, ERROR_AUTH, "no gateway key given");
		return NULL;
	}
	pthread_mutex_lock(&kr->lock);
	if (refresh(kr, err) == 0) {
		found = find(kr, presented);
		if (found == NULL)
			error_set(err, ERROR_AUTH, "gateway key not known");
		else if (judge(&found->key, now_us, err) == 0)
			key = copy(a, &found->key);
	}
	pthread_mutex_unlock(&kr->lock);
	return key;
}
