/* SPDX-License-Identifier: MIT */
#include "core/usage_query.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ingest.h"
#include "core/jw.h"
#include "core/ledger.h"
#include "core/ledger_row.h"
#include "core/rollup_record.h"
#include "core/store.h"
#include "core/usage_group.h"
#include "core/visit.h"

#define DAY_US       INT64_C(86400000000)
#define VISIT_US     INT64_C(100000)
#define PERIOD_BYTES 9
#define ROW_BYTES    ((size_t)16 << 20)

/* Periods in [from, to), of days or of months. */
struct piece {
	bool monthly;
	char from[PERIOD_BYTES], to[PERIOD_BYTES];
};

struct query {
	const struct usage_query *q;
	struct usage_groups groups;
	struct ledger_sum total;
	bool daily;
	enum rollup_dim dim; /* of the rollups that answer */
	struct str only;     /* value of dim that is asked for; absent: all */
	unsigned at;         /* where in by that is; USAGE_QUERY_BY: nowhere */
	bool has_attempts, has_tags; /* in by */
	struct arena *row;
	struct piece piece;
	bool for_total; /* the piece is read for the total alone */
	int64_t until_us;
};

int
usage_query_parse(struct str words, struct usage_query *q, struct error *err)
{
	struct str word;
	enum rollup_dim d;
	unsigned i;

	q->n_by = 0;
	while (words.p != NULL) {
		words = str_split(words, ',', &word);
		d = rollup_dim_of(word);
		if (d == ROLLUP_DIMS)
			return error_set(err, ERROR_BAD_REQUEST,
			    "by: \"%.*s\": known are key, account, model, "
			    "provider, tag, user, task, session, day",
			    STR_ARG(word));
		for (i = 0; i < q->n_by && q->by[i] != d; i++)
			continue;
		if (i < q->n_by || q->n_by == USAGE_QUERY_BY)
			return error_set(err, ERROR_BAD_REQUEST,
			    "by: at most %d, all different", USAGE_QUERY_BY);
		q->by[q->n_by++] = d;
	}
	return 0;
}

static bool
is_whole_day(int64_t us)
{
	return us % DAY_US == 0;
}

/* Narrow the dimension that must answer; false if one does not suffice. */
static bool
need(struct query *p, enum rollup_dim d)
{
	if (d == ROLLUP_ALL || d == p->dim)
		return true;
	if (p->dim != ROLLUP_ALL)
		return false;
	p->dim = d;
	return true;
}

/* Whether rollups can answer, and which. */
static bool
plan(struct query *p)
{
	const struct usage_query *q = p->q;
	bool one = is_whole_day(q->since_us) && is_whole_day(q->until_us);
	unsigned i;

	p->dim = ROLLUP_ALL;
	p->at = USAGE_QUERY_BY;
	for (i = 0; i < q->n_by; i++) {
		one = need(p, q->by[i]) && one;
		p->daily = p->daily || q->by[i] == ROLLUP_ALL;
		p->has_tags = p->has_tags || q->by[i] == ROLLUP_TAG;
		p->has_attempts = p->has_attempts ||
		    q->by[i] == ROLLUP_PROVIDER || q->by[i] == ROLLUP_MODEL;
		if (q->by[i] != ROLLUP_ALL)
			p->at = i;
	}
	if (q->key.p != NULL)
		one = need(p, ROLLUP_KEY) && one;
	if (q->account.p != NULL)
		one = need(p, ROLLUP_ACCOUNT) && one;
	p->only = q->key.p != NULL ? q->key : q->account;
	return one;
}

static int
see_entry(void *arg, const struct rollup_entry *e)
{
	struct query *p = arg;
	struct str values[USAGE_QUERY_BY] = { STR_NONE };
	struct piece *piece = &p->piece;
	unsigned i;

	if (str_cmp(e->period, str_of(piece->to)) >= 0)
		return 2;
	if (!str_is(e->period, piece->from)) {
		memcpy(piece->from, e->period.p, e->period.n);
		piece->from[e->period.n] = '\0';
		if (clock_mono_us() >= p->until_us)
			return 3;
	}
	if (p->only.p != NULL && !str_eq(e->value, p->only))
		return 0;
	if (p->for_total || p->only.p != NULL)
		ledger_sum_add(&p->total, &e->sum);
	if (p->for_total)
		return 0;
	for (i = 0; i < p->q->n_by; i++)
		values[i] = p->q->by[i] == ROLLUP_ALL ? e->period : e->value;
	usage_groups_add(&p->groups, values, &e->sum);
	return p->groups.full ? 2 : 0;
}

static int
txn_piece(struct txn *t, void *arg)
{
	struct query *p = arg;
	int rc = rollup_scan(t, p->for_total ? ROLLUP_ALL : p->dim,
	    p->piece.monthly, str_of(p->piece.from), see_entry, p);

	if (rc != 3) /* not broken off: nothing is left of it */
		memcpy(p->piece.from, p->piece.to, PERIOD_BYTES);
	return rc < 0 ? -1 : 0;
}

static int
visit_piece(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct query *p = arg;

	(void)s;
	p->until_us = clock_mono_us() + VISIT_US;
	return store_txn(store, txn_piece, p, err);
}

static int
read_piece(struct query *p, struct state *s, bool monthly, const char *from,
    const char *to, struct error *err)
{
	p->piece.monthly = monthly;
	snprintf(p->piece.from, PERIOD_BYTES, "%s", from);
	snprintf(p->piece.to, PERIOD_BYTES, "%s", to);
	while (strcmp(p->piece.from, p->piece.to) < 0)
		if (visit_patiently(s, visit_piece, p, err) != 0)
			return -1;
	return 0;
}

/* "20261124", or ${open} for 0. */
static void
day_text(char out[PERIOD_BYTES], int64_t us, const char *open)
{
	char text[CLOCK_TEXT_BYTES];

	snprintf(out, PERIOD_BYTES, "%s", open);
	if (us != 0) {
		clock_text(us, text);
		snprintf(out, PERIOD_BYTES, "%.4s%.2s%.2s", text, text + 5,
		    text + 8);
	}
}

/* The first month that lies in whole behind ${day}. */
static void
month_from(char out[PERIOD_BYTES], const char *day)
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
	snprintf(out, PERIOD_BYTES, "%04u%02u", (unsigned)year % 10000u,
	    (unsigned)month % 100u);
}

/* Days, whole months, days: whichever of them there are. */
static int
read_rollups(struct query *p, struct state *s, struct error *err)
{
	char from[PERIOD_BYTES], to[PERIOD_BYTES], first[PERIOD_BYTES] = "";
	char last[PERIOD_BYTES], edge[PERIOD_BYTES + 2];
	bool months =
	    !p->daily && rollup_has_months(p->for_total ? ROLLUP_ALL : p->dim);

	day_text(from, p->q->since_us, "");
	day_text(to, p->q->until_us, "99999999");
	snprintf(last, PERIOD_BYTES, "%.6s", to);
	if (from[0] != '\0')
		month_from(first, from);
	if (!months || strcmp(first, last) >= 0)
		return read_piece(p, s, false, from, to, err);
	if (from[0] != '\0') {
		snprintf(edge, sizeof(edge), "%s01", first);
		if (read_piece(p, s, false, from, edge, err) != 0)
			return -1;
	}
	if (read_piece(p, s, true, first, last, err) != 0)
		return -1;
	if (strcmp(last, "999999") == 0)
		return 0;
	snprintf(edge, sizeof(edge), "%s01", last);
	return read_piece(p, s, false, edge, to, err);
}

static struct str
value_of(const struct ledger_view *v, enum rollup_dim d, unsigned attempt,
    unsigned tag)
{
	switch (d) {
	case ROLLUP_KEY:
		return v->key;
	case ROLLUP_ACCOUNT:
		return v->account;
	case ROLLUP_PROVIDER:
		return v->attempts[attempt].provider;
	case ROLLUP_MODEL:
		return v->attempts[attempt].name;
	case ROLLUP_TAG:
		return v->tags[tag];
	case ROLLUP_USER:
		return v->user;
	case ROLLUP_TASK:
		return v->task;
	case ROLLUP_SESSION:
		return v->session;
	case ROLLUP_ALL:
	case ROLLUP_DIMS:
		break;
	}
	return STR_NONE;
}

/* One combination of an attempt and a tag, where by asks for them. */
static void
add_one(struct query *p, const struct ledger_view *v, unsigned attempt,
    unsigned tag)
{
	const struct ledger_sum call = { .calls = 1 };
	struct str values[USAGE_QUERY_BY] = { STR_NONE };
	char day[LEDGER_DAY_BYTES];
	unsigned i;

	if (ledger_view_day(v, day) != 0)
		return;
	for (i = 0; i < p->q->n_by; i++)
		values[i] = p->q->by[i] == ROLLUP_ALL
		    ? str_of(day)
		    : value_of(v, p->q->by[i], attempt, tag);
	if (!p->has_attempts)
		usage_groups_add(&p->groups, values, &v->sum);
	else if (usage_groups_add(
		     &p->groups, values, &v->attempts[attempt].sum))
		usage_groups_add(&p->groups, values, &call);
}

static bool
see_row(void *arg, struct str row)
{
	struct query *p = arg;
	struct ledger_view v;
	unsigned i, k;

	arena_reset(p->row);
	ledger_view(p->row, row, &v);
	if (str_is(v.outcome, "open"))
		return true;
	usage_groups_row(&p->groups);
	ledger_sum_add(&p->total, &v.sum);
	for (i = 0; i < (p->has_attempts ? v.n_attempts : 1); i++)
		for (k = 0; k < (p->has_tags ? v.n_tags : 1); k++)
			add_one(p, &v, i, k);
	return !p->groups.full;
}

static int
txn_has_rows(struct txn *t, void *arg)
{
	static const unsigned char low[10] = { 0 };
	const struct usage_query *q = arg;
	char first[CALL_ID_BYTES];
	struct str pruned;
	int rc = store_get(t, STORE_META, ROLLUP_META_PRUNED, &pruned);

	if (rc <= 0)
		return rc;
	ledger_row_id(first, q->since_us / 1000, low);
	if (str_cmp(str_of(first), pruned) >= 0)
		return 0;
	return error_set(t->err, ERROR_BAD_REQUEST,
	    "rows of that time have been pruned: begin later, or ask for "
	    "whole days by one dimension");
}

/* What both ways need first; comes back while rollups are being built. */
static int
visit_first(struct state *s, struct store *store, void *arg, struct error *err)
{
	bool *built = arg;
	int rc = ingest(s, store, 0, err);

	if (rc >= 0)
		rc = rollup_build(store, clock_mono_us() + VISIT_US, err);
	*built = rc == 0;
	return rc < 0 ? -1 : 0;
}

static int
visit_rows(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct query *p = arg;
	union {
		const struct usage_query *in;
		void *out;
	} q = { .in = p->q };

	(void)s;
	return store_txn(store, txn_has_rows, q.out, err);
}

static int
read_rows(struct query *p, struct state *s, struct error *err)
{
	const struct ledger_filter filter = { .since_us = p->q->since_us,
		.until_us = p->q->until_us,
		.key = p->q->key,
		.account = p->q->account };
	int rc;

	if (visit_patiently(s, visit_rows, p, err) != 0)
		return -1;
	p->row = arena_new(ROW_BYTES);
	rc = ledger_read(s, &filter, see_row, p, err);
	arena_free(p->row);
	return rc;
}

/* The total is no sum of groups: a call may be in several. */
static int
read_total(struct query *p, struct state *s, struct error *err)
{
	if (p->only.p != NULL)
		return 0;
	p->for_total = true;
	return read_rollups(p, s, err);
}

/* Where in by the day is. */
static unsigned
day_of(const struct usage_query *q)
{
	unsigned i = 0;

	while (i < q->n_by && q->by[i] != ROLLUP_ALL)
		i++;
	return i;
}

int
ledger_usage(struct state *state, const struct usage_query *q, struct arena *a,
    struct usage_result *result, struct error *err)
{
	struct query p = { .q = q };
	bool rollups = plan(&p), built = false;
	int rc = 0;

	usage_groups_init(&p.groups, a, q->n_by);
	while (rc == 0 && !built)
		rc = visit_patiently(state, visit_first, &built, err);
	if (rc == 0)
		rc = rollups ? read_rollups(&p, state, err)
			     : read_rows(&p, state, err);
	if (rc == 0 && p.groups.full)
		rc = error_set(err, ERROR_BAD_REQUEST,
		    "more than %d groups: choose a shorter time",
		    USAGE_QUERY_MAX_GROUPS);
	if (rc == 0 && rollups)
		rc = read_total(&p, state, err);
	if (rc != 0)
		return -1;
	*result = (struct usage_result){ .groups = usage_groups_sorted(
					     &p.groups, day_of(q)),
		.n = p.groups.n,
		.total = p.total,
		.from_rows = !rollups };
	return 0;
}

static void
write_value(struct jw *w, enum rollup_dim d, struct str value)
{
	char day[PERIOD_BYTES + 2];

	if (d != ROLLUP_ALL) {
		jw_kv_str(w, rollup_words[d], value);
		return;
	}
	snprintf(day, sizeof(day), "%.4s-%.2s-%.2s", value.p, value.p + 4,
	    value.p + 6);
	jw_kv_cstr(w, "day", day);
}

void
usage_query_write(
    const struct usage_query *q, const struct usage_result *r, struct jw *w)
{
	char since[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES];
	size_t i;
	unsigned k;

	jw_object(w);
	jw_kv_cstr(w, "since",
	    q->since_us != 0 ? clock_text(q->since_us, since) : NULL);
	jw_kv_cstr(w, "until",
	    q->until_us != 0 ? clock_text(q->until_us, until) : NULL);
	jw_key(w, "by");
	jw_array(w);
	for (k = 0; k < q->n_by; k++)
		jw_cstr(w, rollup_words[q->by[k]]);
	jw_end(w);
	jw_key(w, "groups");
	jw_array(w);
	for (i = 0; i < r->n; i++) {
		jw_object(w);
		for (k = 0; k < q->n_by; k++)
			write_value(w, q->by[k], r->groups[i].values[k]);
		ledger_sum_write(&r->groups[i].sum, w);
		jw_end(w);
	}
	jw_end(w);
	jw_key(w, "total");
	jw_object(w);
	ledger_sum_write(&r->total, w);
	jw_end(w);
	jw_end(w);
}
