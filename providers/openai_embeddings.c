/* SPDX-License-Identifier: MIT */
/*
 * POST {base_url}/embeddings, by which the vectors pass as they are: float or
 * base64, as the client wants them.  Source: wire.md §6.
 */
#include "core/arena.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/frame.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/usage.h"

#include "providers/answer.h"
#include "providers/openai.h"
#include "providers/request.h"
#include "providers/vectors.h"

#define MAX_BODY_BYTES ((size_t)256 << 20)

/* Only clients of this format ask for embeddings: the bytes are ready. */
static int
prepare(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	struct buf *body = buf_new(a, MAX_BODY_BYTES);
	struct buf *model = buf_new(a, MAX_BODY_BYTES);
	struct jtext_edit edit = { .path = "model" };
	const struct header *h;

	out->url =
	    arena_printf(a, "%.*s/embeddings", STR_ARG(t->provider->base_url));
	out->headers = openai_headers(a, t);
	for (h = ask->headers; h; h = h->next)
		header_add(a, &out->headers, h->name, h->value);
	jw_quote(model, t->model);
	edit.value = buf_str(model);
	return request_body(
	    out, body, jtext_apply(body, ask->body, &edit, 1), err);
}

/* Some vendors have total_tokens only; all of it is input. */
static int
read_usage(const struct document *d, struct str raw, struct sink *out,
    struct error *err)
{
	struct usage u;
	struct jnode at;
	int64_t total = 0;

	if (answer_json(d->arena, raw, &at, err) != 0)
		return -1;
	openai_usage(d->arena, &at, d->target->provider->quirks, &u);
	(void)answer_count(&at, "total_tokens", &total);
	if (usage_total_input(&u) == 0 && total > 0)
		u.tokens[USAGE_INPUT] = total;
	u.tokens[USAGE_OUTPUT] = u.tokens[USAGE_REASONING] = 0;
	return document_usage(d, out, &u, err);
}

static int
read_answer(const struct document *d, const struct frame *f, struct sink *out,
    struct error *err)
{
	struct str data, model, usage;

	if (!jtext_get(f->data, "data", &data) || data.p[0] != '[')
		return vectors_none(d, f, WIRE_OPENAI_CHAT, err);
	model = jtext_get(f->data, "model", &model)
	    ? jtext_string(d->arena, model)
	    : STR_NONE;
	if (vectors_start(d, out, model, err) != 0)
		return -1;
	if (!jtext_get(f->data, "usage", &usage) || usage.p[0] != '{')
		return 0;
	return read_usage(d, usage, out, err);
}

static struct decoder *
decoder_new(struct arena *a, const struct target *t, const struct ask *ask)
{
	return document_decoder(a, t, ask, read_answer);
}

const struct provider openai_embeddings = {
	.name = "openai",
	.wire = WIRE_OPENAI_CHAT,
	.prepare = prepare,
	.decoder_new = decoder_new,
	.refused = openai_refused,
};
