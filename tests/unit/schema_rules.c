/* SPDX-License-Identifier: MIT */
#include "tests/unit/schema_rules.h"

#include <string.h>

#include <json-c/json.h>

#include "core/buf.h"
#include "tests/unit/projection.h"

#define PLAIN     (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
#define MAX_BYTES ((size_t)16 << 20)

static bool
is_one_of(const char *const *words, const char *word)
{
	while (*words != NULL && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

/* What Claude's grammar compiler knows of constraints. */
static bool
is_known(struct json_object *in, const char *word)
{
	static const char *const unknown[] = { "contains", "dependentRequired",
		"dependentSchemas", "else", "exclusiveMaximum",
		"exclusiveMinimum", "if", "maxContains", "maxItems",
		"maxLength", "maxProperties", "maximum", "minContains",
		"minItems", "minLength", "minProperties", "minimum",
		"multipleOf", "not", "pattern", "patternProperties",
		"propertyNames", "then", "unevaluatedProperties", "uniqueItems",
		NULL };

	if (strcmp(word, "oneOf") == 0 &&
	    json_object_object_get_ex(in, "anyOf", NULL))
		return false;
	return !is_one_of(unknown, word);
}

static struct json_object *rewrite(
    struct arena *a, struct json_object *v, enum wire as);

static struct json_object *
rewrite_map(struct arena *a, struct json_object *v, enum wire as)
{
	struct json_object *out = json_object_new_object();

	json_object_object_foreach(v, name, sub)
	{
		json_object_object_add(out, name, rewrite(a, sub, as));
	}
	return out;
}

static struct json_object *
rewrite_member(
    struct arena *a, const char *word, struct json_object *v, enum wire as)
{
	static const char *const maps[] = { "$defs", "definitions",
		"properties", NULL };
	static const char *const schemas[] = { "additionalProperties", "allOf",
		"anyOf", "items", "oneOf", "prefixItems", NULL };

	if (is_one_of(maps, word) && json_object_is_type(v, json_type_object))
		return rewrite_map(a, v, as);
	return is_one_of(schemas, word) ? rewrite(a, v, as)
					: json_object_get(v);
}

static void
close_object(struct json_object *in, struct json_object *out)
{
	struct json_object *type = NULL;

	(void)json_object_object_get_ex(in, "type", &type);
	if (json_object_object_get_ex(in, "properties", NULL) ||
	    (json_object_is_type(type, json_type_string) &&
		strcmp(json_object_get_string(type), "object") == 0))
		json_object_object_add(out, "additionalProperties",
		    json_object_new_boolean(false));
}

static struct json_object *
for_claude(struct arena *a, struct json_object *v)
{
	struct json_object *out = json_object_new_object(), *old = NULL;
	struct buf *words = buf_new(a, MAX_BYTES);
	const char *between = "Must hold: ";

	if (json_object_object_get_ex(v, "description", &old) &&
	    json_object_get_string_len(old) > 0) {
		buf_addz(words, json_object_get_string(old));
		between = "\nMust hold: ";
	}
	json_object_object_foreach(v, word, value)
	{
		if (!is_known(v, word)) {
			buf_addf(words, "%s%s %s", between, word,
			    json_object_to_json_string_ext(value, PLAIN));
			between = ", ";
		} else if (strcmp(word, "additionalProperties") != 0 &&
		    strcmp(word, "description") != 0) {
			json_object_object_add(out,
			    strcmp(word, "oneOf") == 0 ? "anyOf" : word,
			    rewrite_member(a, word, value, WIRE_ANTHROPIC));
		}
	}
	if (words->n > 0)
		json_object_object_add(
		    out, "description", json_object_new_string(words->p));
	close_object(v, out);
	return out;
}

static struct json_object *
for_gemini(struct arena *a, struct json_object *v)
{
	struct json_object *out = json_object_new_object(), *one, *only = NULL;

	json_object_object_foreach(v, word, value)
	{
		if (strcmp(word, "const") != 0)
			json_object_object_add(out, word,
			    rewrite_member(a, word, value, WIRE_GEMINI));
		else
			only = value;
	}
	if (only != NULL) {
		one = json_object_new_array();
		json_object_array_add(one, json_object_get(only));
		json_object_object_add(out, "enum", one);
	}
	return out;
}

static struct json_object *
rewrite(struct arena *a, struct json_object *v, enum wire as)
{
	struct json_object *out;

	if (json_object_is_type(v, json_type_array)) {
		out = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(v); i++)
			json_object_array_add(out,
			    rewrite(a, json_object_array_get_idx(v, i), as));
		return out;
	}
	if (!json_object_is_type(v, json_type_object))
		return json_object_get(v);
	return as == WIRE_GEMINI ? for_gemini(a, v) : for_claude(a, v);
}

/* A tool's input is an object, says Anthropic. */
static void
must_be_object(struct json_object *v)
{
	if (!json_object_object_get_ex(v, "type", NULL))
		json_object_object_add(
		    v, "type", json_object_new_string("object"));
}

struct str
schema_rules(struct arena *a, struct str text, enum wire as, bool constrained)
{
	struct json_object *v = json_tokener_parse(str_cstr(a, text)), *out;
	struct str s;

	if (as == WIRE_GEMINI || (as == WIRE_ANTHROPIC && constrained))
		out = rewrite(a, v, as);
	else
		out = json_object_get(v);
	if (as == WIRE_ANTHROPIC && !constrained)
		must_be_object(out);
	s = facts_json(
	    a, str_dup(a, str_of(json_object_to_json_string_ext(out, PLAIN))));
	json_object_put(out);
	json_object_put(v);
	return s;
}
