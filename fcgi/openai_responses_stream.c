/* SPDX-License-Identifier: MIT */
/*
 * Events to a Responses stream: wire.md §2.5.  A block is an item: its text
 * so far is in the fold, which gets each event right after this file has.
 * That an item is done is said with what comes next: only then it is known
 * whether a limit has cut it.
 */
#include "fcgi/openai_responses.h"

#include "core/arena.h"
#include "core/error.h"
#include "core/jtext.h"
#include "fcgi/encode.h"
#include "fcgi/openai_responses_answer.h"
#include "fcgi/sse.h"

struct response_stream {
	struct encode e;
	struct responses_echo echo;
	bool started;     /* response.created has gone */
	int64_t sequence; /* of the next event */
	unsigned items;   /* number of the open item, or of the next */
	const struct fold_block *ended; /* not yet said to be done; NULL */
};

/* The events of one kind of content. */
static const struct family {
	const char *delta, *done, *text; /* text: the member of done */
} families[] = {
	[BLOCK_TEXT] = { "response.output_text.delta",
	    "response.output_text.done", "text" },
	[BLOCK_REFUSAL] = { "response.refusal.delta", "response.refusal.done",
	    "refusal" },
	[BLOCK_THINKING] = { "response.reasoning_summary_text.delta",
	    "response.reasoning_summary_text.done", "text" },
	[BLOCK_REDACTED] = { NULL, NULL, NULL }, /* has no content */
	[BLOCK_TOOL] = { "response.function_call_arguments.delta",
	    "response.function_call_arguments.done", "arguments" },
};
static const struct family custom_family = {
	"response.custom_tool_call_input.delta",
	"response.custom_tool_call_input.done", "input"
};

static bool
is_custom(const struct response_stream *s, const struct fold_block *b)
{
	return b->kind == BLOCK_TOOL && encode_is_custom(&s->e, b->name);
}

static const struct family *
family_of(const struct response_stream *s, const struct fold_block *b)
{
	return is_custom(s, b) ? &custom_family : &families[b->kind];
}

static bool
is_message(const struct fold_block *b)
{
	return b->kind == BLOCK_TEXT || b->kind == BLOCK_REFUSAL;
}

/* ---- frames ---- */

static void
open_event(struct response_stream *s, struct jw *w, const char *type)
{
	sse_open(s->e.opts.out, type);
	jw_init(w, s->e.opts.out);
	jw_object(w);
	jw_kv_cstr(w, "type", type);
	jw_kv_i64(w, "sequence_number", s->sequence++);
}

static void
close_event(struct response_stream *s, struct jw *w)
{
	jw_end(w);
	sse_close(s->e.opts.out);
}

static void
write_response(
    struct response_stream *s, const char *type, struct responses_view view)
{
	struct jw w;

	view.e = &s->e;
	view.echo = &s->echo;
	open_event(s, &w, type);
	jw_key(&w, "response");
	openai_responses_object(&view, &w);
	close_event(s, &w);
}

static void
start(struct response_stream *s)
{
	const struct responses_view view = { .status = RESPONSES_IN_PROGRESS };

	if (s->started)
		return;
	s->started = true;
	write_response(s, "response.created", view);
	write_response(s, "response.in_progress", view);
}

static void
write_item(struct response_stream *s, const char *type,
    const struct fold_block *b, enum responses_status status)
{
	struct jw w;

	open_event(s, &w, type);
	jw_kv_i64(&w, "output_index", s->items);
	jw_key(&w, "item");
	openai_responses_item(&s->e, &w, b, s->items, status);
	close_event(s, &w);
}

static void
end_item(struct response_stream *s, enum responses_status status)
{
	if (s->ended == NULL)
		return;
	write_item(s, "response.output_item.done", s->ended, status);
	s->ended = NULL;
	s->items++;
}

/* Begin an event about the content of ${b}. */
static void
open_content(struct response_stream *s, struct jw *w, const char *type,
    const struct fold_block *b)
{
	open_event(s, w, type);
	openai_responses_id(&s->e, w, "item_id", b, s->items);
	jw_kv_i64(w, "output_index", s->items);
	if (is_message(b))
		jw_kv_i64(w, "content_index", 0);
	else if (b->kind == BLOCK_THINKING)
		jw_kv_i64(w, "summary_index", 0);
}

static void
write_part(struct response_stream *s, const char *type,
    const struct fold_block *b, struct str text)
{
	struct jw w;

	open_content(s, &w, type, b);
	jw_key(&w, "part");
	if (is_message(b)) {
		openai_responses_part(
		    &w, b->kind, text, text.n > 0 ? b->cited : NULL);
	} else {
		jw_object(&w);
		jw_kv_cstr(&w, "type", "summary_text");
		jw_kv_str(&w, "text", text);
		jw_end(&w);
	}
	close_event(s, &w);
}

static void
write_text(struct response_stream *s, const char *type, const char *key,
    const struct fold_block *b, struct str text)
{
	struct jw w;

	open_content(s, &w, type, b);
	jw_kv_str(&w, key, text);
	if (b->kind == BLOCK_TEXT)
		jw_kv_raw(&w, "logprobs", STR("[]"));
	close_event(s, &w);
}

/* ---- blocks ---- */

static void
put_open(struct response_stream *s, const struct event *ev)
{
	const struct fold_block b = {
		.kind = ev->block, .id = ev->id, .name = ev->name
	};

	start(s);
	end_item(s, RESPONSES_COMPLETED);
	write_item(s, "response.output_item.added", &b, RESPONSES_IN_PROGRESS);
	if (is_message(&b))
		write_part(s, "response.content_part.added", &b, STR(""));
}

/* The input of a custom tool comes wrapped, so it waits for its end. */
static void
put_delta(struct response_stream *s, struct str text)
{
	const struct fold_block *b = s->e.fold.open;

	if (text.n == 0 || b->kind == BLOCK_REDACTED || is_custom(s, b) ||
	    openai_responses_is_search(&s->e, b))
		return;
	if (b->kind == BLOCK_THINKING && b->text.n == 0)
		write_part(
		    s, "response.reasoning_summary_part.added", b, STR(""));
	write_text(s, family_of(s, b)->delta, "delta", b, text);
}

static void
response_cite(struct encode *e, const struct citation *c)
{
	struct response_stream *s = (struct response_stream *)e;
	const struct fold_block *b = e->fold.open;
	const struct fold_cited *before;
	int64_t n = 0;
	struct jw w;

	for (before = b->cited; before != NULL; before = before->next)
		n++;
	open_content(s, &w, "response.output_text.annotation.added", b);
	jw_kv_i64(&w, "annotation_index", n);
	jw_key(&w, "annotation");
	encode_annotation(&w, c, 0, false);
	close_event(s, &w);
}

static void
close_call(struct response_stream *s, const struct fold_block *b)
{
	const struct family *f = family_of(s, b);
	struct str text = openai_responses_arguments(&s->e, b);

	if (text.n > 0 && (is_custom(s, b) || b->text.n == 0))
		write_text(s, f->delta, "delta", b, text);
	write_text(s, f->done, f->text, b, text);
}

static void
close_text(struct response_stream *s, const struct fold_block *b)
{
	const struct family *f = family_of(s, b);

	write_text(s, f->done, f->text, b, b->text);
	write_part(s,
	    is_message(b) ? "response.content_part.done"
			  : "response.reasoning_summary_part.done",
	    b, b->text);
}

static void
put_close(struct response_stream *s)
{
	const struct fold_block *b = s->e.fold.open;

	if (openai_responses_is_search(&s->e, b))
		; /* all of it is in its item */
	else if (b->kind == BLOCK_TOOL)
		close_call(s, b);
	else if (is_message(b) || (b->kind == BLOCK_THINKING && b->text.n > 0))
		close_text(s, b);
	s->ended = b;
}

static void
response_block(struct encode *e, const struct event *ev)
{
	struct response_stream *s = (struct response_stream *)e;

	if (ev->kind == EVENT_OPEN)
		put_open(s, ev);
	else if (ev->kind == EVENT_DELTA)
		put_delta(s, ev->text);
	else if (ev->kind == EVENT_CLOSE)
		put_close(s);
}

/* ---- the response ---- */

static void
response_end(struct encode *e, const struct receipt *r)
{
	struct response_stream *s = (struct response_stream *)e;
	struct responses_view view = { .receipt = r };
	struct error err = { 0 };

	start(s);
	view.status = openai_responses_close(e, &err);
	end_item(s, openai_responses_last(e));
	write_response(s,
	    view.status == RESPONSES_INCOMPLETE ? "response.incomplete"
						: "response.completed",
	    view);
}

/* ---- errors ---- */

/* A member of the event with which the provider has failed. */
static bool
get_theirs(const struct error *err, const char *path, struct str *value)
{
	struct str data = sse_data(err->raw);
	struct error bad = { 0 };

	return err->raw_wire == WIRE_OPENAI_RESPONSES && data.n > 0 &&
	    jtext_check(data, &bad) == 0 && jtext_get(data, path, value);
}

static void
write_members(struct jw *w, const struct error *err)
{
	jw_kv_cstr(w, "code", error_code(err));
	jw_kv_cstr(w, "message", err->msg);
	jw_kv_cstr(w, "param", err->param[0] ? err->param : NULL);
}

/* The members as the types have them, and the object real ones nest. */
static void
write_error(struct response_stream *s, const struct error *err)
{
	struct str theirs;
	struct jw w;

	open_event(s, &w, "error");
	write_members(&w, err);
	jw_key(&w, "error");
	if (get_theirs(err, "error", &theirs) && theirs.p[0] == '{') {
		jw_raw(&w, theirs);
	} else {
		jw_object(&w);
		jw_kv_cstr(&w, "type", error_openai_type(err));
		write_members(&w, err);
		jw_end(&w);
	}
	close_event(s, &w);
}

/*
 * Codex listens to response.failed alone, the SDKs to error alone.  Where the
 * provider has said response.failed itself, its own bytes are the end.
 */
static void
response_fail(struct encode *e, const struct error *err)
{
	struct response_stream *s = (struct response_stream *)e;
	const struct responses_view view = { .status = RESPONSES_FAILED,
		.error = err };
	struct str type;

	if (e->is_verbatim) {
		s->started = e->frames > 0;
		s->sequence = e->frames;
		if (get_theirs(err, "type", &type) &&
		    str_is(type, "\"response.failed\"")) {
			sse_raw(e->opts.out, err->raw);
			return;
		}
	}
	start(s);
	end_item(s, RESPONSES_COMPLETED);
	write_response(s, "response.failed", view);
	write_error(s, err);
}

struct encoder *
openai_responses_encoder(struct arena *a, const struct encode_opts *opts)
{
	static const struct encode_words words = {
		.wire = WIRE_OPENAI_RESPONSES,
		.id_prefix = "resp_",
		.error_event = "error",
		.block = response_block,
		.cite = response_cite,
		.cites = true,
		.end = response_end,
		.document = openai_responses_document,
		.fail = response_fail,
		.fail_body = openai_responses_fail_body,
		.folds = true,
	};
	struct response_stream *s = ARENA_NEW(a, struct response_stream);

	encode_init(&s->e, a, &words, opts);
	return &s->e.encoder;
}
