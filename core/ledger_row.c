/* SPDX-License-Identifier: MIT */
#include "core/ledger_row.h"

#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/journal.h"
#include "core/jtext.h"
#include "core/rollup.h"
#include "core/store.h"

#define MAX_ROW_BYTES ((size_t)2 * JOURNAL_MAX_PAYLOAD)
#define MAX_ATTEMPTS  100

static const char note[] =
    "\"the process that served the call ended before it\"";

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* Crockford's base 32: 130 bits, of which the first two are zero. */
void
ledger_row_id(char out[CALL_ID_BYTES], int64_t ms, const unsigned char bits[10])
{
	unsigned char all[17] = { 0 };
	unsigned i, at, pair;

	for (i = 0; i < 6; i++)
		all[i] = (unsigned char)(ms >> (40 - 8 * i));
	memcpy(all + 6, bits, 10);
	memcpy(out, "call_", 5);
	for (i = 0; i < 26; i++) {
		at = i * 5; /* in 130 bits; all begins at the third of them */
		pair = at < 2
		    ? all[0] >> 5
		    : (all[(at - 2) / 8] << 8 | all[(at - 2) / 8 + 1]) >>
			(11 - (at - 2) % 8);
		out[5 + i] = digits[pair & 31];
	}
	out[31] = '\0';
}

int64_t
ledger_row_ms(struct str id)
{
	const char *digit;
	int64_t ms = 0;
	int i;

	if (id.n != 31 || !str_starts(id, "call_"))
		return 0;
	for (i = 5; i < 15; i++) {
		digit = memchr(digits, id.p[i], 32);
		if (digit == NULL)
			return 0;
		ms = ms << 5 | (digit - digits);
	}
	return ms;
}

/* Take a payload apart; false if it is none. */
static bool
parse(struct str payload, bool *closes, struct str *id, struct str *row)
{
	struct error ignored = { .kind = ERROR_NONE };

	if (payload.n < 2 || payload.p[0] != LEDGER_RECORD_VERSION ||
	    (payload.p[1] != LEDGER_OPEN && payload.p[1] != LEDGER_CLOSE))
		return false;
	*closes = payload.p[1] == LEDGER_CLOSE;
	*row = str_skip(payload, 2);
	if (jtext_check(*row, &ignored) != 0 || !jtext_get(*row, "id", id) ||
	    id->n <= 2 || id->p[0] != '"')
		return false;
	*id = (struct str){ id->p + 1, id->n - 2 };
	return true;
}

/* The raw id of a record of ${kind}; absent if it is no such. */
static struct str
id_of(struct str payload, enum ledger_record kind)
{
	struct str id;

	if (payload.n < 2 || payload.p[0] != LEDGER_RECORD_VERSION ||
	    payload.p[1] != (char)kind ||
	    !jtext_get(str_skip(payload, 2), "id", &id))
		return STR_NONE;
	return id;
}

/* Where ${id} is, or would be. */
static unsigned
closes_slot(const struct ledger_closes *c, struct str id)
{
	const unsigned slots = 2 * LEDGER_CLOSES_MAX;
	unsigned h = 0;
	size_t i;

	for (i = 0; i < id.n; i++)
		h = h * 31u + (unsigned char)id.p[i];
	while (c->ids[h % slots].p != NULL && !str_eq(c->ids[h % slots], id))
		h++;
	return h % slots;
}

void
ledger_closes_note(struct ledger_closes *c, struct str payload)
{
	struct str id = id_of(payload, LEDGER_CLOSE);

	if (id.p != NULL)
		c->ids[closes_slot(c, id)] = id;
}

bool
ledger_closes_covers(const struct ledger_closes *c, struct str payload)
{
	struct str id = id_of(payload, LEDGER_OPEN);

	return id.p != NULL && c->ids[closes_slot(c, id)].p != NULL;
}

static bool
has_outcome(struct str row, const char *quoted)
{
	struct str outcome;

	return jtext_get(row, "outcome", &outcome) && str_is(outcome, quoted);
}

/* Whether what stands there gives way to the record. */
static bool
gives_way(struct str old, bool closes)
{
	return has_outcome(old, "\"open\"") ||
	    (closes && has_outcome(old, "\"unknown\""));
}

int
ledger_row_apply(
    struct txn *t, struct rollup *sums, struct str payload, struct str proc)
{
	struct str id, row, old;
	bool closes;
	int rc;

	if (!parse(payload, &closes, &id, &row))
		return 1;
	rc = store_get(t, STORE_LEDGER, id, &old);
	if (rc < 0)
		return -1;
	if (rc == 1 ? !gives_way(old, closes) : rollup_is_pruned(sums, id))
		return 0;
	if (rc == 1 && has_outcome(old, "\"unknown\""))
		rollup_uncount(sums, old);
	if (closes)
		rollup_count(sums, row);
	if (store_put(t, STORE_LEDGER, id, row) != 0)
		return -1;
	return closes ? store_del(t, STORE_OPEN, id)
		      : store_put(t, STORE_OPEN, id, proc);
}

static struct str
edit(struct arena *a, struct str object, const struct jtext_edit *edits,
    size_t n)
{
	struct buf *out = buf_new(a, MAX_ROW_BYTES);

	if (jtext_apply(out, object, edits, n) != 0 || buf_over(out))
		return object;
	return buf_str(out);
}

/* What the call had reserved; null where no budget asked for that. */
static struct str
reserved(struct str row)
{
	struct str usd;

	return jtext_get(row, "reserved_usd", &usd) ? usd : STR("null");
}

/* A JSON null, or nothing. */
static bool
is_null(struct str row, const char *name)
{
	struct str v;

	return !jtext_get(row, name, &v) || str_is(v, "null");
}

/*
 * What an attempt has cost nobody will ever know may have cost what it likes,
 * up to what was reserved: that is charged to the first of them, which stands
 * for all.
 */
static struct str
unknown_attempt(struct arena *a, struct str attempt, struct str *usd)
{
	bool none = str_is(*usd, "null");
	bool open = has_outcome(attempt, "\"open\"");
	const struct jtext_edit edits[] = {
		{ "cost_usd", *usd },
		{ "cost_source",
		    none ? STR("\"unknown\"") : STR("\"reserved\"") },
		{ "outcome", STR("\"unknown\"") },
	};

	if (!open && !is_null(attempt, "cost_usd"))
		return attempt;
	if (!none)
		*usd = STR("\"0\"");
	return edit(a, attempt, edits, open ? 3 : 2);
}

static struct str
unknown_attempts(struct arena *a, struct str row)
{
	struct buf *out = buf_new(a, MAX_ROW_BYTES);
	struct str attempt, usd = reserved(row);
	int i;

	buf_addch(out, '[');
	for (i = 0; i < MAX_ATTEMPTS; i++) {
		if (!jtext_get(
			row, arena_printf(a, "attempts.%d", i), &attempt))
			break;
		if (i > 0)
			buf_addch(out, ',');
		buf_adds(out, unknown_attempt(a, attempt, &usd));
	}
	buf_addch(out, ']');
	return buf_str(out);
}

static struct str
unknown_row(struct arena *a, struct str row)
{
	const struct jtext_edit edits[] = {
		{ "outcome", STR("\"unknown\"") },
		{ "cost_usd", reserved(row) },
		{ "cost_note", str_of(note) },
		{ "attempts", unknown_attempts(a, row) },
	};

	return edit(a, row, edits, sizeof(edits) / sizeof(*edits));
}

struct id_list {
	struct arena *arena;
	bool (*is_over)(void *arg, struct str proc);
	void *arg;
	struct str *ids;
	int n, max;
};

static int
collect(void *arg, struct str id, struct str proc)
{
	struct id_list *l = arg;

	if (l->is_over(l->arg, proc))
		l->ids[l->n++] = str_dup(l->arena, id);
	return l->n == l->max;
}

static int
sweep_one(struct txn *t, struct rollup *sums, struct str id)
{
	struct str row;
	int rc = store_get(t, STORE_LEDGER, id, &row);

	if (rc < 0)
		return -1;
	if (rc == 1 && has_outcome(row, "\"open\"")) {
		row = unknown_row(t->arena, row);
		rollup_count(sums, row);
		if (store_put(t, STORE_LEDGER, id, row) != 0)
			return -1;
	}
	return store_del(t, STORE_OPEN, id);
}

int
ledger_row_sweep(struct txn *t, struct rollup *sums,
    bool (*is_over)(void *arg, struct str proc), void *arg, int max)
{
	struct id_list l = { .arena = t->arena,
		.is_over = is_over,
		.arg = arg,
		.ids = ARENA_ARRAY(t->arena, struct str, (size_t)max),
		.max = max };
	int i;

	if (store_scan(t, STORE_OPEN, STR_NONE, collect, &l) < 0)
		return -1;
	for (i = 0; i < l.n; i++)
		if (sweep_one(t, sums, l.ids[i]) != 0)
			return -1;
	return l.n;
}
