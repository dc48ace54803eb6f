/* SPDX-License-Identifier: MIT */
/*
 * Tools that are not there from the beginning: those with defer_loading.  At
 * Anthropic the model gets one when a reference to it stands in the
 * conversation, in the result of the client's own search (Claude Code's
 * ToolSearch) or in a message that adds it.  Elsewhere it is offered from
 * then on, and not before: there may be hundreds.  What Anthropic's own
 * search would find is offered at once, as nobody searches for it here.
 *
 * Source: wire.md §3.4; Anthropic docs, "Tool search tool".
 */
#include "core/arena.h"
#include "fcgi/anthropic.h"

#define LABEL "messages.content"

void
anthropic_offer(struct chat *chat, struct str name, bool offered)
{
	struct tool *t;

	for (t = chat->tools; t != NULL; t = t->next)
		if (str_eq(t->name, name))
			t->hidden = !offered;
}

void
anthropic_drop_hidden(struct chat *chat)
{
	struct tool **at = &chat->tools, *last = NULL, *t;

	while ((t = *at) != NULL) {
		if (t->hidden) {
			*at = t->next;
			continue;
		}
		last = t;
		at = &t->next;
	}
	if (chat->tools != NULL)
		chat->tools->last = last;
}

/* In a result: its name says enough, as the tool is there from now on. */
int
anthropic_reference(struct chat *chat, struct part **list,
    const struct jnode *obj, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_MUST("tool_name", STR, struct part, text),
		FIELD_BY("cache_control", decode_mark, struct part, cache_mark),
		FIELD_END,
	};
	struct part *part = decode_part(chat, list, PART_TEXT, obj);

	chat->beyond = true;
	if (decode_object(chat, obj, table, LABEL, part, err) < 0)
		return -1;
	anthropic_offer(chat, part->text, true);
	return 0;
}

static int
read_name(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_MUST("name", NAME, struct part, name),
		FIELD_END,
	};
	struct str type;
	struct jnode at;

	if (decode_type(v, &type, err) < 0)
		return -1;
	(void)jtree_find(v, "type", &at);
	if (!str_is(type, "tool_reference"))
		return jtree_fail(&at, err,
		    "a change of \"%.*s\" is not available on this provider",
		    STR_ARG(type));
	return decode_object(chat, v, table, LABEL ".tool", into, err);
}

static int
read_change(struct chat *chat, struct part **list, const struct jnode *obj,
    bool added, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_MUST_DO("tool", read_name),
		FIELD_BY("cache_control", decode_mark, struct part, cache_mark),
		FIELD_END,
	};
	struct part *part = decode_part(chat, list, PART_TEXT, obj);

	chat->beyond = true;
	if (decode_object(chat, obj, table, LABEL, part, err) < 0)
		return -1;
	anthropic_offer(chat, part->name, added);
	part->text = str_of(arena_printf(chat->arena, "The tool %.*s is %s.",
	    STR_ARG(part->name),
	    added ? "available now" : "no longer available"));
	part->name = STR_NONE;
	return 0;
}

int
anthropic_addition(struct chat *chat, struct part **list,
    const struct jnode *obj, struct error *err)
{
	return read_change(chat, list, obj, true, err);
}

int
anthropic_removal(struct chat *chat, struct part **list,
    const struct jnode *obj, struct error *err)
{
	return read_change(chat, list, obj, false, err);
}

/* Of the hosted tools the search alone leaves nothing to be read; texts before
 * and after it stay apart. */
int
anthropic_hosted_call(struct chat *chat, struct part **list,
    const struct jnode *obj, struct error *err)
{
	struct str name = STR_NONE;
	struct jnode at;

	(void)list;
	if (jtree_str(obj, "name", JTREE_OPTIONAL, &name, err) < 0)
		return -1;
	(void)jtree_find(obj, "type", &at);
	if (!str_starts(name, ANTHROPIC_SEARCH))
		return jtree_fail(&at, err,
		    "a call of \"%.*s\" is not available on this provider",
		    STR_ARG(name));
	chat_lose(chat, LABEL ".server_tool_use");
	return 0;
}

int
anthropic_hosted_search(struct chat *chat, struct part **list,
    const struct jnode *obj, struct error *err)
{
	(void)err;
	chat_lose(chat, LABEL ".tool_search_tool_result");
	if (*list != NULL && (*list)->last->kind == PART_TEXT)
		decode_part(chat, list, PART_TEXT, obj)->text = STR("\n\n");
	return 0;
}
