/* SPDX-License-Identifier: MIT */
#include "core/rollup_record.h"

#include <string.h>

#include "core/varint.h"

#define MAX_VALUE_BYTES (ROLLUP_KEY_BYTES - 16)
#define MAX_PART_BYTES  400
#define DAY_DIGITS      8
#define MONTH_DIGITS    6
#define TO_CAPITAL      ('a' - 'A')

/* Those without a letter are not kept. */
static const struct {
	char letter;
	bool months;
} dims[ROLLUP_KINDS] = {
	[ROLLUP_ALL] = { 'd', true },
	[ROLLUP_KEY] = { 'k', true },
	[ROLLUP_ACCOUNT] = { 'a', true },
	[ROLLUP_PROVIDER] = { 'p', true },
	[ROLLUP_MODEL] = { 'm', true },
	[ROLLUP_TAG] = { 't', true },
	[ROLLUP_USER] = { 'u', true },
	[ROLLUP_TASK] = { 'w', true },
	[ROLLUP_SESSION] = { 's', false },
	[ROLLUP_ROUTE] = { 'r', true },
	[ROLLUP_OWN + ROLLUP_ALL] = { 'e', true },
	[ROLLUP_OWN + ROLLUP_PROVIDER] = { 'f', true },
	[ROLLUP_OWN + ROLLUP_MODEL] = { 'g', true },
	[ROLLUP_OWN + ROLLUP_TAG] = { 'h', false },
	[ROLLUP_OWN + ROLLUP_USER] = { 'i', false },
	[ROLLUP_OWN + ROLLUP_TASK] = { 'j', false },
	[ROLLUP_OWN + ROLLUP_ROUTE] = { 'l', true },
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
	[ROLLUP_ROUTE] = "route",
};

const char *const rollup_places[ROLLUP_PARTS] = { "rollups", "rollups2",
	"facts" };

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

bool
rollup_is_old(enum rollup_dim dim)
{
	return dim == ROLLUP_SESSION || dim >= ROLLUP_OWN;
}

bool
rollup_has_own(enum rollup_dim dim)
{
	return dim < ROLLUP_DIMS && dims[ROLLUP_OWN + dim].letter != '\0';
}

/* One part of an own value, which ends with a NUL; it may hold none. */
static size_t
put_part(char *out, struct str s)
{
	size_t n = s.n > 0 ? strnlen(s.p, s.n) : 0;

	if (n > MAX_PART_BYTES)
		n = MAX_PART_BYTES;
	out[0] = s.p != NULL ? '=' : '-';
	if (n > 0)
		memcpy(out + 1, s.p, n);
	out[n + 1] = '\0';
	return n + 2;
}

struct str
rollup_own_begin(
    struct str account, const struct str *key, char out[ROLLUP_OWN_BYTES])
{
	size_t n = put_part(out, account);

	if (key != NULL)
		n += put_part(out + n, *key);
	return (struct str){ out, n };
}

static int
take_part(struct str *s, struct str *part)
{
	if (s->n == 0 || (s->p[0] != '=' && s->p[0] != '-'))
		return -1;
	*s = str_split(*s, '\0', part);
	*part = part->p[0] == '=' ? str_skip(*part, 1) : STR_NONE;
	return s->p != NULL ? 0 : -1;
}

int
rollup_own_read(struct str value, struct rollup_own *own)
{
	if (take_part(&value, &own->account) != 0 ||
	    take_part(&value, &own->key) != 0)
		return -1;
	own->value =
	    value.n > 0 && value.p[0] == '=' ? str_skip(value, 1) : STR_NONE;
	return 0;
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
	while (d < ROLLUP_KINDS && dims[d].letter != letter)
		d++;
	n = e->monthly ? MONTH_DIGITS : DAY_DIGITS;
	if (d == ROLLUP_KINDS || letter == '\0' || key.n < n + 1)
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

/* Bucket ${i} of duration and then ttft. */
static int32_t *
bucket(struct ledger_sum *sum, unsigned i)
{
	return i < LATENCY_BUCKETS ? &sum->duration.n[i]
				   : &sum->ttft.n[i - LATENCY_BUCKETS];
}

struct str
rollup_value(const struct ledger_sum *sum, char out[ROLLUP_VALUE_BYTES])
{
	struct ledger_sum copy = *sum;
	size_t n = 0;
	unsigned i, last = 0;

	for (i = 0; i < LEDGER_SUM_FIELDS; i++)
		n += varint_put(
		    out + n, varint_zigzag(*ledger_sum_field(&copy, i)));
	for (i = 0; i < 2 * LATENCY_BUCKETS; i++) {
		if (*bucket(&copy, i) == 0)
			continue;
		n += varint_put(out + n, i - last);
		n += varint_put(out + n, varint_zigzag(*bucket(&copy, i)));
		last = i;
	}
	return (struct str){ out, n };
}

static int
read_buckets(struct str value, struct ledger_sum *sum)
{
	uint64_t gap, v;
	unsigned i = 0;

	while (value.n > 0) {
		if (varint_take(&value, &gap) != 0 ||
		    varint_take(&value, &v) != 0 ||
		    gap >= 2 * LATENCY_BUCKETS - i)
			return -1;
		i += (unsigned)gap;
		*bucket(sum, i) = (int32_t)varint_unzigzag(v);
	}
	return 0;
}

int
rollup_read_value(struct str value, struct ledger_sum *sum)
{
	uint64_t v;
	unsigned i;

	*sum = (struct ledger_sum){ 0 };
	for (i = 0; i < LEDGER_SUM_FIELDS && value.n > 0; i++) {
		if (varint_take(&value, &v) != 0)
			return -1;
		*ledger_sum_field(sum, i) = varint_unzigzag(v);
	}
	return read_buckets(value, sum);
}
