/* SPDX-License-Identifier: MIT */
/*
 * Reading Chat Completions answers.  A chunk's delta and a whole answer's
 * message have the same members, so one reader serves both.
 *
 * Blocks: text, thinking and refusal take turns in one running block; each
 * tool call has its own, because their pieces may interleave.  STOP is held
 * back until the end, since vendors send finish_reason in various places.
 */
#include "providers/openai_decode.h"

#include "core/arena.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/frame.h"
#include "core/jtree.h"
#include "core/sink.h"
#include "core/usage.h"

#include "providers/answer.h"
#include "providers/openai.h"

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

int
openai_put(struct openai *o, struct event ev, struct error *err)
{
	o->puts++;
	return sink_put(o->out, &ev, err);
}

int
openai_close(struct openai *o, struct error *err)
{
	if (!o->running)
		return 0;
	o->running = false;
	return openai_put(
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
		if (openai_close(o, err) != 0)
			return -1;
		o->running = true;
		o->kind = kind;
		o->chars = 0;
		o->key = o->next_key++;
		if (openai_put(o,
			(struct event){
			    .kind = EVENT_OPEN, .key = o->key, .block = kind },
			err) != 0)
			return -1;
	}
	if (kind == BLOCK_TEXT)
		o->piece = text;
	o->chars += citation_chars(text);
	return openai_put(o,
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
read_text_part(struct openai *o, const struct jnode *part, struct error *err)
{
	return put_piece(o, BLOCK_TEXT, answer_str(part, "text"), err);
}

static const struct {
	const char *type;
	int (*read)(struct openai *, const struct jnode *, struct error *);
} parts[] = {
	{ "text", read_text_part },
	{ "thinking", read_thinking_part },
	{ "tool_reference", openai_source },
};

static int
read_part(struct openai *o, const struct jnode *part, struct error *err)
{
	struct str type = answer_str(part, "type");

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (str_is(type, parts[i].type))
			return parts[i].read(o, part, err);
	return answer_lost(o->out, type, err);
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
		if (read_part(o, &part, err) != 0)
			return -1;
	}
	return 0;
}

/* A router's tokens of thinking, good for nobody else; its words are in
 * `reasoning`, too. */
static int
read_details(struct openai *o, const struct jnode *m, struct error *err)
{
	struct jnode list, item;
	size_t i;

	(void)jtree_find(m, "reasoning_details", &list);
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		if (answer_str(&item, "signature").n > 0 ||
		    answer_str(&item, "data").n > 0)
			return answer_lost(
			    o->out, STR("reasoning_details"), err);
	}
	return 0;
}

/* What is said in no words that we know. */
static int
read_others(struct openai *o, const struct jnode *m, struct error *err)
{
	static const char *const names[] = { "audio", "images" };
	struct jnode at;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!jtree_find(m, names[i], &at) ||
		    (json_object_is_type(at.v, json_type_array) &&
			jtree_len(&at) == 0))
			continue;
		if (answer_lost(o->out, str_of(names[i]), err) != 0)
			return -1;
	}
	return 0;
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
	    openai_annotations(o, m, err) != 0 || read_others(o, m, err) != 0 ||
	    read_details(o, m, err) != 0 ||
	    put_piece(o, BLOCK_REFUSAL, refusal, err) != 0)
		return -1;
	return openai_calls(o, m, err);
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
		o->whole = !jtree_find(&choice, "delta", &message);
		if (o->whole)
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
	if (!openai_usage(o->scratch, &at, o->quirks, &usage))
		return 0;
	usage.mode = usage_mode_of(answer_str(root, "service_tier"));
	return openai_put(
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
	return openai_put(o,
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
	if (openai_close(o, err) != 0)
		return -1;
	return openai_put(
	    o, (struct event){ .kind = EVENT_STOP, .stop = o->stop }, err);
}

/* The frame brought its piece of text, and is over. */
static void
learn(struct openai *o, const struct frame *f)
{
	if (o->puts == 1 && o->piece.n > 0 && !o->finished)
		likeness_learn(&o->like, f->data, "content", o->piece);
}

static int
read_frame(struct openai *o, const struct frame *f, struct error *err)
{
	struct jnode root, list;
	struct str text;

	if (f->event.n == 0 && likeness_match(&o->like, f->data, &text))
		return put_piece(o, BLOCK_TEXT, text, err);
	if (str_is(str_trim(f->data), "[DONE]")) {
		on_done(o);
		return stop(o, err);
	}
	if (answer_json(o->scratch, f->data, &root, err) != 0 ||
	    answer_check(o->arena, f, &root, WIRE_OPENAI_CHAT, err) != 0 ||
	    start(o, &root, err) != 0 || read_choices(o, &root, err) != 0 ||
	    openai_sources(o, &root, err) != 0 ||
	    read_usage(o, &root, err) != 0)
		return -1;
	learn(o, f);
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
	o->puts = 0;
	o->piece = STR_NONE;
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

struct decoder *
openai_decoder_new(
    struct arena *a, const struct target *t, const struct ask *ask)
{
	struct openai *o = ARENA_NEW(a, struct openai);

	o->decoder = (struct decoder){ .frame = frame, .end = end };
	o->arena = a;
	o->scratch = arena_sub(a, ANSWER_SCRATCH_BYTES);
	o->ask = ask;
	o->quirks = t->provider->quirks;
	return &o->decoder;
}
