/* SPDX-License-Identifier: MIT */
#include "core/grammar.h"

#include "core/arena.h"
#include "core/error.h"
#include "core/grammar_parts.h"

static void
add_args(struct grammar *g, struct str raw)
{
	buf_adds(g->args, jtext_string(g->arena, raw));
}

static int
end_args(struct grammar *g, bool may_be_empty)
{
	struct error err = { 0 };
	struct str args = buf_str(g->args);

	if (!g->in_call)
		return 0;
	g->in_call = false;
	if (args.n == 0 && may_be_empty)
		return 0;
	if (args.n == 0 || args.p[0] != '{' || jtext_check(args, &err) != 0)
		return bad_args(g, args);
	return 0;
}

/* ---- Chat Completions ---- */

static int
chat_call(struct grammar *g, struct str call)
{
	int64_t index;

	if (str_i64(get(call, "index"), 0, 1000, &index) != 0)
		return bad(g, "tool call without index");
	if (index == g->calls) {
		if (end_args(g, false) != 0)
			return -1;
		if (!has(call, "id") || !has(call, "type"))
			return bad(g, "tool call without id or type");
		if (!has(call, "function.name") && !has(call, "custom.name"))
			return bad(g, "tool call without name");
		g->calls++;
		buf_reset(g->args);
		g->in_call = is(call, "type", "\"function\"");
		return 0;
	}
	if (index != g->calls - 1 || has(call, "id"))
		return bad(g, "tool call %ld out of order", (long)index);
	if (has(call, "function.arguments"))
		add_args(g, get(call, "function.arguments"));
	return 0;
}

static int
chat_choice(struct grammar *g, struct str choice)
{
	struct str delta = get(choice, "delta"), calls, call;
	size_t pos = 0;

	if (g->finished)
		return bad(g, "content after finish_reason");
	if (delta.p == NULL || delta.p[0] != '{' || !is(choice, "index", "0"))
		return bad(g, "choice without delta or index");
	if (g->started == has(delta, "role"))
		return bad(g, "role in the wrong place");
	g->started = true;
	calls = get(delta, "tool_calls");
	while (calls.p != NULL && jtext_item(calls, &pos, &call)) {
		if (chat_call(g, call) != 0)
			return -1;
	}
	if (!has(choice, "finish_reason"))
		return 0;
	g->finished = true;
	if (!str_is(delta, "{}"))
		return bad(g, "finish_reason beside content");
	return end_args(g, false);
}

static int
chat_done(struct grammar *g)
{
	g->ended = true;
	return g->finished ? 0 : bad(g, "[DONE] before finish_reason");
}

static int
chat_frame(struct grammar *g, struct str event, struct str doc,
    const char *object,
    int (*check_choice)(struct grammar *g, struct str choice))
{
	struct str choices = get(doc, "choices"), choice;
	size_t pos = 0;

	if (event.p != NULL)
		return bad(g, "a named event");
	if (has(doc, "error")) {
		g->ended = true;
		return 0;
	}
	if (!is(doc, "object", object) || !has(doc, "created") ||
	    !has(doc, "model") || !has(doc, "id"))
		return bad(g, "chunk lacks a member");
	if (g->id.p == NULL)
		g->id = get(doc, "id");
	if (!str_eq(g->id, get(doc, "id")))
		return bad(g, "another id");
	if (choices.p == NULL)
		return bad(g, "chunk without choices");
	if (jtext_item(choices, &pos, &choice))
		return check_choice(g, choice);
	if (!g->finished || g->has_usage || !has(doc, "usage"))
		return bad(g, "usage chunk in the wrong place");
	g->has_usage = true;
	return 0;
}

/* ---- legacy completions ---- */

static int
completion_choice(struct grammar *g, struct str choice)
{
	if (g->finished)
		return bad(g, "text after finish_reason");
	if (!has(choice, "text") || !is(choice, "index", "0"))
		return bad(g, "choice without text or index");
	g->finished = has(choice, "finish_reason");
	return 0;
}

/* ---- Messages ---- */

static int
message_start(struct grammar *g, struct str doc)
{
	if (g->started)
		return bad(g, "a second message_start");
	g->started = true;
	if (!has(doc, "message.id") || !is(doc, "message.content", "[]") ||
	    !has(doc, "message.usage.input_tokens"))
		return bad(g, "message lacks a member");
	return 0;
}

static int
block_start(struct grammar *g, struct str doc)
{
	if (g->block.p != NULL || g->finished)
		return bad(g, "block inside a block, or after the end");
	g->block = get(doc, "content_block.type");
	buf_reset(g->args);
	g->in_call = str_is(g->block, "\"tool_use\"");
	if (g->in_call &&
	    (!has(doc, "content_block.id") || !has(doc, "content_block.name") ||
		!is(doc, "content_block.input", "{}")))
		return bad(g, "tool_use lacks a member");
	return 0;
}

static int
block_delta(struct grammar *g, struct str doc)
{
	static const struct {
		const char *block, *delta, *member;
	} pairs[] = {
		{ "\"text\"", "\"text_delta\"", "delta.text" },
		{ "\"text\"", "\"citations_delta\"", "delta.citation" },
		{ "\"thinking\"", "\"thinking_delta\"", "delta.thinking" },
		{ "\"thinking\"", "\"signature_delta\"", "delta.signature" },
		{ "\"tool_use\"", "\"input_json_delta\"",
		    "delta.partial_json" },
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (!str_is(g->block, pairs[i].block) ||
		    !is(doc, "delta.type", pairs[i].delta))
			continue;
		if (!has(doc, pairs[i].member))
			return bad(g, "delta without text");
		if (g->in_call)
			add_args(g, get(doc, pairs[i].member));
		return 0;
	}
	return bad(g, "delta of another kind than its block");
}

static int
block_stop(struct grammar *g, struct str doc)
{
	(void)doc;
	if (g->block.p == NULL)
		return bad(g, "no block is open");
	g->block = STR_NONE;
	g->index++;
	return end_args(g, true);
}

static int
message_delta(struct grammar *g, struct str doc)
{
	if (g->block.p != NULL || g->finished)
		return bad(g, "message_delta in the wrong place");
	g->finished = true;
	if (!has(doc, "delta.stop_reason") || !has(doc, "usage.output_tokens"))
		return bad(g, "message_delta lacks a member");
	return 0;
}

static int
message_stop(struct grammar *g, struct str doc)
{
	(void)doc;
	g->ended = true;
	return g->finished ? 0 : bad(g, "message_stop without message_delta");
}

static int
message_ping(struct grammar *g, struct str doc)
{
	(void)g;
	(void)doc;
	return 0;
}

static int
message_error(struct grammar *g, struct str doc)
{
	g->started = g->ended = true;
	return has(doc, "error.message") ? 0 : bad(g, "error without message");
}

static const struct {
	const char *event;
	int (*check)(struct grammar *g, struct str doc);
	bool indexed;
} events[] = {
	{ "message_start", message_start, false },
	{ "content_block_start", block_start, true },
	{ "content_block_delta", block_delta, true },
	{ "content_block_stop", block_stop, true },
	{ "message_delta", message_delta, false },
	{ "message_stop", message_stop, false },
	{ "ping", message_ping, false },
	{ "error", message_error, false },
};

static int
message_frame(struct grammar *g, struct str event, struct str doc)
{
	struct str type = jtext_string(g->arena, get(doc, "type"));
	int64_t index;
	size_t i;

	if (event.p == NULL || !str_eq(event, type))
		return bad(g, "event name and type differ");
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (!str_is(event, events[i].event))
			continue;
		if (events[i].indexed &&
		    (str_i64(get(doc, "index"), 0, 10000, &index) != 0 ||
			index != g->index))
			return bad(g, "wrong index");
		if (events[i].check(g, doc) != 0)
			return -1;
		return g->started ? 0 : bad(g, "before message_start");
	}
	return bad(g, "unknown event %.*s", STR_ARG(event));
}

/* ---- frames ---- */

static int
check_data(struct grammar *g, enum wire wire, struct str event, struct str doc)
{
	switch (wire) {
	case WIRE_OPENAI_CHAT:
		return chat_frame(
		    g, event, doc, "\"chat.completion.chunk\"", chat_choice);
	case WIRE_OPENAI_COMPLETIONS:
		return chat_frame(
		    g, event, doc, "\"text_completion\"", completion_choice);
	case WIRE_OPENAI_RESPONSES:
		return grammar_response(g, event, doc);
	case WIRE_ANTHROPIC:
		return message_frame(g, event, doc);
	case WIRE_NONE:
	case WIRE_GEMINI:
		break;
	}
	return bad(g, "no grammar");
}

static int
check_frame(struct grammar *g, enum wire wire, struct str frame)
{
	struct str line, event = STR_NONE, data;
	struct error err = { 0 };

	g->frames++;
	if (g->ended)
		return bad(g, "after the end");
	if (frame.n > 0 && frame.p[0] == ':')
		return 0;
	data = str_split(frame, '\n', &line);
	if (str_starts(line, "event: "))
		event = str_skip(line, 7);
	else
		data = frame;
	if (!str_starts(data, "data: ") || str_find(data, STR("\n")) >= 0)
		return bad(g, "not one data line");
	data = str_skip(data, 6);
	if ((wire == WIRE_OPENAI_CHAT || wire == WIRE_OPENAI_COMPLETIONS) &&
	    str_is(data, "[DONE]"))
		return chat_done(g);
	if (jtext_check(data, &err) != 0)
		return bad(g, "data is no JSON: %s", err.msg);
	return check_data(g, wire, event, data);
}

static int
check_all(struct grammar *g, enum wire wire, struct str stream)
{
	long end;

	while (stream.n > 0) {
		end = str_find(stream, STR("\n\n"));
		if (end < 0)
			return bad(g, "no empty line at the end");
		if (check_frame(g, wire,
			(struct str){ .p = stream.p, .n = (size_t)end }) != 0)
			return -1;
		stream = str_skip(stream, (size_t)end + 2);
	}
	return g->ended || g->failed ? 0 : bad(g, "the stream has no end");
}

int
grammar_check(enum wire wire, struct str stream, char *why, size_t n)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct grammar g = { .arena = a,
		.why = why,
		.why_n = n,
		.args = buf_new(a, (size_t)64 << 20) };
	int rc = check_all(&g, wire, stream);

	arena_free(a);
	return rc == 0 && g.odd_args ? GRAMMAR_ODD_ARGUMENTS : rc;
}
