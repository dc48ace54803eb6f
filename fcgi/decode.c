/* SPDX-License-Identifier: MIT */
#include "fcgi/decode.h"

#include <json-c/json_object_iterator.h>

#include "core/arena.h"
#include "core/cache_key.h"
#include "core/error.h"

#define EXACT_DOUBLE 0x1p53 /* integers below it are exact */

/* ---- objects ---- */

static bool
is_empty(const struct json_object *v)
{
	if (json_object_is_type(v, json_type_array))
		return json_object_array_length(v) == 0;
	if (json_object_is_type(v, json_type_object))
		return json_object_object_length(v) == 0;
	return v == NULL;
}

static bool
is_off(const struct json_object *v)
{
	if (json_object_is_type(v, json_type_boolean))
		return !json_object_get_boolean(v);
	return is_empty(v);
}

/* {} may well ask for something with its defaults. */
static bool
is_wanted(const struct json_object *v)
{
	return json_object_is_type(v, json_type_object) || !is_off(v);
}

/* A member's name as it may stand in a header line. */
static bool
is_plain(const char *name)
{
	const char *p;

	for (p = name; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~' || *p == ',' || p - name > 64)
			return false;
	}
	return p > name;
}

static void
lose(struct chat *chat, const char *label, const char *name)
{
	if (!is_plain(name))
		name = "*";
	if (label == NULL)
		chat_lose(chat, "%s", name);
	else
		chat_lose(chat, "%s.%s", label, name);
}

/* Members that say nothing beyond what they are read by or stand beside. */
static bool
says_nothing(const char *label, const char *name)
{
	static const char *const names[] = { "type", "content", "index",
		"include_obfuscation" };
	size_t i;

	if (label == NULL && cache_key_ignores(str_of(name)))
		return true;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* A member that is there for the same format only, if that. */
static void
pass_over(struct chat *chat, const char *label, const struct field *f,
    const struct json_object *v)
{
	bool beyond = chat->beyond || !says_nothing(label, f->name);

	if (f->kind == FIELD_LOSE && !is_off(v))
		lose(chat, label, f->name);
	chat->beyond = beyond;
}

static const struct field *
field_find(const struct field *table, const char *name)
{
	const struct field *f;

	for (f = table; f->name != NULL; f++) {
		if (strcmp(f->name, name) == 0)
			return f;
	}
	return NULL;
}

static void
lose_unknown(struct chat *chat, const struct jnode *obj,
    const struct field *table, const char *label)
{
	struct json_object_iterator it = json_object_iter_begin(obj->v);
	struct json_object_iterator end = json_object_iter_end(obj->v);
	struct json_object *value;
	const char *name;

	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		name = json_object_iter_peek_name(&it);
		value = json_object_iter_peek_value(&it);
		if (field_find(table, name) != NULL || value == NULL)
			continue;
		chat->beyond = true;
		if (!is_empty(value))
			lose(chat, label, name);
	}
}

/* Whole numbers that a double does not hold are there in the bytes only. */
static int
read_number(struct chat *chat, const struct jnode *obj, const char *name,
    struct opt_double *out, struct error *err)
{
	out->set = true;
	if (jtree_double(obj, name, JTREE_REQUIRED, &out->v, err) < 0)
		return -1;
	chat->beyond |= out->v >= EXACT_DOUBLE || out->v <= -EXACT_DOUBLE;
	return 0;
}

static int
read_count(const struct jnode *obj, const struct jnode *v, int64_t *out,
    struct error *err)
{
	if (jtree_i64(obj, v->key, JTREE_REQUIRED, out, err) < 0)
		return -1;
	if (*out < 1)
		return jtree_fail(v, err, "must be at least 1");
	return 0;
}

static int
read_filled(const struct jnode *obj, const struct field *f, struct str *out,
    struct error *err)
{
	struct jnode at;

	if (jtree_str(obj, f->name, f->need, out, err) < 0)
		return -1;
	if (!jtree_find(obj, f->name, &at) || out->n > 0)
		return 0;
	return jtree_fail(&at, err, "must not be empty");
}

static int
read_field(struct chat *chat, const struct jnode *obj, const struct field *f,
    const struct jnode *v, void *into, struct error *err)
{
	void *out = (char *)into + f->offset;

	switch (f->kind) {
	case FIELD_STR:
		return jtree_str(obj, f->name, f->need, out, err);
	case FIELD_NAME:
		return read_filled(obj, f, out, err);
	case FIELD_BOOL:
		return jtree_bool(obj, f->name, f->need, out, err);
	case FIELD_COUNT:
		return read_count(obj, v, out, err);
	case FIELD_NUMBER:
		return read_number(chat, obj, f->name, out, err);
	case FIELD_READ:
		return f->read(chat, out, v, err);
	case FIELD_REFUSE:
		return is_wanted(v->v) ? jtree_fail(v, err, "%s", f->why) : 0;
	case FIELD_SKIP:
	case FIELD_LOSE:
		break;
	}
	return 0;
}

int
decode_object(struct chat *chat, const struct jnode *obj,
    const struct field *table, const char *label, void *into, struct error *err)
{
	const struct field *f;
	struct jnode v;

	if (!json_object_is_type(obj->v, json_type_object))
		return jtree_fail(obj, err, "must be an object");
	for (f = table; f->name != NULL; f++) {
		if (!jtree_find(obj, f->name, &v)) {
			if (f->need == JTREE_REQUIRED)
				return jtree_fail(&v, err, "is required");
			continue;
		}
		if (read_field(chat, obj, f, &v, into, err) < 0)
			return -1;
		if (f->kind >= FIELD_SKIP && f->kind <= FIELD_REFUSE)
			pass_over(chat, label, f, v.v);
	}
	lose_unknown(chat, obj, table, label);
	return 0;
}

int
decode_items(struct chat *chat, void *into, const struct jnode *v,
    field_fn *read, struct error *err)
{
	struct jnode item;
	size_t i;

	if (!json_object_is_type(v->v, json_type_array))
		return jtree_fail(v, err, "must be an array");
	for (i = 0; i < jtree_len(v); i++) {
		item = jtree_item(v, i);
		if (read(chat, into, &item, err) < 0)
			return -1;
	}
	return 0;
}

int
decode_shared(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct shared *s, **at = &chat->shared;

	(void)into;
	(void)err;
	if (is_off(v->v))
		return 0;
	s = ARENA_NEW(chat->arena, struct shared);
	s->name = str_dup(chat->arena, str_of(v->key));
	s->path = jtree_path(chat->arena, v);
	s->raw = jtree_text(chat->arena, v);
	while (*at != NULL)
		at = &(*at)->next;
	*at = s;
	return 0;
}

/* ---- content ---- */

struct part *
decode_part(struct chat *chat, struct part **list, enum part_kind kind,
    const struct jnode *at)
{
	struct part *part = chat_part(chat, list, kind);

	part->path = jtree_path(chat->arena, at);
	return part;
}

int
decode_type(const struct jnode *obj, struct str *type, struct error *err)
{
	if (!json_object_is_type(obj->v, json_type_object))
		return jtree_fail(obj, err, "must be an object");
	return jtree_str(obj, "type", JTREE_REQUIRED, type, err);
}

static const struct part_type *
type_find(const struct part_type *types, struct str name)
{
	const struct part_type *t;
	size_t n;

	for (t = types; t->name != NULL; t++) {
		n = strlen(t->name);
		if (str_is(name, t->name))
			return t;
		if (t->name[n - 1] == '*' && name.p != NULL &&
		    name.n >= n - 1 && memcmp(name.p, t->name, n - 1) == 0)
			return t;
	}
	return NULL;
}

static int
read_part(struct chat *chat, struct part **list, const struct jnode *obj,
    const struct part_type *types, enum speaker who, struct error *err)
{
	const struct part_type *t;
	struct str name = STR_NONE;
	struct jnode at;

	if (decode_type(obj, &name, err) < 0)
		return -1;
	(void)jtree_find(obj, "type", &at);
	t = type_find(types, name);
	if (t == NULL)
		return jtree_fail(
		    &at, err, "unknown content part \"%.*s\"", STR_ARG(name));
	if (t->read == NULL)
		return jtree_fail(&at, err,
		    "content part \"%.*s\" is not available on this provider",
		    STR_ARG(name));
	if ((t->speakers & who) == 0)
		return jtree_fail(&at, err,
		    "content part \"%.*s\" is not allowed here", STR_ARG(name));
	return t->read(chat, list, obj, err);
}

int
decode_content(struct chat *chat, struct part **list, const struct jnode *v,
    const struct part_type *types, enum speaker who, struct error *err)
{
	struct str text = jtree_value_str(v);
	struct jnode item;
	size_t i;

	if (text.p != NULL) {
		decode_part(chat, list, PART_TEXT, v)->text = text;
		return 0;
	}
	if (!json_object_is_type(v->v, json_type_array))
		return jtree_fail(v, err, "must be a string or an array");
	for (i = 0; i < jtree_len(v); i++) {
		item = jtree_item(v, i);
		if (read_part(chat, list, &item, types, who, err) < 0)
			return -1;
	}
	return 0;
}
