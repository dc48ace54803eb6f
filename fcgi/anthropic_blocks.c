/* SPDX-License-Identifier: MIT */
/* The content blocks of a Messages request: wire.md §3.3. */
#include "fcgi/anthropic.h"

#include "core/buf.h"
#include "core/error.h"
#include "fcgi/signature.h"

#define LABEL            "messages.content"
#define MAX_JOINED_BYTES ((size_t)64 << 20)

#define FIELD_MARK                                                             \
	FIELD_BY("cache_control", decode_mark, struct part, cache_mark)

/* ---- text ---- */

static const struct field text_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST("text", STR, struct part, text),
	FIELD_MARK,
	FIELD_NO("citations", LOSE),
	FIELD_END,
};

/* Claude Code's billing line is for Anthropic and nobody else. */
static int
read_system_text(struct chat *chat, struct part **list, const struct jnode *obj,
    struct error *err)
{
	struct str text = STR_NONE;

	if (jtree_str(obj, "text", JTREE_REQUIRED, &text, err) < 0)
		return -1;
	if (str_starts(text, "x-anthropic-billing-header:"))
		return 0;
	return decode_object(chat, obj, text_fields, LABEL,
	    decode_part(chat, list, PART_TEXT, obj), err);
}

static const struct part_type text_only[] = {
	{ "text", SPEAKER_USER, PART_TEXT, text_fields, LABEL, NULL },
	{ .name = NULL },
};

/* Text blocks as one text, into a struct str. */
static int
read_joined(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct str *text = into;
	struct part *list = NULL, *p;
	struct buf *b;

	if (decode_content(chat, &list, v, text_only, SPEAKER_USER, err) < 0)
		return -1;
	b = buf_new(chat->arena, MAX_JOINED_BYTES);
	for (p = list; p != NULL; p = p->next) {
		if (p != list)
			buf_addch(b, '\n');
		buf_adds(b, p->text);
	}
	*text = buf_str(b);
	chat->beyond = true;
	return 0;
}

/* ---- images and documents ---- */

/* It may end up in a data URL: "image/png", and nothing behind it. */
static int
read_mime(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct str s = jtree_value_str(v), type, rest;
	size_t i;

	(void)chat;
	rest = str_split(s, '/', &type);
	for (i = 0; i < s.n && strchr(" ,;", s.p[i]) == NULL; i++)
		continue;
	if (type.n == 0 || rest.n == 0 || i < s.n)
		return jtree_fail(v, err, "must be a media type");
	*(struct str *)into = media_type(s);
	return 0;
}

static const struct field base64_fields[] = {
	FIELD_NO("type", SKIP),
	{ .name = "media_type",
	    .kind = FIELD_READ,
	    .offset = offsetof(struct part, mime),
	    .read = read_mime,
	    .need = JTREE_REQUIRED },
	FIELD_MUST("data", STR, struct part, data),
	FIELD_END,
};
static const struct field url_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST_DO("url", decode_media),
	FIELD_END,
};
static const struct field file_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST("file_id", STR, struct part, file_id),
	FIELD_END,
};
static const struct field plain_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_NO("media_type", SKIP), /* text/plain */
	FIELD_MUST("data", STR, struct part, text),
	FIELD_END,
};
static const struct field content_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_BY("content", read_joined, struct part, text),
	FIELD_END,
};

static const struct {
	const char *type;
	const struct field *fields;
	bool document_only;
} sources[] = {
	{ "base64", base64_fields, false },
	{ "url", url_fields, false },
	{ "file", file_fields, false },
	{ "text", plain_fields, true },
	{ "content", content_fields, true },
};

static int
read_source(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	const struct part *part = into;
	struct str type = STR_NONE;
	struct jnode at;
	size_t i;

	if (decode_type(v, &type, err) < 0)
		return -1;
	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (str_is(type, sources[i].type) &&
		    (part->kind == PART_DOCUMENT || !sources[i].document_only))
			return decode_object(chat, v, sources[i].fields,
			    LABEL ".source", into, err);
	}
	(void)jtree_find(v, "type", &at);
	return jtree_fail(&at, err, "unknown source \"%.*s\"", STR_ARG(type));
}

static const struct field image_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST_DO("source", read_source),
	FIELD_NO("transformations", LOSE),
	FIELD_MARK,
	FIELD_END,
};

/* Asking for citations that nobody will give is a loss. */
static int
read_citations(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	bool on = false;

	(void)into;
	if (jtree_bool(v, "enabled", JTREE_OPTIONAL, &on, err) < 0)
		return -1;
	if (on)
		chat_lose(chat, LABEL ".citations");
	return 0;
}

static const struct field document_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST_DO("source", read_source),
	FIELD_OF("title", STR, struct part, name),
	FIELD_NO("context", LOSE),
	FIELD_DO("citations", read_citations),
	FIELD_MARK,
	FIELD_END,
};

/* A hit of the client's own search is a document of text to anyone else. */
static const struct field hit_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_BY("content", read_joined, struct part, text),
	FIELD_OF("title", STR, struct part, name),
	FIELD_NO("source", LOSE),
	FIELD_DO("citations", read_citations),
	FIELD_MARK,
	FIELD_END,
};

/* ---- thinking ---- */

static int
read_thinking(struct chat *chat, struct part **list, const struct jnode *obj,
    struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_MUST("thinking", STR, struct part, text),
		FIELD_OF("signature", STR, struct part, signature),
		FIELD_END,
	};
	struct part *part = decode_part(chat, list, PART_THINKING, obj);

	if (decode_object(chat, obj, table, LABEL, part, err) < 0)
		return -1;
	if (part->signature.n > 0)
		part->issuer =
		    signature_unprefix(&part->signature, WIRE_ANTHROPIC);
	else
		part->signature = STR_NONE;
	return 0;
}

static int
read_redacted(struct chat *chat, struct part **list, const struct jnode *obj,
    struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_MUST("data", STR, struct part, signature),
		FIELD_END,
	};
	struct part *part = decode_part(chat, list, PART_THINKING, obj);

	if (decode_object(chat, obj, table, LABEL, part, err) < 0)
		return -1;
	part->redacted = true;
	part->issuer = signature_unprefix(&part->signature, WIRE_ANTHROPIC);
	return 0;
}

/* ---- tools ---- */

static int
read_tool_use(struct chat *chat, struct part **list, const struct jnode *obj,
    struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_MUST("id", STR, struct part, id),
		FIELD_MUST("name", NAME, struct part, name),
		FIELD_BY("input", decode_json, struct part, text),
		FIELD_NO("caller", SKIP), /* the model itself */
		FIELD_NO("toolset_name", LOSE),
		FIELD_MARK,
		FIELD_END,
	};
	struct part *part = decode_part(chat, list, PART_TOOL_CALL, obj);

	part->text = STR("{}");
	if (decode_object(chat, obj, table, LABEL, part, err) < 0)
		return -1;
	anthropic_offer(chat, part->name, true);
	return 0;
}

static int
read_result_content(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct part *part = into;

	return decode_content(
	    chat, &part->parts, v, anthropic_blocks, SPEAKER_TOOL, err);
}

static const struct field result_fields[] = {
	FIELD_NO("type", SKIP),
	FIELD_MUST("tool_use_id", STR, struct part, id),
	FIELD_DO("content", read_result_content),
	FIELD_OF("is_error", BOOL, struct part, is_error),
	FIELD_MARK,
	FIELD_END,
};

/* ---- the tables ---- */

#define GIVEN (SPEAKER_USER | SPEAKER_TOOL)

const struct part_type anthropic_blocks[] = {
	{ "text", GIVEN | SPEAKER_ASSISTANT, PART_TEXT, text_fields, LABEL,
	    NULL },
	{ "image", GIVEN, PART_IMAGE, image_fields, LABEL, NULL },
	{ "document", GIVEN, PART_DOCUMENT, document_fields, LABEL, NULL },
	{ "search_result", GIVEN, PART_DOCUMENT, hit_fields, LABEL, NULL },
	{ "thinking", SPEAKER_ASSISTANT, .read = read_thinking },
	{ "redacted_thinking", SPEAKER_ASSISTANT, .read = read_redacted },
	{ "tool_use", SPEAKER_ASSISTANT, .read = read_tool_use },
	{ "tool_result", SPEAKER_USER, PART_TOOL_RESULT, result_fields, LABEL,
	    NULL },
	{ "tool_reference", SPEAKER_TOOL, .read = anthropic_reference },
	{ "server_tool_use", SPEAKER_ASSISTANT, .read = anthropic_hosted_call },
	{ .name = "web_search_tool_result" },
	{ .name = "web_fetch_tool_result" },
	{ .name = "code_execution_tool_result" },
	{ .name = "bash_code_execution_tool_result" },
	{ .name = "text_editor_code_execution_tool_result" },
	{ "tool_search_tool_result", SPEAKER_ASSISTANT,
	    .read = anthropic_hosted_search },
	{ .name = "container_upload" },
	{ .name = "browser_state" },
	{ .name = "compaction" },
	{ .name = "fallback" },
	{ .name = "mcp_*" },
	{ .name = "advisor_*" },
	{ .name = NULL },
};

const struct part_type anthropic_system_blocks[] = {
	{ "text", SPEAKER_SYSTEM, .read = read_system_text },
	{ "tool_addition", SPEAKER_SYSTEM, .read = anthropic_addition },
	{ "tool_removal", SPEAKER_SYSTEM, .read = anthropic_removal },
	{ .name = NULL },
};
