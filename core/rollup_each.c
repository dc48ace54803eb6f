/* SPDX-License-Identifier: MIT */
/* What one row changes in the rollups. */
#include "core/rollup.h"

#include <string.h>

/* One entry of one row on its way to all periods. */
struct change {
	struct rollup_entry entry;
	char day[LEDGER_DAY_BYTES];
	enum rollup_part part;
	bool old;                   /* what facts have taken the place of */
	char own[ROLLUP_OWN_BYTES]; /* of the row's account and key */
	size_t n_own;
	void (*fn)(void *arg, const struct rollup_entry *e);
	void *arg;
};

/* Of ${sum} what belongs to the part, and to a dimension of that age. */
static void
set_sum(struct change *c, enum rollup_dim dim, const struct ledger_sum *sum)
{
	struct ledger_sum ignored;

	if (dim >= ROLLUP_ROUTE || c->part == ROLLUP_BOTH)
		c->entry.sum = *sum;
	else if (c->part == ROLLUP_FIRST)
		ledger_sum_split(sum, &c->entry.sum, &ignored);
	else
		ledger_sum_split(sum, &ignored, &c->entry.sum);
}

static void
emit_one(struct change *c, enum rollup_dim dim, struct str value,
    const struct ledger_sum *sum)
{
	if (dim >= ROLLUP_ROUTE && c->part == ROLLUP_FIRST)
		return;
	set_sum(c, dim, sum);
	c->entry.dim = dim;
	c->entry.value = value;
	c->entry.monthly = false;
	c->entry.period = (struct str){ c->day, 8 };
	c->fn(c->arg, &c->entry);
	if (!rollup_has_months(dim))
		return;
	c->entry.monthly = true;
	c->entry.period.n = 6;
	c->fn(c->arg, &c->entry);
}

static void
emit(struct change *c, enum rollup_dim dim, struct str value,
    const struct ledger_sum *sum)
{
	size_t n = c->n_own;

	if (c->old == rollup_is_old(dim))
		emit_one(c, dim, value, sum);
	if (!c->old || !rollup_has_own(dim))
		return;
	if (value.n > sizeof(c->own) - n - 1)
		value.n = sizeof(c->own) - n - 1;
	if (value.p != NULL)
		c->own[n++] = '=';
	if (value.n > 0)
		memcpy(c->own + n, value.p, value.n);
	emit_one(c, (enum rollup_dim)(ROLLUP_OWN + dim),
	    (struct str){ c->own, n + value.n }, sum);
}

static bool
is_same(const struct ledger_view_attempt *a,
    const struct ledger_view_attempt *b, enum rollup_dim dim)
{
	return dim == ROLLUP_PROVIDER ? str_eq(a->provider, b->provider)
				      : str_eq(a->name, b->name);
}

/* A call counts once with each provider, however often it tried there. */
static void
emit_attempts(
    struct change *c, const struct ledger_view *v, enum rollup_dim dim)
{
	const struct ledger_view_attempt *at;
	struct ledger_sum sum;
	unsigned i, k;

	for (i = 0; i < v->n_attempts; i++) {
		at = &v->attempts[i];
		sum = at->sum;
		for (k = 0; k < i; k++)
			if (is_same(at, &v->attempts[k], dim))
				break;
		sum.calls = k == i;
		emit(c, dim, dim == ROLLUP_PROVIDER ? at->provider : at->name,
		    &sum);
	}
}

static void
each(const struct ledger_view *v, struct change *c)
{
	const struct {
		enum rollup_dim dim;
		struct str value;
	} of_call[] = { { ROLLUP_ALL, STR_NONE }, { ROLLUP_KEY, v->key },
		{ ROLLUP_ACCOUNT, v->account }, { ROLLUP_USER, v->user },
		{ ROLLUP_TASK, v->task }, { ROLLUP_SESSION, v->session },
		{ ROLLUP_ROUTE, v->route } };
	unsigned i;

	if (ledger_view_day(v, c->day) != 0)
		return;
	for (i = 0; i < sizeof(of_call) / sizeof(*of_call); i++)
		emit(c, of_call[i].dim, of_call[i].value, &v->sum);
	for (i = 0; i < v->n_tags; i++)
		emit(c, ROLLUP_TAG, v->tags[i], &v->sum);
	emit_attempts(c, v, ROLLUP_PROVIDER);
	emit_attempts(c, v, ROLLUP_MODEL);
}

void
rollup_each(const struct ledger_view *v, enum rollup_part part,
    void (*fn)(void *arg, const struct rollup_entry *e), void *arg)
{
	struct change c = { .part = part, .fn = fn, .arg = arg };

	each(v, &c);
}

void
rollup_each_old(const struct ledger_view *v, enum rollup_part part,
    void (*fn)(void *arg, const struct rollup_entry *e), void *arg)
{
	struct change c = { .part = part, .old = true, .fn = fn, .arg = arg };

	c.n_own = rollup_own_begin(v->account, &v->key, c.own).n;
	each(v, &c);
}
