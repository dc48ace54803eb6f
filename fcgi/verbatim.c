/* SPDX-License-Identifier: MIT */
#include "fcgi/verbatim.h"

#include "core/buf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/fold.h"
#include "core/jtext.h"
#include "fcgi/sse.h"

void
verbatim_init(struct verbatim *v, struct arena *a, enum wire wire,
    enum framing framing, bool hide_usage, struct buf *out)
{
	bool whole = framing == FRAMING_WHOLE || wire == WIRE_OPENAI_RESPONSES;
	size_t max = whole ? FOLD_MAX_BYTES : VERBATIM_MAX_BYTES;

	*v = (struct verbatim){ .out = out,
		.held = buf_new(a, max),
		.wire = wire,
		.framing = framing,
		.hide_usage = hide_usage };
}

void
verbatim_flush(struct verbatim *v)
{
	buf_adds(v->out, buf_str(v->held));
	buf_reset(v->held);
	v->usage_n = 0;
}

void
verbatim_break(struct verbatim *v)
{
	verbatim_flush(v);
	if (v->is_cut)
		sse_close(v->out);
	v->is_cut = false;
}

static void
hold(struct verbatim *v, struct str raw)
{
	buf_adds(v->held, raw);
	if (!buf_over(v->held))
		return;
	verbatim_flush(v);
	buf_adds(v->out, raw);
}

/* Where usage stands in a frame, or in the document, and what joins it. */
struct places {
	const char *usage, *cost, *cache, *note;
};

static const struct places *
places_of(const struct verbatim *v)
{
	static const struct places plain = { "usage", "usage.cost",
		"usage.cost_details.cache", "usage.sluice" };
	static const struct places nested = { "response.usage",
		"response.usage.cost", "response.usage.cost_details.cache",
		"response.usage.sluice" };

	return v->wire == WIRE_OPENAI_RESPONSES && v->framing == FRAMING_SSE
	    ? &nested
	    : &plain;
}

static bool
has_usage(struct str doc, const char *path)
{
	struct error err = { 0 };
	struct str usage;

	return doc.n > 0 && jtext_check(doc, &err) == 0 &&
	    jtext_get(doc, path, &usage) && usage.p[0] == '{';
}

/* {"choices":[],"usage":{...}}: what stream_options.include_usage adds. */
static bool
is_usage_chunk(struct str raw)
{
	struct str doc = sse_data(raw), choices, item;
	size_t pos = 0;

	return has_usage(doc, "usage") && jtext_get(doc, "choices", &choices) &&
	    choices.p[0] == '[' && !jtext_item(choices, &pos, &item);
}

/* The counts in Anthropic's message_start are never the final ones. */
static bool
may_be_final(const struct verbatim *v)
{
	return v->usage && !(v->wire == WIRE_ANTHROPIC && v->start);
}

static void
put_frame(struct verbatim *v, struct str raw)
{
	if (v->hide_usage && v->usage && is_usage_chunk(raw))
		return;
	if (may_be_final(v)) {
		verbatim_flush(v);
		v->usage_n = raw.n;
		hold(v, raw);
	} else if (v->held->n > 0 && !v->content) {
		hold(v, raw);
	} else {
		verbatim_flush(v);
		buf_adds(v->out, raw);
	}
}

static int
put_document(struct verbatim *v, struct str raw, struct error *err)
{
	buf_adds(v->held, raw);
	v->usage_n = v->held->n;
	if (buf_over(v->held))
		return error_set(err, ERROR_UP_BROKEN,
		    "answer larger than %u bytes", FOLD_MAX_BYTES);
	return 0;
}

int
verbatim_put(struct verbatim *v, const struct event *ev, struct error *err)
{
	switch (ev->kind) {
	case EVENT_START:
		v->start = true;
		break;
	case EVENT_OPEN:
	case EVENT_DELTA:
	case EVENT_SIGNATURE:
	case EVENT_CITATION:
		v->content = true;
		break;
	case EVENT_USAGE:
		v->usage = true;
		break;
	case EVENT_FRAME:
		if (v->framing == FRAMING_WHOLE)
			return put_document(v, ev->text, err);
		put_frame(v, ev->text);
		v->is_cut = !sse_is_closed(ev->text);
		v->start = v->content = v->usage = false;
		break;
	case EVENT_HEAD:
	case EVENT_CLOSE:
	case EVENT_STOP:
	case EVENT_PING:
	case EVENT_LOST:
		break;
	}
	return 0;
}

/* The first usage_n bytes of held, edited; ${doc} is the JSON in them. */
static void
add_edited(struct verbatim *v, struct str doc, const struct jtext_edit *edits,
    size_t n)
{
	size_t before = (size_t)(doc.p - v->held->p);
	struct buf edited;

	buf_init(&edited, v->out->max);
	if (jtext_apply(&edited, doc, edits, n) == 0) {
		buf_add(v->out, v->held->p, before);
		buf_adds(v->out, buf_str(&edited));
		buf_drop(v->held, before + doc.n);
	}
	buf_release(&edited);
}

void
verbatim_finish(struct verbatim *v, const struct verbatim_more *more)
{
	struct str doc = { .p = v->held->p, .n = v->usage_n };
	const struct places *places = places_of(v);
	struct jtext_edit edits[3];
	size_t n = 0;

	if (v->framing == FRAMING_SSE)
		doc = sse_data(doc);
	if (more->cost.p != NULL)
		edits[n++] = (struct jtext_edit){ places->cost, more->cost };
	if (more->cache.p != NULL)
		edits[n++] = (struct jtext_edit){ places->cache, more->cache };
	if (more->note.p != NULL)
		edits[n++] = (struct jtext_edit){ places->note, more->note };
	if (n > 0 && has_usage(doc, places->usage))
		add_edited(v, doc, edits, n);
	verbatim_flush(v);
}
