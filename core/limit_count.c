/* SPDX-License-Identifier: MIT */
#include "core/limit_count.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ingest.h"
#include "core/jtext.h"
#include "core/ledger_row.h"
#include "core/limit_room.h"
#include "core/money.h"
#include "core/rollup_record.h"
#include "core/store.h"
#include "core/visit.h"

#define ARENA_BYTES ((size_t)16 << 20)
#define SLACK_MS    60000 /* between the id's time and started_at */
#define DAY_US      INT64_C(86400000000)
#define BUILD_US    INT64_C(1000000)

struct counting {
	struct arena *arena;
	struct limit_count *counts;
	size_t n;
	char (*held)[CALL_ID_BYTES]; /* calls that count themselves; sorted */
	size_t n_held;
	struct txn *txn;
	struct str pruned;      /* rows below may be missing */
	struct limit_count *at; /* the one whose first day is read */
};

static const enum rollup_dim dims[BUDGET_SCOPES] = {
	[BUDGET_KEY] = ROLLUP_KEY,
	[BUDGET_ACCOUNT] = ROLLUP_ACCOUNT,
	[BUDGET_USER] = ROLLUP_USER,
	[BUDGET_TAG] = ROLLUP_TAG,
};

static bool
amount(struct str row, const char *name, int64_t *pusd)
{
	struct str v;

	return jtext_get(row, name, &v) &&
	    money_parse(jtext_unquoted(v), PUSD_PER_USD, pusd) == 0;
}

static bool
is_open(struct str row)
{
	struct str outcome;

	return jtext_get(row, "outcome", &outcome) &&
	    str_is(outcome, "\"open\"");
}

int64_t
limit_row_pusd(struct arena *a, struct str row)
{
	struct ledger_view v;
	int64_t pusd;

	if (is_open(row))
		return amount(row, "reserved_usd", &pusd) ? pusd : 0;
	ledger_view(a, row, &v);
	return v.sum.cost_pusd;
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

/* What ${row} adds to ${count} if it began in [from, to). */
static int64_t
share(struct arena *a, const struct limit_count *count, struct str row,
    int64_t from_us, int64_t to_us)
{
	struct str started;
	int64_t at_us;

	if (!jtext_get(row, "started_at", &started) ||
	    clock_parse(jtext_unquoted(started), &at_us) != 0 ||
	    at_us < from_us || at_us >= to_us ||
	    !falls_under(a, row, &count->budget))
		return 0;
	return limit_row_pusd(a, row);
}

static int
see_first_day(void *arg, struct str id, struct str row)
{
	struct counting *c = arg;
	struct limit_count *count = c->at;

	if (ledger_row_ms(id) > count->day_us / 1000 + SLACK_MS)
		return 1;
	if (is_open(row) || counts_itself(c, id))
		return 0;
	count->pusd = limit_add(count->pusd,
	    share(c->arena, count, row, count->start_us, count->day_us));
	arena_reset(c->arena);
	return 0;
}

/*
 * The rollups know whole days, UTC.  Where the window begins within one, its
 * rows say what belongs to it; if they are pruned, all of that day does.
 */
static int
first_day(struct counting *c, struct limit_count *count)
{
	static const unsigned char zero[10];
	int64_t start_us = count->start_us;
	char from[CALL_ID_BYTES];

	count->day_us = start_us - start_us % DAY_US;
	if (count->day_us == start_us)
		return 0;
	ledger_row_id(from, start_us / 1000 - SLACK_MS, zero);
	if (str_cmp(str_of(from), c->pruned) < 0)
		return 0;
	count->day_us += DAY_US;
	c->at = count;
	return store_scan(c->txn, STORE_LEDGER, str_of(from), see_first_day, c);
}

static int
count_one(struct counting *c, struct limit_count *count)
{
	const struct budget *b = &count->budget;
	char text[CLOCK_TEXT_BYTES], day[LEDGER_DAY_BYTES];

	if (first_day(c, count) < 0)
		return -1;
	clock_text(count->day_us, text);
	snprintf(day, sizeof(day), "%.4s%.2s%.2s", text, text + 5, text + 8);
	return rollup_since(
	    c->txn, dims[b->scope], b->name, str_of(day), &count->pusd);
}

/* The row of a call, if there is one: 1, 0, -1. */
static int
row_of(struct counting *c, struct str id, struct str *row)
{
	return store_get(c->txn, STORE_LEDGER, id, row);
}

/* A call that is open counts with its reservation. */
static int
see_open(void *arg, struct str id, struct str proc)
{
	struct counting *c = arg;
	struct limit_count *count = c->counts;
	struct str row;
	int rc = counts_itself(c, id) ? 0 : row_of(c, id, &row);

	(void)proc;
	for (; rc == 1 && count < c->counts + c->n; count++)
		count->pusd = limit_add(count->pusd,
		    share(c->arena, count, row, count->start_us, INT64_MAX));
	return rc < 0 ? -1 : 0;
}

/* One that counts itself, and is in the rollups already. */
static int
leave_out(struct counting *c, struct str id)
{
	struct limit_count *count = c->counts;
	struct str row;
	int rc = row_of(c, id, &row);

	if (rc != 1 || is_open(row))
		return rc < 0 ? -1 : 0;
	for (; count < c->counts + c->n; count++)
		count->pusd -=
		    share(c->arena, count, row, count->day_us, INT64_MAX);
	arena_reset(c->arena);
	return 0;
}

static int
txn_count(struct txn *t, void *arg)
{
	struct counting *c = arg;
	size_t i;

	c->txn = t;
	if (store_get(t, STORE_META, ROLLUP_META_PRUNED, &c->pruned) < 0)
		return -1;
	for (i = 0; i < c->n; i++)
		if (count_one(c, &c->counts[i]) != 0)
			return -1;
	for (i = 0; i < c->n_held; i++)
		if (leave_out(c, str_of(c->held[i])) != 0)
			return -1;
	return store_scan(t, STORE_OPEN, STR_NONE, see_open, c);
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
	int64_t now_us = clock_mono_us();
	struct limit_cell *cell;
	size_t i;

	if (room == NULL)
		return -1;
	for (i = 0; i < c->n; i++) {
		c->counts[i].pusd = 0;
		cell = limit_room_cell(room, c->counts[i].cell, now_us);
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
	int64_t now_us = clock_mono_us();
	struct limit_cell *cell;
	int64_t *spent;
	size_t i;

	if (room == NULL)
		return -1;
	for (i = 0; i < c->n; i++) {
		cell = limit_room_cell(room, c->counts[i].cell, now_us);
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

/* After an upgrade there may be rows that no rollup knows yet. */
static int
build(struct store *store, struct error *err)
{
	int rc =
	    rollup_build(store, ROLLUP_FIRST, clock_mono_us() + BUILD_US, err);

	return rc <= 0
	    ? rc
	    : error_set(err, ERROR_STORE,
		  "sums over the older calls are still being made: budgets "
		  "cannot be counted yet");
}

static int
visit_count(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct counting *c = arg;

	if (begin(c, s, err) != 0 || ingest(s, store, 0, err) < 0 ||
	    build(store, err) != 0 || store_txn(store, txn_count, c, err) != 0)
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
