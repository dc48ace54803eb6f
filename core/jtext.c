/* SPDX-License-Identifier: MIT */
/*
 * All walking here is over documents that jtext_check has passed.  On any
 * other it finds nonsense, but stays within the bytes it was given.
 */
#include "core/jtext.h"

#include <stdint.h>
#include <string.h>

#include "core/arena.h"

#define EACH_BYTE(b)   (UINT64_C(0x0101010101010101) * (b))
#define HAS_ZERO(w)    (((w)-EACH_BYTE(0x01)) & ~(w))
#define HAS_BYTE(w, b) HAS_ZERO((w) ^ EACH_BYTE(b))
#define HAS_LESS(w, b) (((w)-EACH_BYTE(b)) & ~(w))

/* True if one of 8 bytes is a quote, a backslash, a control or not ASCII. */
static bool
is_special(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return ((w | HAS_BYTE(w, '"') | HAS_BYTE(w, '\\') | HAS_LESS(w, ' ')) &
		   EACH_BYTE(0x80)) != 0;
}

/*
 * The length of the character of two or more bytes at p, or 0.  Its second
 * byte has a narrower range where the first alone would allow overlong forms,
 * surrogates or numbers beyond U+10FFFF (the table of RFC 3629 §4).
 */
static size_t
utf8_length(const unsigned char *p, size_t n)
{
	static const struct {
		unsigned char first, last; /* range of the first byte */
		unsigned char low, high;   /* range of the second */
		size_t length;
	} rows[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
		{ 0xf5, 0xff, 0xff, 0x00, 2 }, /* never */
	};
	size_t row = 0;
	size_t i;

	while (p[0] > rows[row].last)
		row++;
	if (p[0] < rows[row].first || n < rows[row].length ||
	    p[1] < rows[row].low || p[1] > rows[row].high)
		return 0;
	for (i = 2; i < rows[row].length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return rows[row].length;
}

size_t
jtext_plain(struct str s)
{
	size_t i = 0;
	size_t n;

	for (;;) {
		while (s.n - i >= 8 && !is_special(s.p + i))
			i += 8;
		if (i == s.n)
			return i;
		if ((unsigned char)s.p[i] >= 0x80) {
			n = utf8_length(
			    (const unsigned char *)s.p + i, s.n - i);
		} else {
			n = s.p[i] != '"' && s.p[i] != '\\' &&
			    (unsigned char)s.p[i] >= 0x20;
		}
		if (n == 0)
			return i;
		i += n;
	}
}

static size_t
skip_space(struct str s, size_t at)
{
	while (at < s.n &&
	    (s.p[at] == ' ' || s.p[at] == '\n' || s.p[at] == '\t' ||
		s.p[at] == '\r'))
		at++;
	return at;
}

/*
 * The offset behind the string that begins at ${at}.  It has been checked: so
 * its end is a quote behind no, or an even number of, backslashes.
 */
static size_t
skip_string(struct str s, size_t at)
{
	const char *quote;
	size_t n;

	for (at++; at < s.n; at++) {
		quote = memchr(s.p + at, '"', s.n - at);
		if (quote == NULL)
			break;
		at = (size_t)(quote - s.p);
		for (n = 0; s.p[at - 1 - n] == '\\'; n++)
			continue;
		if (n % 2 == 0)
			return at + 1;
	}
	return s.n;
}

static size_t
skip_box(struct str s, size_t at)
{
	size_t depth = 0;

	while (at < s.n) {
		if (s.p[at] == '"') {
			at = skip_string(s, at);
			continue;
		}
		depth += s.p[at] == '{' || s.p[at] == '[';
		depth -= s.p[at] == '}' || s.p[at] == ']';
		at++;
		if (depth == 0)
			break;
	}
	return at;
}

/* The offset behind the value that begins at ${at}. */
static size_t
skip_value(struct str s, size_t at)
{
	if (at >= s.n)
		return s.n;
	if (s.p[at] == '"')
		return skip_string(s, at);
	if (s.p[at] == '{' || s.p[at] == '[')
		return skip_box(s, at);
	while (at < s.n && memchr(",]} \t\r\n", s.p[at], 7) == NULL)
		at++;
	return at;
}

static struct str
cut(struct str s, size_t from, size_t to)
{
	return (struct str){ .p = s.p + from, .n = to - from };
}

/* Step through the members or items of the raw ${box}. */
static bool
step(struct str box, size_t *pos, struct str *name, struct str *value)
{
	size_t at = skip_space(box, *pos);
	size_t end;

	if (*pos == 0)
		at++;
	else if (at < box.n && box.p[at] == ',')
		at++;
	at = skip_space(box, at);
	if (at >= box.n || box.p[at] == '}' || box.p[at] == ']')
		return false;
	if (name != NULL) {
		end = skip_string(box, at);
		*name = cut(box, at, end);
		at = skip_space(box, end);
		at = skip_space(box, at < box.n ? at + 1 : at);
	}
	end = skip_value(box, at);
	*value = cut(box, at, end);
	*pos = end;
	return end > at;
}

static bool
starts_with(struct str s, char c)
{
	size_t at = skip_space(s, 0);

	return at < s.n && s.p[at] == c;
}

bool
jtext_member(struct str obj, size_t *pos, struct str *name, struct str *value)
{
	return starts_with(obj, '{') && step(obj, pos, name, value);
}

bool
jtext_item(struct str array, size_t *pos, struct str *value)
{
	return starts_with(array, '[') && step(array, pos, NULL, value);
}

static unsigned
hex4(const char *p)
{
	unsigned v = 0;
	int i;

	for (i = 0; i < 4; i++) {
		v = v << 4 |
		    (unsigned)(p[i] <= '9' ? p[i] - '0'
					   : (p[i] | 0x20) - 'a' + 10);
	}
	return v;
}

static size_t
put_utf8(char *out, unsigned v)
{
	size_t n = v < 0x80 ? 1 : v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t i;

	for (i = n - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (v & 0x3f));
		v >>= 6;
	}
	out[0] = (char)(first[n] | v);
	return n;
}

/*
 * Decode \uXXXX at the start of ${s}, with its second half if it is a pair;
 * a lone surrogate becomes U+FFFD.  ${*used} is what was read.
 */
static unsigned
decode_u(struct str s, size_t *used)
{
	unsigned v;
	unsigned low;

	*used = s.n < 6 ? s.n : 6;
	if (s.n < 6)
		return 0xfffd;
	v = hex4(s.p + 2);
	if (v < 0xd800 || v > 0xdfff)
		return v;
	if (v > 0xdbff || s.n < 12 || s.p[6] != '\\' || s.p[7] != 'u')
		return 0xfffd;
	low = hex4(s.p + 8);
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*used = 12;
	return 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
}

/* Decode the escape at the start of ${*s} to ${out} and step over it. */
static size_t
take_escape(struct str *s, char out[4])
{
	static const char names[] = "b\bf\fn\nr\rt\t";
	const char *at = names;
	size_t used = s->n < 2 ? s->n : 2;
	size_t n = 1;

	if (used == 2 && s->p[1] == 'u') {
		n = put_utf8(out, decode_u(*s, &used));
	} else {
		while (*at != '\0' && *at != s->p[used - 1])
			at += 2;
		out[0] = *at != '\0' ? at[1] : s->p[used - 1];
	}
	*s = str_skip(*s, used);
	return n;
}

/* Take what stands before the next backslash. */
static struct str
take_run(struct str *s)
{
	const char *slash = s->n > 0 ? memchr(s->p, '\\', s->n) : NULL;
	size_t n = slash ? (size_t)(slash - s->p) : s->n;
	struct str run = cut(*s, 0, n);

	*s = str_skip(*s, run.n);
	return run;
}

/* The bytes between the quotes of a raw string. */
static struct str
inside(struct str raw)
{
	return raw.n >= 2 ? cut(raw, 1, raw.n - 1) : STR("");
}

struct str
jtext_string(struct arena *a, struct str value)
{
	struct str rest = inside(value);
	struct str run;
	char *out;
	size_t n = 0;

	if (value.n < 2 || value.p[0] != '"')
		return STR_NONE;
	out = arena_alloc(a, rest.n + 4);
	while (rest.n > 0) {
		run = take_run(&rest);
		memcpy(out + n, run.p, run.n);
		n += run.n;
		n += rest.n > 0 ? take_escape(&rest, out + n) : 0;
	}
	return (struct str){ .p = out, .n = n };
}

struct str
jtext_str(struct arena *a, struct str doc, const char *path)
{
	struct str value;

	return jtext_get(doc, path, &value) ? jtext_string(a, value) : STR_NONE;
}

/* Take ${head} off ${*s}, if it begins with it. */
static bool
take_prefix(struct str *s, struct str head)
{
	if (s->n < head.n || !str_eq(cut(*s, 0, head.n), head))
		return false;
	*s = str_skip(*s, head.n);
	return true;
}

bool
jtext_is_name(struct str raw, struct str want)
{
	struct str rest = inside(raw);
	struct str piece;
	char small[4];

	while (rest.n > 0) {
		piece = take_run(&rest);
		if (!take_prefix(&want, piece))
			return false;
		piece = (struct str){ .p = small };
		piece.n = rest.n > 0 ? take_escape(&rest, small) : 0;
		if (!take_prefix(&want, piece))
			return false;
	}
	return want.n == 0;
}

static bool
find_member(struct str obj, struct str want, struct str *value)
{
	struct str name;
	size_t pos = 0;

	while (jtext_member(obj, &pos, &name, value))
		if (jtext_is_name(name, want))
			return true;
	return false;
}

static bool
find_item(struct str array, struct str index, struct str *value)
{
	int64_t i;
	size_t pos = 0;

	if (str_i64(index, 0, INT32_MAX, &i) != 0)
		return false;
	while (jtext_item(array, &pos, value))
		if (i-- == 0)
			return true;
	return false;
}

bool
jtext_get(struct str doc, const char *path, struct str *value)
{
	struct str rest = str_of(path);
	struct str at = str_trim(doc);
	struct str head;

	while (rest.p != NULL) {
		rest = str_split(rest, '.', &head);
		if (!find_member(at, head, value) &&
		    !find_item(at, head, value))
			return false;
		at = *value;
	}
	return true;
}
