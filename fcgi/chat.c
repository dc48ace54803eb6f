/* SPDX-License-Identifier: MIT */
#include "fcgi/chat.h"

#include <ctype.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/call_cache.h"
#include "core/call_follow.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/fold.h"
#include "core/gateway.h"
#include "core/jtext.h"
#include "core/key.h"
#include "core/live.h"
#include "core/shadow.h"
#include "core/tee.h"
#include "fcgi/control.h"
#include "fcgi/dialect.h"
#include "fcgi/endpoint.h"
#include "fcgi/exchange.h"
#include "fcgi/head.h"
#include "fcgi/options.h"

#define MAX_ANSWER_BYTES ((size_t)160 << 20) /* a whole answer, re-encoded */
#define MAX_TAGS         32
#define MAX_LABEL_BYTES  256          /* of a user, session, task, tag */
#define HIGH_WATER_BYTES (128u << 10) /* queued: stop reading upstream */
#define LOW_WATER_BYTES  (32u << 10)  /* queued: go on */

static int
glance_turns(const struct ask *ask, const char *turns, struct error *err)
{
	struct str raw;

	if (turns == NULL)
		return 0;
	if (!jtext_get(ask->body, turns, &raw))
		return error_param(err, turns, "is required");
	if (raw.p[0] != '[' || str_trim(str_skip(raw, 1)).p[0] == ']')
		return error_param(
		    err, turns, "must be an array with at least one message");
	return 0;
}

/* Members that sluice itself must understand; the rest is the dialect's. */
static int
glance(struct ask *ask, const struct dialect *dialect, struct error *err)
{
	struct str raw;

	if (!jtext_get(ask->body, "model", &raw))
		return error_param(err, "model", "is required");
	ask->model = jtext_string(ask->arena, raw);
	if (ask->model.n == 0)
		return error_param(err, "model", "must be a string");
	if (glance_turns(ask, dialect->turns, err) != 0)
		return -1;
	if (ask->operation == OPERATION_CHAT &&
	    jtext_get(ask->body, "stream", &raw) && !str_is(raw, "null")) {
		ask->stream = str_is(raw, "true");
		if (!ask->stream && !str_is(raw, "false"))
			return error_param(
			    err, "stream", "must be true or false");
	}
	ask->include_usage =
	    jtext_get(ask->body, "stream_options.include_usage", &raw) &&
	    str_is(raw, "true");
	return 0;
}

/* Nothing in it may lead elsewhere, or out of the request line. */
static bool
is_plain_place(struct str place, const char *also)
{
	size_t i;

	for (i = 0; i < place.n; i++)
		if (!isalnum((unsigned char)place.p[i]) &&
		    memchr(also, place.p[i], strlen(also)) == NULL)
			return false;
	return true;
}

/* What a provider keeps is named by the path; the body goes along. */
static int
read_place(struct exchange *x, const struct key *key)
{
	struct ask *ask = &x->call.ask;
	struct str query = x->in.query;

	ask->place = str_skip(x->in.path, strlen("/v1/responses"));
	ask->method = x->endpoint->method;
	if (!is_plain_place(ask->place, "/_-") ||
	    !is_plain_place(query, "_-.~%&=[]+,:"))
		return error_set(
		    &x->call.err, ERROR_NOT_FOUND, "there is no such response");
	if (query.n > 0)
		ask->place = str_of(arena_printf(x->arena, "%.*s?%.*s",
		    STR_ARG(ask->place), STR_ARG(query)));
	ask->stream = str_find(ask->place, STR("?stream=true")) >= 0 ||
	    str_find(ask->place, STR("&stream=true")) >= 0;
	return control_options(x, key, &x->call.err);
}

static int
read_request(struct exchange *x, const struct key *key)
{
	struct ask *ask = &x->call.ask;
	struct error *err = &x->call.err;

	if (ask->operation == OPERATION_STORED)
		return read_place(x, key);
	if (jtext_check(ask->body, err) != 0)
		return -1;
	if (str_trim(ask->body).p[0] != '{')
		return error_set(
		    err, ERROR_BAD_REQUEST, "the body must be a JSON object");
	if (options_take(x, err) != 0 || control_models(x, err) != 0 ||
	    glance(ask, x->dialect, err) != 0)
		return -1;
	return control_options(x, key, err);
}

/* "HTTP_ANTHROPIC_BETA" becomes "anthropic-beta". */
static struct str
header_name(struct arena *a, struct str var)
{
	char *name = str_cstr(a, str_skip(var, strlen("HTTP_")));
	size_t i;

	for (i = 0; name[i] != '\0'; i++)
		name[i] = name[i] == '_'
		    ? '-'
		    : (char)tolower((unsigned char)name[i]);
	return str_of(name);
}

static bool
is_passed(struct str var)
{
	return str_starts(var, "HTTP_ANTHROPIC_") ||
	    str_starts(var, "HTTP_OPENAI_BETA=") ||
	    str_starts(var, "HTTP_X_OPENAI_");
}

/*
 * The client's anthropic-* headers and the like travel to a provider of its
 * format; openai-organization and -project go with a credential not ours.
 */
static void
pass_headers(struct exchange *x, struct ask *ask)
{
	char **p;
	struct str name, value;

	for (p = x->in.params; *p != NULL; p++) {
		if (!is_passed(str_of(*p)))
			continue;
		value = str_split(str_of(*p), '=', &name);
		header_add(x->arena, &ask->headers, header_name(x->arena, name),
		    value);
	}
}

static struct str
label(const struct exchange *x, const char *name)
{
	struct str s = options_get(x, name);

	if (s.n > MAX_LABEL_BYTES)
		s.n = MAX_LABEL_BYTES;
	return s.n > 0 ? s : STR_NONE;
}

static bool
has_tag(const struct ledger_call *row, struct str name)
{
	const struct header *t = row->tags;

	while (t != NULL && !str_eq(t->name, name))
		t = t->next;
	return t != NULL;
}

/* k=v,k=v: of one name the first. */
static void
read_tags(const struct exchange *x, struct ledger_call *row)
{
	struct str rest = options_get(x, "tags"), item, key;
	struct str value;
	int n;

	for (n = 0; rest.n > 0 && n < MAX_TAGS; n++) {
		rest = str_split(rest, ',', &item);
		value = str_split(item, '=', &key);
		key = str_trim(key);
		if (key.n > 0 && key.n <= MAX_LABEL_BYTES &&
		    value.n <= MAX_LABEL_BYTES && !has_tag(row, key))
			header_add(x->arena, &row->tags, key, str_trim(value));
	}
}

static void
describe(struct exchange *x, const struct key *key)
{
	struct ledger_call *row = &x->call.row;

	if (key != NULL) {
		row->key = key->id;
		row->account = key->account;
	}
	row->endpoint = x->endpoint->path;
	row->dialect = x->dialect->name;
}

static void
label_row(struct exchange *x)
{
	struct ledger_call *row = &x->call.row;

	row->user = label(x, "user");
	row->session = label(x, "session");
	row->task = label(x, "task");
	read_tags(x, row);
}

/* Answer an error and settle: the end of a call that goes no further. */
static bool
refuse(struct exchange *x)
{
	call_settle(&x->call, x->call.err.status);
	exchange_fail(x, &x->call.err);
	return false;
}

/* Let the encoder write the end; what it cannot write is an error. */
static void
finish_answer(struct exchange *x)
{
	struct call *c = &x->call;
	const struct name *n;
	struct receipt receipt = { .cost = c->row.cost,
		.answered = c->row.answered,
		.attempts = c->attempts,
		.cache = c->row.cache,
		.saved_pusd = c->row.saved_pusd };

	for (n = x->enc->lost; n != NULL; n = n->next)
		name_add(x->arena, &c->row.lossy, n->s);
	receipt.lossy = c->row.lossy;
	if (c->err.kind == ERROR_NONE &&
	    x->enc->finish(x->enc, &receipt, &c->err) == 0 && buf_over(x->body))
		error_set(&c->err, ERROR_UP_BROKEN,
		    "the answer is larger than this gateway passes on");
	if (c->err.kind != ERROR_NONE && x->head_sent)
		x->enc->fail(x->enc, &c->err);
}

/* Settle, and queue what is left of the answer. */
static void
answer(struct exchange *x)
{
	struct call *c = &x->call;
	bool stream = c->ask.stream, ok;

	finish_answer(x);
	ok = c->err.kind == ERROR_NONE;
	call_settle(c, ok || x->head_sent ? 200 : c->err.status);
	if (!ok && !x->head_sent) {
		exchange_fail(x, &c->err);
		return;
	}
	if (!x->head_sent)
		head_send(x, 200,
		    stream ? "text/event-stream" : "application/json", NULL);
	io_write(&x->io, buf_str(x->body));
	io_end(&x->io);
}

static void
make_encoder(struct exchange *x)
{
	struct encode_opts opts = { .ask = &x->call.ask,
		.call_id = x->call.row.id,
		.created_s = x->call.row.started_us / 1000000 };

	if (x->enc != NULL)
		return;
	x->body = buf_new(x->arena, MAX_ANSWER_BYTES);
	opts.out = x->body;
	x->enc = x->dialect->encoder_new(x->arena, &opts);
}

/* ---- the cache ---- */

/* It is opened for who asks for it only. */
static void
open_cache(struct exchange *x)
{
	struct call *c = &x->call;

	if (c->state == NULL || cache_policy_mode(c) == CACHE_OFF)
		return;
	c->store = gateway_cache(x->gw, c->conf);
	c->flights = gateway_flights(x->gw);
}

/* From the cache, from another call, or from upstream? */
static int
begin(struct exchange *x)
{
	struct call *c = &x->call;

	if (call_cache_front(c) != 0) {
		/* SDKs would ask again, and again in vain. */
		header_add(
		    x->arena, &x->fields, STR("x-should-retry"), STR("false"));
		return -1;
	}
	if (call_cache_serves(c) || call_front(c) == 0)
		return 0;
	call_cache_back(c); /* somebody else may lead */
	return -1;
}

/* All of a stored answer at once: there is nothing to wait for. */
static void
replay(struct exchange *x)
{
	make_encoder(x);
	call_replay(&x->call, &x->enc->sink);
	answer(x);
}

bool
chat_again(struct exchange *x)
{
	return call_cache_died(&x->call) && begin(x) == 0;
}

bool
chat_front(
    struct exchange *x, const struct key *key, const struct error *read_err)
{
	struct call *c = &x->call;
	const struct conf *conf = x->snap->conf;
	struct error store_err = { 0 };
	struct state *state = gateway_state(x->gw, conf, &store_err);
	bool ok;

	call_init(c, x->arena, conf, state);
	x->calling = true;
	c->ask.wire = x->dialect->wire;
	c->ask.operation = x->dialect->operation;
	c->ask.body = x->in.body;
	c->ask.decode = x->dialect->decode;
	c->err = *read_err;
	describe(x, key);
	trace_begin(&c->trace, http_header(&x->in, "traceparent"),
	    conf->otlp_endpoint.n > 0);
	c->trace.sampled &= conf->otlp_endpoint.n > 0;
	c->key = key;
	if (state != NULL) {
		c->limits = gateway_limits(x->gw);
		c->accounts = gateway_accounts(x->gw);
		c->fits = gateway_fits(x->gw);
	}
	if (state == NULL && !conf->serve_without_store)
		c->err = store_err;
	ok = c->err.kind == ERROR_NONE && read_request(x, key) == 0;
	label_row(x);
	if (!ok)
		return refuse(x);
	c->row.stream = c->ask.stream;
	c->row.requested = c->ask.model;
	pass_headers(x, &c->ask);
	if (call_plan(c) != 0)
		return refuse(x);
	if (control_dry_run(x)) {
		control_answer_plan(x);
		return false;
	}
	open_cache(x);
	if (begin(x) != 0)
		return refuse(x);
	if (!call_cache_serves(c) || c->cache->role == CALL_FOLLOWS ||
	    call_is_paced(c))
		return true;
	replay(x);
	return false;
}

/* Send what the encoder has written; the head goes with the first of it. */
static void
send_body(struct exchange *x)
{
	if (x->body->n == 0)
		return;
	if (!x->head_sent)
		head_send(x, 200, "text/event-stream", NULL);
	io_write(&x->io, buf_str(x->body));
	buf_release(x->body);
	x->spoke_us = loop_now_us(x->loop);
	if (io_pending(&x->io) > HIGH_WATER_BYTES) {
		x->paused = true;
		call_pause(&x->call);
	}
	x->events->output(x->arg);
}

static void
on_progress(void *arg)
{
	struct exchange *x = arg;

	call_cache_flush(&x->call);
	if (x->call.ask.stream)
		send_body(x);
}

static void
on_ended(void *arg)
{
	struct exchange *x = arg;

	loop_timer_stop(x->loop, &x->keepalive);
	x->events->ended(x->arg);
}

/* Silence: show the client, and every proxy between, that we live. */
static void
on_silence(void *arg)
{
	struct exchange *x = arg;
	int64_t limit_us = x->snap->conf->keepalive_ms * 1000;

	if (loop_now_us(x->loop) - x->spoke_us >= limit_us) {
		x->enc->ping(x->enc);
		x->spoke_us = loop_now_us(x->loop);
		send_body(x);
	}
	/* Not moved with every token: it looks when it fires. */
	loop_timer_set(x->loop, &x->keepalive, x->spoke_us + limit_us);
}

/* Where events go: to the client, and an experiment's answer aside. */
static struct sink *
sink_of(struct exchange *x)
{
	if (!shadow_wanted(&x->call))
		return &x->enc->sink;
	x->served = ARENA_NEW(x->arena, struct fold);
	fold_init(x->served, x->arena);
	return tee_new(x->arena, &x->enc->sink, &x->served->sink);
}

void
chat_middle(struct exchange *x)
{
	static const struct call_events events = { on_progress, on_ended };
	struct call *c = &x->call;

	make_encoder(x);
	x->keepalive.fn = on_silence;
	x->keepalive.arg = x;
	x->spoke_us = clock_mono_us();
	if (c->ask.stream)
		on_silence(x);
	if (call_cache_serves(c))
		call_follow(c, x->loop, &x->enc->sink, &events, x);
	else
		call_run(c, x->loop, x->upstream, sink_of(x), &events, x);
}

void
exchange_flushed(struct exchange *x)
{
	if (!x->paused || io_pending(&x->io) >= LOW_WATER_BYTES)
		return;
	x->paused = false;
	call_resume(&x->call);
}

void
chat_back(struct exchange *x)
{
	call_price(&x->call);
	call_cache_back(&x->call);
	answer(x);
}
