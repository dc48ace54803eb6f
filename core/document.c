/* SPDX-License-Identifier: MIT */
#include "core/document.h"

#include "core/arena.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/frame.h"
#include "core/jtext.h"
#include "core/sink.h"
#include "core/tokens.h"

static int
frame(struct decoder *decoder, const struct frame *f, struct sink *out,
    struct error *err)
{
	struct document *d = (struct document *)decoder;
	struct error bad = { 0 };

	if (d->done)
		return error_set(
		    err, ERROR_UP_BROKEN, "the provider answered twice");
	d->done = true;
	if (jtext_check(f->data, &bad) != 0)
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider's answer is no JSON: %s", bad.msg);
	return d->read(d, f, out, err);
}

static int
end(struct decoder *decoder, struct sink *out, struct error *err)
{
	(void)out;
	return ((struct document *)decoder)->done
	    ? 0
	    : error_set(err, ERROR_UP_BROKEN, "the provider answered nothing");
}

struct decoder *
document_decoder(struct arena *a, const struct target *target,
    const struct ask *ask, document_fn *read)
{
	struct document *d = ARENA_NEW(a, struct document);

	d->decoder = (struct decoder){ .frame = frame, .end = end };
	d->arena = a;
	d->target = target;
	d->ask = ask;
	d->read = read;
	return &d->decoder;
}

static void
estimate(const struct document *d, struct usage *u)
{
	int f = tokens_family(d->target->provider->api->wire, d->target->model);

	usage_init(u);
	if (d->ask->chat == NULL)
		return;
	u->tokens[USAGE_INPUT] = tokens_chat(f, d->ask->chat);
	u->source = USAGE_ESTIMATED;
}

int
document_usage(const struct document *d, struct sink *out,
    const struct usage *usage, struct error *err)
{
	struct usage own;
	struct event ev = { .kind = EVENT_USAGE, .usage = usage };

	if (usage == NULL) {
		estimate(d, &own);
		ev.usage = &own;
	}
	return sink_put(out, &ev, err);
}
