/* SPDX-License-Identifier: MIT */
/*
 * The checker of jtext.h.  It keeps a bit for each open container instead of
 * recursing, and one stack with the names of all open objects; when an object
 * closes, its names are compared and popped.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jtree.h"

/* Up to so many names are compared each with each; more are sorted. */
#define FEW_NAMES 16

struct name_seen {
	struct str s;   /* decoded */
	const char *at; /* where it stands in the document */
};

struct check {
	const char *p;
	const char *end;
	struct str doc;
	struct error *err;
	unsigned depth;
	bool is_array[JTREE_MAX_DEPTH];
	size_t first[JTREE_MAX_DEPTH]; /* index of the first name */
	struct buf names;              /* struct name_seen, of open objects */
	struct arena *decoded;         /* names with escapes; NULL if none */
};

static int
fail_at(struct check *c, const char *at, const char *what)
{
	return error_set(c->err, ERROR_BAD_REQUEST,
	    "invalid JSON at byte %zu: %s", (size_t)(at - c->doc.p), what);
}

static void
skip_space(struct check *c)
{
	while (c->p < c->end &&
	    (*c->p == ' ' || *c->p == '\n' || *c->p == '\t' || *c->p == '\r'))
		c->p++;
}

static bool
is_digit(const struct check *c)
{
	return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

static int
check_digits(struct check *c)
{
	if (!is_digit(c))
		return fail_at(c, c->p, "digit expected");
	while (is_digit(c))
		c->p++;
	return 0;
}

static int
check_number(struct check *c)
{
	c->p += *c->p == '-';
	if (c->p < c->end && *c->p == '0')
		c->p++;
	else if (check_digits(c) != 0)
		return -1;
	if (c->p < c->end && *c->p == '.') {
		c->p++;
		if (check_digits(c) != 0)
			return -1;
	}
	if (c->p < c->end && (*c->p | 0x20) == 'e') {
		c->p++;
		c->p += c->p < c->end && (*c->p == '+' || *c->p == '-');
		return check_digits(c);
	}
	return 0;
}

/* An escape, c->p at its backslash. */
static int
check_escape(struct check *c)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	int i;

	if (c->end - c->p < 2 || memchr("\"\\/bfnrtu", c->p[1], 9) == NULL)
		return fail_at(c, c->p, "no such escape");
	if (c->p[1] == 'u') {
		if (c->end - c->p < 6)
			return fail_at(c, c->p, "no such escape");
		for (i = 2; i < 6; i++)
			if (memchr(hex, c->p[i], sizeof(hex) - 1) == NULL)
				return fail_at(c, c->p, "no such escape");
	}
	c->p += c->p[1] == 'u' ? 6 : 2;
	return 0;
}

/* A string, c->p at its first quote.  ${*escaped}: there was a backslash. */
static int
check_string(struct check *c, bool *escaped)
{
	const char *begin = c->p++;

	*escaped = false;
	for (;;) {
		c->p += jtext_plain(
		    (struct str){ .p = c->p, .n = (size_t)(c->end - c->p) });
		if (c->p == c->end)
			return fail_at(c, begin, "string without end");
		if (*c->p == '"') {
			c->p++;
			return 0;
		}
		if (*c->p != '\\') {
			return fail_at(c, c->p,
			    (unsigned char)*c->p < 0x20
				? "control character in a string"
				: "not UTF-8");
		}
		*escaped = true;
		if (check_escape(c) != 0)
			return -1;
	}
}

static struct str
decode_name(struct check *c, struct str raw)
{
	if (c->decoded == NULL) {
		/* Short names grow by headers and alignment. */
		c->decoded = arena_new(c->doc.n * 16 + (1 << 20));
	}
	return jtext_string(c->decoded, raw);
}

/* The name of a member and its colon. */
static int
check_name(struct check *c)
{
	struct name_seen seen;
	bool escaped;

	skip_space(c);
	seen.at = c->p;
	if (c->p == c->end || *c->p != '"')
		return fail_at(c, c->p, "member name expected");
	if (check_string(c, &escaped) != 0)
		return -1;
	seen.s =
	    (struct str){ .p = seen.at + 1, .n = (size_t)(c->p - seen.at) - 2 };
	if (escaped) {
		seen.s = decode_name(
		    c, (struct str){ .p = seen.at, .n = seen.s.n + 2 });
		if (memchr(seen.s.p, '\0', seen.s.n) != NULL)
			return fail_at(c, seen.at, "U+0000 in a name");
	}
	buf_add(&c->names, &seen, sizeof(seen));
	skip_space(c);
	if (c->p == c->end || *c->p != ':')
		return fail_at(c, c->p, "colon expected");
	c->p++;
	return 0;
}

/* Any order does that puts equal names side by side; length first is fast. */
static int
by_name(const void *a, const void *b)
{
	const struct name_seen *x = a;
	const struct name_seen *y = b;

	if (x->s.n != y->s.n)
		return x->s.n < y->s.n ? -1 : 1;
	return memcmp(x->s.p, y->s.p, x->s.n);
}

static int
fail_twice(
    struct check *c, const struct name_seen *x, const struct name_seen *y)
{
	const struct name_seen *second = x->at > y->at ? x : y;
	size_t n = second->s.n > 80 ? 80 : second->s.n;

	return error_set(c->err, ERROR_BAD_REQUEST,
	    "invalid JSON at byte %zu: member \"%.*s\" occurs twice",
	    (size_t)(second->at - c->doc.p), (int)n, second->s.p);
}

static int
check_few(struct check *c, const struct name_seen *names, size_t n)
{
	size_t i;
	size_t j;

	for (i = 1; i < n; i++) {
		for (j = 0; j < i; j++)
			if (str_eq(names[i].s, names[j].s))
				return fail_twice(c, &names[i], &names[j]);
	}
	return 0;
}

static int
check_many(struct check *c, struct name_seen *names, size_t n)
{
	size_t i;

	qsort(names, n, sizeof(*names), by_name);
	for (i = 1; i < n; i++)
		if (by_name(&names[i - 1], &names[i]) == 0)
			return fail_twice(c, &names[i - 1], &names[i]);
	return 0;
}

static int
open_container(struct check *c, bool is_array)
{
	if (c->depth == JTREE_MAX_DEPTH)
		return fail_at(c, c->p, "nested too deep");
	c->is_array[c->depth] = is_array;
	c->first[c->depth] = c->names.n / sizeof(struct name_seen);
	c->depth++;
	c->p++;
	return 0;
}

static int
close_container(struct check *c)
{
	struct name_seen *names;
	size_t n;
	int rc;

	c->p++;
	c->depth--;
	if (c->is_array[c->depth])
		return 0;
	names = (struct name_seen *)(void *)c->names.p + c->first[c->depth];
	n = c->names.n / sizeof(*names) - c->first[c->depth];
	rc = n <= FEW_NAMES ? check_few(c, names, n) : check_many(c, names, n);
	c->names.n -= n * sizeof(*names);
	return rc;
}

static int
check_word(struct check *c)
{
	static const char *const words[] = { "true", "false", "null" };
	struct str rest = { .p = c->p, .n = (size_t)(c->end - c->p) };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_starts(rest, words[i])) {
			c->p += strlen(words[i]);
			return 0;
		}
	}
	return fail_at(c, c->p, "value expected");
}

/* The beginning of a container: up to where its first value must stand. */
static int
check_open(struct check *c, bool *open)
{
	bool is_array = *c->p == '[';

	if (open_container(c, is_array) != 0)
		return -1;
	skip_space(c);
	if (c->p < c->end && *c->p == (is_array ? ']' : '}'))
		return close_container(c);
	*open = true;
	return is_array ? 0 : check_name(c);
}

/* A value; of a container that is not empty only the beginning: ${*open}. */
static int
check_value(struct check *c, bool *open)
{
	bool escaped;

	*open = false;
	skip_space(c);
	if (c->p == c->end)
		return fail_at(c, c->p, "value expected");
	switch (*c->p) {
	case '"':
		return check_string(c, &escaped);
	case '{':
	case '[':
		return check_open(c, open);
	case 't':
	case 'f':
	case 'n':
		return check_word(c);
	default:
		return *c->p == '-' || is_digit(c)
		    ? check_number(c)
		    : fail_at(c, c->p, "value expected");
	}
}

/* What follows a value: close what ends there, or step to the next one. */
static int
check_next(struct check *c)
{
	bool is_array;

	while (c->depth > 0) {
		is_array = c->is_array[c->depth - 1];
		skip_space(c);
		if (c->p < c->end && *c->p == ',') {
			c->p++;
			return is_array ? 0 : check_name(c);
		}
		if (c->p == c->end || *c->p != (is_array ? ']' : '}')) {
			return fail_at(c, c->p,
			    is_array ? "comma or ] expected"
				     : "comma or } expected");
		}
		if (close_container(c) != 0)
			return -1;
	}
	return 0;
}

static int
check_document(struct check *c)
{
	bool open;

	do {
		if (check_value(c, &open) != 0 || (!open && check_next(c) != 0))
			return -1;
	} while (c->depth > 0);
	skip_space(c);
	return c->p == c->end ? 0 : fail_at(c, c->p, "more than one value");
}

int
jtext_check(struct str doc, struct error *err)
{
	struct check c = { .doc = doc, .err = err };
	int rc;

	if (doc.n == 0) {
		return error_set(
		    err, ERROR_BAD_REQUEST, "JSON expected, nothing found");
	}
	c.p = doc.p;
	c.end = doc.p + doc.n;
	buf_init(&c.names, SIZE_MAX / 2);
	rc = check_document(&c);
	buf_release(&c.names);
	arena_free(c.decoded);
	return rc;
}
