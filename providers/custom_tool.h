/* SPDX-License-Identifier: MIT */
/*
 * Custom (free text) tools where a provider only knows functions: the text is
 * the one member of the arguments, {"input":"..."}.  Calls come back in that
 * form too; the client's dialect takes them apart.
 */
#ifndef PROVIDERS_CUSTOM_TOOL_H
#define PROVIDERS_CUSTOM_TOOL_H

#include "core/chat.h"
#include "core/str.h"

struct arena;

#define CUSTOM_TOOL_SCHEMA                                                     \
	"{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}" \
	"},"                                                                   \
	"\"required\":[\"input\"],\"additionalProperties\":false}"

/*
 * custom_tool_description(a, chat, tool):
 * Returns  the description of ${tool}, in ${a}; the grammar of a free text
 *          tool, which nobody enforces then, stands behind it and is lost as
 *          such.
 */
struct str custom_tool_description(
    struct arena *a, struct chat *chat, const struct tool *tool);

/*
 * custom_tool_arguments(a, text):
 * Returns  the arguments of a call with ${text}, in ${a}.
 */
struct str custom_tool_arguments(struct arena *a, struct str text);

/*
 * custom_tool_object(a, chat, call):
 * Returns  the arguments of ${call} where they must be a JSON object, in
 *          ${a}: what is none keeps its text in one, as "_raw", and is lost
 *          as such.
 */
struct str custom_tool_object(
    struct arena *a, struct chat *chat, const struct part *call);

#endif
