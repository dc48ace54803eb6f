/* SPDX-License-Identifier: MIT */
/* From the rollups: whole months where they will do, days at both ends. */
#include "core/usage_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/store.h"
#include "core/visit.h"

#define VISIT_US INT64_C(100000)

/* Periods in [from, to), of days or of months, of one dimension. */
struct piece {
	struct usage_run *run;
	enum rollup_dim dim;
	bool for_total, for_groups;
	struct str prefix; /* of values; absent: all */
	bool monthly;
	char from[USAGE_DAY_BYTES], to[USAGE_DAY_BYTES];
	int64_t until_us;
};

enum {
	PIECE_DONE = 2,
	PIECE_PAUSE
};

/* The rollups by the one dimension of ${dims}, as bits; else ROLLUP_KINDS. */
static enum rollup_dim
kind_of(unsigned dims)
{
	unsigned d = 0;

	while (d < ROLLUP_DIMS && (dims | 1u) != (1u << d | 1u))
		d++;
	return d < ROLLUP_DIMS && !rollup_is_old((enum rollup_dim)d)
	    ? (enum rollup_dim)d
	    : ROLLUP_KINDS;
}

/* The old rollups that have all of them. */
static enum rollup_dim
old_kind_of(unsigned dims)
{
	const unsigned owner = 1u << ROLLUP_KEY | 1u << ROLLUP_ACCOUNT;
	unsigned rest = dims & ~owner, d = 0;

	if ((dims | 1u) == (1u << ROLLUP_SESSION | 1u))
		return ROLLUP_SESSION;
	while (d < ROLLUP_DIMS &&
	    ((rest | 1u) != (1u << d | 1u) ||
		!rollup_has_own((enum rollup_dim)d)))
		d++;
	return d < ROLLUP_DIMS ? (enum rollup_dim)(ROLLUP_OWN + d)
			       : ROLLUP_KINDS;
}

static unsigned
filter_dims(const struct usage_query *q)
{
	unsigned d, dims = 0;

	for (d = 0; d < ROLLUP_DIMS; d++)
		if (q->only[d].p != NULL)
			dims |= 1u << d;
	return dims & ~(1u << ROLLUP_ALL);
}

static unsigned
all_dims(const struct usage_query *q)
{
	unsigned i, dims = filter_dims(q);

	for (i = 0; i < q->n_by; i++)
		dims |= 1u << q->by[i];
	return dims & ~(1u << ROLLUP_ALL);
}

static bool
by_interval(const struct usage_query *q)
{
	unsigned i;

	for (i = 0; i < q->n_by; i++)
		if (q->by[i] == ROLLUP_ALL)
			return true;
	return false;
}

bool
usage_can_sum(const struct usage_query *q)
{
	return kind_of(all_dims(q)) != ROLLUP_KINDS &&
	    !(by_interval(q) && q->interval == USAGE_HOUR);
}

/* The values of an entry by dimension: false if a filter is against it. */
static bool
values_of(const struct piece *p, const struct rollup_entry *e, struct str v[])
{
	const struct str *only = p->run->q->only;
	struct rollup_own own;
	unsigned d;

	for (d = 0; d < ROLLUP_DIMS; d++)
		v[d] = STR_NONE;
	if (e->dim < ROLLUP_DIMS) {
		v[e->dim] = e->value;
	} else {
		if (rollup_own_read(e->value, &own) != 0)
			return false;
		v[ROLLUP_KEY] = own.key;
		v[ROLLUP_ACCOUNT] = own.account;
		v[e->dim - ROLLUP_OWN] = own.value;
	}
	for (d = 0; d < ROLLUP_DIMS; d++)
		if (!usage_fits(only[d], v[d]))
			return false;
	return true;
}

static void
add_to_group(
    struct usage_run *run, const struct rollup_entry *e, struct str v[])
{
	const struct usage_query *q = run->q;
	uint32_t names[USAGE_QUERY_BY] = { 0 }, group;
	unsigned k;

	v[ROLLUP_ALL] = usage_run_start(run, e->period);
	for (k = 0; k < q->n_by; k++)
		names[k] = usage_run_name(run, k, v[q->by[k]]);
	group = usage_run_at(run, names);
	if (group != USAGE_NO_GROUP)
		usage_groups_add(&run->groups, group, &e->sum);
}

static int
see_entry(void *arg, const struct rollup_entry *e)
{
	struct piece *p = arg;
	struct str v[ROLLUP_DIMS];

	if (str_cmp(e->period, str_of(p->to)) >= 0)
		return PIECE_DONE;
	if (!str_is(e->period, p->from)) {
		memcpy(p->from, e->period.p, e->period.n);
		p->from[e->period.n] = '\0';
		if (clock_mono_us() >= p->until_us)
			return PIECE_PAUSE;
	}
	if (!values_of(p, e, v))
		return 0;
	if (p->for_total)
		ledger_sum_add(&p->run->total, &e->sum);
	if (p->for_groups)
		add_to_group(p->run, e, v);
	return p->run->groups.full ? PIECE_DONE : 0;
}

static int
txn_piece(struct txn *t, void *arg)
{
	struct piece *p = arg;
	char from[USAGE_DAY_BYTES];
	struct rollup_range range = {
		.dim = p->dim, .monthly = p->monthly, .prefix = p->prefix
	};
	int rc;

	memcpy(from, p->from, sizeof(from));
	range.from = str_of(from);
	rc = rollup_scan(t, &range, see_entry, p);
	if (rc != PIECE_PAUSE) /* nothing is left of it */
		memcpy(p->from, p->to, USAGE_DAY_BYTES);
	return rc < 0 ? -1 : 0;
}

static int
visit_piece(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct piece *p = arg;

	(void)s;
	p->until_us = clock_mono_us() + VISIT_US;
	return store_txn(store, txn_piece, p, err);
}

static int
read_piece(struct piece *p, bool monthly, const char *from, const char *to,
    struct error *err)
{
	p->monthly = monthly;
	snprintf(p->from, USAGE_DAY_BYTES, "%s", from);
	snprintf(p->to, USAGE_DAY_BYTES, "%s", to);
	while (strcmp(p->from, p->to) < 0)
		if (visit_patiently(p->run->state, visit_piece, p, err) != 0)
			return -1;
	return 0;
}

/* "20261124", or ${open} for 0. */
static void
day_text(char out[USAGE_DAY_BYTES], int64_t us, const char *open)
{
	char text[CLOCK_TEXT_BYTES];

	snprintf(out, USAGE_DAY_BYTES, "%s", open);
	if (us != 0) {
		clock_text(us, text);
		snprintf(out, USAGE_DAY_BYTES, "%.4s%.2s%.2s", text, text + 5,
		    text + 8);
	}
}

/* The first month that lies in whole behind ${day}. */
static void
month_from(char out[USAGE_DAY_BYTES], const char *day)
{
	int month = (day[4] - '0') * 10 + day[5] - '0';
	int year = (int)strtol(
	    (char[5]){ day[0], day[1], day[2], day[3], 0 }, NULL, 10);

	if (strcmp(day + 6, "01") != 0)
		month++;
	if (month > 12) {
		month = 1;
		year++;
	}
	snprintf(out, USAGE_DAY_BYTES, "%04u%02u", (unsigned)year % 10000u,
	    (unsigned)month % 100u);
}

/* Days, whole months, days: whichever of them there are. */
static int
read_pieces(
    struct piece *p, int64_t since_us, int64_t until_us, struct error *err)
{
	const struct usage_query *q = p->run->q;
	char from[USAGE_DAY_BYTES], to[USAGE_DAY_BYTES];
	char first[USAGE_DAY_BYTES] = "", last[USAGE_DAY_BYTES];
	char edge[USAGE_DAY_BYTES + 2];
	bool months = rollup_has_months(p->dim) &&
	    (!p->for_groups || !by_interval(q) || q->interval == USAGE_MONTH);

	day_text(from, since_us, "");
	day_text(to, until_us, "99999999");
	snprintf(last, USAGE_DAY_BYTES, "%.6s", to);
	if (from[0] != '\0')
		month_from(first, from);
	if (!months || strcmp(first, last) >= 0)
		return read_piece(p, false, from, to, err);
	if (from[0] != '\0') {
		snprintf(edge, sizeof(edge), "%s01", first);
		if (read_piece(p, false, from, edge, err) != 0)
			return -1;
	}
	if (read_piece(p, true, first, last, err) != 0)
		return -1;
	if (strcmp(last, "999999") == 0)
		return 0;
	snprintf(edge, sizeof(edge), "%s01", last);
	return read_piece(p, false, edge, to, err);
}

/* What the values of all entries that are wanted begin with. */
static struct str
prefix_of(const struct piece *p, char out[ROLLUP_OWN_BYTES])
{
	const struct str *only = p->run->q->only;
	const struct str *key = &only[ROLLUP_KEY];
	struct str account = only[ROLLUP_ACCOUNT];

	if (p->dim < ROLLUP_DIMS)
		return only[p->dim].n > 0 ? only[p->dim] : STR_NONE;
	if (account.n == 0)
		return STR_NONE;
	return rollup_own_begin(account, key->n > 0 ? key : NULL, out);
}

/* The total is no sum of groups: a call may be in several. */
static int
read_kinds(struct piece *p, enum rollup_dim groups, enum rollup_dim total,
    int64_t since_us, int64_t until_us, struct error *err)
{
	char prefix[ROLLUP_OWN_BYTES];

	p->dim = groups;
	p->for_groups = true;
	p->for_total = groups == total;
	p->prefix = prefix_of(p, prefix);
	if (read_pieces(p, since_us, until_us, err) != 0)
		return -1;
	if (p->for_total || p->run->groups.full)
		return 0;
	p->dim = total;
	p->for_groups = false;
	p->for_total = true;
	p->prefix = prefix_of(p, prefix);
	return read_pieces(p, since_us, until_us, err);
}

int
usage_sums(struct usage_run *run, int64_t since_us, int64_t until_us,
    struct error *err)
{
	struct piece p = { .run = run };

	return read_kinds(&p, kind_of(all_dims(run->q)),
	    kind_of(filter_dims(run->q)), since_us, until_us, err);
}

int
usage_sums_old(struct usage_run *run, int64_t since_us, int64_t until_us,
    struct error *err)
{
	const struct usage_query *q = run->q;
	struct piece p = { .run = run };
	enum rollup_dim kind = old_kind_of(all_dims(q));

	if (until_us >= run->facts_us)
		until_us = 0; /* there are none beyond */
	if (kind == ROLLUP_KINDS || since_us % USAGE_DAY_US != 0 ||
	    until_us % USAGE_DAY_US != 0 ||
	    (by_interval(q) && q->interval == USAGE_HOUR))
		return error_set(err, ERROR_BAD_REQUEST,
		    "rows of that time were pruned before their sums were kept "
		    "like this: begin later, or ask for whole days by one "
		    "dimension");
	return read_kinds(&p, kind,
	    kind == ROLLUP_SESSION ? kind : old_kind_of(filter_dims(q)),
	    since_us, until_us, err);
}
