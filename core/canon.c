/* SPDX-License-Identifier: MIT */
#include "core/canon.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/jtext.h"
#include "core/jw.h"

#define MAX_EXPONENT INT64_C(1000000000000)

struct member {
	struct str name, value;
};

static void put_value(struct arena *a, struct str raw, struct buf *out);

/* ---- numbers ---- */

/* The digits of ${s} from ${*at} on, appended; returns how many. */
static int64_t
take_digits(struct str s, size_t *at, struct buf *digits)
{
	int64_t n = 0;

	for (; *at < s.n && isdigit((unsigned char)s.p[*at]); ++*at, n++)
		buf_addch(digits, s.p[*at]);
	return n;
}

static size_t
leading_zeros(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] == '0')
		n++;
	return n;
}

/* "-12.50" is -125e-1.  An exponent beyond all reason stays as spelt. */
static void
put_number(struct str raw, struct buf *out)
{
	struct buf digits;
	struct str d;
	int64_t exponent = 0, places = 0;
	bool minus = raw.p[0] == '-';
	size_t at = minus;

	buf_init(&digits, raw.n + 1);
	take_digits(raw, &at, &digits);
	if (at < raw.n && raw.p[at] == '.') {
		at++;
		places = take_digits(raw, &at, &digits);
	}
	if (at < raw.n) {
		at += 1 + (raw.p[at + 1] == '+');
		if (str_i64(str_skip(raw, at), -MAX_EXPONENT, MAX_EXPONENT,
			&exponent) != 0) {
			buf_adds(out, raw);
			buf_release(&digits);
			return;
		}
	}
	d = str_skip(buf_str(&digits), leading_zeros(buf_str(&digits)));
	for (exponent -= places; d.n > 0 && d.p[d.n - 1] == '0'; d.n--)
		exponent++;
	if (d.n == 0)
		buf_addch(out, '0');
	else
		buf_addf(out, "%s%.*se%lld", minus ? "-" : "", STR_ARG(d),
		    (long long)exponent);
	buf_release(&digits);
}

/* ---- objects and arrays ---- */

static int
by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return str_cmp(x->name, y->name);
}

static size_t
count_members(struct str obj)
{
	struct str name, value;
	size_t pos = 0, n = 0;

	while (jtext_member(obj, &pos, &name, &value))
		n++;
	return n;
}

static void
put_object(struct arena *a, struct str raw, bool (*skip)(struct str name),
    struct buf *out)
{
	struct member *all =
	    ARENA_ARRAY(a, struct member, count_members(raw) + 1);
	struct str name, value;
	size_t pos = 0, n = 0, i;

	while (jtext_member(raw, &pos, &name, &value)) {
		all[n] = (struct member){ jtext_string(a, name), value };
		n += skip == NULL || !skip(all[n].name);
	}
	qsort(all, n, sizeof(*all), by_name);
	buf_addch(out, '{');
	for (i = 0; i < n; i++) {
		jw_quote(out, all[i].name);
		buf_addch(out, ':');
		put_value(a, all[i].value, out);
		buf_addch(out, ',');
	}
	buf_addch(out, '}');
}

static void
put_array(struct arena *a, struct str raw, struct buf *out)
{
	struct str value;
	size_t pos = 0;

	buf_addch(out, '[');
	while (jtext_item(raw, &pos, &value)) {
		put_value(a, value, out);
		buf_addch(out, ',');
	}
	buf_addch(out, ']');
}

/* Strings without an escape, nearly all, are their own canonical text. */
static void
put_string(struct arena *a, struct str raw, struct buf *out)
{
	if (memchr(raw.p, '\\', raw.n) == NULL)
		buf_adds(out, raw);
	else
		jw_quote(out, jtext_string(a, raw));
}

static void
put_value(struct arena *a, struct str raw, struct buf *out)
{
	switch (raw.n > 0 ? raw.p[0] : 'n') {
	case '{':
		put_object(a, raw, NULL, out);
		break;
	case '[':
		put_array(a, raw, out);
		break;
	case '"':
		put_string(a, raw, out);
		break;
	case 't':
	case 'f':
	case 'n':
		buf_adds(out, raw);
		break;
	default:
		put_number(raw, out);
	}
}

void
canon_json(struct arena *a, struct str doc, bool (*skip)(struct str name),
    struct buf *out)
{
	doc = str_trim(doc);
	if (skip != NULL && doc.n > 0 && doc.p[0] == '{')
		put_object(a, doc, skip, out);
	else
		put_value(a, doc, out);
}
