/* SPDX-License-Identifier: MIT */
/* Parameters and members by table: what nobody knows is an error. */
#include "fcgi/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/linkhash.h>

#include "core/arena.h"
#include "core/chat.h"
#include "core/clock.h"
#include "core/money.h"
#include "fcgi/exchange.h"

#define MAX_TEXT_BYTES 512
#define MAX_NAMES      200
#define SHOWN_BYTES    80

static const char *const wants[] = {
	[ADMIN_TEXT] = "must be text, not too long, without control characters",
	[ADMIN_FLAG] = "must be true or false",
	[ADMIN_COUNT] = "must be a whole number in range",
	[ADMIN_TIME] = "must be a date or an RFC 3339 time",
	[ADMIN_USD] = "must be an amount in USD, such as \"12.50\"",
	[ADMIN_SHARE] = "must be a number from 0 to 1",
	[ADMIN_NAMES] = "must be a list of at most 200 names",
	[ADMIN_NODE] = "must be an object",
};

static int
unknown(struct error *err, const char *what, struct str name,
    const struct admin_opt *opts, size_t n)
{
	char known[200] = "none";
	size_t i, at = 0;

	for (i = 0; i < n && at < sizeof(known); i++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s",
		    i > 0 ? ", " : "", opts[i].name);
	error_set(err, ERROR_BAD_REQUEST, "there is no %s \"%.*s\"; known: %s",
	    what, name.n > SHOWN_BYTES ? SHOWN_BYTES : (int)name.n, name.p,
	    known);
	snprintf(err->param, sizeof(err->param), "%.*s",
	    name.n > SHOWN_BYTES ? SHOWN_BYTES : (int)name.n, name.p);
	return -1;
}

static bool
is_text(struct str s, int64_t max)
{
	size_t i;

	if (max != 0)
		return s.n <= (size_t)max;
	for (i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return s.n <= MAX_TEXT_BYTES;
}

static int
read_share(struct str s, double *out)
{
	char text[40], *end;

	if (s.n == 0 || s.n >= sizeof(text))
		return -1;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*out = strtod(text, &end);
	return *end == '\0' && *out >= 0 && *out <= 1 ? 0 : -1;
}

/* What all but lists and objects are, as text. */
static int
read_text(const struct admin_opt *o, struct str s, int64_t least)
{
	bool yes = str_is(s, "true") || str_is(s, "1");

	switch (o->kind) {
	case ADMIN_TEXT:
		*(struct str *)o->value = s;
		return is_text(s, o->max) ? 0 : -1;
	case ADMIN_FLAG:
		*(bool *)o->value = yes;
		return yes || str_is(s, "false") || str_is(s, "0") ? 0 : -1;
	case ADMIN_COUNT:
		return str_i64(
		    s, least, o->max != 0 ? o->max : INT64_MAX / 2, o->value);
	case ADMIN_TIME:
		return clock_parse(s, o->value);
	case ADMIN_USD:
		return money_parse(s, PUSD_PER_USD, o->value);
	case ADMIN_SHARE:
		return read_share(s, o->value);
	case ADMIN_NAMES:
	case ADMIN_NODE:
		break;
	}
	return -1;
}

static struct admin_opt *
find(struct admin_opt *opts, size_t n, struct str name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (str_is(name, opts[i].name))
			return &opts[i];
	return NULL;
}

static int
check_required(struct error *err, const struct admin_opt *opts, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (opts[i].required && !opts[i].given)
			return error_param(err, opts[i].name, "is required");
	return 0;
}

static int
digit(char c)
{
	const char *all = "0123456789abcdef0123456789ABCDEF", *at;

	at = c != '\0' ? strchr(all, c) : NULL;
	return at != NULL ? (int)(at - all) % 16 : -1;
}

/* application/x-www-form-urlencoded; -1 for a broken escape. */
static int
decode(struct arena *a, struct str s, struct str *out)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t i, n = 0;

	for (i = 0; i < s.n; i++) {
		p[n] = s.p[i] == '+' ? ' ' : s.p[i];
		if (s.p[i] == '%') {
			if (i + 2 >= s.n || digit(s.p[i + 1]) < 0 ||
			    digit(s.p[i + 2]) < 0)
				return -1;
			p[n] =
			    (char)(digit(s.p[i + 1]) * 16 + digit(s.p[i + 2]));
			i += 2;
		}
		n++;
	}
	*out = (struct str){ .p = p, .n = n };
	return 0;
}

static int
take_pair(struct admin *ad, struct str pair, struct admin_opt *opts, size_t n)
{
	struct admin_opt *o;
	struct str name, value = str_split(pair, '=', &name);

	if (decode(ad->x->arena, name, &name) != 0 ||
	    decode(ad->x->arena, value, &value) != 0)
		return error_set(&ad->err, ERROR_BAD_REQUEST,
		    "the query has a broken %% escape");
	o = find(opts, n, name);
	if (o == NULL)
		return unknown(&ad->err, "parameter", name, opts, n);
	if (o->given)
		return error_param(&ad->err, o->name, "is given twice");
	o->given = true;
	return read_text(o, value, 1) == 0
	    ? 0
	    : error_param(&ad->err, o->name, wants[o->kind]);
}

int
admin_query(struct admin *ad, struct admin_opt *opts, size_t n)
{
	struct str rest = ad->x->in.query, pair;

	while (rest.n > 0) {
		rest = str_split(rest, '&', &pair);
		if (pair.n > 0 && take_pair(ad, pair, opts, n) != 0)
			return -1;
	}
	return check_required(&ad->err, opts, n);
}

static int
read_names(struct admin *ad, const struct jnode *at, struct name **out)
{
	struct jnode item;
	struct str s;
	size_t i, n = jtree_len(at);

	if (json_object_get_type(at->v) != json_type_array || n > MAX_NAMES)
		return -1;
	*out = NULL;
	for (i = 0; i < n; i++) {
		item = jtree_item(at, i);
		s = jtree_value_str(&item);
		if (s.n == 0 || !is_text(s, 0))
			return -1;
		name_add(ad->x->arena, out, s);
	}
	return 0;
}

/* The JSON types that a kind takes, as bits. */
static unsigned
types_of(enum admin_kind kind)
{
	static const unsigned types[] = {
		[ADMIN_TEXT] = 1u << json_type_string,
		[ADMIN_FLAG] = 1u << json_type_boolean,
		[ADMIN_COUNT] = 1u << json_type_int,
		[ADMIN_TIME] = 1u << json_type_string,
		[ADMIN_USD] = 1u << json_type_string | 1u << json_type_int |
		    1u << json_type_double,
		[ADMIN_SHARE] = 1u << json_type_int | 1u << json_type_double,
		[ADMIN_NAMES] = 1u << json_type_array,
		[ADMIN_NODE] = 1u << json_type_object,
	};

	return types[kind];
}

static void
set_none(const struct admin_opt *o)
{
	static const size_t sizes[] = {
		[ADMIN_TEXT] = sizeof(struct str),
		[ADMIN_FLAG] = sizeof(bool),
		[ADMIN_COUNT] = sizeof(int64_t),
		[ADMIN_TIME] = sizeof(int64_t),
		[ADMIN_USD] = sizeof(int64_t),
		[ADMIN_SHARE] = 0,
		[ADMIN_NAMES] = sizeof(struct name *),
		[ADMIN_NODE] = sizeof(struct jnode),
	};

	memset(o->value, 0, sizes[o->kind]);
	if (o->kind == ADMIN_SHARE)
		*(double *)o->value = -1;
}

static int
read_member(
    struct admin *ad, const struct jnode *node, const struct admin_opt *o)
{
	struct str s = jtree_value_str(node);

	if ((types_of(o->kind) & 1u << json_object_get_type(node->v)) == 0)
		return -1;
	if (o->kind == ADMIN_NAMES)
		return read_names(ad, node, o->value);
	if (o->kind == ADMIN_NODE) {
		*(struct jnode *)o->value = *node;
		return 0;
	}
	if (s.p == NULL)
		s = jtree_text(ad->x->arena, node);
	return read_text(o, s, 0);
}

int
admin_body(
    struct admin *ad, const struct jnode *at, struct admin_opt *opts, size_t n)
{
	struct admin_opt *o;
	struct jnode node;

	if (json_object_get_type(at->v) != json_type_object)
		return error_set(&ad->err, ERROR_BAD_REQUEST,
		    "the body must be a JSON object");
	json_object_object_foreach(at->v, name, value)
	{
		o = find(opts, n, str_of(name));
		if (o == NULL)
			return unknown(
			    &ad->err, "member", str_of(name), opts, n);
		o->given = value != NULL || !o->required;
		node = (struct jnode){ value, at, o->name, 0 };
		if (value == NULL)
			set_none(o);
		else if (read_member(ad, &node, o) != 0)
			return jtree_fail(
			    &node, &ad->err, "%s", wants[o->kind]);
	}
	return check_required(&ad->err, opts, n);
}
