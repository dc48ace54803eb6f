/* SPDX-License-Identifier: MIT */
/*
 * Reading Messages answers.  A stream's message_start, content_block_start
 * and message_delta carry the same objects as a whole message does, so the
 * same readers serve both.  Blocks come strictly one after the other; those
 * of kinds we do not know (server tools and what they found) are lost.
 *
 * Source: wire.md §3.5, §3.6.
 */
#include "providers/anthropic.h"

#include <stdio.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/event.h"
#include "core/frame.h"
#include "core/jtree.h"
#include "core/sink.h"
#include "core/usage.h"

#include "providers/answer.h"
#include "providers/anthropic_usage.h"
#include "providers/likeness.h"
#include "providers/names.h"

struct anthropic {
	struct decoder decoder;
	struct arena *arena;
	struct arena *scratch; /* reset after each frame */
	const struct ask *ask;
	struct sink *out; /* of the frame being read */
	bool started;
	bool complete; /* message_stop seen, or a whole message */
	bool open;     /* a block we know is open: its index */
	int64_t index;
	int64_t chars; /* of text in it */
	struct anthropic_usage usage;
	struct str data;      /* of the frame being read */
	struct likeness like; /* of frames that bring text only */
};

static int
put(struct anthropic *o, struct event ev, struct error *err)
{
	ev.key = (int)o->index;
	return sink_put(o->out, &ev, err);
}

/* Pages have one, and a client's search results mostly; what its documents
 * say has none. */
static struct str
address(const struct jnode *citation)
{
	struct str url = answer_str(citation, "url");
	struct str source = answer_str(citation, "source");

	if (url.n > 0)
		return url;
	return str_starts(source, "https://") || str_starts(source, "http://")
	    ? source
	    : STR_NONE;
}

static int
put_citation(struct anthropic *o, const struct jnode *at, struct error *err)
{
	const struct citation c = { .url = address(at),
		.title = answer_str(at, "title"),
		.quote = answer_str(at, "cited_text"),
		.end = o->chars };

	if (!o->open || c.url.n == 0)
		return answer_lost(o->out, EVENT_LOST_SOURCE, err);
	return put(
	    o, (struct event){ .kind = EVENT_CITATION, .citation = &c }, err);
}

static int
put_text(struct anthropic *o, enum event_kind kind, struct str text,
    struct error *err)
{
	if (!o->open || text.n == 0)
		return 0;
	if (kind == EVENT_DELTA)
		o->chars += citation_chars(text);
	return put(o, (struct event){ .kind = kind, .text = text }, err);
}

static int
read_usage(struct anthropic *o, const struct jnode *in, struct error *err)
{
	struct usage usage;

	if (!anthropic_usage_read(&o->usage, in, &usage))
		return 0;
	return put(
	    o, (struct event){ .kind = EVENT_USAGE, .usage = &usage }, err);
}

static const struct {
	const char *word;
	enum stop_reason stop;
} stop_words[] = {
	{ "end_turn", STOP_END },
	{ "max_tokens", STOP_LENGTH },
	{ "stop_sequence", STOP_SEQUENCE },
	{ "tool_use", STOP_TOOL },
	{ "pause_turn", STOP_PAUSE },
	{ "compaction", STOP_PAUSE },
	{ "refusal", STOP_REFUSAL },
	{ "model_context_window_exceeded", STOP_CONTEXT },
};

static int
read_stop(struct anthropic *o, const struct jnode *in, struct error *err)
{
	struct str word = answer_str(in, "stop_reason");
	struct event ev = { .kind = EVENT_STOP, .stop = STOP_END };
	struct jnode details;

	if (word.n == 0)
		return 0;
	for (size_t i = 0; i < sizeof(stop_words) / sizeof(*stop_words); i++)
		if (str_is(word, stop_words[i].word))
			ev.stop = stop_words[i].stop;
	if (ev.stop == STOP_SEQUENCE)
		ev.text = answer_str(in, "stop_sequence");
	else if (jtree_find(in, "stop_details", &details))
		ev.text = answer_str(&details, "explanation");
	return put(o, ev, err);
}

/* Kinds of blocks, and the members that hold what they begin with. */
static const struct {
	const char *type;
	enum block_kind block;
	const char *text;      /* NULL: none */
	const char *signature; /* NULL: none */
} block_types[] = {
	{ "text", BLOCK_TEXT, "text", NULL },
	{ "thinking", BLOCK_THINKING, "thinking", "signature" },
	{ "redacted_thinking", BLOCK_REDACTED, NULL, "data" },
	{ "tool_use", BLOCK_TOOL, NULL, NULL },
};

/* {} stands for the pieces that are to come, or for no arguments at all. */
static int
read_input(struct anthropic *o, const struct jnode *block, struct error *err)
{
	struct jnode input;

	if (!jtree_find(block, "input", &input) ||
	    !json_object_is_type(input.v, json_type_object) ||
	    json_object_object_length(input.v) == 0)
		return 0;
	return put_text(o, EVENT_DELTA, jtree_text(o->scratch, &input), err);
}

static int
read_citations(
    struct anthropic *o, const struct jnode *block, struct error *err)
{
	struct jnode list, item;
	size_t i;

	(void)jtree_find(block, "citations", &list);
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		if (put_citation(o, &item, err) != 0)
			return -1;
	}
	return 0;
}

static int
open_block(struct anthropic *o, size_t type, const struct jnode *block,
    struct error *err)
{
	struct event ev = { .kind = EVENT_OPEN };

	ev.block = block_types[type].block;
	o->open = true;
	o->chars = 0;
	if (ev.block == BLOCK_TOOL) {
		ev.id = answer_str(block, "id");
		ev.name = name_back(
		    o->ask, answer_str(block, "name"), WIRE_ANTHROPIC);
	}
	if (put(o, ev, err) != 0)
		return -1;
	if (block_types[type].text &&
	    put_text(o, EVENT_DELTA, answer_str(block, block_types[type].text),
		err) != 0)
		return -1;
	if (block_types[type].signature &&
	    put_text(o, EVENT_SIGNATURE,
		answer_str(block, block_types[type].signature), err) != 0)
		return -1;
	if (ev.block == BLOCK_TEXT)
		return read_citations(o, block, err);
	return ev.block == BLOCK_TOOL ? read_input(o, block, err) : 0;
}

static int
close_block(struct anthropic *o, struct error *err)
{
	if (!o->open)
		return 0;
	o->open = false;
	return put(o, (struct event){ .kind = EVENT_CLOSE }, err);
}

static int
read_block(struct anthropic *o, int64_t index, const struct jnode *block,
    struct error *err)
{
	size_t n = sizeof(block_types) / sizeof(*block_types);
	struct str type = answer_str(block, "type");

	if (close_block(o, err) != 0)
		return -1;
	if (index < 0 || index > INT32_MAX)
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider numbered a block absurdly");
	o->index = index;
	for (size_t i = 0; i < n; i++)
		if (str_is(type, block_types[i].type))
			return open_block(o, i, block, err);
	return answer_lost(o->out, type, err);
}

static int
start(struct anthropic *o, const struct jnode *message, struct error *err)
{
	struct str model = answer_str(message, "model");

	if (o->started)
		return 0;
	o->started = true;
	(void)snprintf(
	    o->usage.model, sizeof(o->usage.model), "%.*s", STR_ARG(model));
	return put(o,
	    (struct event){ .kind = EVENT_START,
		.id = answer_str(message, "id"),
		.name = model },
	    err);
}

/* A whole message. */
static int
on_message(struct anthropic *o, const struct jnode *root, struct error *err)
{
	struct jnode content, block;
	size_t i;

	if (start(o, root, err) != 0)
		return -1;
	(void)jtree_find(root, "content", &content);
	for (i = 0; i < jtree_len(&content); i++) {
		block = jtree_item(&content, i);
		if (read_block(o, (int64_t)i, &block, err) != 0)
			return -1;
	}
	o->complete = true;
	if (close_block(o, err) != 0 || read_usage(o, root, err) != 0)
		return -1;
	return read_stop(o, root, err);
}

static int
on_start(struct anthropic *o, const struct jnode *root, struct error *err)
{
	struct jnode message;

	(void)jtree_find(root, "message", &message);
	if (start(o, &message, err) != 0)
		return -1;
	return read_usage(o, &message, err);
}

static int
on_block(struct anthropic *o, const struct jnode *root, struct error *err)
{
	struct jnode block;
	int64_t index = 0;

	(void)answer_count(root, "index", &index);
	(void)jtree_find(root, "content_block", &block);
	return read_block(o, index, &block, err);
}

/* Kinds of deltas, the member with the piece, and what it becomes. */
static const struct {
	const char *type, *key;
	enum event_kind kind;
} delta_types[] = {
	{ "text_delta", "text", EVENT_DELTA },
	{ "input_json_delta", "partial_json", EVENT_DELTA },
	{ "thinking_delta", "thinking", EVENT_DELTA },
	{ "signature_delta", "signature", EVENT_SIGNATURE },
};

static int
on_delta(struct anthropic *o, const struct jnode *root, struct error *err)
{
	size_t n = sizeof(delta_types) / sizeof(*delta_types);
	struct jnode delta, citation;
	struct str type, piece;

	(void)jtree_find(root, "delta", &delta);
	type = answer_str(&delta, "type");
	if (jtree_find(&delta, "citation", &citation))
		return put_citation(o, &citation, err);
	for (size_t i = 0; i < n; i++) {
		if (!str_is(type, delta_types[i].type))
			continue;
		piece = answer_str(&delta, delta_types[i].key);
		if (str_is(type, "text_delta"))
			likeness_learn(&o->like, o->data, "text", piece);
		return put_text(o, delta_types[i].kind, piece, err);
	}
	return 0;
}

static int
on_block_stop(struct anthropic *o, const struct jnode *root, struct error *err)
{
	(void)root;
	return close_block(o, err);
}

static int
on_message_delta(
    struct anthropic *o, const struct jnode *root, struct error *err)
{
	struct jnode delta;

	(void)jtree_find(root, "delta", &delta);
	if (read_usage(o, root, err) != 0)
		return -1;
	return read_stop(o, &delta, err);
}

static int
on_message_stop(
    struct anthropic *o, const struct jnode *root, struct error *err)
{
	(void)root;
	(void)err;
	o->complete = true;
	return 0;
}

static int
on_ping(struct anthropic *o, const struct jnode *root, struct error *err)
{
	(void)root;
	return put(o, (struct event){ .kind = EVENT_PING }, err);
}

static const struct {
	const char *type;
	int (*read)(struct anthropic *, const struct jnode *, struct error *);
} frame_types[] = {
	{ "content_block_delta", on_delta },
	{ "content_block_start", on_block },
	{ "content_block_stop", on_block_stop },
	{ "message", on_message },
	{ "message_delta", on_message_delta },
	{ "message_start", on_start },
	{ "message_stop", on_message_stop },
	{ "ping", on_ping },
};

static int
read_frame(struct anthropic *o, const struct frame *f, struct error *err)
{
	size_t n = sizeof(frame_types) / sizeof(*frame_types);
	struct jnode root;
	struct str type, piece;

	if (str_is(f->event, "content_block_delta") &&
	    likeness_match(&o->like, f->data, &piece))
		return put_text(o, EVENT_DELTA, piece, err);
	o->data = f->data;
	if (answer_json(o->scratch, f->data, &root, err) != 0 ||
	    answer_check(o->arena, f, &root, WIRE_ANTHROPIC, err) != 0)
		return -1;
	type = answer_str(&root, "type");
	for (size_t i = 0; i < n; i++)
		if (str_is(type, frame_types[i].type))
			return frame_types[i].read(o, &root, err);
	return 0;
}

static int
frame(struct decoder *d, const struct frame *f, struct sink *out,
    struct error *err)
{
	struct anthropic *o = (struct anthropic *)d;
	int rc;

	o->out = out;
	rc = read_frame(o, f, err);
	arena_reset(o->scratch);
	return rc;
}

static int
end(struct decoder *d, struct sink *out, struct error *err)
{
	(void)out;
	return ((struct anthropic *)d)->complete ? 0 : answer_cut(err);
}

struct decoder *
anthropic_decoder_new(
    struct arena *a, const struct target *t, const struct ask *ask)
{
	struct anthropic *o = ARENA_NEW(a, struct anthropic);

	(void)t;
	o->decoder = (struct decoder){ .frame = frame, .end = end };
	o->arena = a;
	o->ask = ask;
	o->scratch = arena_sub(a, ANSWER_SCRATCH_BYTES);
	return &o->decoder;
}
