/* SPDX-License-Identifier: MIT */
/*
 * `tools` and `tool_choice` of a Responses request: wire.md §2.3.  Tools that
 * run at OpenAI's are refused, with two exceptions that every Codex session
 * would run into: a web search among other tools is a convenience, and a tool
 * search of OpenAI's only loads what is loaded here at once.  One of the
 * client's is a function, whose calls are items of their own.
 */
#include "fcgi/openai_responses.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"

#define MAX_TOOLS 10000 /* what any vendor takes, with a search among them */

struct str
openai_responses_name(struct chat *chat, struct str ns, struct str name)
{
	if (ns.n == 0)
		return name;
	return str_of(arena_printf(chat->arena, "%.*s" RESPONSES_NS_SEP "%.*s",
	    STR_ARG(ns), STR_ARG(name)));
}

/* ---- tools ---- */

/* One tool as it stands. */
struct entry {
	struct str type, name, ns;
	const struct jnode *obj;
};

/* The tool called ${name}, or NULL; ${*n} stand before it. */
static const struct tool *
find_tool(const struct chat *chat, struct str name, size_t *n)
{
	const struct tool *t = chat->tools;

	for (*n = 0; t != NULL && !str_eq(t->name, name); t = t->next)
		++*n;
	return t;
}

/* The same tool may come with `tools` and with an item: once is enough. */
static int
read_tool(struct chat *chat, const struct entry *e, const struct field *table,
    struct error *err)
{
	struct tool one = { .ns = e->ns }, *tool, *last;
	const struct tool *same;
	size_t n;

	one.search = str_is(e->type, RESPONSES_SEARCH);
	if (one.search)
		one.name = e->type;
	one.custom = str_is(e->type, "custom");
	if (decode_object(chat, e->obj, table, "tools", &one, err) < 0)
		return -1;
	one.name = openai_responses_name(chat, e->ns, one.name);
	same = find_tool(chat, one.name, &n);
	if (same != NULL && same->search != one.search)
		chat_lose(chat, "tools.%.*s", STR_ARG(e->type));
	if (same != NULL)
		return 0;
	if (n == MAX_TOOLS)
		return jtree_fail(e->obj, err, "there are too many tools");
	tool = chat_tool(chat);
	last = tool->last;
	*tool = one;
	tool->last = last;
	return 0;
}

static int
read_function(struct chat *chat, const struct entry *e, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_MUST("name", NAME, struct tool, name),
		FIELD_OF("description", STR, struct tool, description),
		FIELD_BY("parameters", decode_json, struct tool, schema),
		FIELD_OF("strict", BOOL, struct tool, strict),
		FIELD_NO("defer_loading", SKIP), /* it is loaded at once */
		FIELD_NO("output_schema", SKIP), /* for programs of OpenAI's */
		FIELD_NO("allowed_callers", LOSE),
		FIELD_NO("async", LOSE),
		FIELD_END,
	};

	return read_tool(chat, e, table, err);
}

static int
read_custom(struct chat *chat, const struct entry *e, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_MUST("name", NAME, struct tool, name),
		FIELD_OF("description", STR, struct tool, description),
		FIELD_BY("format", decode_json, struct tool, grammar),
		FIELD_NO("defer_loading", SKIP),
		FIELD_NO("allowed_callers", LOSE),
		FIELD_END,
	};

	return read_tool(chat, e, table, err);
}

static field_fn read_entry;

static int
read_namespace(struct chat *chat, const struct entry *e, struct error *err)
{
	struct str name = STR_NONE;
	struct jnode list;

	if (e->ns.p != NULL)
		return jtree_fail(e->obj, err, "a namespace in a namespace");
	if (jtree_str(e->obj, "name", JTREE_REQUIRED, &name, err) < 0 ||
	    jtree_array(e->obj, "tools", JTREE_REQUIRED, &list, err) < 0)
		return -1;
	return decode_items(chat, &name, &list, read_entry, err);
}

static int
read_search(struct chat *chat, const struct entry *e, struct error *err)
{
	struct jnode at;

	if (jtree_len(e->obj->up) > 1) {
		chat_lose(chat, "tools.%.*s", STR_ARG(e->type));
		return 0;
	}
	(void)jtree_find(e->obj, "type", &at);
	return jtree_fail(&at, err, "hosted tool \"%.*s\" " RESPONSES_ELSEWHERE,
	    STR_ARG(e->type));
}

static int
read_tool_search(struct chat *chat, const struct entry *e, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_NO("execution", SKIP),
		FIELD_OF("description", STR, struct tool, description),
		FIELD_BY("parameters", decode_json, struct tool, schema),
		FIELD_END,
	};
	struct str execution = STR("server");

	if (jtree_str(e->obj, "execution", JTREE_OPTIONAL, &execution, err) < 0)
		return -1;
	if (!str_is(execution, "client"))
		return read_search(chat, e, err);
	chat->beyond = true;
	return read_tool(chat, e, table, err);
}

static const struct {
	const char *type;
	bool prefix; /* a date may follow */
	int (*read)(
	    struct chat *chat, const struct entry *e, struct error *err);
} types[] = {
	{ "function", false, read_function },
	{ "custom", false, read_custom },
	{ "namespace", false, read_namespace },
	{ RESPONSES_SEARCH, false, read_tool_search },
	{ "web_search", true, read_search },
};

/* ${into}: the name of the namespace it stands in. */
static int
read_entry(
    struct chat *chat, void *into, const struct jnode *obj, struct error *err)
{
	struct entry e = { .ns = *(struct str *)into, .obj = obj };
	struct jnode at;
	size_t i;

	if (decode_type(obj, &e.type, err) < 0)
		return -1;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].prefix ? str_starts(e.type, types[i].type)
				    : str_is(e.type, types[i].type))
			return types[i].read(chat, &e, err);
	}
	(void)jtree_find(obj, "type", &at);
	return jtree_fail(&at, err, "hosted tool \"%.*s\" " RESPONSES_ELSEWHERE,
	    STR_ARG(e.type));
}

int
openai_responses_tools(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct str none = STR_NONE;

	(void)into;
	return decode_items(chat, &none, v, read_entry, err);
}

static void
add_names(
    struct chat *chat, const struct jnode *v, struct str ns, struct buf *out)
{
	struct jnode item, list, name;
	struct str full;
	size_t i;

	for (i = 0; i < jtree_len(v); i++) {
		item = jtree_item(v, i);
		if (!jtree_find(&item, "name", &name))
			continue;
		if (jtree_find(&item, "tools", &list)) {
			add_names(chat, &list, jtree_value_str(&name), out);
			continue;
		}
		full = openai_responses_name(chat, ns, jtree_value_str(&name));
		if (out->n > 0)
			buf_addch(out, '\n');
		buf_adds(out, full);
	}
}

void
openai_responses_names(
    struct chat *chat, const struct jnode *v, struct buf *out)
{
	add_names(chat, v, STR_NONE, out);
}

/* ---- tool_choice ---- */

/* {"type":"function","name":...} */
static int
read_named(struct chat *chat, const struct jnode *v, struct str *name,
    struct error *err)
{
	struct str type = STR_NONE, own = STR_NONE, ns = STR_NONE;
	struct jnode at;

	if (decode_type(v, &type, err) < 0)
		return -1;
	if (!str_is(type, "function") && !str_is(type, "custom")) {
		(void)jtree_find(v, "type", &at);
		return jtree_fail(&at, err,
		    "tool choice \"%.*s\" " RESPONSES_ELSEWHERE, STR_ARG(type));
	}
	if (jtree_str(v, "namespace", JTREE_OPTIONAL, &ns, err) < 0 ||
	    jtree_str(v, "name", JTREE_REQUIRED, &own, err) < 0)
		return -1;
	*name = openai_responses_name(chat, ns, own);
	return 0;
}

int
openai_responses_choice(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct choice_form form = { NULL, read_named };

	(void)into;
	return decode_choice(chat, v, &form, err);
}
