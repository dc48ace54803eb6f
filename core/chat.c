/* SPDX-License-Identifier: MIT */
#include "core/chat.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/arena.h"

#define LOSSES_MAX 40 /* they travel in one response header */

static const char *const effort_words[] = {
	[EFFORT_UNSET] = "",
	[EFFORT_NONE] = "none",
	[EFFORT_MINIMAL] = "minimal",
	[EFFORT_LOW] = "low",
	[EFFORT_MEDIUM] = "medium",
	[EFFORT_HIGH] = "high",
	[EFFORT_XHIGH] = "xhigh",
	[EFFORT_MAX] = "max",
};

void
chat_lose(struct chat *chat, const char *fmt, ...)
{
	const struct name *l;
	char what[160];
	unsigned n = 0;
	va_list ap;

	for (l = chat->losses; l != NULL; l = l->next)
		n++;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	chat->beyond = true;
	if (n < LOSSES_MAX)
		name_add(chat->arena, &chat->losses, str_of(what));
	else
		name_add(chat->arena, &chat->losses, STR("and_more"));
}

void
chat_lose_shared(struct chat *chat)
{
	struct shared *s;

	for (s = chat->shared; s != NULL; s = s->next) {
		if (!s->carried)
			chat_lose(chat, "%.*s", STR_ARG(s->path));
		s->carried = false;
	}
	/* One of no tools was to be called. */
	if (chat->tools == NULL && chat->tool_choice >= TOOL_CHOICE_REQUIRED)
		chat_lose(chat, "tool_choice");
}

/*
 * Lists are long in long conversations: the first element remembers the last,
 * so that appending does not walk.
 */
#define APPEND(list, item)                                                     \
	do {                                                                   \
		if (*(list) == NULL)                                           \
			*(list) = (item);                                      \
		else                                                           \
			(*(list))->last->next = (item);                        \
		(*(list))->last = (item);                                      \
	} while (0)

struct turn *
chat_turn(struct chat *chat, enum role role)
{
	struct turn *turn = ARENA_NEW(chat->arena, struct turn);

	turn->role = role;
	APPEND(&chat->turns, turn);
	return turn;
}

struct part *
chat_part(struct chat *chat, struct part **list, enum part_kind kind)
{
	struct part *part = ARENA_NEW(chat->arena, struct part);

	part->kind = kind;
	APPEND(list, part);
	return part;
}

struct tool *
chat_tool(struct chat *chat)
{
	struct tool *tool = ARENA_NEW(chat->arena, struct tool);

	APPEND(&chat->tools, tool);
	return tool;
}

const struct media *
chat_media(const struct chat *chat, struct str url)
{
	const struct media *m = chat->media;

	while (m != NULL && !str_eq(m->url, url))
		m = m->next;
	return m;
}

struct str
media_type(struct str s)
{
	return str_is(s, "image/jpg") ? STR("image/jpeg") : s;
}

void
name_add(struct arena *a, struct name **list, struct str s)
{
	struct name *name;

	for (; *list != NULL; list = &(*list)->next)
		if (str_eq((*list)->s, s))
			return;
	name = ARENA_NEW(a, struct name);
	name->s = str_dup(a, s);
	*list = name;
}

enum effort
effort_of(struct str word)
{
	int e;

	for (e = EFFORT_NONE; e <= EFFORT_MAX; e++)
		if (str_is(word, effort_words[e]))
			return (enum effort)e;
	return EFFORT_UNSET;
}

const char *
effort_word(enum effort e)
{
	return effort_words[e];
}
