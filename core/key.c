/* SPDX-License-Identifier: MIT */
/* The writer's side, and what a key allows. */
#include "core/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/chat.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/key_record.h"

#define MAX_RECORD_BYTES 16384
#define MAX_NAME_BYTES   200
#define MAX_LIST_BYTES   256 /* of what is allowed, in an error */
#define SECRET_CHARS     40
#define RANDOM_CHARS     (12 + SECRET_CHARS)

static int
put(struct snap_edit *e, const struct key_record *r, struct error *err)
{
	struct buf *b = buf_new(e->arena, MAX_RECORD_BYTES);

	key_record_write(r, b);
	if (buf_over(b))
		return error_set(err, ERROR_BAD_REQUEST,
		    "key: its list of models is too long");
	return snap_put(e, r->key.id, buf_str(b));
}

/* The key called ${id}, as it is stored. */
static int
get(struct snap_edit *e, struct str id, struct key_record *r, struct error *err)
{
	const struct snap_record *found = snap_find(e, id);

	if (found == NULL || key_record_read(e->arena, found->json, r) != 0)
		return error_set(
		    err, ERROR_NOT_FOUND, "key %.*s not found", STR_ARG(id));
	return 0;
}

/* ${n} letters and digits, all as likely. */
static void
random_chars(char *out, size_t n)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char bytes[2 * RANDOM_CHARS];
	size_t i, done = 0;

	while (done < n) {
		if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
			abort();
		for (i = 0; i < sizeof(bytes) && done < n; i++)
			if (bytes[i] < 252) /* 7 * 36 */
				out[done++] = digits[bytes[i] % 36];
	}
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
add_key(struct snap_edit *e, void *arg, struct error *err)
{
	return put(e, arg, err);
}

int
key_create(struct state *state, struct key *key, char id[KEY_ID_BYTES],
    char text[KEY_TEXT_BYTES], struct error *err)
{
	struct key_record record = { .key = { .id = STR_NONE } };
	char chars[RANDOM_CHARS];

	if (check_names(key, err) != 0)
		return -1;
	random_chars(chars, sizeof(chars));
	snprintf(id, KEY_ID_BYTES, "sk-sl-%.12s", chars);
	snprintf(text, KEY_TEXT_BYTES, "%s-%.40s", id, chars + 12);
	key->id = str_of(id);
	if (key->account.n == 0)
		key->account = STR("default");
	key->created_us = clock_wall_us();
	key->revoked_us = key->old_until_us = 0;
	record.key = *key;
	key_record_hash(str_of(text), record.hash);
	return snap_edit(state, &key_kind, add_key, &record, err);
}

struct editing {
	struct str id;
	int (*change)(void *arg, struct key *key, struct error *err);
	void *arg;
};

static int
edit_key(struct snap_edit *e, void *arg, struct error *err)
{
	const struct editing *ed = arg;
	struct key_record r;

	if (get(e, ed->id, &r, err) != 0 ||
	    ed->change(ed->arg, &r.key, err) != 0 ||
	    check_names(&r.key, err) != 0)
		return -1;
	return put(e, &r, err);
}

int
key_edit(struct state *state, struct str id,
    int (*change)(void *arg, struct key *key, struct error *err), void *arg,
    struct error *err)
{
	struct editing ed = { id, change, arg };

	return snap_edit(state, &key_kind, edit_key, &ed, err);
}

/* A key that is revoked already stays so; the snapshot may not know yet. */
static int
revoke_key(struct snap_edit *e, void *arg, struct error *err)
{
	struct key_record r;

	if (get(e, *(const struct str *)arg, &r, err) != 0)
		return -1;
	if (r.key.revoked_us == 0)
		r.key.revoked_us = clock_wall_us();
	return put(e, &r, err);
}

int
key_revoke(struct state *state, struct str id, struct error *err)
{
	return snap_edit(state, &key_kind, revoke_key, &id, err);
}

struct rotation {
	struct str id;
	const char *text;
	int64_t grace_us;
};

static int
rotate_key(struct snap_edit *e, void *arg, struct error *err)
{
	const struct rotation *rot = arg;
	struct key_record r;

	if (get(e, rot->id, &r, err) != 0)
		return -1;
	if (r.key.revoked_us != 0)
		return error_set(err, ERROR_BAD_REQUEST, "key %.*s is revoked",
		    STR_ARG(rot->id));
	memcpy(r.old_hash, r.hash, sizeof(r.hash));
	r.key.old_until_us =
	    rot->grace_us > 0 ? clock_wall_us() + rot->grace_us : 0;
	key_record_hash(str_of(rot->text), r.hash);
	return put(e, &r, err);
}

int
key_rotate(struct state *state, struct str id, int64_t grace_us,
    char text[KEY_TEXT_BYTES], struct error *err)
{
	struct rotation rot = { id, text, grace_us };
	char chars[SECRET_CHARS];

	random_chars(chars, sizeof(chars));
	snprintf(text, KEY_TEXT_BYTES, "%.*s-%.40s", STR_ARG(id), chars);
	return snap_edit(state, &key_kind, rotate_key, &rot, err);
}

/* What key_each shows, in an arena of its own. */
struct listing {
	struct arena *arena;
	struct key_record *keys;
	size_t n;
};

static int
list_keys(struct snap_edit *e, void *arg, struct error *err)
{
	struct listing *l = arg;
	const struct snap_record *r;
	size_t n = 0;

	(void)err;
	for (r = e->records; r != NULL; r = r->next)
		n++;
	l->keys = ARENA_ARRAY(l->arena, struct key_record, n + 1);
	for (r = e->records; r != NULL; r = r->next)
		l->n += key_record_read(l->arena, str_dup(l->arena, r->json),
			    &l->keys[l->n]) == 0;
	return 1;
}

static int
by_creation(const void *a, const void *b)
{
	const struct key_record *x = a, *y = b;

	if (x->key.created_us != y->key.created_us)
		return x->key.created_us < y->key.created_us ? -1 : 1;
	return str_cmp(x->key.id, y->key.id);
}

int
key_each(struct state *state, void (*fn)(void *arg, const struct key *key),
    void *arg, struct error *err)
{
	struct listing l = { .arena = arena_new(SNAP_MAX_BYTES * 4) };
	size_t i;
	int rc = snap_edit(state, &key_kind, list_keys, &l, err);

	if (l.n > 0)
		qsort(l.keys, l.n, sizeof(*l.keys), by_creation);
	for (i = 0; rc == 0 && i < l.n; i++)
		fn(arg, &l.keys[i].key);
	arena_free(l.arena);
	return rc;
}

/* "openai/gpt-5", "openai/" followed by "*", or "*" alone. */
static bool
matches(struct str pattern, struct str name)
{
	if (pattern.n == 0 || pattern.p[pattern.n - 1] != '*')
		return str_eq(pattern, name);
	return name.n >= pattern.n - 1 &&
	    memcmp(name.p, pattern.p, pattern.n - 1) == 0;
}

int
key_allows(const struct key *key, struct str asked, struct str target,
    struct error *err)
{
	char list[MAX_LIST_BYTES] = "";
	const struct name *m;
	size_t n = 0;

	if (key == NULL || key->models == NULL)
		return 0;
	for (m = key->models; m != NULL; m = m->next) {
		if (matches(m->s, asked) || matches(m->s, target))
			return 0;
		if (n + m->s.n + 3 < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n,
			    "%s%.*s", n > 0 ? ", " : "", STR_ARG(m->s));
	}
	return error_set(err, ERROR_FORBIDDEN,
	    "gateway key %.*s may not use %.*s; it may use %s",
	    STR_ARG(key->id), asked.n > 80 ? 80 : (int)asked.n, asked.p, list);
}
