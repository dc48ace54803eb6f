/* SPDX-License-Identifier: MIT */
/*
 * Writing Messages requests: the parameters.  The conversation is in
 * anthropic_messages.c.
 */
#include "providers/anthropic.h"

#include <math.h>

#include "core/buf.h"
#include "core/catalog.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/jw.h"

#include "providers/custom_tool.h"
#include "providers/history.h"
#include "providers/names.h"
#include "providers/schema.h"
#include "providers/takes.h"

#define MAX_MARKS           4  /* cache breakpoints the API takes */
#define MAX_STRICT          20 /* strict tools */
#define FALLBACK_MAX_TOKENS 8192
#define MAX_SCHEMA_BYTES    ((size_t)256 << 20)

bool
anthropic_can(const struct anthropic_writer *o, unsigned can)
{
	return takes_any(o->target, WIRE_ANTHROPIC, can);
}

void
anthropic_mark(struct anthropic_writer *o, enum cache_mark mark)
{
	if (mark == CACHE_MARK_NONE)
		return;
	if (o->marks++ >= MAX_MARKS) {
		chat_lose(o->chat, "prompt_cache_breakpoint");
		return;
	}
	if (mark == CACHE_MARK_30M || mark == CACHE_MARK_12H)
		chat_lose(o->chat, "prompt_cache_breakpoint.ttl");
	jw_key(o->w, "cache_control");
	jw_object(o->w);
	jw_kv_cstr(o->w, "type", "ephemeral");
	jw_kv_cstr(o->w, "ttl", mark == CACHE_MARK_5M ? "5m" : "1h");
	jw_end(o->w);
}

/* The API demands a limit. */
static int64_t
limit_for(const struct target *t, struct chat *chat)
{
	int64_t most = t->facts ? t->facts->output : 0;

	if (chat->max_tokens > 0)
		return takes_limit(t, chat);
	return most > 0 ? most : FALLBACK_MAX_TOKENS;
}

static bool
is_set(
    struct chat *chat, const struct opt_double *v, const char *name, bool takes)
{
	if (v->set && !takes)
		chat_lose(chat, "%s", name);
	return v->set && takes;
}

/* Thinking and sampling exclude each other, as do temperature and top_p. */
static void
write_sampling(struct anthropic_writer *o)
{
	struct chat *chat = o->chat;
	double t = chat->temperature.v;
	bool takes = anthropic_can(o, MODEL_TEMPERATURE) && !o->thinking;

	if (is_set(chat, &chat->temperature, "temperature", takes)) {
		if (t > 1)
			chat_lose(chat, "temperature");
		jw_key(o->w, "temperature");
		jw_double(o->w, t > 1 ? 1 : t);
		takes = false;
	}
	if (is_set(chat, &chat->top_p, "top_p", takes)) {
		jw_key(o->w, "top_p");
		jw_double(o->w, chat->top_p.v);
	}
	takes = anthropic_can(o, MODEL_TEMPERATURE) && !o->thinking &&
	    fabs(chat->top_k.v) <= INT32_MAX;
	if (is_set(chat, &chat->top_k, "top_k", takes))
		jw_kv_i64(o->w, "top_k", (int64_t)chat->top_k.v);
	(void)is_set(chat, &chat->presence_penalty, "presence_penalty", false);
	(void)is_set(
	    chat, &chat->frequency_penalty, "frequency_penalty", false);
	(void)is_set(chat, &chat->seed, "seed", false);
}

/* Stop strings of white space alone are refused: the gateway cuts there. */
static void
write_stop(struct anthropic_writer *o)
{
	const struct name *s;

	if (!o->chat->stop)
		return;
	jw_key(o->w, "stop_sequences");
	jw_array(o->w);
	for (s = o->chat->stop; s; s = s->next)
		if (str_trim(s->s).n > 0)
			jw_str(o->w, s->s);
	jw_end(o->w);
}

const struct name *
anthropic_cut(const struct chat *chat)
{
	const struct name *s = chat->stop;

	while (s && str_trim(s->s).n > 0)
		s = s->next;
	return s;
}

/* The schema of a tool's input, which must say that it is an object. */
static void
write_schema(struct anthropic_writer *o, struct str schema)
{
	const struct jtext_edit edit = { "type", STR("\"object\"") };
	struct buf *b = buf_new(o->arena, MAX_SCHEMA_BYTES);
	struct str type;

	if (schema.n == 0 || jtext_get(schema, "type", &type) ||
	    jtext_apply(b, schema, &edit, 1) != 0)
		jw_kv_raw(o->w, "input_schema",
		    schema.n > 0 && *schema.p == '{'
			? schema
			: STR("{\"type\":\"object\"}"));
	else
		jw_kv_raw(o->w, "input_schema", buf_str(b));
}

/* Only so many tools may be strict. */
static bool
is_strict(struct anthropic_writer *o, const struct tool *tool)
{
	if (!tool->strict)
		return false;
	if (anthropic_can(o, MODEL_SCHEMA) && o->strict++ < MAX_STRICT)
		return true;
	chat_lose(o->chat, "tools.strict");
	return false;
}

static void
write_tool(struct anthropic_writer *o, const struct tool *tool)
{
	struct str description =
	    custom_tool_description(o->arena, o->chat, tool);
	bool strict = is_strict(o, tool);

	jw_object(o->w);
	jw_kv_str(o->w, "name", name_for(o->arena, tool->name, WIRE_ANTHROPIC));
	if (description.n > 0)
		jw_kv_str(o->w, "description", description);
	if (tool->custom)
		jw_kv_raw(o->w, "input_schema", STR(CUSTOM_TOOL_SCHEMA));
	else if (strict)
		write_schema(o,
		    schema_for(o->arena, o->chat, tool->schema, WIRE_ANTHROPIC,
			"tools.parameters"));
	else
		write_schema(o, tool->schema);
	if (strict)
		jw_kv_bool(o->w, "strict", true);
	anthropic_mark(o, tool->cache_mark);
	jw_end(o->w);
}

/* What the model is told about calling: newest ones cannot be forced. */
static enum tool_choice
choice_for(const struct anthropic_writer *o)
{
	const struct chat *chat = o->chat;
	bool forced = chat->tool_choice == TOOL_CHOICE_REQUIRED ||
	    chat->tool_choice == TOOL_CHOICE_NAMED;

	if (!chat->tools)
		return TOOL_CHOICE_NONE;
	return forced && !anthropic_can(o, MODEL_FORCED) ? TOOL_CHOICE_AUTO
							 : chat->tool_choice;
}

static void
write_tool_choice(struct anthropic_writer *o)
{
	static const char *const words[] = {
		[TOOL_CHOICE_UNSET] = "auto",
		[TOOL_CHOICE_AUTO] = "auto",
		[TOOL_CHOICE_NONE] = "none",
		[TOOL_CHOICE_REQUIRED] = "any",
		[TOOL_CHOICE_NAMED] = "tool",
	};
	const struct chat *chat = o->chat;
	enum tool_choice choice = choice_for(o);

	if (choice == TOOL_CHOICE_UNSET && !chat->parallel_off)
		return;
	jw_key(o->w, "tool_choice");
	jw_object(o->w);
	jw_kv_cstr(o->w, "type", words[choice]);
	if (choice == TOOL_CHOICE_NAMED)
		jw_kv_str(o->w, "name",
		    name_for(o->arena, chat->tool_choice_name, WIRE_ANTHROPIC));
	if (chat->parallel_off && choice != TOOL_CHOICE_NONE)
		jw_kv_bool(o->w, "disable_parallel_tool_use", true);
	jw_end(o->w);
}

/* A history with calls needs tools, even if there are none any more. */
static void
write_tools(struct anthropic_writer *o)
{
	const struct tool *tool = history_tools(o->arena, o->chat);

	if (!tool)
		return;
	jw_key(o->w, "tools");
	jw_array(o->w);
	for (; tool; tool = tool->next)
		write_tool(o, tool);
	jw_end(o->w);
	write_tool_choice(o);
}

/* "auto" is the default anyway. */
static void
write_tier(struct anthropic_writer *o)
{
	struct str tier = o->chat->service_tier;

	if (!tier.p || str_is(tier, "auto"))
		return;
	if (str_is(tier, "default"))
		jw_kv_cstr(o->w, "service_tier", "standard_only");
	else
		chat_lose(o->chat, "service_tier");
}

static void
write_user(struct anthropic_writer *o)
{
	if (o->chat->user.n == 0)
		return;
	jw_key(o->w, "metadata");
	jw_object(o->w);
	jw_kv_str(o->w, "user_id", o->chat->user);
	jw_end(o->w);
}

/* output_config: effort and format in one object. */
static void
write_output(struct anthropic_writer *o, enum effort e)
{
	bool schema =
	    o->chat->output == OUTPUT_SCHEMA && anthropic_can(o, MODEL_SCHEMA);

	if (e == EFFORT_UNSET && !schema)
		return;
	jw_key(o->w, "output_config");
	jw_object(o->w);
	if (e != EFFORT_UNSET)
		jw_kv_cstr(o->w, "effort", effort_word(e));
	if (schema) {
		jw_key(o->w, "format");
		jw_object(o->w);
		jw_kv_cstr(o->w, "type", "json_schema");
		jw_kv_raw(o->w, "schema",
		    schema_for(o->arena, o->chat, o->chat->schema,
			WIRE_ANTHROPIC, "json_schema"));
		jw_end(o->w);
	}
	jw_end(o->w);
}

int
anthropic_write(struct arena *a, const struct target *t, struct ask *ask,
    struct buf *out, struct error *err)
{
	struct chat *chat = ask_chat(ask, err);
	struct jw w;
	struct anthropic_writer o = { a, &w, t, chat, err, NULL, 0, 0, 0,
		false };

	if (!chat ||
	    history_for(a, chat, WIRE_ANTHROPIC, false, &o.turns, err) != 0)
		return -1;
	if (chat->logprobs)
		return error_param(
		    err, "logprobs", "this provider has no log probabilities");
	o.max_tokens = limit_for(t, chat);
	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "model", t->model);
	jw_kv_i64(&w, "max_tokens", o.max_tokens);
	write_tools(&o);
	anthropic_system(&o);
	if (anthropic_messages(&o) != 0)
		return -1;
	write_output(&o, anthropic_thinking(&o));
	write_sampling(&o);
	write_stop(&o);
	write_tier(&o);
	write_user(&o);
	if (ask->stream)
		jw_kv_bool(&w, "stream", true);
	jw_end(&w);
	return 0;
}
