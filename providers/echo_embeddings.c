/* SPDX-License-Identifier: MIT */
/*
 * Embeddings by echo.  The wire format: {"vectors":[[…],…],"input":WORDS}.
 */
#include "providers/echo.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/frame.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/usage.h"

#include "providers/echo_script.h"
#include "providers/history.h"
#include "providers/vectors.h"

#define MAX_BODY_BYTES ((size_t)256 << 20)
#define MAX_DIMENSIONS 4096

/* Returns how many words there were. */
static int64_t
write_vector(struct arena *a, struct jw *w, struct str text, size_t n)
{
	int64_t *sums = ARENA_ARRAY(a, int64_t, n), words = 0;
	struct str word;
	size_t i;

	for (text = str_trim(text); text.n > 0; words++) {
		word = echo_word(text);
		text = str_skip(text, word.n);
		sums[str_hash(STR_HASH, str_trim(word)) % n]++;
	}
	jw_array(w);
	for (i = 0; i < n; i++)
		jw_double(w, words > 0 ? (double)sums[i] / (double)words : 0.0);
	jw_end(w);
	return words;
}

static struct str
write_answer(struct arena *a, const struct chat *chat, size_t n)
{
	struct buf *out = buf_new(a, MAX_BODY_BYTES);
	const struct turn *t;
	int64_t words = 0;
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_key(&w, "vectors");
	jw_array(&w);
	for (t = chat->turns; t; t = t->next)
		words +=
		    write_vector(a, &w, history_text(a, t->parts, "\n"), n);
	jw_end(&w);
	jw_kv_i64(&w, "input", words);
	jw_end(&w);
	return buf_str(out);
}

static int
prepare(struct arena *a, const struct target *t, struct ask *ask,
    struct upstream_request *out, struct error *err)
{
	const struct chat *chat = ask_chat(ask, err);
	struct canned *canned;
	struct echo_script script = { 0 };
	int64_t n;

	if (!chat || echo_script_model(&script, t->model, err) != 0)
		return -1;
	n = chat->dimensions > 0 ? chat->dimensions : ECHO_DIMENSIONS;
	if (n > MAX_DIMENSIONS)
		return error_param(err, "dimensions", "must be at most 4096");
	canned = canned_json(a, write_answer(a, chat, (size_t)n));
	canned->hang = script.hang != 0;
	if (script.status)
		echo_refuse(a, script.status, canned);
	canned->chunks->delay_ms = script.wait_ms;
	out->url = "";
	out->canned = canned;
	return 0;
}

static int
read_answer(const struct document *d, const struct frame *f, struct sink *out,
    struct error *err)
{
	struct str list, item, raw;
	struct usage u;
	size_t pos = 0;
	int n = 0;

	usage_init(&u);
	u.source = USAGE_REPORTED;
	if (!jtext_get(f->data, "vectors", &list) ||
	    !jtext_get(f->data, "input", &raw) ||
	    str_i64(raw, 0, INT64_MAX, &u.tokens[USAGE_INPUT]) != 0)
		return error_set(
		    err, ERROR_UP_BROKEN, "no vectors, or no count of words");
	if (vectors_start(d, out, STR_NONE, err) != 0)
		return -1;
	while (jtext_item(list, &pos, &item))
		if (vectors_put(out, n++, item, err) != 0)
			return -1;
	return document_usage(d, out, &u, err);
}

static struct decoder *
decoder_new(struct arena *a, const struct target *t, const struct ask *ask)
{
	return document_decoder(a, t, ask, read_answer);
}

const struct provider echo_embeddings = {
	.name = "echo",
	.wire = WIRE_NONE,
	.prepare = prepare,
	.decoder_new = decoder_new,
	.refused = echo_refused,
};
