/* SPDX-License-Identifier: MIT */
#include "core/cache_events.h"

#include <stdio.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/varint.h"

#define MAX_NAME_BYTES  1024 /* of who answers, of a loss */
#define MAX_NAMES       64
#define MAX_ARENA_BYTES ((size_t)1 << 20) /* for all of these */

/* Kinds of records beside those of events.  On disk: never renumber. */
enum {
	RECORD_ABOUT = 100,
	RECORD_END,
	RECORD_ERROR
};

/* Which members an event of a kind has; one of none is not kept. */
enum {
	HAS_KEY = 1 << 0,
	HAS_BLOCK = 1 << 1,
	HAS_STOP = 1 << 2,
	HAS_WIRE = 1 << 3,
	HAS_ID = 1 << 4,
	HAS_NAME = 1 << 5,
	HAS_TEXT = 1 << 6,
	HAS_USAGE = 1 << 7,
	HAS_CITATION = 1 << 8
};

static const unsigned members[] = {
	[EVENT_HEAD] = HAS_WIRE,
	[EVENT_START] = HAS_ID | HAS_NAME,
	[EVENT_OPEN] = HAS_KEY | HAS_BLOCK | HAS_ID | HAS_NAME,
	[EVENT_DELTA] = HAS_KEY | HAS_TEXT,
	[EVENT_SIGNATURE] = HAS_KEY | HAS_TEXT,
	[EVENT_CITATION] = HAS_KEY | HAS_CITATION,
	[EVENT_CLOSE] = HAS_KEY,
	[EVENT_USAGE] = HAS_USAGE,
	[EVENT_STOP] = HAS_STOP | HAS_TEXT,
	[EVENT_PING] = 0,
	[EVENT_FRAME] = 0,
	[EVENT_LOST] = HAS_NAME,
};

/* ---- writing ---- */

static void
put_i64(struct buf *out, int64_t v)
{
	char bytes[VARINT_BYTES];

	buf_add(out, bytes, varint_put(bytes, varint_zigzag(v)));
}

/* An absent string is none, an empty one is one byte longer. */
static void
put_str(struct buf *out, struct str s)
{
	put_i64(out, s.p == NULL ? -1 : (int64_t)s.n);
	buf_adds(out, s);
}

static void
put_other(struct buf *out, const struct usage_other *o)
{
	int i;

	put_str(out, str_of(o->model));
	for (i = 0; i < USAGE_BUCKETS; i++)
		put_i64(out, o->tokens[i]);
}

static void
put_citation(struct buf *out, const struct citation *c)
{
	put_str(out, c->url);
	put_str(out, c->title);
	put_str(out, c->quote);
	put_i64(out, c->start);
	put_i64(out, c->end);
}

static void
put_usage(struct buf *out, const struct usage *u)
{
	unsigned k;
	int i;

	for (i = 0; i < USAGE_BUCKETS; i++)
		put_i64(out, u->tokens[i]);
	put_i64(out, u->n_others);
	for (k = 0; k < u->n_others; k++)
		put_other(out, &u->others[k]);
	put_i64(out, u->web_searches);
	put_i64(out, u->provider_cost_pusd);
	put_i64(out, u->source);
	put_i64(out, u->mode);
}

/* What was appended since ${at} becomes a record: its length goes before. */
static void
close_record(struct buf *out, size_t at)
{
	char length[VARINT_BYTES];
	size_t n = out->n - at, bytes = varint_put(length, n);

	if (buf_room(out, bytes) == NULL) {
		out->over = true;
		return;
	}
	memmove(out->p + at + bytes, out->p + at, n);
	memcpy(out->p + at, length, bytes);
	buf_added(out, bytes);
}

void
cache_event_put(struct buf *out, const struct event *ev, enum wire issuer)
{
	unsigned has = members[ev->kind];
	size_t at = out->n;

	if (has == 0)
		return;
	buf_addch(out, (char)ev->kind);
	if (has & HAS_KEY)
		put_i64(out, ev->key);
	if (has & HAS_BLOCK)
		put_i64(out, ev->block);
	if (has & HAS_STOP)
		put_i64(out, ev->stop);
	if (has & HAS_WIRE)
		put_i64(out, ev->wire);
	if (has & HAS_ID)
		put_str(out,
		    ev->kind == EVENT_START && issuer != WIRE_OPENAI_RESPONSES
			? STR_NONE
			: ev->id);
	if (has & HAS_NAME)
		put_str(out, ev->name);
	if (has & HAS_TEXT)
		put_str(out, ev->text);
	if (has & HAS_USAGE)
		put_usage(out, ev->usage);
	if (has & HAS_CITATION)
		put_citation(out, ev->citation);
	close_record(out, at);
}

void
cache_about_put(struct buf *out, const struct cache_about *about)
{
	const struct name *n;
	size_t at = out->n;

	buf_addch(out, (char)RECORD_ABOUT);
	put_i64(out, CACHE_EVENTS_VERSION);
	put_str(out, about->answered);
	for (n = about->lossy; n != NULL; n = n->next)
		put_str(out, n->s);
	close_record(out, at);
}

void
cache_end_put(struct buf *out, int64_t cost_pusd)
{
	size_t at = out->n;

	buf_addch(out, (char)RECORD_END);
	put_i64(out, cost_pusd);
	close_record(out, at);
}

void
cache_error_put(struct buf *out, const struct error *err)
{
	size_t at = out->n;

	buf_addch(out, (char)RECORD_ERROR);
	put_i64(out, err->kind);
	put_i64(out, err->status);
	put_i64(out, err->retry_after_ms);
	put_str(out, str_of(err->msg));
	put_str(out, str_of(err->param));
	put_str(out, str_of(err->code));
	put_str(out, str_of(err->details));
	put_i64(out, err->raw_wire);
	put_i64(out, err->raw_status);
	put_str(out, err->raw);
	close_record(out, at);
}

/* ---- reading ---- */

static bool
take_i64(struct str *s, int64_t min, int64_t max, int64_t *out)
{
	uint64_t v;

	if (varint_take(s, &v) != 0)
		return false;
	*out = varint_unzigzag(v);
	return *out >= min && *out <= max;
}

static bool
take_str(struct str *s, struct str *out)
{
	int64_t n;

	*out = STR_NONE;
	if (!take_i64(s, -1, (int64_t)s->n, &n) || n > (int64_t)s->n)
		return false;
	if (n >= 0)
		*out = (struct str){ .p = s->p, .n = (size_t)n };
	*s = str_skip(*s, out->n);
	return true;
}

static bool
take_int(struct str *s, int max, int *out)
{
	int64_t v;

	if (!take_i64(s, 0, max, &v))
		return false;
	*out = (int)v;
	return true;
}

static bool
take_other(struct str *s, struct usage_other *o)
{
	struct str model;
	int i;

	if (!take_str(s, &model) || model.n >= sizeof(o->model))
		return false;
	snprintf(o->model, sizeof(o->model), "%.*s", STR_ARG(model));
	for (i = 0; i < USAGE_BUCKETS; i++)
		if (!take_i64(s, 0, INT64_MAX, &o->tokens[i]))
			return false;
	return true;
}

static bool
take_others(struct str *s, struct usage *u)
{
	int i, n = 0;

	if (!take_int(s, USAGE_OTHERS, &n))
		return false;
	u->n_others = (unsigned)n;
	for (i = 0; i < n; i++)
		if (!take_other(s, &u->others[i]))
			return false;
	return true;
}

static bool
take_citation(struct str *s, struct citation *c)
{
	return take_str(s, &c->url) && take_str(s, &c->title) &&
	    take_str(s, &c->quote) && take_i64(s, 0, INT64_MAX, &c->start) &&
	    take_i64(s, 0, INT64_MAX, &c->end);
}

static bool
take_usage(struct str *s, struct usage *u)
{
	int i, source = 0, mode = 0;

	usage_init(u);
	for (i = 0; i < USAGE_BUCKETS; i++)
		if (!take_i64(s, 0, INT64_MAX, &u->tokens[i]))
			return false;
	if (!take_others(s, u) ||
	    !take_i64(s, 0, INT64_MAX, &u->web_searches) ||
	    !take_i64(s, -1, INT64_MAX, &u->provider_cost_pusd) ||
	    !take_int(s, USAGE_REPORTED, &source) ||
	    !take_int(s, USAGE_MODES - 1, &mode))
		return false;
	u->source = (enum usage_source)source;
	u->mode = (enum usage_mode)mode;
	return true;
}

static bool
take_numbers(struct str *s, unsigned has, struct event *ev)
{
	int block = 0, stop = 0, wire = 0;

	if (((has & HAS_KEY) && !take_int(s, INT32_MAX, &ev->key)) ||
	    ((has & HAS_BLOCK) && !take_int(s, BLOCK_VECTOR, &block)) ||
	    ((has & HAS_STOP) && !take_int(s, STOP_PAUSE, &stop)) ||
	    ((has & HAS_WIRE) && !take_int(s, WIRE_OPENAI_COMPLETIONS, &wire)))
		return false;
	ev->block = (enum block_kind)block;
	ev->stop = (enum stop_reason)stop;
	ev->wire = (enum wire)wire;
	return true;
}

static enum cache_record
read_event(struct cache_walk *w, int kind, struct str s)
{
	struct event *ev = &w->event;
	unsigned has;

	if ((size_t)kind >= sizeof(members) / sizeof(members[0]) ||
	    members[kind] == 0)
		return CACHE_BROKEN;
	*ev = (struct event){ .kind = (enum event_kind)kind,
		.framing = FRAMING_NONE,
		.usage = &w->usage,
		.citation = &w->citation };
	has = members[kind];
	if (!take_numbers(&s, has, ev) ||
	    ((has & HAS_ID) && !take_str(&s, &ev->id)) ||
	    ((has & HAS_NAME) && !take_str(&s, &ev->name)) ||
	    ((has & HAS_TEXT) && !take_str(&s, &ev->text)) ||
	    ((has & HAS_USAGE) && !take_usage(&s, &w->usage)) ||
	    ((has & HAS_CITATION) && !take_citation(&s, &w->citation)))
		return CACHE_BROKEN;
	return s.n == 0 ? CACHE_EVENT : CACHE_BROKEN;
}

static enum cache_record
read_about(struct cache_walk *w, struct str s)
{
	struct cache_about *about = &w->about;
	struct str name;
	int version = 0, n;

	*about = (struct cache_about){ .lossy = NULL };
	if (!take_int(&s, INT32_MAX, &version) ||
	    version != CACHE_EVENTS_VERSION || !take_str(&s, &name) ||
	    name.n > MAX_NAME_BYTES)
		return CACHE_BROKEN;
	about->answered = str_dup(w->arena, name);
	for (n = 0; s.n > 0; n++) {
		if (!take_str(&s, &name) || name.n > MAX_NAME_BYTES ||
		    n == MAX_NAMES)
			return CACHE_BROKEN;
		name_add(w->arena, &about->lossy, name);
	}
	return CACHE_ABOUT;
}

/* A string into an array of so many bytes. */
static bool
take_text(struct str *s, char *out, size_t size)
{
	struct str text;

	if (!take_str(s, &text))
		return false;
	snprintf(out, size, "%.*s", STR_ARG(text));
	return true;
}

static enum cache_record
read_error(struct cache_walk *w, struct str s)
{
	struct error got = { .kind = ERROR_NONE };
	int kind = 0, wire = 0;

	if (!take_int(&s, ERROR_KINDS - 1, &kind) ||
	    !take_int(&s, 599, &got.status) ||
	    !take_i64(&s, 0, INT64_MAX, &got.retry_after_ms) ||
	    !take_text(&s, got.msg, sizeof(got.msg)) ||
	    !take_text(&s, got.param, sizeof(got.param)) ||
	    !take_text(&s, got.code, sizeof(got.code)) ||
	    !take_text(&s, got.details, sizeof(got.details)) ||
	    !take_int(&s, WIRE_OPENAI_COMPLETIONS, &wire) ||
	    !take_int(&s, 599, &got.raw_status) || !take_str(&s, &got.raw) ||
	    kind == ERROR_NONE)
		return CACHE_BROKEN;
	got.kind = (enum error_kind)kind;
	got.raw_wire = (enum wire)wire;
	*w->error = got;
	return CACHE_ERROR;
}

static enum cache_record
tell_final(struct cache_walk *w)
{
	w->usage = *w->final;
	w->event = (struct event){ .kind = EVENT_USAGE, .usage = &w->usage };
	return CACHE_EVENT;
}

enum cache_record
cache_next(struct cache_walk *w)
{
	struct str s = w->rest, record;
	uint64_t n;
	int kind;

	if (w->final != NULL && w->event.kind == EVENT_START)
		return tell_final(w);
	if (varint_take(&s, &n) != 0)
		return w->rest.n < VARINT_BYTES ? CACHE_NOTHING : CACHE_BROKEN;
	if (n == 0)
		return CACHE_BROKEN;
	if (n > s.n)
		return CACHE_NOTHING;
	record = (struct str){ .p = s.p, .n = (size_t)n };
	w->rest = str_skip(s, record.n);
	kind = (unsigned char)record.p[0];
	record = str_skip(record, 1);
	switch (kind) {
	case RECORD_ABOUT:
		return read_about(w, record);
	case RECORD_ERROR:
		return read_error(w, record);
	case RECORD_END:
		return take_i64(&record, -1, INT64_MAX, &w->cost_pusd)
		    ? CACHE_END
		    : CACHE_BROKEN;
	default:
		return read_event(w, kind, record);
	}
}

bool
cache_check(struct str rest, int64_t *cost_pusd, struct usage *usage)
{
	struct arena *a = arena_new(MAX_ARENA_BYTES);
	struct error err = { .kind = ERROR_NONE };
	struct cache_walk w = { .arena = a, .rest = rest, .error = &err };
	enum cache_record r = cache_next(&w);

	usage_init(&w.usage);
	if (r == CACHE_ABOUT)
		do
			r = cache_next(&w);
		while (r == CACHE_EVENT);
	else
		r = CACHE_BROKEN;
	*cost_pusd = w.cost_pusd;
	*usage = w.usage;
	arena_free(a);
	return r == CACHE_END && w.rest.n == 0;
}
