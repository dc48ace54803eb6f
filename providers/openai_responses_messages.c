/* SPDX-License-Identifier: MIT */
/*
 * The conversation of a Responses request, as history.h has ordered it: a
 * flat list of items, in which calls and thinking stand beside messages.
 * Leading instructions are the member of that name.
 */
#include "providers/openai_responses.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/catalog.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jw.h"

#include "providers/history.h"
#include "providers/instruct.h"
#include "providers/names.h"
#include "providers/openai_shared.h"
#include "providers/takes.h"

#define MAX_TEXT_BYTES ((size_t)256 << 20)

static const char foreign_file[] =
    "a file id is known to its own provider only";

struct writer {
	struct arena *arena;
	struct jw *w;
	const struct target *target;
	struct chat *chat;
	struct error *err;
	unsigned marks; /* cache breakpoints written */
};

static bool
lacks(const struct writer *o, unsigned can)
{
	return !takes_any(o->target, WIRE_OPENAI_RESPONSES, can);
}

static void
begin(struct writer *o, const char *type)
{
	jw_object(o->w);
	jw_kv_cstr(o->w, "type", type);
}

static void
begin_message(struct writer *o, const char *role)
{
	jw_object(o->w);
	jw_kv_cstr(o->w, "role", role);
	jw_key(o->w, "content");
}

/* ---- parts ---- */

static void
write_text(struct writer *o, const char *type, const char *key, struct str s)
{
	begin(o, type);
	jw_kv_str(o->w, key, s);
	jw_end(o->w);
}

/* What is said here, or a document as text; a breakpoint may stand behind. */
static void
write_words(struct writer *o, const struct part *p, struct str text)
{
	begin(o, "input_text");
	jw_kv_str(o->w, "text", text);
	openai_mark(o->w, o->target, p, &o->marks);
	jw_end(o->w);
}

static int
write_image(struct writer *o, const struct part *p)
{
	if (p->file_id.p)
		return history_refuse(p, o->err, foreign_file);
	if (lacks(o, MODEL_IMAGES))
		return history_refuse(
		    p, o->err, "the model does not take images");
	begin(o, "input_image");
	jw_kv_str(o->w, "image_url", openai_media_url(o->arena, p));
	jw_kv_str(o->w, "detail", p->detail.p ? p->detail : STR("auto"));
	jw_end(o->w);
	return 0;
}

static int
write_document(struct writer *o, const struct part *p)
{
	if (p->text.p) {
		write_words(o, p, history_document(o->arena, p));
		return 0;
	}
	if (p->file_id.p)
		return history_refuse(p, o->err, foreign_file);
	/* OpenAI shows a PDF's pages to whatever model sees images. */
	if (lacks(o, MODEL_PDF | MODEL_IMAGES))
		return history_refuse(
		    p, o->err, "the model does not take documents");
	begin(o, "input_file");
	if (p->url.p) {
		jw_kv_str(o->w, "file_url", p->url);
	} else {
		jw_kv_str(o->w, "filename",
		    p->name.n > 0 ? p->name : STR("document.pdf"));
		jw_kv_str(o->w, "file_data", openai_media_url(o->arena, p));
	}
	openai_mark(o->w, o->target, p, &o->marks);
	jw_end(o->w);
	return 0;
}

/* What a user says, or a tool. */
static int
write_part(struct writer *o, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT:
	case PART_REFUSAL:
		write_words(o, p, p->text);
		return 0;
	case PART_IMAGE:
		return write_image(o, p);
	case PART_DOCUMENT:
		return write_document(o, p);
	case PART_AUDIO:
		return openai_audio(
		    o->w, o->target, p, WIRE_OPENAI_RESPONSES, o->err);
	case PART_TOOL_CALL:
	case PART_TOOL_RESULT:
	case PART_THINKING:
		break;
	}
	return 0;
}

/* ---- calls and results ---- */

static void
write_call_id(struct writer *o, struct str id)
{
	jw_kv_str(o->w, "call_id",
	    call_id_for(o->arena, id, o->target, WIRE_OPENAI_RESPONSES));
}

static void
write_call(struct writer *o, const struct part *p)
{
	begin(o, p->custom ? "custom_tool_call" : "function_call");
	write_call_id(o, p->id);
	jw_kv_str(
	    o->w, "name", name_for(o->arena, p->name, WIRE_OPENAI_RESPONSES));
	if (p->custom)
		jw_kv_str(o->w, "input", p->text);
	else
		jw_kv_str(
		    o->w, "arguments", p->text.n > 0 ? p->text : STR("{}"));
	jw_end(o->w);
}

/* May one string stand for all of it? */
static bool
is_plain(const struct writer *o, const struct part *parts)
{
	const struct part *p = parts;

	while (p && p->kind == PART_TEXT)
		p = p->next;
	return p == NULL && !openai_has_mark(o->target, parts);
}

static int
write_output(struct writer *o, const struct part *result)
{
	const struct part *p;
	int rc = 0;

	jw_key(o->w, "output");
	if (is_plain(o, result->parts)) {
		jw_str(o->w,
		    str_of(arena_printf(o->arena, "%s%.*s",
			result->is_error ? "Error: " : "",
			STR_ARG(history_text(o->arena, result->parts, "\n")))));
		return 0;
	}
	jw_array(o->w);
	if (result->is_error)
		write_text(o, "input_text", "text", STR("Error:"));
	for (p = result->parts; p && rc == 0; p = p->next)
		rc = write_part(o, p);
	jw_end(o->w);
	return rc;
}

static int
write_result(struct writer *o, const struct part *result)
{
	int rc;

	if (result->is_error)
		chat_lose(o->chat, "is_error");
	begin(o,
	    result->custom ? "custom_tool_call_output"
			   : "function_call_output");
	write_call_id(o, result->id);
	rc = write_output(o, result);
	jw_end(o->w);
	return rc;
}

/* ---- turns ---- */

static int
write_content(struct writer *o, const struct part *p)
{
	int rc = 0;

	if (!p->next && is_plain(o, p)) {
		jw_str(o->w, p->text);
		return 0;
	}
	jw_array(o->w);
	for (; p && rc == 0; p = p->next)
		rc = write_part(o, p);
	jw_end(o->w);
	return rc;
}

static int
write_user(struct writer *o, const struct turn *t)
{
	const struct part *p;
	int rc;

	if (t->name.n > 0)
		chat_lose(o->chat, "messages.name");
	for (p = t->parts; p && p->kind == PART_TOOL_RESULT; p = p->next)
		if (write_result(o, p) != 0)
			return -1;
	if (!p)
		return 0;
	begin_message(o, "user");
	rc = write_content(o, p);
	jw_end(o->w);
	return rc;
}

/* One message of neighbouring texts; returns what follows them. */
static const struct part *
write_said(struct writer *o, const struct part *p)
{
	begin_message(o, "assistant");
	jw_array(o->w);
	for (; p; p = p->next) {
		if (p->kind == PART_TEXT)
			write_text(o, "output_text", "text", p->text);
		else if (p->kind == PART_REFUSAL)
			write_text(o, "refusal", "refusal", p->text);
		else
			break;
	}
	jw_end(o->w);
	jw_end(o->w);
	return p;
}

/* The API refuses a thought that nothing came of, be there others behind. */
static bool
is_last(const struct part *p)
{
	while (p && p->kind == PART_THINKING)
		p = p->next;
	return p == NULL;
}

static void
write_thinking(struct writer *o, const struct part *p)
{
	if (is_last(p)) {
		chat_lose(o->chat, "thinking");
		return;
	}
	begin(o, "reasoning");
	jw_key(o->w, "summary");
	jw_array(o->w);
	if (p->text.n > 0)
		write_text(o, "summary_text", "text", p->text);
	jw_end(o->w);
	jw_kv_str(o->w, "encrypted_content", p->signature);
	jw_end(o->w);
}

static int
write_assistant(struct writer *o, const struct turn *t)
{
	const struct part *p = t->parts;

	while (p) {
		if (p->kind == PART_TEXT || p->kind == PART_REFUSAL) {
			p = write_said(o, p);
			continue;
		}
		if (p->kind == PART_TOOL_CALL)
			write_call(o, p);
		else if (p->kind == PART_THINKING)
			write_thinking(o, p);
		else
			return history_refuse(p, o->err,
			    "the provider takes this from users only");
		p = p->next;
	}
	return 0;
}

static int
write_system(struct writer *o, const struct turn *t)
{
	bool newest =
	    takes_any(o->target, WIRE_OPENAI_RESPONSES, MODEL_REASONING) &&
	    !(o->target->provider->quirks & QUIRK_NO_DEVELOPER);
	struct str text = history_text(o->arena, t->parts, "\n\n");
	int rc = 0;

	if (text.n == 0)
		return 0;
	begin_message(o, newest ? "developer" : "system");
	if (is_plain(o, t->parts))
		jw_str(o->w, text);
	else
		rc = write_content(o, t->parts);
	jw_end(o->w);
	return rc;
}

static bool
is_system_only(const struct turn *t)
{
	while (t && t->role == ROLE_SYSTEM)
		t = t->next;
	return t == NULL;
}

static void
add_instructions(struct buf *all, struct str text)
{
	if (text.n > 0 && all->n > 0)
		buf_addz(all, "\n\n");
	buf_adds(all, text);
}

/* JSON must be spoken of in the input, or the API refuses the format of that
 * name: it is not looked for in instructions. */
static bool
is_instruction(const struct writer *o, const struct turn *t)
{
	return t && t->role == ROLE_SYSTEM && !is_system_only(t) &&
	    o->chat->output != OUTPUT_JSON &&
	    !openai_has_mark(o->target, t->parts);
}

/*
 * Joins the leading instructions and our own; returns the first turn of the
 * rest, which must not be empty.
 */
static const struct turn *
write_instructions(struct writer *o, const struct turn *t)
{
	struct buf *all = buf_new(o->arena, MAX_TEXT_BYTES);

	for (; is_instruction(o, t); t = t->next)
		add_instructions(all, history_text(o->arena, t->parts, "\n\n"));
	add_instructions(all,
	    instruct_format(o->arena, o->chat, true, !lacks(o, MODEL_SCHEMA)));
	if (all->n > 0)
		jw_kv_str(o->w, "instructions", buf_str(all));
	return t;
}

int
openai_responses_messages(struct arena *a, struct jw *w, const struct target *t,
    struct chat *chat, struct error *err)
{
	static int (*const write[])(struct writer *, const struct turn *) = {
		[ROLE_SYSTEM] = write_system,
		[ROLE_USER] = write_user,
		[ROLE_ASSISTANT] = write_assistant,
	};
	struct writer o = { a, w, t, chat, err, 0 };
	struct turn *turns;
	const struct turn *turn;
	int rc = 0;

	if (history_for(a, chat, WIRE_OPENAI_RESPONSES, false, &turns, err) !=
	    0)
		return -1;
	history_lose_prefill(chat, turns);
	turn = write_instructions(&o, turns);
	jw_key(w, "input");
	jw_array(w);
	for (; turn && rc == 0; turn = turn->next)
		rc = write[turn->role](&o, turn);
	jw_end(w);
	history_lose_marks(chat, o.marks);
	return rc;
}
