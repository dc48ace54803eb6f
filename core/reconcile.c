/* SPDX-License-Identifier: MIT */
#include "core/reconcile.h"

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/jw.h"
#include "core/ledger.h"
#include "core/ledger_sum.h"
#include "core/money.h"
#include "core/sum_table.h"

#define ROW_BYTES  ((size_t)16 << 20)
#define DAY_US     INT64_C(86400000000)
#define SEPARATOR  '\x1f'
#define SMALL_PART 100 /* of the bill: drift that rounding explains */

struct matching {
	struct str vendor, keys;
	const struct bill *bill;
	bool by_model; /* the bill says the models */
	struct arena *arena, *row;
	struct sum_table bills, rows;
	struct error *err;
};

/* The name of a group in the tables. */
static struct str
name_of(struct arena *a, struct str day, struct str model, struct str key)
{
	return str_of(arena_printf(a, "%.*s%c%.*s%c%.*s", STR_ARG(day),
	    SEPARATOR, STR_ARG(model), SEPARATOR, STR_ARG(key)));
}

/* The credential that the provider's key ${key} is, or "other: ${key}". */
static struct str
credential_of(struct matching *m, struct str key)
{
	struct str rest = m->keys, pair, theirs, ours;

	while (rest.p != NULL) {
		rest = str_split(rest, ',', &pair);
		ours = str_split(pair, '=', &theirs);
		if (str_eq(theirs, key))
			return ours;
	}
	return str_of(arena_printf(m->arena, "other: %.*s", STR_ARG(key)));
}

static void
add_bill(struct matching *m)
{
	const struct bill_line *line;
	struct ledger_sum more, *sum;
	struct str key;

	for (line = m->bill->lines; line != NULL; line = line->next) {
		key =
		    m->keys.p != NULL ? credential_of(m, line->key) : STR_NONE;
		more = (struct ledger_sum){ .calls = line->requests,
			.cost_pusd = line->cost_pusd };
		more.tokens[USAGE_INPUT] = line->input_tokens;
		more.tokens[USAGE_OUTPUT] = line->output_tokens;
		sum = sum_table_at(&m->bills,
		    name_of(m->arena, str_of(line->day), line->model, key));
		ledger_sum_add(sum, &more);
	}
}

/* An attempt as it would stand on a bill; overhead: what is estimated. */
static struct ledger_sum
sum_of(const struct ledger_view_attempt *at)
{
	struct usage u = { .source = USAGE_NONE };
	struct ledger_sum s = { .unpriced = at->sum.unpriced,
		.unknown = at->sum.unknown,
		.cost_pusd = at->sum.cost_pusd };

	memcpy(u.tokens, at->sum.tokens, sizeof(u.tokens));
	s.tokens[USAGE_INPUT] = usage_total_input(&u);
	s.tokens[USAGE_OUTPUT] = usage_total_output(&u);
	s.calls = s.tokens[USAGE_INPUT] + s.tokens[USAGE_OUTPUT] > 0;
	if (!str_is(at->cost_source, "reported") && s.cost_pusd > 0) {
		s.cancelled = 1;
		s.overhead_pusd = s.cost_pusd;
	}
	return s;
}

static void
add_model(struct matching *m, const struct ledger_view *v,
    const struct ledger_view_attempt *at)
{
	struct str model = STR_NONE, key = STR_NONE;
	struct ledger_sum more = sum_of(at);

	if (!str_eq(at->provider, m->vendor) ||
	    (more.calls == 0 && more.unpriced == 0 && more.cost_pusd == 0))
		return;
	if (m->by_model)
		model = bill_model(m->row,
		    at->returned_model.n > 0 ? at->returned_model : at->model);
	if (m->keys.p != NULL)
		key = at->credential;
	ledger_sum_add(sum_table_at(&m->rows,
			   name_of(m->row, (struct str){ v->started_at.p, 10 },
			       model, key)),
	    &more);
}

/* A bill says what an advisor did under his model, a row beside the other's. */
static void
add_attempt(struct matching *m, const struct ledger_view *v,
    const struct ledger_view_attempt *at)
{
	struct ledger_view_attempt own = *at, other;
	size_t pos = 0;

	while (m->by_model && ledger_view_other(m->row, at, &pos, &other)) {
		/* Without a price for one of them there is none for all. */
		if (at->sum.unpriced > 0)
			other.sum.cost_pusd = other.sum.unpriced = 0;
		ledger_sum_take(&own.sum, &other.sum);
		add_model(m, v, &other);
	}
	add_model(m, v, &own);
}

static bool
see_row(void *arg, struct str row)
{
	struct matching *m = arg;
	struct ledger_view v;
	unsigned i;

	arena_reset(m->row);
	ledger_view(m->row, row, &v);
	for (i = 0; v.started_at.n > 10 && i < v.n_attempts; i++)
		add_attempt(m, &v, &v.attempts[i]);
	return true;
}

/* The days of the bill, and whether it names models. */
static int
look_at_bill(struct matching *m, struct ledger_filter *filter)
{
	const struct bill_line *line;
	const char *first = NULL, *last = NULL;

	for (line = m->bill->lines; line != NULL; line = line->next) {
		if (first == NULL || strcmp(line->day, first) < 0)
			first = line->day;
		if (last == NULL || strcmp(line->day, last) > 0)
			last = line->day;
		m->by_model = m->by_model || line->model.p != NULL;
	}
	if (m->keys.p != NULL && !m->bill->has_keys)
		return error_set(m->err, ERROR_BAD_REQUEST,
		    "the export is not by key: group it by API key");
	if (first == NULL ||
	    clock_parse(str_of(first), &filter->since_us) != 0 ||
	    clock_parse(str_of(last), &filter->until_us) != 0)
		return error_set(
		    m->err, ERROR_BAD_REQUEST, "the export has no lines");
	filter->until_us += DAY_US;
	return 0;
}

static struct reconcile_side
side_of(const struct ledger_sum *s)
{
	return (struct reconcile_side){ .there = true,
		.cost_pusd = s->cost_pusd,
		.requests = s->calls,
		.input_tokens = s->tokens[USAGE_INPUT],
		.output_tokens = s->tokens[USAGE_OUTPUT] };
}

static int64_t
tokens(const struct reconcile_side *s)
{
	return s->input_tokens + s->output_tokens;
}

static struct str
part(struct str *rest)
{
	struct str head;

	*rest = str_split(*rest, SEPARATOR, &head);
	return head.n > 0 ? head : STR_NONE;
}

static void
fill(struct reconcile_group *g, const struct matching *m, struct str name,
    const struct sum_entry *bill, const struct sum_entry *rows)
{
	g->day = part(&name);
	g->model = part(&name);
	g->key = part(&name);
	if (bill != NULL)
		g->bill = side_of(&bill->sum);
	if (rows != NULL) {
		g->ledger = side_of(&rows->sum);
		g->unpriced = rows->sum.unpriced;
		g->unknown = rows->sum.unknown;
		g->estimated = rows->sum.cancelled;
		g->estimated_pusd = rows->sum.overhead_pusd;
	}
	g->drift = m->bill->has_cost ? g->bill.cost_pusd - g->ledger.cost_pusd
				     : tokens(&g->bill) - tokens(&g->ledger);
}

/* Both tables, sorted, into one list. */
static void
merge(struct matching *m, struct reconciliation *r)
{
	const struct sum_entry *b = m->bills.list, *bend = b + m->bills.n;
	const struct sum_entry *l = m->rows.list, *lend = l + m->rows.n;
	int order;

	r->groups = ARENA_ARRAY(m->arena, struct reconcile_group,
	    (size_t)m->bills.n + m->rows.n + 1);
	while (b < bend || l < lend) {
		order = b == bend ? 1
		    : l == lend   ? -1
				  : str_cmp(b->key, l->key);
		fill(&r->groups[r->n++], m, order <= 0 ? b->key : l->key,
		    order <= 0 ? b : NULL, order >= 0 ? l : NULL);
		b += order <= 0;
		l += order >= 0;
	}
}

static int64_t
size(int64_t v)
{
	return v < 0 ? -v : v;
}

/* A day's neighbour of the same model and key, before or behind it. */
static bool
is_moved(const struct reconciliation *r, const struct reconcile_group *g)
{
	const struct reconcile_group *o;
	int64_t a, b;

	for (o = r->groups; o < r->groups + r->n; o++) {
		if (!str_eq(o->model, g->model) || !str_eq(o->key, g->key) ||
		    clock_parse(o->day, &a) != 0 ||
		    clock_parse(g->day, &b) != 0 || size(a - b) != DAY_US)
			continue;
		if (o->drift != 0 && (o->drift < 0) != (g->drift < 0) &&
		    size(o->drift + g->drift) <= size(g->drift) / 10)
			return true;
	}
	return false;
}

/* The bill as a share of the ledger, in percent. */
static int64_t
percent(const struct reconcile_group *g)
{
	int64_t unit = g->ledger.cost_pusd / 100;

	return unit > 0 ? (g->bill.cost_pusd + unit / 2) / unit : 0;
}

static const char *
reason_one_sided(const struct reconcile_group *g)
{
	if (g->bill.there && g->model.p == NULL)
		return "of no model: tools, storage or a fee";
	if (g->bill.there && g->key.p != NULL && str_starts(g->key, "other: "))
		return "a key that sluice does not use";
	if (g->bill.there)
		return "not through sluice: somebody else uses the account";
	if (g->estimated > 0)
		return "estimated for cancelled calls, and not charged";
	return "not on the bill: another account, or not billed yet";
}

static const char *
reason_cost(struct matching *m, const struct reconcile_group *g)
{
	if (g->unpriced > 0)
		return arena_printf(m->arena,
		    "%lld attempts have no known cost: add their price",
		    (long long)g->unpriced);
	if (g->estimated > 0 && size(g->drift) <= g->estimated_pusd)
		return arena_printf(m->arena,
		    "%lld attempts are estimates: cancelled, or without usage",
		    (long long)g->estimated);
	if (size(g->drift) <= g->bill.cost_pusd / SMALL_PART)
		return "rounding, or the provider's minute of midnight";
	if (percent(g) == 50)
		return "half of the price: batch or flex";
	return arena_printf(m->arena,
	    "the bill is %lld %% of the ledger: check the price "
	    "(`sluice prices`), or who else uses the account",
	    (long long)percent(g));
}

static const char *
reason_tokens(struct matching *m, const struct reconcile_group *g)
{
	if (g->unknown > 0)
		return arena_printf(m->arena,
		    "%lld attempts ended with their process",
		    (long long)g->unknown);
	if (m->bill->has_requests && g->bill.requests > g->ledger.requests)
		return arena_printf(m->arena,
		    "%lld requests did not go through sluice",
		    (long long)(g->bill.requests - g->ledger.requests));
	if (g->estimated > 0)
		return arena_printf(m->arena,
		    "%lld attempts are estimates: cancelled, or without usage",
		    (long long)g->estimated);
	return size(g->drift) <= tokens(&g->bill) / SMALL_PART
	    ? "calls around midnight"
	    : "somebody else uses the account";
}

static void
explain(struct matching *m, struct reconciliation *r)
{
	struct reconcile_group *g;

	for (g = r->groups; g < r->groups + r->n; g++) {
		if (g->drift == 0)
			continue;
		if (is_moved(r, g))
			g->reason = "calls around midnight: the bill has them "
				    "on the next day";
		else if (!g->bill.there || !g->ledger.there)
			g->reason = reason_one_sided(g);
		else if (m->bill->has_cost)
			g->reason = reason_cost(m, g);
		else
			g->reason = reason_tokens(m, g);
	}
}

static void
add_side(struct reconcile_side *to, const struct reconcile_side *s)
{
	to->there = to->there || s->there;
	to->cost_pusd += s->cost_pusd;
	to->requests += s->requests;
	to->input_tokens += s->input_tokens;
	to->output_tokens += s->output_tokens;
}

static void
add_up(struct reconciliation *r)
{
	struct reconcile_group *t = &r->total;
	const struct reconcile_group *g;

	for (g = r->groups; g < r->groups + r->n; g++) {
		add_side(&t->bill, &g->bill);
		add_side(&t->ledger, &g->ledger);
		t->unpriced += g->unpriced;
		t->unknown += g->unknown;
		t->estimated += g->estimated;
		t->estimated_pusd += g->estimated_pusd;
		t->drift += g->drift;
	}
}

int
reconcile(struct state *state, struct str vendor, const struct bill *bill,
    struct str keys, struct arena *a, struct reconciliation *r,
    struct error *err)
{
	struct matching m = { .vendor = vendor,
		.keys = keys,
		.bill = bill,
		.arena = a,
		.err = err };
	struct ledger_filter filter = { .limit = 0 };
	int rc;

	*r = (struct reconciliation){ .n = 0 };
	if (look_at_bill(&m, &filter) != 0)
		return -1;
	sum_table_init(&m.bills, a);
	sum_table_init(&m.rows, a);
	add_bill(&m);
	m.row = arena_new(ROW_BYTES);
	rc = ledger_read(state, &filter, see_row, &m, err);
	arena_free(m.row);
	if (rc != 0)
		return -1;
	sum_table_sort(&m.bills);
	sum_table_sort(&m.rows);
	merge(&m, r);
	explain(&m, r);
	add_up(r);
	return 0;
}

static void
write_side(struct jw *w, const char *name, const struct reconcile_side *s,
    const struct bill *bill)
{
	char text[MONEY_TEXT_BYTES];

	jw_key(w, name);
	if (!s->there) {
		jw_null(w);
		return;
	}
	jw_object(w);
	if (bill->has_cost) {
		jw_kv_cstr(w, "cost_usd", money_text(s->cost_pusd, text));
	} else {
		if (bill->has_requests)
			jw_kv_i64(w, "requests", s->requests);
		jw_kv_i64(w, "input_tokens", s->input_tokens);
		jw_kv_i64(w, "output_tokens", s->output_tokens);
	}
	jw_end(w);
}

static void
write_group(
    struct jw *w, const struct reconcile_group *g, const struct bill *bill)
{
	char text[MONEY_TEXT_BYTES];

	jw_object(w);
	jw_kv_str(w, "day", g->day);
	jw_kv_str(w, "model", g->model);
	jw_kv_str(w, "key", g->key);
	write_side(w, "bill", &g->bill, bill);
	write_side(w, "ledger", &g->ledger, bill);
	jw_kv_i64(w, "unpriced", g->unpriced);
	jw_kv_i64(w, "unknown", g->unknown);
	jw_kv_i64(w, "estimated", g->estimated);
	if (bill->has_cost)
		jw_kv_cstr(w, "drift_usd", money_text(g->drift, text));
	else
		jw_kv_i64(w, "drift_tokens", g->drift);
	jw_kv_cstr(w, "reason", g->reason);
	jw_end(w);
}

void
reconcile_write(
    const struct bill *bill, const struct reconciliation *r, struct jw *w)
{
	size_t i;

	jw_object(w);
	jw_kv_cstr(w, "export", bill->format);
	jw_key(w, "groups");
	jw_array(w);
	for (i = 0; i < r->n; i++)
		write_group(w, &r->groups[i], bill);
	jw_end(w);
	jw_key(w, "total");
	write_group(w, &r->total, bill);
	jw_end(w);
}
