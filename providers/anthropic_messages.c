/* SPDX-License-Identifier: MIT */
/* The conversation of a Messages request, as history.h has ordered it. */
#include "providers/anthropic.h"

#include <ctype.h>

#include "core/catalog.h"
#include "core/jw.h"

#include "providers/custom_tool.h"
#include "providers/history.h"
#include "providers/instruct.h"
#include "providers/names.h"

static const char foreign_file[] =
    "a file id is known to its own provider only";

static void
begin(struct anthropic_writer *o, const char *type)
{
	jw_object(o->w);
	jw_kv_cstr(o->w, "type", type);
}

static void
write_text(struct anthropic_writer *o, const struct part *p)
{
	begin(o, "text");
	jw_kv_str(o->w, "text", p->text);
	anthropic_mark(o, p->cache_mark);
	jw_end(o->w);
}

/* {"type":"url"|"base64"|"text", ...} */
static void
write_source(struct anthropic_writer *o, const struct part *p)
{
	jw_key(o->w, "source");
	if (p->url.p) {
		begin(o, "url");
		jw_kv_str(o->w, "url", p->url);
	} else if (p->text.p) {
		begin(o, "text");
		jw_kv_cstr(o->w, "media_type", "text/plain");
		jw_kv_str(o->w, "data", p->text);
	} else {
		begin(o, "base64");
		jw_kv_str(o->w, "media_type", p->mime);
		jw_kv_str(o->w, "data", p->data);
	}
	jw_end(o->w);
}

static bool
is_image_type(struct str mime)
{
	static const char *const types[] = { "image/jpeg", "image/png",
		"image/gif", "image/webp" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (str_is(mime, types[i]))
			return true;
	return false;
}

static int
write_image(struct anthropic_writer *o, const struct part *p)
{
	if (p->file_id.p)
		return history_refuse(p, o->err, foreign_file);
	if (!anthropic_can(o, MODEL_IMAGES))
		return history_refuse(
		    p, o->err, "the model does not take images");
	if (!p->url.p && !is_image_type(p->mime))
		return history_refuse(p, o->err,
		    "the provider takes images as jpeg, png, gif or webp");
	if (p->detail.p && !str_is(p->detail, "auto"))
		chat_lose(o->chat, "image_url.detail");
	begin(o, "image");
	write_source(o, p);
	anthropic_mark(o, p->cache_mark);
	jw_end(o->w);
	return 0;
}

static int
write_document(struct anthropic_writer *o, const struct part *p)
{
	if (p->file_id.p)
		return history_refuse(p, o->err, foreign_file);
	if (!p->text.p && !anthropic_can(o, MODEL_PDF))
		return history_refuse(
		    p, o->err, "the model does not take documents");
	if (p->data.p && !str_is(p->mime, "application/pdf"))
		return history_refuse(p, o->err,
		    "the provider takes documents as pdf or plain text");
	begin(o, "document");
	write_source(o, p);
	if (p->name.n > 0)
		jw_kv_str(o->w, "title", p->name);
	anthropic_mark(o, p->cache_mark);
	jw_end(o->w);
	return 0;
}

static void
write_thinking(struct anthropic_writer *o, const struct part *p)
{
	if (p->redacted) {
		begin(o, "redacted_thinking");
		jw_kv_str(o->w, "data", p->signature);
	} else {
		begin(o, "thinking");
		jw_kv_str(o->w, "thinking", p->text.p ? p->text : STR(""));
		jw_kv_str(o->w, "signature", p->signature);
	}
	jw_end(o->w);
}

static void
write_id(struct anthropic_writer *o, const char *key, struct str id)
{
	jw_kv_str(
	    o->w, key, call_id_for(o->arena, id, o->target, WIRE_ANTHROPIC));
}

static void
write_call(struct anthropic_writer *o, const struct part *p)
{
	begin(o, "tool_use");
	write_id(o, "id", p->id);
	jw_kv_str(o->w, "name", name_for(o->arena, p->name, WIRE_ANTHROPIC));
	jw_kv_raw(o->w, "input", custom_tool_object(o->arena, o->chat, p));
	anthropic_mark(o, p->cache_mark);
	jw_end(o->w);
}

static int write_part(struct anthropic_writer *o, const struct part *p);

static bool
is_blank(const struct part *p)
{
	return p->kind == PART_TEXT && str_trim(p->text).n == 0;
}

static int
write_result(struct anthropic_writer *o, const struct part *result)
{
	const struct part bare = { .kind = PART_TEXT, .text = STR("Error") };
	const struct part *p;
	bool any = false;
	int rc = 0;

	begin(o, "tool_result");
	write_id(o, "tool_use_id", result->id);
	jw_key(o->w, "content");
	jw_array(o->w);
	for (p = result->parts; p && rc == 0; p = p->next) {
		if (is_blank(p))
			continue;
		any = true;
		rc = write_part(o, p);
	}
	if (result->is_error && !any) /* the API wants a word here */
		write_text(o, &bare);
	jw_end(o->w);
	if (result->is_error)
		jw_kv_bool(o->w, "is_error", true);
	anthropic_mark(o, result->cache_mark);
	jw_end(o->w);
	return rc;
}

static int
write_part(struct anthropic_writer *o, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT:
	case PART_REFUSAL:
		write_text(o, p);
		return 0;
	case PART_IMAGE:
		return write_image(o, p);
	case PART_DOCUMENT:
		return write_document(o, p);
	case PART_AUDIO:
		return history_refuse(
		    p, o->err, "the provider does not take audio");
	case PART_TOOL_CALL:
		write_call(o, p);
		return 0;
	case PART_TOOL_RESULT:
		return write_result(o, p);
	case PART_THINKING:
		write_thinking(o, p);
		break;
	}
	return 0;
}

/* The API refuses a last assistant text that ends in white space. */
static void
trim_prefill(struct turn *t)
{
	struct part *last = t->parts;
	struct str *s;

	if (t->role != ROLE_ASSISTANT || t->next)
		return;
	while (last->next)
		last = last->next;
	s = &last->text;
	if (last->kind == PART_TEXT)
		while (s->n > 0 && isspace((unsigned char)s->p[s->n - 1]))
			s->n--;
}

static int
write_turn(struct anthropic_writer *o, struct turn *t)
{
	const struct part *p;
	int rc = 0;

	if (t->name.n > 0)
		chat_lose(o->chat, "messages.name");
	trim_prefill(t);
	jw_object(o->w);
	jw_kv_cstr(
	    o->w, "role", t->role == ROLE_ASSISTANT ? "assistant" : "user");
	jw_key(o->w, "content");
	jw_array(o->w);
	for (p = t->parts; p && rc == 0; p = p->next)
		rc = write_part(o, p);
	jw_end(o->w);
	jw_end(o->w);
	return rc;
}

/* A model that does not go on with an answer is asked to, in words. */
static int
write_goad(struct anthropic_writer *o, const struct turn *last)
{
	struct part words = { .kind = PART_TEXT,
		.text = STR("Go on exactly where you stopped.") };
	struct turn user = { .role = ROLE_USER, .parts = &words };

	if (!last || last->role != ROLE_ASSISTANT ||
	    anthropic_can(o, MODEL_PREFILL))
		return 0;
	chat_lose(o->chat, "messages.prefill");
	return write_turn(o, &user);
}

int
anthropic_messages(struct anthropic_writer *o)
{
	const struct turn *last = NULL;
	struct turn *t = o->turns;
	int rc = 0;

	while (t && t->role == ROLE_SYSTEM)
		t = t->next;
	jw_key(o->w, "messages");
	jw_array(o->w);
	for (; t && rc == 0; t = t->next) {
		rc = write_turn(o, t);
		last = t;
	}
	if (rc == 0)
		rc = write_goad(o, last);
	jw_end(o->w);
	return rc;
}

static void
write_instruction(struct anthropic_writer *o, struct str words)
{
	const struct part p = { .kind = PART_TEXT, .text = words };

	if (words.p)
		write_text(o, &p);
}

void
anthropic_system(struct anthropic_writer *o)
{
	const struct str format = instruct_format(
	    o->arena, o->chat, false, anthropic_can(o, MODEL_SCHEMA));
	const struct str choice =
	    instruct_choice(o->arena, o->chat, anthropic_can(o, MODEL_FORCED));
	const struct turn *t;
	const struct part *p;
	bool any = format.p || choice.p;

	for (t = o->turns; t && t->role == ROLE_SYSTEM; t = t->next)
		any = any || t->parts;
	if (!any)
		return;
	jw_key(o->w, "system");
	jw_array(o->w);
	for (t = o->turns; t && t->role == ROLE_SYSTEM; t = t->next)
		for (p = t->parts; p; p = p->next)
			write_text(o, p);
	write_instruction(o, format);
	write_instruction(o, choice);
	jw_end(o->w);
}
