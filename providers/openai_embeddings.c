/* SPDX-License-Identifier: MIT */
/*
 * POST {base_url}/embeddings, by which the vectors pass as they are: float or
 * base64, as the client wants them.  Source: wire.md §6.
 */
#include <openssl/evp.h>

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

/* Four bytes, the least first, are a float. */
static struct str
unpack(struct arena *a, struct str base64)
{
	unsigned char *bytes = arena_alloc(a, base64.n + 4);
	struct buf *out = buf_new(a, MAX_BODY_BYTES);
	int n = EVP_DecodeBlock(
	    bytes, (const unsigned char *)base64.p, (int)base64.n);
	uint32_t bits;
	float v;
	int i;

	while (n > 0 && base64.n > 0 && base64.p[base64.n - 1] == '=') {
		base64.n--;
		n--;
	}
	for (i = 0; i + 4 <= n; i += 4) {
		bits = (uint32_t)bytes[i] | (uint32_t)bytes[i + 1] << 8 |
		    (uint32_t)bytes[i + 2] << 16 | (uint32_t)bytes[i + 3] << 24;
		memcpy(&v, &bits, sizeof(v));
		buf_addf(out, "%c%.9g", i == 0 ? '[' : ',', (double)v);
	}
	buf_addch(out, ']');
	return n > 0 ? buf_str(out) : STR_NONE;
}

/* Whoever asks for the bytes alone gets no blocks. */
static int
read_vectors(const struct document *d, struct str data, struct sink *out,
    struct error *err)
{
	struct str item, vector, index;
	size_t pos = 0;
	int64_t n, place;
	int rc = 0;

	if (!d->ask->vectors)
		return 0;
	for (n = 0; rc == 0 && jtext_item(data, &pos, &item); n++) {
		if (!jtext_get(item, "embedding", &vector))
			vector = STR_NONE;
		if (jtext_get(item, "index", &index) &&
		    (str_i64(index, 0, INT32_MAX, &place) != 0 || place != n))
			return error_set(err, ERROR_UP_BROKEN,
			    "the provider's embeddings are out of order");
		if (vector.n > 0 && vector.p[0] == '"')
			vector =
			    unpack(d->arena, jtext_string(d->arena, vector));
		rc = vectors_put(out, (int)n, vector, err);
	}
	return rc;
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
	if (!openai_usage(d->arena, &at, d->target->provider->quirks, &u))
		return document_usage(d, out, NULL, err);
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
	model = jtext_str(d->arena, f->data, "model");
	if (vectors_start(d, out, model, err) != 0 ||
	    read_vectors(d, data, out, err) != 0)
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
	.refused = answer_refused,
};
