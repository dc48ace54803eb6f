/* SPDX-License-Identifier: MIT */
/*
 * One transfer as its caller sees it: events passed on, flow control, and the
 * deadlines.  One timer serves all limits.  It is not moved with every piece
 * of data; when it fires it looks whether a limit has really passed.
 */
#include "core/transfer.h"

#include "core/arena.h"
#include "core/clock.h"
#include "core/provider.h"

struct deadline {
	int64_t due_us; /* INT64_MAX: none */
	int64_t ms;     /* the limit */
	const char *what;
};

static void
sooner(struct deadline *d, int64_t from_us, int64_t ms, const char *what)
{
	int64_t due_us = from_us + ms * 1000;

	if (ms <= 0 || due_us >= d->due_us)
		return;
	*d = (struct deadline){ .due_us = due_us, .ms = ms, .what = what };
}

static struct deadline
next_deadline(const struct transfer *t)
{
	const struct upstream_limits *l = &t->limits;
	struct deadline d = { .due_us = INT64_MAX };

	if (t->phase == TRANSFER_CONNECTING)
		sooner(&d, t->dial_us, l->connect_ms, "no connection");
	if (t->phase != TRANSFER_CONTENT)
		sooner(&d, t->start_us, l->first_content_ms, "no content");
	else if (!t->paused)
		sooner(&d, t->last_us, l->idle_ms, "nothing more");
	sooner(&d, t->start_us, l->total_ms, "answer not complete");
	return d;
}

static void
arm(struct transfer *t)
{
	struct deadline d = next_deadline(t);

	if (d.due_us == INT64_MAX)
		loop_timer_stop(t->up->loop, &t->deadline);
	else
		loop_timer_set(t->up->loop, &t->deadline, d.due_us);
}

static void
on_deadline(void *arg)
{
	struct transfer *t = arg;
	struct deadline d = next_deadline(t);

	if (d.due_us > loop_now_us(t->up->loop)) {
		arm(t);
		return;
	}
	transfer_finish(t, TRANSFER_TIMEOUT,
	    arena_printf(
		t->arena, "%s within %lld ms", d.what, (long long)d.ms));
}

struct transfer *
transfer_start(struct upstream *u, struct arena *a,
    const struct upstream_request *rq, const struct upstream_limits *limits,
    const struct transfer_events *ev, void *arg, struct error *err)
{
	struct transfer *t = ARENA_NEW(a, struct transfer);

	*t = (struct transfer){ .up = u, .arena = a, .request = rq };
	t->events = ev;
	t->arg = arg;
	t->limits = *limits;
	/* The loop's own time may be as old as the caller's front is long. */
	t->start_us = t->dial_us = clock_mono_us();
	t->deadline = (struct loop_timer){ .fn = on_deadline, .arg = t };
	if (rq->canned) {
		canned_start(t);
	} else {
		t->easy = easy_new(t, err);
		if (!t->easy)
			return NULL;
		upstream_queue(t->easy);
	}
	arm(t);
	return t;
}

void
transfer_content(struct transfer *t)
{
	if (t->phase == TRANSFER_CONTENT)
		return;
	t->phase = TRANSFER_CONTENT;
	t->last_us = loop_now_us(t->up->loop);
	arm(t);
}

/* curl is not told: it learns it from on_body, with its next piece. */
void
transfer_pause(struct transfer *t)
{
	t->paused = true;
	if (t->play)
		canned_pause(t);
}

void
transfer_resume(struct transfer *t)
{
	if (!t->paused)
		return;
	t->paused = false;
	t->last_us = loop_now_us(t->up->loop);
	arm(t);
	if (t->play)
		canned_resume(t);
	else if (t->easy)
		upstream_queue(t->easy);
}

/* Take curl's handle away from ${t}, of which nothing more is heard. */
static struct easy *
let_go(struct transfer *t)
{
	struct easy *e = t->easy;

	loop_timer_stop(t->up->loop, &t->deadline);
	if (t->play)
		canned_stop(t);
	t->easy = NULL;
	if (e)
		e->t = NULL;
	return e;
}

/* Closing takes a while, and whoever cancels may have more urgent things. */
void
transfer_cancel(struct transfer *t)
{
	struct easy *e = let_go(t);

	if (e)
		upstream_queue(e);
}

/* Also when curl has found a kept connection dead and asks on a new one. */
void
transfer_dials(struct transfer *t)
{
	if (t->phase != TRANSFER_WAITING)
		return;
	t->phase = TRANSFER_CONNECTING;
	t->dial_us = loop_now_us(t->up->loop);
	arm(t);
}

void
transfer_connected(struct transfer *t)
{
	if (t->phase == TRANSFER_CONNECTING)
		t->phase = TRANSFER_WAITING;
}

void
transfer_head(struct transfer *t, int status, const struct header *headers)
{
	t->events->on_head(t->arg, status, headers);
}

void
transfer_data(struct transfer *t, struct str bytes)
{
	t->last_us = loop_now_us(t->up->loop);
	t->events->on_data(t->arg, bytes);
}

void
transfer_finish(struct transfer *t, enum transfer_end end, const char *why)
{
	struct easy *e = let_go(t);

	if (e)
		upstream_drop(e);
	t->events->on_end(t->arg, end, why);
}
