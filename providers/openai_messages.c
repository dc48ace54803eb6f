/* SPDX-License-Identifier: MIT */
#include "providers/openai_messages.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/catalog.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jw.h"

#include "providers/custom_tool.h"
#include "providers/history.h"
#include "providers/instruct.h"
#include "providers/names.h"
#include "providers/openai_shared.h"
#include "providers/takes.h"

#define MAX_TEXT_BYTES ((size_t)256 << 20)

struct writer {
	struct arena *arena;
	struct jw *w;
	const struct target *target;
	struct chat *chat;
	struct error *err;
	struct str more; /* instructions of ours, until they are written */
	unsigned marks;  /* cache breakpoints written */
};

static bool
lacks(const struct writer *o, unsigned can)
{
	return !takes_any(o->target, WIRE_OPENAI_CHAT, can);
}

/* The newest models take developer for system; everyone else system. */
static const char *
system_role(const struct target *t)
{
	return takes_any(t, WIRE_OPENAI_CHAT, MODEL_REASONING) &&
		!(t->provider->quirks & QUIRK_NO_DEVELOPER)
	    ? "developer"
	    : "system";
}

/* {"type":"text","text":...}; with ${p} what stands for it, and its mark. */
static void
write_text(struct writer *o, const struct part *p, struct str text)
{
	jw_object(o->w);
	jw_kv_cstr(o->w, "type", "text");
	jw_kv_str(o->w, "text", text);
	if (p)
		openai_mark(o->w, o->target, p, &o->marks);
	jw_end(o->w);
}

static int
write_image(struct writer *o, const struct part *p)
{
	if (p->file_id.p)
		return history_refuse(
		    p, o->err, "a file id is known to its own provider only");
	if (lacks(o, MODEL_IMAGES))
		return history_refuse(
		    p, o->err, "the model does not take images");
	jw_object(o->w);
	jw_kv_cstr(o->w, "type", "image_url");
	jw_key(o->w, "image_url");
	jw_object(o->w);
	jw_kv_str(o->w, "url", openai_media_url(o->arena, p));
	if (p->detail.p)
		jw_kv_str(o->w, "detail", p->detail);
	jw_end(o->w);
	jw_end(o->w);
	return 0;
}

/* Mistral's form, for data and addresses alike. */
static int
write_document_url(struct writer *o, const struct part *p)
{
	jw_object(o->w);
	jw_kv_cstr(o->w, "type", "document_url");
	jw_kv_str(o->w, "document_url", openai_media_url(o->arena, p));
	if (p->name.n > 0)
		jw_kv_str(o->w, "document_name", p->name);
	jw_end(o->w);
	return 0;
}

static int
write_document(struct writer *o, const struct part *p)
{
	bool by_url = o->target->provider->quirks & QUIRK_FLAT_MEDIA;

	if (p->text.p) {
		write_text(o, p, history_document(o->arena, p));
		return 0;
	}
	if (p->file_id.p)
		return history_refuse(
		    p, o->err, "a file id is known to its own provider only");
	if (!p->data.p && !by_url)
		return history_refuse(p, o->err,
		    "the provider takes documents as data, not by URL");
	/* OpenAI shows a PDF's pages to whatever model sees images. */
	if (lacks(o, MODEL_PDF | MODEL_IMAGES))
		return history_refuse(
		    p, o->err, "the model does not take documents");
	if (by_url)
		return write_document_url(o, p);
	jw_object(o->w);
	jw_kv_cstr(o->w, "type", "file");
	jw_key(o->w, "file");
	jw_object(o->w);
	jw_kv_str(
	    o->w, "filename", p->name.n > 0 ? p->name : STR("document.pdf"));
	jw_kv_str(o->w, "file_data", openai_media_url(o->arena, p));
	jw_end(o->w);
	openai_mark(o->w, o->target, p, &o->marks);
	jw_end(o->w);
	return 0;
}

static int
write_part(struct writer *o, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT:
	case PART_REFUSAL:
		write_text(o, p, p->text);
		return 0;
	case PART_IMAGE:
		return write_image(o, p);
	case PART_DOCUMENT:
		return write_document(o, p);
	case PART_AUDIO:
		return openai_audio(
		    o->w, o->target, p, WIRE_OPENAI_CHAT, o->err);
	case PART_TOOL_CALL:
	case PART_TOOL_RESULT:
	case PART_THINKING:
		break;
	}
	return 0;
}

static struct str
result_text(struct writer *o, const struct part *result)
{
	struct buf *text = buf_new(o->arena, MAX_TEXT_BYTES);
	const struct part *p;

	if (result->is_error) {
		buf_addz(text, "Error: ");
		chat_lose(o->chat, "is_error");
	}
	for (p = result->parts; p; p = p->next) {
		if (p != result->parts)
			buf_addch(text, '\n');
		if (history_is_media(p))
			buf_addz(text, "[attached in the next message]");
		else if (p->kind == PART_DOCUMENT)
			buf_adds(text, history_document(o->arena, p));
		else
			buf_adds(text, p->text);
	}
	return buf_str(text);
}

/* As parts only where a breakpoint stands behind one of them. */
static void
write_texts(struct writer *o, const struct part *p, struct str text)
{
	jw_key(o->w, "content");
	if (!openai_has_mark(o->target, p)) {
		jw_str(o->w, text);
		return;
	}
	jw_array(o->w);
	for (; p; p = p->next)
		if (p->kind == PART_TEXT)
			write_text(o, p, p->text);
	jw_end(o->w);
}

static bool
is_texts(const struct part *p)
{
	while (p && p->kind == PART_TEXT)
		p = p->next;
	return p == NULL;
}

static void
write_result(struct writer *o, const struct part *result)
{
	const struct part *parts = result->parts;

	jw_object(o->w);
	jw_kv_cstr(o->w, "role", "tool");
	jw_kv_str(o->w, "tool_call_id",
	    call_id_for(o->arena, result->id, o->target, WIRE_OPENAI_CHAT));
	write_texts(o, result->is_error || !is_texts(parts) ? NULL : parts,
	    result_text(o, result));
	jw_end(o->w);
}

/* Tool messages are text only: the rest comes with the user's next words. */
static int
write_media(struct writer *o, const struct part *result)
{
	const struct str id =
	    call_id_for(o->arena, result->id, o->target, WIRE_OPENAI_CHAT);
	bool named = false;
	const struct part *p;

	for (p = result->parts; p; p = p->next) {
		if (!history_is_media(p))
			continue;
		if (!named)
			write_text(o, NULL,
			    str_of(arena_printf(o->arena,
				"Attached to the result of tool call %.*s:",
				STR_ARG(id))));
		named = true;
		if (write_part(o, p) != 0)
			return -1;
	}
	return 0;
}

static bool
has_user_content(const struct part *p)
{
	const struct part *q;

	for (; p; p = p->next) {
		if (p->kind != PART_TOOL_RESULT)
			return true;
		for (q = p->parts; q; q = q->next)
			if (history_is_media(q))
				return true;
	}
	return false;
}

static int
write_user_content(struct writer *o, const struct part *p)
{
	int rc = 0;

	jw_key(o->w, "content");
	if (p->kind == PART_TEXT && !p->next &&
	    !openai_has_mark(o->target, p)) {
		jw_str(o->w, p->text);
		return 0;
	}
	jw_array(o->w);
	for (; p && rc == 0; p = p->next)
		rc = p->kind == PART_TOOL_RESULT ? write_media(o, p)
						 : write_part(o, p);
	jw_end(o->w);
	return rc;
}

static int
write_user(struct writer *o, const struct turn *t)
{
	const struct part *p;
	int rc;

	for (p = t->parts; p && p->kind == PART_TOOL_RESULT; p = p->next)
		write_result(o, p);
	if (!has_user_content(t->parts))
		return 0;
	jw_object(o->w);
	jw_kv_cstr(o->w, "role", "user");
	if (t->name.n > 0)
		jw_kv_str(o->w, "name", t->name);
	rc = write_user_content(o, t->parts);
	jw_end(o->w);
	return rc;
}

/* ${t} may be NULL: then with our own instructions only. */
static void
write_system(struct writer *o, const struct turn *t)
{
	struct str text = STR("");
	bool more = o->more.n > 0;

	if (t)
		text = history_text(o->arena, t->parts, "\n\n");
	if (more)
		text = str_of(arena_printf(o->arena, "%.*s%s%.*s",
		    STR_ARG(text), text.n > 0 ? "\n\n" : "", STR_ARG(o->more)));
	o->more = STR_NONE;
	if (text.n == 0)
		return;
	jw_object(o->w);
	jw_kv_cstr(o->w, "role", system_role(o->target));
	if (t && t->name.n > 0)
		jw_kv_str(o->w, "name", t->name);
	write_texts(o, more || !t ? NULL : t->parts, text);
	jw_end(o->w);
}

static void
write_call(struct writer *o, const struct part *p)
{
	struct str arguments = p->text.n > 0 ? p->text : STR("{}");

	if (p->custom)
		arguments = custom_tool_arguments(o->arena, p->text);
	jw_object(o->w);
	jw_kv_str(o->w, "id",
	    call_id_for(o->arena, p->id, o->target, WIRE_OPENAI_CHAT));
	jw_kv_cstr(o->w, "type", "function");
	jw_key(o->w, "function");
	jw_object(o->w);
	jw_kv_str(o->w, "name", name_for(o->arena, p->name, WIRE_OPENAI_CHAT));
	jw_kv_str(o->w, "arguments", arguments);
	jw_end(o->w);
	jw_end(o->w);
}

static bool
has_calls(const struct part *p)
{
	while (p && p->kind != PART_TOOL_CALL)
		p = p->next;
	return p != NULL;
}

static bool
wants_thoughts(const struct target *t)
{
	return t->provider->quirks & QUIRK_THOUGHTS_BACK;
}

/* An answer that came without any is not missed: it goes back as it was. */
static void
write_thoughts(struct writer *o, const struct part *p)
{
	struct buf *text = buf_new(o->arena, MAX_TEXT_BYTES);

	for (; p; p = p->next) {
		if (p->kind != PART_THINKING)
			continue;
		if (text->n > 0)
			buf_addz(text, "\n\n");
		buf_adds(text, p->text);
	}
	jw_kv_str(o->w, "reasoning_content", buf_str(text));
}

static void
write_assistant(struct writer *o, const struct turn *t)
{
	struct str text = history_text(o->arena, t->parts, "");
	const struct part *p;

	jw_object(o->w);
	jw_kv_cstr(o->w, "role", "assistant");
	if (t->name.n > 0)
		jw_kv_str(o->w, "name", t->name);
	if (wants_thoughts(o->target))
		write_thoughts(o, t->parts);
	if (!has_calls(t->parts)) {
		jw_kv_str(o->w, "content", text);
		jw_end(o->w);
		return;
	}
	jw_kv_str(o->w, "content", text.n > 0 ? text : STR_NONE);
	jw_key(o->w, "tool_calls");
	jw_array(o->w);
	for (p = t->parts; p; p = p->next)
		if (p->kind == PART_TOOL_CALL)
			write_call(o, p);
	jw_end(o->w);
	jw_end(o->w);
}

int
openai_messages(struct arena *a, struct jw *w, const struct target *t,
    struct chat *chat, struct error *err)
{
	struct writer o = { a, w, t, chat, err, STR_NONE, 0 };
	struct turn *turn;
	int rc = 0;

	if (history_for(
		a, chat, WIRE_OPENAI_CHAT, wants_thoughts(t), &turn, err) != 0)
		return -1;
	history_lose_prefill(chat, turn);
	o.more = instruct_format(a, chat, true, !lacks(&o, MODEL_SCHEMA));
	jw_key(w, "messages");
	jw_array(w);
	if (!turn || turn->role != ROLE_SYSTEM)
		write_system(&o, NULL);
	for (; turn && rc == 0; turn = turn->next)
		if (turn->role == ROLE_SYSTEM)
			write_system(&o, turn);
		else if (turn->role == ROLE_ASSISTANT)
			write_assistant(&o, turn);
		else
			rc = write_user(&o, turn);
	jw_end(w);
	history_lose_marks(chat, o.marks); /* they cache by themselves */
	return rc;
}
