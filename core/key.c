/* SPDX-License-Identifier: MIT */
/*
 * The writer's side.  A table that is empty where a snapshot is not has been
 * rebuilt after damage (visit.h): it is filled from the snapshot first.
 */
#include "core/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/key_record.h"
#include "core/shm.h"
#include "core/store.h"
#include "core/visit.h"

#define ARENA_BYTES      ((size_t)256 << 20)
#define MAX_RECORD_BYTES 8192
#define MAX_NAME_BYTES   200
#define RANDOM_CHARS     (12 + 40)
#define SNAP_TMP         KEY_SNAP ".tmp"

/* What one visit is about; the table as it is afterwards. */
struct work {
	struct state *state;
	struct arena *arena; /* longer than a transaction */
	int (*change)(struct work *w, struct txn *t);
	struct key_record *add; /* to be added, or NULL */
	struct str revoke;      /* id to be revoked */
	struct key_entry {
		struct key_record record;
		struct key_entry *next;
	} * entries;
	size_t n;
};

static void
keep(struct work *w, struct str json)
{
	struct key_entry *e = ARENA_NEW(w->arena, struct key_entry);

	if (key_record_read(w->arena, str_dup(w->arena, json), &e->record) != 0)
		return;
	e->next = w->entries;
	w->entries = e;
	w->n++;
}

static int
see_key(void *arg, struct str id, struct str json)
{
	(void)id;
	keep(arg, json);
	return 0;
}

static int
put(struct txn *t, const struct key_record *r)
{
	struct buf *b = buf_new(t->arena, MAX_RECORD_BYTES);

	key_record_write(r, b);
	if (buf_over(b))
		return error_set(t->err, ERROR_BAD_REQUEST,
		    "key: name, account or owner is too long");
	return store_put(t, STORE_KEYS, r->key.id, buf_str(b));
}

/* The table, or the snapshot where the table has been lost. */
static int
load(struct work *w, struct txn *t)
{
	struct str text = STR_NONE, line;
	const struct key_entry *e;

	w->entries = NULL;
	w->n = 0;
	if (store_scan(t, STORE_KEYS, STR_NONE, see_key, w) != 0)
		return -1;
	if (w->n > 0)
		return 0;
	if (key_record_snapshot(w->state->dirfd, w->arena, &text, t->err) < 0)
		return -1;
	while (text.n > 0) {
		text = str_split(text, '\n', &line);
		keep(w, line);
	}
	for (e = w->entries; e != NULL; e = e->next)
		if (put(t, &e->record) != 0)
			return -1;
	return 0;
}

static int
txn_change(struct txn *t, void *arg)
{
	struct work *w = arg;

	if (load(w, t) != 0)
		return -1;
	return w->change != NULL ? w->change(w, t) : 0;
}

static int
write_file(int dirfd, const char *name, struct str text)
{
	int fd =
	    openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;
	int rc = -1;

	if (fd < 0)
		return -1;
	n = write(fd, text.p, text.n);
	if (n == (ssize_t)text.n)
		rc = fsync(fd);
	else if (n >= 0)
		errno = ENOSPC;
	close(fd);
	return rc;
}

static int
write_snapshot(const struct work *w, struct error *err)
{
	struct state *s = w->state;
	struct buf *b = buf_new(w->arena, KEY_SNAP_MAX_BYTES);
	const struct key_entry *e;

	for (e = w->entries; e != NULL; e = e->next) {
		key_record_write(&e->record, b);
		buf_addch(b, '\n');
	}
	if (buf_over(b))
		return error_set(err, ERROR_STORE, "keys: too many");
	if (write_file(s->dirfd, SNAP_TMP, buf_str(b)) != 0 ||
	    renameat(s->dirfd, SNAP_TMP, s->dirfd, KEY_SNAP) != 0 ||
	    fsync(s->dirfd) != 0)
		return error_set(err, ERROR_STORE, "data_dir: %s: %s", KEY_SNAP,
		    strerror(errno));
	shm_add(s->shm, SHM_KEYS_GEN, 1);
	return 0;
}

static int
visit_keys(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct work *w = arg;

	(void)s;
	if (store_txn(store, txn_change, w, err) != 0)
		return -1;
	if (w->change == NULL)
		return 0;
	if (store_checkpoint(store, err) != 0)
		return -1;
	return write_snapshot(w, err);
}

/* The random part of a key, from the 36 letters and digits alike. */
static void
random_chars(char out[RANDOM_CHARS])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char bytes[2 * RANDOM_CHARS];
	size_t i, n = 0;

	while (n < RANDOM_CHARS) {
		if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
			abort();
		for (i = 0; i < sizeof(bytes) && n < RANDOM_CHARS; i++)
			if (bytes[i] < 252) /* 7 * 36: all are as likely */
				out[n++] = digits[bytes[i] % 36];
	}
}

static int
add_key(struct work *w, struct txn *t)
{
	struct key_entry *e = ARENA_NEW(w->arena, struct key_entry);

	e->record = *w->add;
	e->next = w->entries;
	w->entries = e;
	return put(t, w->add);
}

static int
check_names(const struct key *key, struct error *err)
{
	if (str_trim(key->name).n == 0)
		return error_set(err, ERROR_BAD_REQUEST, "key: no name given");
	if (key->name.n > MAX_NAME_BYTES || key->account.n > MAX_NAME_BYTES ||
	    key->owner.n > MAX_NAME_BYTES)
		return error_set(err, ERROR_BAD_REQUEST,
		    "key: name, account and owner have at most %d bytes",
		    MAX_NAME_BYTES);
	return 0;
}

static int
run(struct work *w, struct error *err)
{
	w->arena = arena_new(ARENA_BYTES);
	return visit_patiently(w->state, visit_keys, w, err);
}

int
key_create(struct state *state, struct key *key, char id[KEY_ID_BYTES],
    char text[KEY_TEXT_BYTES], struct error *err)
{
	struct key_record record;
	struct work w = { .state = state, .change = add_key, .add = &record };
	char chars[RANDOM_CHARS];
	int rc;

	if (check_names(key, err) != 0)
		return -1;
	random_chars(chars);
	snprintf(id, KEY_ID_BYTES, "sk-sl-%.12s", chars);
	snprintf(text, KEY_TEXT_BYTES, "%s-%.40s", id, chars + 12);
	key->id = str_of(id);
	if (key->account.n == 0)
		key->account = STR("default");
	key->created_us = clock_wall_us();
	key->revoked_us = 0;
	record.key = *key;
	key_record_hash(str_of(text), record.hash);
	rc = run(&w, err);
	arena_free(w.arena);
	return rc;
}

/* A key that is revoked already stays so; the snapshot may not know yet. */
static int
revoke_key(struct work *w, struct txn *t)
{
	struct key_entry *e = w->entries;

	while (e != NULL && !str_eq(e->record.key.id, w->revoke))
		e = e->next;
	if (e == NULL)
		return error_set(t->err, ERROR_NOT_FOUND, "key %.*s not found",
		    STR_ARG(w->revoke));
	if (e->record.key.revoked_us == 0)
		e->record.key.revoked_us = clock_wall_us();
	return put(t, &e->record);
}

int
key_revoke(struct state *state, struct str id, struct error *err)
{
	struct work w = { .state = state, .change = revoke_key, .revoke = id };
	int rc = run(&w, err);

	arena_free(w.arena);
	return rc;
}

static int
by_creation(const void *a, const void *b)
{
	const struct key *const *x = a, *const *y = b;
	int64_t xt = (*x)->created_us, yt = (*y)->created_us;

	if (xt != yt)
		return xt < yt ? -1 : 1;
	return str_cmp((*x)->id, (*y)->id);
}

int
key_each(struct state *state, void (*fn)(void *arg, const struct key *key),
    void *arg, struct error *err)
{
	struct work w = { .state = state };
	const struct key_entry *e;
	const struct key **keys;
	size_t i, n = 0;
	int rc = run(&w, err);

	keys = ARENA_ARRAY(w.arena, const struct key *, w.n + 1);
	for (e = w.entries; rc == 0 && e != NULL; e = e->next)
		keys[n++] = &e->record.key;
	qsort(keys, n, sizeof(*keys), by_creation);
	for (i = 0; i < n; i++)
		fn(arg, keys[i]);
	arena_free(w.arena);
	return rc;
}
