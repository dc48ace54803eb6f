/* SPDX-License-Identifier: MIT */
/*
 * Google's Gemini API: POST {base_url}/v1beta/models/MODEL:generateContent,
 * or :streamGenerateContent?alt=sse.  gemini_prepare.c, gemini_contents.c and
 * gemini_media.c write requests, gemini_decode.c reads answers,
 * gemini_usage.c counts.
 */
#include "providers/gemini.h"

#include <ctype.h>

#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"

#include "providers/answer.h"
#include "providers/providers.h"
#include "providers/request.h"

#define MAX_BODY_BYTES ((size_t)256 << 20)
#define MAX_URL_BYTES  ((size_t)64 << 10)

/* The SDK's base URL has no version, but people write one: it is kept. */
static void
add_base(struct buf *url, struct str base)
{
	static const char *const versions[] = { "/v1", "/v1beta", "/v1alpha",
		"/v1beta1" };
	size_t n = base.n;

	while (n > 0 && base.p[n - 1] != '/')
		n--;
	buf_adds(url, base);
	for (size_t i = 0; n > 0 && i < sizeof(versions) / sizeof(*versions);
	     i++)
		if (str_is(str_skip(base, n - 1), versions[i]))
			return;
	buf_addz(url, "/v1beta");
}

/* The client chose this name: it shall not become another path. */
static void
add_model(struct buf *url, struct str model)
{
	static const char *const kinds[] = { "models/", "tunedModels/" };
	size_t i, kind = 0;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (str_starts(model, kinds[i])) {
			kind = i;
			model = str_skip(model, strlen(kinds[i]));
		}
	buf_addch(url, '/');
	buf_addz(url, kinds[kind]);
	for (i = 0; i < model.n; i++)
		if (isalnum((unsigned char)model.p[i]) ||
		    memchr("-._~", model.p[i], 4))
			buf_addch(url, model.p[i]);
		else
			buf_addf(url, "%%%02X", (unsigned char)model.p[i]);
}

const char *
gemini_url(struct arena *a, const struct target *t, const char *method)
{
	struct buf *url = buf_new(a, MAX_URL_BYTES);

	add_base(url, t->provider->base_url);
	add_model(url, t->model);
	buf_addz(url, method);
	return url->p;
}

struct header *
gemini_headers(struct arena *a, const struct target *t)
{
	struct header *list = NULL;

	header_add(a, &list, STR("content-type"), STR("application/json"));
	if (target_secret(t).n > 0)
		header_add(a, &list, STR("x-goog-api-key"), target_secret(t));
	return list;
}

static int
prepare(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	struct buf *body = buf_new(a, MAX_BODY_BYTES);

	out->url = gemini_url(a, t,
	    ask->stream ? ":streamGenerateContent?alt=sse"
			: ":generateContent");
	out->headers = gemini_headers(a, t);
	if (ask->wire == WIRE_GEMINI) { /* the model stands in the URL */
		out->body = ask->body;
		return 0;
	}
	if (gemini_write(a, t, ask, body, err) != 0)
		return -1;
	out->cut = gemini_cut(ask->chat);
	return request_body(out, body, 0, err);
}

const struct provider provider_gemini = {
	.name = "gemini",
	.wire = WIRE_GEMINI,
	.prepare = prepare,
	.decoder_new = gemini_decoder_new,
	.refused = answer_refused,
	.wants_bytes = gemini_wants_bytes,
	.embed = &gemini_embeddings,
};
