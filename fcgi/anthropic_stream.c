/* SPDX-License-Identifier: MIT */
/*
 * Events to Messages stream events: wire.md §3.6, §8.1.  message_start waits
 * for the first block, so that it can tell the input tokens if the provider
 * has told them by then; message_delta has the full usage in any case.
 * Before message_start a ping is a comment, since the format has its pings
 * after it; parsers skip both.
 */
#include "core/arena.h"
#include "core/buf.h"
#include "fcgi/anthropic.h"
#include "fcgi/anthropic_answer.h"
#include "fcgi/encode.h"
#include "fcgi/signature.h"
#include "fcgi/sse.h"

#define MAX_SIGNATURE_BYTES (1u << 20)

struct message_stream {
	struct encode e;
	bool started;          /* message_start has gone */
	enum block_kind block; /* the open one */
	unsigned index;        /* of the open block, then of the next */
	struct buf *signature; /* of the open block, prefix included */
};

/* ---- frames ---- */

static void
open_event(struct message_stream *s, struct jw *w, const char *type)
{
	sse_open(s->e.opts.out, type);
	jw_init(w, s->e.opts.out);
	jw_object(w);
	jw_kv_cstr(w, "type", type);
}

static void
close_event(struct message_stream *s, struct jw *w)
{
	jw_end(w);
	sse_close(s->e.opts.out);
}

static void
start(struct message_stream *s)
{
	struct jw w;

	if (s->started)
		return;
	s->started = true;
	open_event(s, &w, "message_start");
	jw_key(&w, "message");
	jw_object(&w);
	jw_kv_str(&w, "id", s->e.id);
	jw_kv_cstr(&w, "type", "message");
	jw_kv_cstr(&w, "role", "assistant");
	jw_kv_str(&w, "model", s->e.model);
	jw_kv_raw(&w, "content", STR("[]"));
	jw_kv_null(&w, "stop_reason");
	jw_kv_null(&w, "stop_sequence");
	jw_kv_null(&w, "stop_details");
	jw_key(&w, "usage");
	jw_object(&w);
	anthropic_usage(&s->e, &w);
	jw_end(&w);
	jw_kv_null(&w, "container");
	jw_end(&w);
	close_event(s, &w);
}

static void
open_block(struct message_stream *s, struct jw *w)
{
	open_event(s, w, "content_block_start");
	jw_kv_i64(w, "index", s->index);
	jw_key(w, "content_block");
	jw_object(w);
}

static void
close_block(struct message_stream *s, struct jw *w)
{
	jw_end(w);
	close_event(s, w);
}

static void
write_delta(struct message_stream *s, const char *type, const char *key,
    struct str text)
{
	struct jw w;

	if (text.n == 0)
		return;
	open_event(s, &w, "content_block_delta");
	jw_kv_i64(&w, "index", s->index);
	jw_key(&w, "delta");
	jw_object(&w);
	jw_kv_cstr(&w, "type", type);
	jw_kv_str(&w, key, text);
	jw_end(&w);
	close_event(s, &w);
}

/* ---- blocks ---- */

static void
open_text(struct message_stream *s)
{
	struct jw w;

	open_block(s, &w);
	jw_kv_cstr(&w, "type", "text");
	jw_kv_cstr(&w, "text", "");
	jw_kv_null(&w, "citations");
	close_block(s, &w);
}

static void
open_thinking(struct message_stream *s)
{
	struct jw w;

	open_block(s, &w);
	jw_kv_cstr(&w, "type", "thinking");
	jw_kv_cstr(&w, "thinking", "");
	jw_kv_cstr(&w, "signature", "");
	close_block(s, &w);
}

static void
open_tool(struct message_stream *s, const struct event *ev)
{
	struct jw w;

	open_block(s, &w);
	jw_kv_cstr(&w, "type", "tool_use");
	encode_tool_id(&s->e, &w, ev->id, s->index);
	jw_kv_str(&w, "name", ev->name);
	jw_kv_raw(&w, "input", STR("{}"));
	jw_kv_raw(&w, "caller", STR("{\"type\":\"direct\"}"));
	close_block(s, &w);
}

/* A redacted block comes whole in its start, so it waits for its end. */
static void
put_open(struct message_stream *s, const struct event *ev)
{
	start(s);
	s->block = ev->block;
	buf_reset(s->signature);
	switch (ev->block) {
	case BLOCK_TEXT:
	case BLOCK_REFUSAL:
		open_text(s);
		break;
	case BLOCK_THINKING:
		open_thinking(s);
		break;
	case BLOCK_TOOL:
		open_tool(s, ev);
		break;
	case BLOCK_REDACTED:
	case BLOCK_VECTOR:
		break;
	}
}

static void
put_delta(struct message_stream *s, struct str text)
{
	static const struct {
		const char *type, *key;
	} words[] = {
		[BLOCK_TEXT] = { "text_delta", "text" },
		[BLOCK_REFUSAL] = { "text_delta", "text" },
		[BLOCK_THINKING] = { "thinking_delta", "thinking" },
		[BLOCK_TOOL] = { "input_json_delta", "partial_json" },
	};

	if (s->block != BLOCK_REDACTED)
		write_delta(s, words[s->block].type, words[s->block].key, text);
}

static void
message_cite(struct encode *e, const struct citation *c)
{
	struct message_stream *s = (struct message_stream *)e;
	struct jw w;

	open_event(s, &w, "content_block_delta");
	jw_kv_i64(&w, "index", s->index);
	jw_key(&w, "delta");
	jw_object(&w);
	jw_kv_cstr(&w, "type", "citations_delta");
	jw_key(&w, "citation");
	anthropic_citation(e, &w, c);
	jw_end(&w);
	close_event(s, &w);
}

static void
put_signature(struct message_stream *s, struct str text)
{
	if (s->signature->n == 0 && text.n > 0)
		signature_prefix(s->e.issuer, WIRE_ANTHROPIC, s->signature);
	buf_adds(s->signature, text);
}

static void
write_redacted(struct message_stream *s)
{
	struct jw w;

	open_block(s, &w);
	jw_kv_cstr(&w, "type", "redacted_thinking");
	jw_kv_str(&w, "data", buf_str(s->signature));
	close_block(s, &w);
}

/* A token cut short is worth nothing, and neither is a block of it alone. */
static void
put_close(struct message_stream *s)
{
	struct jw w;

	if (buf_over(s->signature))
		buf_reset(s->signature);
	if (s->block == BLOCK_REDACTED) {
		if (s->signature->n == 0)
			return;
		write_redacted(s);
	} else if (s->block == BLOCK_THINKING) {
		write_delta(
		    s, "signature_delta", "signature", buf_str(s->signature));
	}
	open_event(s, &w, "content_block_stop");
	jw_kv_i64(&w, "index", s->index++);
	close_event(s, &w);
}

static void
message_block(struct encode *e, const struct event *ev)
{
	struct message_stream *s = (struct message_stream *)e;

	if (ev->kind == EVENT_OPEN)
		put_open(s, ev);
	else if (ev->kind == EVENT_DELTA)
		put_delta(s, ev->text);
	else if (ev->kind == EVENT_SIGNATURE)
		put_signature(s, ev->text);
	else
		put_close(s);
}

/* ---- the message ---- */

static void
message_end(struct encode *e, const struct receipt *r)
{
	struct message_stream *s = (struct message_stream *)e;
	struct jw w;

	start(s);
	open_event(s, &w, "message_delta");
	jw_key(&w, "delta");
	jw_object(&w);
	anthropic_stop(e, &w);
	jw_kv_null(&w, "container");
	jw_end(&w);
	jw_key(&w, "usage");
	jw_object(&w);
	anthropic_usage(e, &w);
	encode_cost(e, &w, r);
	jw_end(&w);
	close_event(s, &w);
	open_event(s, &w, "message_stop");
	close_event(s, &w);
}

static void
message_ping(struct encode *e)
{
	const struct message_stream *s = (const struct message_stream *)e;

	if (s->started)
		buf_addz(
		    e->opts.out, "event: ping\ndata: {\"type\": \"ping\"}\n\n");
	else
		buf_addz(e->opts.out, ": ping\n\n");
}

struct encoder *
anthropic_encoder(struct arena *a, const struct encode_opts *opts)
{
	static const struct encode_words words = {
		.wire = WIRE_ANTHROPIC,
		.id_prefix = "msg_",
		.error_event = "error",
		.block = message_block,
		.cite = message_cite,
		.cites = true,
		.end = message_end,
		.ping = message_ping,
		.document = anthropic_document,
		.fail_body = anthropic_fail_body,
	};
	struct message_stream *s = ARENA_NEW(a, struct message_stream);

	encode_init(&s->e, a, &words, opts);
	s->signature = buf_new(a, MAX_SIGNATURE_BYTES);
	return &s->e.encoder;
}
