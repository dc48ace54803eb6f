/* SPDX-License-Identifier: MIT */
/*
 * Writing Responses requests: the parameters.  The conversation is in
 * openai_responses_messages.c.
 */
#include "providers/openai_responses.h"

#include "core/buf.h"
#include "core/catalog.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"

#include "providers/effort.h"
#include "providers/names.h"
#include "providers/openai_shared.h"
#include "providers/request.h"
#include "providers/schema.h"
#include "providers/takes.h"

#define MIN_OUTPUT_TOKENS 16

#define NO_PARAMETERS "{\"type\":\"object\",\"properties\":{}}"

static void
write_limit(struct jw *w, struct chat *chat, const struct target *t)
{
	int64_t max = takes_limit(t, chat);

	if (max > 0 && max < MIN_OUTPUT_TOKENS) {
		chat_lose(chat, "max_tokens");
		max = MIN_OUTPUT_TOKENS;
	}
	if (max > 0)
		jw_kv_i64(w, "max_output_tokens", max);
}

/* Reasoning models reject sampling; the format itself lacks the others.  Stop
 * strings are cut in the gateway. */
static void
write_sampling(struct jw *w, struct chat *chat, const struct target *t)
{
	bool takes = takes_any(t, WIRE_OPENAI_RESPONSES, MODEL_TEMPERATURE);

	request_number(w, chat, "temperature", &chat->temperature, takes);
	request_number(w, chat, "top_p", &chat->top_p, takes);
	request_number(w, chat, "top_k", &chat->top_k, false);
	request_number(
	    w, chat, "presence_penalty", &chat->presence_penalty, false);
	request_number(
	    w, chat, "frequency_penalty", &chat->frequency_penalty, false);
	request_number(w, chat, "seed", &chat->seed, false);
}

static enum effort
pick_effort(struct chat *chat, const struct target *t)
{
	int64_t limit = chat->max_tokens;

	if (limit == 0 && t->facts)
		limit = t->facts->output;
	return takes_effort(t, chat, effort_wanted(chat, limit));
}

/*
 * A summary is for those who asked to see thinking: some models give it to
 * verified organisations only.
 */
static void
write_reasoning(struct jw *w, struct chat *chat, const struct target *t)
{
	bool reasons = takes_any(t, WIRE_OPENAI_RESPONSES, MODEL_REASONING);
	bool summary =
	    reasons && chat->thinking_budget != 0 && !chat->thinking_hidden;
	enum effort e = pick_effort(chat, t);

	if (e != EFFORT_UNSET || summary) {
		jw_key(w, "reasoning");
		jw_object(w);
		if (e != EFFORT_UNSET)
			jw_kv_cstr(w, "effort", effort_word(e));
		if (summary)
			jw_kv_cstr(w, "summary", "auto");
		jw_end(w);
	}
	if (reasons)
		jw_kv_raw(
		    w, "include", STR("[\"reasoning.encrypted_content\"]"));
}

/* Chat nests what Responses has flat: {"type":"grammar","grammar":{...}}. */
static void
write_grammar(struct jw *w, struct str format)
{
	struct str inner, value;

	if (!jtext_get(format, "grammar", &inner) || inner.p[0] != '{') {
		jw_kv_raw(w, "format", format);
		return;
	}
	jw_key(w, "format");
	jw_object(w);
	jw_kv_cstr(w, "type", "grammar");
	if (jtext_get(inner, "syntax", &value))
		jw_kv_raw(w, "syntax", value);
	if (jtext_get(inner, "definition", &value))
		jw_kv_raw(w, "definition", value);
	jw_end(w);
}

/* Strict is what a tool is here unless it says otherwise. */
static void
write_tool(
    struct arena *a, struct jw *w, struct chat *chat, const struct tool *tool)
{
	jw_object(w);
	jw_kv_cstr(w, "type", tool->custom ? "custom" : "function");
	jw_kv_str(w, "name", name_for(a, tool->name, WIRE_OPENAI_RESPONSES));
	if (tool->description.p)
		jw_kv_str(w, "description", tool->description);
	if (tool->custom && tool->grammar.p)
		write_grammar(w, tool->grammar);
	if (!tool->custom) {
		jw_kv_raw(w, "parameters",
		    tool->schema.p ? tool->schema : STR(NO_PARAMETERS));
		jw_kv_bool(w, "strict",
		    tool->strict &&
			schema_is_strict(a, chat, tool->schema, "tools"));
	}
	jw_end(w);
}

static bool
is_custom(const struct chat *chat, struct str name)
{
	const struct tool *tool = chat->tools;

	while (tool && !str_eq(tool->name, name))
		tool = tool->next;
	return tool && tool->custom;
}

static void
write_choice(struct arena *a, struct jw *w, const struct chat *chat)
{
	struct str name = chat->tool_choice_name;

	if (chat->tool_choice == TOOL_CHOICE_NAMED) {
		jw_key(w, "tool_choice");
		jw_object(w);
		jw_kv_cstr(
		    w, "type", is_custom(chat, name) ? "custom" : "function");
		jw_kv_str(w, "name", name_for(a, name, WIRE_OPENAI_RESPONSES));
		jw_end(w);
	}
	openai_choice(w, chat);
}

static void
write_tools(struct arena *a, struct jw *w, struct chat *chat)
{
	const struct tool *tool;

	if (!chat->tools)
		return;
	jw_key(w, "tools");
	jw_array(w);
	for (tool = chat->tools; tool; tool = tool->next)
		write_tool(a, w, chat, tool);
	jw_end(w);
	write_choice(a, w, chat);
}

static void
write_format(struct arena *a, struct jw *w, struct chat *chat)
{
	jw_key(w, "format");
	jw_object(w);
	if (chat->output == OUTPUT_JSON) {
		jw_kv_cstr(w, "type", "json_object");
	} else {
		jw_kv_cstr(w, "type", "json_schema");
		jw_kv_str(w, "name",
		    chat->schema_name.n > 0 ? chat->schema_name
					    : STR("answer"));
		jw_kv_raw(w, "schema", chat->schema);
		jw_kv_bool(w, "strict",
		    chat->schema_strict &&
			schema_is_strict(a, chat, chat->schema, "json_schema"));
	}
	jw_end(w);
}

static void
write_text(
    struct arena *a, struct jw *w, struct chat *chat, const struct target *t)
{
	struct str verbosity = openai_verbosity(chat, t, WIRE_OPENAI_RESPONSES);
	bool format = chat->output == OUTPUT_JSON ||
	    (chat->output == OUTPUT_SCHEMA &&
		takes_any(t, WIRE_OPENAI_RESPONSES, MODEL_SCHEMA));

	if (!format && !verbosity.p)
		return;
	jw_key(w, "text");
	jw_object(w);
	if (format)
		write_format(a, w, chat);
	if (verbosity.p)
		jw_kv_raw(w, "verbosity", verbosity);
	jw_end(w);
}

/* The client brings the whole conversation each time: nothing is kept unless
 * it says so. */
static void
write_shared(struct jw *w, struct chat *chat, const struct target *t)
{
	const struct shared *s = chat->shared;

	openai_shared(w, chat, t, WIRE_OPENAI_RESPONSES);
	while (s && !(s->carried && str_is(s->name, "store")))
		s = s->next;
	if (!s)
		jw_kv_bool(w, "store", false);
}

/* "auto" is the default anyway; Anthropic's words are its own. */
static void
write_tier(struct jw *w, struct chat *chat)
{
	struct str tier = chat->service_tier;

	if (!tier.p || str_is(tier, "auto"))
		return;
	if (str_is(tier, "standard_only"))
		jw_kv_cstr(w, "service_tier", "default");
	else if (chat->dialect == WIRE_OPENAI_CHAT)
		jw_kv_str(w, "service_tier", tier);
	else
		chat_lose(chat, "service_tier");
}

int
openai_responses_write(struct arena *a, const struct target *t, struct ask *ask,
    struct buf *out, struct error *err)
{
	struct chat *chat = ask_chat(ask, err);
	struct jw w;

	if (!chat)
		return -1;
	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "model", t->model);
	if (openai_responses_messages(a, &w, t, chat, err) != 0)
		return -1;
	write_limit(&w, chat, t);
	write_sampling(&w, chat, t);
	write_reasoning(&w, chat, t);
	write_tools(a, &w, chat);
	write_text(a, &w, chat, t);
	write_tier(&w, chat);
	openai_user(&w, chat);
	write_shared(&w, chat, t);
	if (ask->stream)
		jw_kv_bool(&w, "stream", true);
	jw_end(&w);
	return 0;
}
