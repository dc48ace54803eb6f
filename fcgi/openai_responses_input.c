/* SPDX-License-Identifier: MIT */
/*
 * `input` of a Responses request to turns.  Items stand one by one; what an
 * assistant said, thought and called in a row is one turn, and a run of
 * outputs one turn of results.  Calls of hosted tools in the history hold
 * nothing that another model could use; those whose results a conversation
 * stands on are refused.
 */
#include "fcgi/openai_responses.h"

#include "core/buf.h"
#include "core/error.h"
#include "fcgi/signature.h"

#define MAX_JOINED_BYTES ((size_t)64 << 20)

/* What every item may have and nobody else needs. */
#define FIELDS_OF_ITEMS                                                        \
	FIELD_NO("type", SKIP), FIELD_NO("id", SKIP),                          \
	    FIELD_NO("status", SKIP), FIELD_NO("phase", SKIP),                 \
	    FIELD_NO("caller", SKIP), FIELD_NO("async", SKIP),                 \
	    FIELD_NO("internal_chat_message_metadata_passthrough", SKIP)

typedef int item_fn(
    struct chat *chat, const struct jnode *obj, struct error *err);

static int
keep(struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	(void)chat;
	(void)err;
	*(struct jnode *)into = *v;
	return 0;
}

/* ---- turns ---- */

static struct turn *
add_turn(struct chat *chat, enum role role, const struct jnode *obj)
{
	struct turn *turn = chat_turn(chat, role);

	turn->path = jtree_path(chat->arena, obj);
	return turn;
}

static struct turn *
last_turn(const struct chat *chat)
{
	return chat->turns != NULL ? chat->turns->last : NULL;
}

static struct turn *
assistant_turn(struct chat *chat, const struct jnode *obj)
{
	struct turn *last = last_turn(chat);

	return last != NULL && last->role == ROLE_ASSISTANT
	    ? last
	    : add_turn(chat, ROLE_ASSISTANT, obj);
}

/* ---- messages ---- */

static const struct {
	const char *name;
	enum role role;
	enum speaker speaker;
} roles[] = {
	{ "user", ROLE_USER, SPEAKER_USER },
	{ "assistant", ROLE_ASSISTANT, SPEAKER_ASSISTANT },
	{ "system", ROLE_SYSTEM, SPEAKER_SYSTEM },
	{ "developer", ROLE_SYSTEM, SPEAKER_SYSTEM },
};

struct message {
	struct str role;
	struct jnode content;
};

static bool
has_text(const struct turn *turn)
{
	const struct part *p = turn != NULL ? turn->parts : NULL;

	while (p != NULL && p->kind != PART_TEXT)
		p = p->next;
	return p != NULL;
}

/* A second message is a turn of its own: its text is not the first one's. */
static int
read_content(struct chat *chat, const struct message *m,
    const struct jnode *obj, size_t role, struct error *err)
{
	struct turn *turn =
	    roles[role].role == ROLE_ASSISTANT && !has_text(last_turn(chat))
	    ? assistant_turn(chat, obj)
	    : add_turn(chat, roles[role].role, obj);

	chat->beyond |= strcmp(roles[role].name, "developer") == 0;
	return decode_content(chat, &turn->parts, &m->content,
	    openai_responses_parts, roles[role].speaker, err);
}

static int
read_message(struct chat *chat, const struct jnode *obj, struct error *err)
{
	static const struct field table[] = {
		FIELDS_OF_ITEMS,
		FIELD_MUST("role", STR, struct message, role),
		{ .name = "content",
		    .kind = FIELD_READ,
		    .offset = offsetof(struct message, content),
		    .read = keep,
		    .need = JTREE_REQUIRED },
		FIELD_END,
	};
	struct message m = { .role = STR_NONE };
	struct jnode at;
	size_t i;

	if (decode_object(chat, obj, table, "input", &m, err) < 0)
		return -1;
	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (str_is(m.role, roles[i].name))
			return read_content(chat, &m, obj, i, err);
	}
	(void)jtree_find(obj, "role", &at);
	return jtree_fail(&at, err, "unknown role \"%.*s\"", STR_ARG(m.role));
}

/* ---- reasoning ---- */

static int
add_text(
    struct chat *chat, void *into, const struct jnode *item, struct error *err)
{
	struct buf *b = into;
	struct str text;

	(void)chat;
	if (jtree_str(item, "text", JTREE_REQUIRED, &text, err) < 0)
		return -1;
	if (b->n > 0)
		buf_addz(b, "\n\n");
	buf_adds(b, text);
	return 0;
}

/* The texts of parts, with an empty line between, as one. */
static int
read_texts(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct buf *b = buf_new(chat->arena, MAX_JOINED_BYTES);

	if (decode_items(chat, b, v, add_text, err) < 0)
		return -1;
	*(struct str *)into = buf_str(b);
	return 0;
}

struct reasoning {
	struct str summary, content, token;
};

/* Without a token there is nothing to give back but to readers. */
static void
add_thought(
    struct chat *chat, const struct jnode *obj, const struct reasoning *r)
{
	struct part *part = decode_part(
	    chat, &assistant_turn(chat, obj)->parts, PART_THINKING, obj);

	part->text = r->summary.n > 0 ? r->summary : r->content;
	part->signature = r->token;
	if (r->token.n == 0)
		return;
	part->issuer =
	    signature_unprefix(&part->signature, WIRE_OPENAI_RESPONSES);
	if (str_starts(part->signature, RESPONSES_REDACTED)) {
		part->redacted = true;
		part->signature =
		    str_skip(part->signature, strlen(RESPONSES_REDACTED));
	} else if (part->issuer == WIRE_OPENAI_RESPONSES) {
		part->redacted = part->text.n == 0;
	}
}

static int
read_reasoning(struct chat *chat, const struct jnode *obj, struct error *err)
{
	static const struct field table[] = {
		FIELDS_OF_ITEMS,
		FIELD_BY("summary", read_texts, struct reasoning, summary),
		FIELD_BY("content", read_texts, struct reasoning, content),
		FIELD_OF("encrypted_content", STR, struct reasoning, token),
		FIELD_END,
	};
	struct reasoning r = { .summary = STR_NONE };

	if (decode_object(chat, obj, table, "input", &r, err) < 0)
		return -1;
	if (r.summary.n > 0 || r.content.n > 0 || r.token.n > 0)
		add_thought(chat, obj, &r);
	return 0;
}

/* ---- calls and their outputs ---- */

struct call {
	struct str id, name, ns, text;
};

static int
add_call(struct chat *chat, const struct jnode *obj, const struct field *table,
    bool custom, struct error *err)
{
	struct call call = { .id = STR_NONE };
	struct part *part;

	if (decode_object(chat, obj, table, "input", &call, err) < 0)
		return -1;
	part = decode_part(
	    chat, &assistant_turn(chat, obj)->parts, PART_TOOL_CALL, obj);
	part->id = call.id;
	part->name = openai_responses_name(chat, call.ns, call.name);
	part->text = call.text;
	part->custom = custom;
	if (!custom && str_trim(part->text).n == 0)
		part->text = STR("{}");
	return 0;
}

#define FIELDS_OF_CALLS                                                        \
	FIELDS_OF_ITEMS, FIELD_MUST("call_id", STR, struct call, id),          \
	    FIELD_MUST("name", NAME, struct call, name),                       \
	    FIELD_OF("namespace", STR, struct call, ns)

static int
read_function_call(
    struct chat *chat, const struct jnode *obj, struct error *err)
{
	static const struct field table[] = {
		FIELDS_OF_CALLS,
		FIELD_MUST("arguments", STR, struct call, text),
		FIELD_END,
	};

	return add_call(chat, obj, table, false, err);
}

static int
read_custom_call(struct chat *chat, const struct jnode *obj, struct error *err)
{
	static const struct field table[] = {
		FIELDS_OF_CALLS,
		FIELD_MUST("input", STR, struct call, text),
		FIELD_END,
	};

	return add_call(chat, obj, table, true, err);
}

static int
read_result(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct part *part = into;

	return decode_content(
	    chat, &part->parts, v, openai_responses_parts, SPEAKER_TOOL, err);
}

static struct turn *
results_turn(struct chat *chat, const struct jnode *obj)
{
	struct turn *last = last_turn(chat);

	return last != NULL && last->role == ROLE_USER && last->parts != NULL &&
		last->parts->kind == PART_TOOL_RESULT
	    ? last
	    : add_turn(chat, ROLE_USER, obj);
}

static int
read_output(struct chat *chat, const struct jnode *obj, struct error *err)
{
	static const struct field table[] = {
		FIELDS_OF_ITEMS,
		FIELD_MUST("call_id", STR, struct part, id),
		FIELD_NO("name", SKIP),
		FIELD_MUST_DO("output", read_result),
		FIELD_END,
	};
	struct part *part = decode_part(
	    chat, &results_turn(chat, obj)->parts, PART_TOOL_RESULT, obj);

	return decode_object(chat, obj, table, "input", part, err);
}

/* ---- the rest ---- */

/* Tools that come along. */
static int
read_more_tools(struct chat *chat, const struct jnode *obj, struct error *err)
{
	struct jnode list;

	if (jtree_array(obj, "tools", JTREE_REQUIRED, &list, err) < 0)
		return -1;
	return openai_responses_tools(chat, chat, &list, err);
}

static int
read_update(struct chat *chat, const struct jnode *obj, struct error *err)
{
	static const struct field table[] = {
		FIELDS_OF_ITEMS,
		FIELD_DO("reasoning", openai_responses_reasoning),
		FIELD_DO("text", openai_responses_text),
		FIELD_END,
	};

	return decode_object(chat, obj, table, "input", chat, err);
}

static int
lose_item(struct chat *chat, const struct jnode *obj, struct error *err)
{
	struct str type = STR_NONE;

	if (decode_type(obj, &type, err) < 0)
		return -1;
	chat_lose(chat, "input.%.*s", STR_ARG(type));
	return 0;
}

/* OpenAI may have searched itself: then nobody waits for what was found. */
static bool
is_clients(const struct jnode *obj)
{
	struct jnode at;

	return jtree_find(obj, "execution", &at) &&
	    str_is(jtree_value_str(&at), "client");
}

static int
read_search_call(struct chat *chat, const struct jnode *obj, struct error *err)
{
	static const struct field table[] = {
		FIELDS_OF_ITEMS,
		FIELD_NO("execution", SKIP),
		FIELD_MUST("call_id", STR, struct part, id),
		FIELD_BY("arguments", decode_json, struct part, text),
		FIELD_END,
	};
	struct part *part;

	if (!is_clients(obj))
		return lose_item(chat, obj, err);
	part = decode_part(
	    chat, &assistant_turn(chat, obj)->parts, PART_TOOL_CALL, obj);
	part->name = STR(RESPONSES_SEARCH);
	part->text = STR("{}");
	return decode_object(chat, obj, table, "input", part, err);
}

static int
read_found(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct buf *names = buf_new(chat->arena, MAX_JOINED_BYTES);
	struct part *part = into;

	if (openai_responses_tools(chat, NULL, v, err) < 0)
		return -1;
	openai_responses_names(chat, v, names);
	decode_part(chat, &part->parts, PART_TEXT, v)->text =
	    names->n > 0 ? buf_str(names) : STR("no tools found");
	return 0;
}

static int
read_search_output(
    struct chat *chat, const struct jnode *obj, struct error *err)
{
	static const struct field table[] = {
		FIELDS_OF_ITEMS,
		FIELD_NO("execution", SKIP),
		FIELD_MUST("call_id", STR, struct part, id),
		FIELD_MUST_DO("tools", read_found),
		FIELD_END,
	};
	struct part *part;

	if (!is_clients(obj))
		return read_more_tools(chat, obj, err);
	part = decode_part(
	    chat, &results_turn(chat, obj)->parts, PART_TOOL_RESULT, obj);
	return decode_object(chat, obj, table, "input", part, err);
}

static const struct {
	const char *type;
	item_fn *read;
	bool held; /* by struct chat, in full */
} items[] = {
	{ "message", read_message, true },
	{ "reasoning", read_reasoning, false },
	{ "function_call", read_function_call, true },
	{ "function_call_output", read_output, true },
	{ "custom_tool_call", read_custom_call, true },
	{ "custom_tool_call_output", read_output, true },
	{ "additional_tools", read_more_tools, false },
	{ "tool_search_output", read_search_output, false },
	{ "tool_search_call", read_search_call, false },
	{ "configuration_update", read_update, false },
	{ "web_search_call", lose_item, false },
	{ "file_search_call", lose_item, false },
	{ "mcp_list_tools", lose_item, false },
};

static int
read_item(
    struct chat *chat, void *into, const struct jnode *obj, struct error *err)
{
	struct str type = STR("message");
	struct jnode at;
	size_t i;

	(void)into;
	if (!json_object_is_type(obj->v, json_type_object))
		return jtree_fail(obj, err, "must be an object");
	if (jtree_str(obj, "type", JTREE_OPTIONAL, &type, err) < 0)
		return -1;
	for (i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		if (!str_is(type, items[i].type))
			continue;
		chat->beyond |= !items[i].held;
		return items[i].read(chat, obj, err);
	}
	(void)jtree_find(obj, "type", &at);
	return jtree_fail(
	    &at, err, "item \"%.*s\" " RESPONSES_ELSEWHERE, STR_ARG(type));
}

int
openai_responses_input(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	if (jtree_value_str(v).p != NULL)
		return decode_content(chat,
		    &add_turn(chat, ROLE_USER, v)->parts, v,
		    openai_responses_parts, SPEAKER_USER, err);
	if (!json_object_is_type(v->v, json_type_array))
		return jtree_fail(v, err, "must be a string or an array");
	if (jtree_len(v) == 0)
		return jtree_fail(v, err, "must not be empty");
	if (decode_items(chat, into, v, read_item, err) < 0)
		return -1;
	if (chat->turns == NULL)
		return jtree_fail(v, err, "holds nothing for another provider");
	return 0;
}
