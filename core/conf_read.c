/* SPDX-License-Identifier: MIT */
#include "core/conf_read.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include <json-c/json_object.h>
#include <json-c/json_tokener.h>
#include <json-c/linkhash.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jtree.h"

#define MAX_NAME_LIST_BYTES 2048
#define MAX_COMPLAINTS      200 /* nobody reads on after so many */

void
conf_complain(
    struct conf_reader *r, const struct jnode *at, const char *fmt, ...)
{
	struct str path = jtree_path(r->arena, at);
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->n++;
	buf_addf(r->complaints, "%.*s%s%s\n", STR_ARG(path),
	    path.n > 0 ? ": " : "", text);
	error_set(r->err, ERROR_CONF, "%.*s%s%s", STR_ARG(path),
	    path.n > 0 ? ": " : "", text);
}

void
conf_names_add(struct conf_names *names, struct str s)
{
	size_t d = str_distance(names->wanted, s);

	if (names->best.p == NULL || d < names->distance) {
		names->best = s;
		names->distance = d;
	}
	buf_addf(
	    names->all, "%s%.*s", names->all->n > 0 ? ", " : "", STR_ARG(s));
}

const char *
conf_names_hint(const struct conf_names *names, struct arena *a)
{
	if (names->best.p != NULL && names->distance <= names->wanted.n / 3)
		return arena_printf(
		    a, "did you mean \"%.*s\"?", STR_ARG(names->best));
	return arena_printf(a, "known: %s", names->all->p);
}

/*
 * The part of ${row}'s key after ${prefix}, up to the next dot; absent where
 * the row does not belong under ${prefix}.
 */
static struct str
next_segment(const struct conf_row *row, struct str prefix)
{
	struct str rest = str_of(row->key), segment;

	if (prefix.n > 0) {
		if (rest.n <= prefix.n || rest.p[prefix.n] != '.' ||
		    memcmp(rest.p, prefix.p, prefix.n) != 0)
			return STR_NONE;
		rest = str_skip(rest, prefix.n + 1);
	}
	str_split(rest, '.', &segment);
	return segment;
}

/*
 * Step from ${prefix}, a piece of a schema key, to its member ${name}.
 *
 * Returns  a row below, or NULL; ${*out} is the piece of its key up to there.
 */
static const struct conf_row *
step(struct str prefix, struct str name, struct str *out)
{
	const struct conf_row *row;
	struct str s;

	for (row = conf_rows; row->key != NULL; row++) {
		s = next_segment(row, prefix);
		if (s.p == NULL || (!str_eq(s, name) && !isupper(s.p[0])))
			continue;
		out->p = row->key;
		out->n = (size_t)(s.p + s.n - row->key);
		return row;
	}
	return NULL;
}

static void
unknown_key(struct conf_reader *r, struct str prefix, const struct jnode *at)
{
	struct conf_names names = { .wanted = str_of(at->key) };
	const struct conf_row *row;
	struct str s, last = STR_NONE;

	names.all = buf_new(r->arena, MAX_NAME_LIST_BYTES);
	for (row = conf_rows; row->key != NULL; row++) {
		s = next_segment(row, prefix);
		if (s.p != NULL && !str_eq(s, last))
			conf_names_add(&names, s);
		last = s;
	}
	conf_complain(
	    r, at, "unknown key, %s", conf_names_hint(&names, r->arena));
}

static void read_object(struct conf_reader *r, const struct jnode *at,
    struct str prefix, void *base);

/* The schema has the members' types, the catalogue reads their values. */
static void
read_model(struct conf_reader *r, const struct jnode *at, struct str prefix)
{
	unsigned complaints = r->n;

	read_object(r, at, prefix, NULL);
	if (r->n == complaints)
		conf_vendor_model(r, at);
}

/* One member, whose schema key begins with ${prefix}. */
static void
read_member(struct conf_reader *r, const struct jnode *at, struct str prefix,
    void *base)
{
	const struct conf_row *row;
	struct str name = str_of(at->key), key = STR_NONE;

	row = step(prefix, name, &key);
	if (row == NULL)
		unknown_key(r, prefix, at);
	else if (at->v == NULL)
		return; /* null: as if it were not there */
	else if (row->key[key.n] == '\0')
		row->type->set(r, row, at, base);
	else if (str_is(key, "providers.NAME"))
		read_object(r, at, key, conf_vendor_add(r, name));
	else if (str_is(key, "experiments.NAME"))
		read_object(r, at, key, conf_experiment_add(r, at));
	else if (str_is(key, "models.PROVIDER/ID"))
		read_model(r, at, key);
	else
		read_object(r, at, key, base);
}

static void
read_object(struct conf_reader *r, const struct jnode *at, struct str prefix,
    void *base)
{
	struct jnode member = { .up = at };

	if (!json_object_is_type(at->v, json_type_object)) {
		conf_complain(r, at, "must be an object");
		return;
	}
	json_object_object_foreach(at->v, key, value)
	{
		if (r->n >= MAX_COMPLAINTS)
			return;
		member.key = key;
		member.v = value;
		read_member(r, &member, prefix, base);
	}
}

void
conf_read_document(struct conf_reader *r, const struct jnode *root)
{
	read_object(r, root, STR_NONE, r->conf);
}

/* Of sections with any number of entries each entry gets its own. */
static bool
belongs(const struct conf_row *row, const char *section)
{
	struct str key = str_of(row->key);

	if (section != NULL)
		return str_starts(key, section);
	return !str_starts(key, "providers.") &&
	    !str_starts(key, "experiments.");
}

void
conf_read_defaults(struct conf_reader *r, const char *section, void *base)
{
	struct jnode at = { 0 };
	const struct conf_row *row;

	for (row = conf_rows; row->key != NULL; row++) {
		if (row->fallback == NULL || row->fallback[0] == '(' ||
		    !belongs(row, section))
			continue;
		at.key = row->key;
		at.v = json_tokener_parse(row->fallback);
		row->type->set(r, row, &at, base);
		json_object_put(at.v);
	}
}
