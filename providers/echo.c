/* SPDX-License-Identifier: MIT */
/*
 * echo: a provider that needs no network, no key and no money.  It answers
 * "echo: " and the user's last words, and misbehaves on request.  It is also
 * the example for writing providers; read it from the bottom up.  The
 * directives are in echo_script.h.
 *
 * Usage is honest about words: input counts those of all text in the
 * request, output those of the answer (arguments of a call are one word).
 *
 * The wire format is an SSE stream of our own, whether the client asked for a
 * stream or not: an event name and one JSON value each.
 *
 *	event: text|thinking|refusal     data: "a piece of it"
 *	event: call                      data: {"id":"…","name":"…"}
 *	event: arguments                 data: "a piece of JSON"
 *	event: error                     data: "what went wrong"
 *	event: usage     data: {"input":3,"output":4,"reasoning":0}
 *	event: done                      data: "end|tool|refusal|length"
 */
#include "providers/echo.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/frame.h"
#include "core/jtree.h"
#include "core/jw.h"
#include "core/sink.h"

#include "providers/answer.h"
#include "providers/echo_script.h"
#include "providers/providers.h"

#define MAX_FRAME_BYTES ((size_t)256 << 20)
#define LENGTH(array)   (sizeof(array) / sizeof(*(array)))

/* A canned answer being written, chunk by chunk. */
struct play {
	struct arena *arena;
	const struct echo_script *script;
	struct canned *canned;
	struct canned_chunk **end;
	int64_t delay_ms; /* before the next chunk */
	int64_t spoken;   /* words so far, thinking included */
	int64_t thought;  /* those of thinking */
	bool over;        /* cut off: nothing more goes out */
};

static void
emit(struct play *p, const char *event, struct str json)
{
	struct canned_chunk *c;

	if (p->over)
		return;
	c = ARENA_NEW(p->arena, struct canned_chunk);
	c->bytes = str_of(arena_printf(
	    p->arena, "event: %s\ndata: %.*s\n\n", event, STR_ARG(json)));
	c->delay_ms = p->delay_ms;
	p->delay_ms = 0;
	*p->end = c;
	p->end = &c->next;
}

static void
emit_string(struct play *p, const char *event, struct str s)
{
	struct buf *json = buf_new(p->arena, MAX_FRAME_BYTES);

	jw_quote(json, s);
	emit(p, event, buf_str(json));
}

/* After each word: is it time to fail? */
static void
count_word(struct play *p)
{
	p->spoken++;
	if (p->spoken == p->script->error_after) {
		emit_string(p, "error", STR("echo was asked to fail here"));
		p->over = true;
	}
	if (p->spoken == p->script->cut_after && !p->over) {
		p->canned->cut = true;
		p->over = true;
	}
}

struct str
echo_word(struct str text)
{
	size_t n = 0;

	while (n < text.n && strchr(" \t\r\n", text.p[n]))
		n++;
	while (n < text.n && !strchr(" \t\r\n", text.p[n]))
		n++;
	while (n < text.n && strchr(" \t\r\n", text.p[n]))
		n++;
	text.n = n;
	return text;
}

static void
speak(struct play *p, const char *event, struct str text)
{
	struct str word;

	for (; text.n > 0; text = str_skip(text, word.n)) {
		word = echo_word(text);
		if (p->spoken > 0)
			p->delay_ms = p->script->slow_ms;
		emit_string(p, event, word);
		count_word(p);
	}
}

static void
speak_words(struct play *p, const char *event, int64_t n)
{
	for (int64_t i = 1; i <= n; i++)
		speak(p, event,
		    str_of(arena_printf(p->arena, "word%lld%s", (long long)i,
			i < n ? " " : "")));
}

/* One call, its arguments in three pieces. */
static void
call_tool(struct play *p, struct str name, int number, struct str text)
{
	struct buf *json = buf_new(p->arena, MAX_FRAME_BYTES);
	struct jw w;

	jw_init(&w, json);
	jw_object(&w);
	jw_kv_cstr(&w, "id", arena_printf(p->arena, "call_echo_%d", number));
	jw_kv_str(&w, "name", name);
	jw_end(&w);
	emit(p, "call", buf_str(json));
	json = buf_new(p->arena, MAX_FRAME_BYTES);
	jw_quote(json, text);
	emit_string(p, "arguments", STR("{\"echo\":"));
	emit_string(p, "arguments", buf_str(json));
	emit_string(p, "arguments", STR("}"));
	count_word(p);
}

/* Words and calls in the whole request. */
static int64_t
count_words(const struct part *parts, int *calls)
{
	int64_t n = 0;
	struct str text;

	for (; parts; parts = parts->next) {
		*calls += parts->kind == PART_TOOL_CALL;
		n += count_words(parts->parts, calls);
		for (text = str_trim(parts->text); text.n > 0; n++)
			text = str_skip(text, echo_word(text).n);
	}
	return n;
}

static void
emit_end(struct play *p, int64_t input, const char *done)
{
	struct buf *json = buf_new(p->arena, MAX_FRAME_BYTES);
	struct jw w;

	jw_init(&w, json);
	jw_object(&w);
	jw_kv_i64(&w, "input", input);
	jw_kv_i64(&w, "output", p->spoken - p->thought);
	jw_kv_i64(&w, "reasoning", p->thought);
	jw_end(&w);
	emit(p, "usage", buf_str(json));
	emit_string(p, "done", str_of(done));
}

/* The first tool offered, or the one that the client insists on. */
static const struct tool *
first_tool(const struct chat *chat)
{
	const struct tool *t = chat->tools;

	if (chat->tool_choice != TOOL_CHOICE_NAMED)
		return t;
	while (t && !str_eq(t->name, chat->tool_choice_name))
		t = t->next;
	return t ? t : chat->tools;
}

/* The answer itself: words or calls.  Returns how it is done. */
static const char *
perform(struct play *p, const struct chat *chat, struct str text, int calls)
{
	const struct tool *tool = first_tool(chat);
	const struct echo_script *s = p->script;

	if (s->think) {
		speak(p, "thinking", STR("thinking about: "));
		speak(p, "thinking", text);
		p->thought = p->spoken;
	}
	if (s->tools && tool) {
		call_tool(p, tool->name, ++calls, text);
		if (s->tools > 1)
			call_tool(p, (tool->next ? tool->next : tool)->name,
			    ++calls, text);
		return "tool";
	}
	if (s->words > 0) {
		speak_words(p, "text", s->words);
	} else {
		speak(p, s->refuse ? "refusal" : "text", STR("echo: "));
		speak(p, s->refuse ? "refusal" : "text", text);
	}
	return s->refuse ? "refusal" : s->length ? "length" : "end";
}

static void
write_answer(struct play *p, const struct chat *chat, struct str text)
{
	const char *done;
	const struct turn *t;
	int64_t input = 0;
	int calls = 0;

	for (t = chat->turns; t; t = t->next)
		input += count_words(t->parts, &calls);
	done = perform(p, chat, text, calls);
	emit_end(p, input, done);
}

void
echo_refuse(struct arena *a, int64_t status, struct canned *out)
{
	struct canned_chunk *c = ARENA_NEW(a, struct canned_chunk);

	out->status = (int)status;
	out->content_type = "text/plain";
	c->bytes =
	    str_of(arena_printf(a, "echo was asked to answer %d", out->status));
	out->chunks = c;
}

/*
 * A provider with a network would set url, headers and body here.  echo has
 * its answer ready at once.
 */
static int
prepare(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	struct chat *chat = ask_chat(ask, err);
	struct echo_script *script = ARENA_NEW(a, struct echo_script);
	struct canned *canned = ARENA_NEW(a, struct canned);
	struct play play = { .arena = a, .script = script, .canned = canned };
	struct str text;
	bool is_result;

	if (!chat || echo_script_model(script, t->model, err) != 0)
		return -1;
	text = echo_last_words(a, chat, &is_result);
	if (!is_result && echo_script_prompt(script, a, &text, err) != 0)
		return -1;
	if (is_result)
		script->tools = 0;
	else if (script->tools == 0 &&
	    chat->tool_choice >= TOOL_CHOICE_REQUIRED)
		script->tools = 1;
	canned->status = 200;
	canned->content_type = "text/event-stream";
	play.end = &canned->chunks;
	play.delay_ms = script->wait_ms;
	if (script->status) {
		echo_refuse(a, script->status, canned);
		canned->chunks->delay_ms = script->wait_ms;
	} else if (script->hang) {
		canned->hang = true;
	} else {
		write_answer(&play, chat, text);
	}
	out->url = "";
	out->canned = canned;
	out->cut = chat->stop;
	return 0;
}

/* Reads the stream that prepare has written. */
struct echo {
	struct decoder decoder; /* first: the interface */
	struct arena *scratch;  /* of one frame */
	struct sink *out;
	struct str model;
	bool started, done;
	int n_blocks;          /* the running one has key n_blocks - 1 */
	enum block_kind block; /* kind of the running one */
};

static int
put(struct echo *o, struct event ev, struct error *err)
{
	ev.key = o->n_blocks - 1;
	return sink_put(o->out, &ev, err);
}

static int
close_block(struct echo *o, struct error *err)
{
	if (o->n_blocks == 0)
		return 0;
	return put(o, (struct event){ .kind = EVENT_CLOSE }, err);
}

/* Begin a block; one that runs ends before it. */
static int
open_block(struct echo *o, struct event open, struct error *err)
{
	if (close_block(o, err) != 0)
		return -1;
	o->n_blocks++;
	o->block = open.block;
	open.kind = EVENT_OPEN;
	return put(o, open, err);
}

static int
read_piece(struct echo *o, const struct jnode *value, enum block_kind block,
    struct error *err)
{
	struct event delta = { .kind = EVENT_DELTA };

	if ((o->n_blocks == 0 || o->block != block) &&
	    open_block(o, (struct event){ .block = block }, err) != 0)
		return -1;
	delta.text = jtree_value_str(value);
	return put(o, delta, err);
}

static int
read_call(struct echo *o, const struct jnode *value, enum block_kind block,
    struct error *err)
{
	struct event open = { .block = block };

	open.id = answer_str(value, "id");
	open.name = answer_str(value, "name");
	return open_block(o, open, err);
}

static int
read_usage(struct echo *o, const struct jnode *value, enum block_kind block,
    struct error *err)
{
	struct usage u;

	(void)block;
	usage_init(&u);
	(void)answer_count(value, "input", &u.tokens[USAGE_INPUT]);
	(void)answer_count(value, "output", &u.tokens[USAGE_OUTPUT]);
	(void)answer_count(value, "reasoning", &u.tokens[USAGE_REASONING]);
	u.source = USAGE_REPORTED;
	return put(o, (struct event){ .kind = EVENT_USAGE, .usage = &u }, err);
}

static int
read_done(struct echo *o, const struct jnode *value, enum block_kind block,
    struct error *err)
{
	static const struct {
		const char *word;
		enum stop_reason stop;
	} words[] = {
		{ "end", STOP_END },
		{ "tool", STOP_TOOL },
		{ "refusal", STOP_REFUSAL },
		{ "length", STOP_LENGTH },
	};
	struct event ev = { .kind = EVENT_STOP };

	(void)block;
	for (size_t i = 0; i < LENGTH(words); i++)
		if (str_is(jtree_value_str(value), words[i].word))
			ev.stop = words[i].stop;
	o->done = true;
	return close_block(o, err) != 0 ? -1 : put(o, ev, err);
}

static int
read_error(struct echo *o, const struct jnode *value, enum block_kind block,
    struct error *err)
{
	(void)o;
	(void)block;
	return error_set(
	    err, ERROR_UP_BROKEN, "%.*s", STR_ARG(jtree_value_str(value)));
}

/* The events of our wire format, and the blocks that they speak of. */
static const struct {
	const char *event;
	int (*read)(struct echo *, const struct jnode *, enum block_kind,
	    struct error *);
	enum block_kind block;
} readers[] = {
	{ "text", read_piece, BLOCK_TEXT },
	{ "thinking", read_piece, BLOCK_THINKING },
	{ "refusal", read_piece, BLOCK_REFUSAL },
	{ "call", read_call, BLOCK_TOOL },
	{ "arguments", read_piece, BLOCK_TOOL },
	{ "usage", read_usage, BLOCK_TEXT },
	{ "done", read_done, BLOCK_TEXT },
	{ "error", read_error, BLOCK_TEXT },
};

static int
start(struct echo *o, struct error *err)
{
	if (o->started)
		return 0;
	o->started = true;
	return put(o,
	    (struct event){
		.kind = EVENT_START, .id = STR("echo"), .name = o->model },
	    err);
}

/* Called once for each frame of the answer. */
static int
frame(struct decoder *d, const struct frame *f, struct sink *out,
    struct error *err)
{
	struct echo *o = (struct echo *)d;
	struct jnode value;
	int rc;

	o->out = out;
	if (start(o, err) != 0)
		return -1;
	rc = answer_json(o->scratch, f->data, &value, err);
	for (size_t i = 0; rc == 0 && i < LENGTH(readers); i++)
		if (str_is(f->event, readers[i].event))
			rc = readers[i].read(o, &value, readers[i].block, err);
	arena_reset(o->scratch);
	return rc;
}

/* Called when there are no more frames: has all been said? */
static int
end(struct decoder *d, struct sink *out, struct error *err)
{
	(void)out;
	return ((struct echo *)d)->done ? 0 : answer_cut(err);
}

static struct decoder *
decoder_new(struct arena *a, const struct target *t, const struct ask *ask)
{
	struct echo *o = ARENA_NEW(a, struct echo);

	(void)ask;
	o->decoder = (struct decoder){ .frame = frame, .end = end };
	o->scratch = arena_sub(a, ANSWER_SCRATCH_BYTES);
	o->model = t->model;
	return &o->decoder;
}

/* What is not 2xx comes here instead of to a decoder. */
void
echo_refused(struct arena *a, const struct refusal *r, struct error *err)
{
	(void)error_set(
	    err, error_kind_of_status(r->status), "%.*s", STR_ARG(r->body));
	if (err->kind == ERROR_UP_REFUSED)
		err->status = r->status;
	err->retry_after_ms = answer_retry_ms(a, r->headers);
}

const struct provider provider_echo = {
	.name = "echo",
	.wire = WIRE_NONE,
	.prepare = prepare,
	.decoder_new = decoder_new,
	.refused = echo_refused,
	.embed = &echo_embeddings,
};
