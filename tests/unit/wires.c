/* SPDX-License-Identifier: MIT */
#include "tests/unit/wires.h"

#include <stdio.h>

#include <json-c/json.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/catalog.h"
#include "core/chat.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/fold.h"
#include "core/frame.h"
#include "core/jtext.h"
#include "core/jtree.h"
#include "core/order.h"
#include "core/provider.h"

#include "fcgi/dialect.h"
#include "providers/providers.h"
#include "tests/unit/projection.h"
#include "tests/unit/reply.h"

#define MAX_BYTES ((size_t)256 << 20)

const struct wire_format wires[WIRES] = {
	{ "chat", { "chat", NULL }, &provider_openai, &dialect_openai_chat,
	    "gpt-x" },
	{ "responses", { "responses", NULL }, &provider_openai_responses,
	    &dialect_openai_responses, "gpt-x" },
	{ "messages", { "messages", NULL }, &provider_anthropic,
	    &dialect_anthropic, "claude-x" },
	{ "gemini", { "generate", "stream_generate" }, &provider_gemini, NULL,
	    "gemini-9" },
};

/* The body of a recorded request, or absent where it is no JSON. */
struct str
wires_request(struct arena *a, const char *dir)
{
	struct str file = reply_file(a, dir, "request.json"), body;
	struct jnode root, at;
	struct error err = { 0 };

	if (!file.p || jtree_read(a, file, &root, &err) != 0 ||
	    !jtree_find(&root, "body", &at) ||
	    !json_object_is_type(at.v, json_type_object))
		return STR_NONE;
	body = jtree_text(a, &at);
	return body;
}

static int
format_of(struct str api)
{
	for (int i = 0; i < WIRES; i++)
		for (int k = 0; k < 2 && wires[i].apis[k]; k++)
			if (str_is(api, wires[i].apis[k]))
				return i;
	return -1;
}

int
wires_each(wires_fn *fn, void *arg)
{
	struct arena *a = arena_new(MAX_BYTES);
	struct str index = reply_file(a, ".", "index.jsonl"), line;
	struct jnode row, at;
	struct error err = { 0 };
	int format, n = 0;

	if (!index.p)
		printf("skipped: no fixtures\n");
	while (index.n > 0) {
		index = str_split(index, '\n', &line);
		if (line.n == 0 || jtree_read(a, line, &row, &err) != 0)
			continue;
		(void)jtree_find(&row, "api", &at);
		format = format_of(jtree_value_str(&at));
		(void)jtree_find(&row, "dir", &at);
		if (format < 0)
			continue;
		fn(arg, str_cstr(a, jtree_value_str(&at)), format, &row);
		n++;
	}
	arena_free(a);
	return n;
}

static bool
repeats(struct str body, struct str what)
{
	long first = str_find(body, what);

	return first >= 0 &&
	    str_find(str_skip(body, (size_t)first + 1), what) >= 0;
}

/* A framing of its maker's own, and streams one after the other. */
bool
wires_is_odd(struct str body)
{
	return str_find(body, STR("\"object\":\"response.delta\"")) >= 0 ||
	    repeats(body, STR("\"type\":\"response.created\"")) ||
	    repeats(body, STR("event: message_stop\n"));
}

struct str
wires_answer(struct arena *a, const char *dir, const struct jnode *row)
{
	struct str body = reply_file(a, dir, "body");
	struct jnode status;

	(void)jtree_find(row, "status", &status);
	if (json_object_get_int(status.v) != 200 || wires_is_odd(body))
		return STR_NONE;
	return body;
}

enum framing
wires_framing(struct str body)
{
	struct str start = str_trim(body);

	return str_starts(start, "{") || str_starts(start, "[") ? FRAMING_WHOLE
								: FRAMING_SSE;
}

/* Feeds the frames of a body to a decoder, as an attempt does. */
struct feed {
	struct decoder *decoder;
	struct sink *out;
	enum framing framing;
};

static int
feed_frame(void *arg, const struct frame *f, struct error *err)
{
	struct feed *d = arg;
	struct event raw = {
		.kind = EVENT_FRAME, .text = f->raw, .framing = d->framing
	};

	if (f->data.p && d->decoder->frame(d->decoder, f, d->out, err) != 0)
		return -1;
	return sink_put(d->out, &raw, err);
}

int
wires_decode(struct arena *a, const struct wire_format *f, struct str body,
    const struct ask *ask, struct sink *out, struct error *err)
{
	struct conf_provider vendor = { .api = f->provider };
	struct target target = { .provider = &vendor, .model = STR("m") };
	struct feed d = { .out = out };
	struct event head = { .kind = EVENT_HEAD, .wire = f->provider->wire };
	struct deframer *deframer;

	d.framing = wires_framing(body);
	head.framing = d.framing;
	d.decoder = f->provider->decoder_new(a, &target, ask);
	if (sink_put(out, &head, err) != 0)
		return -1;
	deframer = deframer_new(a, d.framing, MAX_BYTES, feed_frame, &d);
	if (deframer_push(deframer, body, err) != 0 ||
	    deframer_end(deframer, err) != 0)
		return -1;
	return d.decoder->end(d.decoder, out, err);
}

int
wires_fold(struct arena *a, const struct wire_format *f, struct str body,
    struct fold *fold, struct error *err)
{
	struct chat *chat = ARENA_NEW(a, struct chat);
	struct ask ask = { .arena = a, .wire = WIRE_NONE, .chat = chat };

	chat->arena = a;
	fold_init(fold, a);
	return wires_decode(a, f, body, &ask, order_new(a, &fold->sink), err);
}

/* ---- both ways ---- */

struct chat *
wires_chat(struct arena *a, const struct wire_format *f, struct str body,
    struct error *err)
{
	struct chat *chat = ARENA_NEW(a, struct chat);
	int rc;

	chat->arena = a;
	chat->dialect = f->provider->wire;
	rc = f->dialect ? f->dialect->decode(a, body, chat, err)
			: gemini_read(a, body, chat, err);
	return rc == 0 ? chat : NULL;
}

int
wires_send(struct arena *a, const struct wires_way *way, struct str body,
    struct wires_sent *out, struct error *err)
{
	struct model facts = {
		.can = ~(unsigned)(MODEL_RESPONSES_ONLY | MODEL_BUDGET),
		.efforts = ~0u,
		.output = 128000,
	};
	struct conf_provider vendor = { .name = STR("x"),
		.api = way->to->provider,
		.base_url = STR("http://x/v1"),
		.key = STR("secret") };
	struct target target = { .provider = &vendor,
		.model = str_of(way->to->model),
		.facts = &facts };
	struct ask ask = { .arena = a,
		.wire = way->from->provider->wire,
		.body = body,
		.model = STR("asked"),
		.decode = way->from->dialect->decode };
	struct upstream_request request = { 0 };
	struct error ignored = { 0 };
	struct str stream;

	ask.stream =
	    jtext_get(body, "stream", &stream) && str_is(stream, "true");
	*out = (struct wires_sent){ .chat = ask_chat(&ask, &ignored) };
	if (way->to->provider->prepare(a, &target, &ask, &request, err) != 0)
		return -1;
	if (out->chat && way->from->provider != way->to->provider)
		chat_lose_shared(out->chat);
	out->body = request.body;
	out->cut = request.cut;
	return 0;
}

static struct encoder *
encode(struct arena *a, const struct wires_way *way, struct str body,
    struct str *bytes, struct error *err)
{
	struct chat chat = { .arena = a };
	struct ask ask = { .arena = a,
		.wire = way->to->provider->wire,
		.model = STR("asked"),
		.stream = way->stream,
		.include_usage = way->stream,
		.chat = &chat };
	struct receipt receipt = { .answered = STR("p/m"), .attempts = 1 };
	struct buf *out = buf_new(a, MAX_BYTES);
	struct encode_opts opts = { .ask = &ask,
		.call_id = "call_01",
		.created_s = 1700000000,
		.out = out };
	struct encoder *enc = way->to->dialect->encoder_new(a, &opts);
	bool ok = wires_decode(a, way->from, body, &ask,
		      order_new(a, &enc->sink), err) == 0;

	receipt.lossy = enc->lost;
	ok = ok && enc->finish(enc, &receipt, err) == 0;
	if (!ok && way->stream)
		enc->fail(enc, err);
	else if (!ok)
		way->to->dialect->fail_body(out, err, opts.call_id);
	*bytes = buf_str(out);
	return enc;
}

bool
wires_encode(struct arena *a, const struct wires_way *way, struct str body,
    struct str *bytes, struct error *err)
{
	(void)encode(a, way, body, bytes, err);
	return err->kind == ERROR_NONE;
}

struct name *
wires_lost(struct arena *a, const struct wires_way *way, struct str body,
    struct str *bytes)
{
	struct error err = { 0 };

	return encode(a, way, body, bytes, &err)->lost;
}
