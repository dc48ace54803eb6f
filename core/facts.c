/* SPDX-License-Identifier: MIT */
#include "core/facts.h"

#include <endian.h>
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/store.h"

#define BLOCK_BYTES ((size_t)4 << 20)  /* more than a full pile takes */
#define MERGE_BYTES ((int64_t)8 << 20) /* more waits for the next time */
#define MERGE_COUNT 64

/* Calls of which a block goes to the next level. */
static const uint32_t level_calls[FACTS_LEVELS] = { 64, 4096, UINT32_MAX };

struct facts {
	struct txn *txn;
	struct fact_pile pile;
	struct fact_block block; /* being merged */
	int rc;                  /* of what had to be written on the way */
};

struct parts {
	unsigned level;
	int64_t first_us, last_us;
	uint32_t calls, serial;
};

static void
put_be(char *to, unsigned bytes, uint64_t v)
{
	while (bytes-- > 0) {
		to[bytes] = (char)v;
		v >>= 8;
	}
}

static uint64_t
get_be(const char *from, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | (unsigned char)*from++;
	return v;
}

/* Times before 1970 are of clocks that were not set: they come first. */
static uint64_t
sortable(int64_t us)
{
	return us > 0 ? (uint64_t)us : 0;
}

static struct facts_key
key_of(const struct parts *p)
{
	struct facts_key key;

	key.bytes[0] = (char)p->level;
	put_be(key.bytes + 1, 8, sortable(p->last_us));
	put_be(key.bytes + 9, 8, sortable(p->first_us));
	put_be(key.bytes + 17, 4, p->calls);
	put_be(key.bytes + 21, 4, p->serial);
	key.bytes[FACTS_KEY_BYTES] = FACT_COSTS;
	key.parts = p->level == FACTS_LAST;
	return key;
}

static struct str
view(const struct facts_key *key)
{
	return (struct str){ key->bytes, (size_t)FACTS_KEY_BYTES + key->parts };
}

static uint32_t
calls_of(const struct facts_key *key)
{
	return (uint32_t)get_be(key->bytes + 17, 4);
}

void
facts_span(const struct facts_key *key, int64_t *first_us, int64_t *last_us)
{
	*last_us = (int64_t)get_be(key->bytes + 1, 8);
	*first_us = (int64_t)get_be(key->bytes + 9, 8);
}

int
facts_damaged(struct txn *t)
{
	return error_set(
	    t->err, ERROR_STORE, "database: facts.db: a damaged record");
}

struct facts *
facts_new(struct txn *t)
{
	struct facts *f = ARENA_NEW(t->arena, struct facts);

	f->txn = t;
	f->block.arena = t->arena;
	fact_pile_init(&f->pile, t->arena);
	return f;
}

static int
put_item(struct txn *t, const struct fact_pile *p, const struct facts_key *key,
    unsigned parts)
{
	struct buf *b = buf_new(t->arena, BLOCK_BYTES);

	fact_pack(p, parts, b);
	if (buf_over(b))
		return error_set(t->err, ERROR_STORE, "facts: too large");
	return store_put(t, STORE_FACTS, view(key), buf_str(b));
}

static int
put_items(struct txn *t, const struct fact_pile *p, struct facts_key *key)
{
	unsigned part;
	int rc = 0;

	if (!key->parts)
		return put_item(t, p, key, FACT_EVERY);
	for (part = 0; part < FACT_PARTS && rc == 0; part++) {
		key->bytes[FACTS_KEY_BYTES] = (char)part;
		rc = put_item(t, p, key, 1u << part);
	}
	return rc;
}

/* A block of the pile, which is empty then. */
static int
put_pile(struct facts *f, struct fact_pile *p, unsigned level)
{
	struct txn *t = f->txn;
	struct parts parts = { .level = level,
		.first_us = p->first_us,
		.last_us = p->last_us,
		.calls = p->n[FACT_CALL] };
	struct facts_key key = key_of(&parts);
	struct str old;
	int rc;

	while ((rc = store_get(t, STORE_FACTS, view(&key), &old)) == 1) {
		parts.serial++;
		key = key_of(&parts);
	}
	if (rc == 0)
		rc = put_items(t, p, &key);
	fact_pile_init(p, t->arena);
	return rc;
}

static unsigned
level_of(const struct fact_pile *p)
{
	unsigned level = 0;

	while (p->n[FACT_CALL] >= level_calls[level])
		level++;
	return level;
}

void
facts_add(struct facts *f, const struct ledger_view *v, bool taken)
{
	fact_add(&f->pile, v, taken);
	if (f->rc == 0 && fact_is_full(&f->pile))
		f->rc = put_pile(f, &f->pile, level_of(&f->pile));
}

struct listing {
	unsigned level;
	int64_t since_us, until_us;
	struct arena *arena;
	struct facts_list *list;
	bool damaged;
};

static void
note(struct listing *l, const struct facts_key *key)
{
	struct facts_list *list = l->list;
	struct facts_key *old = list->keys;
	int64_t first_us, last_us;

	facts_span(key, &first_us, &last_us);
	if (l->until_us != 0 && first_us >= l->until_us)
		return;
	if (list->n == list->room) {
		list->room = list->room != 0 ? 2 * list->room : MERGE_COUNT;
		list->keys =
		    ARENA_ARRAY(l->arena, struct facts_key, list->room);
		if (old != NULL)
			memcpy(list->keys, old, list->n * sizeof(*old));
	}
	list->keys[list->n++] = *key;
}

/* A block with items of its own is noted at the first of them. */
static int
see_key(void *arg, struct str bytes, struct str none)
{
	struct listing *l = arg;
	struct facts_key key = { .parts = bytes.n > FACTS_KEY_BYTES };
	const struct facts_list *list = l->list;

	(void)none;
	l->damaged = bytes.n != (size_t)FACTS_KEY_BYTES + key.parts;
	if (l->damaged || (unsigned char)bytes.p[0] != l->level)
		return 1;
	memcpy(key.bytes, bytes.p, FACTS_KEY_BYTES);
	key.bytes[FACTS_KEY_BYTES] = FACT_COSTS;
	if (list->n == 0 ||
	    memcmp(&list->keys[list->n - 1], &key, sizeof(key)) != 0)
		note(l, &key);
	return 0;
}

int
facts_list(struct txn *t, unsigned level, int64_t since_us, int64_t until_us,
    struct arena *a, struct facts_list *list)
{
	struct parts from = { .level = level, .last_us = since_us };
	const struct facts_key key = key_of(&from);
	struct listing l = { .level = level,
		.since_us = since_us,
		.until_us = until_us,
		.arena = a,
		.list = list };

	if (store_scan_keys(t, STORE_FACTS, view(&key), see_key, &l) < 0)
		return -1;
	return l.damaged ? facts_damaged(t) : 0;
}

/* The item of ${key} into ${b}: 1, 0 if there is none, -1. */
static int
read_item(struct txn *t, const struct facts_key *key, unsigned part,
    struct fact_block *b, struct str *bytes)
{
	int version;

	if (b->items[part] == NULL)
		b->items[part] = buf_new(b->arena, BLOCK_BYTES);
	version =
	    store_get_into(t, STORE_FACTS, view(key), b->items[part], bytes);
	if (version > 1 && !fact_is_whole(*bytes))
		return facts_damaged(t);
	return version > 0 ? 1 : version;
}

static int
read_more(
    struct txn *t, struct facts_key key, unsigned parts, struct fact_block *b)
{
	struct str bytes;
	unsigned part;
	int rc;

	for (part = FACT_COSTS + 1; part < FACT_PARTS; part++) {
		if ((parts >> part & 1) == 0)
			continue;
		key.bytes[FACTS_KEY_BYTES] = (char)part;
		rc = read_item(t, &key, part, b, &bytes);
		if (rc < 0)
			return -1;
		if (rc == 0 || fact_more(b, bytes) != 0)
			return facts_damaged(t);
	}
	return 0;
}

int
facts_read(struct txn *t, const struct facts_key *key, unsigned parts,
    struct fact_block *b)
{
	struct str bytes;
	int rc = read_item(t, key, FACT_COSTS, b, &bytes);

	if (rc == 0)
		return error_set(t->err, ERROR_STORE,
		    "facts: they were built anew meanwhile, ask again");
	if (rc < 0)
		return -1;
	if (fact_open(b, bytes) != 0 || b->n[FACT_CALL] != calls_of(key))
		return facts_damaged(t);
	return key->parts ? read_more(t, *key, parts, b) : 0;
}

/* Move a block, below the last level, to the pile, which goes to the next level when it is full. */
static int
merge_one(struct facts *f, struct fact_pile *p, const struct facts_key *key)
{
	unsigned level = (unsigned char)key->bytes[0];

	if (facts_read(f->txn, key, FACT_EVERY, &f->block) != 0)
		return -1;
	if (fact_append(p, &f->block) != 0)
		return facts_damaged(f->txn);
	if (store_del(f->txn, STORE_FACTS, view(key)) != 0)
		return -1;
	return fact_is_full(p) ? put_pile(f, p, level + 1) : 0;
}

static int
merge(struct facts *f, unsigned level)
{
	struct facts_list list = { .n = 0 };
	struct fact_pile p;
	uint64_t calls = 0;
	size_t i, before = arena_used(f->txn->arena);

	if (facts_list(f->txn, level, 0, 0, f->txn->arena, &list) != 0)
		return -1;
	for (i = 0; i < list.n; i++)
		calls += calls_of(&list.keys[i]);
	if (list.n < MERGE_COUNT && calls < level_calls[FACTS_LAST - 1])
		return 0;
	fact_pile_init(&p, f->txn->arena);
	for (i = 0; i < list.n; i++) {
		if (arena_used(f->txn->arena) - before > MERGE_BYTES)
			break;
		if (merge_one(f, &p, &list.keys[i]) != 0)
			return -1;
	}
	return p.n[FACT_CALL] > 0 ? put_pile(f, &p, level + 1) : 0;
}

int
facts_end(struct facts *f)
{
	unsigned level;

	if (f->rc == 0 && f->pile.n[FACT_CALL] > 0)
		f->rc = put_pile(f, &f->pile, level_of(&f->pile));
	for (level = 0; level < FACTS_LAST && f->rc == 0; level++)
		f->rc = merge(f, level);
	return f->rc;
}
