/* SPDX-License-Identifier: MIT */
#include "providers/schema.h"

#include <json-c/json.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/jtree.h"
#include "core/jw.h"

#define MAX_BYTES ((size_t)256 << 20)

/* How deep we write: jw has a limit of its own. */
#define MAX_DEPTH (JW_MAX_DEPTH - 2)

/* What stands behind a keyword. */
enum holds {
	HOLDS_VALUE,
	HOLDS_SCHEMA, /* or a list of them, or true or false */
	HOLDS_MAP,    /* of names to schemas */
	HOLDS_LIMIT   /* that Claude's constrained output does not know */
};

static const struct {
	const char *word;
	enum holds holds;
} keywords[] = {
	{ "$defs", HOLDS_MAP },
	{ "additionalProperties", HOLDS_SCHEMA },
	{ "allOf", HOLDS_SCHEMA },
	{ "anyOf", HOLDS_SCHEMA },
	{ "contains", HOLDS_LIMIT },
	{ "definitions", HOLDS_MAP },
	{ "dependentRequired", HOLDS_LIMIT },
	{ "dependentSchemas", HOLDS_LIMIT },
	{ "else", HOLDS_LIMIT },
	{ "exclusiveMaximum", HOLDS_LIMIT },
	{ "exclusiveMinimum", HOLDS_LIMIT },
	{ "if", HOLDS_LIMIT },
	{ "items", HOLDS_SCHEMA },
	{ "maxContains", HOLDS_LIMIT },
	{ "maxItems", HOLDS_LIMIT },
	{ "maxLength", HOLDS_LIMIT },
	{ "maxProperties", HOLDS_LIMIT },
	{ "maximum", HOLDS_LIMIT },
	{ "minContains", HOLDS_LIMIT },
	{ "minItems", HOLDS_LIMIT },
	{ "minLength", HOLDS_LIMIT },
	{ "minProperties", HOLDS_LIMIT },
	{ "minimum", HOLDS_LIMIT },
	{ "multipleOf", HOLDS_LIMIT },
	{ "not", HOLDS_LIMIT },
	{ "oneOf", HOLDS_SCHEMA },
	{ "pattern", HOLDS_LIMIT },
	{ "patternProperties", HOLDS_LIMIT },
	{ "prefixItems", HOLDS_SCHEMA },
	{ "properties", HOLDS_MAP },
	{ "propertyNames", HOLDS_LIMIT },
	{ "then", HOLDS_LIMIT },
	{ "unevaluatedProperties", HOLDS_LIMIT },
	{ "uniqueItems", HOLDS_LIMIT },
};

struct writer {
	struct arena *arena;
	struct chat *chat;
	struct jw w;
	bool closed; /* Claude's rules; else Gemini's */
	const char *where;
};

static bool
is_in(struct json_object *v, const char *word)
{
	return json_object_object_get_ex(v, word, NULL);
}

static enum holds
keyword(const char *word)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (strcmp(word, keywords[i].word) == 0)
			return keywords[i].holds;
	return HOLDS_VALUE;
}

/* What ${word} of the schema ${in} holds; a second union is but a limit. */
static enum holds
holds_of(const struct writer *o, struct json_object *in, const char *word)
{
	enum holds holds = keyword(word);

	if (o->closed && strcmp(word, "oneOf") == 0 && is_in(in, "anyOf"))
		return HOLDS_LIMIT;
	return holds == HOLDS_LIMIT && !o->closed ? HOLDS_VALUE : holds;
}

static struct str
text_of(struct writer *o, struct json_object *v)
{
	const struct jnode at = { .v = v };

	return jtree_text(o->arena, &at);
}

static void write_schema(struct writer *o, struct json_object *v);

static void
write_list(struct writer *o, struct json_object *v)
{
	size_t n = json_object_array_length(v);

	jw_array(&o->w);
	for (size_t i = 0; i < n; i++)
		write_schema(o, json_object_array_get_idx(v, i));
	jw_end(&o->w);
}

static void
write_map(struct writer *o, struct json_object *v)
{
	jw_object(&o->w);
	json_object_object_foreach(v, name, schema)
	{
		jw_key(&o->w, name);
		write_schema(o, schema);
	}
	jw_end(&o->w);
}

/* The limits of ${v} in words, behind its description. */
static void
write_description(struct writer *o, struct json_object *v)
{
	struct buf *b = buf_new(o->arena, MAX_BYTES);
	struct json_object *old = NULL;
	bool any = false;

	if (json_object_object_get_ex(v, "description", &old) &&
	    json_object_is_type(old, json_type_string))
		buf_addz(b, json_object_get_string(old));
	json_object_object_foreach(v, word, value)
	{
		if (holds_of(o, v, word) != HOLDS_LIMIT)
			continue;
		buf_addz(b,
		    any            ? ", "
			: b->n > 0 ? "\nMust hold: "
				   : "Must hold: ");
		buf_addz(b, word);
		buf_addz(b, " ");
		buf_adds(b, text_of(o, value));
		chat_lose(o->chat, "%s.%s", o->where, word);
		any = true;
	}
	if (b->n > 0)
		jw_kv_str(&o->w, "description", buf_str(b));
}

static bool
is_of_objects(struct json_object *v)
{
	struct json_object *type = NULL;

	return is_in(v, "properties") ||
	    (json_object_object_get_ex(v, "type", &type) &&
		json_object_is_type(type, json_type_string) &&
		strcmp(json_object_get_string(type), "object") == 0);
}

/* Claude wants objects closed; one that was declared open loses that. */
static void
write_closed(struct writer *o, struct json_object *v)
{
	struct json_object *more = NULL;

	if (!is_of_objects(v))
		return;
	jw_kv_bool(&o->w, "additionalProperties", false);
	if (json_object_object_get_ex(v, "additionalProperties", &more) &&
	    (!json_object_is_type(more, json_type_boolean) ||
		json_object_get_boolean(more)))
		chat_lose(o->chat, "%s.additionalProperties", o->where);
}

/* Gemini: a constant is an enum of one, whatever else the enum had. */
static bool
write_const(struct writer *o, struct json_object *in, const char *word)
{
	struct json_object *value;

	if (o->closed || !json_object_object_get_ex(in, "const", &value))
		return false;
	if (strcmp(word, "const") == 0) {
		jw_key(&o->w, "enum");
		jw_array(&o->w);
		jw_raw(&o->w, text_of(o, value));
		jw_end(&o->w);
		return true;
	}
	return strcmp(word, "enum") == 0;
}

/* Claude: is ${word} written at the end, in another form? */
static bool
is_later(const struct writer *o, enum holds holds, const char *word)
{
	return o->closed &&
	    (holds == HOLDS_LIMIT || strcmp(word, "description") == 0 ||
		strcmp(word, "additionalProperties") == 0);
}

static void
write_member(struct writer *o, struct json_object *in, const char *word,
    struct json_object *v)
{
	enum holds holds = holds_of(o, in, word);

	if (is_later(o, holds, word) || write_const(o, in, word))
		return;
	jw_key(&o->w, o->closed && strcmp(word, "oneOf") == 0 ? "anyOf" : word);
	if (holds == HOLDS_MAP && json_object_is_type(v, json_type_object))
		write_map(o, v);
	else if (holds == HOLDS_SCHEMA)
		write_schema(o, v);
	else
		jw_raw(&o->w, text_of(o, v));
}

static void
write_schema(struct writer *o, struct json_object *v)
{
	if (o->w.depth < MAX_DEPTH && json_object_is_type(v, json_type_array)) {
		write_list(o, v);
		return;
	}
	if (o->w.depth >= MAX_DEPTH ||
	    !json_object_is_type(v, json_type_object)) {
		jw_raw(&o->w, text_of(o, v));
		return;
	}
	jw_object(&o->w);
	json_object_object_foreach(v, word, value)
	{
		write_member(o, v, word, value);
	}
	if (o->closed) {
		write_description(o, v);
		write_closed(o, v);
	}
	jw_end(&o->w);
}

struct str
schema_for(struct arena *a, struct chat *chat, struct str text, enum wire wire,
    const char *where)
{
	struct writer o = { .arena = a, .chat = chat, .where = where };
	struct error ignored = { 0 };
	struct buf *b;
	struct jnode root;

	o.closed = wire == WIRE_ANTHROPIC;
	if (!o.closed && str_find(text, STR("\"const\"")) < 0)
		return text;
	if (jtree_read(a, text, &root, &ignored) != 0 ||
	    !json_object_is_type(root.v, json_type_object))
		return text;
	b = buf_new(a, MAX_BYTES);
	jw_init(&o.w, b);
	write_schema(&o, root.v);
	return buf_str(b);
}

/* ---- OpenAI's strict mode ---- */

/* Objects are closed, and all that they may have is required. */
static bool
is_complete(struct json_object *v)
{
	struct json_object *more = NULL, *all = NULL, *list = NULL;
	size_t n = 0;

	if (!is_of_objects(v))
		return true;
	if (!json_object_object_get_ex(v, "additionalProperties", &more) ||
	    !json_object_is_type(more, json_type_boolean) ||
	    json_object_get_boolean(more))
		return false;
	if (!json_object_object_get_ex(v, "properties", &all) ||
	    !json_object_is_type(all, json_type_object))
		return true;
	if (json_object_object_get_ex(v, "required", &list) &&
	    json_object_is_type(list, json_type_array))
		n = json_object_array_length(list);
	return n >= (size_t)json_object_object_length(all);
}

static bool
is_refused(const char *word)
{
	static const char *const words[] = { "allOf", "oneOf", "not", "if",
		"then", "else", "dependentRequired", "dependentSchemas",
		"patternProperties", "propertyNames", "unevaluatedProperties",
		"contains" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static bool is_strict(struct json_object *v);

static bool
are_strict(struct json_object *map)
{
	json_object_object_foreach(map, name, schema)
	{
		(void)name;
		if (!is_strict(schema))
			return false;
	}
	return true;
}

static bool
is_strict_member(const char *word, struct json_object *v)
{
	if (is_refused(word))
		return false;
	if (keyword(word) == HOLDS_MAP &&
	    json_object_is_type(v, json_type_object))
		return are_strict(v);
	return keyword(word) != HOLDS_SCHEMA || is_strict(v);
}

static bool
is_strict(struct json_object *v)
{
	size_t n = json_object_is_type(v, json_type_array)
	    ? json_object_array_length(v)
	    : 0;

	for (size_t i = 0; i < n; i++)
		if (!is_strict(json_object_array_get_idx(v, i)))
			return false;
	if (!json_object_is_type(v, json_type_object))
		return true;
	json_object_object_foreach(v, word, value)
	{
		if (!is_strict_member(word, value))
			return false;
	}
	return is_complete(v);
}

bool
schema_is_strict(
    struct arena *a, struct chat *chat, struct str text, const char *where)
{
	struct error ignored = { 0 };
	struct jnode root;

	if (jtree_read(a, text, &root, &ignored) != 0 || is_strict(root.v))
		return true;
	chat_lose(chat, "%s.strict", where);
	return false;
}
