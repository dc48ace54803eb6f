/* SPDX-License-Identifier: MIT */
/*
 * Writing Chat Completions requests: the parameters.  The conversation is in
 * openai_messages.c.
 */
#include "providers/openai.h"

#include <math.h>

#include "core/buf.h"
#include "core/catalog.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jw.h"

#include "providers/custom_tool.h"
#include "providers/effort.h"
#include "providers/names.h"
#include "providers/openai_messages.h"
#include "providers/openai_shared.h"
#include "providers/providers.h"
#include "providers/request.h"
#include "providers/schema.h"
#include "providers/takes.h"

#define MAX_STOPS    4
#define EXACT_DOUBLE 0x1p53 /* integers below it are exact */

static bool
is_vendor_url(struct str url)
{
	const struct vendor *v;

	for (v = providers.vendors; v->name; v++)
		if (str_is(url, v->base_url))
			return true;
	return false;
}

/*
 * max_tokens is what every server knows but OpenAI's newer models, which are
 * in the catalogue or at least at a known address.
 */
static const char *
limit_name(const struct target *t)
{
	if (t->provider->quirks & QUIRK_MAX_TOKENS)
		return "max_tokens";
	return takes_is_known(t) || is_vendor_url(t->provider->base_url)
	    ? "max_completion_tokens"
	    : "max_tokens";
}

static bool
takes_sampling(const struct target *t)
{
	return takes_any(t, WIRE_OPENAI_CHAT, MODEL_TEMPERATURE);
}

static void
write_stop(struct jw *w, const struct chat *chat, bool takes)
{
	const struct name *s;
	int n = 0;

	if (!chat->stop || !takes)
		return;
	jw_key(w, "stop");
	jw_array(w);
	for (s = chat->stop; s && n < MAX_STOPS; s = s->next, n++)
		jw_str(w, s->s);
	jw_end(w);
}

const struct name *
openai_cut(const struct target *t, const struct chat *chat)
{
	const struct name *s = chat->stop;
	int n;

	for (n = 0; s && takes_sampling(t) && n < MAX_STOPS; n++)
		s = s->next;
	return s;
}

/* Reasoning models reject sampling parameters altogether. */
static void
write_sampling(struct jw *w, struct chat *chat, const struct target *t)
{
	bool takes = takes_sampling(t);

	request_number(w, chat, "temperature", &chat->temperature, takes);
	request_number(w, chat, "top_p", &chat->top_p, takes);
	request_number(w, chat, "top_k", &chat->top_k, false);
	request_number(
	    w, chat, "presence_penalty", &chat->presence_penalty, takes);
	request_number(
	    w, chat, "frequency_penalty", &chat->frequency_penalty, takes);
	if (chat->seed.set && fabs(chat->seed.v) < EXACT_DOUBLE)
		jw_kv_i64(w, "seed", (int64_t)chat->seed.v);
	else
		request_number(w, chat, "seed", &chat->seed, false);
	write_stop(w, chat, takes);
}

static void
write_effort(struct jw *w, struct chat *chat, const struct target *t)
{
	int64_t limit = chat->max_tokens;
	enum effort want, e;

	if (limit == 0 && t->facts)
		limit = t->facts->output;
	want = effort_wanted(chat, limit);
	e = takes_effort(t, chat, want);
	if (e != EFFORT_UNSET)
		jw_kv_cstr(w, "reasoning_effort", effort_word(e));
}

static void
write_tool(
    struct arena *a, struct jw *w, struct chat *chat, const struct tool *tool)
{
	struct str description = custom_tool_description(a, chat, tool);

	jw_object(w);
	jw_kv_cstr(w, "type", "function");
	jw_key(w, "function");
	jw_object(w);
	jw_kv_str(w, "name", name_for(a, tool->name, WIRE_OPENAI_CHAT));
	if (description.p)
		jw_kv_str(w, "description", description);
	if (tool->custom)
		jw_kv_raw(w, "parameters", STR(CUSTOM_TOOL_SCHEMA));
	else if (tool->schema.p)
		jw_kv_raw(w, "parameters", tool->schema);
	if (tool->strict && schema_is_strict(a, chat, tool->schema, "tools"))
		jw_kv_bool(w, "strict", true);
	jw_end(w);
	jw_end(w);
}

static void
write_tool_choice(struct arena *a, struct jw *w, const struct chat *chat)
{
	if (chat->tool_choice == TOOL_CHOICE_NAMED) {
		jw_key(w, "tool_choice");
		jw_object(w);
		jw_kv_cstr(w, "type", "function");
		jw_key(w, "function");
		jw_object(w);
		jw_kv_str(w, "name",
		    name_for(a, chat->tool_choice_name, WIRE_OPENAI_CHAT));
		jw_end(w);
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
	write_tool_choice(a, w, chat);
}

static void
write_format(
    struct arena *a, struct jw *w, struct chat *chat, const struct target *t)
{
	bool schema = takes_any(t, WIRE_OPENAI_CHAT, MODEL_SCHEMA);

	if (chat->output == OUTPUT_TEXT ||
	    (chat->output == OUTPUT_SCHEMA && !schema))
		return;
	jw_key(w, "response_format");
	jw_object(w);
	if (chat->output == OUTPUT_JSON) {
		jw_kv_cstr(w, "type", "json_object");
		jw_end(w);
		return;
	}
	jw_kv_cstr(w, "type", "json_schema");
	jw_key(w, "json_schema");
	jw_object(w);
	jw_kv_str(w, "name",
	    chat->schema_name.n > 0 ? chat->schema_name : STR("answer"));
	jw_kv_raw(w, "schema", chat->schema);
	if (chat->schema_strict &&
	    schema_is_strict(a, chat, chat->schema, "json_schema"))
		jw_kv_bool(w, "strict", true);
	jw_end(w);
	jw_end(w);
}

/* "auto" is the default anyway; one tier is not for this format. */
static void
write_tier(struct jw *w, struct chat *chat)
{
	if (!chat->service_tier.p || str_is(chat->service_tier, "auto"))
		return;
	if (str_is(chat->service_tier, "standard_only"))
		jw_kv_cstr(w, "service_tier", "default");
	else if (chat->dialect == WIRE_OPENAI_RESPONSES &&
	    !str_is(chat->service_tier, "ultrafast"))
		jw_kv_str(w, "service_tier", chat->service_tier);
	else
		chat_lose(chat, "service_tier");
}

static void
write_stream(struct jw *w, const struct target *t)
{
	jw_kv_bool(w, "stream", true);
	if (t->provider->quirks & QUIRK_NO_STREAM_OPTIONS)
		return;
	jw_key(w, "stream_options");
	jw_object(w);
	jw_kv_bool(w, "include_usage", true);
	jw_end(w);
}

int
openai_write(struct arena *a, const struct target *t, struct ask *ask,
    struct buf *out, struct error *err)
{
	struct chat *chat = ask_chat(ask, err);
	struct str verbosity;
	int64_t limit;
	struct jw w;

	if (!chat)
		return -1;
	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "model", t->model);
	if (openai_messages(a, &w, t, chat, err) != 0)
		return -1;
	limit = takes_limit(t, chat);
	if (limit > 0)
		jw_kv_i64(&w, limit_name(t), limit);
	write_sampling(&w, chat, t);
	write_effort(&w, chat, t);
	write_tools(a, &w, chat);
	write_format(a, &w, chat, t);
	write_tier(&w, chat);
	openai_user(&w, chat);
	openai_shared(&w, chat, t, WIRE_OPENAI_CHAT);
	verbosity = openai_verbosity(chat, t, WIRE_OPENAI_CHAT);
	if (verbosity.p)
		jw_kv_raw(&w, "verbosity", verbosity);
	if (ask->stream)
		write_stream(&w, t);
	jw_end(&w);
	return 0;
}
