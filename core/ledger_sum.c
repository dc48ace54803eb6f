/* SPDX-License-Identifier: MIT */
#include "core/ledger_sum.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/money.h"

#define AT(member) (offsetof(struct ledger_sum, member) / sizeof(int64_t))

/* All but tokens, in the order in which they are shown. */
static const struct field {
	const char *name;
	size_t at;
	bool money;
} fields[] = {
	{ "calls", AT(calls), false },
	{ "errors", AT(errors), false },
	{ "refused", AT(refused), false },
	{ "cancelled", AT(cancelled), false },
	{ "unknown", AT(unknown), false },
	{ "attempts", AT(attempts), false },
	{ "unpriced", AT(unpriced), false },
	{ "cached", AT(cached), false },
	{ "cost_usd", AT(cost_pusd), true },
	{ "overhead_usd", AT(overhead_pusd), true },
	{ "race_usd", AT(race_pusd), true },
	{ "retry_usd", AT(retry_pusd), true },
	{ "saved_usd", AT(saved_pusd), true },
	{ "web_searches", AT(web_searches), false },
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

_Static_assert(
    N_FIELDS + USAGE_BUCKETS == LEDGER_SUM_FIELDS, "fields and header differ");
_Static_assert(AT(unpriced) == LEDGER_SUM_UNPRICED &&
	AT(cost_pusd) == LEDGER_SUM_COST && AT(cached) == LEDGER_SUM_FIRST &&
	AT(duration) == LEDGER_SUM_FIELDS,
    "the numbers come first, in their order");

int64_t *
ledger_sum_field(struct ledger_sum *s, unsigned i)
{
	union {
		struct ledger_sum *sum;
		int64_t *value;
	} p = { .sum = s };

	return p.value + i;
}

static bool
is_money(unsigned i)
{
	unsigned k;

	for (k = 0; k < N_FIELDS; k++)
		if (fields[k].at == i)
			return fields[k].money;
	return false;
}

void
ledger_sum_over(struct ledger_sum *s, unsigned i)
{
	if (is_money(i))
		s->unpriced++;
}

static void
combine_times(struct latency *l, const struct latency *with, bool add)
{
	unsigned i;

	for (i = 0; i < LATENCY_BUCKETS; i++)
		l->n[i] += add ? with->n[i] : -with->n[i];
}

static void
combine(struct ledger_sum *s, const struct ledger_sum *with, bool add)
{
	struct ledger_sum other = *with;
	int64_t *to, by;
	unsigned i;
	bool over;

	for (i = 0; i < LEDGER_SUM_FIELDS; i++) {
		to = ledger_sum_field(s, i);
		by = *ledger_sum_field(&other, i);
		over = add ? __builtin_add_overflow(*to, by, &by)
			   : __builtin_sub_overflow(*to, by, &by);
		if (!over)
			*to = by;
		else if (is_money(i))
			s->unpriced++;
	}
	combine_times(&s->duration, &with->duration, add);
	combine_times(&s->ttft, &with->ttft, add);
}

void
ledger_sum_add(struct ledger_sum *s, const struct ledger_sum *more)
{
	combine(s, more, true);
}

void
ledger_sum_take(struct ledger_sum *s, const struct ledger_sum *less)
{
	combine(s, less, false);
}

bool
ledger_sum_is_zero(const struct ledger_sum *s)
{
	static const struct ledger_sum zero;

	return memcmp(s, &zero, sizeof(zero)) == 0;
}

void
ledger_sum_split(const struct ledger_sum *s, struct ledger_sum *first,
    struct ledger_sum *later)
{
	unsigned i;

	*first = *later = *s;
	for (i = 0; i < LEDGER_SUM_FIRST; i++)
		*ledger_sum_field(later, i) = 0;
	for (; i < LEDGER_SUM_FIELDS; i++)
		*ledger_sum_field(first, i) = 0;
	memset(&first->duration, 0, sizeof(first->duration));
	memset(&first->ttft, 0, sizeof(first->ttft));
}

void
ledger_sum_write(const struct ledger_sum *s, struct jw *w)
{
	struct ledger_sum copy = *s;
	char text[MONEY_TEXT_BYTES];
	int64_t v;
	unsigned i;

	for (i = 0; i < N_FIELDS; i++) {
		v = *ledger_sum_field(&copy, (unsigned)fields[i].at);
		if (fields[i].money)
			jw_kv_cstr(w, fields[i].name, money_text(v, text));
		else
			jw_kv_i64(w, fields[i].name, v);
	}
	jw_key(w, "tokens");
	jw_object(w);
	for (i = 0; i < USAGE_BUCKETS; i++)
		jw_kv_i64(w, usage_bucket_names[i], s->tokens[i]);
	jw_end(w);
	latency_json(w, "duration_ms", &s->duration);
	latency_json(w, "ttft_ms", &s->ttft);
}

/* A raw JSON string as text: as it stands where nothing is escaped. */
static struct str
text_of(struct arena *a, struct str raw)
{
	if (raw.n < 2 || raw.p[0] != '"')
		return STR_NONE;
	if (memchr(raw.p, '\\', raw.n) != NULL)
		return jtext_string(a, raw);
	return (struct str){ .p = raw.p + 1, .n = raw.n - 2 };
}

static struct str
name_of(struct str raw)
{
	return raw.n >= 2 ? (struct str){ .p = raw.p + 1, .n = raw.n - 2 }
			  : STR_NONE;
}

/* A decimal amount in a JSON string: false if there is none. */
static bool
amount(struct str raw, int64_t *pusd)
{
	return raw.n > 2 && raw.p[0] == '"' &&
	    money_parse(name_of(raw), PUSD_PER_USD, pusd) == 0;
}

static int64_t
count(struct str raw)
{
	int64_t n;

	return str_i64(raw, 0, INT64_MAX, &n) == 0 ? n : 0;
}

/* Members of an object that are wanted, by name. */
struct want {
	const char *name;
	struct str *raw;
};

/* The writer's order is ours: most members are found at the first look. */
static void
pick(struct str object, const struct want *wants, size_t n)
{
	struct str name, raw, plain;
	size_t pos = 0, next = 0, i;

	while (jtext_member(object, &pos, &name, &raw)) {
		plain = name_of(name);
		for (i = 0; i < n; i++) {
			if (!str_is(plain, wants[(next + i) % n].name))
				continue;
			*wants[(next + i) % n].raw = raw;
			next = (next + i + 1) % n;
			break;
		}
	}
}

static void
read_usage(struct str usage, struct ledger_sum *sum, struct str *others)
{
	struct str raw[USAGE_BUCKETS] = { { 0 } }, units = STR_NONE,
		   searches = STR_NONE;
	struct want wants[USAGE_BUCKETS + 2];
	const struct want unit[] = { { "web_search", &searches } };
	unsigned i;

	for (i = 0; i < USAGE_BUCKETS; i++)
		wants[i] = (struct want){ usage_bucket_names[i], &raw[i] };
	wants[USAGE_BUCKETS] = (struct want){ "units", &units };
	wants[USAGE_BUCKETS + 1] = (struct want){ "others", others };
	pick(usage, wants, USAGE_BUCKETS + 2);
	for (i = 0; i < USAGE_BUCKETS; i++)
		sum->tokens[i] = count(raw[i]);
	pick(units, unit, 1);
	sum->web_searches = count(searches);
}

/* The counters by outcome, of calls and of attempts. */
static void
note_outcome(struct ledger_sum *sum, struct str word)
{
	sum->errors = str_is(word, "error") || str_is(word, "failed");
	sum->refused = str_is(word, "refused");
	sum->cancelled = str_is(word, "cancelled");
	sum->unknown = str_is(word, "unknown");
}

/* What was paid for nothing, and for which reason. */
static void
note_overhead(struct ledger_sum *sum, struct str outcome, struct str role)
{
	if (str_is(outcome, "lost"))
		sum->race_pusd = sum->cost_pusd;
	else if (str_is(outcome, "failed"))
		sum->retry_pusd = sum->cost_pusd;
	else if (!str_is(role, "judge") && !str_is(role, "shadow"))
		return;
	sum->overhead_pusd = sum->cost_pusd;
}

static void
note_times(struct ledger_sum *sum, struct str duration, struct str ttft)
{
	int64_t ms;

	if (str_i64(duration, 0, INT64_MAX, &ms) == 0)
		latency_note(&sum->duration, ms);
	if (str_i64(ttft, 0, INT64_MAX, &ms) == 0)
		latency_note(&sum->ttft, ms);
}

static void
read_attempt(struct arena *a, struct str text, struct ledger_view_attempt *at)
{
	struct str provider = STR_NONE, model = STR_NONE, returned = STR_NONE,
		   credential = STR_NONE, role = STR_NONE, outcome = STR_NONE,
		   usage = STR_NONE, cost = STR_NONE, source = STR_NONE,
		   ttft = STR_NONE, duration = STR_NONE;
	const struct want wants[] = { { "provider", &provider },
		{ "model", &model }, { "returned_model", &returned },
		{ "credential", &credential }, { "role", &role },
		{ "outcome", &outcome }, { "ttft_ms", &ttft },
		{ "duration_ms", &duration }, { "usage", &usage },
		{ "cost_usd", &cost }, { "cost_source", &source } };

	*at = (struct ledger_view_attempt){ .sum = { .attempts = 1 } };
	pick(text, wants, sizeof(wants) / sizeof(*wants));
	at->provider = text_of(a, provider);
	at->model = text_of(a, model);
	at->returned_model = text_of(a, returned);
	at->credential = text_of(a, credential);
	at->outcome = text_of(a, outcome);
	at->cost_source = text_of(a, source);
	at->name = str_of(arena_printf(
	    a, "%.*s/%.*s", STR_ARG(at->provider), STR_ARG(at->model)));
	note_outcome(&at->sum, at->outcome);
	read_usage(usage, &at->sum, &at->others);
	if (!amount(cost, &at->sum.cost_pusd))
		at->sum.unpriced = 1;
	note_overhead(&at->sum, at->outcome, name_of(role));
	if (str_is(at->outcome, "won"))
		note_times(&at->sum, duration, ttft);
}

bool
ledger_view_other(struct arena *a, const struct ledger_view_attempt *at,
    size_t *pos, struct ledger_view_attempt *other)
{
	struct str text, model = STR_NONE, cost = STR_NONE;
	const struct want wants[] = { { "model", &model },
		{ "cost_usd", &cost } };

	*other = *at;
	other->others = STR_NONE;
	if (at->others.n == 0 || !jtext_item(at->others, pos, &text))
		return false;
	pick(text, wants, sizeof(wants) / sizeof(*wants));
	other->model = other->returned_model = text_of(a, model);
	other->sum = (struct ledger_sum){ .attempts = 1 };
	read_usage(text, &other->sum, &other->others);
	if (!amount(cost, &other->sum.cost_pusd))
		other->sum.unpriced = 1;
	return true;
}

static void
read_attempts(struct arena *a, struct str list, struct ledger_view *v)
{
	struct str text;
	size_t pos = 0;
	unsigned n = 0;

	while (n < LEDGER_VIEW_ATTEMPTS && jtext_item(list, &pos, &text))
		n++;
	v->attempts = ARENA_ARRAY(a, struct ledger_view_attempt, n + 1);
	for (pos = 0; v->n_attempts < n && jtext_item(list, &pos, &text);)
		read_attempt(a, text, &v->attempts[v->n_attempts++]);
}

static void
read_tags(struct arena *a, struct str tags, struct ledger_view *v)
{
	struct str name, value;
	size_t pos = 0;

	while (v->n_tags < LEDGER_VIEW_TAGS &&
	    jtext_member(tags, &pos, &name, &value))
		v->tags[v->n_tags++] = str_of(arena_printf(a, "%.*s=%.*s",
		    STR_ARG(text_of(a, name)), STR_ARG(text_of(a, value))));
}

/*
 * The call's own amount counts.  Where it has none, what is known of its
 * attempts was spent all the same.
 */
static void
sum_up(struct ledger_view *v, struct str cost, struct str saved)
{
	const struct ledger_sum *at;
	struct ledger_sum *sum = &v->sum;
	int64_t own;
	unsigned i;

	for (i = 0; i < v->n_attempts; i++) {
		at = &v->attempts[i].sum;
		ledger_sum_add(sum, at);
	}
	memset(&sum->duration, 0, sizeof(sum->duration));
	memset(&sum->ttft, 0, sizeof(sum->ttft));
	note_outcome(sum, v->outcome);
	sum->calls = 1;
	sum->unpriced = !amount(cost, &own);
	if (sum->unpriced == 0)
		sum->cost_pusd = own;
	if (!amount(saved, &sum->saved_pusd))
		sum->saved_pusd = 0;
}

void
ledger_view(struct arena *a, struct str row, struct ledger_view *v)
{
	struct str raw[9] = { { 0 } }, tags = STR_NONE, cost = STR_NONE,
		   saved = STR_NONE, attempts = STR_NONE, cache = STR_NONE,
		   ttft = STR_NONE, duration = STR_NONE;
	const struct want wants[] = { { "id", &raw[0] },
		{ "started_at", &raw[1] }, { "key", &raw[2] },
		{ "account", &raw[3] }, { "user", &raw[4] },
		{ "session", &raw[5] }, { "task", &raw[6] }, { "tags", &tags },
		{ "route", &raw[8] }, { "outcome", &raw[7] },
		{ "cache", &cache }, { "saved_usd", &saved },
		{ "ttft_ms", &ttft }, { "duration_ms", &duration },
		{ "cost_usd", &cost }, { "attempts", &attempts } };

	*v = (struct ledger_view){ .n_tags = 0 };
	pick(row, wants, sizeof(wants) / sizeof(*wants));
	v->id = text_of(a, raw[0]);
	v->started_at = text_of(a, raw[1]);
	v->key = text_of(a, raw[2]);
	v->account = text_of(a, raw[3]);
	v->user = text_of(a, raw[4]);
	v->session = text_of(a, raw[5]);
	v->task = text_of(a, raw[6]);
	v->outcome = text_of(a, raw[7]);
	v->route = text_of(a, raw[8]);
	read_tags(a, tags, v);
	read_attempts(a, attempts, v);
	sum_up(v, cost, saved);
	v->sum.cached = str_is(name_of(cache), "hit");
	if (str_is(v->outcome, "ok"))
		note_times(&v->sum, duration, ttft);
}

int
ledger_view_day(const struct ledger_view *v, char day[LEDGER_DAY_BYTES])
{
	struct str at = v->started_at;

	if (at.n < 10 || at.p[4] != '-' || at.p[7] != '-')
		return -1;
	snprintf(
	    day, LEDGER_DAY_BYTES, "%.4s%.2s%.2s", at.p, at.p + 5, at.p + 8);
	return 0;
}
