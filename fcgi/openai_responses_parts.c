/* SPDX-License-Identifier: MIT */
/* The content parts of Responses items: wire.md §2.2. */
#include "fcgi/openai_responses.h"

#include "core/error.h"

#define LABEL "input.content"

#define FIELD_MARK                                                             \
	FIELD_BY(                                                              \
	    "prompt_cache_breakpoint", decode_mark, struct part, cache_mark)

static const struct field text_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST("text", STR, struct part, text),
	FIELD_MARK,
	FIELD_NO("annotations", LOSE),
	FIELD_NO("logprobs", SKIP), /* told once, meant for nobody */
	FIELD_END,
};

static const struct field refusal_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST("refusal", STR, struct part, text),
	FIELD_END,
};

static int
must_have(const struct part *part, const struct jnode *obj, const char *key,
    struct error *err)
{
	struct jnode at;

	if (part->url.p != NULL || part->data.p != NULL ||
	    part->text.p != NULL || part->file_id.p != NULL)
		return 0;
	(void)jtree_find(obj, key, &at);
	return jtree_fail(&at, err, "is required");
}

static int
read_image(struct chat *chat, struct part **list, const struct jnode *obj,
    struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_DO("image_url", decode_media),
		FIELD_OF("file_id", STR, struct part, file_id),
		FIELD_OF("detail", STR, struct part, detail),
		FIELD_MARK,
		FIELD_END,
	};
	struct part *part = decode_part(chat, list, PART_IMAGE, obj);

	if (decode_object(chat, obj, table, LABEL, part, err) < 0)
		return -1;
	return must_have(part, obj, "image_url", err);
}

static int
read_file(struct chat *chat, struct part **list, const struct jnode *obj,
    struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_DO("file_data", decode_media),
		FIELD_DO("file_url", decode_media),
		FIELD_OF("file_id", STR, struct part, file_id),
		FIELD_OF("filename", STR, struct part, name),
		FIELD_NO("detail", SKIP),
		FIELD_MARK,
		FIELD_END,
	};
	struct part *part = decode_part(chat, list, PART_DOCUMENT, obj);

	if (decode_object(chat, obj, table, LABEL, part, err) < 0)
		return -1;
	return must_have(part, obj, "file_data", err);
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

	return decode_object(chat, v, table, LABEL ".input_audio", into, err);
}

static const struct field audio_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST_DO("input_audio", read_input_audio),
	FIELD_MARK,
	FIELD_END,
};

#define ANYBODY                                                                \
	(SPEAKER_SYSTEM | SPEAKER_USER | SPEAKER_ASSISTANT | SPEAKER_TOOL)

/* Clients that build items by hand mix up the two names of text. */
const struct part_type openai_responses_parts[] = {
	{ "input_text", ANYBODY, PART_TEXT, text_fields, LABEL, NULL },
	{ "output_text", ANYBODY, PART_TEXT, text_fields, LABEL, NULL },
	{ "text", ANYBODY, PART_TEXT, text_fields, LABEL, NULL },
	{ "refusal", SPEAKER_ASSISTANT, PART_REFUSAL, refusal_fields, LABEL,
	    NULL },
	{ "input_image", SPEAKER_USER | SPEAKER_TOOL, .read = read_image },
	{ "input_file", SPEAKER_USER | SPEAKER_TOOL, .read = read_file },
	{ "input_audio", SPEAKER_USER, PART_AUDIO, audio_fields, LABEL, NULL },
	{ .name = NULL },
};
