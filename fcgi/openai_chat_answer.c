/* SPDX-License-Identifier: MIT */
/* The finished answer as a chat.completion object, and errors: wire.md §1.4. */
#include "fcgi/openai_chat_answer.h"

#include "core/buf.h"
#include "core/error.h"
#include "fcgi/encode.h"
#include "fcgi/openai_chat.h"
#include "fcgi/signature.h"

void
openai_chat_identity(const struct encode *e, struct jw *w, const char *object)
{
	jw_kv_str(w, "id", e->id);
	jw_kv_cstr(w, "object", object);
	jw_kv_i64(w, "created", e->opts.created_s);
	jw_kv_str(w, "model", e->model);
}

static int64_t
cache_writes(const int64_t *tokens)
{
	return tokens[USAGE_CACHE_WRITE_5M] + tokens[USAGE_CACHE_WRITE_1H] +
	    tokens[USAGE_CACHE_WRITE_30M] + tokens[USAGE_CACHE_WRITE_12H];
}

static void
write_details(struct jw *w, const int64_t *t)
{
	jw_key(w, "prompt_tokens_details");
	jw_object(w);
	jw_kv_i64(w, "cached_tokens", t[USAGE_CACHE_READ]);
	jw_kv_i64(w, "cache_write_tokens", cache_writes(t));
	jw_kv_i64(w, "audio_tokens", t[USAGE_AUDIO_IN]);
	jw_kv_i64(w, "image_tokens", t[USAGE_IMAGE_IN]);
	jw_end(w);
	jw_key(w, "completion_tokens_details");
	jw_object(w);
	jw_kv_i64(w, "reasoning_tokens", t[USAGE_REASONING]);
	jw_kv_i64(w, "audio_tokens", t[USAGE_AUDIO_OUT]);
	jw_kv_i64(w, "accepted_prediction_tokens", 0);
	jw_kv_i64(w, "rejected_prediction_tokens", 0);
	jw_end(w);
}

void
openai_chat_usage(const struct encode *e, struct jw *w, const struct receipt *r)
{
	int64_t in = usage_total_input(&e->usage);
	int64_t out = usage_total_output(&e->usage);

	jw_object(w);
	jw_kv_i64(w, "prompt_tokens", in);
	jw_kv_i64(w, "completion_tokens", out);
	jw_kv_i64(w, "total_tokens", in + out);
	write_details(w, e->usage.tokens);
	encode_cost(e, w, r);
	jw_end(w);
}

void
openai_chat_detail(const struct encode *e, struct jw *w, bool redacted,
    struct str text, struct str signature, unsigned index)
{
	struct buf token;

	buf_init(&token, FOLD_MAX_BYTES + 64);
	signature_prefix(e->issuer, WIRE_OPENAI_CHAT, &token);
	buf_adds(&token, signature);
	jw_object(w);
	jw_kv_cstr(
	    w, "type", redacted ? "reasoning.encrypted" : "reasoning.text");
	if (!redacted)
		jw_kv_str(w, "text", text);
	jw_kv_str(w, redacted ? "data" : "signature", buf_str(&token));
	jw_kv_cstr(w, "format", signature_format(e->issuer));
	jw_kv_i64(w, "index", index);
	jw_end(w);
	buf_release(&token);
}

const char *
openai_chat_finish(const struct encode *e)
{
	static const char *const words[] = {
		[STOP_NONE] = "stop",
		[STOP_END] = "stop",
		[STOP_SEQUENCE] = "stop",
		[STOP_LENGTH] = "length",
		[STOP_CONTEXT] = "length",
		[STOP_TOOL] = "tool_calls",
		[STOP_REFUSAL] = "content_filter",
		[STOP_PAUSE] = "stop",
	};

	return words[encode_stop(e)];
}

/* ---- the message ---- */

static bool
has_block(const struct fold_block *b, enum block_kind kind)
{
	while (b != NULL && b->kind != kind)
		b = b->next;
	return b != NULL;
}

/* Member ${key}: the text of all blocks of ${kind}. */
static void
write_joined(
    struct encode *e, struct jw *w, const char *key, enum block_kind kind)
{
	struct buf *text = buf_new(e->arena, FOLD_MAX_BYTES);
	const struct fold_block *b;

	for (b = e->fold.blocks; b != NULL; b = b->next) {
		if (b->kind == kind)
			buf_adds(text, b->text);
	}
	jw_kv_str(w, key, buf_str(text));
}

/* content is null only beside what stands in its place. */
static void
write_content(struct encode *e, struct jw *w)
{
	bool refused = e->has_refusal || e->stop == STOP_REFUSAL;

	if (has_block(e->fold.blocks, BLOCK_TEXT) || (!e->has_tool && !refused))
		write_joined(e, w, "content", BLOCK_TEXT);
	else
		jw_kv_null(w, "content");
	if (e->has_refusal)
		write_joined(e, w, "refusal", BLOCK_REFUSAL);
	else if (e->stop == STOP_REFUSAL && e->stop_text.n > 0)
		jw_kv_str(w, "refusal", e->stop_text);
	else
		jw_kv_null(w, "refusal");
}

static void
write_reasoning(struct encode *e, struct jw *w)
{
	const struct fold_block *b;
	unsigned n = 0;

	if (has_block(e->fold.blocks, BLOCK_THINKING))
		write_joined(e, w, "reasoning_content", BLOCK_THINKING);
	for (b = e->fold.blocks; b != NULL; b = b->next) {
		if (b->signature.n == 0 || b->kind == BLOCK_TOOL)
			continue;
		if (n == 0) {
			jw_key(w, "reasoning_details");
			jw_array(w);
		}
		openai_chat_detail(e, w, b->kind == BLOCK_REDACTED, b->text,
		    b->signature, n++);
	}
	if (n > 0)
		jw_end(w);
}

static void
write_call(
    struct encode *e, struct jw *w, const struct fold_block *b, unsigned n)
{
	bool custom = encode_is_custom(e, b->name);
	const char *type = custom ? "custom" : "function";

	jw_object(w);
	encode_tool_id(e, w, b->id, n);
	jw_kv_cstr(w, "type", type);
	jw_key(w, type);
	jw_object(w);
	jw_kv_str(w, "name", b->name);
	if (custom)
		jw_kv_str(w, "input", encode_input(e, b->text));
	else
		jw_kv_str(w, "arguments", b->text.n ? b->text : STR("{}"));
	jw_end(w);
	jw_end(w);
}

static void
write_calls(struct encode *e, struct jw *w)
{
	const struct fold_block *b;
	unsigned n = 0;

	if (!e->has_tool)
		return;
	jw_key(w, "tool_calls");
	jw_array(w);
	for (b = e->fold.blocks; b != NULL; b = b->next) {
		if (b->kind == BLOCK_TOOL)
			write_call(e, w, b, ++n);
	}
	jw_end(w);
}

/* All text is one string here: places move by the blocks before. */
static void
write_annotations(struct encode *e, struct jw *w)
{
	const struct fold_block *b;
	const struct fold_cited *cited;
	int64_t base = 0;

	jw_key(w, "annotations");
	jw_array(w);
	for (b = e->fold.blocks; b != NULL; b = b->next) {
		if (b->kind != BLOCK_TEXT)
			continue;
		for (cited = b->cited; cited != NULL; cited = cited->next)
			encode_annotation(w, cited->c, base, true);
		base += citation_chars(b->text);
	}
	jw_end(w);
}

static void
write_message(struct encode *e, struct jw *w)
{
	jw_object(w);
	jw_kv_cstr(w, "role", "assistant");
	write_content(e, w);
	write_reasoning(e, w);
	write_calls(e, w);
	write_annotations(e, w);
	jw_end(w);
}

void
openai_chat_document(struct encode *e, const struct receipt *r)
{
	struct jw w;

	jw_init(&w, e->opts.out);
	jw_object(&w);
	openai_chat_identity(e, &w, "chat.completion");
	jw_key(&w, "choices");
	jw_array(&w);
	jw_object(&w);
	jw_kv_i64(&w, "index", 0);
	jw_key(&w, "message");
	write_message(e, &w);
	jw_kv_null(&w, "logprobs");
	jw_kv_cstr(&w, "finish_reason", openai_chat_finish(e));
	jw_end(&w);
	jw_end(&w);
	jw_key(&w, "usage");
	openai_chat_usage(e, &w, r);
	jw_kv_null(&w, "system_fingerprint");
	jw_end(&w);
}

/* ---- errors ---- */

void
openai_chat_fail_body(
    struct buf *out, const struct error *err, const char *call_id)
{
	(void)call_id;
	encode_openai_error(out, err, WIRE_OPENAI_CHAT);
}
