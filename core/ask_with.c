/* SPDX-License-Identifier: MIT */
/* A request with other parameters: what a route, or an arm, sets. */
#include "core/arena.h"
#include "core/buf.h"
#include "core/jtext.h"
#include "core/provider.h"

#define MAX_EDITS      8
#define MAX_BODY_BYTES ((size_t)1 << 30)
#define WIRES          (WIRE_OPENAI_COMPLETIONS + 1)

/* What means the same everywhere, and where it stands; NULL: elsewhere. */
static const struct {
	const char *word;
	const char *path[WIRES];
} neutral[] = {
	{ "system",
	    { [WIRE_OPENAI_CHAT] = "messages",
		[WIRE_OPENAI_RESPONSES] = "instructions",
		[WIRE_ANTHROPIC] = "system" } },
	{ "effort",
	    { [WIRE_OPENAI_CHAT] = "reasoning_effort",
		[WIRE_OPENAI_RESPONSES] = "reasoning.effort",
		[WIRE_ANTHROPIC] = "output_config.effort" } },
};

static bool
is_system(struct str message)
{
	struct str role;

	return jtext_get(message, "role", &role) &&
	    (str_is(role, "\"system\"") || str_is(role, "\"developer\""));
}

/* The messages with another system prompt in front. */
static struct str
with_system(const struct ask *ask, struct str system)
{
	struct buf *out = buf_new(ask->arena, MAX_BODY_BYTES);
	struct str list, item;
	size_t pos = 0;
	bool first = true;

	buf_addf(
	    out, "[{\"role\":\"system\",\"content\":%.*s}", STR_ARG(system));
	if (jtext_get(ask->body, "messages", &list))
		while (jtext_item(list, &pos, &item)) {
			first = first && is_system(item);
			if (first)
				continue;
			buf_addch(out, ',');
			buf_adds(out, item);
		}
	buf_addch(out, ']');
	return buf_str(out);
}

static struct jtext_edit
edit_of(const struct ask *ask, struct str name, struct str value)
{
	struct jtext_edit edit = { .path = str_cstr(ask->arena, name),
		.value = value };
	size_t i;

	for (i = 0; i < sizeof(neutral) / sizeof(neutral[0]); i++) {
		if (!str_is(name, neutral[i].word) ||
		    neutral[i].path[ask->wire] == NULL)
			continue;
		edit.path = neutral[i].path[ask->wire];
		if (strcmp(edit.path, "messages") == 0)
			edit.value = with_system(ask, value);
	}
	return edit;
}

struct ask *
ask_with(struct ask *ask, struct str set)
{
	struct jtext_edit edits[MAX_EDITS];
	struct str name, value;
	struct buf *body;
	struct ask *other;
	size_t pos = 0, n = 0;

	if (set.p == NULL || ask->decode == NULL)
		return ask;
	while (n < MAX_EDITS && jtext_member(set, &pos, &name, &value))
		edits[n++] =
		    edit_of(ask, jtext_string(ask->arena, name), value);
	body = buf_new(ask->arena, MAX_BODY_BYTES);
	if (jtext_apply(body, ask->body, edits, n) != 0)
		return ask;
	other = ARENA_NEW(ask->arena, struct ask);
	*other = *ask;
	other->body = buf_str(body);
	other->chat = NULL;
	return other;
}
