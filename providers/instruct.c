/* SPDX-License-Identifier: MIT */
#include "providers/instruct.h"

#include "core/arena.h"

struct str
instruct_format(struct arena *a, struct chat *chat, bool json, bool schema)
{
	if (chat->output == OUTPUT_TEXT ||
	    (chat->output == OUTPUT_JSON ? json : schema))
		return STR_NONE;
	chat_lose(chat, "response_format");
	if (chat->output == OUTPUT_JSON)
		return STR("Answer with one JSON object and nothing else.");
	return str_of(arena_printf(a,
	    "Answer with one JSON value and nothing else. It must match this "
	    "JSON Schema:\n%.*s",
	    STR_ARG(chat->schema)));
}

struct str
instruct_choice(struct arena *a, struct chat *chat, bool forced)
{
	if (forced || !chat->tools ||
	    (chat->tool_choice != TOOL_CHOICE_REQUIRED &&
		chat->tool_choice != TOOL_CHOICE_NAMED))
		return STR_NONE;
	chat_lose(chat, "tool_choice");
	if (chat->tool_choice == TOOL_CHOICE_REQUIRED)
		return STR("You must call one of the tools now.");
	return str_of(arena_printf(a, "You must call the tool %.*s now.",
	    STR_ARG(chat->tool_choice_name)));
}
