/* SPDX-License-Identifier: MIT */
#include "core/money.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/jw.h"

#define MAX_EXPONENT 1000

static int
add_digit(int64_t *v, int digit)
{
	return __builtin_mul_overflow(*v, 10, v) ||
		__builtin_add_overflow(*v, digit, v)
	    ? -1
	    : 0;
}

/* The digits at the start of ${*s}, as a number. */
static int
take_digits(struct str *s, int64_t *v)
{
	size_t i;

	*v = 0;
	for (i = 0; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++)
		if (add_digit(v, s->p[i] - '0') != 0)
			return -1;
	*s = str_skip(*s, i);
	return i > 0 ? 0 : -1;
}

/* The decimal places ${s}, of which the first counts ${scale} / 10. */
static int
add_places(struct str s, int64_t scale, int64_t *v)
{
	int64_t digit;
	size_t i;

	for (i = 0; i < s.n; i++) {
		digit = s.p[i] - '0';
		if (digit < 0 || digit > 9)
			return -1;
		if (digit > 0 && (scale < 10 || scale % 10 != 0))
			return -1;
		scale /= 10;
		if (__builtin_add_overflow(*v, digit * scale, v))
			return -1;
	}
	return 0;
}

int
money_parse(struct str s, int64_t scale, int64_t *out)
{
	int64_t v;

	if (take_digits(&s, &v) != 0 || __builtin_mul_overflow(v, scale, &v))
		return -1;
	if (s.n > 0) {
		if (s.p[0] != '.' || s.n < 2 ||
		    add_places(str_skip(s, 1), scale, &v) != 0)
			return -1;
	}
	*out = v;
	return 0;
}

/* The exponent behind a number, taken off; 0 if there is none. */
static int
take_exponent(struct str *s, int64_t *e)
{
	struct str head, tail = str_split(*s, 'e', &head);

	*e = 0;
	if (tail.p == NULL)
		tail = str_split(*s, 'E', &head);
	if (tail.p == NULL)
		return 0;
	*s = head;
	if (tail.n > 0 && tail.p[0] == '+')
		tail = str_skip(tail, 1);
	return str_i64(tail, -MAX_EXPONENT, MAX_EXPONENT, e);
}

static int64_t
places_of(int64_t scale)
{
	int64_t n = 0;

	for (; scale >= 10; scale /= 10)
		n++;
	return n;
}

/* Of ${digits} the first ${*left} count, and the one behind them rounds. */
static int
take_rounded(struct str digits, int64_t *left, int64_t *v)
{
	size_t i;
	int digit;

	for (i = 0; i < digits.n; i++, --*left) {
		digit = digits.p[i] - '0';
		if (digit < 0 || digit > 9 ||
		    (*left > 0 && add_digit(v, digit) != 0) ||
		    (*left == 0 && digit >= 5 &&
			__builtin_add_overflow(*v, 1, v)))
			return -1;
	}
	return 0;
}

int
money_round(struct str s, int64_t scale, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	struct str whole, part;
	int64_t exponent, left, v = 0;

	if (negative)
		s = str_skip(s, 1);
	if (take_exponent(&s, &exponent) != 0)
		return -1;
	part = str_split(s, '.', &whole);
	left = (int64_t)whole.n + places_of(scale) + exponent;
	if (whole.n + part.n == 0 || take_rounded(whole, &left, &v) != 0 ||
	    take_rounded(part, &left, &v) != 0)
		return -1;
	for (; left > 0 && v > 0; left--)
		if (add_digit(&v, 0) != 0)
			return -1;
	*out = negative ? -v : v;
	return 0;
}

char *
money_text(int64_t pusd, char out[MONEY_TEXT_BYTES])
{
	uint64_t v = pusd < 0 ? -(uint64_t)pusd : (uint64_t)pusd;
	uint64_t places = v % (uint64_t)PUSD_PER_USD;
	size_t n;

	n = (size_t)snprintf(out, MONEY_TEXT_BYTES, "%s%" PRIu64,
	    pusd < 0 ? "-" : "", v / (uint64_t)PUSD_PER_USD);
	if (places > 0) {
		n += (size_t)snprintf(
		    out + n, MONEY_TEXT_BYTES - n, ".%012" PRIu64, places);
		while (out[n - 1] == '0')
			out[--n] = '\0';
	}
	return out;
}

void
money_json(struct jw *w, const char *key, int64_t pusd)
{
	char text[MONEY_TEXT_BYTES];

	jw_kv_cstr(w, key, money_text(pusd, text));
}
