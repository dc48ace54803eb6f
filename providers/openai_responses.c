/* SPDX-License-Identifier: MIT */
/*
 * OpenAI's Responses: POST {base_url}/responses.  openai_responses_prepare.c
 * and openai_responses_messages.c write requests, openai_responses_decode.c and
 * openai_responses_items.c read answers.
 *
 * Every request that is translated asks for store:false, since the client
 * brings the whole conversation each time; reasoning comes back encrypted.
 */
#include "providers/openai_responses.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"

#include "providers/answer.h"
#include "providers/openai.h"
#include "providers/providers.h"
#include "providers/request.h"

#define MAX_BODY_BYTES ((size_t)256 << 20)

/* A reasoning item whose token is another issuer's. */
static bool
is_foreign(struct arena *a, struct str item)
{
	struct str token;

	return item.p[0] == '{' &&
	    jtext_get(item, "encrypted_content", &token) &&
	    str_starts(jtext_string(a, token), WIRE_FOREIGN_TOKEN);
}

/*
 * The items of ${input} but those that would be refused here: thinking of
 * another vendor's model, from an earlier turn of the conversation.
 */
static struct str
own_items(struct arena *a, struct str input)
{
	struct buf *b = buf_new(a, MAX_BODY_BYTES);
	struct str item;
	size_t pos = 0;

	buf_addch(b, '[');
	while (jtext_item(input, &pos, &item)) {
		if (is_foreign(a, item))
			continue;
		if (b->n > 1)
			buf_addch(b, ',');
		buf_adds(b, item);
	}
	buf_addch(b, ']');
	return buf_str(b);
}

/* The client's bytes with another model. */
static int
edit_body(struct arena *a, const struct target *t, const struct ask *ask,
    struct buf *out)
{
	struct buf *model = buf_new(a, MAX_BODY_BYTES);
	struct jtext_edit edits[2] = { { .path = "model" },
		{ .path = "input" } };
	struct str input;
	size_t n = 1;

	jw_quote(model, t->model);
	edits[0].value = buf_str(model);
	if (str_find(ask->body, STR(WIRE_FOREIGN_TOKEN)) >= 0 &&
	    jtext_get(ask->body, "input", &input) && input.p[0] == '[') {
		edits[1].value = own_items(a, input);
		n = 2;
	}
	return jtext_apply(out, ask->body, edits, n);
}

static int
prepare(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	struct buf *body = buf_new(a, MAX_BODY_BYTES);
	const struct header *h;
	int rc;

	out->url =
	    arena_printf(a, "%.*s/responses", STR_ARG(t->provider->base_url));
	out->headers = openai_headers(a, t);
	if (ask->wire == WIRE_OPENAI_RESPONSES) {
		for (h = ask->headers; h; h = h->next)
			header_add(a, &out->headers, h->name, h->value);
		rc = edit_body(a, t, ask, body);
	} else {
		rc = openai_responses_write(a, t, ask, body, err);
		if (rc == 0)
			out->cut = ask->chat->stop;
	}
	return request_body(out, body, rc, err);
}

static void
refused(struct arena *a, int status, const struct header *headers,
    struct str body, struct error *err)
{
	const struct refusal r = { WIRE_OPENAI_RESPONSES, status, headers,
		body };

	answer_refused(a, &r, err);
}

const struct provider provider_openai_responses = {
	.name = "openai_responses",
	.wire = WIRE_OPENAI_RESPONSES,
	.prepare = prepare,
	.decoder_new = openai_responses_decoder_new,
	.refused = refused,
	.embed = &openai_embeddings,
};
