/* SPDX-License-Identifier: MIT */
/*
 * Limits, kept by all processes of a data_dir together: budgets (budget.h)
 * and the rates of keys.
 *
 * Reserve, then settle.  Before a call limit_reserve sets the most it may cost
 * aside in every budget it falls under, or refuses; after it limit_settle
 * turns that into what it did cost.  spent + reserved never passes a budget,
 * whoever calls at the same time.  The order with the ledger is
 *	reserve, open record (with reserved_usd), call, closing record, settle
 * so that whoever dies on the way leaves a hold which limit_reap settles by
 * the ledger: closed: what the row says; swept to unknown: the reservation;
 * no row: nothing had left.
 *
 * The sums stand in the header, which may be lost (reboot, restored copy): a
 * budget is counted anew from the ledger when it is first used.
 *
 * Windows follow the calendar of a zone.  A clock that goes back makes the
 * sums be counted anew for the window it went back to; nothing that was spent
 * is forgotten by it.  Rates are token buckets by the monotonic clock, full
 * at first: as many at once as in a minute.
 */
#ifndef CORE_LIMIT_H
#define CORE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/budget.h"
#include "core/ledger.h"
#include "core/str.h"

struct arena;
struct error;
struct header;
struct jw;
struct key;
struct limits;
struct state;
struct store;
struct zone;

/* Of whom, and how much at most. */
struct limit_ask {
	const char *call;      /* id */
	const struct key *key; /* NULL: nobody in particular */
	struct str account;
	struct str user;
	const struct header *tags;
	int64_t now_us; /* wall */
	int64_t pusd;   /* the most it may cost; -1: nobody knows */
	int64_t tokens; /* about, for tokens a minute */
	const struct zone *zone;
	struct str zone_name;
	bool unpriced; /* pusd -1 passes budgets */
};

/* What is set aside for a call. */
struct limit_grant {
	uint32_t hold; /* 0: nothing */
	int64_t pusd;  /* 0 where no budget applies */
	bool budgeted; /* some budget applies */
	struct str zone_name;
};

/*
 * limits_new(state), limits_free(l): used by several threads.
 */
struct limits *limits_new(struct state *state);
void limits_free(struct limits *l);

/*
 * limit_applies(l, ask):
 * Returns  true if some limit may: the call needs a reservation then.
 */
bool limit_applies(struct limits *l, const struct limit_ask *ask);

/*
 * limit_reserve(l, ask, grant, err):
 * Set aside what ${ask} says.
 *
 * Returns  0, or -1: ERROR_BUDGET with what is left and when that resets,
 *          ERROR_RATE with retry_after_ms, both with details; ERROR_STORE.
 * Blocks   for microseconds; where a budget has to be counted first, on the
 *          lease and the ledger.
 */
int limit_reserve(struct limits *l, const struct limit_ask *ask,
    struct limit_grant *grant, struct error *err)
    __attribute__((warn_unused_result));

/*
 * limit_settle(l, grant, pusd, tokens):
 * The call is over, and its closing record written: ${pusd} (0 or more) and
 * ${tokens} it was.  ${grant} is empty afterwards; an empty one is a no-op.
 */
void limit_settle(
    struct limits *l, struct limit_grant *grant, int64_t pusd, int64_t tokens);

/*
 * limit_raise(l, grant, pusd, err):
 * Set ${pusd} more aside: for an attempt that was not planned.
 *
 * Returns  0, or -1: ERROR_BUDGET, ERROR_STORE; then nothing has changed.
 */
int limit_raise(struct limits *l, struct limit_grant *grant, int64_t pusd,
    struct error *err) __attribute__((warn_unused_result));

/* How a budget stands. */
struct limit_standing {
	int64_t spent, reserved; /* pUSD */
	int64_t resets_us;       /* wall; INT64_MAX: never */
};

/*
 * limit_standing(l, b, when, out, err):
 * Of ${when} only zone, zone_name and now_us count.
 * Returns  0, or -1: ERROR_STORE.  Blocks as limit_reserve.
 */
int limit_standing(struct limits *l, const struct budget *b,
    const struct limit_ask *when, struct limit_standing *out, struct error *err)
    __attribute__((warn_unused_result));

/* limit_json(w, b, now): ${b} and how it stands, as one object. */
void limit_json(
    struct jw *w, const struct budget *b, const struct limit_standing *now);

/* limit_left(b, now): what ${b} still allows, pUSD, at least 0. */
int64_t limit_left(const struct budget *b, const struct limit_standing *now);

/* The holds of processes that are dead. */
struct limit_reap {
	uint32_t *holds; /* numbers */
	char (*calls)[CALL_ID_BYTES];
	uint32_t n;
};

/*
 * limit_reap_begin(s, a, reap), limit_reap_end(s, store, reap, err):
 * Around an ingest that brings in all there is: first note whose process is
 * dead, then settle those holds by the ledger.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
void limit_reap_begin(
    struct state *s, struct arena *a, struct limit_reap *reap);
int limit_reap_end(struct state *s, struct store *store,
    const struct limit_reap *reap, struct error *err)
    __attribute__((warn_unused_result));

#endif
