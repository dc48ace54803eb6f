/* SPDX-License-Identifier: MIT */
/*
 * What the Responses API has besides creating an answer: counting tokens,
 * compaction, and the answers it keeps.  All of it passes as it is, for
 * clients of this format; what another provider cannot have, it has not.
 *
 * An answer that is read again was paid for when it was made.
 *
 * Source: wire.md §6.
 */

#include "core/arena.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/count.h"
#include "core/document.h"
#include "core/error.h"
#include "core/frame.h"
#include "core/jtext.h"
#include "core/usage.h"

#include "providers/answer.h"
#include "providers/openai.h"
#include "providers/openai_responses.h"
#include "providers/request.h"

#define MAX_BODY_BYTES ((size_t)256 << 20)

static int
prepare(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	struct buf *body = buf_new(a, MAX_BODY_BYTES);
	const char *what =
	    ask->operation == OPERATION_COUNT ? "input_tokens" : "compact";

	out->url = arena_printf(
	    a, "%.*s/responses/%s", STR_ARG(t->provider->base_url), what);
	out->headers = openai_headers(a, t);
	return request_body(
	    out, body, openai_responses_pass(a, t, ask, out, body), err);
}

static int
prepare_stored(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	const struct header *h;

	(void)err;
	out->method = ask->method;
	out->url = arena_printf(a, "%.*s/responses%.*s",
	    STR_ARG(t->provider->base_url), STR_ARG(ask->place));
	out->headers = openai_headers(a, t);
	for (h = ask->headers; h; h = h->next)
		header_add(a, &out->headers, h->name, h->value);
	out->body = ask->body;
	return 0;
}

/* Another provider may have it: 404 is not the last word. */
static void
refused_stored(struct arena *a, const struct refusal *r, struct error *err)
{
	answer_refused(a, r, err);
	if (r->status == 404)
		err->kind = ERROR_NOT_FOUND;
}

static int
read_usage(const struct document *d, const struct frame *f, struct sink *out,
    struct error *err)
{
	struct usage u;
	struct jnode at;
	struct str raw;

	if (!jtext_get(f->data, "usage", &raw) || raw.p[0] != '{')
		return 0;
	if (answer_json(d->arena, raw, &at, err) != 0)
		return -1;
	if (!openai_usage(d->arena, &at, d->target->provider->quirks, &u))
		return 0;
	return document_usage(d, out, &u, err);
}

static int
read_nothing(const struct document *d, const struct frame *f, struct sink *out,
    struct error *err)
{
	(void)d, (void)f, (void)out, (void)err;
	return 0;
}

static struct decoder *
compact_decoder(struct arena *a, const struct target *t, const struct ask *ask)
{
	return document_decoder(a, t, ask, read_usage);
}

static struct decoder *
stored_decoder(struct arena *a, const struct target *t, const struct ask *ask)
{
	return ask->stream ? openai_responses_decoder_new(a, t, ask)
			   : document_decoder(a, t, ask, read_nothing);
}

/* POST /responses/input_tokens */
const struct provider openai_responses_count = {
	.name = "openai_responses",
	.wire = WIRE_OPENAI_RESPONSES,
	.prepare = prepare,
	.decoder_new = count_decoder_new,
	.refused = answer_refused,
};

/* POST /responses/compact */
const struct provider openai_responses_compact = {
	.name = "openai_responses",
	.wire = WIRE_OPENAI_RESPONSES,
	.prepare = prepare,
	.decoder_new = compact_decoder,
	.refused = answer_refused,
};

/* GET and DELETE /responses/{id}, GET .../input_items, POST .../cancel */
const struct provider openai_responses_stored = {
	.name = "openai_responses",
	.wire = WIRE_OPENAI_RESPONSES,
	.prepare = prepare_stored,
	.decoder_new = stored_decoder,
	.refused = refused_stored,
};
