/* SPDX-License-Identifier: MIT */
#include "core/audit.h"

#include <stdio.h>

#include "core/arena.h"
#include "core/audit_facts.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/ledger.h"
#include "core/ledger_row.h"
#include "core/rollup_record.h"
#include "core/store.h"
#include "core/sum_table.h"

#define BATCH       1000
#define TABLE_BYTES ((size_t)4 << 30)
#define MANY_SUMS   200000
#define DAY_MS      INT64_C(86400000)

struct auditing {
	struct audit *found;
	struct arena *arena; /* of a row */
	struct sum_table sums;
	char last[CALL_ID_BYTES];
	struct arena *ids_arena;
	struct str ids[BATCH];
	int n;
	char pruned_day[LEDGER_DAY_BYTES]; /* rows up to it may be missing */
	char done[LEDGER_DAY_BYTES];       /* sums before it may be compared */
	bool all_rows;                     /* have been read */
	int64_t matched, kept; /* sums that rows explain, and that there are */
	struct error *err;
};

static int
wrong(struct error *err, const char *what, struct str name)
{
	return error_set(
	    err, ERROR_STORE, "database: %s: %.*s", what, STR_ARG(name));
}

static void
add(void *arg, const struct rollup_entry *e)
{
	struct auditing *au = arg;
	char bytes[ROLLUP_KEY_BYTES];

	ledger_sum_add(sum_table_at(&au->sums, rollup_key(e, bytes)), &e->sum);
}

static int
see_row(void *arg, struct str id, struct str row)
{
	struct auditing *au = arg;
	struct ledger_view v;

	if (str_is(id, au->last))
		return 0;
	if (str_cmp(id, str_of(au->last)) < 0)
		return wrong(au->err, "ledger: out of order", id);
	arena_reset(au->arena);
	if (jtext_check(row, au->err) != 0)
		return -1;
	ledger_view(au->arena, row, &v);
	if (!str_eq(v.id, id))
		return wrong(au->err, "ledger: the row is of another call", id);
	if (str_is(v.outcome, "open"))
		au->found->open++;
	else
		rollup_each(&v, ROLLUP_BOTH, add, au);
	au->found->rows++;
	snprintf(au->last, sizeof(au->last), "%.*s", STR_ARG(id));
	au->ids[au->n++] = str_dup(au->ids_arena, id);
	return au->n == BATCH;
}

static int
txn_rows(struct txn *t, void *arg)
{
	struct auditing *au = arg;
	struct str row;
	int i, rc;

	au->n = 0;
	au->ids_arena = t->arena;
	rc = store_scan(t, STORE_LEDGER,
	    au->last[0] != '\0' ? str_of(au->last) : STR_NONE, see_row, au);
	for (i = 0; rc >= 0 && i < au->n; i++) {
		if (store_get(t, STORE_LEDGER, au->ids[i], &row) != 1)
			return wrong(
			    t->err, "ledger: not found by key", au->ids[i]);
	}
	return rc < 0 ? -1 : 0;
}

/* Rows of a time that was pruned are gone, and count all the same. */
static bool
may_be_more(const struct auditing *au, const struct rollup_entry *e)
{
	return au->pruned_day[0] != '\0' &&
	    memcmp(e->period.p, au->pruned_day, e->period.n) <= 0;
}

static bool
is_more(struct ledger_sum *more, struct ledger_sum *less)
{
	unsigned i;

	for (i = 0; i < LEDGER_SUM_FIELDS; i++)
		if (*ledger_sum_field(more, i) < *ledger_sum_field(less, i))
			return false;
	return true;
}

static int
compare(struct txn *t, struct auditing *au, struct sum_entry *want,
    const struct rollup_entry *e)
{
	struct ledger_sum sum;
	struct str value;
	int rc = store_get(t, STORE_ROLLUP, want->key, &value);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return wrong(t->err, "rollup: missing", want->key);
	if (rollup_read_value(value, &sum) != 0)
		return wrong(t->err, "rollup: damaged", want->key);
	if (may_be_more(au, e)) {
		if (is_more(&sum, &want->sum))
			return 0;
	} else if (memcmp(&sum, &want->sum, sizeof(sum)) == 0) {
		au->matched++;
		return 0;
	}
	return wrong(t->err, "rollup: not what its rows add up to", want->key);
}

/*
 * Compare the sums of days before ${au}->done, and forget them: all of a
 * large ledger's would not fit into memory.
 */
static int
txn_compare(struct txn *t, void *arg)
{
	struct auditing *au = arg;
	struct sum_entry *want;
	struct rollup_entry e;
	uint32_t i;

	for (i = 0; i < au->sums.n; i++) {
		want = &au->sums.list[i];
		if (rollup_read_key(want->key, &e) != 0)
			return wrong(t->err, "rollup: no key", want->key);
		want->seen = str_cmp(e.period, str_of(au->done)) < 0 &&
		    (!e.monthly || au->all_rows);
		if (want->seen && !ledger_sum_is_zero(&want->sum) &&
		    compare(t, au, want, &e) != 0)
			return -1;
	}
	return 0;
}

/* Keep what has not been compared. */
static void
forget(struct auditing *au)
{
	struct arena *a = arena_new(TABLE_BYTES);
	struct sum_table kept;
	uint32_t i;

	sum_table_init(&kept, a);
	for (i = 0; i < au->sums.n; i++)
		if (!au->sums.list[i].seen)
			*sum_table_at(&kept, au->sums.list[i].key) =
			    au->sums.list[i].sum;
	arena_free(au->sums.arena);
	au->sums = kept;
}

/* The day before the day of id ${au}->last: rows of it may still come. */
static void
set_done(struct auditing *au)
{
	char text[CLOCK_TEXT_BYTES];

	snprintf(au->done, sizeof(au->done), "99999999");
	if (au->all_rows)
		return;
	clock_text((ledger_row_ms(str_of(au->last)) - DAY_MS) * 1000, text);
	snprintf(au->done, sizeof(au->done), "%.4s%.2s%.2s", text, text + 5,
	    text + 8);
}

static int
count_rollup(void *arg, struct str key, struct str value)
{
	struct auditing *au = arg;
	struct rollup_entry e;

	(void)value;
	au->found->rollups++;
	if (rollup_read_key(key, &e) != 0)
		return wrong(au->err, "rollup: no key", key);
	au->kept += !may_be_more(au, &e);
	return 0;
}

static int
txn_count(struct txn *t, void *arg)
{
	return store_scan(t, STORE_ROLLUP, STR_NONE, count_rollup, arg);
}

static int
txn_pruned(struct txn *t, void *arg)
{
	struct auditing *au = arg;
	char text[CLOCK_TEXT_BYTES];
	struct str id;
	int rc = store_get(t, STORE_META, ROLLUP_META_PRUNED, &id);

	if (rc <= 0)
		return rc;
	clock_text(ledger_row_ms(id) * 1000, text);
	snprintf(au->pruned_day, sizeof(au->pruned_day), "%.4s%.2s%.2s", text,
	    text + 5, text + 8);
	return 0;
}

static int
check_sums(struct store *store, struct auditing *au, struct error *err)
{
	if (store_txn(store, txn_pruned, au, err) != 0)
		return -1;
	do {
		if (store_txn(store, txn_rows, au, err) != 0)
			return -1;
		au->all_rows = au->n < BATCH;
		if (!au->all_rows && au->sums.n < MANY_SUMS)
			continue;
		set_done(au);
		if (store_txn(store, txn_compare, au, err) != 0)
			return -1;
		forget(au);
	} while (!au->all_rows);
	if (store_txn(store, txn_count, au, err) != 0)
		return -1;
	return au->kept == au->matched
	    ? 0
	    : error_set(err, ERROR_STORE,
		  "database: rollup: %lld sums have no rows",
		  (long long)(au->kept - au->matched));
}

int
audit(const char *data_dir, struct store *store, struct audit *found,
    struct error *err)
{
	struct auditing au = {
		.found = found, .arena = arena_new((size_t)16 << 20), .err = err
	};
	int rc = rollup_build(store, ROLLUP_EVERY, 0, err);

	*found = (struct audit){ 0 };
	sum_table_init(&au.sums, arena_new(TABLE_BYTES));
	if (rc == 0)
		rc = check_sums(store, &au, err);
	if (rc == 0)
		rc = audit_facts(store, err);
	if (rc == 0)
		rc = store_checkpoint(store, err);
	if (rc == 0)
		rc = store_verify(data_dir, err);
	arena_free(au.arena);
	arena_free(au.sums.arena);
	return rc;
}
