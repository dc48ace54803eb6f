/* SPDX-License-Identifier: MIT */
/*
 * What must hold of a stream that passed as a provider sent it: a vendor may
 * say more, and say it otherwise, than our own grammar has, but the frames
 * are whole, what we have edited in them is JSON, and the end comes once.
 */
#include "core/grammar.h"

#include "core/arena.h"
#include "core/error.h"
#include "core/grammar_parts.h"

struct passed {
	struct grammar g;
	enum wire wire;
	struct str event;
	struct buf *data; /* of the frame, its lines joined */
	bool has_data;
};

/* Types of events that end a stream. */
static const struct {
	enum wire wire;
	const char *type;
} ends[] = {
	{ WIRE_ANTHROPIC, "\"message_stop\"" },
	{ WIRE_ANTHROPIC, "\"error\"" },
	{ WIRE_ANTHROPIC, "\"message\"" }, /* the answer as one event */
	{ WIRE_OPENAI_RESPONSES, "\"response.completed\"" },
	{ WIRE_OPENAI_RESPONSES, "\"response.incomplete\"" },
	{ WIRE_OPENAI_RESPONSES, "\"response.failed\"" },
	{ WIRE_OPENAI_RESPONSES, "\"error\"" },
};

static bool
is_end(const struct passed *p, struct str doc)
{
	size_t i;

	if (p->wire == WIRE_OPENAI_CHAT)
		return has(doc, "error");
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends[i].wire == p->wire && is(doc, "type", ends[i].type))
			return true;
	return false;
}

/* What may still come: the word for clients that know no other end. */
static bool
may_follow(const struct passed *p, struct str doc)
{
	return is(doc, "type", "\"ping\"") ||
	    (p->g.failed && is(doc, "type", "\"error\""));
}

static int
take_document(struct passed *p, struct str doc)
{
	struct grammar *g = &p->g;
	struct error err = { 0 };
	struct str type;

	if (jtext_check(doc, &err) != 0)
		return bad(g, "data is no JSON: %s", err.msg);
	type = get(doc, "type");
	if (p->wire == WIRE_ANTHROPIC &&
	    !str_eq(p->event, jtext_string(g->arena, type)))
		return bad(g, "event name and type differ");
	if (g->ended && !may_follow(p, doc))
		return bad(g, "after the end");
	g->failed |= str_is(type, "\"response.failed\"");
	/* Some vendors' streams have no other end than this. */
	g->finished |= has(doc, "choices.0.finish_reason");
	g->ended |= is_end(p, doc);
	return 0;
}

static int
take_frame(struct passed *p)
{
	struct str data = buf_str(p->data);
	int rc = 0;

	p->g.frames++;
	if (str_is(data, "[DONE]"))
		p->g.ended = true;
	else
		rc = take_document(p, data);
	buf_reset(p->data);
	p->has_data = false;
	p->event = STR_NONE;
	return rc;
}

/* Comments and unknown fields are nobody's loss. */
static void
take_line(struct passed *p, struct str line)
{
	struct str value, name;

	value = str_trim(str_split(line, ':', &name));
	if (str_is(name, "data")) {
		if (p->has_data)
			buf_addch(p->data, '\n');
		buf_adds(p->data, value);
		p->has_data = true;
	} else if (str_is(name, "event")) {
		p->event = value;
	}
}

static int
take_all(struct passed *p, struct str stream)
{
	struct str line;

	while (stream.n > 0) {
		stream = str_split(stream, '\n', &line);
		line = str_trim(line);
		if (line.n > 0)
			take_line(p, line);
		else if (p->has_data && take_frame(p) != 0)
			return -1;
	}
	/* Some leave out the empty line behind the last one. */
	if (p->has_data && take_frame(p) != 0)
		return -1;
	return p->g.ended || p->g.finished
	    ? 0
	    : bad(&p->g, "the stream has no end");
}

int
grammar_check_passed(enum wire wire, struct str stream, char *why, size_t n)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct passed p = { .wire = wire,
		.g = { .arena = a, .why = why, .why_n = n },
		.data = buf_new(a, (size_t)256 << 20) };
	int rc = take_all(&p, stream);

	arena_free(a);
	return rc;
}
