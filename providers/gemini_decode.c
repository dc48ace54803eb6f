/* SPDX-License-Identifier: MIT */
/*
 * Reading Gemini answers.  A chunk of a stream and a whole answer are the
 * same object; without alt=sse a stream is one array of them.
 *
 * Blocks: text and thinking take turns in one running block; a call comes
 * whole.  Signatures: that of a call travels in its id (names.h); that of
 * thinking belongs to its block; that of text, which comes with the last
 * piece or behind it, becomes a redacted block after the text, and goes back
 * as a part of its own.  Code that the model ran is shown as text, as an
 * image is.  STOP is held back to the end: calls win over it.
 *
 * Source: wire.md §4.2, §4.3.
 */
#include "providers/gemini.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/frame.h"
#include "core/jtree.h"
#include "core/sink.h"
#include "core/usage.h"

#include "providers/answer.h"
#include "providers/gemini_grounding.h"
#include "providers/gemini_partial.h"
#include "providers/names.h"

#define MAX_SIGNATURE_BYTES ((size_t)4 << 20)
#define MAX_SHOWN_BYTES     ((size_t)64 << 20)
#define MAX_SAID_BYTES      ((size_t)1 << 20) /* beyond, places are unknown */
#define ID_TAIL_BYTES       24 /* of the answer's id, in ids that we make */

struct gemini {
	struct decoder decoder;
	struct arena *arena;
	struct arena *scratch; /* reset after each frame */
	const struct ask *ask;
	struct sink *out; /* of the frame being read */
	bool started;
	bool finished; /* a reason to end was seen */
	bool stopped;  /* STOP passed on */
	bool called;
	bool running; /* a text or thinking block is open: its kind */
	enum block_kind kind;
	int key;               /* of the last block */
	struct buf *signature; /* of the running text, until it ends */
	struct buf *said;      /* the running text */
	struct error *err;     /* of the frame being read */
	struct str id;
	struct gemini_partial partial;
	enum stop_reason stop;
	struct str why; /* of the stop, if it is said */
};

static int
put(struct gemini *o, struct event ev, struct error *err)
{
	ev.key = o->key;
	return sink_put(o->out, &ev, err);
}

static int
open_block(struct gemini *o, struct event ev, struct error *err)
{
	if (o->key >= INT16_MAX)
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider's answer has too many parts");
	ev.kind = EVENT_OPEN;
	o->key++;
	return put(o, ev, err);
}

/* The signature of the text that has just ended, as a block of its own. */
static int
put_signature(struct gemini *o, struct error *err)
{
	struct event open = { .block = BLOCK_REDACTED };
	struct event sign = { .kind = EVENT_SIGNATURE,
		.text = buf_str(o->signature) };

	if (o->signature->n == 0 || buf_over(o->signature))
		return 0;
	if (open_block(o, open, err) != 0 || put(o, sign, err) != 0 ||
	    put(o, (struct event){ .kind = EVENT_CLOSE }, err) != 0)
		return -1;
	buf_reset(o->signature);
	return 0;
}

static int
close_block(struct gemini *o, struct error *err)
{
	bool running = o->running;

	o->running = false;
	if (running && put(o, (struct event){ .kind = EVENT_CLOSE }, err) != 0)
		return -1;
	return put_signature(o, err);
}

/* A piece of text or thinking. */
static int
put_piece(
    struct gemini *o, enum block_kind kind, struct str text, struct error *err)
{
	if (text.n == 0)
		return 0;
	if (!o->running || o->kind != kind || o->signature->n > 0) {
		if (close_block(o, err) != 0 ||
		    open_block(o, (struct event){ .block = kind }, err) != 0)
			return -1;
		o->running = true;
		o->kind = kind;
		buf_reset(o->said);
	}
	if (kind == BLOCK_TEXT)
		buf_adds(o->said, text);
	return put(o, (struct event){ .kind = EVENT_DELTA, .text = text }, err);
}

static int
read_text(struct gemini *o, const struct jnode *part, const struct jnode *text,
    struct error *err)
{
	struct str signature = answer_str(part, "thoughtSignature");
	struct jnode thought;
	bool thinks = jtree_find(part, "thought", &thought) &&
	    json_object_get_boolean(thought.v);

	if (put_piece(o, thinks ? BLOCK_THINKING : BLOCK_TEXT,
		jtree_value_str(text), err) != 0)
		return -1;
	if (signature.n == 0)
		return 0;
	if (thinks && o->running && o->kind == BLOCK_THINKING)
		return put(o,
		    (struct event){
			.kind = EVENT_SIGNATURE, .text = signature },
		    err);
	if (o->signature->n > 0 && close_block(o, err) != 0)
		return -1;
	buf_adds(o->signature, signature);
	return 0;
}

/* An id for a call that has none: from the answer's own, so that it is new. */
static struct str
make_id(struct gemini *o)
{
	size_t skip = o->id.n > ID_TAIL_BYTES ? o->id.n - ID_TAIL_BYTES : 0;

	return str_of(arena_printf(o->scratch, "call_%.*s_%d",
	    STR_ARG(str_skip(o->id, skip)), o->key + 1));
}

/* What a whole call says. */
struct call {
	struct str name, id, signature, args;
};

static int
put_call(struct gemini *o, const struct call *c, struct error *err)
{
	struct event open = { .block = BLOCK_TOOL };
	struct event args = { .kind = EVENT_DELTA, .text = c->args };

	open.name = name_back(o->ask, c->name, WIRE_GEMINI);
	open.id = call_id_sign(
	    o->scratch, c->id.n > 0 ? c->id : make_id(o), c->signature);
	o->called = true;
	if (close_block(o, err) != 0 || open_block(o, open, err) != 0 ||
	    put(o, args, err) != 0)
		return -1;
	return put(o, (struct event){ .kind = EVENT_CLOSE }, err);
}

static int
end_partial(struct gemini *o, struct error *err)
{
	struct gemini_partial *p = &o->partial;
	struct call c = { p->name, p->id, p->signature, STR_NONE };

	if (!p->open)
		return 0;
	p->open = false;
	c.args = gemini_partial_args(p, o->scratch);
	return put_call(o, &c, err);
}

static bool
goes_on(const struct jnode *call)
{
	struct jnode at;

	return jtree_find(call, "willContinue", &at) &&
	    json_object_get_boolean(at.v);
}

static int
read_partial(struct gemini *o, const struct jnode *part,
    const struct jnode *call, struct error *err)
{
	struct gemini_partial *p = &o->partial;

	if (!p->open) {
		gemini_partial_begin(p, o->arena, call);
		p->signature =
		    str_dup(o->arena, answer_str(part, "thoughtSignature"));
	}
	if (gemini_partial_add(p, call, err) != 0)
		return -1;
	return goes_on(call) ? 0 : end_partial(o, err);
}

static int
read_call(struct gemini *o, const struct jnode *part, const struct jnode *call,
    struct error *err)
{
	struct call c = { .name = answer_str(call, "name"),
		.id = answer_str(call, "id"),
		.signature = answer_str(part, "thoughtSignature"),
		.args = STR("{}") };
	struct jnode at;

	if (o->partial.open || goes_on(call) ||
	    jtree_find(call, "partialArgs", &at))
		return read_partial(o, part, call, err);
	if (jtree_find(call, "args", &at) &&
	    json_object_is_type(at.v, json_type_object))
		c.args = jtree_text(o->scratch, &at);
	return put_call(o, &c, err);
}

/* Code that the model wrote and ran. */
static int
read_code(struct gemini *o, const struct jnode *part, const struct jnode *code,
    struct error *err)
{
	(void)part;
	return put_piece(o, BLOCK_TEXT,
	    str_of(arena_printf(o->scratch, "\n```python\n%.*s\n```\n",
		STR_ARG(answer_str(code, "code")))),
	    err);
}

static int
read_outcome(struct gemini *o, const struct jnode *part,
    const struct jnode *outcome, struct error *err)
{
	(void)part;
	return put_piece(o, BLOCK_TEXT,
	    str_of(arena_printf(o->scratch, "\n```\n%.*s\n```\n",
		STR_ARG(answer_str(outcome, "output")))),
	    err);
}

/* An image, as Markdown has it. */
static int
read_inline(struct gemini *o, const struct jnode *part,
    const struct jnode *data, struct error *err)
{
	struct buf *b = buf_new(o->scratch, MAX_SHOWN_BYTES);

	(void)part;
	buf_addz(b, "\n![](data:");
	buf_adds(b, answer_str(data, "mimeType"));
	buf_addz(b, ";base64,");
	buf_adds(b, answer_str(data, "data"));
	buf_addz(b, ")\n");
	if (buf_over(b))
		return error_set(
		    err, ERROR_UP_BROKEN, "the provider's image is too large");
	return put_piece(o, BLOCK_TEXT, buf_str(b), err);
}

/* What hosted tools were asked and said is lost. */
static const struct {
	const char *key;
	int (*read)(struct gemini *o, const struct jnode *part,
	    const struct jnode *value, struct error *err); /* NULL: lost */
} part_kinds[] = {
	{ "text", read_text },
	{ "functionCall", read_call },
	{ "executableCode", read_code },
	{ "codeExecutionResult", read_outcome },
	{ "inlineData", read_inline },
	{ "fileData", NULL },
	{ "functionResponse", NULL },
	{ "toolCall", NULL },
	{ "toolResponse", NULL },
};

static int
read_part(struct gemini *o, const struct jnode *part, struct error *err)
{
	size_t n = sizeof(part_kinds) / sizeof(*part_kinds);
	struct jnode value;

	for (size_t i = 0; i < n; i++) {
		if (!jtree_find(part, part_kinds[i].key, &value))
			continue;
		if (part_kinds[i].read == NULL)
			return answer_lost(
			    o->out, str_of(part_kinds[i].key), err);
		return part_kinds[i].read(o, part, &value, err);
	}
	return 0;
}

static int
read_finish(struct gemini *o, const struct jnode *c, struct error *err)
{
	struct str word = answer_str(c, "finishReason");
	struct str why = answer_str(c, "finishMessage");

	if (word.n == 0)
		return 0;
	o->finished = true;
	o->stop = gemini_finish(word);
	if (o->stop == STOP_NONE)
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider gave up: %.*s%s%.*s", STR_ARG(word),
		    why.n > 0 ? ": " : "", STR_ARG(why));
	if (o->stop == STOP_REFUSAL)
		o->why = str_dup(o->arena, why.n > 0 ? why : word);
	return 0;
}

/* A prompt that was blocked has no candidate at all. */
static void
read_feedback(struct gemini *o, const struct jnode *root)
{
	struct jnode feedback;
	struct str why;

	if (!jtree_find(root, "promptFeedback", &feedback) ||
	    answer_str(&feedback, "blockReason").n == 0)
		return;
	why = answer_str(&feedback, "blockReasonMessage");
	if (why.n == 0)
		why = str_of(
		    arena_printf(o->scratch, "the prompt was blocked: %.*s",
			STR_ARG(answer_str(&feedback, "blockReason"))));
	o->finished = true;
	o->stop = STOP_REFUSAL;
	o->why = str_dup(o->arena, why);
}

static int
put_citation(void *arg, const struct citation *c)
{
	struct gemini *o = arg;

	if (c->url.n == 0 || !o->running || o->kind != BLOCK_TEXT)
		return answer_lost(o->out, EVENT_LOST_SOURCE, o->err);
	return put(
	    o, (struct event){ .kind = EVENT_CITATION, .citation = c }, o->err);
}

/* Sources come with the last of the text, or with some of it each time. */
static int
read_sources(struct gemini *o, const struct jnode *c, struct error *err)
{
	o->err = err;
	return gemini_grounding(
	    c, buf_over(o->said) ? STR("") : buf_str(o->said), put_citation, o);
}

/* Only the first of several candidates is decoded. */
static int
read_candidates(struct gemini *o, const struct jnode *root, struct error *err)
{
	struct jnode list, c, content, parts, part;
	int64_t index;

	(void)jtree_find(root, "candidates", &list);
	for (size_t i = 0; i < jtree_len(&list); i++) {
		c = jtree_item(&list, i);
		index = 0;
		(void)answer_count(&c, "index", &index);
		if (index != 0)
			continue;
		(void)jtree_find(&c, "content", &content);
		(void)jtree_find(&content, "parts", &parts);
		for (size_t j = 0; j < jtree_len(&parts); j++) {
			part = jtree_item(&parts, j);
			if (read_part(o, &part, err) != 0)
				return -1;
		}
		if (read_sources(o, &c, err) != 0 ||
		    read_finish(o, &c, err) != 0)
			return -1;
	}
	return 0;
}

static int
read_usage(struct gemini *o, const struct jnode *root, struct error *err)
{
	struct usage usage;
	struct jnode at;

	if (!jtree_find(root, "usageMetadata", &at) ||
	    !gemini_usage(&at, &usage))
		return 0;
	return put(
	    o, (struct event){ .kind = EVENT_USAGE, .usage = &usage }, err);
}

static int
start(struct gemini *o, const struct jnode *root, struct error *err)
{
	if (o->started)
		return 0;
	o->started = true;
	o->id = str_dup(o->arena, answer_str(root, "responseId"));
	return put(o,
	    (struct event){ .kind = EVENT_START,
		.id = o->id,
		.name = answer_str(root, "modelVersion") },
	    err);
}

static int
read_chunk(struct gemini *o, const struct frame *f, const struct jnode *root,
    struct error *err)
{
	if (answer_check(o->arena, f, root, WIRE_GEMINI, err) != 0 ||
	    start(o, root, err) != 0)
		return -1;
	read_feedback(o, root);
	if (read_candidates(o, root, err) != 0)
		return -1;
	return read_usage(o, root, err);
}

static int
read_value(struct gemini *o, const struct frame *f, const struct jnode *v,
    struct error *err)
{
	struct jnode item;

	if (!json_object_is_type(v->v, json_type_array))
		return read_chunk(o, f, v, err);
	for (size_t i = 0; i < jtree_len(v); i++) {
		item = jtree_item(v, i);
		if (read_chunk(o, f, &item, err) != 0)
			return -1;
	}
	return 0;
}

/* Relays that drop empty lines make one frame of several chunks. */
static int
read_frame(struct gemini *o, const struct frame *f, struct error *err)
{
	struct str rest = str_trim(f->data);
	struct jnode v;

	do {
		if (answer_next(o->scratch, &rest, &v, err) != 0 ||
		    read_value(o, f, &v, err) != 0)
			return -1;
		rest = str_trim(rest);
	} while (rest.n > 0);
	return 0;
}

static int
frame(struct decoder *d, const struct frame *f, struct sink *out,
    struct error *err)
{
	struct gemini *o = (struct gemini *)d;
	int rc;

	o->out = out;
	rc = read_frame(o, f, err);
	arena_reset(o->scratch);
	return rc;
}

static int
end(struct decoder *d, struct sink *out, struct error *err)
{
	struct gemini *o = (struct gemini *)d;
	struct event ev = { .kind = EVENT_STOP };

	o->out = out;
	if (!o->finished)
		return answer_cut(err);
	if (o->stopped)
		return 0;
	o->stopped = true;
	if (end_partial(o, err) != 0) /* cut by the limit */
		return -1;
	ev.stop = o->stop == STOP_END && o->called ? STOP_TOOL : o->stop;
	ev.text = o->why;
	return close_block(o, err) == 0 ? put(o, ev, err) : -1;
}

struct decoder *
gemini_decoder_new(
    struct arena *a, const struct target *t, const struct ask *ask)
{
	struct gemini *o = ARENA_NEW(a, struct gemini);

	(void)t;
	o->decoder = (struct decoder){ .frame = frame, .end = end };
	o->arena = a;
	o->ask = ask;
	o->key = -1;
	o->scratch = arena_sub(a, ANSWER_SCRATCH_BYTES);
	o->signature = buf_new(a, MAX_SIGNATURE_BYTES);
	o->said = buf_new(a, MAX_SAID_BYTES);
	return &o->decoder;
}
