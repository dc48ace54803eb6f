/* SPDX-License-Identifier: MIT */
/*
 * OpenAI's Responses: POST {base_url}/responses.  openai_responses_prepare.c
 * and openai_responses_messages.c write requests, openai_responses_decode.c and
 * openai_responses_items.c read answers; openai_responses_more.c has what else
 * there is under that address.
 *
 * Every request that is translated asks for store:false, since the client
 * brings the whole conversation each time; reasoning comes back encrypted.
 */
#include "providers/openai_responses.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"

#include "providers/answer.h"
#include "providers/foreign.h"
#include "providers/openai.h"
#include "providers/providers.h"
#include "providers/request.h"

#define MAX_BODY_BYTES ((size_t)256 << 20)

int
openai_responses_pass(struct arena *a, const struct target *t,
    const struct ask *ask, struct upstream_request *out, struct buf *body)
{
	const struct header *h;

	for (h = ask->headers; h; h = h->next)
		header_add(a, &out->headers, h->name, h->value);
	return foreign_pass(a, t, ask, out, body);
}

static int
prepare(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	struct buf *body = buf_new(a, MAX_BODY_BYTES);
	int rc;

	out->url =
	    arena_printf(a, "%.*s/responses", STR_ARG(t->provider->base_url));
	out->headers = openai_headers(a, t);
	if (ask->wire == WIRE_OPENAI_RESPONSES) {
		rc = openai_responses_pass(a, t, ask, out, body);
	} else {
		rc = openai_responses_write(a, t, ask, body, err);
		if (rc == 0)
			out->cut = ask->chat->stop;
	}
	return request_body(out, body, rc, err);
}

const struct provider provider_openai_responses = {
	.name = "openai_responses",
	.wire = WIRE_OPENAI_RESPONSES,
	.prepare = prepare,
	.decoder_new = openai_responses_decoder_new,
	.refused = answer_refused,
	.embed = &openai_embeddings,
	.count = &openai_responses_count,
	.compact = &openai_responses_compact,
	.stored = &openai_responses_stored,
};
