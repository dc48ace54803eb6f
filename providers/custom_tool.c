/* SPDX-License-Identifier: MIT */
#include "providers/custom_tool.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"

#define MAX_TEXT_BYTES ((size_t)256 << 20)

static struct str
wrap(struct arena *a, const char *key, struct str text)
{
	struct buf *b = buf_new(a, MAX_TEXT_BYTES);
	struct jw w;

	jw_init(&w, b);
	jw_object(&w);
	jw_kv_str(&w, key, text);
	jw_end(&w);
	return buf_str(b);
}

/* Responses has the members of a grammar flat, Chat in an object. */
static struct str
grammar_member(
    struct arena *a, struct str format, const char *flat, const char *nested)
{
	struct str raw;

	return jtext_get(format, flat, &raw) || jtext_get(format, nested, &raw)
	    ? jtext_string(a, raw)
	    : STR_NONE;
}

struct str
custom_tool_description(
    struct arena *a, struct chat *chat, const struct tool *tool)
{
	struct str definition, syntax, type;

	if (tool->grammar.p == NULL ||
	    (jtext_get(tool->grammar, "type", &type) &&
		str_is(type, "\"text\"")))
		return tool->description;
	chat_lose(chat, "tools.format");
	definition = grammar_member(
	    a, tool->grammar, "definition", "grammar.definition");
	syntax = grammar_member(a, tool->grammar, "syntax", "grammar.syntax");
	if (definition.n == 0)
		return tool->description;
	return str_of(arena_printf(a,
	    "%.*s%sThe input must match this grammar (%.*s):\n%.*s",
	    STR_ARG(tool->description), tool->description.n > 0 ? "\n\n" : "",
	    STR_ARG(syntax), STR_ARG(definition)));
}

struct str
custom_tool_arguments(struct arena *a, struct str text)
{
	return wrap(a, "input", text);
}

struct str
custom_tool_object(struct arena *a, struct chat *chat, const struct part *call)
{
	struct error ignored = { 0 };
	struct str text = str_trim(call->text);

	if (call->custom)
		return custom_tool_arguments(a, call->text);
	if (text.n == 0 || str_is(text, "[]")) /* no arguments: PHP, R */
		return STR("{}");
	if (*text.p == '{' && jtext_check(text, &ignored) == 0)
		return text;
	chat_lose(chat, "tool_calls.function.arguments");
	return wrap(a, "_raw", call->text);
}
