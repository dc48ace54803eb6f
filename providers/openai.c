/* SPDX-License-Identifier: MIT */
/*
 * OpenAI's Chat Completions: POST {base_url}/chat/completions, spoken by most
 * vendors.  openai_prepare.c writes requests, openai_decode.c reads answers,
 * openai_usage.c counts.
 */
#include "providers/openai.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"

#include "providers/answer.h"
#include "providers/foreign.h"
#include "providers/providers.h"
#include "providers/request.h"

#define MAX_BODY_BYTES ((size_t)256 << 20)

/*
 * The client's bytes with another model, and usage switched on in a stream:
 * without it nobody knows what the call cost.
 */
static int
edit_body(struct arena *a, const struct target *t, const struct ask *ask,
    struct upstream_request *request, struct buf *out)
{
	struct buf *model = buf_new(a, MAX_BODY_BYTES);
	struct jtext_edit edits[3] = { { .path = "model" },
		{ "stream_options.include_usage", STR("true") } };
	struct str options;
	size_t n = 1;

	jw_quote(model, t->model);
	edits[0].value = buf_str(model);
	if (ask->stream && !(t->provider->quirks & QUIRK_NO_STREAM_OPTIONS))
		n = 2;
	/* null, or nonsense: an object of ours stands in for it. */
	if (jtext_get(ask->body, "stream_options", &options) &&
	    *options.p != '{')
		edits[1] = (struct jtext_edit){ "stream_options",
			STR("{\"include_usage\":true}") };
	n += foreign_edit(a, t, ask, &request->losses, &edits[n]);
	return jtext_apply(out, ask->body, edits, n);
}

struct header *
openai_headers(struct arena *a, const struct target *t)
{
	struct header *list = NULL;

	header_add(a, &list, STR("content-type"), STR("application/json"));
	if (target_secret(t).n > 0)
		header_add(a, &list, STR("authorization"),
		    str_of(arena_printf(
			a, "Bearer %.*s", STR_ARG(target_secret(t)))));
	return list;
}

static int
prepare(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	struct buf *body = buf_new(a, MAX_BODY_BYTES);
	const struct header *h;
	int rc;

	out->url = arena_printf(
	    a, "%.*s/chat/completions", STR_ARG(t->provider->base_url));
	out->headers = openai_headers(a, t);
	if (ask->wire == WIRE_OPENAI_CHAT) {
		for (h = ask->headers; h; h = h->next)
			header_add(a, &out->headers, h->name, h->value);
		rc = edit_body(a, t, ask, out, body);
	} else {
		rc = openai_write(a, t, ask, body, err);
		if (rc == 0)
			out->cut = openai_cut(t, ask->chat);
	}
	return request_body(out, body, rc, err);
}

const struct provider provider_openai = {
	.name = "openai",
	.wire = WIRE_OPENAI_CHAT,
	.prepare = prepare,
	.decoder_new = openai_decoder_new,
	.refused = answer_refused,
	.embed = &openai_embeddings,
};
