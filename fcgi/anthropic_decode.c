/* SPDX-License-Identifier: MIT */
/* Messages request to canonical chat: wire.md §3.2. */
#include "fcgi/anthropic.h"

#include "core/error.h"

/* ---- system and messages ---- */

/* A turn of ${role} saying what stands at ${content}; none if it is empty. */
static int
read_turn(struct chat *chat, enum role role, const struct jnode *content,
    const struct jnode *at, struct error *err)
{
	static const struct {
		const struct part_type *types;
		enum speaker who;
	} by_role[] = {
		[ROLE_SYSTEM] = { anthropic_system_blocks, SPEAKER_SYSTEM },
		[ROLE_USER] = { anthropic_blocks, SPEAKER_USER },
		[ROLE_ASSISTANT] = { anthropic_blocks, SPEAKER_ASSISTANT },
	};
	struct part *parts = NULL;
	struct turn *turn;

	if (decode_content(chat, &parts, content, by_role[role].types,
		by_role[role].who, err) < 0)
		return -1;
	if (parts == NULL)
		return 0;
	turn = chat_turn(chat, role);
	turn->parts = parts;
	turn->path = jtree_path(chat->arena, at);
	return 0;
}

static int
read_system(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	(void)into;
	return read_turn(chat, ROLE_SYSTEM, v, v, err);
}

static int
read_role(const struct jnode *obj, struct str word, enum role *role,
    struct error *err)
{
	static const char *const words[] = {
		[ROLE_SYSTEM] = "system",
		[ROLE_USER] = "user",
		[ROLE_ASSISTANT] = "assistant",
	};
	struct jnode at;
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_is(word, words[i])) {
			*role = (enum role)i;
			return 0;
		}
	}
	(void)jtree_find(obj, "role", &at);
	return jtree_fail(&at, err, "unknown role \"%.*s\"", STR_ARG(word));
}

static int
read_message(
    struct chat *chat, void *into, const struct jnode *obj, struct error *err)
{
	static const struct field table[] = {
		{ .name = "role", .kind = FIELD_STR, .need = JTREE_REQUIRED },
		FIELD_NO("content", SKIP),
		FIELD_NO("output_config", LOSE),
		FIELD_NO("clear_at", LOSE),
		FIELD_END,
	};
	struct str word = STR_NONE;
	struct jnode content;
	enum role role = ROLE_USER;

	(void)into;
	if (decode_object(chat, obj, table, "messages", &word, err) < 0 ||
	    read_role(obj, word, &role, err) < 0)
		return -1;
	if (!jtree_find(obj, "content", &content))
		return jtree_fail(&content, err, "is required");
	if (json_object_is_type(content.v, json_type_array) &&
	    jtree_len(&content) == 0)
		return jtree_fail(&content, err, "must not be empty");
	return read_turn(chat, role, &content, obj, err);
}

static int
read_messages(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	if (decode_items(chat, into, v, read_message, err) < 0)
		return -1;
	return jtree_len(v) > 0 ? 0 : jtree_fail(v, err, "must not be empty");
}

/* ---- thinking and output ---- */

static int
read_display(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct str word = jtree_value_str(v);

	(void)into;
	if (word.p == NULL)
		return jtree_fail(v, err, "must be a string");
	chat->thinking_hidden = str_is(word, "omitted");
	chat->beyond |= !chat->thinking_hidden;
	return 0;
}

static int
read_thinking(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_OF("budget_tokens", COUNT, struct chat, thinking_budget),
		FIELD_DO("display", read_display),
		FIELD_NO("block_binding", LOSE),
		FIELD_END,
	};
	struct str type = STR_NONE;
	struct jnode at;

	if (decode_type(v, &type, err) < 0 ||
	    decode_object(chat, v, table, "thinking", into, err) < 0)
		return -1;
	(void)jtree_find(v, "type", &at);
	if (str_is(type, "disabled"))
		chat->thinking_off = true;
	else if (str_is(type, "adaptive"))
		chat->thinking_budget = -1;
	else if (str_is(type, "between_tools"))
		chat_lose(chat, "thinking.between_tools");
	else if (!str_is(type, "enabled"))
		return jtree_fail(
		    &at, err, "unknown type \"%.*s\"", STR_ARG(type));
	else if (!jtree_find(v, "budget_tokens", &at))
		return jtree_fail(&at, err, "is required");
	return 0;
}

static int
read_format(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_BY("schema", decode_json, struct chat, schema),
		FIELD_END,
	};
	struct str type = STR_NONE;
	struct jnode at;

	(void)into;
	if (decode_type(v, &type, err) < 0)
		return -1;
	(void)jtree_find(v, "type", &at);
	if (!str_is(type, "json_schema"))
		return jtree_fail(&at, err, "must be json_schema");
	if (!jtree_find(v, "schema", &at))
		return jtree_fail(&at, err, "is required");
	chat->output = OUTPUT_SCHEMA;
	chat->schema_strict = true;
	return decode_object(chat, v, table, "output_config.format", chat, err);
}

static int
read_output(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_BY("effort", decode_effort, struct chat, effort),
		FIELD_DO("format", read_format),
		FIELD_NO("task_budget", LOSE),
		FIELD_END,
	};

	return decode_object(chat, v, table, "output_config", into, err);
}

/* ---- plain members ---- */

static int
read_metadata(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_OF("user_id", STR, struct chat, user),
		FIELD_END,
	};

	return decode_object(chat, v, table, "metadata", into, err);
}

/* Keeping all thinking, as Claude Code always asks, is what happens anyway. */
static int
read_context(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct jnode edits, edit, at;
	struct str type, keep;
	size_t i;

	(void)into;
	if (jtree_array(v, "edits", JTREE_OPTIONAL, &edits, err) < 0)
		return -1;
	for (i = 0; i < jtree_len(&edits); i++) {
		edit = jtree_item(&edits, i);
		type = keep = STR_NONE;
		if (jtree_str(&edit, "type", JTREE_REQUIRED, &type, err) < 0)
			return -1;
		if (jtree_find(&edit, "keep", &at))
			keep = jtree_value_str(&at);
		if (!str_starts(type, "clear_thinking_") ||
		    !str_is(keep, "all"))
			chat_lose(chat, "context_management");
	}
	return 0;
}

static int
read_speed(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	(void)into;
	(void)err;
	if (!str_is(jtree_value_str(v), "standard"))
		chat_lose(chat, "speed");
	return 0;
}

/* Where data may go is no wish that can be dropped. */
static int
read_geo(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	(void)chat;
	(void)into;
	if (str_is(jtree_value_str(v), "global"))
		return 0;
	return jtree_fail(v, err, "is not available on this provider");
}

/* The automatic marker: on the last block there is. */
static int
read_mark(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	enum cache_mark mark = CACHE_MARK_NONE;
	struct turn *turn = chat->turns;
	struct part *part;

	(void)into;
	if (decode_mark(chat, &mark, v, err) < 0)
		return -1;
	while (turn != NULL && turn->next != NULL)
		turn = turn->next;
	part = turn ? turn->parts : NULL;
	while (part != NULL && part->next != NULL)
		part = part->next;
	if (part != NULL && part->cache_mark == CACHE_MARK_NONE)
		part->cache_mark = mark;
	return 0;
}

/* ---- the request ---- */

#define HERE "is not available on this provider"

static const struct field request_fields[] = {
	FIELD_NO("model", SKIP),
	FIELD_NO("models", SKIP), /* this and the next: the gateway's own */
	FIELD_NO("sluice", SKIP),
	FIELD_OF("max_tokens", COUNT, struct chat, max_tokens),
	FIELD_DO("system", read_system),
	FIELD_DO("tools", anthropic_tools), /* messages may add some */
	FIELD_MUST_DO("messages", read_messages),
	FIELD_DO("cache_control", read_mark),
	FIELD_DO("tool_choice", anthropic_tool_choice),
	FIELD_BY("stop_sequences", decode_names, struct chat, stop),
	FIELD_OF("stream", BOOL, struct chat, stream),
	FIELD_OF("temperature", NUMBER, struct chat, temperature),
	FIELD_OF("top_p", NUMBER, struct chat, top_p),
	FIELD_OF("top_k", NUMBER, struct chat, top_k),
	FIELD_DO("thinking", read_thinking),
	FIELD_DO("output_format", read_format), /* old name, beta */
	FIELD_DO("output_config", read_output),
	FIELD_DO("metadata", read_metadata),
	FIELD_OF("service_tier", STR, struct chat, service_tier),
	FIELD_DO("speed", read_speed),
	FIELD_DO("context_management", read_context),
	FIELD_DO("inference_geo", read_geo),
	FIELD_NEVER("mcp_servers", HERE),
	FIELD_NEVER("thread", HERE),
	FIELD_NO("container", LOSE),
	FIELD_NO("diagnostics", LOSE),
	FIELD_NO("compaction", LOSE),
	FIELD_NO("fallbacks", LOSE),
	FIELD_NO("fallback_credit_token", LOSE),
	FIELD_NO("billing_policy", LOSE),
	FIELD_END,
};

int
anthropic_decode_count(
    struct arena *a, struct str body, struct chat *chat, struct error *err)
{
	struct jnode root;

	chat->arena = a;
	chat->dialect = WIRE_ANTHROPIC;
	chat->include_usage = true; /* its streams always tell */
	if (jtree_read(a, body, &root, err) < 0 ||
	    decode_object(chat, &root, request_fields, NULL, chat, err) < 0)
		return -1;
	anthropic_drop_hidden(chat);
	return 0;
}

int
anthropic_decode(
    struct arena *a, struct str body, struct chat *chat, struct error *err)
{
	if (anthropic_decode_count(a, body, chat, err) < 0)
		return -1;
	if (chat->max_tokens == 0)
		return error_param(err, "max_tokens", "is required");
	return 0;
}
