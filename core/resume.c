/* SPDX-License-Identifier: MIT */
/*
 * Content is flattened to bytes for this.  Marks between are bytes that no
 * UTF-8 has.  Ids of tool calls are not compared: those the client has got
 * are the ones it will use.
 */
#include "core/resume.h"

#include "core/buf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/flight.h"

#define OPENED "\xff"
#define CLOSED "\xfe"
#define SIGNED "\xfd"

static int
differs(struct error *err)
{
	return error_set(err, ERROR_UP_BROKEN,
	    "the answer was cut, and its repetition differs");
}

/* What of ${ev} had not been said before, or -1 where it differs. */
static long
match(struct resume *r, struct str s)
{
	size_t n = r->said->n - r->matched;

	if (n > s.n)
		n = s.n;
	if (memcmp(r->said->p + r->matched, s.p, n) != 0)
		return -1;
	r->matched += n;
	return (long)(s.n - n);
}

/* Where content has a mark and a text: both in one. */
static void
flatten(const struct event *ev, struct buf *out)
{
	switch (ev->kind) {
	case EVENT_OPEN:
		buf_addf(out, OPENED "%c%.*s" OPENED, (char)('a' + ev->block),
		    STR_ARG(ev->name));
		break;
	case EVENT_SIGNATURE:
		buf_addz(out, SIGNED);
		buf_adds(out, ev->text);
		break;
	case EVENT_DELTA:
		buf_adds(out, ev->text);
		break;
	case EVENT_CLOSE:
		buf_addz(out, CLOSED);
		break;
	case EVENT_HEAD:
	case EVENT_START:
	case EVENT_CITATION:
	case EVENT_USAGE:
	case EVENT_STOP:
	case EVENT_PING:
	case EVENT_FRAME:
	case EVENT_LOST:
		break;
	}
}

/* Nothing of it passes but, perhaps, the end of a text. */
static int
put_again(struct resume *r, const struct event *ev, struct error *err)
{
	struct event rest = *ev;
	struct buf flat;
	long left;

	if (ev->kind == EVENT_STOP)
		return differs(err);
	if (ev->kind == EVENT_USAGE || ev->kind == EVENT_PING)
		return sink_put(r->next, ev, err);
	buf_init(&flat, r->said->max);
	flatten(ev, &flat);
	left = match(r, buf_str(&flat));
	buf_release(&flat);
	r->again = r->matched < r->said->n;
	if (left < 0 || (left > 0 && ev->kind != EVENT_DELTA))
		return differs(err);
	if (left == 0)
		return 0;
	rest.text = str_skip(ev->text, ev->text.n - (size_t)left);
	buf_adds(r->said, rest.text);
	r->matched = r->said->n;
	return sink_put(r->next, &rest, err);
}

static int
resume_put(struct sink *s, const struct event *ev, struct error *err)
{
	struct resume *r = (struct resume *)s;

	if (r->again)
		return buf_over(r->said) ? differs(err) : put_again(r, ev, err);
	flatten(ev, r->said);
	return sink_put(r->next, ev, err);
}

void
resume_init(struct resume *r, struct arena *a, struct sink *next)
{
	*r = (struct resume){ .sink = { resume_put },
		.next = next,
		.said = buf_new(a, (size_t)FLIGHT_MAX_BYTES) };
}

void
resume_again(struct resume *r)
{
	r->matched = 0;
	r->again = r->said->n > 0;
}
