/* SPDX-License-Identifier: MIT */
/*
 * Reading rows.  Whoever reads may be slow (a pipe into a pager), and the
 * lease is everybody's: so rows are copied a few thousand at a time, and
 * passed on when the lease has been given back.
 */
#include "core/ledger.h"

#include <stdio.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ingest.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/ledger_row.h"
#include "core/store.h"
#include "core/visit.h"

#define BATCH_BYTES ((size_t)4 << 20)
#define ARENA_BYTES ((size_t)64 << 20)
#define SLACK_MS    60000 /* between the id's time and started_at */
#define LOOK_ROWS   4000  /* a visit: others want the lease, too */

struct reader {
	const struct ledger_filter *filter;
	struct arena *arena; /* of the batch */
	char since[CLOCK_TEXT_BYTES + 2], until[CLOCK_TEXT_BYTES + 2];
	struct str key, account;      /* quoted as in the row; absent: all */
	char from[CALL_ID_BYTES + 1]; /* where the next batch begins, or "" */
	char stop[CALL_ID_BYTES];     /* no row beyond this one, or "" */
	struct row {
		struct str json;
		struct row *next;
	} * rows, **tail;
	size_t bytes; /* in rows */
	size_t n;     /* rows in all batches */
	size_t seen;  /* looked at */
	bool ended;   /* there is no further batch */
	bool ingested;
};

static bool
is_value(struct str row, const char *path, struct str want)
{
	struct str value;

	return want.p == NULL ||
	    (jtext_get(row, path, &value) && str_eq(value, want));
}

/* Times are text of one length, so they compare as text. */
static bool
wanted(const struct reader *r, struct str row)
{
	struct str at;

	if (!is_value(row, "key", r->key) ||
	    !is_value(row, "account", r->account) ||
	    !jtext_get(row, "started_at", &at))
		return false;
	return (r->since[0] == '\0' || str_cmp(at, str_of(r->since)) >= 0) &&
	    (r->until[0] == '\0' || str_cmp(at, str_of(r->until)) < 0);
}

static bool
is_beyond(const struct reader *r, struct str id)
{
	int order;

	if (r->stop[0] == '\0')
		return false;
	order = str_cmp(id, str_of(r->stop));
	return r->filter->newest_first ? order < 0 : order > 0;
}

/* Upwards, the next batch begins behind ${id}; downwards it ends below it. */
static void
move_on(struct reader *r, struct str id)
{
	size_t n = id.n < CALL_ID_BYTES ? id.n : CALL_ID_BYTES - 1;

	memcpy(r->from, id.p, n);
	r->from[n] = '\0';
	if (!r->filter->newest_first) {
		r->from[n] = ' '; /* below any character of an id */
		r->from[n + 1] = '\0';
	}
}

static int
see_row(void *arg, struct str id, struct str json)
{
	struct reader *r = arg;
	struct row *row;

	if (is_beyond(r, id)) {
		r->ended = true;
		return 1;
	}
	move_on(r, id);
	r->seen++;
	if (!wanted(r, json))
		return r->seen % LOOK_ROWS == 0;
	row = ARENA_NEW(r->arena, struct row);
	row->json = str_dup(r->arena, json);
	*r->tail = row;
	r->tail = &row->next;
	r->bytes += json.n;
	r->n++;
	r->ended = r->n == r->filter->limit;
	return r->ended || r->bytes >= BATCH_BYTES || r->seen % LOOK_ROWS == 0;
}

static int
txn_read(struct txn *t, void *arg)
{
	struct reader *r = arg;
	struct str from = str_of(r->from[0] != '\0' ? r->from : NULL);
	int rc;

	rc = r->filter->newest_first
	    ? store_scan_back(t, STORE_LEDGER, from, see_row, r)
	    : store_scan(t, STORE_LEDGER, from, see_row, r);
	if (rc == 0)
		r->ended = true;
	return rc < 0 ? -1 : 0;
}

static int
read_batch(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct reader *r = arg;

	if (!r->ingested && ingest(s, store, 0, err) < 0)
		return -1;
	r->ingested = true;
	return store_txn(store, txn_read, r, err);
}

static struct str
quoted(struct arena *a, struct str s)
{
	struct buf *b;

	if (s.p == NULL)
		return STR_NONE;
	b = buf_new(a, 8 * s.n + 16);
	jw_quote(b, s);
	return buf_str(b);
}

/* A time as it stands in a row, quotes included. */
static void
time_text(char out[CLOCK_TEXT_BYTES + 2], int64_t us)
{
	size_t n;

	if (us == 0)
		return;
	out[0] = '"';
	clock_text(us, out + 1);
	n = strlen(out);
	out[n] = '"';
	out[n + 1] = '\0';
}

/* The ids between which all rows of the time asked for are. */
static void
set_range(struct reader *r, const struct ledger_filter *f)
{
	static const unsigned char low[10] = { 0 };
	unsigned char high[10];
	char first[CALL_ID_BYTES] = "", last[CALL_ID_BYTES] = "";
	int64_t since_ms = f->since_us / 1000 - SLACK_MS;

	memset(high, 0xff, sizeof(high));
	if (f->since_us != 0)
		ledger_row_id(first, since_ms > 0 ? since_ms : 0, low);
	if (f->until_us != 0)
		ledger_row_id(last, f->until_us / 1000 + SLACK_MS, high);
	memcpy(r->from, f->newest_first ? last : first, CALL_ID_BYTES);
	memcpy(r->stop, f->newest_first ? first : last, CALL_ID_BYTES);
	if (f->before.p != NULL &&
	    (r->from[0] == '\0' || str_cmp(f->before, str_of(r->from)) < 0))
		snprintf(r->from, CALL_ID_BYTES, "%.*s", STR_ARG(f->before));
}

static void
pass_on(struct reader *r, bool (*fn)(void *arg, struct str row), void *arg)
{
	const struct row *row;

	for (row = r->rows; row != NULL; row = row->next)
		if (!fn(arg, row->json)) {
			r->ended = true;
			return;
		}
}

int
ledger_read(struct state *state, const struct ledger_filter *filter,
    bool (*fn)(void *arg, struct str row), void *arg, struct error *err)
{
	struct arena *a = arena_new(1u << 16);
	struct reader r = { .filter = filter,
		.arena = arena_new(ARENA_BYTES),
		.key = quoted(a, filter->key),
		.account = quoted(a, filter->account) };
	int rc = 0;

	time_text(r.since, filter->since_us);
	time_text(r.until, filter->until_us);
	set_range(&r, filter);
	while (rc == 0 && !r.ended &&
	    (filter->look == 0 || r.seen < filter->look)) {
		arena_reset(r.arena);
		r.rows = NULL;
		r.tail = &r.rows;
		r.bytes = 0;
		rc = visit_patiently(state, read_batch, &r, err);
		if (rc == 0)
			pass_on(&r, fn, arg);
	}
	if (filter->reached != NULL)
		snprintf(filter->reached, CALL_ID_BYTES, "%s",
		    r.ended && r.n != filter->limit ? "" : r.from);
	arena_free(r.arena);
	arena_free(a);
	return rc;
}
