/* SPDX-License-Identifier: MIT */
/*
 * Reading Chat Completions answers.  A chunk's delta and a whole answer's
 * message have the same members, so one reader serves both.
 *
 * Blocks: text, thinking and refusal take turns in one running block; each
 * tool call has its own, because their pieces may interleave.  STOP is held
 * back until the end, since vendors send finish_reason in various places.
 */
#include "providers/openai.h"

#include "core/arena.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/frame.h"
#include "core/jtree.h"
#include "core/order.h"
#include "core/sink.h"
#include "core/usage.h"

#include "providers/answer.h"

#define ID_TAIL_BYTES 40 /* of the answer's id, in ids that we make */

/* A tool call under way. */
struct call {
	int64_t index; /* the vendor's number */
	int key;
	struct str id;
	struct call *next; /* the one before */
};

struct openai {
	struct decoder decoder;
	struct arena *arena;
	struct arena *scratch; /* reset after each frame */
	struct sink *out;      /* of the frame being read */
	unsigned quirks;
	bool started;
	bool finished; /* finish_reason or [DONE] seen, or a whole answer */
	bool stopped;  /* STOP passed on */
	bool refused;
	bool running; /* a block that is no call is open: its kind and key */
	enum block_kind kind;
	int key;
	int next_key;
	struct str id;
	struct call *calls; /* latest first */
	enum stop_reason stop;
};

/* Some words are no end but a failure. */
static const struct {
	const char *word;
	enum stop_reason stop;
	enum error_kind failure;
} finish_words[] = {
	{ "stop", STOP_END, ERROR_NONE }, { "length", STOP_LENGTH, ERROR_NONE },
	{ "model_length", STOP_LENGTH, ERROR_NONE }, /* Mistral */
	{ "tool_calls", STOP_TOOL, ERROR_NONE },
	{ "function_call", STOP_TOOL, ERROR_NONE },
	{ "content_filter", STOP_REFUSAL, ERROR_NONE },
	{ "error", STOP_NONE, ERROR_UP_BROKEN }, /* Mistral, OpenRouter */
	{ "insufficient_system_resource", STOP_NONE,
	    ERROR_UP_OVERLOADED }, /* DeepSeek */
};

static int
put(struct openai *o, struct event ev, struct error *err)
{
	return sink_put(o->out, &ev, err);
}

static int
close_running(struct openai *o, struct error *err)
{
	if (!o->running)
		return 0;
	o->running = false;
	return put(
	    o, (struct event){ .kind = EVENT_CLOSE, .key = o->key }, err);
}

/* A piece of text, thinking or refusal. */
static int
put_piece(
    struct openai *o, enum block_kind kind, struct str text, struct error *err)
{
	if (text.n == 0)
		return 0;
	if (!o->running || o->kind != kind) {
		if (close_running(o, err) != 0)
			return -1;
		o->running = true;
		o->kind = kind;
		o->key = o->next_key++;
		if (put(o,
			(struct event){
			    .kind = EVENT_OPEN, .key = o->key, .block = kind },
			err) != 0)
			return -1;
	}
	return put(o,
	    (struct event){ .kind = EVENT_DELTA, .key = o->key, .text = text },
	    err);
}

/* Mistral's {"type":"thinking","thinking":[{"type":"text","text":"..."}]} */
static int
read_thinking_part(
    struct openai *o, const struct jnode *part, struct error *err)
{
	struct jnode list, item;
	size_t i;

	(void)jtree_find(part, "thinking", &list);
	if (put_piece(o, BLOCK_THINKING, jtree_value_str(&list), err) != 0)
		return -1;
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		if (put_piece(
			o, BLOCK_THINKING, answer_str(&item, "text"), err) != 0)
			return -1;
	}
	return 0;
}

static int
read_content(struct openai *o, const struct jnode *content, struct error *err)
{
	struct jnode part;
	size_t i;

	if (put_piece(o, BLOCK_TEXT, jtree_value_str(content), err) != 0)
		return -1;
	for (i = 0; i < jtree_len(content); i++) {
		part = jtree_item(content, i);
		if (read_thinking_part(o, &part, err) != 0 ||
		    put_piece(o, BLOCK_TEXT, answer_str(&part, "text"), err) !=
			0)
			return -1;
	}
	return 0;
}

/* What a delta says about one call. */
struct call_piece {
	int64_t index; /* -1: not given */
	struct str id, name, text;
};

/*
 * Which call a piece belongs to.  Vendors leave out the index, or give every
 * call the same one; a piece with a name and a new id begins a call.
 */
static struct call *
find_call(struct openai *o, const struct call_piece *p)
{
	struct call *c = o->calls;

	if (p->index >= 0)
		while (c && c->index != p->index)
			c = c->next;
	else if (p->id.n > 0)
		while (c && !str_eq(c->id, p->id))
			c = c->next;
	else if (p->name.n > 0)
		return NULL;
	if (c && p->name.n > 0 && p->id.n > 0 && !str_eq(c->id, p->id))
		return NULL;
	return c;
}

/* An id for a call that has none: from the answer's own, so that it is new. */
static struct str
make_id(struct openai *o)
{
	size_t skip = o->id.n > ID_TAIL_BYTES ? o->id.n - ID_TAIL_BYTES : 0;
	char *id = arena_printf(o->arena, "call_%.*s_%d",
	    STR_ARG(str_skip(o->id, skip)), o->next_key);
	char *p;

	for (p = id; *p != '\0'; p++)
		if (!strchr("-_0123456789abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
			*p))
			*p = '_';
	return str_of(id);
}

static int
open_call(struct openai *o, const struct call_piece *p, struct call **out,
    struct error *err)
{
	struct call *c;

	if (o->next_key >= INT16_MAX)
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider's answer has too many parts");
	c = ARENA_NEW(o->arena, struct call);
	c->index = p->index;
	c->id = p->id.n > 0 ? str_dup(o->arena, p->id) : make_id(o);
	c->key = o->next_key++;
	c->next = o->calls;
	o->calls = *out = c;
	if (close_running(o, err) != 0)
		return -1;
	return put(o,
	    (struct event){ .kind = EVENT_OPEN,
		.key = c->key,
		.block = BLOCK_TOOL,
		.id = c->id,
		.name = p->name },
	    err);
}

static int
put_call(struct openai *o, const struct call_piece *p, struct error *err)
{
	struct call *c = find_call(o, p);

	if (!c && open_call(o, p, &c, err) != 0)
		return -1;
	if (p->text.n == 0)
		return 0;
	return put(o,
	    (struct event){
		.kind = EVENT_DELTA, .key = c->key, .text = p->text },
	    err);
}

/* Arguments are a string, but some vendors send the object itself. */
static struct str
arguments_of(struct openai *o, const struct jnode *function)
{
	struct jnode args;

	if (!jtree_find(function, "arguments", &args))
		return answer_str(function, "input"); /* custom tool */
	if (json_object_is_type(args.v, json_type_string))
		return jtree_value_str(&args);
	return jtree_text(o->scratch, &args);
}

static int
read_call(struct openai *o, const struct jnode *call, struct error *err)
{
	struct call_piece p = { .index = -1, .id = answer_str(call, "id") };
	struct jnode f;

	(void)answer_count(call, "index", &p.index);
	if (!jtree_find(call, "function", &f) &&
	    !jtree_find(call, "custom", &f))
		return 0;
	p.name = answer_str(&f, "name");
	p.text = arguments_of(o, &f);
	return put_call(o, &p, err);
}

static int
read_calls(struct openai *o, const struct jnode *message, struct error *err)
{
	struct call_piece old = { .index = 0 };
	struct jnode list, item;
	size_t i;

	(void)jtree_find(message, "tool_calls", &list);
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		if (read_call(o, &item, err) != 0)
			return -1;
	}
	if (!jtree_find(message, "function_call", &item))
		return 0;
	old.name = answer_str(&item, "name");
	old.text = arguments_of(o, &item);
	return put_call(o, &old, err);
}

static int
read_message(struct openai *o, const struct jnode *m, struct error *err)
{
	struct str thinking = answer_str(m, "reasoning_content");
	struct str refusal = answer_str(m, "refusal");
	struct jnode content;

	if (thinking.n == 0)
		thinking = answer_str(m, "reasoning");
	o->refused |= refusal.n > 0;
	(void)jtree_find(m, "content", &content);
	if (put_piece(o, BLOCK_THINKING, thinking, err) != 0 ||
	    read_content(o, &content, err) != 0 ||
	    put_piece(o, BLOCK_REFUSAL, refusal, err) != 0)
		return -1;
	return read_calls(o, m, err);
}

static int
read_finish(struct openai *o, struct str word, struct error *err)
{
	if (word.n == 0)
		return 0;
	o->finished = true;
	o->stop = STOP_END;
	for (size_t i = 0; i < sizeof(finish_words) / sizeof(*finish_words);
	     i++) {
		if (!str_is(word, finish_words[i].word))
			continue;
		if (finish_words[i].failure != ERROR_NONE)
			return error_set(err, finish_words[i].failure,
			    "the provider gave up: %s", finish_words[i].word);
		o->stop = finish_words[i].stop;
	}
	return 0;
}

/* Only the first of several choices is decoded; the others pass verbatim. */
static int
read_choices(struct openai *o, const struct jnode *root, struct error *err)
{
	struct jnode list, choice, message;
	int64_t index;
	size_t i;

	(void)jtree_find(root, "choices", &list);
	for (i = 0; i < jtree_len(&list); i++) {
		choice = jtree_item(&list, i);
		index = 0;
		(void)answer_count(&choice, "index", &index);
		if (index != 0)
			continue;
		if (!jtree_find(&choice, "delta", &message))
			(void)jtree_find(&choice, "message", &message);
		if (read_message(o, &message, err) != 0 ||
		    read_finish(o, answer_str(&choice, "finish_reason"), err) !=
			0)
			return -1;
	}
	return 0;
}

static int
read_usage(struct openai *o, const struct jnode *root, struct error *err)
{
	struct jnode at, groq;
	struct usage usage;

	if (!jtree_find(root, "usage", &at) &&
	    !(jtree_find(root, "x_groq", &groq) &&
		jtree_find(&groq, "usage", &at)))
		return 0;
	openai_usage(o->scratch, &at, o->quirks, &usage);
	return put(
	    o, (struct event){ .kind = EVENT_USAGE, .usage = &usage }, err);
}

/* Azure's first chunk has neither id nor model yet: wait for choices. */
static int
start(struct openai *o, const struct jnode *root, struct error *err)
{
	struct jnode list, usage;

	(void)jtree_find(root, "choices", &list);
	if (o->started ||
	    (jtree_len(&list) == 0 && !jtree_find(root, "usage", &usage)))
		return 0;
	o->started = true;
	o->id = str_dup(o->arena, answer_str(root, "id"));
	return put(o,
	    (struct event){ .kind = EVENT_START,
		.id = o->id,
		.name = answer_str(root, "model") },
	    err);
}

/*
 * [DONE] says that the answer is complete; some vendors send it without a
 * finish_reason before.
 */
static void
on_done(struct openai *o)
{
	if (!o->finished && o->started)
		o->stop = STOP_END;
	o->finished = o->started;
}

/* Calls win over a plain end, as a refusal does. */
static int
stop(struct openai *o, struct error *err)
{
	if (o->stopped || !o->finished)
		return 0;
	o->stopped = true;
	if (o->stop == STOP_END && o->refused)
		o->stop = STOP_REFUSAL;
	if (o->stop == STOP_END && o->calls)
		o->stop = STOP_TOOL;
	if (close_running(o, err) != 0)
		return -1;
	return put(
	    o, (struct event){ .kind = EVENT_STOP, .stop = o->stop }, err);
}

static int
read_frame(struct openai *o, const struct frame *f, struct error *err)
{
	struct jnode root, list;

	if (str_is(str_trim(f->data), "[DONE]")) {
		on_done(o);
		return stop(o, err);
	}
	if (answer_json(o->scratch, f->data, &root, err) != 0 ||
	    answer_check(o->arena, f, &root, WIRE_OPENAI_CHAT, err) != 0 ||
	    start(o, &root, err) != 0 || read_choices(o, &root, err) != 0 ||
	    read_usage(o, &root, err) != 0)
		return -1;
	if (f->framing == FRAMING_SSE)
		return 0;
	if (!jtree_find(&root, "choices", &list) || jtree_len(&list) == 0)
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider's answer has no choices");
	if (!o->finished)
		o->stop = STOP_END;
	o->finished = true;
	return stop(o, err);
}

static int
frame(struct decoder *d, const struct frame *f, struct sink *out,
    struct error *err)
{
	struct openai *o = (struct openai *)d;
	int rc;

	o->out = out;
	rc = read_frame(o, f, err);
	arena_reset(o->scratch);
	return rc;
}

static int
end(struct decoder *d, struct sink *out, struct error *err)
{
	struct openai *o = (struct openai *)d;

	o->out = out;
	return o->finished ? stop(o, err) : answer_cut(err);
}

static void
free_scratch(void *scratch)
{
	arena_free(scratch);
}

struct decoder *
openai_decoder_new(
    struct arena *a, const struct target *t, const struct ask *ask)
{
	struct openai *o = ARENA_NEW(a, struct openai);

	(void)ask;
	o->decoder = (struct decoder){ .frame = frame, .end = end };
	o->arena = a;
	o->scratch = arena_new(ANSWER_SCRATCH_BYTES);
	arena_defer(a, free_scratch, o->scratch);
	o->quirks = t->provider->quirks;
	return &o->decoder;
}
