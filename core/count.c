/* SPDX-License-Identifier: MIT */
#include "core/count.h"

#include "core/arena.h"
#include "core/conf.h"
#include "core/document.h"
#include "core/error.h"
#include "core/frame.h"
#include "core/jtext.h"
#include "core/sink.h"
#include "core/tokens.h"
#include "core/usage.h"

#define RESPONSES_OBJECT "\"object\":\"response.input_tokens\","

/* The answer itself goes on as it is; it used nothing. */
static int
read_count(const struct document *d, const struct frame *f, struct sink *out,
    struct error *err)
{
	struct usage none;
	struct str value;
	int64_t n;

	if (!jtext_get(f->data, "input_tokens", &value) ||
	    str_i64(value, 0, INT64_MAX, &n) != 0)
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider's answer has no input_tokens");
	usage_init(&none);
	none.source = USAGE_REPORTED;
	return document_usage(d, out, &none, err);
}

struct decoder *
count_decoder_new(
    struct arena *a, const struct target *t, const struct ask *ask)
{
	return document_decoder(a, t, ask, read_count);
}

static int
prepare(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	const struct chat *chat = ask_chat(ask, err);
	struct canned_chunk *chunk = ARENA_NEW(a, struct canned_chunk);
	struct canned *canned = ARENA_NEW(a, struct canned);
	int f = tokens_family(t->provider->api->wire, t->model);

	if (chat == NULL)
		return -1;
	chunk->bytes = str_of(arena_printf(a, "{%s\"input_tokens\":%lld}",
	    ask->wire == WIRE_OPENAI_RESPONSES ? RESPONSES_OBJECT : "",
	    (long long)tokens_chat(f, chat)));
	canned->status = 200;
	canned->content_type = "application/json";
	canned->chunks = chunk;
	out->url = "";
	out->canned = canned;
	return 0;
}

/* Never called: what is canned is never an error. */
static void
refused(struct arena *a, const struct refusal *r, struct error *err)
{
	(void)a;
	error_set(
	    err, error_kind_of_status(r->status), "%.*s", STR_ARG(r->body));
}

#define ESTIMATE(format)                                                       \
	{                                                                      \
		.name = "estimate", .wire = (format), .prepare = prepare,      \
		.decoder_new = count_decoder_new, .refused = refused,          \
	}

const struct provider *
count_estimate(enum wire client)
{
	static const struct provider anthropic = ESTIMATE(WIRE_ANTHROPIC);
	static const struct provider responses =
	    ESTIMATE(WIRE_OPENAI_RESPONSES);

	return client == WIRE_OPENAI_RESPONSES ? &responses : &anthropic;
}
