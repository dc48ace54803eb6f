/* SPDX-License-Identifier: MIT */
/*
 * OpenAI's embeddings (POST /v1/embeddings): wire.md §6.  In the canonical
 * request each text is a turn; in the answer each vector is a block.  Lists of
 * tokens are for providers of this format only, where the bytes pass.
 */
#include <stdlib.h>

#include <openssl/evp.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/jtext.h"
#include "fcgi/decode.h"
#include "fcgi/dialect.h"
#include "fcgi/encode.h"
#include "fcgi/openai_chat.h"

#define MAX_TEXTS 2048 /* OpenAI's limit */

/* ---- the request ---- */

static int
read_text(struct chat *chat, const struct jnode *v, struct error *err)
{
	struct str text = jtree_value_str(v);
	struct turn *turn;

	if (text.p == NULL)
		return jtree_fail(
		    v, err, "must be text: this provider takes no tokens");
	turn = chat_turn(chat, ROLE_USER);
	turn->path = jtree_path(chat->arena, v);
	decode_part(chat, &turn->parts, PART_TEXT, v)->text = text;
	return 0;
}

static int
read_input(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct jnode item;
	size_t i, n = jtree_len(v);

	(void)into;
	if (!json_object_is_type(v->v, json_type_array))
		return read_text(chat, v, err);
	if (n == 0 || n > MAX_TEXTS)
		return jtree_fail(v, err, "must have 1 to %d texts", MAX_TEXTS);
	for (i = 0; i < n; i++) {
		item = jtree_item(v, i);
		if (read_text(chat, &item, err) < 0)
			return -1;
	}
	return 0;
}

static int
read_format(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct str word = jtree_value_str(v);

	(void)chat;
	(void)into;
	if (str_is(word, "float") || str_is(word, "base64"))
		return 0;
	return jtree_fail(v, err, "must be float or base64");
}

static int
decode(struct arena *a, struct str body, struct chat *chat, struct error *err)
{
	static const struct field fields[] = {
		FIELD_NO("model", SKIP),
		FIELD_MUST_DO("input", read_input),
		FIELD_OF("dimensions", COUNT, struct chat, dimensions),
		FIELD_DO("encoding_format", read_format),
		FIELD_OF("user", STR, struct chat, user),
		FIELD_END,
	};
	struct jnode root;

	chat->arena = a;
	chat->dialect = WIRE_OPENAI_CHAT;
	if (jtree_read(a, body, &root, err) < 0)
		return -1;
	return decode_object(chat, &root, fields, NULL, chat, err);
}

/* ---- the answer ---- */

static void
put_float(unsigned char *to, struct str number)
{
	char text[64] = "";
	uint32_t bits;
	float v;

	if (number.n < sizeof(text))
		memcpy(text, number.p, number.n);
	v = strtof(text, NULL);
	memcpy(&bits, &v, sizeof(bits));
	to[0] = (unsigned char)bits;
	to[1] = (unsigned char)(bits >> 8);
	to[2] = (unsigned char)(bits >> 16);
	to[3] = (unsigned char)(bits >> 24);
}

/* float32, least byte first, as base64. */
static void
write_base64(struct arena *a, struct jw *w, struct str vector)
{
	/* A number and its comma are two bytes at least. */
	unsigned char *bytes = arena_alloc(a, vector.n * 2 + 4);
	unsigned char *text;
	struct str number;
	size_t pos = 0, n = 0;

	for (; jtext_item(vector, &pos, &number); n += 4)
		put_float(bytes + n, number);
	text = arena_alloc(a, n / 3 * 4 + 5);
	(void)EVP_EncodeBlock(text, bytes, (int)n);
	jw_cstr(w, (const char *)text);
}

static void
write_vector(struct jw *w, const struct fold_block *b, unsigned n, bool packed)
{
	struct arena *scratch = arena_new((size_t)1 << 30);

	jw_object(w);
	jw_kv_cstr(w, "object", "embedding");
	jw_kv_i64(w, "index", n);
	jw_key(w, "embedding");
	if (packed)
		write_base64(scratch, w, b->text);
	else
		jw_raw(w, b->text);
	jw_end(w);
	arena_free(scratch);
}

static bool
wants_base64(const struct encode *e)
{
	struct str format;

	return jtext_get(e->opts.ask->body, "encoding_format", &format) &&
	    str_is(format, "\"base64\"");
}

static void
write_usage(const struct encode *e, struct jw *w, const struct receipt *r)
{
	int64_t in = usage_total_input(&e->usage);

	jw_object(w);
	jw_kv_i64(w, "prompt_tokens", in);
	jw_kv_i64(w, "total_tokens", in);
	encode_cost(e, w, r);
	jw_end(w);
}

static void
document(struct encode *e, const struct receipt *r)
{
	const struct fold_block *b;
	bool packed = wants_base64(e);
	unsigned n = 0;
	struct jw w;

	jw_init(&w, e->opts.out);
	jw_object(&w);
	jw_kv_cstr(&w, "object", "list");
	jw_key(&w, "data");
	jw_array(&w);
	for (b = e->fold.blocks; b != NULL; b = b->next)
		write_vector(&w, b, n++, packed);
	jw_end(&w);
	jw_kv_str(&w, "model", e->model);
	jw_key(&w, "usage");
	write_usage(e, &w, r);
	jw_end(&w);
}

static struct encoder *
encoder_new(struct arena *a, const struct encode_opts *opts)
{
	static const struct encode_words words = {
		.wire = WIRE_OPENAI_CHAT,
		.id_prefix = "embd-",
		.document = document,
		.fail_body = openai_chat_fail_body,
	};
	struct encode *e = ARENA_NEW(a, struct encode);

	encode_init(e, a, &words, opts);
	return &e->encoder;
}

const struct dialect dialect_openai_embeddings = {
	.name = "openai-embeddings",
	.wire = WIRE_OPENAI_CHAT,
	.operation = OPERATION_EMBED,
	.decode = decode,
	.encoder_new = encoder_new,
	.fail_body = openai_chat_fail_body,
};
