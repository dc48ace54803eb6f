/* SPDX-License-Identifier: MIT */
/* The conversation of a Gemini request, as history.h has ordered it. */
#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"

#include "providers/custom_tool.h"
#include "providers/gemini.h"
#include "providers/history.h"
#include "providers/names.h"

#define MAX_TEXT_BYTES ((size_t)256 << 20)

/* What stands for a signature that is lost; any model accepts it. */
#define NO_SIGNATURE "skip_thought_signature_validator"

static void
write_text(struct gemini_writer *o, struct str text)
{
	jw_object(o->w);
	jw_kv_str(o->w, "text", text);
	jw_end(o->w);
}

/* Thinking that comes back has a signature; see history.h. */
static void
write_thinking(struct gemini_writer *o, const struct part *p)
{
	jw_object(o->w);
	jw_kv_str(o->w, "text", p->redacted ? STR("") : p->text);
	if (!p->redacted)
		jw_kv_bool(o->w, "thought", true);
	jw_kv_str(o->w, "thoughtSignature", p->signature);
	jw_end(o->w);
}

/*
 * The first call of a turn carries the signature: in a member of its own, or
 * hidden in the id (names.h).
 */
static void
write_call(struct gemini_writer *o, const struct part *p, bool first)
{
	struct str id = p->id;
	struct str hidden = call_id_signature(o->arena, &id);
	struct str signature = hidden;

	if (p->signature.n > 0 && p->issuer == WIRE_GEMINI)
		signature = p->signature;
	if (signature.n == 0 && first && o->modern)
		signature = STR(NO_SIGNATURE);
	jw_object(o->w);
	jw_key(o->w, "functionCall");
	jw_object(o->w);
	jw_kv_str(
	    o->w, "id", call_id_for(o->arena, p->id, o->target, WIRE_GEMINI));
	jw_kv_str(o->w, "name", name_for(o->arena, p->name, WIRE_GEMINI));
	jw_kv_raw(o->w, "args", custom_tool_object(o->arena, o->chat, p));
	jw_end(o->w);
	if (signature.n > 0)
		jw_kv_str(o->w, "thoughtSignature", signature);
	jw_end(o->w);
}

static int
write_part(struct gemini_writer *o, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT:
	case PART_REFUSAL:
		write_text(o, p->text);
		break;
	case PART_DOCUMENT:
		if (p->text.p) {
			write_text(o, history_document(o->arena, p));
			break;
		}
		return gemini_media(o, p);
	case PART_IMAGE:
	case PART_AUDIO:
		return gemini_media(o, p);
	case PART_THINKING:
		write_thinking(o, p);
		break;
	case PART_TOOL_CALL:
	case PART_TOOL_RESULT:
		break; /* see write_model, write_result */
	}
	return 0;
}

static void
begin(struct gemini_writer *o, const char *role)
{
	jw_object(o->w);
	jw_kv_cstr(o->w, "role", role);
	jw_key(o->w, "parts");
	jw_array(o->w);
}

static void
end(struct gemini_writer *o)
{
	jw_end(o->w);
	jw_end(o->w);
}

static int
write_model(struct gemini_writer *o, const struct turn *t)
{
	const struct part *p;
	bool called = false;
	int rc = 0;

	begin(o, "model");
	for (p = t->parts; p && rc == 0; p = p->next) {
		if (p->kind != PART_TOOL_CALL) {
			rc = write_part(o, p);
			continue;
		}
		write_call(o, p, !called);
		called = true;
	}
	end(o);
	return rc;
}

static struct str
result_text(struct gemini_writer *o, const struct part *result)
{
	struct buf *text = buf_new(o->arena, MAX_TEXT_BYTES);
	const struct part *p;

	for (p = result->parts; p; p = p->next) {
		if (history_is_media(p))
			continue;
		if (text->n > 0)
			buf_addch(text, '\n');
		buf_adds(text,
		    p->kind == PART_DOCUMENT ? history_document(o->arena, p)
					     : p->text);
	}
	return buf_str(text);
}

/* An object is the function's own answer; words go into one. */
static void
write_response(struct gemini_writer *o, const struct part *result)
{
	struct str text = result_text(o, result);
	struct error ignored = { 0 };

	jw_key(o->w, "response");
	if (!result->is_error && str_starts(str_trim(text), "{") &&
	    jtext_check(str_trim(text), &ignored) == 0) {
		jw_raw(o->w, str_trim(text));
		return;
	}
	jw_object(o->w);
	jw_kv_str(o->w, result->is_error ? "error" : "output", text);
	jw_end(o->w);
}

static int
write_result_media(struct gemini_writer *o, const struct part *result)
{
	const struct part *p;
	bool any = false;
	int rc = 0;

	for (p = result->parts; p && rc == 0; p = p->next) {
		if (!history_is_media(p))
			continue;
		if (!any) {
			jw_key(o->w, "parts");
			jw_array(o->w);
		}
		any = true;
		rc = gemini_media(o, p);
	}
	if (any)
		jw_end(o->w);
	return rc;
}

static int
write_result(struct gemini_writer *o, const struct part *p)
{
	int rc = 0;

	jw_object(o->w);
	jw_key(o->w, "functionResponse");
	jw_object(o->w);
	jw_kv_str(
	    o->w, "id", call_id_for(o->arena, p->id, o->target, WIRE_GEMINI));
	jw_kv_str(o->w, "name", name_for(o->arena, p->name, WIRE_GEMINI));
	write_response(o, p);
	if (o->modern)
		rc = write_result_media(o, p);
	jw_end(o->w);
	jw_end(o->w);
	return rc;
}

/* Is there anything in ${t} for the user content behind the results? */
static bool
has_words(const struct gemini_writer *o, const struct turn *t)
{
	const struct part *p, *q;

	for (p = t->parts; p; p = p->next) {
		if (p->kind != PART_TOOL_RESULT)
			return true;
		for (q = p->parts; q && !o->modern; q = q->next)
			if (history_is_media(q))
				return true;
	}
	return false;
}

/* Older models see what a tool showed in the content that follows. */
static int
write_shown(struct gemini_writer *o, const struct part *result)
{
	const struct part *p;
	int rc = 0;

	for (p = result->parts; p && rc == 0 && !o->modern; p = p->next)
		if (history_is_media(p))
			rc = gemini_media(o, p);
	return rc;
}

static int
write_words(struct gemini_writer *o, const struct turn *t)
{
	const struct part *p;
	int rc = 0;

	begin(o, "user");
	for (p = t->parts; p && rc == 0; p = p->next)
		rc = p->kind == PART_TOOL_RESULT ? write_shown(o, p)
						 : write_part(o, p);
	end(o);
	return rc;
}

/* Results have a content of their own: newer models refuse it mixed. */
static int
write_user(struct gemini_writer *o, const struct turn *t)
{
	const struct part *p = t->parts;
	int rc = 0;

	if (t->name.n > 0)
		chat_lose(o->chat, "messages.name");
	if (p && p->kind == PART_TOOL_RESULT) {
		begin(o, "user");
		for (; p && rc == 0; p = p->next)
			if (p->kind == PART_TOOL_RESULT)
				rc = write_result(o, p);
		end(o);
	}
	return rc == 0 && has_words(o, t) ? write_words(o, t) : rc;
}

/* Returns whether there was anything to write. */
static bool
write_system_parts(struct gemini_writer *o, const char *key)
{
	const struct turn *t;
	const struct part *p;
	bool any = o->instruction.p;

	for (t = o->turns; t && t->role == ROLE_SYSTEM; t = t->next)
		any = any || t->parts;
	if (!any)
		return false;
	if (key)
		jw_key(o->w, key);
	jw_object(o->w);
	if (!key)
		jw_kv_cstr(o->w, "role", "user");
	jw_key(o->w, "parts");
	jw_array(o->w);
	for (t = o->turns; t && t->role == ROLE_SYSTEM; t = t->next)
		for (p = t->parts; p; p = p->next)
			write_text(o, p->text);
	if (o->instruction.p)
		write_text(o, o->instruction);
	end(o);
	return true;
}

int
gemini_contents(struct gemini_writer *o)
{
	/* Gemma knows no system instruction: the user says it. */
	bool gemma = str_starts(o->target->model, "gemma");
	const struct turn *t = o->turns;
	int rc = 0;

	if (!gemma)
		(void)write_system_parts(o, "systemInstruction");
	jw_key(o->w, "contents");
	jw_array(o->w);
	if (gemma)
		(void)write_system_parts(o, NULL);
	while (t && t->role == ROLE_SYSTEM)
		t = t->next;
	for (; t && rc == 0; t = t->next)
		rc = t->role == ROLE_ASSISTANT ? write_model(o, t)
					       : write_user(o, t);
	jw_end(o->w);
	return rc;
}
