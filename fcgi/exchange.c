/* SPDX-License-Identifier: MIT */
#include "fcgi/exchange.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/gateway.h"
#include "core/live.h"
#include "core/shadow.h"
#include "core/state.h"
#include "core/tally.h"
#include "fcgi/admin.h"
#include "fcgi/chat.h"
#include "fcgi/dialect.h"
#include "fcgi/endpoint.h"
#include "fcgi/head.h"
#include "fcgi/options.h"

#define ARENA_MAX_BYTES ((size_t)1 << 30)
#define MAX_FAIL_BYTES  ((size_t)1 << 20)
#define OPEN_MAX_BODY   ((size_t)1 << 20)

struct exchange *
exchange_new(struct gateway *gw, enum io_kind kind, int fd)
{
	struct arena *a = arena_new(ARENA_MAX_BYTES);
	struct exchange *x = ARENA_NEW(a, struct exchange);

	x->arena = a;
	x->gw = gw;
	io_init(&x->io, kind, fd);
	return x;
}

void
exchange_free(struct exchange *x)
{
	struct arena *a;
	const struct snapshot *snap;

	if (x == NULL)
		return;
	a = x->arena;
	snap = x->snap;
	io_release(&x->io);
	arena_free(a);
	live_put(snap);
}

/* The configuration this exchange stays with, or NULL and why. */
static const struct snapshot *
snapshot_of(struct exchange *x, struct error *err)
{
	if (x->snap == NULL)
		x->snap = gateway_conf(x->gw, err);
	return x->snap;
}

/* Where to, and by whom?  Endpoints that are open to all ask themselves. */
static void
admit(struct exchange *x)
{
	struct buf *allow = buf_new(x->arena, 256);

	if (x->asked || x->in.path.p == NULL)
		return;
	x->asked = true;
	x->endpoint = endpoint_find(x->in.method, x->in.path, allow);
	if (snapshot_of(x, &x->denied) != NULL && x->endpoint != NULL &&
	    !x->endpoint->open)
		(void)!gateway_auth(x->gw, x->snap->conf, x->arena,
		    http_credential(&x->in), &x->key, &x->denied);
	if (x->endpoint == NULL)
		x->allow = buf_str(allow);
}

size_t
exchange_max_body(struct exchange *x)
{
	admit(x);
	if (x->endpoint == NULL || x->denied.kind != ERROR_NONE)
		return 0;
	return x->endpoint->open ? OPEN_MAX_BODY
				 : (size_t)x->snap->conf->max_body_bytes;
}

void
exchange_answer(
    struct exchange *x, int status, const char *type, struct str body)
{
	head_send(x, status, type, NULL);
	if (!str_is(x->in.method, "HEAD"))
		io_write(&x->io, body);
	io_end(&x->io);
}

/* Who was turned away before there was a call is in no ledger. */
static void
count_rejected(struct exchange *x, const struct error *err)
{
	struct error ignored = { 0 };
	struct state *state;

	if (x->calling || x->snap == NULL)
		return;
	state = gateway_state(x->gw, x->snap->conf, &ignored);
	if (state != NULL)
		tally_rejected(state_metrics(state), err);
}

void
exchange_fail(struct exchange *x, const struct error *err)
{
	struct buf out;

	count_rejected(x, err);
	buf_init(&out, MAX_FAIL_BYTES);
	x->dialect->fail_body(&out, err, x->calling ? x->call.row.id : NULL);
	head_send(x, err->status,
	    x->dialect->fail_type != NULL ? x->dialect->fail_type
					  : "application/json",
	    err);
	if (!str_is(x->in.method, "HEAD"))
		io_write(&x->io, buf_str(&out));
	io_end(&x->io);
	buf_release(&out);
}

/* The path's, or what a client shows by its headers. */
static const struct dialect *
find_dialect(const struct exchange *x)
{
	const struct dialect *d = NULL;

	if (str_starts(x->in.path, "/sluice/"))
		return &dialect_problem;
	if (x->in.path.p != NULL)
		d = endpoint_dialect(x->in.path);
	if (d != NULL)
		return d;
	if (http_header(&x->in, "anthropic-version").n > 0)
		return &dialect_anthropic;
	return &dialect_openai_chat;
}

/* OPTIONS: what may be asked here, for browsers' preflights. */
static void
answer_options(struct exchange *x, struct str allow)
{
	header_add(
	    x->arena, &x->fields, STR("access-control-allow-methods"), allow);
	header_add(x->arena, &x->fields, STR("access-control-allow-headers"),
	    str_of(options_headers));
	head_send(x, 204, NULL, NULL);
	io_end(&x->io);
}

void
exchange_nowhere(struct exchange *x, struct str allow)
{
	struct error err = { 0 };

	if (allow.n > 0)
		header_add(x->arena, &x->fields, STR("allow"), allow);
	if (str_is(x->in.method, "OPTIONS") && allow.n > 0) {
		answer_options(x, allow);
		return;
	}
	if (allow.n > 0)
		error_set(&err, ERROR_METHOD, "%.*s takes %.*s",
		    STR_ARG(x->in.path), STR_ARG(allow));
	else
		error_set(&err, ERROR_NOT_FOUND, "there is no %.*s here",
		    x->in.path.n > 200 ? 200 : (int)x->in.path.n, x->in.path.p);
	exchange_fail(x, &err);
}

bool
exchange_front(struct exchange *x, const struct error *read_err)
{
	x->dialect = find_dialect(x);
	x->read_err = read_err;
	admit(x);
	if (x->in.path.p == NULL) /* http_parse failed */
		exchange_fail(x, read_err);
	else if (x->denied.kind != ERROR_NONE)
		exchange_fail(x, &x->denied);
	else if (x->endpoint == NULL)
		exchange_nowhere(x, x->allow);
	else if (x->endpoint->dialect != NULL)
		return chat_front(x, x->key, read_err);
	else
		x->endpoint->answer(x);
	return false;
}

void
exchange_middle(struct exchange *x, struct loop *loop,
    struct upstream *upstream, const struct exchange_events *events, void *arg)
{
	x->loop = loop;
	x->upstream = upstream;
	x->events = events;
	x->arg = arg;
	chat_middle(x);
}

void
exchange_cancel(struct exchange *x, enum error_kind kind, const char *why)
{
	call_cancel(
	    x->shadow != NULL ? shadow_call(x->shadow) : &x->call, kind, why);
}

static void
on_nothing(void *arg)
{
	(void)arg;
}

static void
on_shadow(void *arg)
{
	struct exchange *x = arg;

	x->events->ended(x->arg);
}

enum exchange_next
exchange_back(struct exchange *x)
{
	if (chat_again(x))
		return EXCHANGE_AGAIN;
	chat_back(x);
	return x->call.drains || x->served != NULL ? EXCHANGE_LINGERS
						   : EXCHANGE_DONE;
}

bool
exchange_hurry(struct exchange *x)
{
	x->served = NULL;
	return x->call.drains;
}

void
exchange_linger(struct exchange *x)
{
	static const struct call_events events = { on_nothing, on_shadow };

	x->drained = x->call.drains;
	if (x->drained)
		call_linger(&x->call);
	else if (x->shadow != NULL)
		call_run(shadow_call(x->shadow), x->loop, x->upstream,
		    shadow_sink(x->shadow), &events, x);
	else
		x->events->ended(x->arg);
}

bool
exchange_settle(struct exchange *x)
{
	if (x->drained)
		call_settle_late(&x->call);
	if (x->shadow != NULL) {
		shadow_end(x->shadow);
		x->shadow = NULL;
	} else if (x->served != NULL) {
		x->shadow = shadow_begin(&x->call, x->served);
		x->served = NULL;
	}
	return x->shadow != NULL;
}
