/* SPDX-License-Identifier: MIT */
#include "core/limit_room.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "core/error.h"
#include "core/shm.h"

_Static_assert(sizeof(struct limit_room) <= SHM_ROOM_BYTES, "no room");

/* What comes before has been done when what follows is. */
static void
fence(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

int64_t
limit_add(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void
undo(struct limit_room *room)
{
	struct limit_hold *h = &room->holds[room->undo.hold];
	unsigned i;

	if (!room->undo.armed)
		return;
	for (i = 0; i < h->n; i++)
		room->cells[h->cells[i]].is.money.spent = room->undo.spent[i];
	h->used = 1;
	fence();
	room->undo.armed = 0;
}

/* Add what hold ${h} reserves to its cells. */
static void
count(struct limit_room *room, const struct limit_hold *h)
{
	struct limit_cell *c;
	unsigned i;

	for (i = 0; i < h->n; i++) {
		c = &room->cells[h->cells[i]];
		c->is.money.reserved = limit_add(c->is.money.reserved, h->pusd);
		c->running++;
	}
	if (h->rate > 0)
		room->cells[h->rate - 1].running++;
}

static bool
is_sane(const struct limit_hold *h)
{
	unsigned i;

	for (i = 0; i < h->n && i < LIMIT_HOLD_CELLS; i++)
		if (h->cells[i] >= LIMIT_CELLS)
			return false;
	return h->n <= LIMIT_HOLD_CELLS && h->rate <= LIMIT_CELLS;
}

/* Somebody died in here: what is a sum over holds is made anew. */
static void
repair(struct limit_room *room)
{
	struct limit_cell *c;
	struct limit_hold *h;
	uint32_t i;

	undo(room);
	room->free = room->in_use = room->cells_used = 0;
	for (c = room->cells; c < room->cells + LIMIT_CELLS; c++) {
		room->cells_used += c->id != 0;
		c->running = 0;
		if (!c->is_rate)
			c->is.money.reserved = 0;
	}
	room->top = LIMIT_HOLDS;
	for (i = LIMIT_HOLDS; i-- > 0;) {
		h = &room->holds[i];
		if (h->used && is_sane(h)) {
			room->in_use++;
			count(room, h);
		} else {
			h->used = 0;
			h->next = room->free;
			room->free = i + 1;
		}
	}
}

struct limit_room *
limit_room_enter(struct shm *shm, struct error *err)
{
	struct limit_room *room = shm_room(shm);
	int rc = shm_room_lock(shm, err);

	if (rc < 0)
		return NULL;
	if (rc == 1)
		repair(room);
	return room;
}

void
limit_room_leave(struct shm *shm)
{
	shm_room_unlock(shm);
}

uint64_t
limit_cell_id(const char *kind, struct str name, struct str zone)
{
	const struct str parts[] = { str_of(kind), name, zone };
	unsigned char hash[32];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint64_t id;
	size_t i;

	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		abort();
	for (i = 0; i < 3; i++)
		if (EVP_DigestUpdate(md, &parts[i].n, sizeof(parts[i].n)) !=
			1 ||
		    EVP_DigestUpdate(md, parts[i].p, parts[i].n) != 1)
			abort();
	if (EVP_DigestFinal_ex(md, hash, NULL) != 1)
		abort();
	EVP_MD_CTX_free(md);
	memcpy(&id, hash, sizeof(id));
	return id > LIMIT_CELL_FREED ? id : LIMIT_CELL_FREED + 1;
}

/*
 * May the cell be made anew when it is next asked for?  A sum that is being
 * counted may not: what was settled since the count began stands here alone.
 */
static bool
is_idle(const struct limit_cell *c, int64_t now_us, int64_t idle_s)
{
	if (c->id <= LIMIT_CELL_FREED || c->running > 0 ||
	    now_us / 1000000 - c->used_s < idle_s)
		return false;
	if (c->is_rate)
		return c->is.rate.requests_us <= now_us &&
		    c->is.rate.tokens_us <= now_us;
	return c->counted || c->is.money.spent == 0;
}

/* Free what has been idle for so long. */
static uint32_t
reclaim(struct limit_room *room, int64_t now_us, int64_t idle_s)
{
	uint32_t freed = 0, i;
	struct limit_cell *c;

	for (i = 0; i < LIMIT_CELLS; i++) {
		c = &room->cells[i];
		if (!is_idle(c, now_us, idle_s))
			continue;
		c->id = LIMIT_CELL_FREED;
		freed++;
	}
	/* No search goes on to a cell that was never used. */
	for (i = 2 * LIMIT_CELLS; freed > 0 && i-- > 0;) {
		c = &room->cells[i % LIMIT_CELLS];
		if (c->id == LIMIT_CELL_FREED &&
		    room->cells[(i + 1) % LIMIT_CELLS].id == 0) {
			c->id = 0;
			room->cells_used--;
		}
	}
	return freed;
}

/* Where ${id} is, or the place for it; NULL: neither. */
static struct limit_cell *
find_cell(struct limit_room *room, uint64_t id)
{
	struct limit_cell *c = room->cells, *place = NULL;
	size_t i;

	for (i = 0; i < LIMIT_CELLS; i++) {
		c = &room->cells[(id + i) % LIMIT_CELLS];
		if (c->id == id)
			return c;
		if (place == NULL && c->id == LIMIT_CELL_FREED)
			place = c;
		if (c->id == 0)
			break;
	}
	if (place != NULL || room->cells_used >= LIMIT_CELLS_USED)
		return place;
	return c;
}

static void
make_cell(struct limit_room *room, struct limit_cell *c, uint64_t id)
{
	room->cells_used += c->id == 0;
	c->id = LIMIT_CELL_FREED;
	fence();
	memset((char *)c + sizeof(c->id), 0, sizeof(*c) - sizeof(c->id));
	fence();
	c->id = id;
}

struct limit_cell *
limit_room_cell(struct limit_room *room, uint64_t id, int64_t now_us)
{
	static const int64_t idle_s[] = { 3600, 60, 1 };
	struct limit_cell *c = find_cell(room, id);
	unsigned i;

	for (i = 0; c == NULL && i < sizeof(idle_s) / sizeof(*idle_s); i++)
		if (reclaim(room, now_us, idle_s[i]) > 0)
			c = find_cell(room, id);
	if (c == NULL)
		return NULL;
	if (c->id != id)
		make_cell(room, c, id);
	c->used_s = (uint32_t)(now_us / 1000000);
	return c;
}

void
limit_room_roll(struct limit_cell *cell, int64_t start_us)
{
	int64_t was_us = cell->is.money.start_us;

	if (was_us == start_us)
		return;
	cell->went_back |= start_us < was_us;
	if (cell->went_back)
		cell->counted = false;
	fence();
	cell->is.money.spent = 0;
	cell->alerted = false;
	fence();
	cell->is.money.start_us = start_us;
}

uint32_t
limit_room_take(struct limit_room *room, const struct limit_hold *hold)
{
	uint32_t i = room->free > 0 ? room->free - 1 : room->top;
	struct limit_hold *h = &room->holds[i];

	if (i >= LIMIT_HOLDS)
		return 0;
	if (room->free > 0)
		room->free = h->next;
	else
		room->top++;
	*h = *hold;
	h->used = 0;
	fence();
	h->used = 1;
	fence();
	room->in_use++;
	count(room, h);
	return i + 1;
}

/* Take back what hold ${h} reserves. */
static void
uncount(struct limit_room *room, const struct limit_hold *h)
{
	struct limit_cell *c;
	unsigned i;

	for (i = 0; i < h->n; i++) {
		c = &room->cells[h->cells[i]];
		c->is.money.reserved -= h->pusd;
		c->running--;
	}
	if (h->rate > 0)
		room->cells[h->rate - 1].running--;
}

void
limit_room_drop(struct limit_room *room, uint32_t hold, int64_t pusd)
{
	struct limit_hold *h = &room->holds[hold];
	struct limit_cell *c;
	unsigned i;

	for (i = 0; i < h->n; i++)
		room->undo.spent[i] = room->cells[h->cells[i]].is.money.spent;
	room->undo.hold = hold;
	fence();
	room->undo.armed = 1;
	fence();
	for (i = 0; i < h->n; i++) {
		c = &room->cells[h->cells[i]];
		if (h->begun_us >= c->is.money.start_us)
			c->is.money.spent = limit_add(c->is.money.spent, pusd);
	}
	uncount(room, h);
	h->used = 0;
	fence();
	room->undo.armed = 0;
	h->next = room->free;
	room->free = hold + 1;
	room->in_use--;
}

const struct limit_cell *
limit_room_raise(struct limit_room *room, uint32_t hold, int64_t pusd)
{
	struct limit_hold *h = &room->holds[hold];
	const struct limit_cell *c;
	unsigned i;

	for (i = 0; i < h->n; i++) {
		c = &room->cells[h->cells[i]];
		if (limit_add(
			limit_add(c->is.money.spent, c->is.money.reserved),
			pusd) > c->is.money.limit)
			return c;
	}
	h->pusd += pusd;
	for (i = 0; i < h->n; i++)
		room->cells[h->cells[i]].is.money.reserved += pusd;
	return NULL;
}
