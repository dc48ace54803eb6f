/* SPDX-License-Identifier: MIT */
/*
 * Anthropic's Messages: POST {base_url}/v1/messages.  anthropic_prepare.c and
 * anthropic_messages.c write requests, anthropic_decode.c reads answers.
 */
#include "providers/anthropic.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/count.h"
#include "core/error.h"

#include "providers/answer.h"
#include "providers/foreign.h"
#include "providers/providers.h"
#include "providers/request.h"

#define MAX_BODY_BYTES ((size_t)256 << 20)

/* The SDK's base URL has no version, but people write one. */
static const char *
url_for(struct arena *a, struct str base, enum operation what)
{
	if (base.n >= 3 && memcmp(base.p + base.n - 3, "/v1", 3) == 0)
		base.n -= 3;
	return arena_printf(a, "%.*s/v1/messages%s", STR_ARG(base),
	    what == OPERATION_COUNT ? "/count_tokens" : "");
}

static struct header *
headers_for(struct arena *a, const struct target *t, const struct ask *ask)
{
	struct header *list = NULL;
	const struct header *h = NULL;

	header_add(a, &list, STR("content-type"), STR("application/json"));
	if (target_secret(t).n > 0)
		header_add(a, &list, STR("x-api-key"), target_secret(t));
	if (ask->wire == WIRE_ANTHROPIC)
		h = ask->headers;
	for (; h; h = h->next)
		header_add(a, &list, h->name, h->value);
	if (!header_get(list, "anthropic-version").p)
		header_add(
		    a, &list, STR("anthropic-version"), STR(ANTHROPIC_VERSION));
	return list;
}

static int
prepare(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	struct buf *body = buf_new(a, MAX_BODY_BYTES);
	int rc;

	out->url = url_for(a, t->provider->base_url, ask->operation);
	out->headers = headers_for(a, t, ask);
	if (ask->wire == WIRE_ANTHROPIC)
		rc = foreign_pass(a, t, ask, out, body);
	else if ((rc = anthropic_write(a, t, ask, body, err)) == 0)
		out->cut = anthropic_cut(ask->chat);
	return request_body(out, body, rc, err);
}

/* POST /v1/messages/count_tokens, asked by clients of this format only. */
static const struct provider counting = {
	.name = "anthropic",
	.wire = WIRE_ANTHROPIC,
	.prepare = prepare,
	.decoder_new = count_decoder_new,
	.refused = answer_refused,
};

const struct provider provider_anthropic = {
	.name = "anthropic",
	.wire = WIRE_ANTHROPIC,
	.prepare = prepare,
	.decoder_new = anthropic_decoder_new,
	.refused = answer_refused,
	.count = &counting,
};
