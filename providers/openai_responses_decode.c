/* SPDX-License-Identifier: MIT */
/*
 * Reading Responses answers.  The terminal event of a stream carries the same
 * object as a whole answer is, so one reader serves both; only what came
 * before it differs (openai_responses_items.c).
 *
 * Source: wire.md §2.4, §2.5.
 */
#include "providers/openai_responses_decode.h"

#include "core/arena.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/frame.h"
#include "core/jtree.h"
#include "core/sink.h"
#include "core/usage.h"

#include "providers/answer.h"
#include "providers/openai.h"
#include "providers/openai_responses.h"

int
responses_put(struct responses *o, struct event ev, struct error *err)
{
	return sink_put(o->out, &ev, err);
}

static int
start(struct responses *o, const struct jnode *response, struct error *err)
{
	if (o->started)
		return 0;
	o->started = true;
	return responses_put(o,
	    (struct event){ .kind = EVENT_START,
		.id = answer_str(response, "id"),
		.name = answer_str(response, "model") },
	    err);
}

/* Searches are counted where the vendor does not do so itself. */
static int64_t
searches(const struct responses *o, const struct jnode *response)
{
	int64_t n = o->searches;
	struct jnode at, web;

	if (jtree_find(response, "tool_usage", &at) &&
	    jtree_find(&at, "web_search", &web))
		(void)answer_count(&web, "num_requests", &n);
	return n;
}

static int
read_usage(struct responses *o, const struct jnode *response, struct error *err)
{
	struct usage usage;
	struct jnode at;

	if (!jtree_find(response, "usage", &at) ||
	    !openai_usage(o->scratch, &at, o->quirks, &usage))
		return 0;
	usage.mode = usage_mode_of(answer_str(response, "service_tier"));
	if (usage.web_searches == 0)
		usage.web_searches = searches(o, response);
	(void)usage_clean(&usage);
	return responses_put(
	    o, (struct event){ .kind = EVENT_USAGE, .usage = &usage }, err);
}

/* Whatever did not come by itself. */
static int
read_output(
    struct responses *o, const struct jnode *response, struct error *err)
{
	struct jnode list, item;
	size_t i;

	o->searches = 0;
	(void)jtree_find(response, "output", &list);
	for (i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		if (responses_done(o, (int64_t)i, &item, err) != 0)
			return -1;
	}
	return 0;
}

static enum stop_reason
stop_of(const struct responses *o, const struct jnode *response)
{
	struct jnode details;
	struct str why = STR_NONE;

	if (jtree_find(response, "incomplete_details", &details))
		why = answer_str(&details, "reason");
	if (str_is(why, "content_filter"))
		return STOP_REFUSAL;
	if (str_is(answer_str(response, "status"), "incomplete"))
		return STOP_LENGTH;
	if (o->called)
		return STOP_TOOL;
	return o->refused ? STOP_REFUSAL : STOP_END;
}

/* The answer is over: ${response} says all of it. */
static int
finish(struct responses *o, const struct jnode *response, struct error *err)
{
	if (o->finished)
		return 0;
	o->finished = true;
	if (start(o, response, err) != 0 ||
	    (o->next_key == 0 && read_output(o, response, err) != 0) ||
	    read_usage(o, response, err) != 0)
		return -1;
	return responses_put(o,
	    (struct event){ .kind = EVENT_STOP, .stop = stop_of(o, response) },
	    err);
}

/* ---- events ---- */

struct reading {
	const struct frame *frame;
	struct str type;
	struct jnode root;
};

static int
on_begun(struct responses *o, const struct reading *r, struct error *err)
{
	struct jnode response;

	if (!jtree_find(&r->root, "response", &response))
		return 0;
	return start(o, &response, err);
}

static int
on_item(struct responses *o, const struct reading *r, struct error *err)
{
	struct jnode item;
	int64_t index = 0;

	(void)answer_count(&r->root, "output_index", &index);
	if (!jtree_find(&r->root, "item", &item))
		return 0;
	if (str_is(r->type, "response.output_item.added"))
		return responses_added(o, index, &item, err);
	return responses_done(o, index, &item, err);
}

static int
on_finished(struct responses *o, const struct reading *r, struct error *err)
{
	struct jnode response;

	(void)jtree_find(&r->root, "response", &response);
	return finish(o, &response, err);
}

/* A failed answer may still tell what it has consumed. */
static int
fail(struct responses *o, const struct reading *r, const struct jnode *response,
    struct error *err)
{
	if (start(o, response, err) != 0 || read_usage(o, response, err) != 0 ||
	    answer_check(
		o->arena, r->frame, response, WIRE_OPENAI_RESPONSES, err) != 0)
		return -1;
	return error_set(
	    err, ERROR_UP_BROKEN, "the provider gave up without a reason");
}

static int
on_failed(struct responses *o, const struct reading *r, struct error *err)
{
	struct jnode response;

	(void)jtree_find(&r->root, "response", &response);
	return fail(o, r, &response, err);
}

/* {"type":"error","code":...} or {"type":"error","error":{...}} */
static int
on_error(struct responses *o, const struct reading *r, struct error *err)
{
	struct frame f = *r->frame;

	f.event = r->type;
	return answer_check(o->arena, &f, &r->root, WIRE_OPENAI_RESPONSES, err);
}

static int
on_annotation(struct responses *o, const struct reading *r, struct error *err)
{
	return responses_annotation(o, &r->root, err);
}

static int
on_part_done(struct responses *o, const struct reading *r, struct error *err)
{
	return responses_part_done(o, &r->root, err);
}

static const struct {
	const char *type;
	int (*read)(struct responses *, const struct reading *, struct error *);
} events[] = {
	{ "response.created", on_begun },
	{ "response.in_progress", on_begun },
	{ "response.output_item.added", on_item },
	{ "response.output_item.done", on_item },
	{ "response.content_part.done", on_part_done },
	{ "response.output_text.annotation.added", on_annotation },
	{ "response.completed", on_finished },
	{ "response.incomplete", on_finished },
	{ "response.failed", on_failed },
};

static int
read_event(struct responses *o, const struct reading *r, struct error *err)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		if (str_is(r->type, events[i].type))
			return events[i].read(o, r, err);
	return responses_text(o, r->type, &r->root, err);
}

static int
read_whole(struct responses *o, const struct reading *r, struct error *err)
{
	struct jnode output;

	if (str_is(answer_str(&r->root, "status"), "failed"))
		return fail(o, r, &r->root, err);
	if (!jtree_find(&r->root, "output", &output))
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider's answer has no output");
	return finish(o, &r->root, err);
}

static int
read_frame(struct responses *o, const struct frame *f, struct error *err)
{
	struct reading r = { .frame = f };

	if (str_is(str_trim(f->data), "[DONE]"))
		return 0;
	if (answer_json(o->scratch, f->data, &r.root, err) != 0)
		return -1;
	r.type = answer_str(&r.root, "type");
	if (!r.type.p && f->framing == FRAMING_SSE)
		r.type = f->event;
	if (f->framing == FRAMING_SSE && str_starts(r.type, "response."))
		return read_event(o, &r, err);
	if (on_error(o, &r, err) != 0)
		return -1;
	return f->framing == FRAMING_WHOLE ? read_whole(o, &r, err) : 0;
}

static int
frame(struct decoder *d, const struct frame *f, struct sink *out,
    struct error *err)
{
	struct responses *o = (struct responses *)d;
	int rc;

	o->out = out;
	rc = read_frame(o, f, err);
	arena_reset(o->scratch);
	return rc;
}

static int
end(struct decoder *d, struct sink *out, struct error *err)
{
	(void)out;
	return ((struct responses *)d)->finished ? 0 : answer_cut(err);
}

struct decoder *
openai_responses_decoder_new(
    struct arena *a, const struct target *t, const struct ask *ask)
{
	struct responses *o = ARENA_NEW(a, struct responses);

	o->decoder = (struct decoder){ .frame = frame, .end = end };
	o->arena = a;
	o->scratch = arena_sub(a, ANSWER_SCRATCH_BYTES);
	o->ask = ask;
	o->quirks = t->provider->quirks;
	o->sealed = -1;
	return &o->decoder;
}
