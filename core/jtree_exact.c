/* SPDX-License-Identifier: MIT */
/*
 * json-c cuts whole numbers to 64 bits.  The tree is walked beside the text
 * it came from, which happens only where that has a number of so many digits,
 * and what was cut becomes a number that is written as it was spelt.
 */
#include <ctype.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "core/buf.h"
#include "core/jtext.h"
#include "core/jtree.h"

#define LONG_DIGITS 19 /* what has fewer fits */

static bool
is_digit(struct str s, size_t i)
{
	return i < s.n && isdigit((unsigned char)s.p[i]);
}

/* So many in a row stand on one of each so many places. */
static bool
has_long_number(struct str text)
{
	size_t i, from, to;

	for (i = LONG_DIGITS - 1; i < text.n; i += LONG_DIGITS) {
		for (from = i; from > 0 && is_digit(text, from - 1); from--)
			continue;
		for (to = i; is_digit(text, to); to++)
			continue;
		if (is_digit(text, i) && to - from >= LONG_DIGITS)
			return true;
	}
	return false;
}

static bool
is_cut(struct json_object *v)
{
	return json_object_is_type(v, json_type_int) &&
	    (json_object_get_uint64(v) == UINT64_MAX ||
		json_object_get_int64(v) == INT64_MIN);
}

static bool
is_whole(struct str raw)
{
	size_t i = raw.n > 0 && raw.p[0] == '-';

	while (is_digit(raw, i))
		i++;
	return i == raw.n;
}

static struct json_object *
spelt(struct str raw)
{
	struct json_object *v;
	struct buf text;

	buf_init(&text, raw.n + 1);
	buf_adds(&text, raw);
	v = json_object_new_double_s(strtod(text.p, NULL), text.p);
	buf_release(&text);
	return v;
}

static void walk(struct json_object *v, struct str raw);

static void
walk_object(struct json_object *v, struct str raw)
{
	struct str name, value;
	size_t pos = 0;

	json_object_object_foreach(v, key, child)
	{
		if (!jtext_member(raw, &pos, &name, &value) ||
		    !jtext_is_name(name, str_of(key)))
			return;
		if (is_cut(child) && is_whole(value))
			(void)json_object_object_add(v, key, spelt(value));
		else
			walk(child, value);
	}
}

static void
walk_array(struct json_object *v, struct str raw)
{
	size_t n = json_object_array_length(v), pos = 0, i;
	struct json_object *child;
	struct str value;

	for (i = 0; i < n && jtext_item(raw, &pos, &value); i++) {
		child = json_object_array_get_idx(v, i);
		if (is_cut(child) && is_whole(value))
			(void)json_object_array_put_idx(v, i, spelt(value));
		else
			walk(child, value);
	}
}

/* Recurses as deep as the tree, which its reader has limited. */
static void
walk(struct json_object *v, struct str raw)
{
	if (json_object_is_type(v, json_type_object))
		walk_object(v, raw);
	else if (json_object_is_type(v, json_type_array))
		walk_array(v, raw);
}

void
jtree_exact(struct json_object *v, struct str text)
{
	if (has_long_number(text))
		walk(v, text);
}
