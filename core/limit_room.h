/* SPDX-License-Identifier: MIT */
/*
 * The inside of limits: what stands in the header's room (shm.h), and the
 * moves on it.  All of it is read and changed under the room's lock, which is
 * held for microseconds.
 *
 * A cell is a running sum: of money in one window of one budget, or the rate of
 * one key.  Where they run out, those are freed that no call under way holds
 * anything in, the longest unused first: of money the ledger tells the sum
 * again, and a rate that has been left alone for a minute is as new.  So there
 * may be any number of budgets and keys; the ceiling is on those with calls
 * under way at a time.  A hold is what one call under way has reserved, and
 * where; reserved and running are, by definition, sums over the holds.
 *
 * Who dies with the lock leaves either nothing half done, or an armed undo
 * that takes back what he did; sums over holds are made anew.  Who dies
 * otherwise leaves holds, which limit_reap finds by the name of the process.
 */
#ifndef CORE_LIMIT_ROOM_H
#define CORE_LIMIT_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ledger.h"
#include "core/str.h"

struct error;
struct shm;

#define LIMIT_CELLS      8192 /* a power of two */
#define LIMIT_CELLS_USED (LIMIT_CELLS / 4 * 3)
#define LIMIT_HOLDS      4096
#define LIMIT_HOLD_CELLS 16

#define LIMIT_CELL_FREED UINT64_C(1) /* the search for others goes on here */

struct limit_cell {
	uint64_t id; /* 0: never used since the room was made, or as good as */
	union {
		struct {
			int64_t spent, reserved; /* pUSD */
			int64_t start_us;        /* window, wall */
			int64_t alert;           /* tell at; 0: do not */
			int64_t limit;           /* pUSD */
		} money;
		struct {
			int64_t requests_us, tokens_us; /* limit_rate.h */
			int64_t tpm;
		} rate;
	} is;
	uint32_t running; /* holds on it */
	uint32_t used_s;  /* when it was last asked for, monotonic */
	bool counted;     /* spent includes what the ledger has */
	bool alerted;
	bool is_rate;
	bool went_back; /* to a window before the one it was in */
};

struct limit_hold {
	char call[CALL_ID_BYTES];
	int64_t pid, start; /* process */
	int64_t pusd, tokens;
	int64_t begun_us; /* wall */
	uint32_t used;    /* 0, or next free one + 1 in next */
	uint32_t next;
	uint16_t cells[LIMIT_HOLD_CELLS]; /* money */
	uint16_t n;
	uint16_t rate; /* cell + 1; 0: none */
};

struct limit_room {
	struct {
		uint32_t armed;
		uint32_t hold;
		int64_t spent[LIMIT_HOLD_CELLS];
	} undo;
	uint32_t cells_used; /* ids other than 0 */
	uint32_t free;       /* hold + 1; 0: none below top */
	uint32_t top;        /* holds from here on were never used */
	uint32_t in_use;     /* holds */
	struct limit_cell cells[LIMIT_CELLS];
	struct limit_hold holds[LIMIT_HOLDS];
};

/*
 * limit_room_enter(shm, err), limit_room_leave(shm):
 * Returns  the room, locked and in order, or NULL: ERROR_STORE.
 */
struct limit_room *limit_room_enter(struct shm *shm, struct error *err);
void limit_room_leave(struct shm *shm);

/*
 * limit_cell_id(kind, name, zone):
 * Returns  the id of the cell of ${kind} ("key/day", "rate") and ${name}.
 */
uint64_t limit_cell_id(const char *kind, struct str name, struct str zone);

/*
 * limit_room_cell(room, id, now_us):
 * Returns  the cell, zeroed if it is new, or NULL if there is no room.  It
 *          stays the same while the lock is held and ${now_us} (monotonic) is,
 *          or somebody holds something in it.
 */
struct limit_cell *limit_room_cell(
    struct limit_room *room, uint64_t id, int64_t now_us);

/*
 * limit_room_roll(cell, start_us):
 * Bring a money cell to the window that began at ${start_us}.  A later window
 * begins with nothing spent; an earlier one, after the clock has gone back or
 * for a call that began just before the window did, must be counted anew, and
 * so must every one after that: it may have been there before.
 */
void limit_room_roll(struct limit_cell *cell, int64_t start_us);

/*
 * limit_room_take(room, hold):
 * Put a copy of ${hold} in; its amount is reserved in its cells.
 *
 * Returns  its number + 1, or 0 if there is no room.
 */
uint32_t limit_room_take(
    struct limit_room *room, const struct limit_hold *hold);

/*
 * limit_room_drop(room, hold, pusd):
 * End hold number ${hold}: ${pusd} of it was spent, in the windows that its
 * call began in.
 */
void limit_room_drop(struct limit_room *room, uint32_t hold, int64_t pusd);

/*
 * limit_room_raise(room, hold, pusd):
 * Reserve ${pusd} more in hold number ${hold}, if that fits.
 *
 * Returns  the cell that it does not fit in, or NULL when it is done.
 */
const struct limit_cell *limit_room_raise(
    struct limit_room *room, uint32_t hold, int64_t pusd);

/* limit_add(a, b): a sum of amounts that stays at the largest there is. */
int64_t limit_add(int64_t a, int64_t b);

#endif
