/* SPDX-License-Identifier: MIT */
#include "core/conf_read.h"

#include <stdio.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/chat.h"
#include "core/conf.h"
#include "core/jtree.h"
#include "core/otlp_headers.h"
#include "core/provider.h"
#include "core/zone.h"

#define MAX_WORDS_BYTES 256

/* Store ${n} bytes at the row's place, if it has one. */
static void
store(const struct conf_row *row, void *base, const void *value, size_t n)
{
	if (row->offset != CONF_NOWHERE)
		memcpy((char *)base + row->offset, value, n);
}

/* The string at ${at}; absent, after a complaint, for anything else. */
static struct str
text_at(struct conf_reader *r, const struct jnode *at)
{
	struct str s = jtree_value_str(at);

	if (s.p == NULL)
		conf_complain(r, at, "must be a string");
	else if (s.n == 0)
		conf_complain(r, at, "must not be empty");
	return s.n > 0 ? str_dup(r->arena, s) : STR_NONE;
}

static void
set_text(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	struct str s = text_at(r, at);

	store(row, base, &s, sizeof(s));
}

static void
set_path(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	struct str s = text_at(r, at);

	if (s.p != NULL && !str_is(s, "stderr"))
		s = str_of(conf_text_path(r, s));
	store(row, base, &s, sizeof(s));
}

static void
set_url(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	struct str s = text_at(r, at);

	if (s.p == NULL)
		return;
	if (!str_starts(s, "https://") && !str_starts(s, "http://"))
		conf_complain(r, at, "must begin with https:// or http://");
	while (s.n > 0 && s.p[s.n - 1] == '/')
		s.n--;
	s = str_dup(r->arena, s);
	store(row, base, &s, sizeof(s));
}

static void
set_bool(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	bool v = json_object_get_boolean(at->v) != 0;

	if (!json_object_is_type(at->v, json_type_boolean))
		conf_complain(r, at, "must be true or false");
	else
		store(row, base, &v, sizeof(v));
}

static void
set_number(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	bool whole = json_object_is_type(at->v, json_type_int);
	bool fraction_ok = row->type->scale > 1.0;
	double v = json_object_get_double(at->v);
	int64_t stored;

	if (!whole && !json_object_is_type(at->v, json_type_double)) {
		conf_complain(r, at, "must be a number");
	} else if (!whole && !fraction_ok) {
		conf_complain(r, at, "must be an integer");
	} else if (!(v >= row->min && v <= row->max)) {
		conf_complain(r, at, "must be between %.15g and %.15g",
		    row->min, row->max);
	} else {
		stored = (int64_t)(v * row->type->scale + 0.5);
		store(row, base, &stored, sizeof(stored));
	}
}

static void
set_zone(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	struct str s = text_at(r, at);

	if (s.p == NULL)
		return;
	r->conf->zone = zone_load(r->arena, s);
	if (r->conf->zone == NULL)
		conf_complain(r, at, "unknown time zone \"%.*s\"", STR_ARG(s));
	store(row, base, &s, sizeof(s));
}

/* The index of the word at ${at} in the row's list, or -1. */
static int
word_at(
    struct conf_reader *r, const struct conf_row *row, const struct jnode *at)
{
	struct conf_names names = { .wanted = text_at(r, at) };
	struct str rest = str_of(row->words), word;
	int i;

	if (names.wanted.p == NULL)
		return -1;
	names.all = buf_new(r->arena, MAX_WORDS_BYTES);
	for (i = 0; rest.p != NULL; i++) {
		rest = str_split(rest, ',', &word);
		word = str_trim(word);
		if (str_eq(word, names.wanted))
			return i;
		conf_names_add(&names, word);
	}
	conf_complain(r, at, "unknown value \"%.*s\", known: %s",
	    STR_ARG(names.wanted), names.all->p);
	return -1;
}

/* Enumerations follow the order of the row's words. */
_Static_assert(sizeof(enum log_level) == sizeof(int), "an enum is an int");

static void
set_word(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	int i = word_at(r, row, at);

	if (i >= 0)
		store(row, base, &i, sizeof(i));
}

/* Two words: the second one is true. */
static void
set_switch(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	bool v = word_at(r, row, at) == 1;

	store(row, base, &v, sizeof(v));
}

static void
set_list(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	struct name *list = NULL;
	struct jnode item;
	struct str s;
	size_t i;

	if (!json_object_is_type(at->v, json_type_array)) {
		conf_complain(r, at, "must be a list of strings");
		return;
	}
	for (i = 0; i < jtree_len(at); i++) {
		item = jtree_item(at, i);
		s = text_at(r, &item);
		if (s.p != NULL)
			name_add(r->arena, &list, s);
	}
	store(row, base, &list, sizeof(list));
}

static void
set_headers(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	struct header *list = NULL;
	struct str s = text_at(r, at);
	const char *wrong;

	if (s.p == NULL)
		return;
	wrong = otlp_headers(r->arena, s, &list);
	if (wrong != NULL)
		conf_complain(r, at, "%s", wrong);
	store(row, base, &s, sizeof(s));
}

static void
set_api(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	struct conf_names names = { .wanted = text_at(r, at) };
	const struct provider *const *api, *found;

	if (names.wanted.p == NULL)
		return;
	found = registry_api(r->registry, names.wanted);
	store(row, base, &found, sizeof(found));
	if (found != NULL)
		return;
	names.all = buf_new(r->arena, MAX_WORDS_BYTES);
	for (api = r->registry->apis; *api != NULL; api++)
		conf_names_add(&names, str_of((*api)->name));
	conf_complain(r, at, "unknown api \"%.*s\", known: %s",
	    STR_ARG(names.wanted), names.all->p);
}

static void
set_alias(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	struct conf_alias **end = &r->conf->aliases;
	struct conf_alias *alias = ARENA_NEW(r->arena, struct conf_alias);

	(void)row;
	(void)base;
	alias->name = str_dup(r->arena, str_of(at->key));
	alias->model = text_at(r, at);
	while (*end != NULL)
		end = &(*end)->next;
	*end = alias;
}

/* Money is exact, and a JSON number is not: complain about each one. */
static void
refuse_numbers(struct conf_reader *r, const struct jnode *at)
{
	struct jnode below = { .up = at };
	size_t i;

	if (json_object_is_type(at->v, json_type_double) ||
	    json_object_is_type(at->v, json_type_int)) {
		conf_complain(r, at, "must be a decimal string, such as \"%s\"",
		    json_object_get_string(at->v));
		return;
	}
	for (i = 0; i < jtree_len(at); i++) {
		below = jtree_item(at, i);
		refuse_numbers(r, &below);
	}
	if (!json_object_is_type(at->v, json_type_object))
		return;
	json_object_object_foreach(at->v, key, value)
	{
		below = (struct jnode){ .v = value, .up = at, .key = key };
		if (strcmp(key, "above") != 0)
			refuse_numbers(r, &below);
	}
}

/* The catalogue reads the prices (conf_vendor_model). */
static void
set_price(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	(void)row;
	(void)base;
	if (json_object_is_type(at->v, json_type_object) ||
	    json_object_is_type(at->v, json_type_array))
		refuse_numbers(r, at);
	else
		conf_complain(r, at, "must be an object, or a list of them");
}

static void
set_pair(struct conf_reader *r, const struct conf_row *row,
    const struct jnode *at, void *base)
{
	struct jnode one = jtree_item(at, 0), two = jtree_item(at, 1);

	(void)row;
	(void)base;
	if (jtree_len(at) != 2 || !json_object_is_type(one.v, json_type_int) ||
	    !json_object_is_type(two.v, json_type_int))
		conf_complain(r, at, "must be a list of two integers");
}

#define KB 1024.0

const struct conf_type conf_text_type = { "string", set_text, 0 };
const struct conf_type conf_secret_type = { "secret", set_text, 0 };
const struct conf_type conf_headers_type = { "secret", set_headers, 0 };
const struct conf_type conf_path_type = { "path", set_path, 0 };
const struct conf_type conf_url_type = { "URL", set_url, 0 };
const struct conf_type conf_bool_type = { "boolean", set_bool, 0 };
const struct conf_type conf_count_type = { "integer", set_number, 1 };
const struct conf_type conf_ms_type = { "milliseconds", set_number, 1 };
const struct conf_type conf_s_type = { "seconds", set_number, 1000 };
const struct conf_type conf_kb_type = { "kilobytes", set_number, KB };
const struct conf_type conf_mb_type = { "megabytes", set_number, KB *KB };
const struct conf_type conf_word_type = { NULL, set_word, 0 };
const struct conf_type conf_switch_type = { NULL, set_switch, 0 };
const struct conf_type conf_zone_type = { "time zone", set_zone, 0 };
const struct conf_type conf_list_type = { "list of strings", set_list, 0 };
const struct conf_type conf_api_type = { "wire format", set_api, 0 };
const struct conf_type conf_alias_type = { "string", set_alias, 0 };
const struct conf_type conf_pair_type = { "two integers", set_pair, 0 };
const struct conf_type conf_price_type = { "price", set_price, 0 };
