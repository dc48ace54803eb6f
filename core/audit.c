/* SPDX-License-Identifier: MIT */
#include "core/audit.h"

#include <stdio.h>

#include "core/arena.h"
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

struct auditing {
	struct audit *found;
	struct arena *arena; /* of a row */
	struct sum_table sums;
	char last[CALL_ID_BYTES];
	struct arena *ids_arena;
	struct str ids[BATCH];
	int n;
	char pruned_day[LEDGER_DAY_BYTES]; /* rows up to it may be missing */
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
may_be_more(const struct auditing *au, struct str key)
{
	struct rollup_entry e;

	return rollup_read_key(key, &e) == 0 && au->pruned_day[0] != '\0' &&
	    memcmp(e.period.p, au->pruned_day, e.period.n) <= 0;
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
see_rollup(void *arg, struct str key, struct str value)
{
	struct auditing *au = arg;
	struct sum_entry none = { .seen = false }, *want;
	struct ledger_sum sum;

	if (rollup_read_value(value, &sum) != 0)
		return wrong(au->err, "rollup: damaged", key);
	au->found->rollups++;
	want = sum_table_find(&au->sums, key);
	if (want == NULL)
		want = &none;
	want->seen = true;
	if (may_be_more(au, key) ? is_more(&sum, &want->sum)
				 : memcmp(&sum, &want->sum, sizeof(sum)) == 0)
		return 0;
	return wrong(au->err, "rollup: not what its rows add up to", key);
}

static int
txn_rollups(struct txn *t, void *arg)
{
	struct auditing *au = arg;
	uint32_t i;

	if (store_scan(t, STORE_ROLLUP, STR_NONE, see_rollup, au) != 0)
		return -1;
	for (i = 0; i < au->sums.n; i++)
		if (!au->sums.list[i].seen &&
		    !ledger_sum_is_zero(&au->sums.list[i].sum))
			return wrong(
			    au->err, "rollup: missing", au->sums.list[i].key);
	return 0;
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
	do {
		if (store_txn(store, txn_rows, au, err) != 0)
			return -1;
	} while (au->n == BATCH);
	if (store_txn(store, txn_pruned, au, err) != 0)
		return -1;
	return store_txn(store, txn_rollups, au, err);
}

int
audit(const char *data_dir, struct store *store, struct audit *found,
    struct error *err)
{
	struct arena *a = arena_new(TABLE_BYTES);
	struct auditing au = {
		.found = found, .arena = arena_new((size_t)16 << 20), .err = err
	};
	int rc = rollup_build(store, 0, err);

	*found = (struct audit){ 0 };
	sum_table_init(&au.sums, a);
	if (rc == 0)
		rc = check_sums(store, &au, err);
	if (rc == 0)
		rc = store_checkpoint(store, err);
	if (rc == 0)
		rc = store_verify(data_dir, err);
	arena_free(au.arena);
	arena_free(a);
	return rc;
}
