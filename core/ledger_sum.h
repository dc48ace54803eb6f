/* SPDX-License-Identifier: MIT */
/*
 * What rows add up to, and a row's text taken apart to be added.  Used by
 * rollups and facts, by their readers, and by whoever compares them.
 *
 * An amount that is not known is counted in unpriced and never added as 0.
 * Overhead is what was paid for attempts that served nobody: race losers,
 * failures, judges, shadows.  Times are those of calls that went well, and of
 * attempts that won.
 */
#ifndef CORE_LEDGER_SUM_H
#define CORE_LEDGER_SUM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/latency.h"
#include "core/str.h"
#include "core/usage.h"

struct arena;
struct jw;

struct ledger_sum {
	int64_t calls; /* with at least one such attempt, where by attempt */
	int64_t errors, refused, cancelled, unknown; /* of them, by outcome */
	int64_t attempts;
	int64_t unpriced; /* calls (where by attempt: attempts) without cost */
	int64_t cost_pusd, overhead_pusd, saved_pusd;
	int64_t web_searches;
	int64_t tokens[USAGE_BUCKETS];
	/* What the first rollups did not have. */
	int64_t cached;                /* calls answered from the cache */
	int64_t race_pusd, retry_pusd; /* of overhead: losers; failures */
	struct latency duration, ttft;
};

/*
 * The numbers, in the order in which rollups store them; those that come
 * before LEDGER_SUM_FIRST were in the first version.
 */
#define LEDGER_SUM_FIRST    (11 + USAGE_BUCKETS)
#define LEDGER_SUM_FIELDS   (LEDGER_SUM_FIRST + 3)
#define LEDGER_SUM_UNPRICED 6
#define LEDGER_SUM_COST     7 /* cost_pusd */

/* ledger_sum_field(s, i): number ${i} of ${s}. */
int64_t *ledger_sum_field(struct ledger_sum *s, unsigned i);

/*
 * ledger_sum_put(s, i, by):
 * Add ${by} to number ${i}; ledger_sum_over is for what would overflow, see
 * ledger_sum_add.
 */
void ledger_sum_over(struct ledger_sum *s, unsigned i);

static inline void
ledger_sum_put(struct ledger_sum *s, unsigned i, int64_t by)
{
	union {
		struct ledger_sum *sum;
		int64_t *value;
	} p = { .sum = s };

	if (__builtin_add_overflow(p.value[i], by, &by))
		ledger_sum_over(s, i);
	else
		p.value[i] = by;
}

/*
 * ledger_sum_split(s, first, later):
 * Take ${s} apart: what the first version had, and all else.
 */
void ledger_sum_split(const struct ledger_sum *s, struct ledger_sum *first,
    struct ledger_sum *later);

/*
 * ledger_sum_add(s, more), ledger_sum_take(s, less):
 * Add, or take away what was added before.  What would overflow stays as it
 * is, and counts as unpriced where it is money.
 */
void ledger_sum_add(struct ledger_sum *s, const struct ledger_sum *more);
void ledger_sum_take(struct ledger_sum *s, const struct ledger_sum *less);

/* ledger_sum_is_zero(s): true if nothing is left in it. */
bool ledger_sum_is_zero(const struct ledger_sum *s);

/* ledger_sum_write(s, w): its members into the open JSON object of ${w}. */
void ledger_sum_write(const struct ledger_sum *s, struct jw *w);

#define LEDGER_VIEW_TAGS     16  /* of a row that count; more do not */
#define LEDGER_VIEW_ATTEMPTS 100 /* of a row */

struct ledger_view_attempt {
	struct str provider, model, returned_model, credential;
	struct str outcome, cost_source;
	struct str name;   /* "provider/model" */
	struct str others; /* list: what of it other models did; absent */
	struct ledger_sum sum;
};

/* A row; its strings are decoded, absent where they are null. */
struct ledger_view {
	struct str id, started_at, key, account, user, session, task, route;
	struct str outcome;
	struct str tags[LEDGER_VIEW_TAGS]; /* "k=v" */
	unsigned n_tags;
	struct ledger_view_attempt *attempts;
	unsigned n_attempts;
	struct ledger_sum sum; /* of the call */
};

/*
 * ledger_view(a, row, view):
 * Take the JSON text ${row} apart; it has been checked (jtext.h).
 *
 * Memory   what is not a view into ${row} is in ${a}.
 */
void ledger_view(struct arena *a, struct str row, struct ledger_view *view);

/*
 * ledger_view_other(a, at, pos, other):
 * The next of ${at->others} from *${pos} on, which begins at 0, as an attempt
 * of its own; what it says is part of ${at->sum}, too.
 *
 * Returns  false at the end.
 */
bool ledger_view_other(struct arena *a, const struct ledger_view_attempt *at,
    size_t *pos, struct ledger_view_attempt *other);

/*
 * ledger_view_day(view, day):
 * Write the day the call began, UTC, "20261124", to ${day}.
 *
 * Returns  0, or -1 if the row does not say.
 */
#define LEDGER_DAY_BYTES 9
int ledger_view_day(const struct ledger_view *view, char day[LEDGER_DAY_BYTES])
    __attribute__((warn_unused_result));

#endif
