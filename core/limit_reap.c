/* SPDX-License-Identifier: MIT */
/*
 * What the dead have left reserved.  A hold may be ended without a row only
 * if its process was dead before the journals were listed: then nothing of it
 * can be in them that has not been read.
 */
#include "core/limit.h"

#include <string.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/limit_count.h"
#include "core/limit_room.h"
#include "core/shm.h"
#include "core/store.h"
#include "core/visit.h"

void
limit_reap_begin(struct state *s, struct arena *a, struct limit_reap *reap)
{
	struct error err = { .kind = ERROR_NONE };
	struct limit_room *room = limit_room_enter(s->shm, &err);
	struct limit_hold *copy;
	uint32_t i, n = 0;

	*reap = (struct limit_reap){ .n = 0 };
	if (room == NULL)
		return;
	copy = ARENA_ARRAY(a, struct limit_hold, room->in_use + 1);
	reap->holds = ARENA_ARRAY(a, uint32_t, room->in_use + 1);
	for (i = 0; i < room->top && n < room->in_use; i++) {
		if (!room->holds[i].used)
			continue;
		copy[n] = room->holds[i];
		reap->holds[n++] = i;
	}
	limit_room_leave(s->shm);
	reap->calls = arena_alloc(a, (n + 1) * sizeof(*reap->calls));
	for (i = 0; i < n; i++) {
		if (shm_process_lives(copy[i].pid, copy[i].start))
			continue;
		reap->holds[reap->n] = reap->holds[i];
		memcpy(reap->calls[reap->n++], copy[i].call, CALL_ID_BYTES);
	}
}

struct rows {
	const struct limit_reap *reap;
	int64_t *pusd; /* -1: still open, left for the next time */
};

static int
txn_rows(struct txn *t, void *arg)
{
	struct rows *r = arg;
	struct str row, outcome;
	uint32_t i;
	int rc;

	for (i = 0; i < r->reap->n; i++) {
		rc =
		    store_get(t, STORE_LEDGER, str_of(r->reap->calls[i]), &row);
		if (rc < 0)
			return -1;
		r->pusd[i] = 0;
		if (rc == 1)
			r->pusd[i] = jtext_get(row, "outcome", &outcome) &&
				str_is(outcome, "\"open\"")
			    ? -1
			    : limit_row_pusd(t->arena, row);
	}
	return 0;
}

int
limit_reap_end(struct state *s, struct store *store,
    const struct limit_reap *reap, struct error *err)
{
	struct arena *a;
	struct limit_room *room;
	struct rows rows = { .reap = reap };
	uint32_t i, hold;
	int rc;

	if (reap->n == 0)
		return 0;
	a = arena_new((size_t)64 << 20);
	rows.pusd = ARENA_ARRAY(a, int64_t, reap->n);
	rc = store_txn(store, txn_rows, &rows, err);
	room = rc == 0 ? limit_room_enter(s->shm, err) : NULL;
	for (i = 0; room != NULL && i < reap->n; i++) {
		hold = reap->holds[i];
		if (rows.pusd[i] >= 0 && room->holds[hold].used &&
		    strcmp(room->holds[hold].call, reap->calls[i]) == 0)
			limit_room_drop(room, hold, rows.pusd[i]);
	}
	if (room != NULL)
		limit_room_leave(s->shm);
	arena_free(a);
	return room != NULL ? 0 : -1;
}
