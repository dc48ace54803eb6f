/* SPDX-License-Identifier: MIT */
#include "core/stopper.h"

#include "core/chat.h"
#include "core/error.h"
#include "core/event.h"

/* Where a stop string stands in the text. */
struct match {
	const struct name *stop; /* NULL: nowhere */
	size_t at;
};

/*
 * The one that was complete first, as if the text had come byte by byte; of
 * several that end together the longest.
 */
static struct match
find(const struct stopper *s)
{
	const struct str text = buf_str(s->held);
	const struct name *stop;
	struct match m = { 0 };
	size_t end, best = 0;
	long at;

	for (stop = s->stops; stop != NULL; stop = stop->next) {
		at = stop->s.n > 0 ? str_find(text, stop->s) : -1;
		if (at < 0)
			continue;
		end = (size_t)at + stop->s.n;
		if (m.stop != NULL &&
		    (end > best || (end == best && (size_t)at >= m.at)))
			continue;
		m = (struct match){ stop, (size_t)at };
		best = end;
	}
	return m;
}

/* How many bytes at the end of the text may begin a stop string. */
static size_t
undecided(const struct stopper *s)
{
	const struct name *stop;
	size_t most = 0, n;

	for (stop = s->stops; stop != NULL; stop = stop->next) {
		n = stop->s.n > 0 ? stop->s.n - 1 : 0;
		if (n > s->held->n)
			n = s->held->n;
		while (n > most &&
		    memcmp(s->held->p + s->held->n - n, stop->s.p, n) != 0)
			n--;
		if (n > most)
			most = n;
	}
	return most;
}

static int
pass(struct stopper *s, const struct event *like, size_t n, struct error *err)
{
	struct event ev = *like;
	int rc;

	if (n == 0)
		return 0;
	ev.kind = EVENT_DELTA;
	ev.text = (struct str){ s->held->p, n };
	rc = sink_put(s->next, &ev, err);
	buf_drop(s->held, n);
	return rc;
}

static int
stop_at(struct stopper *s, const struct event *ev, struct match m,
    struct error *err)
{
	const struct event close = {
		.kind = EVENT_CLOSE, .block = ev->block, .key = ev->key
	};
	const struct event stop = {
		.kind = EVENT_STOP, .stop = STOP_SEQUENCE, .text = m.stop->s
	};

	s->done = true;
	if (pass(s, ev, m.at, err) != 0 || sink_put(s->next, &close, err) != 0)
		return -1;
	return sink_put(s->next, &stop, err);
}

static int
put_text(struct stopper *s, const struct event *ev, struct error *err)
{
	struct match m;

	buf_adds(s->held, ev->text);
	if (buf_over(s->held))
		return error_set(err, ERROR_UP_BROKEN,
		    "more than %u bytes of text at once", STOPPER_MAX_BYTES);
	m = find(s);
	if (m.stop != NULL)
		return stop_at(s, ev, m, err);
	return pass(s, ev, s->held->n - undecided(s), err);
}

static int
stopper_put(struct sink *sink, const struct event *ev, struct error *err)
{
	struct stopper *s = (struct stopper *)sink;

	if (s->done)
		return ev->kind == EVENT_USAGE ? sink_put(s->next, ev, err) : 0;
	if (ev->kind == EVENT_OPEN)
		s->in_text = ev->block == BLOCK_TEXT;
	if (s->in_text && ev->kind == EVENT_DELTA)
		return put_text(s, ev, err);
	if (s->in_text && ev->kind == EVENT_CLOSE) {
		s->in_text = false;
		if (pass(s, ev, s->held->n, err) != 0)
			return -1;
	}
	return sink_put(s->next, ev, err);
}

void
stopper_init(struct stopper *s, struct arena *a, const struct name *stops,
    struct sink *next)
{
	*s = (struct stopper){
		.sink = { stopper_put }, .next = next, .stops = stops
	};
	s->held = buf_new(a, STOPPER_MAX_BYTES);
}
