/* SPDX-License-Identifier: MIT */
/* Numbers and names of bills (bill.h). */
#include "core/bill.h"

#include "core/arena.h"

#define MAX_EXPONENT 30

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The date at the end of a name, as "-20251001" or "-2025-10-01", goes. */
static size_t
without_date(const char *p, size_t n)
{
	static const char *const forms[] = { "-dddddddd", "-dddd-dd-dd" };
	size_t i, k, m;

	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		m = strlen(forms[i]);
		if (n <= m)
			continue;
		for (k = 0; k < m; k++)
			if (forms[i][k] == 'd' ? !is_digit(p[n - m + k])
					       : p[n - m + k] != '-')
				break;
		if (k == m)
			return n - m;
	}
	return n;
}

struct str
bill_model(struct arena *a, struct str name)
{
	char *out = str_cstr(a, name);
	size_t i;

	for (i = 0; i < name.n; i++) {
		if (out[i] >= 'A' && out[i] <= 'Z')
			out[i] = (char)(out[i] - 'A' + 'a');
		if (out[i] == ' ' || out[i] == '.')
			out[i] = '-';
	}
	return (struct str){ out, without_date(out, name.n) };
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

/* Power of ten of the units that ${scale} gives a number. */
static int64_t
places_of(int64_t scale)
{
	int64_t n = 0;

	for (; scale >= 10; scale /= 10)
		n++;
	return n;
}

static int
add_digit(int64_t *v, int digit)
{
	return __builtin_mul_overflow(*v, 10, v) ||
		__builtin_add_overflow(*v, digit, v)
	    ? -1
	    : 0;
}

/*
 * Digits up to the last place that counts, of which there are ${places}
 * behind the point; the next one rounds.
 */
static int
take_digits(struct str s, int64_t places, int64_t *v)
{
	int64_t left = INT64_MAX; /* places, once behind the point */
	size_t i, digits = 0;

	*v = 0;
	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && left == INT64_MAX) {
			left = places;
			continue;
		}
		if (!is_digit(s.p[i]))
			return -1;
		digits++;
		if (left > 0 && add_digit(v, s.p[i] - '0') != 0)
			return -1;
		if (left == 0 && s.p[i] >= '5' &&
		    __builtin_add_overflow(*v, 1, v))
			return -1;
		left -= left != INT64_MAX;
	}
	for (left = left == INT64_MAX ? places : left; left > 0; left--)
		if (add_digit(v, 0) != 0)
			return -1;
	return digits > 0 ? 0 : -1;
}

/* Move the point of ${s} by ${e} places: "12.5", -3 gives "0.0125". */
static struct str
shift(struct arena *a, struct str s, int64_t e)
{
	char *out = arena_alloc(a, s.n + 2 * MAX_EXPONENT + 3);
	struct str whole, part = str_split(s, '.', &whole);
	size_t n = 0, point, i;

	for (i = 0; i < MAX_EXPONENT; i++)
		out[n++] = '0';
	memcpy(out + n, whole.p, whole.n);
	n += whole.n;
	point = (size_t)((int64_t)n + e);
	if (part.n > 0)
		memcpy(out + n, part.p, part.n);
	n += part.n;
	while (n < point)
		out[n++] = '0';
	memmove(out + point + 1, out + point, n - point);
	out[point] = '.';
	return (struct str){ out, n + 1 };
}

int
bill_amount(struct str text, int64_t scale, int64_t *pusd)
{
	struct arena *a;
	bool negative = text.n > 0 && text.p[0] == '-';
	int64_t e;
	int rc;

	if (negative)
		text = str_skip(text, 1);
	if (text.n > 100 || take_exponent(&text, &e) != 0)
		return -1;
	a = arena_new(4096);
	if (e != 0)
		text = shift(a, text, e);
	rc = take_digits(text, places_of(scale), pusd);
	arena_free(a);
	if (rc == 0 && negative)
		*pusd = -*pusd;
	return rc;
}
