/* SPDX-License-Identifier: MIT */
/* Events to Chat Completions chunks: wire.md §1.5. */
#include "fcgi/openai_chat.h"

#include "core/arena.h"
#include "core/buf.h"
#include "fcgi/encode.h"
#include "fcgi/openai_chat_answer.h"
#include "fcgi/sse.h"

#define MAX_KEPT_BYTES (1u << 20)

struct chat_stream {
	struct encode e;
	bool started;          /* the role chunk has gone */
	enum block_kind block; /* the open one */
	unsigned calls;        /* tool calls so far, the open one included */
	unsigned details;      /* reasoning_details so far */
	bool is_custom;        /* the open call is one of free text */
	bool has_args;         /* some of its arguments have gone */
	struct buf *text;      /* thinking, or the input of a custom call */
	struct buf *signature;
	int64_t chars, base; /* of text; of that before the open block */
};

/* ---- chunks ---- */

static void
open_chunk(struct chat_stream *s, struct jw *w)
{
	sse_open(s->e.opts.out, NULL);
	jw_init(w, s->e.opts.out);
	jw_object(w);
	openai_chat_identity(&s->e, w, "chat.completion.chunk");
	jw_key(w, "choices");
	jw_array(w);
}

static void
close_chunk(struct chat_stream *s, struct jw *w)
{
	jw_end(w);
	sse_close(s->e.opts.out);
}

static void
open_delta(struct chat_stream *s, struct jw *w)
{
	open_chunk(s, w);
	jw_object(w);
	jw_kv_i64(w, "index", 0);
	jw_key(w, "delta");
	jw_object(w);
}

static void
close_delta(struct chat_stream *s, struct jw *w, const char *finish)
{
	jw_end(w);
	jw_kv_null(w, "logprobs");
	jw_kv_cstr(w, "finish_reason", finish);
	jw_end(w);
	jw_end(w);
	if (s->e.opts.ask->include_usage)
		jw_kv_null(w, "usage");
	close_chunk(s, w);
}

static void
write_text(struct chat_stream *s, const char *key, struct str text)
{
	struct jw w;

	if (text.n == 0)
		return;
	open_delta(s, &w);
	jw_kv_str(&w, key, text);
	close_delta(s, &w, NULL);
}

/* OpenAI's first chunk has no content where a tool call starts. */
static void
start(struct chat_stream *s, enum block_kind first)
{
	struct jw w;

	if (s->started)
		return;
	s->started = true;
	open_delta(s, &w);
	jw_kv_cstr(&w, "role", "assistant");
	jw_kv_cstr(&w, "content", first == BLOCK_TOOL ? NULL : "");
	jw_kv_null(&w, "refusal");
	close_delta(s, &w, NULL);
}

/* ---- tool calls ---- */

static void
open_call(struct chat_stream *s, struct jw *w)
{
	open_delta(s, w);
	jw_key(w, "tool_calls");
	jw_array(w);
	jw_object(w);
	jw_kv_i64(w, "index", (int64_t)s->calls - 1);
}

static void
close_call(struct chat_stream *s, struct jw *w)
{
	jw_end(w);
	jw_end(w);
	close_delta(s, w, NULL);
}

static void
write_call(struct chat_stream *s, const struct event *ev)
{
	struct jw w;
	const char *type;

	s->has_args = false;
	s->is_custom = encode_is_custom(&s->e, ev->name);
	type = s->is_custom ? "custom" : "function";
	s->calls++;
	open_call(s, &w);
	encode_tool_id(&s->e, &w, ev->id, s->calls);
	jw_kv_cstr(&w, "type", type);
	jw_key(&w, type);
	jw_object(&w);
	jw_kv_str(&w, "name", ev->name);
	jw_kv_cstr(&w, s->is_custom ? "input" : "arguments", "");
	jw_end(&w);
	close_call(s, &w);
}

static void
write_args(struct chat_stream *s, struct str args)
{
	struct jw w;

	if (args.n == 0)
		return;
	s->has_args = true;
	open_call(s, &w);
	jw_key(&w, s->is_custom ? "custom" : "function");
	jw_object(&w);
	jw_kv_str(&w, s->is_custom ? "input" : "arguments", args);
	jw_end(&w);
	close_call(s, &w);
}

static void
end_call(struct chat_stream *s)
{
	if (s->is_custom)
		write_args(s, encode_input(&s->e, buf_str(s->text)));
	else if (!s->has_args)
		write_args(s, STR("{}"));
}

/* ---- reasoning ---- */

/* A token without all of its text would be refused when it comes back. */
static void
end_thinking(struct chat_stream *s)
{
	struct jw w;

	if (s->signature->n == 0 || buf_over(s->signature) || buf_over(s->text))
		return;
	open_delta(s, &w);
	jw_key(&w, "reasoning_details");
	jw_array(&w);
	openai_chat_detail(&s->e, &w, s->block == BLOCK_REDACTED,
	    buf_str(s->text), buf_str(s->signature), s->details++);
	jw_end(&w);
	close_delta(s, &w, NULL);
}

/* ---- events ---- */

static void
put_open(struct chat_stream *s, const struct event *ev)
{
	start(s, ev->block);
	s->block = ev->block;
	s->base = s->chars;
	s->is_custom = false;
	buf_reset(s->text);
	buf_reset(s->signature);
	if (ev->block == BLOCK_TOOL)
		write_call(s, ev);
}

static void
chat_cite(struct encode *e, const struct citation *c)
{
	struct chat_stream *s = (struct chat_stream *)e;
	struct jw w;

	open_delta(s, &w);
	jw_key(&w, "annotations");
	jw_array(&w);
	encode_annotation(&w, c, s->base, true);
	jw_end(&w);
	close_delta(s, &w, NULL);
}

static void
put_delta(struct chat_stream *s, struct str text)
{
	switch (s->block) {
	case BLOCK_TEXT:
		s->chars += citation_chars(text);
		write_text(s, "content", text);
		break;
	case BLOCK_REFUSAL:
		write_text(s, "refusal", text);
		break;
	case BLOCK_THINKING:
		buf_adds(s->text, text);
		write_text(s, "reasoning_content", text);
		break;
	case BLOCK_TOOL:
		if (s->is_custom)
			buf_adds(s->text, text);
		else
			write_args(s, text);
		break;
	case BLOCK_REDACTED:
	case BLOCK_VECTOR:
		break;
	}
}

static void
put_close(struct chat_stream *s)
{
	if (s->block == BLOCK_TOOL)
		end_call(s);
	else
		end_thinking(s);
}

static void
chat_block(struct encode *e, const struct event *ev)
{
	struct chat_stream *s = (struct chat_stream *)e;

	if (ev->kind == EVENT_OPEN)
		put_open(s, ev);
	else if (ev->kind == EVENT_DELTA)
		put_delta(s, ev->text);
	else if (ev->kind == EVENT_SIGNATURE)
		buf_adds(s->signature, ev->text);
	else
		put_close(s);
}

static void
write_usage(struct chat_stream *s, const struct receipt *r)
{
	struct jw w;

	open_chunk(s, &w);
	jw_end(&w);
	jw_key(&w, "usage");
	openai_chat_usage(&s->e, &w, r);
	close_chunk(s, &w);
}

static void
chat_end(struct encode *e, const struct receipt *r)
{
	struct chat_stream *s = (struct chat_stream *)e;
	struct jw w;

	start(s, BLOCK_TEXT);
	if (e->stop == STOP_REFUSAL && !e->has_refusal)
		write_text(s, "refusal", e->stop_text);
	open_delta(s, &w);
	close_delta(s, &w, openai_chat_finish(e));
	if (e->opts.ask->include_usage)
		write_usage(s, r);
	buf_addz(e->opts.out, "data: [DONE]\n\n");
}

struct encoder *
openai_chat_encoder(struct arena *a, const struct encode_opts *opts)
{
	static const struct encode_words words = {
		.wire = WIRE_OPENAI_CHAT,
		.id_prefix = "chatcmpl-",
		.block = chat_block,
		.cite = chat_cite,
		.cites = true,
		.end = chat_end,
		.document = openai_chat_document,
		.fail_body = openai_chat_fail_body,
	};
	struct chat_stream *s = ARENA_NEW(a, struct chat_stream);

	encode_init(&s->e, a, &words, opts);
	s->text = buf_new(a, MAX_KEPT_BYTES);
	s->signature = buf_new(a, MAX_KEPT_BYTES);
	return &s->e.encoder;
}
