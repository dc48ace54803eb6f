/* SPDX-License-Identifier: MIT */
/*
 * `tools` and `tool_choice` of a Messages request: wire.md §3.4.  Tools that
 * run at Anthropic's are refused.  Of its typed tools that run at the
 * client's, those whose input is published (bash, text editor) become plain
 * functions; the others exist in trained models only.  A search among its
 * tools is not missed: see anthropic_search.c.
 */
#include "fcgi/anthropic.h"

#include "core/error.h"

/* ---- typed tools ---- */

#define STRING "{\"type\":\"string\"}"

/* Source: Anthropic docs, "Bash tool" and "Text editor tool", parameters. */
static const struct {
	const char *prefix; /* of type, before the date */
	const char *description;
	const char *schema;
} typed[] = {
	{ "bash_", "Run a command in a persistent bash session, or restart it",
	    "{\"type\":\"object\",\"properties\":{\"command\":" STRING
	    ",\"restart\":{\"type\":\"boolean\"}}}" },
	{ "text_editor_",
	    "View, create and edit text files. str_replace replaces old_str, "
	    "which must occur exactly once, by new_str; insert puts the text "
	    "after line insert_line",
	    "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":"
	    "\"string\",\"enum\":[\"view\",\"create\",\"str_replace\","
	    "\"insert\"]},\"path\":" STRING
	    ",\"view_range\":{\"type\":\"array\",\"items\":{\"type\":"
	    "\"integer\"}},\"file_text\":" STRING ",\"old_str\":" STRING
	    ",\"new_str\":" STRING ",\"insert_line\":{\"type\":\"integer\"},"
	    "\"insert_text\":" STRING "},\"required\":[\"command\","
	    "\"path\"]}" },
};

static int
read_typed(struct chat *chat, const struct jnode *item, struct str type,
    struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_MUST("name", NAME, struct tool, name),
		FIELD_BY("cache_control", decode_mark, struct tool, cache_mark),
		FIELD_END,
	};
	struct tool *tool;
	struct jnode at;
	size_t i;

	for (i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
		if (!str_starts(type, typed[i].prefix))
			continue;
		chat->beyond = true; /* by its date */
		tool = chat_tool(chat);
		tool->description = str_of(typed[i].description);
		tool->schema = str_of(typed[i].schema);
		return decode_object(chat, item, table, "tools", tool, err);
	}
	(void)jtree_find(item, "type", &at);
	return jtree_fail(&at, err,
	    "hosted tool \"%.*s\" is not available on this provider",
	    STR_ARG(type));
}

/* ---- tools ---- */

static int
read_custom(struct chat *chat, const struct jnode *item, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_MUST("name", NAME, struct tool, name),
		FIELD_OF("description", STR, struct tool, description),
		FIELD_BY("input_schema", decode_json, struct tool, schema),
		FIELD_OF("strict", BOOL, struct tool, strict),
		FIELD_BY("cache_control", decode_mark, struct tool, cache_mark),
		FIELD_OF("defer_loading", BOOL, struct tool, hidden),
		FIELD_NO("eager_input_streaming", SKIP),
		FIELD_NO("input_examples", LOSE),
		FIELD_NO("allowed_callers", LOSE),
		FIELD_END,
	};
	struct tool *tool = chat_tool(chat);
	struct jnode at;

	if (decode_object(chat, item, table, "tools", tool, err) < 0)
		return -1;
	chat->beyond |= tool->hidden;
	if (jtree_find(item, "input_schema", &at))
		return 0;
	return jtree_fail(&at, err, "is required");
}

/* ${into}: whether there is a search tool among them. */
static int
read_tool(
    struct chat *chat, void *into, const struct jnode *item, struct error *err)
{
	struct str type = STR("custom");

	if (jtree_str(item, "type", JTREE_OPTIONAL, &type, err) < 0)
		return -1;
	if (str_is(type, "custom"))
		return read_custom(chat, item, err);
	if (!str_starts(type, ANTHROPIC_SEARCH))
		return read_typed(chat, item, type, err);
	*(bool *)into = true;
	chat_lose(chat, "tools.%.*s", STR_ARG(type));
	return 0;
}

int
anthropic_tools(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	bool searched = false;
	struct tool *t;

	(void)into;
	if (decode_items(chat, &searched, v, read_tool, err) < 0)
		return -1;
	for (t = chat->tools; t != NULL && searched; t = t->next)
		t->hidden = false;
	return 0;
}

/* ---- tool_choice ---- */

int
anthropic_tool_choice(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_OF("name", STR, struct chat, tool_choice_name),
		FIELD_OF("disable_parallel_tool_use", BOOL, struct chat,
		    parallel_off),
		FIELD_END,
	};
	static const struct {
		const char *type;
		enum tool_choice choice;
	} choices[] = {
		{ "auto", TOOL_CHOICE_AUTO },
		{ "any", TOOL_CHOICE_REQUIRED },
		{ "none", TOOL_CHOICE_NONE },
		{ "tool", TOOL_CHOICE_NAMED },
	};
	struct str type = STR_NONE;
	struct jnode at;
	size_t i;

	if (decode_type(v, &type, err) < 0 ||
	    decode_object(chat, v, table, "tool_choice", into, err) < 0)
		return -1;
	for (i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (str_is(type, choices[i].type))
			chat->tool_choice = choices[i].choice;
	}
	if (chat->tool_choice == TOOL_CHOICE_UNSET) {
		(void)jtree_find(v, "type", &at);
		return jtree_fail(&at, err, "must be auto, any, none or tool");
	}
	if (chat->tool_choice == TOOL_CHOICE_NAMED &&
	    !jtree_find(v, "name", &at))
		return jtree_fail(&at, err, "is required");
	return 0;
}
