/* SPDX-License-Identifier: MIT */
#include "core/spans.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/call.h"
#include "core/genai.h"
#include "core/jw.h"
#include "core/ledger.h"
#include "core/money.h"
#include "core/trace.h"
#include "core/usage.h"
#include "core/version.h"

#define MAX_SPANS_BYTES ((size_t)256 << 10) /* of one call */
#define MAX_TEXT        200
#define MAX_ATTEMPTS    64

enum kind {
	KIND_INTERNAL = 1,
	KIND_SERVER = 2,
	KIND_CLIENT = 3
};
enum status {
	STATUS_UNSET,
	STATUS_ERROR = 2
};

/* A string at most MAX_TEXT long; jw replaces what a cut leaves undone. */
static struct str
clip(struct str s)
{
	if (s.n > MAX_TEXT)
		s.n = MAX_TEXT;
	return s;
}

/* --- attributes --- */

static void
attribute(struct jw *w, const char *key, const char *type)
{
	jw_object(w);
	jw_kv_cstr(w, "key", key);
	jw_key(w, "value");
	jw_object(w);
	jw_key(w, type);
}

static void
put_text(struct jw *w, const char *key, struct str s)
{
	if (s.n == 0)
		return;
	attribute(w, key, "stringValue");
	jw_str(w, clip(s));
	jw_end(w);
	jw_end(w);
}

/* 64 bits are strings there. */
static void
put_number(struct jw *w, const char *key, int64_t v)
{
	char text[24];

	if (v <= 0)
		return;
	snprintf(text, sizeof(text), "%" PRId64, v);
	attribute(w, key, "intValue");
	jw_cstr(w, text);
	jw_end(w);
	jw_end(w);
}

static void
put_double(struct jw *w, const char *key, const char *decimal)
{
	attribute(w, key, "doubleValue");
	jw_raw(w, str_of(decimal));
	jw_end(w);
	jw_end(w);
}

static void
put_cost(struct jw *w, const struct cost *cost)
{
	char text[MONEY_TEXT_BYTES];

	if (cost->known)
		put_double(w, "sluice.cost_usd", money_text(cost->pusd, text));
}

static void
put_seconds(struct jw *w, const char *key, int64_t ms)
{
	char text[32];

	if (ms < 0)
		return;
	snprintf(
	    text, sizeof(text), "%" PRId64 ".%03" PRId64, ms / 1000, ms % 1000);
	put_double(w, key, text);
}

/* --- one span --- */

struct span {
	const unsigned char *id, *parent; /* parent NULL: none */
	struct str name;
	enum kind kind;
	int64_t start_us, end_us; /* wall */
};

static void
put_id(struct jw *w, const char *key, const unsigned char *id, size_t n)
{
	char hex[TRACE_HEX_BYTES];

	jw_kv_cstr(w, key, trace_hex(id, n, hex));
}

static void
put_time(struct jw *w, const char *key, int64_t us)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64 "000", us);
	jw_kv_cstr(w, key, text);
}

static void
open_span(struct jw *w, const struct trace *t, const struct span *s)
{
	jw_object(w);
	put_id(w, "traceId", t->id, TRACE_ID_BYTES);
	put_id(w, "spanId", s->id, TRACE_SPAN_BYTES);
	if (s->parent != NULL)
		put_id(w, "parentSpanId", s->parent, TRACE_SPAN_BYTES);
	jw_kv_str(w, "name", clip(s->name));
	jw_kv_i64(w, "kind", s->kind);
	put_time(w, "startTimeUnixNano", s->start_us);
	put_time(w, "endTimeUnixNano", s->end_us);
	jw_key(w, "attributes");
	jw_array(w);
}

static void
close_span(struct jw *w, enum status status)
{
	jw_end(w);
	jw_key(w, "status");
	jw_object(w);
	if (status != STATUS_UNSET)
		jw_kv_i64(w, "code", status);
	jw_end(w);
	jw_end(w);
}

/* --- the call --- */

/* What a client has asked for, or an experiment. */
static void
open_call(struct jw *w, const struct call *c)
{
	const struct ledger_call *row = &c->row;
	const char *method = c->ask.method != NULL ? c->ask.method : "POST";
	enum attempt_role role = c->control.role;
	bool asked = role != ROLE_SHADOW && role != ROLE_JUDGE;
	char name[128];
	struct span s = { .id = c->trace.span,
		.parent = c->trace.has_parent ? c->trace.parent : NULL,
		.kind = asked ? KIND_SERVER : KIND_INTERNAL,
		.start_us = row->started_us,
		.end_us = row->started_us + row->duration_ms * 1000 };

	snprintf(name, sizeof(name), "%s %s", method, row->endpoint);
	s.name = str_of(asked ? name : ledger_role_words[role]);
	open_span(w, &c->trace, &s);
	if (!asked)
		return;
	put_text(w, "http.request.method", str_of(method));
	put_text(w, "http.route", str_of(row->endpoint));
	put_number(w, "http.response.status_code", row->status);
}

static void
put_call(struct jw *w, const struct call *c)
{
	const struct ledger_call *row = &c->row;

	open_call(w, c);
	put_text(w, "error.type", row->error);
	put_text(w, "gen_ai.operation.name", genai_operation(c->ask.operation));
	put_text(w, "gen_ai.request.model", row->requested);
	put_text(w, "gen_ai.conversation.id", row->session);
	put_seconds(w, "gen_ai.response.time_to_first_chunk", row->ttft_ms);
	put_text(w, "sluice.call.id", str_of(row->id));
	put_text(w, "sluice.key", row->key);
	put_text(w, "sluice.account", row->account);
	put_text(w, "sluice.task", row->task);
	put_text(w, "sluice.route", row->route);
	put_text(w, "sluice.answered", row->answered);
	put_text(w, "sluice.cache", row->cache);
	put_text(w, "sluice.outcome", str_of(ledger_call_words[row->outcome]));
	put_number(w, "sluice.attempts", c->attempts);
	put_cost(w, &row->cost);
	close_span(w, row->outcome == CALL_ERROR ? STATUS_ERROR : STATUS_UNSET);
}

static void
put_usage(struct jw *w, const struct usage *u)
{
	put_number(w, "gen_ai.usage.input_tokens", usage_total_input(u));
	put_number(w, "gen_ai.usage.output_tokens", usage_total_output(u));
	put_number(w, "gen_ai.usage.cache_read.input_tokens",
	    u->tokens[USAGE_CACHE_READ]);
	put_number(w, "gen_ai.usage.cache_creation.input_tokens",
	    u->tokens[USAGE_CACHE_WRITE_5M] + u->tokens[USAGE_CACHE_WRITE_1H] +
		u->tokens[USAGE_CACHE_WRITE_30M] +
		u->tokens[USAGE_CACHE_WRITE_12H]);
	put_number(w, "gen_ai.usage.reasoning.output_tokens",
	    u->tokens[USAGE_REASONING]);
}

static void
put_attempt(struct jw *w, const struct call *c, const struct ledger_attempt *at)
{
	unsigned char id[TRACE_SPAN_BYTES];
	struct str operation = genai_operation(c->ask.operation);
	char name[128];
	struct span s = { .id = id,
		.parent = c->trace.span,
		.kind = KIND_CLIENT,
		.start_us = c->row.started_us + at->start_ms * 1000 };

	trace_span(id);
	s.end_us =
	    s.start_us + (at->duration_ms > 0 ? at->duration_ms : 0) * 1000;
	snprintf(name, sizeof(name), "%.*s %.*s", STR_ARG(operation),
	    STR_ARG(at->model));
	s.name = str_of(name);
	open_span(w, &c->trace, &s);
	put_text(w, "gen_ai.operation.name", operation);
	put_text(w, "gen_ai.provider.name", genai_provider(at->provider));
	put_text(w, "gen_ai.request.model", at->model);
	put_text(w, "gen_ai.response.model", at->returned_model);
	put_seconds(w, "gen_ai.response.time_to_first_chunk", at->ttft_ms);
	put_number(w, "http.response.status_code", at->status);
	put_text(w, "error.type", at->error);
	put_usage(w, &at->usage);
	put_text(w, "sluice.role", str_of(ledger_role_words[at->role]));
	put_text(
	    w, "sluice.outcome", str_of(ledger_attempt_words[at->outcome]));
	put_cost(w, &at->cost);
	close_span(
	    w, at->outcome == ATTEMPT_FAILED ? STATUS_ERROR : STATUS_UNSET);
}

struct str
spans_of(struct call *c, unsigned *n)
{
	struct buf *out;
	const struct ledger_attempt *at;
	struct jw w;

	if (!c->trace.known || !c->trace.sampled)
		return STR_NONE;
	out = buf_new(c->arena, MAX_SPANS_BYTES);
	jw_init(&w, out);
	put_call(&w, c);
	*n = 1;
	for (at = c->row.attempts; at != NULL && *n <= MAX_ATTEMPTS;
	     at = at->next, ++*n) {
		buf_addch(out, ',');
		jw_init(&w, out);
		put_attempt(&w, c, at);
	}
	return buf_over(out) ? STR_NONE : buf_str(out);
}

void
spans_join(struct call *c, struct call *more)
{
	if (more->spans.n == 0)
		return;
	if (c->spans.n > 0) {
		more->n_spans += c->n_spans;
		more->spans = str_of(arena_printf(c->arena, "%.*s,%.*s",
		    STR_ARG(c->spans), STR_ARG(more->spans)));
	}
	c->spans = more->spans;
	c->n_spans = more->n_spans;
	more->spans = STR_NONE;
}

void
spans_request(struct buf *out, struct str spans)
{
	struct jw w;

	buf_addz(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
	jw_init(&w, out);
	put_text(&w, "service.name", STR("sluice"));
	buf_addch(out, ',');
	jw_init(&w, out);
	put_text(&w, "service.version", STR(SLUICE_VERSION));
	buf_addz(out,
	    "]},\"scopeSpans\":[{\"scope\":{\"name\":\"sluice\"},"
	    "\"spans\":[");
	buf_adds(out, spans);
	buf_addz(out, "]}]}]}");
}
