/* SPDX-License-Identifier: MIT */
/* Responses request to canonical chat: all but the input and the tools. */
#include "fcgi/openai_responses.h"

#include "core/error.h"

#define NO_STATE                                                               \
	RESPONSES_ELSEWHERE ", which keeps no state: send the conversation"

/* ---- members ---- */

static int
read_instructions(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct turn *turn = chat_turn(chat, ROLE_SYSTEM);

	(void)into;
	turn->path = jtree_path(chat->arena, v);
	return decode_content(
	    chat, &turn->parts, v, openai_responses_parts, SPEAKER_SYSTEM, err);
}

/* Only what makes answers differ is lost. */
static int
read_include(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	struct name *names = NULL, *n;

	(void)into;
	if (decode_names(chat, &names, v, err) < 0)
		return -1;
	chat->beyond |= names != NULL;
	for (n = names; n != NULL; n = n->next) {
		if (!str_is(n->s, "reasoning.encrypted_content"))
			chat_lose(chat, "include");
	}
	return 0;
}

static int
read_truncation(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	(void)into;
	(void)err;
	if (!str_is(jtree_value_str(v), "disabled"))
		chat_lose(chat, "truncation");
	return 0;
}

/* Codex sends 0; only a wish for more is lost. */
static int
read_logprobs(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	int64_t n = 0;

	(void)into;
	if (jtree_i64(v->up, v->key, JTREE_REQUIRED, &n, err) < 0)
		return -1;
	if (n != 0)
		chat_lose(chat, "top_logprobs");
	return 0;
}

static int
read_summary(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	(void)into;
	(void)err;
	chat->beyond = true; /* there are several kinds */
	chat->thinking_hidden = str_is(jtree_value_str(v), "none");
	return 0;
}

int
openai_responses_reasoning(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_BY("effort", decode_effort, struct chat, effort),
		FIELD_DO("summary", read_summary),
		FIELD_DO("generate_summary", read_summary),
		FIELD_NO("context", SKIP), /* all of it comes with a request */
		FIELD_NO("mode", LOSE),
		FIELD_END,
	};

	(void)into;
	return decode_object(chat, v, table, "reasoning", chat, err);
}

static int
read_reasoning(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	chat->thinking_hidden = true; /* unless a summary is asked for */
	return openai_responses_reasoning(chat, into, v, err);
}

/* ---- text ---- */

static int
read_format(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_NO("type", SKIP),
		FIELD_OF("name", STR, struct chat, schema_name),
		FIELD_NO("description", LOSE),
		FIELD_BY("schema", decode_json, struct chat, schema),
		FIELD_OF("strict", BOOL, struct chat, schema_strict),
		FIELD_END,
	};
	struct jnode at;

	if (decode_output(chat, v, err) < 0 ||
	    decode_object(chat, v, table, "text.format", into, err) < 0)
		return -1;
	if (chat->output != OUTPUT_SCHEMA || chat->schema.p != NULL)
		return 0;
	(void)jtree_find(v, "schema", &at);
	return jtree_fail(&at, err, "is required");
}

int
openai_responses_text(
    struct chat *chat, void *into, const struct jnode *v, struct error *err)
{
	static const struct field table[] = {
		FIELD_DO("format", read_format),
		FIELD_DO("verbosity", decode_shared),
		FIELD_END,
	};

	(void)into;
	return decode_object(chat, v, table, "text", chat, err);
}

/* ---- the request ---- */

/* Read from the top: instructions come first, and tools before tool_choice;
 * input, which may bring tools along, before both. */
static const struct field request_fields[] = {
	FIELD_NO("model", SKIP),
	FIELD_NO("models", SKIP), /* this and the next: the gateway's own */
	FIELD_NO("sluice", SKIP),
	FIELD_NO("usage", SKIP),
	FIELD_NEVER("previous_response_id", NO_STATE),
	FIELD_NEVER("conversation", NO_STATE),
	FIELD_NEVER("prompt", NO_STATE),
	FIELD_NEVER("background", RESPONSES_ELSEWHERE),
	FIELD_NEVER("multi_agent", RESPONSES_ELSEWHERE),
	FIELD_DO("instructions", read_instructions),
	FIELD_DO("reasoning", read_reasoning),
	FIELD_DO("text", openai_responses_text),
	FIELD_MUST_DO("input", openai_responses_input),
	FIELD_DO("tools", openai_responses_tools),
	FIELD_DO("tool_choice", openai_responses_choice),
	FIELD_DO("parallel_tool_calls", decode_parallel),
	FIELD_OF("stream", BOOL, struct chat, stream),
	FIELD_NO("stream_options", SKIP),
	FIELD_OF("max_output_tokens", COUNT, struct chat, max_tokens),
	FIELD_OF("temperature", NUMBER, struct chat, temperature),
	FIELD_OF("top_p", NUMBER, struct chat, top_p),
	FIELD_OF("safety_identifier", STR, struct chat, user),
	FIELD_OF("user", STR, struct chat, user),
	FIELD_OF("service_tier", STR, struct chat, service_tier),
	FIELD_DO("include", read_include),
	FIELD_DO("truncation", read_truncation),
	FIELD_DO("top_logprobs", read_logprobs),
	FIELD_NO("client_metadata", SKIP), /* Codex's own records */
	FIELD_NO("access_programs", LOSE),
	FIELD_NO("context_management", LOSE),
	FIELD_NO("image", LOSE),
	FIELD_NO("max_tool_calls", LOSE),
	FIELD_DO("metadata", decode_shared),
	FIELD_NO("moderation", LOSE),
	FIELD_DO("prompt_cache_key", decode_shared),
	FIELD_DO("prompt_cache_options", decode_shared),
	FIELD_DO("prompt_cache_retention", decode_shared),
	FIELD_DO("store", decode_shared),
	FIELD_END,
};

int
openai_responses_decode(
    struct arena *a, struct str body, struct chat *chat, struct error *err)
{
	struct jnode root;

	chat->arena = a;
	chat->dialect = WIRE_OPENAI_RESPONSES;
	if (jtree_read(a, body, &root, err) < 0)
		return -1;
	return decode_object(chat, &root, request_fields, NULL, chat, err);
}
