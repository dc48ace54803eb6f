/* SPDX-License-Identifier: MIT */
#include "core/attempt.h"

#include <stdio.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/catalog.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/count.h"
#include "core/event.h"
#include "core/frame.h"
#include "core/order.h"
#include "core/retry.h"

#define MAX_REFUSAL_BYTES (256u << 10) /* of an error answer's body */
#define MAX_FRAME_BYTES   (64u << 20)  /* images come as one frame */
#define BYTES_PER_TOKEN   4            /* of a request, roughly */
#define ARENA_MAX_BYTES   (512u << 20)

static void
free_arena(void *arg)
{
	struct attempt *at = arg;

	arena_free(at->arena);
	at->arena = NULL;
}

/* A copy of ${list}: chat_lose appends in place. */
static struct name *
copy_names(struct arena *a, const struct name *list)
{
	struct name *copy = NULL;

	for (; list != NULL; list = list->next)
		name_add(a, &copy, list->s);
	return copy;
}

/* Prepare with a list of losses of its own. */
static int
prepare(struct attempt *at, struct arena *a, struct error *err)
{
	const struct provider *api = at->api;
	struct ask *ask = at->ask;
	struct name *shared;
	struct chat *chat = ask->chat;
	int rc;

	/* Decoding first tells the client's losses from this target's. */
	if (chat == NULL && ask->wire != api->wire && ask->decode != NULL) {
		chat = ask_chat(ask, err);
		if (chat == NULL)
			return -1;
	}
	shared = chat != NULL ? chat->losses : NULL;
	if (chat != NULL)
		chat->losses = copy_names(a, shared);
	rc = api->prepare(at->arena, &at->target, ask, &at->request, err);
	if (chat != NULL)
		chat_lose_shared(chat);
	/* Where the bytes pass only that is lost, whoever has decoded them. */
	if (ask->wire == api->wire)
		at->losses = copy_names(a, at->request.losses);
	else if (ask->chat != NULL)
		at->losses = ask->chat->losses;
	if (chat != NULL)
		chat->losses = shared;
	return rc;
}

/*
 * OpenAI's models that are newer than the catalogue take tools while they
 * reason in Responses only; whoever speaks Chat himself knows that.
 */
static bool
is_news(const struct target *t, const struct ask *ask)
{
	return ask->wire == WIRE_ANTHROPIC && t->provider->at_home &&
	    (t->facts == NULL || t->facts->can == 0);
}

/*
 * A provider with two formats speaks the client's, unless the model has only
 * the one.
 */
static const struct provider *
choose_api(const struct target *t, const struct ask *ask)
{
	const struct provider *api = t->provider->api;
	const struct provider *also = t->provider->also;
	enum wire wire = ask->wire;

	if (is_news(t, ask) ||
	    (t->facts != NULL && (t->facts->can & MODEL_RESPONSES_ONLY)))
		wire = WIRE_OPENAI_RESPONSES;
	return also != NULL && also->wire == wire ? also : api;
}

/* Tokens are counted by the client's own format, or estimated. */
static const struct provider *
count_api(const struct provider *api, enum wire client)
{
	if (api->count != NULL && api->count->wire == client)
		return api->count;
	return count_estimate(client);
}

/* The interface for what is asked, or NULL and why. */
static const struct provider *
find_api(const struct target *t, const struct ask *ask, struct error *err)
{
	static const char *const words[] = {
		[OPERATION_EMBED] = "embeddings",
		[OPERATION_COMPACT] = "compaction",
		[OPERATION_STORED] = "stored responses",
	};
	const struct provider *api = choose_api(t, ask), *found = NULL;

	switch (ask->operation) {
	case OPERATION_CHAT:
		return api;
	case OPERATION_COUNT:
		return count_api(api, ask->wire);
	case OPERATION_EMBED:
		found = api->embed;
		break;
	case OPERATION_COMPACT:
		found = api->compact;
		break;
	case OPERATION_STORED:
		found = api->stored;
		break;
	}
	if (found == NULL) {
		error_set(err, ERROR_BAD_REQUEST,
		    "model: provider %.*s has no %s",
		    STR_ARG(t->provider->name), words[ask->operation]);
		snprintf(err->param, sizeof(err->param), "model");
	}
	return found;
}

/* x-sluice-require: lossless */
static int
check_losses(const struct attempt *at, struct error *err)
{
	struct buf names;
	const struct name *n;

	if (!at->ask->lossless || at->losses == NULL)
		return 0;
	buf_init(&names, sizeof(err->msg));
	for (n = at->losses; n != NULL; n = n->next)
		buf_addf(
		    &names, "%s%.*s", names.n > 0 ? ", " : "", STR_ARG(n->s));
	error_set(err, ERROR_BAD_REQUEST,
	    "%.*s/%.*s cannot carry over, as x-sluice-require wants: %s",
	    STR_ARG(at->target.provider->name), STR_ARG(at->target.model),
	    names.p);
	snprintf(err->code, sizeof(err->code), "lossy");
	buf_release(&names);
	return -1;
}

struct attempt *
attempt_prepare(struct arena *a, struct ask *ask, const struct target *target,
    struct error *err)
{
	struct attempt *at = ARENA_NEW(a, struct attempt);

	at->arena = arena_new(ARENA_MAX_BYTES);
	arena_defer(a, free_arena, at);
	at->target = *target;
	at->api = find_api(target, ask, err);
	at->ask = ask;
	if (at->api != NULL && prepare(at, a, err) == 0 &&
	    check_losses(at, err) == 0)
		return at;
	free_arena(at);
	return NULL;
}

void
attempt_discard(struct attempt *at)
{
	at->meter.model = STR_NONE;
	at->err.raw = STR_NONE;
	at->headers = NULL;
	free_arena(at);
}

static void
fire_ended(void *arg)
{
	struct attempt *at = arg;

	at->events->ended(at->arg);
}

/* What a provider quotes of our credential goes no further. */
static void
mask_key(struct attempt *at)
{
	struct str key = target_secret(&at->target);
	char *raw;

	error_mask(at->err.msg, key);
	if (at->err.raw.n == 0)
		return;
	raw = str_cstr(at->arena, at->err.raw);
	error_mask(raw, key);
	at->err.raw.p = raw;
}

static void
stop(struct attempt *at)
{
	if (at->transfer != NULL) {
		transfer_cancel(at->transfer);
		at->transfer = NULL;
	}
	at->state = ATTEMPT_ENDED;
	at->ended_us = clock_mono_us();
	mask_key(at);
}

/* The way out of RUNNING; the callback comes with the next turn. */
static void
finish(struct attempt *at)
{
	if (at->state == ATTEMPT_ENDED)
		return;
	stop(at);
	at->end_timer.fn = fire_ended;
	at->end_timer.arg = at;
	loop_timer_set(at->loop, &at->end_timer, loop_now_us(at->loop));
}

/* Each frame: its events, then its bytes. */
static int
on_frame(void *arg, const struct frame *f, struct error *err)
{
	struct attempt *at = arg;
	struct event raw = {
		.kind = EVENT_FRAME, .framing = f->framing, .text = f->raw
	};
	struct event ping = { .kind = EVENT_PING };

	if (f->data.p == NULL) {
		if (sink_put(at->chain, &ping, err) != 0)
			return -1;
	} else if (at->decoder->frame(at->decoder, f, at->chain, err) != 0) {
		return -1;
	}
	return sink_put(at->chain, &raw, err);
}

/* How the answer is cut: what it says it is, then what was asked for. */
static enum framing
framing_of(const struct attempt *at)
{
	struct str type = header_get(at->headers, "content-type");

	if (str_starts(type, "text/event-stream"))
		return FRAMING_SSE;
	if (str_starts(type, "application/json"))
		return FRAMING_WHOLE;
	return at->ask->stream ? FRAMING_SSE : FRAMING_WHOLE;
}

static void
on_head(void *arg, int status, const struct header *headers)
{
	struct attempt *at = arg;
	struct event head = { .kind = EVENT_HEAD, .wire = at->api->wire };
	const struct header *h;

	at->status = status;
	for (h = headers; h != NULL; h = h->next)
		header_add(at->arena, &at->headers, str_dup(at->arena, h->name),
		    str_dup(at->arena, h->value));
	if (status >= 300) {
		at->refusal = buf_new(at->arena, MAX_REFUSAL_BYTES);
		return;
	}
	head.framing = framing_of(at);
	at->decoder = at->api->decoder_new(at->arena, &at->target, at->ask);
	at->deframer = deframer_new(
	    at->arena, head.framing, MAX_FRAME_BYTES, on_frame, at);
	if (sink_put(at->chain, &head, &at->err) != 0)
		finish(at);
}

/*
 * A stop string has ended the answer before the provider did: what it would
 * have reported is estimated, and it is told to stop.
 */
static void
stop_here(struct attempt *at)
{
	struct event usage = { .kind = EVENT_USAGE };

	meter_estimate(
	    &at->meter, (int64_t)at->ask->body.n / BYTES_PER_TOKEN, 0);
	usage.usage = &at->meter.usage;
	if (gate_open(&at->gate, &at->err) == 0)
		(void)sink_put(&at->gate.sink, &usage, &at->err);
	finish(at);
}

/* Count what is read for nobody; false when it is enough. */
static bool
drain_on(struct attempt *at, size_t n)
{
	if (at->drain_left == 0)
		return true;
	if (at->drain_left > n) {
		at->drain_left -= n;
		return true;
	}
	error_set(&at->err, ERROR_CLIENT_GONE,
	    "the rest is too long to be read for nobody");
	return false;
}

static void
read_refusal(struct attempt *at)
{
	const struct refusal r = { .wire = at->api->wire,
		.status = at->status,
		.headers = at->headers,
		.body = buf_str(at->refusal) };

	at->api->refused(at->arena, &r, &at->err);
}

/* The HTTP answer is complete; is what it carried? */
static void
complete(struct attempt *at)
{
	if (at->refusal != NULL) {
		read_refusal(at);
		error_address(&at->err, at->ask->wire);
		/* Reset headers come with every answer; here they count. */
		if (at->err.kind == ERROR_UP_RATE &&
		    at->err.retry_after_ms == 0)
			at->err.retry_after_ms = retry_after_ms(at->arena,
			    at->headers, buf_str(at->refusal), clock_wall_us());
		return;
	}
	if (deframer_end(at->deframer, &at->err) == 0 &&
	    (at->stopper.done ||
		at->decoder->end(at->decoder, at->chain, &at->err) == 0) &&
	    gate_open(&at->gate, &at->err) == 0)
		at->events->progress(at->arg);
}

/* Of an error answer without end the beginning will do. */
static void
take_refusal(struct attempt *at, struct str bytes)
{
	buf_adds(at->refusal, bytes);
	if (!buf_over(at->refusal))
		return;
	complete(at);
	finish(at);
}

static void
on_data(void *arg, struct str bytes)
{
	struct attempt *at = arg;
	struct transfer *transfer = at->transfer;
	bool had_content = at->meter.first_content_us != 0;

	if (at->state != ATTEMPT_RUNNING)
		return;
	if (at->refusal != NULL) {
		take_refusal(at, bytes);
		return;
	}
	if (!drain_on(at, bytes.n))
		finish(at);
	else if (deframer_push(at->deframer, bytes, &at->err) != 0)
		finish(at);
	else if (at->stopper.done)
		stop_here(at);
	else if (!had_content && at->meter.first_content_us != 0)
		transfer_content(transfer);
	if (at->gate.open)
		at->events->progress(at->arg);
}

static struct sink *
on_commit(void *arg, struct error *err)
{
	struct attempt *at = arg;

	return at->events->content(at->arg, err);
}

/* What the events of the answer go through. */
static struct sink *
build_chain(struct attempt *at)
{
	struct sink *next = &at->meter.sink;

	gate_init(&at->gate, at->arena, NULL);
	at->gate.commit = on_commit;
	at->gate.arg = at;
	meter_init(&at->meter, at->arena, &at->gate.sink);
	if (at->request.cut != NULL) {
		stopper_init(&at->stopper, at->arena, at->request.cut, next);
		next = &at->stopper.sink;
	}
	return order_new(at->arena, next);
}

/*
 * Some servers drop a connection instead of ending its answer: where the
 * stream itself has said that it is over, nothing is missing.
 */
static bool
is_over(const struct attempt *at)
{
	struct error ignored = { 0 };

	return at->meter.stop != STOP_NONE &&
	    at->decoder->end(at->decoder, at->chain, &ignored) == 0;
}

static void
on_end(void *arg, enum transfer_end end, const char *why)
{
	static const enum error_kind kinds[] = {
		[TRANSFER_DONE] = ERROR_NONE,
		[TRANSFER_CUT] = ERROR_UP_BROKEN,
		[TRANSFER_CONNECT] = ERROR_UP_BROKEN,
		[TRANSFER_TIMEOUT] = ERROR_UP_TIMEOUT,
	};
	struct attempt *at = arg;

	at->transfer = NULL;
	if (at->state != ATTEMPT_RUNNING)
		return;
	if (end == TRANSFER_DONE || (end == TRANSFER_CUT && is_over(at)))
		complete(at);
	else
		error_set(&at->err, kinds[end], "%.*s/%.*s: %s",
		    STR_ARG(at->target.provider->name),
		    STR_ARG(at->target.model), why);
	finish(at);
}

void
attempt_start(struct attempt *at, const struct attempt_engine *engine,
    const struct attempt_events *events, void *arg)
{
	static const struct transfer_events transfer_events = { on_head,
		on_data, on_end };

	at->state = ATTEMPT_RUNNING;
	at->events = events;
	at->arg = arg;
	at->loop = engine->loop;
	at->started_us = clock_mono_us();
	at->chain = build_chain(at);
	at->transfer = transfer_start(engine->upstream, at->arena, &at->request,
	    &engine->limits, &transfer_events, at, &at->err);
	if (at->transfer == NULL)
		finish(at);
}

void
attempt_pause(struct attempt *at)
{
	if (at->transfer != NULL)
		transfer_pause(at->transfer);
}

void
attempt_resume(struct attempt *at)
{
	if (at->transfer != NULL)
		transfer_resume(at->transfer);
}

void
attempt_drain(struct attempt *at, size_t max)
{
	at->drain_left = max;
}

void
attempt_cancel(struct attempt *at, enum error_kind kind, const char *why)
{
	if (at->end_timer.place != 0)
		loop_timer_stop(at->loop, &at->end_timer);
	if (at->state != ATTEMPT_RUNNING)
		return;
	error_set(&at->err, kind, "%s", why);
	stop(at);
}
