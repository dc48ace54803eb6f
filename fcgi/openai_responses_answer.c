/* SPDX-License-Identifier: MIT */
/*
 * The finished answer as a response object, and errors: wire.md §2.4.  Each
 * block is an item of its own.
 */
#include "fcgi/openai_responses_answer.h"

#include <stdio.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "fcgi/encode.h"
#include "fcgi/openai_responses.h"
#include "fcgi/signature.h"
#include "fcgi/sse.h"

static const char *const status_words[] = {
	[RESPONSES_IN_PROGRESS] = "in_progress",
	[RESPONSES_COMPLETED] = "completed",
	[RESPONSES_INCOMPLETE] = "incomplete",
	[RESPONSES_FAILED] = "failed",
};

/* ---- items ---- */

bool
openai_responses_is_search(const struct encode *e, const struct fold_block *b)
{
	const struct tool *tool =
	    b->kind == BLOCK_TOOL ? encode_tool(e, b->name) : NULL;

	return tool != NULL && tool->search;
}

void
openai_responses_id(const struct encode *e, struct jw *w, const char *key,
    const struct fold_block *b, unsigned n)
{
	static const char *const prefixes[] = {
		[BLOCK_TEXT] = "msg",
		[BLOCK_REFUSAL] = "msg",
		[BLOCK_THINKING] = "rs",
		[BLOCK_REDACTED] = "rs",
		[BLOCK_TOOL] = "fc",
	};
	const char *prefix = prefixes[b->kind];
	char id[96];

	if (openai_responses_is_search(e, b))
		prefix = "tsc";
	else if (b->kind == BLOCK_TOOL && encode_is_custom(e, b->name))
		prefix = "ctc";
	snprintf(id, sizeof(id), "%s_%s_%u", prefix, e->opts.call_id, n);
	jw_kv_cstr(w, key, id);
}

void
openai_responses_part(struct jw *w, enum block_kind kind, struct str text,
    const struct fold_cited *cited)
{
	jw_object(w);
	if (kind == BLOCK_REFUSAL) {
		jw_kv_cstr(w, "type", "refusal");
		jw_kv_str(w, "refusal", text.p != NULL ? text : STR(""));
	} else {
		jw_kv_cstr(w, "type", "output_text");
		jw_key(w, "annotations");
		jw_array(w);
		for (; cited != NULL; cited = cited->next)
			encode_annotation(w, cited->c, 0, false);
		jw_end(w);
		jw_kv_raw(w, "logprobs", STR("[]"));
		jw_kv_str(w, "text", text.p != NULL ? text : STR(""));
	}
	jw_end(w);
}

static void
write_message(
    struct jw *w, const struct fold_block *b, enum responses_status status)
{
	jw_kv_cstr(w, "type", "message");
	jw_kv_cstr(w, "status", status_words[status]);
	jw_kv_cstr(w, "role", "assistant");
	jw_key(w, "content");
	jw_array(w);
	if (status != RESPONSES_IN_PROGRESS)
		openai_responses_part(w, b->kind, b->text, b->cited);
	jw_end(w);
}

struct str
openai_responses_arguments(const struct encode *e, const struct fold_block *b)
{
	if (encode_is_custom(e, b->name))
		return encode_input(e, b->text);
	return b->text.n > 0 ? b->text : STR("{}");
}

static void
write_call_id(const struct encode *e, struct jw *w, const struct fold_block *b,
    unsigned n)
{
	char made[64];

	snprintf(made, sizeof(made), "%s_%u", e->opts.call_id, n);
	jw_kv_str(w, "call_id", b->id.n > 0 ? b->id : str_of(made));
}

/* A search for tools has its arguments as an object, or none. */
static void
write_search(const struct encode *e, struct jw *w, const struct fold_block *b,
    unsigned n, enum responses_status status)
{
	struct str args = str_trim(b->text);
	struct error err = { 0 };

	if (status == RESPONSES_IN_PROGRESS || !str_starts(args, "{") ||
	    jtext_check(args, &err) != 0)
		args = STR("{}");
	jw_kv_cstr(w, "type", "tool_search_call");
	jw_kv_cstr(w, "status", status_words[status]);
	jw_kv_cstr(w, "execution", "client");
	jw_kv_raw(w, "arguments", args);
	write_call_id(e, w, b, n);
}

static void
write_call(const struct encode *e, struct jw *w, const struct fold_block *b,
    unsigned n, enum responses_status status)
{
	const struct tool *tool = encode_tool(e, b->name);
	bool custom = tool != NULL && tool->custom;
	struct str name = b->name, text = STR("");

	if (status != RESPONSES_IN_PROGRESS)
		text = openai_responses_arguments(e, b);
	if (tool != NULL && tool->ns.n > 0)
		name = str_skip(name, tool->ns.n + strlen(RESPONSES_NS_SEP));
	jw_kv_cstr(w, "type", custom ? "custom_tool_call" : "function_call");
	jw_kv_cstr(w, "status", status_words[status]);
	jw_kv_str(w, custom ? "input" : "arguments", text);
	write_call_id(e, w, b, n);
	jw_kv_str(w, "name", name);
	if (tool != NULL && tool->ns.n > 0)
		jw_kv_str(w, "namespace", tool->ns);
}

static void
write_token(const struct encode *e, struct jw *w, const struct fold_block *b)
{
	struct buf token;

	buf_init(&token, FOLD_MAX_BYTES + 64);
	signature_prefix(e->issuer, WIRE_OPENAI_RESPONSES, &token);
	if (b->kind == BLOCK_REDACTED && e->issuer != WIRE_OPENAI_RESPONSES)
		buf_addz(&token, RESPONSES_REDACTED);
	buf_adds(&token, b->signature);
	jw_kv_str(w, "encrypted_content", buf_str(&token));
	buf_release(&token);
}

static void
write_reasoning(const struct encode *e, struct jw *w,
    const struct fold_block *b, bool begun)
{
	jw_kv_cstr(w, "type", "reasoning");
	jw_key(w, "summary");
	jw_array(w);
	if (!begun && b->text.n > 0) {
		jw_object(w);
		jw_kv_cstr(w, "type", "summary_text");
		jw_kv_str(w, "text", b->text);
		jw_end(w);
	}
	jw_end(w);
	if (!begun && b->signature.n > 0)
		write_token(e, w, b);
}

void
openai_responses_item(const struct encode *e, struct jw *w,
    const struct fold_block *b, unsigned n, enum responses_status status)
{
	jw_object(w);
	openai_responses_id(e, w, "id", b, n);
	switch (b->kind) {
	case BLOCK_TEXT:
	case BLOCK_REFUSAL:
		write_message(w, b, status);
		break;
	case BLOCK_TOOL:
		if (openai_responses_is_search(e, b))
			write_search(e, w, b, n, status);
		else
			write_call(e, w, b, n, status);
		break;
	case BLOCK_THINKING:
	case BLOCK_REDACTED:
		write_reasoning(e, w, b, status == RESPONSES_IN_PROGRESS);
		break;
	case BLOCK_VECTOR:
		break;
	}
	jw_end(w);
}

enum responses_status
openai_responses_last(const struct encode *e)
{
	return e->stop == STOP_LENGTH || e->stop == STOP_CONTEXT
	    ? RESPONSES_INCOMPLETE
	    : RESPONSES_COMPLETED;
}

/* Items that have ended. */
static void
write_output(const struct encode *e, struct jw *w)
{
	const struct fold_block *b = e->fold.blocks;
	unsigned n = 0;

	jw_key(w, "output");
	jw_array(w);
	for (; b != NULL && b != e->fold.open; b = b->next)
		openai_responses_item(e, w, b, n++,
		    b->next == NULL ? openai_responses_last(e)
				    : RESPONSES_COMPLETED);
	jw_end(w);
}

/* ---- what the request said ---- */

/* Each stands where real ones have it, with the API's own default. */
static const struct {
	const char *name, *fallback;
} echoes[RESPONSES_ECHOES] = {
	{ "instructions", "null" },
	{ "max_output_tokens", "null" },
	{ "max_tool_calls", "null" },
	{ "metadata", "{}" },
	{ "parallel_tool_calls", "true" },
	{ "previous_response_id", "null" },
	{ "prompt_cache_key", "null" },
	{ "reasoning", "{\"effort\":null,\"summary\":null}" },
	{ "safety_identifier", "null" },
	{ "service_tier", "\"auto\"" },
	{ "store", "false" },
	{ "temperature", "null" },
	{ "text", "{\"format\":{\"type\":\"text\"}}" },
	{ "tool_choice", "\"auto\"" },
	{ "tools", "[]" },
	{ "top_logprobs", "0" },
	{ "top_p", "null" },
	{ "truncation", "\"disabled\"" },
	{ "user", "null" },
};

static void
read_echo(const struct encode *e, struct responses_echo *echo)
{
	struct str body = str_trim(e->opts.ask->body), name, value;
	struct buf *line;
	size_t pos = 0, i;

	if (echo->read)
		return;
	echo->read = true;
	while (body.n > 0 && jtext_member(body, &pos, &name, &value)) {
		for (i = 0; i < RESPONSES_ECHOES; i++) {
			if (!jtext_is_name(name, str_of(echoes[i].name)) ||
			    str_is(value, "null"))
				continue;
			line = buf_new(e->arena, FOLD_MAX_BYTES);
			sse_json(line, value);
			echo->values[i] = buf_str(line);
		}
	}
}

static void
write_echo(const struct responses_view *v, struct jw *w)
{
	struct str value;
	size_t i;

	read_echo(v->e, v->echo);
	for (i = 0; i < RESPONSES_ECHOES; i++) {
		value = v->echo->values[i];
		jw_kv_raw(w, echoes[i].name,
		    value.p != NULL ? value : str_of(echoes[i].fallback));
	}
}

/* ---- the object ---- */

static void
write_usage(const struct encode *e, struct jw *w, const struct receipt *r)
{
	const int64_t *t = e->usage.tokens;
	int64_t in = usage_total_input(&e->usage);
	int64_t out = usage_total_output(&e->usage);

	jw_key(w, "usage");
	jw_object(w);
	jw_kv_i64(w, "input_tokens", in);
	jw_key(w, "input_tokens_details");
	jw_object(w);
	jw_kv_i64(w, "cached_tokens", t[USAGE_CACHE_READ]);
	jw_kv_i64(w, "cache_write_tokens",
	    t[USAGE_CACHE_WRITE_5M] + t[USAGE_CACHE_WRITE_1H] +
		t[USAGE_CACHE_WRITE_30M] + t[USAGE_CACHE_WRITE_12H]);
	jw_end(w);
	jw_kv_i64(w, "output_tokens", out);
	jw_key(w, "output_tokens_details");
	jw_object(w);
	jw_kv_i64(w, "reasoning_tokens", t[USAGE_REASONING]);
	jw_end(w);
	jw_kv_i64(w, "total_tokens", in + out);
	encode_cost(e, w, r);
	jw_end(w);
}

/* The API has few words of its own; all others are a fault of the server. */
static const char *
code_of(const struct error *err)
{
	if (err->code[0] != '\0')
		return err->code;
	return err->status == 429 ? "rate_limit_exceeded" : "server_error";
}

static void
write_error(struct jw *w, const struct error *err)
{
	if (err == NULL) {
		jw_kv_null(w, "error");
		return;
	}
	jw_key(w, "error");
	jw_object(w);
	jw_kv_cstr(w, "code", code_of(err));
	jw_kv_cstr(w, "message", err->msg);
	jw_end(w);
}

static void
write_why(const struct encode *e, struct jw *w, enum responses_status status)
{
	if (status != RESPONSES_INCOMPLETE) {
		jw_kv_null(w, "incomplete_details");
		return;
	}
	jw_key(w, "incomplete_details");
	jw_object(w);
	jw_kv_cstr(w, "reason",
	    encode_stop(e) == STOP_REFUSAL ? "content_filter"
					   : "max_output_tokens");
	jw_end(w);
}

void
openai_responses_object(const struct responses_view *v, struct jw *w)
{
	const struct encode *e = v->e;

	jw_object(w);
	jw_kv_str(w, "id", e->id);
	jw_kv_cstr(w, "object", "response");
	jw_kv_i64(w, "created_at", e->opts.created_s);
	jw_kv_cstr(w, "status", status_words[v->status]);
	jw_kv_bool(w, "background", false);
	write_error(w, v->error);
	write_why(e, w, v->status);
	jw_kv_str(w, "model", e->model);
	write_output(e, w);
	write_echo(v, w);
	jw_kv_null(w, "access_programs");
	if (v->receipt != NULL)
		write_usage(e, w, v->receipt);
	else
		jw_kv_null(w, "usage");
	jw_end(w);
}

/* ---- the end ---- */

static enum responses_status
status_of(const struct encode *e)
{
	static const enum responses_status by_stop[] = {
		[STOP_NONE] = RESPONSES_COMPLETED,
		[STOP_END] = RESPONSES_COMPLETED,
		[STOP_SEQUENCE] = RESPONSES_COMPLETED,
		[STOP_LENGTH] = RESPONSES_INCOMPLETE,
		[STOP_CONTEXT] = RESPONSES_INCOMPLETE,
		[STOP_TOOL] = RESPONSES_COMPLETED,
		[STOP_REFUSAL] = RESPONSES_INCOMPLETE,
		[STOP_PAUSE] = RESPONSES_COMPLETED,
	};
	enum stop_reason stop = encode_stop(e);

	/* The model's own refusal is an answer like any other. */
	if (stop == STOP_REFUSAL && e->has_refusal)
		return RESPONSES_COMPLETED;
	return by_stop[stop];
}

enum responses_status
openai_responses_close(struct encode *e, struct error *err)
{
	enum responses_status status = status_of(e);
	struct event ev[] = {
		{ .kind = EVENT_OPEN, .block = BLOCK_REFUSAL },
		{ .kind = EVENT_DELTA, .text = e->stop_text },
		{ .kind = EVENT_CLOSE },
	};
	size_t i;

	if (e->stop != STOP_REFUSAL || e->has_refusal || e->stop_text.n == 0)
		return status;
	for (i = 0; i < sizeof(ev) / sizeof(ev[0]); i++)
		(void)sink_put(&e->encoder.sink, &ev[i], err);
	return status;
}

void
openai_responses_document(struct encode *e, const struct receipt *r)
{
	struct responses_echo echo = { .read = false };
	struct error err = { 0 };
	struct responses_view v = { .e = e, .echo = &echo, .receipt = r };
	struct jw w;

	v.status = openai_responses_close(e, &err);
	jw_init(&w, e->opts.out);
	openai_responses_object(&v, &w);
}

/* ---- errors ---- */

void
openai_responses_fail_body(
    struct buf *out, const struct error *err, const char *call_id)
{
	(void)call_id;
	encode_openai_error(out, err, WIRE_OPENAI_RESPONSES);
}
