/* SPDX-License-Identifier: MIT */
/*
 * Gemini's :embedContent for one text, :batchEmbedContents for several.
 * Older models do not say what they have read: it is estimated.
 * Source: wire.md §6.
 */
#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/frame.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/usage.h"

#include "providers/answer.h"
#include "providers/gemini.h"
#include "providers/history.h"
#include "providers/vectors.h"

#define MAX_BODY_BYTES ((size_t)256 << 20)

static void
write_request(struct arena *a, struct jw *w, const struct target *t,
    const struct chat *chat, const struct turn *turn)
{
	jw_object(w);
	jw_kv_cstr(w, "model",
	    arena_printf(a, "%s%.*s",
		str_starts(t->model, "models/") ? "" : "models/",
		STR_ARG(t->model)));
	jw_key(w, "content");
	jw_object(w);
	jw_key(w, "parts");
	jw_array(w);
	jw_object(w);
	jw_kv_str(w, "text", history_text(a, turn->parts, "\n"));
	jw_end(w);
	jw_end(w);
	jw_end(w);
	if (chat->dimensions > 0)
		jw_kv_i64(w, "outputDimensionality", chat->dimensions);
	jw_end(w);
}

static void
write_batch(struct arena *a, struct jw *w, const struct target *t,
    const struct chat *chat)
{
	const struct turn *turn;

	jw_object(w);
	jw_key(w, "requests");
	jw_array(w);
	for (turn = chat->turns; turn; turn = turn->next)
		write_request(a, w, t, chat, turn);
	jw_end(w);
	jw_end(w);
}

static int
prepare(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	struct buf *body = buf_new(a, MAX_BODY_BYTES);
	struct chat *chat = ask_chat(ask, err);
	struct jw w;
	bool one;

	if (!chat)
		return -1;
	if (chat->user.n > 0)
		chat_lose(chat, "user");
	jw_init(&w, body);
	one = !chat->turns->next;
	if (one)
		write_request(a, &w, t, chat, chat->turns);
	else
		write_batch(a, &w, t, chat);
	if (buf_over(body))
		return error_set(err, ERROR_TOO_LARGE, "request too large");
	out->url =
	    gemini_url(a, t, one ? ":embedContent" : ":batchEmbedContents");
	out->headers = gemini_headers(a, t);
	out->body = buf_str(body);
	return 0;
}

static int
read_vectors(const struct chat *chat, struct str doc, struct sink *out,
    struct error *err)
{
	const struct turn *turn = chat->turns;
	struct str list, item, values;
	size_t pos = 0;
	int n = 0;

	if (jtext_get(doc, "embedding.values", &values))
		return vectors_put(out, 0, values, err);
	if (!jtext_get(doc, "embeddings", &list) || list.p[0] != '[')
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider's answer has no embeddings");
	while (jtext_item(list, &pos, &item)) {
		if (!jtext_get(item, "values", &values))
			values = STR_NONE;
		if (vectors_put(out, n++, values, err) != 0)
			return -1;
	}
	for (; turn; turn = turn->next)
		n--;
	if (n != 0)
		return error_set(err, ERROR_UP_BROKEN,
		    "the provider's answer has another number of embeddings");
	return 0;
}

static int
read_answer(const struct document *d, const struct frame *f, struct sink *out,
    struct error *err)
{
	struct str raw;
	struct jnode at;
	struct usage u;

	if (jtext_get(f->data, "error", &raw))
		return vectors_none(d, f, WIRE_GEMINI, err);
	if (vectors_start(d, out, STR_NONE, err) != 0 ||
	    read_vectors(d->ask->chat, f->data, out, err) != 0)
		return -1;
	if (!jtext_get(f->data, "usageMetadata", &raw) ||
	    answer_json(d->arena, raw, &at, err) != 0 || !gemini_usage(&at, &u))
		return document_usage(d, out, NULL, err);
	return document_usage(d, out, &u, err);
}

static struct decoder *
decoder_new(struct arena *a, const struct target *t, const struct ask *ask)
{
	return document_decoder(a, t, ask, read_answer);
}

const struct provider gemini_embeddings = {
	.name = "gemini",
	.wire = WIRE_GEMINI,
	.prepare = prepare,
	.decoder_new = decoder_new,
	.refused = answer_refused,
};
