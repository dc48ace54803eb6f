/* SPDX-License-Identifier: MIT */
#include "providers/history.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "providers/results.h"

#define MAX_TEXT_BYTES ((size_t)256 << 20)

/* What the program that talks to us adds for its own vendor's billing. */
#define BILLING_PREFIX "x-anthropic-billing-header:"

struct history {
	struct arena *arena;
	struct chat *chat;
	enum wire wire;
	bool thoughts; /* their words are wanted */
	struct results *results;
	struct turn *head;
	struct turn *turn;  /* last one written */
	struct part **tail; /* end of its parts */
};

/* Those that insist on alternation, from the user on, of words. */
static bool
is_strict(const struct history *h)
{
	return h->wire == WIRE_ANTHROPIC || h->wire == WIRE_GEMINI;
}

static struct turn *
begin(struct history *h, const struct turn *like)
{
	struct turn *t = ARENA_NEW(h->arena, struct turn);

	t->role = like->role;
	t->name = like->name;
	t->path = like->path;
	if (h->turn)
		h->turn->next = t;
	else
		h->head = t;
	h->turn = t;
	h->tail = &t->parts;
	return t;
}

/* Continue the last turn if ${like} may be part of it. */
static void
join(struct history *h, const struct turn *like)
{
	const struct turn *t = h->turn;

	if (!t || t->role != like->role || like->role == ROLE_SYSTEM ||
	    (h->wire == WIRE_OPENAI_CHAT && !str_eq(t->name, like->name)))
		begin(h, like);
}

static struct part *
add(struct history *h, const struct part *part)
{
	struct part *copy = ARENA_NEW(h->arena, struct part);

	*copy = *part;
	copy->next = NULL;
	copy->last = NULL;
	*h->tail = copy;
	h->tail = &copy->next;
	return copy;
}

/* Its issuer gets a thought back; where words are wanted the token is lost. */
static bool
is_thought(struct history *h, const struct part *p)
{
	if (h->wire != WIRE_OPENAI_CHAT && p->issuer == h->wire &&
	    p->signature.n > 0)
		return true;
	if (!h->thoughts || p->signature.n > 0)
		chat_lose(h->chat, "thinking");
	return h->thoughts && p->text.n > 0;
}

static bool
is_kept(struct history *h, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT:
	case PART_REFUSAL:
		return !is_strict(h) || str_trim(p->text).n > 0;
	case PART_TOOL_RESULT:
		return false; /* stands behind its call already */
	case PART_THINKING:
		return is_thought(h, p);
	case PART_IMAGE:
	case PART_DOCUMENT:
	case PART_AUDIO:
	case PART_TOOL_CALL:
		break;
	}
	return true;
}

/* The user turn that answers the calls of the assistant turn ${t}. */
static void
answer_calls(struct history *h, const struct turn *t)
{
	const struct turn user = { .role = ROLE_USER, .path = t->path };
	struct part text = { .kind = PART_TEXT,
		.text = STR(HISTORY_NO_RESULT) };
	struct part none = { .kind = PART_TOOL_RESULT };
	const struct part *call, *result;
	struct part *copy;

	for (call = t->parts; call; call = call->next) {
		if (call->kind != PART_TOOL_CALL)
			continue;
		join(h, &user);
		result = results_take(h->results, call->id);
		if (!result) {
			none.id = call->id;
			none.path = call->path;
			none.parts = arena_alloc(h->arena, sizeof(text));
			*none.parts = text;
		}
		copy = add(h, result ? result : &none);
		copy->name = call->name;
		copy->custom = call->custom;
	}
}

/* Chat has one string for an assistant turn: in it stays apart what messages,
 * thoughts or calls have kept apart. */
static void
part_texts(struct history *h)
{
	static const struct part gap = { .kind = PART_TEXT,
		.text = { .p = "\n\n", .n = 2 } };
	const struct part *p = h->turn ? h->turn->parts : NULL;

	if (h->wire != WIRE_OPENAI_CHAT || !p ||
	    h->turn->role != ROLE_ASSISTANT)
		return;
	while (p && p->kind != PART_TEXT)
		p = p->next;
	if (p)
		add(h, &gap);
}

static void
write_turn(struct history *h, const struct turn *t)
{
	bool goes_on = t->role == ROLE_ASSISTANT;
	const struct part *p;

	for (p = t->parts; p; p = p->next) {
		if (!is_kept(h, p)) {
			goes_on = t->role == ROLE_ASSISTANT;
			continue;
		}
		join(h, t);
		if (goes_on && p->kind == PART_TEXT) {
			part_texts(h);
			goes_on = false;
		}
		goes_on |=
		    p->kind == PART_TOOL_CALL || p->kind == PART_THINKING;
		add(h, p);
	}
}

/* Instructions where the target knows none: as the user's words, marked. */
static void
write_system_inside(struct history *h, const struct turn *t)
{
	const struct turn user = { .role = ROLE_USER, .path = t->path };
	struct part text = { .kind = PART_TEXT, .path = t->path };
	struct str words = history_text(h->arena, t->parts, "\n\n");

	if (str_trim(words).n == 0)
		return;
	text.text = str_of(arena_printf(
	    h->arena, "<system>\n%.*s\n</system>", STR_ARG(words)));
	join(h, &user);
	add(h, &text);
}

/* Leading instructions keep their parts: cache marks stand between them. */
static void
write_system(struct history *h, const struct turn *t)
{
	const struct turn *before = h->turn;
	const struct part *p;

	if (is_strict(h) && h->turn && h->turn->role != ROLE_SYSTEM) {
		write_system_inside(h, t);
		return;
	}
	for (p = t->parts; p; p = p->next) {
		if (!is_kept(h, p) || p->text.n == 0 ||
		    str_starts(p->text, BILLING_PREFIX))
			continue;
		if (h->turn == before)
			begin(h, t);
		add(h, p);
	}
}

/* Somebody must have spoken before the assistant does. */
static void
write_opening(struct history *h, const struct turn *t)
{
	const struct turn user = { .role = ROLE_USER };
	const struct part dot = { .kind = PART_TEXT, .text = STR(".") };

	if (!is_strict(h) || (t && t->role != ROLE_ASSISTANT) ||
	    (h->turn && h->turn->role != ROLE_SYSTEM))
		return;
	begin(h, &user);
	add(h, &dot);
}

/* Is there anything in the run of assistant turns that begins with ${t}? */
static bool
says(struct history *h, const struct turn *t)
{
	const struct part *p;

	for (; t && t->role == ROLE_ASSISTANT; t = t->next)
		for (p = t->parts; p; p = p->next)
			if (is_kept(h, p))
				return true;
	return false;
}

/* One run of assistant turns is one turn, and answered as one. */
static const struct turn *
write_assistant(struct history *h, const struct turn *t)
{
	const struct turn *before, *after = t;

	if (says(h, t))
		write_opening(h, t);
	before = h->turn;
	for (; after && after->role == ROLE_ASSISTANT; after = after->next)
		write_turn(h, after);
	if (h->turn != before && h->turn->role == ROLE_ASSISTANT)
		answer_calls(h, h->turn);
	return after;
}

int
history_for(struct arena *a, struct chat *chat, enum wire wire, bool thoughts,
    struct turn **out, struct error *err)
{
	struct history h = { .arena = a,
		.chat = chat,
		.wire = wire,
		.thoughts = thoughts,
		.results = results_of(a, chat) };
	const struct turn *t = chat->turns;
	const struct part *left;

	while (t) {
		if (t->role == ROLE_ASSISTANT) {
			t = write_assistant(&h, t);
			continue;
		}
		if (t->role == ROLE_SYSTEM)
			write_system(&h, t);
		else
			write_turn(&h, t);
		t = t->next;
	}
	write_opening(&h, NULL);
	*out = h.head;
	left = results_left(h.results);
	if (left)
		return history_refuse(
		    left, err, "tool result without a call of that id");
	if (h.head == NULL)
		return error_param(err,
		    chat->turns ? str_cstr(a, chat->turns->path) : "messages",
		    "nothing is said");
	return 0;
}

struct str
history_text(struct arena *a, const struct part *parts, const char *sep)
{
	struct buf *text = buf_new(a, MAX_TEXT_BYTES);
	const struct part *p;

	for (p = parts; p; p = p->next) {
		if (p->kind != PART_TEXT && p->kind != PART_REFUSAL)
			continue;
		if (text->n > 0)
			buf_addz(text, sep);
		buf_adds(text, p->text);
	}
	return buf_str(text);
}

struct str
history_document(struct arena *a, const struct part *part)
{
	return str_of(
	    arena_printf(a, "<document name=\"%.*s\">\n%.*s\n</document>",
		STR_ARG(part->name), STR_ARG(part->text)));
}

/* A call of the history, and where it stands. */
struct named {
	const struct part *call;
	size_t place;
};

static int
by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int rc = str_cmp(x->call->name, y->call->name);

	if (rc != 0)
		return rc;
	return x->place < y->place ? -1 : x->place > y->place;
}

static int
by_place(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return x->place < y->place ? -1 : x->place > y->place;
}

/* The first call of each name, in order of appearance. */
static struct named *
first_calls(struct arena *a, const struct chat *chat, size_t *n)
{
	struct named *list;
	const struct turn *t;
	const struct part *p;
	size_t all = 0, i;

	for (t = chat->turns; t; t = t->next)
		for (p = t->parts; p; p = p->next)
			all += p->kind == PART_TOOL_CALL;
	list = ARENA_ARRAY(a, struct named, all + 1);
	for (all = 0, t = chat->turns; t; t = t->next)
		for (p = t->parts; p; p = p->next)
			if (p->kind == PART_TOOL_CALL) {
				list[all] = (struct named){ p, all };
				all++;
			}
	qsort(list, all, sizeof(*list), by_name);
	for (*n = i = 0; i < all; i++)
		if (*n == 0 ||
		    !str_eq(list[i].call->name, list[*n - 1].call->name))
			list[(*n)++] = list[i];
	qsort(list, *n, sizeof(*list), by_place);
	return list;
}

bool
history_is_media(const struct part *part)
{
	return part->kind == PART_IMAGE || part->kind == PART_AUDIO ||
	    (part->kind == PART_DOCUMENT && !part->text.p);
}

const struct tool *
history_tools(struct arena *a, const struct chat *chat)
{
	struct tool *list = NULL, **tail = &list;
	struct named *first;
	size_t i, n;

	if (chat->tools)
		return chat->tools;
	first = first_calls(a, chat, &n);
	for (i = 0; i < n; i++) {
		*tail = ARENA_NEW(a, struct tool);
		(*tail)->name = first[i].call->name;
		(*tail)->custom = first[i].call->custom;
		tail = &(*tail)->next;
	}
	return list;
}

static unsigned
count_marks(const struct part *p)
{
	unsigned n = 0;

	for (; p; p = p->next)
		n += (p->cache_mark != CACHE_MARK_NONE) + count_marks(p->parts);
	return n;
}

void
history_lose_prefill(struct chat *chat, const struct turn *turns)
{
	while (turns->next)
		turns = turns->next;
	if (chat->dialect == WIRE_ANTHROPIC && turns->role == ROLE_ASSISTANT)
		chat_lose(chat, "messages.prefill");
}

void
history_lose_user(struct chat *chat)
{
	if (chat->user.n > 0)
		chat_lose(chat, "%s",
		    chat->dialect == WIRE_ANTHROPIC ? "metadata.user_id"
						    : "user");
}

void
history_lose_marks(struct chat *chat, unsigned carried)
{
	const struct tool *tool;
	const struct turn *t;
	unsigned n = 0;

	for (t = chat->turns; t; t = t->next)
		n += count_marks(t->parts);
	for (tool = chat->tools; tool; tool = tool->next)
		n += tool->cache_mark != CACHE_MARK_NONE;
	if (n > carried)
		chat_lose(chat, "%s",
		    chat->dialect == WIRE_ANTHROPIC
			? "cache_control"
			: "prompt_cache_breakpoint");
}

int
history_refuse(const struct part *part, struct error *err, const char *why)
{
	if (err->kind != ERROR_NONE)
		return -1;
	(void)error_set(
	    err, ERROR_BAD_REQUEST, "%.*s: %s", STR_ARG(part->path), why);
	(void)snprintf(
	    err->param, sizeof(err->param), "%.*s", STR_ARG(part->path));
	return -1;
}
