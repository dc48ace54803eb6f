/* SPDX-License-Identifier: MIT */
#include "core/exporter.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/call.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/metrics.h"
#include "core/otlp_headers.h"
#include "core/provider.h"
#include "core/spans.h"
#include "core/state.h"
#include "core/upstream.h"

#define MAX_QUEUE_BYTES ((size_t)1 << 20)
#define SOON_BYTES      ((size_t)64 << 10) /* enough for a request */
#define GATHER_US       INT64_C(1000000)
#define RETRY_US        INT64_C(1000000) /* and twice that, then four times */
#define REST_US         INT64_C(10000000)
#define MAX_TRIES       3
#define MAX_MS          10000
#define CONNECT_MS      2000

/* One request; made anew for each try. */
struct batch {
	struct arena *arena;
	struct upstream_request rq;
	struct transfer *transfer; /* NULL: over */
	int status;
	bool done;  /* an HTTP answer came */
	bool again; /* it may be worth another try */
};

struct exporter {
	struct loop *loop;
	struct upstream *upstream;
	struct metrics *metrics; /* of the newest call */
	struct loop_timer timer;
	struct arena *target;    /* has url and headers */
	struct str url, headers; /* as configured */
	struct buf queue;        /* spans that wait */
	unsigned queued;
	struct buf sending; /* spans under way; empty: none */
	unsigned under_way;
	unsigned tries;
	struct batch *batch; /* NULL: none */
	bool finishing;
};

static void
count(struct exporter *e, const char *result, unsigned n)
{
	const struct str labels[METRICS_LABELS] = { str_of(result) };

	if (n > 0)
		metrics_add(e->metrics, METRIC_SPANS, labels, n);
}

static void
wake(struct exporter *e, int64_t in_us)
{
	loop_timer_set(e->loop, &e->timer, clock_mono_us() + in_us);
}

/* --- one request --- */

static void
on_head(void *arg, int status, const struct header *headers)
{
	struct exporter *e = arg;

	(void)headers;
	e->batch->status = status;
}

static void
on_data(void *arg, struct str bytes)
{
	(void)arg;
	(void)bytes;
}

/* The arena may not go yet: the timer sees to it. */
static void
on_end(void *arg, enum transfer_end end, const char *why)
{
	struct exporter *e = arg;
	struct batch *b = e->batch;

	b->transfer = NULL;
	b->done = end == TRANSFER_DONE;
	b->again = !b->done || b->status == 429 ||
	    (b->status >= 502 && b->status <= 504);
	if (!b->done)
		log_event(LOG_LEVEL_DEBUG, "traces", "%s", why);
	wake(e, 0);
}

static void
drop_batch(struct exporter *e)
{
	if (e->batch == NULL)
		return;
	if (e->batch->transfer != NULL)
		transfer_cancel(e->batch->transfer);
	arena_free(e->batch->arena);
	e->batch = NULL;
}

/* A base address, or the whole one. */
static const char *
address(struct arena *a, struct str url)
{
	const struct str path = STR("/v1/traces");

	if (url.n >= path.n &&
	    memcmp(url.p + url.n - path.n, path.p, path.n) == 0)
		return str_cstr(a, url);
	return arena_printf(a, "%.*s%s", STR_ARG(url), path.p);
}

static struct batch *
batch_new(struct exporter *e)
{
	struct arena *a = arena_new(4 * MAX_QUEUE_BYTES);
	struct batch *b = ARENA_NEW(a, struct batch);
	struct buf *body = buf_new(a, 2 * MAX_QUEUE_BYTES);

	b->arena = a;
	b->rq.url = address(a, e->url);
	header_add(
	    a, &b->rq.headers, STR("content-type"), STR("application/json"));
	(void)otlp_headers(a, e->headers, &b->rq.headers);
	spans_request(body, buf_str(&e->sending));
	b->rq.body = buf_str(body);
	return b;
}

static void
start(struct exporter *e)
{
	static const struct transfer_events events = { on_head, on_data,
		on_end };
	const struct upstream_limits limits = { .connect_ms = CONNECT_MS,
		.first_content_ms = MAX_MS,
		.idle_ms = MAX_MS,
		.total_ms = MAX_MS };
	struct error err = { .kind = ERROR_NONE };

	e->batch = batch_new(e);
	e->batch->transfer = transfer_start(e->upstream, e->batch->arena,
	    &e->batch->rq, &limits, &events, e, &err);
	if (e->batch->transfer == NULL)
		on_end(e, TRANSFER_CONNECT, err.msg);
}

/* --- its end --- */

static void
forget_sending(struct exporter *e, const char *result)
{
	count(e, result, e->under_way);
	buf_release(&e->sending);
	e->under_way = e->tries = 0;
}

/* Nobody is to run into the same for a while. */
static void
give_up(struct exporter *e, int status)
{
	log_event(LOG_LEVEL_WARN, "traces",
	    "the collector of telemetry.otlp_endpoint fails (status %d): %u "
	    "spans dropped",
	    status, e->under_way);
	metrics_rest(e->metrics, clock_mono_us() + REST_US);
	forget_sending(e, "dropped_failed");
}

/* Returns true where the same spans are to go once more. */
static bool
conclude(struct exporter *e)
{
	struct batch *b = e->batch;
	bool again = b->again && !e->finishing && ++e->tries < MAX_TRIES;

	if (b->done && b->status >= 200 && b->status < 300)
		forget_sending(e, "sent");
	else if (!again)
		give_up(e, b->status);
	drop_batch(e);
	return again;
}

static void
on_timer(void *arg)
{
	struct exporter *e = arg;
	struct buf empty;

	if (e->batch != NULL && e->batch->transfer != NULL)
		return; /* under way */
	if (e->batch != NULL && conclude(e)) {
		wake(e, RETRY_US << (e->tries - 1));
		return;
	}
	if (e->sending.n == 0 && e->queue.n > 0) {
		empty = e->sending;
		e->sending = e->queue;
		e->queue = empty;
		e->under_way = e->queued;
		e->queued = 0;
	}
	if (e->sending.n > 0)
		start(e);
}

/* --- the queue --- */

struct exporter *
exporter_new(struct loop *loop, struct upstream *upstream)
{
	struct exporter *e = mem_new(sizeof(*e));

	e->loop = loop;
	e->upstream = upstream;
	e->timer.fn = on_timer;
	e->timer.arg = e;
	buf_init(&e->queue, MAX_QUEUE_BYTES);
	buf_init(&e->sending, MAX_QUEUE_BYTES);
	return e;
}

void
exporter_free(struct exporter *e)
{
	if (e == NULL)
		return;
	drop_batch(e);
	loop_timer_stop(e->loop, &e->timer);
	count(e, "dropped_at_exit", e->queued + e->under_way);
	buf_release(&e->queue);
	buf_release(&e->sending);
	if (e->target != NULL)
		arena_free(e->target);
	free(e);
}

/* The configuration may have changed since the last call. */
static void
set_target(struct exporter *e, const struct conf *conf)
{
	if (e->target != NULL && str_eq(e->url, conf->otlp_endpoint) &&
	    str_eq(e->headers, conf->otlp_headers))
		return;
	if (e->target != NULL)
		arena_free(e->target);
	e->target = arena_new((size_t)1 << 20);
	e->url = str_dup(e->target, conf->otlp_endpoint);
	e->headers = str_dup(e->target, conf->otlp_headers);
}

static void
enqueue(struct exporter *e, const struct call *c)
{
	bool first = e->queue.n == 0;

	if (e->queue.n + c->spans.n + 1 > MAX_QUEUE_BYTES) {
		count(e, "dropped_queue_full", c->n_spans);
		return;
	}
	if (!first)
		buf_addch(&e->queue, ',');
	buf_adds(&e->queue, c->spans);
	e->queued += c->n_spans;
	if (e->sending.n > 0)
		return; /* the end of that goes on with this */
	if (first)
		wake(e, GATHER_US);
	else if (e->queue.n >= SOON_BYTES)
		wake(e, 0);
}

void
exporter_add(struct exporter *e, struct call *c)
{
	if (c->spans.n == 0)
		return;
	e->metrics = c->state != NULL ? state_metrics(c->state) : NULL;
	set_target(e, c->conf);
	if (metrics_resting(e->metrics, clock_mono_us()))
		count(e, "dropped_failed", c->n_spans);
	else
		enqueue(e, c);
	c->spans = STR_NONE;
}

void
exporter_finish(struct exporter *e, int64_t max_us)
{
	int64_t now_us = clock_mono_us(), until_us = now_us + max_us;

	e->finishing = true;
	if (e->batch == NULL)
		wake(e, 0);
	while ((e->queue.n > 0 || e->sending.n > 0) && now_us < until_us) {
		loop_turn(e->loop, until_us - now_us);
		now_us = clock_mono_us();
	}
}

void
exporter_once(struct call *c, int64_t max_us)
{
	struct error err = { .kind = ERROR_NONE };
	struct loop *loop = c->spans.n > 0 ? loop_new(&err) : NULL;
	struct upstream *upstream;
	struct exporter *e;

	if (loop == NULL)
		return;
	upstream = upstream_new(loop);
	e = exporter_new(loop, upstream);
	exporter_add(e, c);
	exporter_finish(e, max_us);
	if (e->under_way > 0) /* the next run need not wait as well */
		metrics_rest(e->metrics, clock_mono_us() + REST_US);
	exporter_free(e);
	upstream_free(upstream);
	loop_free(loop);
}
