/* SPDX-License-Identifier: MIT */
#include "core/recorder.h"

#include "core/buf.h"
#include "core/cache_events.h"
#include "core/flight.h"
#include "core/ledger.h"

#define JOIN_BYTES 4096 /* of small deltas that become one in the cache */

/* The first event tells: by then it is known who answers. */
static void
begin(struct recorder *r)
{
	const struct cache_about about = { .answered = r->row->answered,
		.lossy = r->row->lossy };

	if (r->begun)
		return;
	r->begun = true;
	cache_about_put(r->entry, &about);
	if (r->flight != NULL)
		cache_about_put(r->spool, &about);
}

static void
put_text(struct recorder *r)
{
	const struct event ev = {
		.kind = EVENT_DELTA, .key = r->key, .text = buf_str(r->text)
	};

	if (r->text->n > 0)
		cache_event_put(r->entry, &ev, r->issuer);
	buf_reset(r->text);
}

static bool
joins(const struct recorder *r, const struct event *ev)
{
	return ev->kind == EVENT_DELTA &&
	    r->text->n + ev->text.n <= JOIN_BYTES &&
	    (r->text->n == 0 || r->key == ev->key);
}

static void
record(struct recorder *r, const struct event *ev)
{
	if (ev->kind == EVENT_PING || ev->kind == EVENT_FRAME)
		return;
	begin(r);
	if (r->flight != NULL)
		cache_event_put(r->spool, ev, r->issuer);
	if (joins(r, ev)) {
		r->key = ev->key;
		buf_adds(r->text, ev->text);
		return;
	}
	put_text(r);
	if (joins(r, ev)) {
		r->key = ev->key;
		buf_adds(r->text, ev->text);
	} else {
		cache_event_put(r->entry, ev, r->issuer);
	}
}

static int
recorder_put(struct sink *s, const struct event *ev, struct error *err)
{
	struct recorder *r = (struct recorder *)s;

	if (ev->kind == EVENT_HEAD)
		r->issuer = ev->wire;
	if (ev->kind == EVENT_STOP)
		r->stop = ev->stop;
	if (ev->kind == EVENT_OPEN)
		r->refused |= ev->block == BLOCK_REFUSAL;
	record(r, ev);
	if (r->next == NULL || sink_put(r->next, ev, err) == 0)
		return 0;
	if (r->flight == NULL || !flight_followed(r->flight))
		return -1;
	/* It is this client's own trouble: the others get theirs. */
	r->next = NULL;
	r->lost = *err;
	error_clear(err);
	return 0;
}

void
recorder_init(struct recorder *r, struct arena *a,
    const struct recorder_opts *opts, struct sink *next)
{
	*r = (struct recorder){ .sink = { recorder_put },
		.next = next,
		.row = opts->row,
		.flight = opts->flight,
		.entry = buf_new(a, opts->max_entry_bytes),
		.spool = buf_new(a, (size_t)FLIGHT_MAX_BYTES),
		.text = buf_new(a, JOIN_BYTES) };
}

void
recorder_flush(struct recorder *r)
{
	if (r->flight == NULL || r->spool->n == 0)
		return;
	if (buf_over(r->spool))
		flight_leave(r->flight, false);
	else
		flight_write(r->flight, buf_str(r->spool));
	buf_reset(r->spool);
}

void
recorder_end(struct recorder *r, int64_t cost_pusd)
{
	put_text(r);
	cache_end_put(r->entry, cost_pusd);
	if (r->flight == NULL)
		return;
	cache_end_put(r->spool, cost_pusd);
	recorder_flush(r);
}

void
recorder_fail(struct recorder *r, const struct error *err)
{
	if (r->flight == NULL)
		return;
	begin(r);
	cache_error_put(r->spool, err);
	recorder_flush(r);
}

const char *
recorder_refuses(const struct recorder *r)
{
	switch (r->stop) {
	case STOP_LENGTH:
	case STOP_CONTEXT:
		return "truncated";
	case STOP_REFUSAL:
		return "the model refused";
	case STOP_NONE:
	case STOP_PAUSE:
		return "unfinished";
	case STOP_END:
	case STOP_SEQUENCE:
	case STOP_TOOL:
		break;
	}
	if (r->refused)
		return "the model refused";
	return buf_over(r->entry) ? "too large" : NULL;
}
