/* SPDX-License-Identifier: MIT */
/*
 * `messages` of a Chat Completions request to turns.  A run of tool messages
 * is one user turn of results, which is what it means: the answer to all
 * calls of the assistant turn before.
 */
#include "fcgi/openai_chat.h"

#include "core/error.h"
#include "fcgi/signature.h"

/* One message as it stands; a jnode without v: not there. */
struct message {
	const struct jnode *obj;
	struct str role, name, refusal, reasoning, call_id;
	struct jnode content, calls, details;
	enum cache_mark mark;
};

static const struct field message_fields[] = {
	FIELD_MUST("role", STR, struct message, role),
	FIELD_OF("name", STR, struct message, name),
	FIELD_BY("content", decode_keep, struct message, content),
	FIELD_OF("refusal", STR, struct message, refusal),
	FIELD_OF("reasoning", STR, struct message, reasoning),
	FIELD_OF("reasoning_content", STR, struct message, reasoning),
	FIELD_BY("reasoning_details", decode_keep, struct message, details),
	FIELD_BY("tool_calls", decode_keep, struct message, calls),
	FIELD_OF("tool_call_id", STR, struct message, call_id),
	FIELD_BY("cache_control", decode_mark, struct message, mark),
	FIELD_NEVER("function_call",
	    "is not available on this provider, use tool_calls"),
	FIELD_NO("annotations", LOSE),
	FIELD_NO("audio", LOSE),
	FIELD_END,
};

/* ---- reasoning that comes back ---- */

struct detail {
	struct str type, id, text, summary, data, signature, format;
};

static const struct field detail_fields[] = {
	FIELD_MUST("type", STR, struct detail, type),
	FIELD_OF("text", STR, struct detail, text),
	FIELD_OF("summary", STR, struct detail, summary),
	FIELD_OF("data", STR, struct detail, data),
	FIELD_OF("signature", STR, struct detail, signature),
	FIELD_OF("format", STR, struct detail, format),
	FIELD_OF("id", STR, struct detail, id),
	FIELD_NO("index", SKIP),
	FIELD_END,
};

static int
read_detail(struct chat *chat, struct turn *turn, const struct jnode *obj,
    struct error *err)
{
	struct detail d = { .type = STR_NONE };
	struct part *part;

	if (decode_object(chat, obj, detail_fields,
		"messages.reasoning_details", &d, err) < 0)
		return -1;
	if (d.text.p == NULL && d.summary.p == NULL && d.data.p == NULL) {
		chat_lose(chat, "messages.reasoning_details");
		return 0;
	}
	part = decode_part(chat, &turn->parts, PART_THINKING, obj);
	part->redacted = d.data.p != NULL;
	part->signature = part->redacted ? d.data : d.signature;
	part->issuer =
	    signature_unprefix(&part->signature, signature_issuer(d.format));
	part->id = part->issuer == WIRE_GEMINI ? d.id : STR_NONE;
	part->text = d.text.p != NULL ? d.text : d.summary;
	return 0;
}

/* The details hold the text too; it alone is good for reading only. */
static int
read_reasoning(struct chat *chat, struct turn *turn, const struct message *m,
    struct error *err)
{
	struct jnode item;
	size_t i;

	for (i = 0; i < jtree_len(&m->details); i++) {
		item = jtree_item(&m->details, i);
		if (read_detail(chat, turn, &item, err) < 0)
			return -1;
	}
	if (i == 0 && m->reasoning.n > 0)
		decode_part(chat, &turn->parts, PART_THINKING, m->obj)->text =
		    m->reasoning;
	return 0;
}

/*
 * OpenRouter gives Gemini's signature of a call as a detail with that call's
 * id: it goes to where Gemini insists on it.
 */
static void
sign_calls(struct turn *turn)
{
	struct part **link = &turn->parts, *p, *call;

	while ((p = *link) != NULL) {
		call = p->redacted && p->issuer == WIRE_GEMINI ? p->next : NULL;
		while (call != NULL &&
		    (call->kind != PART_TOOL_CALL || !str_eq(call->id, p->id)))
			call = call->next;
		if (call == NULL) {
			link = &p->next;
			continue;
		}
		call->signature = p->signature;
		call->issuer = p->issuer;
		if (p->next != NULL)
			p->next->last = p->last;
		*link = p->next;
	}
}

/* ---- messages by role ---- */

static struct turn *
add_turn(struct chat *chat, enum role role, const struct message *m)
{
	struct turn *turn = chat_turn(chat, role);

	turn->name = m->name;
	turn->path = jtree_path(chat->arena, m->obj);
	return turn;
}

static int
read_content(struct chat *chat, struct part **list, const struct message *m,
    enum speaker who, struct error *err)
{
	struct jnode at = m->content;

	if (at.v == NULL) {
		(void)jtree_find(m->obj, "content", &at);
		return jtree_fail(&at, err, "is required");
	}
	if (json_object_is_type(at.v, json_type_array) && jtree_len(&at) == 0)
		return jtree_fail(&at, err, "must not be empty");
	return decode_content(chat, list, &at, openai_chat_parts, who, err);
}

static int
read_system(struct chat *chat, const struct message *m, struct turn **results,
    struct error *err)
{
	(void)results;
	return read_content(chat, &add_turn(chat, ROLE_SYSTEM, m)->parts, m,
	    SPEAKER_SYSTEM, err);
}

static int
read_user(struct chat *chat, const struct message *m, struct turn **results,
    struct error *err)
{
	(void)results;
	return read_content(
	    chat, &add_turn(chat, ROLE_USER, m)->parts, m, SPEAKER_USER, err);
}

/* Thinking, then text, then calls: the order in which a model made them. */
static int
read_assistant(struct chat *chat, const struct message *m,
    struct turn **results, struct error *err)
{
	struct turn *turn = add_turn(chat, ROLE_ASSISTANT, m);

	(void)results;
	if (read_reasoning(chat, turn, m, err) < 0)
		return -1;
	if (m->content.v != NULL &&
	    decode_content(chat, &turn->parts, &m->content, openai_chat_parts,
		SPEAKER_ASSISTANT, err) < 0)
		return -1;
	if (m->refusal.n > 0)
		decode_part(chat, &turn->parts, PART_REFUSAL, m->obj)->text =
		    m->refusal;
	if (openai_chat_calls(chat, turn, &m->calls, err) < 0)
		return -1;
	sign_calls(turn);
	if (turn->parts == NULL)
		return read_content(
		    chat, &turn->parts, m, SPEAKER_ASSISTANT, err);
	return 0;
}

static int
read_result(struct chat *chat, const struct message *m, struct turn **results,
    struct error *err)
{
	struct part *part;
	struct jnode at;

	if (m->call_id.p == NULL) {
		(void)jtree_find(m->obj, "tool_call_id", &at);
		return jtree_fail(&at, err, "is required");
	}
	if (*results == NULL)
		*results = add_turn(chat, ROLE_USER, m);
	part = decode_part(chat, &(*results)->parts, PART_TOOL_RESULT, m->obj);
	part->id = m->call_id;
	part->cache_mark = m->mark;
	return read_content(chat, &part->parts, m, SPEAKER_TOOL, err);
}

static const struct {
	const char *name;
	int (*read)(struct chat *chat, const struct message *m,
	    struct turn **results, struct error *err);
} roles[] = {
	{ "system", read_system },
	{ "developer", read_system },
	{ "user", read_user },
	{ "assistant", read_assistant },
	{ "tool", read_result },
};

/* What a role makes nothing of, or has another name for. */
static bool
says_more(const struct message *m)
{
	if (m->details.v != NULL || m->reasoning.n > 0 ||
	    str_is(m->role, "developer"))
		return true;
	if (str_is(m->role, "tool"))
		return m->name.p != NULL || m->calls.v != NULL ||
		    m->refusal.p != NULL;
	return m->call_id.p != NULL ||
	    (!str_is(m->role, "assistant") &&
		(m->calls.v != NULL || m->refusal.p != NULL));
}

/* ${into}: the turn that collects a run of tool messages, or NULL. */
static int
read_message(
    struct chat *chat, void *into, const struct jnode *obj, struct error *err)
{
	struct turn **results = into;
	struct message m = { .obj = obj };
	struct jnode at;
	size_t i;

	if (decode_object(chat, obj, message_fields, "messages", &m, err) < 0)
		return -1;
	chat->beyond |= says_more(&m);
	if (!str_is(m.role, "tool"))
		*results = NULL;
	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (str_is(m.role, roles[i].name))
			return roles[i].read(chat, &m, results, err);
	}
	(void)jtree_find(obj, "role", &at);
	return jtree_fail(&at, err, "unknown role \"%.*s\"", STR_ARG(m.role));
}

int
openai_chat_messages(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct turn *results = NULL;

	(void)into;
	if (decode_items(chat, &results, v, read_message, err) < 0)
		return -1;
	return jtree_len(v) > 0 ? 0 : jtree_fail(v, err, "must not be empty");
}
