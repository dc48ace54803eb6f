/* SPDX-License-Identifier: MIT */
/*
 * Chat Completions request to canonical chat: all but the messages.  The
 * legacy pair functions/function_call is refused, since its answer has a
 * shape of its own; tools mean the same.
 */
#include "fcgi/openai_chat.h"

#include "core/error.h"

#define LEGACY "is not available on this provider, use tools"

/* ---- plain members ---- */

static int
read_n(struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	int64_t n = 0;

	(void)chat;
	(void)into;
	if (jtree_i64(v->up, v->key, JTREE_REQUIRED, &n, err) < 0)
		return -1;
	if (n != 1)
		return jtree_fail(
		    v, err, "only 1 is available on this provider");
	return 0;
}

/* Lost on the way, but where a vendor has none at all that is an error. */
static int
read_logprobs(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	(void)into;
	if (jtree_bool(v->up, v->key, JTREE_REQUIRED, &chat->logprobs, err) < 0)
		return -1;
	if (chat->logprobs)
		chat_lose(chat, "logprobs");
	return 0;
}

static int
read_modalities(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct name *names = NULL, *n;

	(void)into;
	if (decode_names(chat, &names, v, err) < 0)
		return -1;
	for (n = names; n != NULL; n = n->next) {
		if (!str_is(n->s, "text"))
			return jtree_fail(v, err,
			    "%.*s output is not available on this provider",
			    STR_ARG(n->s));
	}
	return 0;
}

static int
read_enabled(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	bool on = true;

	(void)into;
	if (jtree_bool(v->up, v->key, JTREE_REQUIRED, &on, err) < 0)
		return -1;
	chat->thinking_off = !on;
	chat->beyond |= on;
	return 0;
}

/* OpenRouter's object, which its many clients send. */
static int
read_reasoning(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_BY("effort", decode_effort, struct chat, effort),
		FIELD_OF("max_tokens", COUNT, struct chat, thinking_budget),
		FIELD_OF("exclude", BOOL, struct chat, thinking_hidden),
		FIELD_DO("enabled", read_enabled),
		FIELD_END,
	};

	return decode_object(chat, v, table, "reasoning", into, err);
}

/* ---- response_format ---- */

static int
read_json_schema(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_OF("name", STR, struct chat, schema_name),
		FIELD_NO("description", LOSE),
		FIELD_BY("schema", decode_json, struct chat, schema),
		FIELD_OF("strict", BOOL, struct chat, schema_strict),
		FIELD_END,
	};

	return decode_object(
	    chat, v, table, "response_format.json_schema", into, err);
}

static int
read_format(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_DO("json_schema", read_json_schema),
		FIELD_END,
	};
	struct str type = STR_NONE;
	struct jnode at;

	if (decode_type(v, &type, err) < 0)
		return -1;
	(void)jtree_find(v, "type", &at);
	if (str_is(type, "json_object"))
		chat->output = OUTPUT_JSON;
	else if (str_is(type, "json_schema"))
		chat->output = OUTPUT_SCHEMA;
	else if (!str_is(type, "text"))
		return jtree_fail(
		    &at, err, "unknown format \"%.*s\"", STR_ARG(type));
	if (decode_object(chat, v, table, "response_format", into, err) < 0)
		return -1;
	if (chat->output != OUTPUT_SCHEMA || chat->schema.p != NULL)
		return 0;
	if (!jtree_find(v, "json_schema", &at))
		return jtree_fail(&at, err, "is required");
	chat->output = OUTPUT_JSON; /* a schema that says nothing */
	return 0;
}

/* ---- tools ---- */

static int
read_function(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_MUST("name", NAME, struct tool, name),
		FIELD_OF("description", STR, struct tool, description),
		FIELD_BY("parameters", decode_json, struct tool, schema),
		FIELD_OF("strict", BOOL, struct tool, strict),
		FIELD_END,
	};

	return decode_object(chat, v, table, "tools.function", into, err);
}

static int
read_custom(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_MUST("name", NAME, struct tool, name),
		FIELD_OF("description", STR, struct tool, description),
		FIELD_BY("format", decode_json, struct tool, grammar),
		FIELD_END,
	};
	struct tool *tool = into;

	tool->custom = true;
	return decode_object(chat, v, table, "tools.custom", tool, err);
}

static int
read_tool(
    struct chat *chat, void *into, const struct jnode *item, struct error *err)
{
	static const struct field function[] = {
		FIELD_NO("type", SKIP),
		FIELD_MUST_DO("function", read_function),
		FIELD_BY("cache_control", decode_mark, struct tool, cache_mark),
		FIELD_END,
	};
	static const struct field custom[] = {
		FIELD_NO("type", SKIP),
		FIELD_MUST_DO("custom", read_custom),
		FIELD_END,
	};
	struct str type = STR("function");
	struct jnode at;

	(void)into;
	if (jtree_str(item, "type", JTREE_OPTIONAL, &type, err) < 0)
		return -1;
	if (str_is(type, "function"))
		return decode_object(
		    chat, item, function, "tools", chat_tool(chat), err);
	if (str_is(type, "custom"))
		return decode_object(
		    chat, item, custom, "tools", chat_tool(chat), err);
	(void)jtree_find(item, "type", &at);
	return jtree_fail(&at, err,
	    "hosted tool \"%.*s\" is not available on this provider",
	    STR_ARG(type));
}

static int
read_tools(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	return decode_items(chat, into, v, read_tool, err);
}

/* ---- tool_choice ---- */

/* The name in {"type":"function","function":{"name":...}}. */
static int
read_named(struct chat *chat, const struct jnode *v, struct str *name,
    struct error *err)
{
	struct str type = STR_NONE;
	struct jnode of, at;
	const char *key;

	(void)chat;
	if (decode_type(v, &type, err) < 0)
		return -1;
	if (!str_is(type, "function") && !str_is(type, "custom")) {
		(void)jtree_find(v, "type", &at);
		return jtree_fail(
		    &at, err, "unknown tool choice \"%.*s\"", STR_ARG(type));
	}
	key = str_is(type, "custom") ? "custom" : "function";
	if (jtree_object(v, key, JTREE_REQUIRED, &of, err) < 0)
		return -1;
	return jtree_str(&of, "name", JTREE_REQUIRED, name, err);
}

static int
read_choice(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct choice_form form = { "allowed_tools", read_named };

	(void)into;
	return decode_choice(chat, v, &form, err);
}

/* ---- the request ---- */

/*
 * Read from the top, so of two names for one thing the later one wins, and
 * tools are there when tool_choice selects from them.
 */
static const struct field request_fields[] = {
	FIELD_NO("model", SKIP),
	FIELD_NO("models", SKIP), /* this and the next: the gateway's own */
	FIELD_NO("sluice", SKIP),
	FIELD_NO("usage", SKIP), /* OpenRouter's wish for cost: always met */
	FIELD_MUST_DO("messages", openai_chat_messages),
	FIELD_OF("stream", BOOL, struct chat, stream),
	FIELD_DO("stream_options", decode_stream_options),
	FIELD_OF("max_tokens", COUNT, struct chat, max_tokens),
	FIELD_OF("max_completion_tokens", COUNT, struct chat, max_tokens),
	FIELD_OF("temperature", NUMBER, struct chat, temperature),
	FIELD_OF("top_p", NUMBER, struct chat, top_p),
	FIELD_OF("top_k", NUMBER, struct chat, top_k), /* of some vendors */
	FIELD_OF("presence_penalty", NUMBER, struct chat, presence_penalty),
	FIELD_OF("frequency_penalty", NUMBER, struct chat, frequency_penalty),
	FIELD_OF("seed", NUMBER, struct chat, seed),
	FIELD_BY("stop", decode_names, struct chat, stop),
	FIELD_DO("n", read_n),
	FIELD_DO("tools", read_tools),
	FIELD_DO("tool_choice", read_choice),
	FIELD_DO("parallel_tool_calls", decode_parallel),
	FIELD_DO("response_format", read_format),
	FIELD_DO("reasoning", read_reasoning),
	FIELD_BY("reasoning_effort", decode_effort, struct chat, effort),
	FIELD_OF("safety_identifier", STR, struct chat, user),
	FIELD_OF("user", STR, struct chat, user),
	FIELD_OF("service_tier", STR, struct chat, service_tier),
	FIELD_DO("modalities", read_modalities),
	FIELD_NEVER("functions", LEGACY),
	FIELD_NEVER("function_call", LEGACY),
	FIELD_NEVER("web_search_options",
	    "hosted tool \"web_search\" is not available on this provider"),
	FIELD_NO("audio", LOSE),
	FIELD_NO("logit_bias", LOSE),
	FIELD_DO("logprobs", read_logprobs),
	FIELD_NO("top_logprobs", LOSE),
	FIELD_DO("metadata", decode_shared),
	FIELD_NO("moderation", LOSE),
	FIELD_NO("prediction", LOSE),
	FIELD_DO("prompt_cache_key", decode_shared),
	FIELD_DO("prompt_cache_options", decode_shared),
	FIELD_DO("prompt_cache_retention", decode_shared),
	FIELD_DO("store", decode_shared),
	FIELD_DO("verbosity", decode_shared),
	FIELD_END,
};

int
openai_chat_decode(
    struct arena *a, struct str body, struct chat *chat, struct error *err)
{
	struct jnode root;

	chat->arena = a;
	chat->dialect = WIRE_OPENAI_CHAT;
	if (jtree_read(a, body, &root, err) < 0)
		return -1;
	return decode_object(chat, &root, request_fields, NULL, chat, err);
}
