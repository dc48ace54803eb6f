/* SPDX-License-Identifier: MIT */
#include "fcgi/encode.h"

#include <stdio.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/money.h"
#include "fcgi/emitted.h"
#include "fcgi/sse.h"

#define MAX_NOTE_BYTES 4096

/* ---- events ---- */

static void
put_head(struct encode *e, const struct event *ev)
{
	enum framing wanted = e->opts.ask->stream ? FRAMING_SSE : FRAMING_WHOLE;

	e->headed = true;
	e->issuer = ev->wire;
	e->is_verbatim = ev->wire == e->words->wire && ev->framing == wanted;
	if (e->is_verbatim)
		verbatim_init(&e->verbatim, e->arena, ev->wire, wanted,
		    ev->wire == WIRE_OPENAI_CHAT && !e->opts.ask->include_usage,
		    e->opts.out);
}

/* An id says whose it is; another format's would only look wrong here. */
static void
put_start(struct encode *e, const struct event *ev)
{
	if (e->issuer == e->words->wire && ev->id.n > 0)
		e->id = str_dup(e->arena, ev->id);
	if (ev->name.n > 0)
		e->model = str_dup(e->arena, ev->name);
}

static void
put_block(struct encode *e, const struct event *ev)
{
	if (ev->kind == EVENT_OPEN) {
		e->has_tool |= ev->block == BLOCK_TOOL;
		e->has_refusal |= ev->block == BLOCK_REFUSAL;
	}
	if (e->opts.ask->stream)
		e->words->block(e, ev);
}

static void
put_citation(struct encode *e, const struct citation *c)
{
	bool stream = e->opts.ask->stream;

	if (stream && e->words->cite != NULL)
		e->words->cite(e, c);
	else if (stream || !e->words->cites)
		name_add(e->arena, &e->encoder.lost, EVENT_LOST_SOURCE);
}

static void
write_ping(struct encode *e)
{
	if (e->words->ping != NULL)
		e->words->ping(e);
	else
		buf_addz(e->opts.out, ": ping\n\n");
}

static void
translate(struct encode *e, const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_START:
		put_start(e, ev);
		break;
	case EVENT_OPEN:
	case EVENT_DELTA:
	case EVENT_SIGNATURE:
	case EVENT_CLOSE:
		put_block(e, ev);
		break;
	case EVENT_CITATION:
		put_citation(e, ev->citation);
		break;
	case EVENT_USAGE:
		e->usage = *ev->usage;
		break;
	case EVENT_STOP:
		e->stop = ev->stop;
		e->stop_text = str_dup(e->arena, ev->text);
		break;
	case EVENT_PING:
		if (e->opts.ask->stream)
			write_ping(e);
		break;
	case EVENT_LOST:
		name_add(e->arena, &e->encoder.lost, ev->name);
		break;
	case EVENT_HEAD:
	case EVENT_FRAME:
		break;
	}
}

static int
take(struct encode *e, const struct event *ev, struct error *err)
{
	if (ev->kind == EVENT_HEAD) {
		put_head(e, ev);
		return 0;
	}
	if (e->is_verbatim) {
		e->frames += ev->kind == EVENT_FRAME;
		if (ev->kind == EVENT_START)
			put_start(e, ev);
		return verbatim_put(&e->verbatim, ev, err);
	}
	translate(e, ev);
	if (e->opts.ask->stream && !e->words->folds)
		return 0;
	return sink_put(&e->fold.sink, ev, err);
}

/* What happens between is written; an encoder may put events to itself. */
static void
enter(struct encode *e)
{
	if (e->depth++ == 0)
		e->from = e->opts.out->n;
}

static void
leave(struct encode *e)
{
	if (--e->depth == 0)
		emitted_add(e->emitted, e->opts.out, e->from);
}

static int
encode_put(struct sink *s, const struct event *ev, struct error *err)
{
	struct encode *e = (struct encode *)s;
	int rc;

	enter(e);
	rc = take(e, ev, err);
	leave(e);
	return rc;
}

static void
encode_ping(struct encoder *enc)
{
	struct encode *e = (struct encode *)enc;

	if (!e->headed)
		e->early = true;
	enter(e);
	write_ping(e);
	leave(e);
}

/* The stream is over, in our own words or not. */
static void
close_stream(struct encode *e)
{
	leave(e);
	if (e->opts.ask->stream)
		emitted_check(e->emitted, e->words->wire, e->is_verbatim);
}

/* ---- the end ---- */

/* What x-sluice-* headers would have said. */
static void
write_note(struct jw *w, const struct receipt *r)
{
	const struct name *n;

	jw_object(w);
	jw_kv_str(w, "model", r->answered);
	jw_kv_i64(w, "attempts", r->attempts);
	jw_key(w, "lossy");
	jw_array(w);
	for (n = r->lossy; n != NULL; n = n->next)
		jw_str(w, n->s);
	jw_end(w);
	jw_end(w);
}

/* The headers of a stream could not know what its answer would lose. */
static bool
has_note(const struct encode *e)
{
	return e->early || (e->opts.ask->stream && e->encoder.lost != NULL);
}

static bool
has_details(const struct receipt *r)
{
	return r->cache.n > 0 &&
	    (r->saved_pusd >= 0 || !str_is(r->cache, "miss"));
}

static void
write_details(struct jw *w, const struct receipt *r)
{
	char text[MONEY_TEXT_BYTES];

	jw_object(w);
	jw_kv_str(w, "cache", r->cache);
	if (r->saved_pusd >= 0)
		jw_kv_raw(w, "saved", str_of(money_text(r->saved_pusd, text)));
	jw_end(w);
}

void
encode_cost(const struct encode *e, struct jw *w, const struct receipt *r)
{
	char text[MONEY_TEXT_BYTES];

	if (r->cost.known)
		jw_kv_raw(w, "cost", str_of(money_text(r->cost.pusd, text)));
	else
		jw_kv_null(w, "cost");
	if (has_details(r)) {
		jw_key(w, "cost_details");
		write_details(w, r);
	}
	if (!has_note(e))
		return;
	jw_key(w, "sluice");
	write_note(w, r);
}

static void
finish_verbatim(struct encode *e, const struct receipt *r)
{
	char text[MONEY_TEXT_BYTES];
	struct verbatim_more more = { .cost = STR_NONE };
	struct buf *b;
	struct jw w;

	if (e->opts.ask->operation == OPERATION_STORED) {
		verbatim_flush(&e->verbatim); /* it was not made by this call */
		return;
	}
	if (r->cost.known)
		more.cost = str_of(money_text(r->cost.pusd, text));
	if (has_details(r)) {
		b = buf_new(e->arena, MAX_NOTE_BYTES);
		jw_quote(b, r->cache);
		more.cache = buf_str(b);
	}
	if (e->early) {
		b = buf_new(e->arena, MAX_NOTE_BYTES);
		jw_init(&w, b);
		write_note(&w, r);
		more.note = buf_over(b) ? STR_NONE : buf_str(b);
	}
	verbatim_finish(&e->verbatim, &more);
}

static int
encode_finish(struct encoder *enc, const struct receipt *r, struct error *err)
{
	struct encode *e = (struct encode *)enc;

	enter(e);
	if (e->is_verbatim)
		finish_verbatim(e, r);
	else if (e->opts.ask->stream)
		e->words->end(e, r);
	else
		e->words->document(e, r);
	if (buf_over(e->opts.out)) {
		leave(e);
		return error_set(err, ERROR_UP_BROKEN,
		    "answer larger than %zu bytes", e->opts.out->max);
	}
	close_stream(e);
	return 0;
}

/* ---- errors ---- */

/* Clients of both formats take an object for an error by this member. */
static bool
is_error_object(struct str doc)
{
	struct error err = { 0 };
	struct str value;

	return doc.n > 0 && jtext_check(doc, &err) == 0 &&
	    jtext_get(doc, "error", &value) && !str_is(value, "null");
}

static bool
has_raw(const struct error *err, enum wire wire)
{
	return err->raw.n > 0 && err->raw_wire == wire;
}

bool
encode_raw_error(struct buf *out, const struct error *err, enum wire wire)
{
	struct str data;

	if (!has_raw(err, wire))
		return false;
	/* An error out of a stream may end a call that has not begun one. */
	data = sse_data(err->raw);
	if (data.p != NULL && !is_error_object(data))
		return false;
	buf_adds(out, data.p != NULL ? data : err->raw);
	return true;
}

static void
fail_stream(struct encode *e, const struct error *err)
{
	struct buf *out = e->opts.out;
	bool raw = has_raw(err, e->words->wire);

	if (raw && is_error_object(sse_data(err->raw))) {
		sse_raw(out, err->raw);
		return;
	}
	sse_open(out, e->words->error_event);
	if (raw && is_error_object(err->raw)) {
		sse_json(out, err->raw);
	} else {
		struct error own = *err;

		own.raw = STR_NONE;
		e->words->fail_body(out, &own, e->opts.call_id);
	}
	sse_close(out);
}

static void
encode_fail(struct encoder *enc, const struct error *err)
{
	struct encode *e = (struct encode *)enc;

	if (!e->opts.ask->stream) {
		e->words->fail_body(e->opts.out, err, e->opts.call_id);
		return;
	}
	enter(e);
	if (e->is_verbatim)
		verbatim_break(&e->verbatim);
	if (e->words->fail != NULL)
		e->words->fail(e, err);
	else
		fail_stream(e, err);
	close_stream(e);
}

/* ---- for the dialects ---- */

void
encode_init(struct encode *e, struct arena *a, const struct encode_words *words,
    const struct encode_opts *opts)
{
	e->encoder = (struct encoder){ .sink = { encode_put },
		.ping = encode_ping,
		.finish = encode_finish,
		.fail = encode_fail };
	e->words = words;
	e->opts = *opts;
	e->arena = a;
	e->model = opts->ask->model;
	e->id =
	    str_of(arena_printf(a, "%s%s", words->id_prefix, opts->call_id));
	usage_init(&e->usage);
	fold_init(&e->fold, a);
	e->emitted = buf_new(a, FOLD_MAX_BYTES);
}

enum stop_reason
encode_stop(const struct encode *e)
{
	if (e->stop == STOP_NONE || e->stop == STOP_END || e->stop == STOP_TOOL)
		return e->has_tool ? STOP_TOOL : STOP_END;
	return e->stop;
}

void
encode_tool_id(const struct encode *e, struct jw *w, struct str id, unsigned n)
{
	char made[64];

	if (id.n == 0) {
		snprintf(made, sizeof(made), "%s_%u", e->opts.call_id, n);
		id = str_of(made);
	}
	jw_kv_str(w, "id", id);
}

const struct tool *
encode_tool(const struct encode *e, struct str name)
{
	const struct chat *chat = e->opts.ask->chat;
	const struct tool *t = chat != NULL ? chat->tools : NULL;

	while (t != NULL && !str_eq(t->name, name))
		t = t->next;
	return t;
}

bool
encode_is_custom(const struct encode *e, struct str name)
{
	const struct tool *t = encode_tool(e, name);

	return t != NULL && t->custom;
}

struct str
encode_input(const struct encode *e, struct str args)
{
	struct error err = { 0 };
	struct str value, input;

	if (args.n == 0 || jtext_check(args, &err) < 0 ||
	    !jtext_get(args, "input", &value))
		return args;
	input = jtext_string(e->arena, value);
	return input.p != NULL ? input : args;
}

void
encode_annotation(
    struct jw *w, const struct citation *c, int64_t base, bool nested)
{
	jw_object(w);
	jw_kv_cstr(w, "type", "url_citation");
	if (nested) {
		jw_key(w, "url_citation");
		jw_object(w);
	}
	jw_kv_i64(w, "start_index", base + c->start);
	jw_kv_i64(w, "end_index", base + c->end);
	jw_kv_str(w, "title", c->title.p != NULL ? c->title : c->url);
	jw_kv_str(w, "url", c->url);
	if (nested)
		jw_end(w);
	jw_end(w);
}

void
encode_details(struct jw *w, const struct error *err)
{
	if (err->details[0] != '\0')
		jw_kv_raw(w, "details", str_of(err->details));
}

void
encode_openai_error(struct buf *out, const struct error *err, enum wire wire)
{
	struct jw w;

	if (encode_raw_error(out, err, wire))
		return;
	jw_init(&w, out);
	jw_object(&w);
	jw_key(&w, "error");
	jw_object(&w);
	jw_kv_cstr(&w, "message", err->msg);
	jw_kv_cstr(&w, "type", error_openai_type(err));
	jw_kv_cstr(&w, "param", err->param[0] ? err->param : NULL);
	jw_kv_cstr(&w, "code", error_code(err));
	encode_details(&w, err);
	jw_end(&w);
	jw_end(&w);
}
