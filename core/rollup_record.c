/* SPDX-License-Identifier: MIT */
#include "core/rollup_record.h"

#include <string.h>

#define MAX_VALUE_BYTES 600
#define DAY_DIGITS      8
#define MONTH_DIGITS    6
#define TO_CAPITAL      ('a' - 'A')

static const struct {
	char letter;
	bool months;
} dims[ROLLUP_DIMS] = {
	[ROLLUP_ALL] = { 'd', true },
	[ROLLUP_KEY] = { 'k', true },
	[ROLLUP_ACCOUNT] = { 'a', true },
	[ROLLUP_PROVIDER] = { 'p', true },
	[ROLLUP_MODEL] = { 'm', true },
	[ROLLUP_TAG] = { 't', true },
	[ROLLUP_USER] = { 'u', true },
	[ROLLUP_TASK] = { 'w', true },
	[ROLLUP_SESSION] = { 's', false },
};

const char *const rollup_words[ROLLUP_DIMS] = {
	[ROLLUP_ALL] = "day",
	[ROLLUP_KEY] = "key",
	[ROLLUP_ACCOUNT] = "account",
	[ROLLUP_PROVIDER] = "provider",
	[ROLLUP_MODEL] = "model",
	[ROLLUP_TAG] = "tag",
	[ROLLUP_USER] = "user",
	[ROLLUP_TASK] = "task",
	[ROLLUP_SESSION] = "session",
};

enum rollup_dim
rollup_dim_of(struct str word)
{
	unsigned d = 0;

	while (d < ROLLUP_DIMS && !str_is(word, rollup_words[d]))
		d++;
	return (enum rollup_dim)d;
}

bool
rollup_has_months(enum rollup_dim dim)
{
	return dims[dim].months;
}

struct str
rollup_key(const struct rollup_entry *e, char out[ROLLUP_KEY_BYTES])
{
	struct str value = e->value;
	size_t n = e->monthly ? MONTH_DIGITS : DAY_DIGITS;

	out[0] = dims[e->dim].letter;
	if (e->monthly)
		out[0] = (char)(out[0] - TO_CAPITAL);
	if (e->period.n < n)
		n = e->period.n;
	memcpy(out + 1, e->period.p, n);
	n++;
	if (value.p == NULL)
		return (struct str){ out, n };
	if (value.n > MAX_VALUE_BYTES)
		value.n = MAX_VALUE_BYTES;
	out[n++] = '=';
	if (value.n > 0)
		memcpy(out + n, value.p, value.n);
	return (struct str){ out, n + value.n };
}

int
rollup_read_key(struct str key, struct rollup_entry *e)
{
	unsigned d = 0;
	size_t n;
	char letter;

	if (key.n == 0)
		return -1;
	e->monthly = key.p[0] < 'a';
	letter = (char)(e->monthly ? key.p[0] + TO_CAPITAL : key.p[0]);
	while (d < ROLLUP_DIMS && dims[d].letter != letter)
		d++;
	n = e->monthly ? MONTH_DIGITS : DAY_DIGITS;
	if (d == ROLLUP_DIMS || key.n < n + 1)
		return -1;
	e->dim = (enum rollup_dim)d;
	e->period = (struct str){ key.p + 1, n };
	e->value = STR_NONE;
	if (key.n > n + 1) {
		if (key.p[n + 1] != '=')
			return -1;
		e->value = str_skip(key, n + 2);
	}
	return 0;
}

/* Small numbers of either sign are small: 0, -1, 1, -2, ... */
static uint64_t
zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static int64_t
unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

struct str
rollup_value(const struct ledger_sum *sum, char out[ROLLUP_VALUE_BYTES])
{
	struct ledger_sum copy = *sum;
	size_t n = 0;
	uint64_t v;
	unsigned i;

	for (i = 0; i < LEDGER_SUM_FIELDS; i++) {
		v = zigzag(*ledger_sum_field(&copy, i));
		for (; v >= 0x80; v >>= 7)
			out[n++] = (char)(0x80 | (v & 0x7f));
		out[n++] = (char)v;
	}
	return (struct str){ out, n };
}

/* One varint from ${*p} on, which moves on; most are a byte or two. */
static int
take_varint(const char **p, const char *end, uint64_t *v)
{
	unsigned shift = 0, byte = 0x80;

	for (*v = 0; byte & 0x80; shift += 7) {
		if (*p == end || shift > 63)
			return -1;
		byte = (unsigned char)*(*p)++;
		*v |= (uint64_t)(byte & 0x7f) << shift;
	}
	return 0;
}

int
rollup_read_value(struct str value, struct ledger_sum *sum)
{
	const char *p = value.p, *end = p + value.n;
	uint64_t v;
	unsigned i;

	*sum = (struct ledger_sum){ 0 };
	for (i = 0; i < LEDGER_SUM_FIELDS && p < end; i++) {
		if (take_varint(&p, end, &v) != 0)
			return -1;
		*ledger_sum_field(sum, i) = unzigzag(v);
	}
	return p == end ? 0 : -1;
}

/* One entry of one row on its way to all periods. */
struct change {
	struct rollup_entry entry;
	char day[LEDGER_DAY_BYTES];
	void (*fn)(void *arg, const struct rollup_entry *e);
	void *arg;
};

static void
emit(struct change *c, enum rollup_dim dim, struct str value,
    const struct ledger_sum *sum)
{
	c->entry.dim = dim;
	c->entry.value = value;
	c->entry.sum = *sum;
	c->entry.monthly = false;
	c->entry.period = (struct str){ c->day, DAY_DIGITS };
	c->fn(c->arg, &c->entry);
	if (!dims[dim].months)
		return;
	c->entry.monthly = true;
	c->entry.period.n = MONTH_DIGITS;
	c->fn(c->arg, &c->entry);
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

void
rollup_each(const struct ledger_view *v,
    void (*fn)(void *arg, const struct rollup_entry *e), void *arg)
{
	const struct {
		enum rollup_dim dim;
		struct str value;
	} of_call[] = { { ROLLUP_ALL, STR_NONE }, { ROLLUP_KEY, v->key },
		{ ROLLUP_ACCOUNT, v->account }, { ROLLUP_USER, v->user },
		{ ROLLUP_TASK, v->task }, { ROLLUP_SESSION, v->session } };
	struct change c = { .fn = fn, .arg = arg };
	unsigned i;

	if (ledger_view_day(v, c.day) != 0)
		return;
	for (i = 0; i < sizeof(of_call) / sizeof(*of_call); i++)
		emit(&c, of_call[i].dim, of_call[i].value, &v->sum);
	for (i = 0; i < v->n_tags; i++)
		emit(&c, ROLLUP_TAG, v->tags[i], &v->sum);
	emit_attempts(&c, v, ROLLUP_PROVIDER);
	emit_attempts(&c, v, ROLLUP_MODEL);
}
