/* SPDX-License-Identifier: MIT */
/* The content parts and tool calls of a Chat Completions message. */
#include "fcgi/openai_chat.h"

#include "core/buf.h"
#include "core/error.h"

#define LABEL          "messages.content"
#define MAX_TEXT_BYTES ((size_t)256 << 20)

/* ---- content parts ---- */

#define FIELDS_OF_MARKS                                                        \
	FIELD_BY(                                                              \
	    "prompt_cache_breakpoint", decode_mark, struct part, cache_mark),  \
	    FIELD_BY("cache_control", decode_mark, struct part, cache_mark)

static const struct field text_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST("text", STR, struct part, text),
	FIELDS_OF_MARKS,
	FIELD_END,
};

static const struct field refusal_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST("refusal", STR, struct part, text),
	FIELD_END,
};

/* An object; Mistral's clients may send the address alone. */
static int
read_image_url(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_MUST_DO("url", decode_media),
		FIELD_OF("detail", STR, struct part, detail),
		FIELD_END,
	};

	if (jtree_value_str(v).p != NULL)
		return decode_media(chat, into, v, err);
	return decode_object(chat, v, table, LABEL ".image_url", into, err);
}

static const struct field image_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST_DO("image_url", read_image_url),
	FIELDS_OF_MARKS,
	FIELD_END,
};

/* As Mistral's clients send it: base64 without a type, or a data URL. */
static int
read_audio_text(struct chat *chat, struct part *part, const struct jnode *v,
    struct error *err)
{
	static const struct {
		const char *start; /* of the data, in base64 */
		const char *mime;
	} kinds[] = {
		{ "UklGR", "audio/wav" }, /* RIFF */
		{ "SUQz", "audio/mpeg" }, /* ID3 */
		{ "//", "audio/mpeg" },   /* a frame */
	};
	struct str s = jtree_value_str(v);
	size_t i;

	if (str_starts(s, "data:"))
		return decode_media(chat, part, v, err);
	part->data = s;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_starts(s, kinds[i].start))
			part->mime = str_of(kinds[i].mime);
	if (part->mime.p == NULL)
		return jtree_fail(v, err, "must be wav or mp3, in base64");
	return 0;
}

static int
read_input_audio(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_MUST("data", STR, struct part, data),
		FIELD_MUST_DO("format", decode_audio_format),
		FIELD_END,
	};

	if (jtree_value_str(v).p != NULL)
		return read_audio_text(chat, into, v, err);
	return decode_object(chat, v, table, LABEL ".input_audio", into, err);
}

static const struct field audio_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST_DO("input_audio", read_input_audio),
	FIELDS_OF_MARKS,
	FIELD_END,
};

static int
read_file_of(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_DO("file_data", decode_media),
		FIELD_OF("file_id", STR, struct part, file_id),
		FIELD_OF("filename", STR, struct part, name),
		FIELD_END,
	};
	const struct part *part = into;
	struct jnode at;

	if (decode_object(chat, v, table, LABEL ".file", into, err) < 0)
		return -1;
	(void)jtree_find(v, "file_data", &at);
	if (part->url.p != NULL)
		return jtree_fail(&at, err, "must be a base64 data URL");
	if (part->data.p == NULL && part->text.p == NULL &&
	    part->file_id.p == NULL)
		return jtree_fail(&at, err, "is required");
	return 0;
}

static int
read_file(struct chat *chat, struct part **list, const struct jnode *obj,
    struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_DO("file", read_file_of),
		FIELD_OF("file_id", STR, struct part, file_id), /* Mistral */
		FIELDS_OF_MARKS,
		FIELD_END,
	};
	struct part *part = decode_part(chat, list, PART_DOCUMENT, obj);
	struct jnode at;

	if (decode_object(chat, obj, table, LABEL, part, err) < 0)
		return -1;
	if (jtree_find(obj, "file", &at) || part->file_id.p != NULL)
		return 0;
	return jtree_fail(&at, err, "is required");
}

/* Mistral's parts, which its clients send. */
static const struct field document_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST_DO("document_url", decode_media),
	FIELD_OF("document_name", STR, struct part, name),
	FIELDS_OF_MARKS,
	FIELD_END,
};

/* Where words are from, by numbers that Mistral alone knows. */
static int
read_reference(struct chat *chat, struct part **list, const struct jnode *obj,
    struct error *err)
{
	(void)list, (void)obj, (void)err;
	chat_lose(chat, LABEL ".reference");
	return 0;
}

/* "..." or [{"type":"text","text":"..."}] */
static int
read_thoughts(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct part *part = into, *list = NULL;
	struct buf *text = buf_new(chat->arena, MAX_TEXT_BYTES);

	if (decode_content(
		chat, &list, v, openai_chat_parts, SPEAKER_TOOL, err) < 0)
		return -1;
	for (; list != NULL; list = list->next)
		buf_adds(text, list->text);
	part->text = buf_str(text);
	chat->beyond = true;
	return 0;
}

static const struct field thinking_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST_DO("thinking", read_thoughts),
	FIELD_NO("closed", SKIP),
	FIELD_END,
};

#define ANYBODY                                                                \
	(SPEAKER_SYSTEM | SPEAKER_USER | SPEAKER_ASSISTANT | SPEAKER_TOOL)

/* Some vendors take images in tool results; so do we. */
const struct part_type openai_chat_parts[] = {
	{ "text", ANYBODY, PART_TEXT, text_fields, LABEL, NULL },
	{ "image_url", SPEAKER_USER | SPEAKER_TOOL, PART_IMAGE, image_fields,
	    LABEL, NULL },
	{ "input_audio", SPEAKER_USER, PART_AUDIO, audio_fields, LABEL, NULL },
	{ "file", SPEAKER_USER, .read = read_file },
	{ "document_url", SPEAKER_USER, PART_DOCUMENT, document_fields, LABEL,
	    NULL },
	{ "reference", SPEAKER_USER | SPEAKER_ASSISTANT | SPEAKER_TOOL,
	    .read = read_reference },
	{ "refusal", SPEAKER_ASSISTANT, PART_REFUSAL, refusal_fields, LABEL,
	    NULL },
	{ "thinking", SPEAKER_ASSISTANT, PART_THINKING, thinking_fields, LABEL,
	    NULL },
	{ .name = NULL },
};

/* ---- tool calls ---- */

static int
read_function(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_MUST("name", NAME, struct part, name),
		FIELD_MUST("arguments", STR, struct part, text),
		FIELD_END,
	};
	struct part *part = into;

	if (decode_object(
		chat, v, table, "messages.tool_calls.function", part, err) < 0)
		return -1;
	if (str_trim(part->text).n == 0)
		part->text = STR("{}");
	return 0;
}

static int
read_custom(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_MUST("name", NAME, struct part, name),
		FIELD_MUST("input", STR, struct part, text),
		FIELD_END,
	};
	struct part *part = into;

	part->custom = true;
	return decode_object(
	    chat, v, table, "messages.tool_calls.custom", part, err);
}

static int
read_call(
    struct chat *chat, void *into, const struct jnode *obj, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_NO("index", SKIP),
		FIELD_MUST("id", STR, struct part, id),
		FIELD_DO("function", read_function),
		FIELD_DO("custom", read_custom),
		FIELD_END,
	};
	struct turn *turn = into;
	struct part *part;
	struct jnode at;

	part = decode_part(chat, &turn->parts, PART_TOOL_CALL, obj);
	if (decode_object(chat, obj, table, "messages.tool_calls", part, err) <
	    0)
		return -1;
	if (part->name.p != NULL)
		return 0;
	(void)jtree_find(obj, "function", &at);
	return jtree_fail(&at, err, "is required");
}

int
openai_chat_calls(struct chat *chat, struct turn *turn, const struct jnode *v,
    struct error *err)
{
	return v->v == NULL ? 0 : decode_items(chat, turn, v, read_call, err);
}
