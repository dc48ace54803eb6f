/* SPDX-License-Identifier: MIT */
/* The grammar of Responses streams: wire.md §2.4, §2.5. */
#include <string.h>

#include "core/error.h"
#include "core/grammar_parts.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the response object ---- */

static int
check_object(struct grammar *g, struct str doc)
{
	static const char *const keys[] = { "id", "created_at", "status",
		"error", "incomplete_details", "instructions", "metadata",
		"model", "output", "parallel_tool_calls", "temperature",
		"tool_choice", "tools", "top_p", "usage", "access_programs" };
	struct str response = get(doc, "response");
	size_t i;

	if (response.p == NULL || response.p[0] != '{' ||
	    !is(response, "object", "\"response\""))
		return bad(g, "no response object");
	for (i = 0; i < COUNT(keys); i++) {
		if (get(response, keys[i]).p == NULL)
			return bad(g, "response lacks %s", keys[i]);
	}
	return 0;
}

static int
check_status(struct grammar *g, struct str doc, const char *status)
{
	if (check_object(g, doc) != 0)
		return -1;
	if (!is(doc, "response.status", status))
		return bad(g, "status is not %s", status);
	return 0;
}

static int64_t
length(struct str array)
{
	struct str item;
	size_t pos = 0;
	int64_t n = 0;

	while (jtext_item(array, &pos, &item))
		n++;
	return n;
}

static int
on_created(struct grammar *g, struct str doc)
{
	if (g->started)
		return bad(g, "created twice");
	g->started = true;
	return check_status(g, doc, "\"in_progress\"");
}

static int
on_in_progress(struct grammar *g, struct str doc)
{
	if (g->index > 0 || g->item.p != NULL)
		return bad(g, "in_progress after items");
	return check_status(g, doc, "\"in_progress\"");
}

static int
finish(struct grammar *g, struct str doc, const char *status)
{
	g->ended = true;
	if (g->item.p != NULL)
		return bad(g, "an item is open at the end");
	if (check_status(g, doc, status) != 0)
		return -1;
	if (length(get(doc, "response.output")) != g->index)
		return bad(g, "output has other items than the stream");
	if (!has(doc, "response.usage.input_tokens") ||
	    !has(doc, "response.usage.total_tokens"))
		return bad(g, "no usage");
	return 0;
}

static int
on_completed(struct grammar *g, struct str doc)
{
	return finish(g, doc, "\"completed\"");
}

static int
on_incomplete(struct grammar *g, struct str doc)
{
	if (!has(doc, "response.incomplete_details.reason"))
		return bad(g, "incomplete for no reason");
	return finish(g, doc, "\"incomplete\"");
}

static int
on_failed(struct grammar *g, struct str doc)
{
	g->failed = true;
	if (!has(doc, "response.error.code") ||
	    !has(doc, "response.error.message"))
		return bad(g, "failed without an error");
	return check_status(g, doc, "\"failed\"");
}

static int
on_error(struct grammar *g, struct str doc)
{
	g->ended = true;
	if (!g->failed)
		return bad(g, "error before response.failed");
	if (!has(doc, "error.message") || !has(doc, "message"))
		return bad(g, "error without message");
	return 0;
}

/* ---- items ---- */

/* The member with an item's whole text; absent for one without. */
static struct str
text_of(struct str item, struct str type)
{
	static const struct {
		const char *type, *path;
	} texts[] = {
		{ "\"message\"", "content.0.text" },
		{ "\"message\"", "content.0.refusal" },
		{ "\"function_call\"", "arguments" },
		{ "\"custom_tool_call\"", "input" },
		{ "\"reasoning\"", "summary.0.text" },
	};
	struct str text = STR_NONE;
	size_t i;

	for (i = 0; i < COUNT(texts) && text.p == NULL; i++) {
		if (str_is(type, texts[i].type))
			text = get(item, texts[i].path);
	}
	return text;
}

static int
on_added(struct grammar *g, struct str doc)
{
	struct str item = get(doc, "item"), text;

	if (g->item.p != NULL)
		return bad(g, "an item inside an item");
	if (item.p == NULL || item.p[0] != '{' || !has(item, "id"))
		return bad(g, "item without id");
	g->item = get(item, "type");
	g->id = get(item, "id");
	g->in_part = g->closed = false;
	buf_reset(g->args);
	text = text_of(item, g->item);
	if (text.p != NULL && !str_is(text, "\"\""))
		return bad(g, "an item that begins with text");
	return 0;
}

static int
check_arguments(struct grammar *g)
{
	struct str args = buf_str(g->args);
	struct error err = { 0 };

	if (!str_is(g->item, "\"function_call\""))
		return 0;
	if (args.n == 0 || args.p[0] != '{' || jtext_check(args, &err) != 0)
		return bad_args(g, args);
	return 0;
}

static int
check_text(struct grammar *g, struct str raw)
{
	struct str text = jtext_string(g->arena, raw);

	if (!str_eq(text, buf_str(g->args)))
		return bad(g, "text is not the sum of its deltas");
	return 0;
}

/* Of a search for tools there is one kind: it has no name. */
static bool
is_search(struct str type)
{
	return str_is(type, "\"tool_search_call\"");
}

static int
on_done(struct grammar *g, struct str doc)
{
	struct str item = get(doc, "item"), text;

	if (g->item.p == NULL || !str_eq(get(item, "type"), g->item) ||
	    !str_eq(get(item, "id"), g->id))
		return bad(g, "another item is done");
	if (g->in_part || (g->args->n > 0 && !g->closed))
		return bad(g, "item done before its content");
	text = text_of(item, g->item);
	if (text.p != NULL && check_text(g, text) != 0)
		return -1;
	if (strstr(g->item.p, "_call\"") == g->item.p + g->item.n - 6 &&
	    (!has(item, "call_id") ||
		!has(item, is_search(g->item) ? "arguments" : "name")))
		return bad(g, "a call without call_id or name");
	if (check_arguments(g) != 0)
		return -1;
	g->item = STR_NONE;
	g->index++;
	return 0;
}

static int
on_part_added(struct grammar *g, struct str doc)
{
	if (g->in_part || !has(doc, "part.type"))
		return bad(g, "a part inside a part, or none");
	g->in_part = true;
	return 0;
}

static int
on_part_done(struct grammar *g, struct str doc)
{
	if (!g->in_part || !g->closed || !has(doc, "part.type"))
		return bad(g, "part done before its text");
	g->in_part = false;
	return 0;
}

static int
on_annotation(struct grammar *g, struct str doc)
{
	if (!g->in_part || g->closed || !has(doc, "annotation.type"))
		return bad(g, "an annotation of nothing");
	return 0;
}

/* ---- texts ---- */

static const struct {
	const char *event, *item, *done; /* done: its member; NULL: a delta */
	bool in_part;
} texts[] = {
	{ "response.output_text.delta", "\"message\"", NULL, true },
	{ "response.output_text.done", "\"message\"", "text", true },
	{ "response.refusal.delta", "\"message\"", NULL, true },
	{ "response.refusal.done", "\"message\"", "refusal", true },
	{ "response.reasoning_summary_text.delta", "\"reasoning\"", NULL,
	    true },
	{ "response.reasoning_summary_text.done", "\"reasoning\"", "text",
	    true },
	{ "response.function_call_arguments.delta", "\"function_call\"", NULL,
	    false },
	{ "response.function_call_arguments.done", "\"function_call\"",
	    "arguments", false },
	{ "response.custom_tool_call_input.delta", "\"custom_tool_call\"", NULL,
	    false },
	{ "response.custom_tool_call_input.done", "\"custom_tool_call\"",
	    "input", false },
};

static int
on_text(struct grammar *g, size_t which, struct str doc)
{
	if (!str_is(g->item, texts[which].item) ||
	    g->in_part != texts[which].in_part || g->closed)
		return bad(g, "text of another kind than its item");
	if (texts[which].done != NULL) {
		g->closed = true;
		return check_text(g, get(doc, texts[which].done));
	}
	if (!has(doc, "delta"))
		return bad(g, "delta without text");
	buf_adds(g->args, jtext_string(g->arena, get(doc, "delta")));
	return 0;
}

/* ---- events ---- */

enum about {
	ABOUT_RESPONSE,
	ABOUT_ITEM, /* has output_index */
	ABOUT_PART  /* and item_id */
};

static const struct {
	const char *event;
	int (*check)(struct grammar *g, struct str doc);
	enum about about;
} events[] = {
	{ "response.created", on_created, ABOUT_RESPONSE },
	{ "response.in_progress", on_in_progress, ABOUT_RESPONSE },
	{ "response.completed", on_completed, ABOUT_RESPONSE },
	{ "response.incomplete", on_incomplete, ABOUT_RESPONSE },
	{ "response.failed", on_failed, ABOUT_RESPONSE },
	{ "error", on_error, ABOUT_RESPONSE },
	{ "response.output_item.added", on_added, ABOUT_ITEM },
	{ "response.output_item.done", on_done, ABOUT_ITEM },
	{ "response.content_part.added", on_part_added, ABOUT_PART },
	{ "response.content_part.done", on_part_done, ABOUT_PART },
	{ "response.output_text.annotation.added", on_annotation, ABOUT_PART },
	{ "response.reasoning_summary_part.added", on_part_added, ABOUT_PART },
	{ "response.reasoning_summary_part.done", on_part_done, ABOUT_PART },
};

static int
check_place(struct grammar *g, struct str doc, enum about about)
{
	int64_t index;

	if (about == ABOUT_RESPONSE)
		return 0;
	if (str_i64(get(doc, "output_index"), 0, 10000, &index) != 0 ||
	    index != g->index)
		return bad(g, "wrong output_index");
	if (about == ABOUT_PART && !str_eq(get(doc, "item_id"), g->id))
		return bad(g, "wrong item_id");
	return 0;
}

static int
check_event(struct grammar *g, struct str event, struct str doc)
{
	size_t i;

	for (i = 0; i < COUNT(events); i++) {
		if (str_is(event, events[i].event))
			return check_place(g, doc, events[i].about) != 0
			    ? -1
			    : events[i].check(g, doc);
	}
	for (i = 0; i < COUNT(texts); i++) {
		if (str_is(event, texts[i].event))
			return check_place(g, doc, ABOUT_PART) != 0
			    ? -1
			    : on_text(g, i, doc);
	}
	return bad(g, "unknown event %.*s", STR_ARG(event));
}

int
grammar_response(struct grammar *g, struct str event, struct str doc)
{
	struct str type = jtext_string(g->arena, get(doc, "type"));
	int64_t sequence;

	if (event.p == NULL || !str_eq(event, type))
		return bad(g, "event name and type differ");
	if (str_i64(get(doc, "sequence_number"), 0, 1000000, &sequence) != 0 ||
	    sequence != g->sequence++)
		return bad(g, "wrong sequence_number");
	if (g->failed && !str_is(event, "error"))
		return bad(g, "after response.failed");
	if (!g->started && !str_is(event, "response.created"))
		return bad(g, "before response.created");
	return check_event(g, event, doc);
}
