/* SPDX-License-Identifier: MIT */
/*
 * Writing Gemini requests: the parameters.  The conversation is in
 * gemini_contents.c.
 */
#include "providers/gemini.h"

#include <ctype.h>

#include "core/catalog.h"
#include "core/error.h"
#include "core/jw.h"

#include "providers/custom_tool.h"
#include "providers/history.h"
#include "providers/instruct.h"
#include "providers/names.h"
#include "providers/schema.h"
#include "providers/takes.h"

#define MAX_STOPS   5
#define FAMILY      "gemini-"
#define FIRST_LEVEL '3' /* the generation that thinks by level */

bool
gemini_can(const struct gemini_writer *o, unsigned can)
{
	return takes_any(o->target, WIRE_GEMINI, can);
}

/* The name tells, or how it thinks; what nobody knows is new. */
static bool
is_modern(const struct target *t)
{
	struct str number = str_skip(t->model, sizeof(FAMILY) - 1);

	if (str_starts(t->model, FAMILY) && number.n > 0 &&
	    isdigit((unsigned char)*number.p))
		return *number.p >= FIRST_LEVEL ||
		    (number.n > 1 && isdigit((unsigned char)number.p[1]));
	if (takes_is_known(t))
		return t->facts->efforts && !(t->facts->can & MODEL_BUDGET);
	return !str_starts(t->model, "gemma");
}

const struct name *
gemini_cut(const struct chat *chat)
{
	const struct name *s = chat->stop;
	int n;

	for (n = 0; s && n < MAX_STOPS; n++)
		s = s->next;
	return s;
}

static void
write_stop(struct gemini_writer *o)
{
	const struct name *s = o->chat->stop;
	int n;

	if (!s)
		return;
	jw_key(o->w, "stopSequences");
	jw_array(o->w);
	for (n = 0; s && n < MAX_STOPS; n++, s = s->next)
		jw_str(o->w, s->s);
	jw_end(o->w);
}

static void
write_limit(struct gemini_writer *o)
{
	int64_t limit = takes_limit(o->target, o->chat);

	if (limit > 0)
		jw_kv_i64(o->w, "maxOutputTokens", limit);
}

static void
write_number(struct gemini_writer *o, const char *key, const char *name,
    const struct opt_double *v, bool takes)
{
	if (!v->set)
		return;
	if (!takes) {
		chat_lose(o->chat, "%s", name);
		return;
	}
	jw_key(o->w, key);
	jw_double(o->w, v->v);
}

/* Models of the second generation refuse penalties; a seed is an int32. */
static void
write_sampling(struct gemini_writer *o)
{
	struct chat *chat = o->chat;
	bool takes = gemini_can(o, MODEL_TEMPERATURE);

	write_number(
	    o, "temperature", "temperature", &chat->temperature, takes);
	write_number(o, "topP", "top_p", &chat->top_p, takes);
	write_number(o, "topK", "top_k", &chat->top_k, takes);
	write_number(o, "presencePenalty", "presence_penalty",
	    &chat->presence_penalty, takes && o->modern);
	write_number(o, "frequencyPenalty", "frequency_penalty",
	    &chat->frequency_penalty, takes && o->modern);
	write_number(o, "seed", "seed", &chat->seed,
	    chat->seed.v >= INT32_MIN && chat->seed.v <= INT32_MAX);
	write_stop(o);
}

/* Older models have either tools or JSON. */
static bool
takes_json(const struct gemini_writer *o)
{
	return o->modern || !o->chat->tools;
}

static bool
takes_schema(const struct gemini_writer *o)
{
	return takes_json(o) && gemini_can(o, MODEL_SCHEMA);
}

static void
write_format(struct gemini_writer *o)
{
	struct chat *chat = o->chat;

	if (chat->output == OUTPUT_TEXT ||
	    !(chat->output == OUTPUT_JSON ? takes_json(o) : takes_schema(o)))
		return;
	jw_kv_cstr(o->w, "responseMimeType", "application/json");
	if (chat->output == OUTPUT_SCHEMA)
		jw_kv_raw(o->w, "responseJsonSchema",
		    schema_for(o->arena, chat, chat->schema, WIRE_GEMINI,
			"json_schema"));
}

static void
write_tool(struct gemini_writer *o, const struct tool *tool)
{
	struct str description =
	    custom_tool_description(o->arena, o->chat, tool);

	jw_object(o->w);
	jw_kv_str(o->w, "name", name_for(o->arena, tool->name, WIRE_GEMINI));
	if (description.n > 0)
		jw_kv_str(o->w, "description", description);
	if (tool->custom)
		jw_kv_raw(
		    o->w, "parametersJsonSchema", STR(CUSTOM_TOOL_SCHEMA));
	else if (str_starts(tool->schema, "{"))
		jw_kv_raw(o->w, "parametersJsonSchema",
		    schema_for(o->arena, o->chat, tool->schema, WIRE_GEMINI,
			"tools.parameters"));
	jw_end(o->w);
}

/* Strictness is a mode of calling here, for all tools at once. */
static bool
is_validated(struct gemini_writer *o)
{
	const struct tool *tool = o->chat->tools;

	while (tool && !tool->strict)
		tool = tool->next;
	if (tool && !o->modern)
		chat_lose(o->chat, "tools.strict");
	return tool && o->modern;
}

static const char *
mode_for(struct gemini_writer *o)
{
	bool validated = is_validated(o);

	if (!o->chat->tools)
		return "NONE"; /* for a history with calls */
	switch (o->chat->tool_choice) {
	case TOOL_CHOICE_NONE:
		return "NONE";
	case TOOL_CHOICE_REQUIRED:
	case TOOL_CHOICE_NAMED:
		return "ANY";
	case TOOL_CHOICE_UNSET:
		return validated ? "VALIDATED" : NULL;
	case TOOL_CHOICE_AUTO:
		break;
	}
	return validated ? "VALIDATED" : "AUTO";
}

static void
write_tool_choice(struct gemini_writer *o)
{
	const char *mode = mode_for(o);

	if (o->chat->parallel_off && o->chat->tools)
		chat_lose(o->chat, "parallel_tool_calls");
	if (!mode)
		return;
	jw_key(o->w, "toolConfig");
	jw_object(o->w);
	jw_key(o->w, "functionCallingConfig");
	jw_object(o->w);
	jw_kv_cstr(o->w, "mode", mode);
	if (o->chat->tools && o->chat->tool_choice == TOOL_CHOICE_NAMED) {
		jw_key(o->w, "allowedFunctionNames");
		jw_array(o->w);
		jw_str(o->w,
		    name_for(o->arena, o->chat->tool_choice_name, WIRE_GEMINI));
		jw_end(o->w);
	}
	jw_end(o->w);
	jw_end(o->w);
}

static void
write_tools(struct gemini_writer *o)
{
	const struct tool *tool = history_tools(o->arena, o->chat);

	if (!tool)
		return;
	jw_key(o->w, "tools");
	jw_array(o->w);
	jw_object(o->w);
	jw_key(o->w, "functionDeclarations");
	jw_array(o->w);
	for (; tool; tool = tool->next)
		write_tool(o, tool);
	jw_end(o->w);
	jw_end(o->w);
	jw_end(o->w);
	write_tool_choice(o);
}

/* Words of other vendors for what is bought; "auto" is the default. */
static void
write_tier(struct gemini_writer *o)
{
	static const struct {
		const char *word, *tier;
	} tiers[] = {
		{ "default", "standard" },
		{ "standard_only", "standard" },
		{ "flex", "flex" },
		{ "priority", "priority" },
		{ "fast", "priority" },
		{ "ultrafast", "priority" },
	};
	struct str tier = o->chat->service_tier;

	if (!tier.p || str_is(tier, "auto"))
		return;
	for (size_t i = 0; i < sizeof(tiers) / sizeof(*tiers); i++)
		if (str_is(tier, tiers[i].word)) {
			jw_kv_cstr(o->w, "serviceTier", tiers[i].tier);
			return;
		}
	chat_lose(o->chat, "service_tier");
}

int
gemini_write(struct arena *a, const struct target *t, struct ask *ask,
    struct buf *out, struct error *err)
{
	struct chat *chat = ask_chat(ask, err);
	struct jw w;
	struct gemini_writer o = { a, &w, t, chat, err, NULL, STR_NONE, false };

	if (!chat ||
	    history_for(a, chat, WIRE_GEMINI, false, &o.turns, err) != 0)
		return -1;
	o.modern = is_modern(t);
	o.instruction =
	    instruct_format(a, chat, takes_json(&o), takes_schema(&o));
	history_lose_marks(chat, 0);
	history_lose_user(chat);
	jw_init(&w, out);
	jw_object(&w);
	if (gemini_contents(&o) != 0)
		return -1;
	write_tools(&o);
	jw_key(&w, "generationConfig");
	jw_object(&w);
	write_limit(&o);
	write_sampling(&o);
	write_format(&o);
	gemini_thinking(&o);
	jw_end(&w);
	write_tier(&o);
	jw_end(&w);
	return 0;
}
