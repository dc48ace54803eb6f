/* SPDX-License-Identifier: MIT */
#include "core/ledger_page.h"

#include <stdio.h>

#include "core/arena.h"
#include "core/ingest.h"
#include "core/jtext.h"
#include "core/store.h"
#include "core/visit.h"

#define ROW_BYTES ((size_t)16 << 20)

const char *const ledger_members[LEDGER_MEMBERS] = {
	[LEDGER_OUTCOME] = "outcome",
	[LEDGER_ERROR] = "error",
	[LEDGER_STATUS] = "status",
	[LEDGER_CACHE] = "cache",
};

struct paging {
	const struct ledger_want *want;
	struct arena *arena, *row;
	struct ledger_page *page;
	bool more; /* than fit */
};

static bool
fits(struct str only, struct str value)
{
	return only.p == NULL || str_eq(only, value);
}

static bool
members_fit(const struct ledger_want *want, struct str row)
{
	struct str raw;
	int i;

	for (i = 0; i < LEDGER_MEMBERS; i++) {
		if (want->members[i].p == NULL)
			continue;
		if (!jtext_get(row, ledger_members[i], &raw) ||
		    str_is(raw, "null"))
			raw = STR_NONE;
		else if (raw.n >= 2 && raw.p[0] == '"')
			raw = (struct str){ raw.p + 1, raw.n - 2 };
		if (!str_eq(raw, want->members[i]))
			return false;
	}
	return true;
}

static bool
tags_fit(struct str only, const struct ledger_view *v)
{
	unsigned i;

	for (i = 0; i < v->n_tags; i++)
		if (str_eq(v->tags[i], only))
			return true;
	return only.p == NULL || (only.n == 0 && v->n_tags == 0);
}

static bool
attempts_fit(struct str provider, struct str model, const struct ledger_view *v)
{
	unsigned i;

	for (i = 0; i < v->n_attempts; i++)
		if (fits(provider, v->attempts[i].provider) &&
		    fits(model, v->attempts[i].name))
			return true;
	return v->n_attempts == 0 && provider.n == 0 && model.n == 0;
}

static bool
is_wanted(struct paging *p, struct str row, struct ledger_view *v)
{
	const struct str *only = p->want->only;

	arena_reset(p->row);
	ledger_view(p->row, row, v);
	return fits(only[ROLLUP_KEY], v->key) &&
	    fits(only[ROLLUP_ACCOUNT], v->account) &&
	    fits(only[ROLLUP_USER], v->user) &&
	    fits(only[ROLLUP_TASK], v->task) &&
	    fits(only[ROLLUP_SESSION], v->session) &&
	    fits(only[ROLLUP_ROUTE], v->route) &&
	    tags_fit(only[ROLLUP_TAG], v) &&
	    attempts_fit(only[ROLLUP_PROVIDER], only[ROLLUP_MODEL], v) &&
	    members_fit(p->want, row);
}

static bool
see_row(void *arg, struct str row)
{
	struct paging *p = arg;
	struct ledger_page *page = p->page;
	struct ledger_view v;

	if (!is_wanted(p, row, &v))
		return true;
	p->more = page->n == p->want->limit;
	if (p->more)
		return false;
	page->rows[page->n++] = str_dup(p->arena, row);
	snprintf(page->next, CALL_ID_BYTES, "%.*s", STR_ARG(v.id));
	return true;
}

int
ledger_page(struct state *state, const struct ledger_want *want,
    struct arena *a, struct ledger_page *page, struct error *err)
{
	struct paging p = { .want = want, .arena = a, .page = page };
	char reached[CALL_ID_BYTES] = "";
	struct ledger_filter filter = { .since_us = want->since_us,
		.until_us = want->until_us,
		.newest_first = true,
		.before = want->before,
		.look = want->look,
		.reached = reached };
	int rc;

	if (want->only[ROLLUP_KEY].n > 0)
		filter.key = want->only[ROLLUP_KEY];
	if (want->only[ROLLUP_ACCOUNT].n > 0)
		filter.account = want->only[ROLLUP_ACCOUNT];
	*page = (struct ledger_page){ .rows = ARENA_ARRAY(
					  a, struct str, want->limit + 1) };
	p.row = arena_new(ROW_BYTES);
	rc = ledger_read(state, &filter, see_row, &p, err);
	arena_free(p.row);
	if (!p.more) /* else the next page begins below the last row */
		memcpy(page->next, reached, CALL_ID_BYTES);
	return rc;
}

struct finding {
	struct str id, *row;
	struct arena *arena;
	bool found;
};

static int
txn_find(struct txn *t, void *arg)
{
	struct finding *f = arg;
	int rc = store_get(t, STORE_LEDGER, f->id, f->row);

	f->found = rc == 1;
	if (f->found)
		*f->row = str_dup(f->arena, *f->row);
	return rc < 0 ? -1 : 0;
}

static int
visit_find(struct state *s, struct store *store, void *arg, struct error *err)
{
	if (ingest(s, store, 0, err) < 0)
		return -1;
	return store_txn(store, txn_find, arg, err);
}

int
ledger_find(struct state *state, struct str id, struct arena *a,
    struct str *row, struct error *err)
{
	struct finding f = { .id = id, .row = row, .arena = a };

	if (visit_patiently(state, visit_find, &f, err) != 0)
		return -1;
	return f.found;
}
