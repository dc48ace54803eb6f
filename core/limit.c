/* SPDX-License-Identifier: MIT */
#include "core/limit.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/key.h"
#include "core/limit_count.h"
#include "core/limit_rate.h"
#include "core/limit_room.h"
#include "core/limit_tell.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/provider.h"
#include "core/shm.h"
#include "core/visit.h"

#define MAX_BUDGETS  LIMIT_HOLD_CELLS
#define MAX_TAG      520
#define MAX_TOKENS   INT64_C(10000000000)
#define COUNT_ROUNDS 3

struct limits {
	struct state *state;
	struct snap *budgets;
	int64_t pid, start;
};

/* One reservation while it is made: the budgets it falls under. */
struct making {
	const struct limit_ask *ask;
	struct arena *arena;
	struct limit_count budgets[MAX_BUDGETS];
	size_t n;
	bool too_many;
	struct limit_hold hold;
	struct limit_cell *cells[MAX_BUDGETS];
	struct limit_cell *rate;
};

struct limits *
limits_new(struct state *state)
{
	struct limits *l = mem_new(sizeof(*l));

	l->state = state;
	l->budgets = snap_new(state, &budget_kind, budget_build);
	shm_process(&l->pid, &l->start);
	return l;
}

void
limits_free(struct limits *l)
{
	if (l == NULL)
		return;
	snap_free(l->budgets);
	free(l);
}

static uint64_t
money_cell(const struct budget *b, struct str zone_name)
{
	char kind[32];

	snprintf(kind, sizeof(kind), "%s/%s", budget_scopes[b->scope],
	    window_words[b->window]);
	return limit_cell_id(kind, b->name, zone_name);
}

/* Once, however often a call says the same tag. */
static void
add_budget(struct making *m, const struct budget *b)
{
	struct limit_count *to = &m->budgets[m->n];
	uint64_t cell = money_cell(b, m->ask->zone_name);
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->budgets[i].cell == cell)
			return;
	if (m->n == MAX_BUDGETS) {
		m->too_many = true;
		return;
	}
	to->budget = *b;
	to->budget.name = str_dup(m->arena, b->name);
	to->cell = cell;
	to->start_us = window_start(m->ask->zone, b->window, m->ask->now_us);
	m->n++;
}

/* All budgets of one name. */
static void
add_budgets(struct making *m, const struct budget_list *list,
    enum budget_scope scope, struct str name)
{
	const struct budget *b, *end = list->budgets + list->n;

	if (name.n == 0)
		return;
	b = budget_first(list, scope, name);
	for (; b != NULL && b < end; b++) {
		if (b->scope != scope || !str_eq(b->name, name))
			break;
		add_budget(m, b);
	}
}

static int
find_budgets(struct limits *l, struct making *m, struct error *err)
{
	const struct limit_ask *ask = m->ask;
	const struct budget_list *list = snap_lock(l->budgets, err);
	const struct header *tag;
	char text[MAX_TAG];

	if (list == NULL)
		return -1;
	if (list->n > 0) {
		if (ask->key != NULL)
			add_budgets(m, list, BUDGET_KEY, ask->key->id);
		add_budgets(m, list, BUDGET_ACCOUNT, ask->account);
		add_budgets(m, list, BUDGET_USER, ask->user);
		for (tag = ask->tags; tag != NULL; tag = tag->next) {
			snprintf(text, sizeof(text), "%.*s=%.*s",
			    STR_ARG(tag->name), STR_ARG(tag->value));
			add_budgets(m, list, BUDGET_TAG, str_of(text));
		}
	}
	snap_unlock(l->budgets);
	return m->too_many
	    ? error_set(err, ERROR_BUDGET,
		  "the call falls under more than %d budgets", MAX_BUDGETS)
	    : 0;
}

static bool
has_rate(const struct key *key)
{
	return key != NULL &&
	    (key->rpm > 0 || key->tpm > 0 || key->parallel > 0);
}

static int
no_room(struct error *err)
{
	return error_set(err, ERROR_BUSY,
	    "more than %d budgets and rates with calls under way at a time",
	    LIMIT_CELLS_USED);
}

/*
 * The cells of a reservation, each in its window.
 *
 * Returns  0, 1 if some must be counted first, -1.
 */
static int
find_cells(struct making *m, struct limit_room *room, int64_t now_us,
    struct error *err)
{
	struct limit_cell *c;
	bool counted = true;
	size_t i;

	for (i = 0; i < m->n; i++) {
		c = limit_room_cell(room, m->budgets[i].cell, now_us);
		if (c == NULL)
			return no_room(err);
		limit_room_roll(c, m->budgets[i].start_us);
		c->is.money.limit = m->budgets[i].budget.pusd;
		c->is.money.alert = m->budgets[i].budget.pusd / 100 *
		    m->budgets[i].budget.alert_pct;
		counted = counted && c->counted;
		m->cells[i] = c;
		m->hold.cells[i] = (uint16_t)(c - room->cells);
	}
	m->hold.n = (uint16_t)m->n;
	if (has_rate(m->ask->key)) {
		m->rate = limit_room_cell(room,
		    limit_cell_id("rate", m->ask->key->id, STR_NONE), now_us);
		if (m->rate == NULL)
			return no_room(err);
		m->rate->is_rate = true;
		m->hold.rate = (uint16_t)(m->rate - room->cells + 1);
	}
	return counted ? 0 : 1;
}

static void
stand(const struct limit_cell *c, const struct budget *b,
    const struct limit_ask *ask, struct limit_standing *out)
{
	out->spent = c->is.money.spent;
	out->reserved = c->is.money.reserved;
	out->resets_us = window_end(ask->zone, b->window, ask->now_us);
}

static int
check_budgets(const struct making *m, struct error *err)
{
	const struct budget *b;
	struct limit_standing now;
	int64_t used;
	size_t i;

	for (i = 0; i < m->n; i++) {
		b = &m->budgets[i].budget;
		stand(m->cells[i], b, m->ask, &now);
		used = limit_add(now.spent, now.reserved);
		if (m->ask->pusd < 0 && !m->ask->unpriced)
			return limit_tell_unpriced(err, b);
		if (m->ask->pusd < 0 ? used >= b->pusd
				     : m->hold.pusd > 0 &&
			    limit_add(used, m->hold.pusd) > b->pusd)
			return limit_tell_budget(err, b, &now, m->hold.pusd);
	}
	return 0;
}

/* Under the lock: 0, 1 if something must be counted first, -1. */
static int
make(struct making *m, struct limit_room *room, struct limit_grant *grant,
    struct error *err)
{
	int64_t mono_us = clock_mono_us();
	int rc = find_cells(m, room, mono_us, err);

	if (rc != 0)
		return rc;
	if (m->rate != NULL &&
	    limit_rate_check(
		m->rate, m->ask->key, m->hold.tokens, mono_us, err) != 0)
		return -1;
	if (check_budgets(m, err) != 0)
		return -1;
	grant->hold = limit_room_take(room, &m->hold);
	if (grant->hold == 0)
		return error_set(err, ERROR_BUSY,
		    "more than %d calls under limits at a time", LIMIT_HOLDS);
	if (m->rate != NULL)
		limit_rate_take(m->rate, m->ask->key, m->hold.tokens, mono_us);
	grant->pusd = m->hold.pusd;
	grant->zone_name = m->ask->zone_name;
	return 0;
}

/* Count what is not counted yet, and try again. */
static int
make_counted(struct limits *l, struct making *m, struct limit_grant *grant,
    struct error *err)
{
	struct limit_room *room;
	int rc = 1, rounds;

	for (rounds = 0; rc == 1 && rounds < COUNT_ROUNDS; rounds++) {
		if (rounds > 0 &&
		    limit_count_all(l->state, m->budgets, m->n, err) != 0)
			return -1;
		room = limit_room_enter(l->state->shm, err);
		if (room == NULL)
			return -1;
		rc = make(m, room, grant, err);
		limit_room_leave(l->state->shm);
	}
	return rc == 1 ? error_set(err, ERROR_STORE,
			     "a budget is being counted by somebody else")
		       : rc;
}

bool
limit_applies(struct limits *l, const struct limit_ask *ask)
{
	struct making m = { .ask = ask };
	struct error err = { .kind = ERROR_NONE };
	bool applies;

	if (has_rate(ask->key))
		return true;
	m.arena = arena_new(1 << 20);
	applies = find_budgets(l, &m, &err) != 0 || m.n > 0;
	arena_free(m.arena);
	return applies;
}

static int64_t
clamp(int64_t v, int64_t max)
{
	return v < 0 ? 0 : v > max ? max : v;
}

int
limit_reserve(struct limits *l, const struct limit_ask *ask,
    struct limit_grant *grant, struct error *err)
{
	struct making m = { .ask = ask, .arena = arena_new(1 << 20) };
	int rc = find_budgets(l, &m, err);

	*grant = (struct limit_grant){ .budgeted = m.n > 0 };
	if (rc == 0 && (m.n > 0 || has_rate(ask->key))) {
		snprintf(m.hold.call, sizeof(m.hold.call), "%s", ask->call);
		m.hold.pid = l->pid;
		m.hold.start = l->start;
		m.hold.begun_us = ask->now_us;
		m.hold.pusd = m.n > 0 ? clamp(ask->pusd, INT64_MAX) : 0;
		m.hold.tokens = clamp(ask->tokens, MAX_TOKENS);
		rc = make_counted(l, &m, grant, err);
	}
	arena_free(m.arena);
	return rc;
}

/* A budget that has passed its mark is told of once a window. */
static void
tell_alert(struct limits *l, uint64_t cell, struct str zone_name)
{
	struct error err = { .kind = ERROR_NONE };
	const struct budget_list *list = snap_lock(l->budgets, &err);
	size_t i;

	if (list == NULL)
		return;
	for (i = 0; i < list->n; i++)
		if (money_cell(&list->budgets[i], zone_name) == cell)
			limit_tell_alert(&list->budgets[i]);
	snap_unlock(l->budgets);
}

/* Cells of hold ${h} that have passed their mark just now. */
static unsigned
new_alerts(struct limit_room *room, const struct limit_hold *h,
    uint64_t cells[LIMIT_HOLD_CELLS])
{
	struct limit_cell *c;
	unsigned i, n = 0;

	for (i = 0; i < h->n; i++) {
		c = &room->cells[h->cells[i]];
		if (c->alerted || c->is.money.alert <= 0 ||
		    c->is.money.spent < c->is.money.alert)
			continue;
		c->alerted = true;
		cells[n++] = c->id;
	}
	return n;
}

void
limit_settle(
    struct limits *l, struct limit_grant *grant, int64_t pusd, int64_t tokens)
{
	struct error err = { .kind = ERROR_NONE };
	struct limit_room *room;
	struct limit_hold *h;
	uint64_t alerts[LIMIT_HOLD_CELLS];
	unsigned n, i;

	if (grant->hold == 0)
		return;
	room = limit_room_enter(l->state->shm, &err);
	if (room == NULL) {
		/* The hold stays; limit_reap ends it with this process. */
		log_event(LOG_LEVEL_ERROR, "limit", "%s", err.msg);
		return;
	}
	h = &room->holds[grant->hold - 1];
	if (h->rate > 0)
		limit_rate_settle(&room->cells[h->rate - 1], h->tokens, tokens);
	limit_room_drop(room, grant->hold - 1, pusd);
	n = new_alerts(room, h, alerts);
	limit_room_leave(l->state->shm);
	for (i = 0; i < n; i++)
		tell_alert(l, alerts[i], grant->zone_name);
	*grant = (struct limit_grant){ 0 };
}

int
limit_raise(struct limits *l, struct limit_grant *grant, int64_t pusd,
    struct error *err)
{
	struct limit_room *room;
	const struct limit_cell *full;

	if (grant->hold == 0 || !grant->budgeted)
		return 0;
	room = limit_room_enter(l->state->shm, err);
	if (room == NULL)
		return -1;
	full = limit_room_raise(room, grant->hold - 1, pusd);
	limit_room_leave(l->state->shm);
	if (full != NULL)
		return error_set(err, ERROR_BUDGET,
		    "what is left of a budget is not enough for another try");
	grant->pusd += pusd;
	return 0;
}

int
limit_standing(struct limits *l, const struct budget *b,
    const struct limit_ask *when, struct limit_standing *out, struct error *err)
{
	struct making m = { .ask = when, .arena = arena_new(1 << 20) };
	struct limit_room *room;
	int rc = 1, rounds;

	add_budget(&m, b);
	for (rounds = 0; rc == 1 && rounds < COUNT_ROUNDS; rounds++) {
		if (rounds > 0 && limit_count_all(l->state, m.budgets, 1, err))
			break;
		room = limit_room_enter(l->state->shm, err);
		if (room == NULL)
			break;
		rc = find_cells(&m, room, clock_mono_us(), err);
		if (rc == 0)
			stand(m.cells[0], b, when, out);
		limit_room_leave(l->state->shm);
	}
	arena_free(m.arena);
	return rc == 0 ? 0 : -1;
}

int64_t
limit_left(const struct budget *b, const struct limit_standing *now)
{
	int64_t left = b->pusd - now->spent - now->reserved;

	return left > 0 ? left : 0;
}
