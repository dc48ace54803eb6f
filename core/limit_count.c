/* SPDX-License-Identifier: MIT */
#include "core/limit_count.h"

#include <stdlib.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ingest.h"
#include "core/jtext.h"
#include "core/ledger_row.h"
#include "core/limit_room.h"
#include "core/price.h"
#include "core/visit.h"

#define ARENA_BYTES ((size_t)16 << 20)
#define SLACK_MS    60000 /* between the id's time and started_at */

struct counting {
	struct arena *arena;
	struct limit_count *counts;
	size_t n;
	char (*held)[CALL_ID_BYTES]; /* calls that count themselves; sorted */
	size_t n_held;
	struct str from; /* the first id to look at; absent: all */
};

static struct str
unquoted(struct str raw)
{
	return raw.n >= 2 && raw.p[0] == '"'
	    ? (struct str){ .p = raw.p + 1, .n = raw.n - 2 }
	    : STR_NONE;
}

static bool
amount(struct str row, const char *name, int64_t *pusd)
{
	struct str v;

	return jtext_get(row, name, &v) &&
	    money_parse(unquoted(v), PUSD_PER_USD, pusd) == 0;
}

int64_t
limit_row_pusd(struct str row)
{
	struct str outcome;
	int64_t pusd = 0;
	bool open =
	    jtext_get(row, "outcome", &outcome) && str_is(outcome, "\"open\"");

	if (amount(row, open ? "reserved_usd" : "cost_usd", &pusd))
		return pusd;
	return 0;
}

static bool
has_tag(struct arena *a, struct str row, struct str tag)
{
	struct str tags, name, value, want, key;
	size_t pos = 0;

	want = str_split(tag, '=', &key);
	if (!jtext_get(row, "tags", &tags))
		return false;
	while (jtext_member(tags, &pos, &name, &value))
		if (jtext_is_name(name, key) &&
		    str_eq(jtext_string(a, value), want))
			return true;
	return false;
}

static bool
falls_under(struct arena *a, struct str row, const struct budget *b)
{
	struct str v;

	if (b->scope == BUDGET_TAG)
		return has_tag(a, row, b->name);
	return jtext_get(row, budget_scopes[b->scope], &v) &&
	    jtext_is_name(v, b->name);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool
counts_itself(const struct counting *c, struct str id)
{
	char text[CALL_ID_BYTES] = "";

	if (c->n_held == 0 || id.n >= sizeof(text))
		return false;
	memcpy(text, id.p, id.n);
	return bsearch(text, c->held, c->n_held, sizeof(*c->held), by_text) !=
	    NULL;
}

static int
see_row(void *arg, struct str id, struct str row)
{
	struct counting *c = arg;
	struct arena *scratch = c->arena;
	int64_t pusd = limit_row_pusd(row), at_us;
	struct str started;
	size_t i;

	if (pusd == 0 || counts_itself(c, id) ||
	    !jtext_get(row, "started_at", &started) ||
	    clock_parse(unquoted(started), &at_us) != 0)
		return 0;
	for (i = 0; i < c->n; i++)
		if (at_us >= c->counts[i].start_us &&
		    falls_under(scratch, row, &c->counts[i].budget))
			c->counts[i].pusd = limit_add(c->counts[i].pusd, pusd);
	arena_reset(scratch);
	return 0;
}

static int
txn_count(struct txn *t, void *arg)
{
	struct counting *c = arg;

	return store_scan(t, STORE_LEDGER, c->from, see_row, c);
}

/* Does ${h} hold something in a cell that is being counted? */
static bool
holds_in(const struct counting *c, const struct limit_room *room,
    const struct limit_hold *h)
{
	unsigned k;
	size_t i;

	for (k = 0; k < h->n; k++)
		for (i = 0; i < c->n; i++)
			if (room->cells[h->cells[k]].id == c->counts[i].cell)
				return true;
	return false;
}

static void
note_holds(struct counting *c, const struct limit_room *room)
{
	const struct limit_hold *h = room->holds;
	const struct limit_hold *end = h + room->top;

	for (; h < end; h++)
		if (h->used && holds_in(c, room, h))
			memcpy(c->held[c->n_held++], h->call, CALL_ID_BYTES);
	if (c->n_held > 0)
		qsort(c->held, c->n_held, sizeof(*c->held), by_text);
}

/* From here on what is settled in the cells is not in the count. */
static int
begin(struct counting *c, struct state *s, struct error *err)
{
	struct limit_room *room = limit_room_enter(s->shm, err);
	struct limit_cell *cell;
	size_t i;

	if (room == NULL)
		return -1;
	for (i = 0; i < c->n; i++) {
		cell = limit_room_cell(room, c->counts[i].cell);
		if (cell != NULL && !cell->counted)
			cell->is.money.spent = 0;
	}
	note_holds(c, room);
	limit_room_leave(s->shm);
	return 0;
}

static int
finish(struct counting *c, struct state *s, struct error *err)
{
	struct limit_room *room = limit_room_enter(s->shm, err);
	struct limit_cell *cell;
	int64_t *spent;
	size_t i;

	if (room == NULL)
		return -1;
	for (i = 0; i < c->n; i++) {
		cell = limit_room_cell(room, c->counts[i].cell);
		/* Another process may have been quicker, or time have gone. */
		if (cell == NULL || cell->counted ||
		    cell->is.money.start_us != c->counts[i].start_us)
			continue;
		spent = &cell->is.money.spent;
		*spent = limit_add(*spent, c->counts[i].pusd);
		cell->counted = true;
	}
	limit_room_leave(s->shm);
	return 0;
}

static struct str
first_id(const struct counting *c, char text[CALL_ID_BYTES])
{
	static const unsigned char zero[10];
	int64_t start_us = INT64_MAX;
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->counts[i].start_us < start_us)
			start_us = c->counts[i].start_us;
	if (start_us / 1000 <= SLACK_MS)
		return STR_NONE;
	ledger_row_id(text, start_us / 1000 - SLACK_MS, zero);
	return str_of(text);
}

static int
visit_count(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct counting *c = arg;
	char from[CALL_ID_BYTES];

	c->from = first_id(c, from);
	if (begin(c, s, err) != 0 || ingest(s, store, 0, err) < 0 ||
	    store_txn(store, txn_count, c, err) != 0)
		return -1;
	return finish(c, s, err);
}

int
limit_count_all(
    struct state *s, struct limit_count *counts, size_t n, struct error *err)
{
	struct arena *a = arena_new(ARENA_BYTES);
	struct counting c = { .counts = counts, .n = n };
	int rc;

	c.arena = arena_new(ARENA_BYTES);
	c.held = arena_alloc(a, LIMIT_HOLDS * sizeof(*c.held));
	rc = visit_patiently(s, visit_count, &c, err);
	arena_free(c.arena);
	arena_free(a);
	return rc;
}
