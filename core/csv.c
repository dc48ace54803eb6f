/* SPDX-License-Identifier: MIT */
#include "core/csv.h"

#include "core/arena.h"
#include "core/error.h"

void
csv_init(struct csv *c, struct arena *a, struct str text)
{
	if (str_starts(text, "\xef\xbb\xbf"))
		text = str_skip(text, 3);
	*c = (struct csv){ .arena = a, .rest = text, .line = 1 };
}

static int
fail(const struct csv *c, const char *what, struct error *err)
{
	return error_set(err, ERROR_BAD_REQUEST, "line %zu: %s", c->line, what);
}

/* A field in quotes, without its quotes. */
static int
quoted(struct csv *c, struct str *field, struct error *err)
{
	char *out = arena_alloc(c->arena, c->rest.n + 1);
	size_t i, n = 0;

	for (i = 1; i < c->rest.n; i++) {
		if (c->rest.p[i] == '"' &&
		    (i + 1 == c->rest.n || c->rest.p[i + 1] != '"'))
			break;
		i += c->rest.p[i] == '"';
		out[n++] = c->rest.p[i];
		c->line += c->rest.p[i] == '\n';
	}
	if (i == c->rest.n)
		return fail(c, "a quote is not closed", err);
	*field = (struct str){ out, n };
	c->rest = str_skip(c->rest, i + 1);
	return 0;
}

static int
plain(struct csv *c, struct str *field, struct error *err)
{
	size_t n = 0;

	while (n < c->rest.n && memchr(",\r\n", c->rest.p[n], 3) == NULL) {
		if (c->rest.p[n] == '"')
			return fail(c, "a quote within a field", err);
		n++;
	}
	*field = (struct str){ c->rest.p, n };
	c->rest = str_skip(c->rest, n);
	return 0;
}

/* The end of a line, taken off. */
static bool
line_end(struct csv *c)
{
	size_t n = 0;

	if (str_starts(c->rest, "\r\n"))
		n = 2;
	else if (c->rest.n > 0 &&
	    (c->rest.p[0] == '\n' || c->rest.p[0] == '\r'))
		n = 1;
	c->rest = str_skip(c->rest, n);
	c->line += n > 0;
	return n > 0 || c->rest.n == 0;
}

int
csv_next(struct csv *c, struct csv_row *row, struct error *err)
{
	struct str *field;
	int rc;

	while (c->rest.n > 0 && line_end(c))
		continue;
	if (c->rest.n == 0)
		return 0;
	*row = (struct csv_row){ .line = c->line };
	for (;;) {
		if (row->n == CSV_MAX_FIELDS)
			return fail(c, "too many fields", err);
		field = &row->fields[row->n++];
		rc = c->rest.n > 0 && c->rest.p[0] == '"'
		    ? quoted(c, field, err)
		    : plain(c, field, err);
		if (rc != 0)
			return -1;
		if (line_end(c))
			return 1;
		if (c->rest.p[0] != ',')
			return fail(c, "text behind a quoted field", err);
		c->rest = str_skip(c->rest, 1);
	}
}
