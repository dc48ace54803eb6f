/* SPDX-License-Identifier: MIT */
#include "core/call_follow.h"

#include "core/buf.h"
#include "core/cache_batch.h"
#include "core/call.h"
#include "core/call_cache.h"
#include "core/call_try.h"
#include "core/conf.h"
#include "core/flight.h"

#define MAX_IN_BYTES    ((size_t)FLIGHT_MAX_BYTES * 2)
#define BYTES_PER_TOKEN 4
#define TICK_US         INT64_C(20000) /* between pieces of a paced stream */

/* ---- the end ---- */

static void
end(struct call *c)
{
	struct call_cache *cc = c->cache;

	if (c->over)
		return;
	c->over = true;
	loop_timer_stop(c->engine.loop, &c->wake);
	loop_timer_stop(c->engine.loop, &cc->pump);
	flight_leave(cc->flight, false);
	call_tell_end(c);
}

void
call_follow_cancel(struct call *c, enum error_kind kind, const char *why)
{
	error_set(&c->err, kind, "%s", why);
	end(c);
}

static void
on_deadline(void *arg)
{
	call_follow_cancel(arg, ERROR_UP_TIMEOUT,
	    "the same call, made before this one, takes too long to answer");
}

/* ---- records ---- */

static void
describe(struct call *c)
{
	c->row.answered = c->cache->walk.about.answered;
	c->row.lossy = c->cache->walk.about.lossy;
}

static void
put_event(struct call *c)
{
	struct call_cache *cc = c->cache;

	if (sink_put(&cc->resume.sink, &cc->walk.event, &c->err) != 0)
		end(c);
}

/* One record; false when there is none, or nothing more to do. */
static bool
step(struct call *c)
{
	struct call_cache *cc = c->cache;

	switch (cache_next(&cc->walk)) {
	case CACHE_ABOUT:
		describe(c);
		break;
	case CACHE_EVENT:
		put_event(c);
		break;
	case CACHE_END:
		c->row.saved_pusd = cc->walk.cost_pusd;
		end(c);
		break;
	case CACHE_ERROR:
		c->err.raw = str_dup(c->arena, c->err.raw);
		error_address(&c->err, c->ask.wire);
		end(c);
		break;
	case CACHE_BROKEN:
		call_follow_cancel(
		    c, ERROR_INTERNAL, "a recorded answer cannot be read");
		break;
	case CACHE_NOTHING:
		return false;
	}
	return !c->over && !cc->paused;
}

/* ---- a flight ---- */

static void
leader_died(struct call *c)
{
	c->cache->died = true;
	end(c);
}

/* What is in the buffer; what is left of it stays for the next time. */
static void
walk_buffer(struct call *c)
{
	struct call_cache *cc = c->cache;

	cc->walk.rest = buf_str(cc->in);
	while (step(c))
		;
	buf_drop(cc->in, cc->in->n - cc->walk.rest.n);
}

static void
on_woken(void *arg)
{
	struct call *c = arg;
	struct call_cache *cc = c->cache;
	enum flight_news news = FLIGHT_BYTES;

	while (!c->over && !cc->paused) {
		walk_buffer(c);
		if (c->over || cc->paused)
			break;
		news = flight_read(cc->flight, cc->in);
		if (news == FLIGHT_AGAIN) {
			buf_reset(cc->in);
			resume_again(&cc->resume);
		} else if (news != FLIGHT_BYTES) {
			break;
		}
		/* What has been produced goes out piece by piece. */
		c->events->progress(c->arg);
	}
	if (!c->over && news == FLIGHT_DEAD)
		leader_died(c);
	else
		c->events->progress(c->arg);
}

/* ---- a hit at a pace ---- */

bool
call_is_paced(const struct call *c)
{
	return c->cache->role == CALL_HIT && c->ask.stream &&
	    c->conf->cache.pace > 0;
}

/* The text that may leave until the next tick. */
static int64_t
room_of(const struct call *c)
{
	if (!call_is_paced(c))
		return INT64_MAX;
	return c->conf->cache.pace * BYTES_PER_TOKEN * TICK_US / 1000000 + 1;
}

/* As much of the present delta as may leave now; false: no more for now. */
static bool
put_piece(struct call *c)
{
	struct call_cache *cc = c->cache;
	struct event ev = cc->walk.event;
	size_t n = cc->left.n;

	if (cc->room_bytes <= 0)
		return false;
	if ((int64_t)n > cc->room_bytes)
		n = (size_t)cc->room_bytes;
	/* Characters stay whole. */
	while (n < cc->left.n && ((unsigned char)cc->left.p[n] & 0xc0) == 0x80)
		n++;
	ev.text = (struct str){ .p = cc->left.p, .n = n };
	cc->left = str_skip(cc->left, n);
	cc->room_bytes -= (int64_t)n;
	if (sink_put(&cc->resume.sink, &ev, &c->err) != 0)
		end(c);
	return !c->over;
}

static bool
pace_step(struct call *c)
{
	struct call_cache *cc = c->cache;
	struct cache_walk at = cc->walk;

	if (cc->left.n > 0)
		return put_piece(c);
	if (cache_next(&at) == CACHE_EVENT && at.event.kind == EVENT_DELTA) {
		cc->walk = at;
		cc->left = at.event.text;
		return true;
	}
	return step(c);
}

static void
on_pump(void *arg)
{
	struct call *c = arg;
	struct call_cache *cc = c->cache;

	if (cc->flight != NULL) {
		on_woken(c);
		return;
	}
	cc->room_bytes = room_of(c);
	while (!c->over && !cc->paused && pace_step(c))
		;
	if (!c->over && !cc->paused)
		loop_timer_set(c->engine.loop, &cc->pump,
		    loop_now_us(c->engine.loop) + TICK_US);
	c->events->progress(c->arg);
}

/* ---- begin ---- */

static void
prepare(struct call *c, struct sink *out)
{
	struct call_cache *cc = c->cache;

	if (cc->batch != NULL)
		out = cache_batch_sink(cc->batch, out);
	if (cc->resume.said == NULL)
		resume_init(&cc->resume, c->arena, out);
	else
		resume_again(&cc->resume);
	if (cc->in == NULL)
		cc->in = buf_new(c->arena, MAX_IN_BYTES);
	buf_reset(cc->in);
	cc->walk.arena = c->arena;
	cc->walk.error = &c->err;
	cc->paused = false;
	c->row.attempts = NULL;
}

void
call_follow(struct call *c, struct loop *loop, struct sink *out,
    const struct call_events *events, void *arg)
{
	struct call_cache *cc = c->cache;

	c->engine = (struct attempt_engine){ .loop = loop };
	c->events = events;
	c->arg = arg;
	prepare(c, out);
	c->wake = (struct loop_timer){ .fn = on_deadline, .arg = c };
	loop_timer_set(loop, &c->wake, c->deadline_us);
	cc->pump = (struct loop_timer){ .fn = on_pump, .arg = c };
	if (cc->flight != NULL)
		flight_watch(cc->flight, loop, on_woken, c);
	else
		loop_timer_set(loop, &cc->pump, loop_now_us(loop));
}

void
call_replay(struct call *c, struct sink *out)
{
	struct cache_walk *w = &c->cache->walk;
	enum cache_record record;

	w->arena = c->arena;
	w->error = &c->err;
	while (
	    (record = cache_next(w)) == CACHE_EVENT || record == CACHE_ABOUT) {
		if (record == CACHE_ABOUT)
			describe(c);
		else if (sink_put(out, &w->event, &c->err) != 0)
			return;
	}
	if (record != CACHE_END)
		error_set(
		    &c->err, ERROR_INTERNAL, "a stored answer cannot be read");
}

void
call_follow_resume(struct call *c)
{
	struct call_cache *cc = c->cache;

	if (!cc->paused || c->over)
		return;
	cc->paused = false;
	loop_timer_set(c->engine.loop, &cc->pump, loop_now_us(c->engine.loop));
}
