/* SPDX-License-Identifier: MIT */
/*
 * OpenAI's legacy completions (POST /v1/completions): wire.md §6.  The prompt
 * becomes a chat of one user turn, whatever the provider, and the answer's
 * text comes back as `text`; thinking has no place in this format.  What
 * needs the model's raw continuation (suffix, echo, best_of) is refused.
 */
#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "fcgi/decode.h"
#include "fcgi/dialect.h"
#include "fcgi/encode.h"
#include "fcgi/openai_chat.h"
#include "fcgi/openai_chat_answer.h"
#include "fcgi/sse.h"

/* ---- the request ---- */

/* A string, or a list of one. */
static int
read_prompt(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct jnode item = *v;
	struct turn *turn;

	(void)into;
	if (json_object_is_type(v->v, json_type_array)) {
		if (jtree_len(v) != 1)
			return jtree_fail(v, err, "must be one prompt");
		item = jtree_item(v, 0);
	}
	if (jtree_value_str(&item).p == NULL)
		return jtree_fail(
		    &item, err, "must be text: tokens are not available");
	turn = chat_turn(chat, ROLE_USER);
	turn->path = STR("prompt");
	decode_part(chat, &turn->parts, PART_TEXT, &item)->text =
	    jtree_value_str(&item);
	return 0;
}

static int
read_one(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	int64_t n = 0;

	(void)chat;
	(void)into;
	if (jtree_i64(v->up, v->key, JTREE_REQUIRED, &n, err) < 0)
		return -1;
	return n == 1 ? 0 : jtree_fail(v, err, "only 1 is available");
}

#define NOT_A_CHAT "needs a completion model, which no provider here has"

static int
decode(struct arena *a, struct str body, struct chat *chat, struct error *err)
{
	static const struct field fields[] = {
		FIELD_NO("model", SKIP),
		FIELD_MUST_DO("prompt", read_prompt),
		FIELD_OF("stream", BOOL, struct chat, stream),
		FIELD_DO("stream_options", decode_stream_options),
		FIELD_OF("max_tokens", COUNT, struct chat, max_tokens),
		FIELD_OF("temperature", NUMBER, struct chat, temperature),
		FIELD_OF("top_p", NUMBER, struct chat, top_p),
		FIELD_OF(
		    "presence_penalty", NUMBER, struct chat, presence_penalty),
		FIELD_OF("frequency_penalty", NUMBER, struct chat,
		    frequency_penalty),
		FIELD_OF("seed", NUMBER, struct chat, seed),
		FIELD_BY("stop", decode_names, struct chat, stop),
		FIELD_OF("user", STR, struct chat, user),
		FIELD_DO("n", read_one),
		FIELD_DO("best_of", read_one),
		FIELD_NEVER("suffix", NOT_A_CHAT),
		FIELD_NEVER("echo", NOT_A_CHAT),
		FIELD_NO("logprobs", LOSE),
		FIELD_NO("logit_bias", LOSE),
		FIELD_END,
	};
	struct jnode root;

	chat->arena = a;
	chat->dialect = WIRE_OPENAI_CHAT;
	chat->thinking_hidden = true;
	if (jtree_read(a, body, &root, err) < 0)
		return -1;
	return decode_object(chat, &root, fields, NULL, chat, err);
}

/* ---- the answer ---- */

struct completion {
	struct encode e; /* first: the interface */
	bool speaks;     /* the open block is one of text */
};

/* What the document and each chunk have, up to their text. */
static void
open_text(const struct encode *e, struct jw *w)
{
	jw_init(w, e->opts.out);
	jw_object(w);
	openai_chat_identity(e, w, "text_completion");
	jw_key(w, "choices");
	jw_array(w);
	jw_object(w);
	jw_kv_i64(w, "index", 0);
}

static void
close_text(struct jw *w, const char *finish)
{
	jw_kv_null(w, "logprobs");
	jw_kv_cstr(w, "finish_reason", finish);
	jw_end(w);
	jw_end(w);
}

static void
write_chunk(const struct encode *e, struct str text, const char *finish)
{
	struct jw w;

	sse_open(e->opts.out, NULL);
	open_text(e, &w);
	jw_kv_str(&w, "text", text);
	close_text(&w, finish);
	if (e->opts.ask->include_usage)
		jw_kv_null(&w, "usage");
	jw_end(&w);
	sse_close(e->opts.out);
}

/* Refusals are said, too: a client that shows text shall show them. */
static bool
is_said(enum block_kind kind)
{
	return kind == BLOCK_TEXT || kind == BLOCK_REFUSAL;
}

static void
block(struct encode *e, const struct event *ev)
{
	struct completion *c = (struct completion *)e;

	if (ev->kind == EVENT_OPEN)
		c->speaks = is_said(ev->block);
	else if (ev->kind == EVENT_DELTA && c->speaks && ev->text.n > 0)
		write_chunk(e, ev->text, NULL);
}

static void
write_usage(const struct encode *e, const struct receipt *r)
{
	struct jw w;

	sse_open(e->opts.out, NULL);
	jw_init(&w, e->opts.out);
	jw_object(&w);
	openai_chat_identity(e, &w, "text_completion");
	jw_kv_raw(&w, "choices", STR("[]"));
	jw_key(&w, "usage");
	openai_chat_usage(e, &w, r);
	jw_end(&w);
	sse_close(e->opts.out);
}

static void
end(struct encode *e, const struct receipt *r)
{
	write_chunk(e, STR(""), openai_chat_finish(e));
	if (e->opts.ask->include_usage)
		write_usage(e, r);
	buf_addz(e->opts.out, "data: [DONE]\n\n");
}

static void
ping(struct encode *e)
{
	buf_addz(e->opts.out, ": ping\n\n");
}

static void
document(struct encode *e, const struct receipt *r)
{
	struct buf *text = buf_new(e->arena, FOLD_MAX_BYTES);
	const struct fold_block *b;
	struct jw w;

	for (b = e->fold.blocks; b != NULL; b = b->next) {
		if (is_said(b->kind))
			buf_adds(text, b->text);
	}
	open_text(e, &w);
	jw_kv_str(&w, "text", buf_str(text));
	close_text(&w, openai_chat_finish(e));
	jw_key(&w, "usage");
	openai_chat_usage(e, &w, r);
	jw_end(&w);
}

static struct encoder *
encoder_new(struct arena *a, const struct encode_opts *opts)
{
	static const struct encode_words words = {
		.wire = WIRE_OPENAI_COMPLETIONS,
		.id_prefix = "cmpl-",
		.block = block,
		.end = end,
		.ping = ping,
		.document = document,
		.fail_body = openai_chat_fail_body,
	};
	struct completion *c = ARENA_NEW(a, struct completion);

	encode_init(&c->e, a, &words, opts);
	return &c->e.encoder;
}

const struct dialect dialect_openai_completions = {
	.name = "openai-completions",
	.wire = WIRE_OPENAI_COMPLETIONS,
	.decode = decode,
	.encoder_new = encoder_new,
	.fail_body = openai_chat_fail_body,
};
