/* SPDX-License-Identifier: MIT */
/* The finished answer as a message object, and errors: wire.md §3.5. */
#include "fcgi/anthropic_answer.h"

#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "fcgi/anthropic.h"
#include "fcgi/encode.h"
#include "fcgi/signature.h"

/* ---- usage and stop ---- */

static void
write_searches(struct jw *w, int64_t searches)
{
	if (searches == 0) {
		jw_kv_null(w, "server_tool_use");
		return;
	}
	jw_key(w, "server_tool_use");
	jw_object(w);
	jw_kv_i64(w, "web_search_requests", searches);
	jw_kv_i64(w, "web_fetch_requests", 0);
	jw_end(w);
}

/* The format knows two lifetimes of cache entries; the others of OpenAI's go
 * to the nearer one. */
void
anthropic_usage(const struct encode *e, struct jw *w)
{
	const int64_t *t = e->usage.tokens;
	int64_t brief = t[USAGE_CACHE_WRITE_5M] + t[USAGE_CACHE_WRITE_30M];
	int64_t lasting = t[USAGE_CACHE_WRITE_1H] + t[USAGE_CACHE_WRITE_12H];

	jw_kv_i64(w, "input_tokens",
	    usage_total_input(&e->usage) - t[USAGE_CACHE_READ] - brief -
		lasting);
	jw_kv_i64(w, "cache_creation_input_tokens", brief + lasting);
	jw_kv_i64(w, "cache_read_input_tokens", t[USAGE_CACHE_READ]);
	jw_key(w, "cache_creation");
	jw_object(w);
	jw_kv_i64(w, "ephemeral_5m_input_tokens", brief);
	jw_kv_i64(w, "ephemeral_1h_input_tokens", lasting);
	jw_end(w);
	jw_kv_i64(w, "output_tokens", usage_total_output(&e->usage));
	jw_key(w, "output_tokens_details");
	jw_object(w);
	jw_kv_i64(w, "thinking_tokens", t[USAGE_REASONING]);
	jw_end(w);
	write_searches(w, e->usage.web_searches);
	jw_kv_null(w, "service_tier");
}

static void
write_stop_details(const struct encode *e, struct jw *w)
{
	jw_key(w, "stop_details");
	jw_object(w);
	jw_kv_cstr(w, "type", "refusal");
	jw_kv_null(w, "category");
	jw_kv_str(
	    w, "explanation", e->stop_text.n > 0 ? e->stop_text : STR_NONE);
	jw_end(w);
}

void
anthropic_stop(const struct encode *e, struct jw *w)
{
	static const char *const words[] = {
		[STOP_NONE] = "end_turn",
		[STOP_END] = "end_turn",
		[STOP_SEQUENCE] = "stop_sequence",
		[STOP_LENGTH] = "max_tokens",
		[STOP_CONTEXT] = "model_context_window_exceeded",
		[STOP_TOOL] = "tool_use",
		[STOP_REFUSAL] = "refusal",
		[STOP_PAUSE] = "pause_turn",
	};
	enum stop_reason stop = encode_stop(e);

	/* Chat says "stop" and puts the refusal into the message. */
	if (stop == STOP_END && e->has_refusal)
		stop = STOP_REFUSAL;
	jw_kv_cstr(w, "stop_reason", words[stop]);
	jw_kv_str(w, "stop_sequence",
	    stop == STOP_SEQUENCE ? e->stop_text : STR_NONE);
	if (stop == STOP_REFUSAL)
		write_stop_details(e, w);
	else
		jw_kv_null(w, "stop_details");
}

/* ---- blocks ---- */

static void
write_signature(
    const struct encode *e, struct jw *w, const char *key, struct str signature)
{
	struct buf b;

	buf_init(&b, FOLD_MAX_BYTES + 64);
	if (signature.n > 0)
		signature_prefix(e->issuer, WIRE_ANTHROPIC, &b);
	buf_adds(&b, signature);
	jw_kv_str(w, key, buf_str(&b));
	buf_release(&b);
}

void
anthropic_citation(
    const struct encode *e, struct jw *w, const struct citation *c)
{
	struct buf token;

	buf_init(&token, 128);
	signature_prefix(e->issuer, WIRE_NONE, &token);
	jw_object(w);
	jw_kv_cstr(w, "type", "web_search_result_location");
	jw_kv_str(w, "url", c->url);
	jw_kv_str(w, "title", c->title);
	jw_kv_str(w, "encrypted_index", buf_str(&token));
	jw_kv_str(w, "cited_text", c->quote.p != NULL ? c->quote : STR(""));
	jw_end(w);
	buf_release(&token);
}

static void
write_citations(
    const struct encode *e, struct jw *w, const struct fold_cited *cited)
{
	if (cited == NULL) {
		jw_kv_null(w, "citations");
		return;
	}
	jw_key(w, "citations");
	jw_array(w);
	for (; cited != NULL; cited = cited->next)
		anthropic_citation(e, w, cited->c);
	jw_end(w);
}

/* Input must be an object, whatever the model has written. */
static void
write_input(struct jw *w, struct str args)
{
	struct error err = { 0 };

	args = str_trim(args);
	jw_key(w, "input");
	if (args.n == 0) {
		jw_raw(w, STR("{}"));
	} else if (args.p[0] == '{' && jtext_check(args, &err) == 0) {
		jw_raw(w, args);
	} else {
		jw_object(w);
		jw_kv_str(w, "_raw", args);
		jw_end(w);
	}
}

static void
write_tool(const struct encode *e, struct jw *w, const struct fold_block *b,
    unsigned n)
{
	jw_kv_cstr(w, "type", "tool_use");
	encode_tool_id(e, w, b->id, n);
	jw_kv_str(w, "name", b->name);
	write_input(w, b->text);
	jw_kv_raw(w, "caller", STR("{\"type\":\"direct\"}"));
}

static void
write_block(const struct encode *e, struct jw *w, const struct fold_block *b,
    unsigned n)
{
	jw_object(w);
	switch (b->kind) {
	case BLOCK_TEXT:
	case BLOCK_REFUSAL:
		jw_kv_cstr(w, "type", "text");
		jw_kv_str(w, "text", b->text);
		write_citations(e, w, b->cited);
		break;
	case BLOCK_THINKING:
		jw_kv_cstr(w, "type", "thinking");
		jw_kv_str(w, "thinking", b->text);
		write_signature(e, w, "signature", b->signature);
		break;
	case BLOCK_REDACTED:
		jw_kv_cstr(w, "type", "redacted_thinking");
		write_signature(e, w, "data", b->signature);
		break;
	case BLOCK_TOOL:
		write_tool(e, w, b, n);
		break;
	case BLOCK_VECTOR:
		break;
	}
	jw_end(w);
}

static void
write_content(const struct encode *e, struct jw *w)
{
	const struct fold_block *b;
	unsigned n = 0;

	jw_key(w, "content");
	jw_array(w);
	for (b = e->fold.blocks; b != NULL; b = b->next) {
		if (b->kind != BLOCK_REDACTED || b->signature.n > 0)
			write_block(e, w, b, n++);
	}
	jw_end(w);
}

void
anthropic_document(struct encode *e, const struct receipt *r)
{
	struct jw w;

	jw_init(&w, e->opts.out);
	jw_object(&w);
	jw_kv_str(&w, "id", e->id);
	jw_kv_cstr(&w, "type", "message");
	jw_kv_cstr(&w, "role", "assistant");
	jw_kv_str(&w, "model", e->model);
	write_content(e, &w);
	anthropic_stop(e, &w);
	jw_key(&w, "usage");
	jw_object(&w);
	anthropic_usage(e, &w);
	encode_cost(e, &w, r);
	jw_end(&w);
	jw_kv_null(&w, "container");
	jw_end(&w);
}

/* ---- errors ---- */

void
anthropic_fail_body(
    struct buf *out, const struct error *err, const char *call_id)
{
	struct jw w;

	if (encode_raw_error(out, err, WIRE_ANTHROPIC))
		return;
	jw_init(&w, out);
	jw_object(&w);
	jw_kv_cstr(&w, "type", "error");
	jw_key(&w, "error");
	jw_object(&w);
	jw_kv_cstr(&w, "type", error_anthropic_type(err));
	jw_kv_cstr(&w, "message", err->msg);
	encode_details(&w, err);
	jw_end(&w);
	jw_kv_cstr(&w, "request_id", call_id);
	jw_end(&w);
}
