/* SPDX-License-Identifier: MIT */
#include "core/bill.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/bill_format.h"
#include "core/clock.h"
#include "core/csv.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/price.h"

#define DAY_US     INT64_C(86400000000)
#define SECOND_US  INT64_C(1000000)
#define NAME_BYTES 128

/* A line while it is read. */
struct reading {
	struct arena *arena;
	const struct bill_export *export;
	struct bill *bill;
	const struct bill_format *format;
	struct bill_line **tail;
	char place[64];           /* "line 3", "data.1.results.0" */
	int64_t start_us, end_us; /* of the line's time; 0: not said */
	struct bill_line line;
	bool empty; /* nothing but a time */
	struct error *err;
};

static int
fail(struct reading *r, const char *name, const char *what)
{
	return error_set(
	    r->err, ERROR_BAD_REQUEST, "%s: %s: %s", r->place, name, what);
}

/* What is added up: amounts of money may be negative, counts may not. */
static const struct {
	int64_t scale; /* 0: a count */
	size_t at;
} amounts[] = {
	[BILL_USD] = { PUSD_PER_USD, offsetof(struct bill_line, cost_pusd) },
	[BILL_CENTS] = { PUSD_PER_USD / 100,
	    offsetof(struct bill_line, cost_pusd) },
	[BILL_REQUESTS] = { 0, offsetof(struct bill_line, requests) },
	[BILL_INPUT] = { 0, offsetof(struct bill_line, input_tokens) },
	[BILL_OUTPUT] = { 0, offsetof(struct bill_line, output_tokens) },
};

static int
add(struct reading *r, const struct bill_column *c, struct str text)
{
	union {
		struct bill_line *line;
		char *bytes;
		int64_t *sum;
	} to = { .line = &r->line };
	int64_t v, scale = amounts[c->role].scale;
	int rc;

	to.bytes += amounts[c->role].at;
	rc = scale != 0 ? bill_amount(text, scale, &v)
			: str_i64(text, 0, INT64_MAX, &v);
	if (rc != 0 || __builtin_add_overflow(*to.sum, v, to.sum))
		return fail(r, c->name, "no number in range");
	return 0;
}

static int
read_time(struct reading *r, const struct bill_column *c, struct str text,
    int64_t *us)
{
	int64_t s;

	if (c->role == BILL_TIME || c->role == BILL_TIME_END)
		return clock_parse(text, us) == 0 ? 0
						  : fail(r, c->name, "no time");
	if (str_i64(text, 1, INT64_MAX / SECOND_US, &s) != 0)
		return fail(r, c->name, "no time in seconds");
	*us = s * SECOND_US;
	return 0;
}

static int
set_text(struct reading *r, const struct bill_column *c, struct str text)
{
	struct str name = text;

	if (c->role == BILL_CURRENCY)
		return str_is(text, "usd") || str_is(text, "USD")
		    ? 0
		    : fail(r, c->name, "amounts must be in USD");
	if (c->role == BILL_KEY) {
		r->line.key = str_dup(r->arena, text);
		r->bill->has_keys = true;
		return 0;
	}
	if (c->role == BILL_LINE_ITEM)
		(void)str_split(text, ',', &name);
	r->line.model = bill_model(r->arena, str_trim(name));
	return 0;
}

/* One value; empty ones say nothing. */
static int
set(struct reading *r, const struct bill_column *c, struct str text)
{
	if (text.n == 0 || c->role == BILL_IGNORED)
		return 0;
	if (c->role == BILL_UNIX || c->role == BILL_TIME)
		return read_time(r, c, text, &r->start_us);
	if (c->role == BILL_UNIX_END || c->role == BILL_TIME_END)
		return read_time(r, c, text, &r->end_us);
	r->empty = false;
	return c->role >= BILL_USD ? add(r, c, text) : set_text(r, c, text);
}

static void
begin_line(struct reading *r)
{
	r->line = (struct bill_line){ .model = STR_NONE };
	r->empty = true;
}

static int
end_line(struct reading *r)
{
	char text[CLOCK_TEXT_BYTES];
	struct bill_line *line;

	if (r->start_us == 0)
		return fail(r, "time", "not given");
	if (r->end_us != 0 &&
	    (r->end_us <= r->start_us ||
		(r->end_us - 1) / DAY_US != r->start_us / DAY_US))
		return fail(r, "time", "must lie within one day, UTC");
	if (r->empty)
		return 0;
	line = ARENA_NEW(r->arena, struct bill_line);
	*line = r->line;
	snprintf(line->day, sizeof(line->day), "%.10s",
	    clock_text(r->start_us, text));
	*r->tail = line;
	r->tail = &line->next;
	r->bill->n++;
	return 0;
}

static const struct bill_column *
find_column(const struct bill_column *columns, struct str name)
{
	for (; columns->name != NULL; columns++)
		if (str_is(name, columns->name))
			return columns;
	return NULL;
}

static void
choose(struct reading *r, const struct bill_format *f)
{
	const struct bill_column *c;

	r->format = f;
	r->bill->format = f->name;
	for (c = f->columns; c->name != NULL; c++) {
		r->bill->has_cost = r->bill->has_cost || c->role == BILL_USD ||
		    c->role == BILL_CENTS;
		r->bill->has_requests =
		    r->bill->has_requests || c->role == BILL_REQUESTS;
	}
}

/* --- CSV --- */

static bool
csv_has(const struct csv_row *head, const char *name)
{
	size_t i;

	for (i = 0; i < head->n; i++)
		if (str_is(head->fields[i], name))
			return true;
	return false;
}

/* The first column that ${f} needs and ${head} lacks, or NULL. */
static const char *
csv_lacks(const struct bill_format *f, const struct csv_row *head)
{
	const struct bill_column *c;

	for (c = f->columns; c->name != NULL; c++)
		if (c->required && !csv_has(head, c->name))
			return c->name;
	return NULL;
}

static int
csv_choose(struct reading *r, const struct csv_row *head)
{
	const struct bill_format *f;
	const char *lacks = "any column";
	size_t i, k;

	for (f = r->export->formats->list; f->name != NULL; f++) {
		if (f->json || !str_is(r->export->vendor, f->vendor))
			continue;
		lacks = csv_lacks(f, head);
		if (lacks == NULL)
			break;
	}
	if (f->name == NULL)
		return error_set(r->err, ERROR_BAD_REQUEST,
		    "no export of %.*s: among others it lacks the column %s",
		    STR_ARG(r->export->vendor), lacks);
	choose(r, f);
	for (i = 0; i < head->n; i++) {
		if (find_column(f->columns, head->fields[i]) == NULL)
			return error_set(r->err, ERROR_BAD_REQUEST,
			    "%s: column \"%.*s\" is not known", f->name,
			    STR_ARG(head->fields[i]));
		for (k = 0; k < i; k++)
			if (str_eq(head->fields[i], head->fields[k]))
				return error_set(r->err, ERROR_BAD_REQUEST,
				    "%s: two columns \"%.*s\"", f->name,
				    STR_ARG(head->fields[i]));
	}
	return 0;
}

static int
csv_line(
    struct reading *r, const struct csv_row *head, const struct csv_row *row)
{
	size_t i;

	snprintf(r->place, sizeof(r->place), "line %zu", row->line);
	if (row->n != head->n)
		return fail(r, "fields", "not as many as columns");
	begin_line(r);
	r->start_us = r->end_us = 0;
	for (i = 0; i < row->n; i++)
		if (set(r, find_column(r->format->columns, head->fields[i]),
			row->fields[i]) != 0)
			return -1;
	return end_line(r);
}

static int
read_csv(struct reading *r, struct str text)
{
	struct csv csv;
	struct csv_row head, row;
	int rc;

	csv_init(&csv, r->arena, text);
	rc = csv_next(&csv, &head, r->err);
	if (rc != 1)
		return rc < 0
		    ? -1
		    : error_set(r->err, ERROR_BAD_REQUEST, "the file is empty");
	if (csv_choose(r, &head) != 0)
		return -1;
	while ((rc = csv_next(&csv, &row, r->err)) == 1)
		if (csv_line(r, &head, &row) != 0)
			return -1;
	return rc;
}

/* --- JSON --- */

/* A value as text: null is empty. */
static struct str
json_text(struct reading *r, struct str raw)
{
	struct str s = jtext_string(r->arena, raw);

	if (s.p != NULL)
		return s;
	return str_is(raw, "null") ? STR("") : raw;
}

/* Members of ${obj}, below ${prefix}, that nobody knows. */
static int
check_members(struct reading *r, const struct bill_column *columns,
    struct str obj, const char *prefix)
{
	struct str name, value;
	size_t pos = 0;
	char path[NAME_BYTES];

	while (jtext_member(obj, &pos, &name, &value)) {
		snprintf(path, sizeof(path), "%s%.*s", prefix, (int)name.n - 2,
		    name.p + 1);
		if (value.p[0] == '{' && prefix[0] == '\0') {
			snprintf(path, sizeof(path), "%.*s.", (int)name.n - 2,
			    name.p + 1);
			if (check_members(r, columns, value, path) != 0)
				return -1;
		} else if (value.p[0] == '{' ||
		    (find_column(columns, str_of(path)) == NULL &&
			!str_is(value, "null"))) {
			return fail(r, path, "is not known");
		}
	}
	return 0;
}

static int
json_set(struct reading *r, const struct bill_column *columns, struct str obj)
{
	const struct bill_column *c;
	struct str raw;

	if (obj.n == 0 || obj.p[0] != '{')
		return fail(r, "it", "must be an object");
	if (check_members(r, columns, obj, "") != 0)
		return -1;
	for (c = columns; c->name != NULL; c++) {
		if (!jtext_get(obj, c->name, &raw)) {
			if (c->required)
				return fail(r, c->name, "is missing");
			continue;
		}
		if (set(r, c, json_text(r, raw)) != 0)
			return -1;
	}
	return 0;
}

/* The format is that of the first line. */
static int
json_choose(struct reading *r, struct str line)
{
	const struct bill_format *f;
	const struct bill_column *c;
	struct str raw;

	for (f = r->export->formats->list; f->name != NULL; f++) {
		if (!f->json || !str_is(r->export->vendor, f->vendor))
			continue;
		for (c = f->columns; c->name != NULL; c++)
			if (c->required && !jtext_get(line, c->name, &raw))
				break;
		if (c->name == NULL) {
			choose(r, f);
			return 0;
		}
	}
	return error_set(r->err, ERROR_BAD_REQUEST,
	    "%s: no line of a cost or usage export of %.*s", r->place,
	    STR_ARG(r->export->vendor));
}

static int
json_bucket(struct reading *r, struct str bucket, size_t at)
{
	struct str results, line;
	size_t pos = 0, n;

	snprintf(r->place, sizeof(r->place), "data[%zu]", at);
	r->start_us = r->end_us = 0;
	begin_line(r);
	if (json_set(r, r->export->formats->bucket, bucket) != 0)
		return -1;
	if (!jtext_get(bucket, "results", &results) || results.p[0] != '[')
		return fail(r, "results", "must be a list");
	for (n = 0; jtext_item(results, &pos, &line); n++) {
		snprintf(r->place, sizeof(r->place), "data[%zu].results[%zu]",
		    at, n);
		if (r->format == NULL && json_choose(r, line) != 0)
			return -1;
		begin_line(r);
		if (json_set(r, r->format->columns, line) != 0 ||
		    end_line(r) != 0)
			return -1;
	}
	return 0;
}

static int
json_page(struct reading *r, struct str page, bool last)
{
	struct str data, more, bucket;
	size_t pos = 0, n;

	if (!jtext_get(page, "data", &data) || data.p[0] != '[')
		return error_set(r->err, ERROR_BAD_REQUEST,
		    "no export of %.*s: a list \"data\" is missing",
		    STR_ARG(r->export->vendor));
	if (last && jtext_get(page, "has_more", &more) && str_is(more, "true"))
		return error_set(r->err, ERROR_BAD_REQUEST,
		    "the export goes on (has_more): fetch all pages, and put "
		    "them in one list");
	for (n = 0; jtext_item(data, &pos, &bucket); n++)
		if (json_bucket(r, bucket, n) != 0)
			return -1;
	return 0;
}

/* One page, or a list of them. */
static int
read_json(struct reading *r, struct str text)
{
	struct str page, next;
	size_t pos = 0;
	bool more;

	if (jtext_check(text, r->err) != 0)
		return -1;
	if (text.p[0] == '{')
		return json_page(r, text, true);
	more = jtext_item(text, &pos, &page);
	while (more) {
		more = jtext_item(text, &pos, &next);
		if (json_page(r, page, !more) != 0)
			return -1;
		page = next;
	}
	return 0;
}

int
bill_read(struct arena *a, const struct bill_export *x, struct bill *bill,
    struct error *err)
{
	struct reading r = { .arena = a,
		.export = x,
		.bill = bill,
		.tail = &bill->lines,
		.err = err };
	struct str text = str_trim(x->text);

	*bill = (struct bill){ .n = 0 };
	if (text.n > 0 && (text.p[0] == '{' || text.p[0] == '['))
		return read_json(&r, text);
	return read_csv(&r, text);
}

const char *
bill_vendors(
    struct arena *a, const struct bill_formats *formats, struct str vendor)
{
	const struct bill_format *f;
	const char *all = "", *last = "";

	for (f = formats->list; f->name != NULL; f++) {
		if (str_is(vendor, f->vendor))
			return NULL;
		if (strcmp(f->vendor, last) != 0)
			all = arena_printf(a, "%s%s%s", all,
			    *all != '\0' ? " or " : "", f->vendor);
		last = f->vendor;
	}
	return all;
}
