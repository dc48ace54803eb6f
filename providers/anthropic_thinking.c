/* SPDX-License-Identifier: MIT */
/*
 * How a Messages request asks for thinking.  Models with MODEL_ADAPTIVE take
 * {"type":"adaptive"} and an effort word, those with MODEL_BUDGET a number of
 * tokens, the others nothing.
 */
#include "providers/anthropic.h"

#include "core/catalog.h"
#include "core/jw.h"

#include "providers/effort.h"
#include "providers/takes.h"

/*
 * With a budget the API insists that a turn under way began with thinking;
 * answers of other models do not.
 */
static bool
is_loop_without_thinking(const struct turn *t)
{
	const struct turn *last = NULL;
	const struct part *p;

	for (; t; t = t->next)
		if (t->role == ROLE_ASSISTANT)
			last = t;
	if (!last || last->parts->kind == PART_THINKING)
		return false;
	if (!last->next || last->next->parts->kind != PART_TOOL_RESULT)
		return false;
	/* Words of the user behind the results begin a new turn. */
	for (p = last->next->parts; p; p = p->next)
		if (p->kind != PART_TOOL_RESULT)
			return false;
	return !last->next->next;
}

static bool
is_forced(const struct chat *chat)
{
	return chat->tools &&
	    (chat->tool_choice == TOOL_CHOICE_REQUIRED ||
		chat->tool_choice == TOOL_CHOICE_NAMED);
}

static void
write_display(struct anthropic_writer *o)
{
	jw_kv_cstr(o->w, "display",
	    o->chat->thinking_hidden ? "omitted" : "summarized");
	jw_end(o->w);
	o->thinking = true;
}

static void
begin(struct anthropic_writer *o, const char *type)
{
	jw_key(o->w, "thinking");
	jw_object(o->w);
	jw_kv_cstr(o->w, "type", type);
}

/* No thinking at all where the model allows it, else as little as it can. */
static enum effort
write_off(struct anthropic_writer *o, unsigned efforts)
{
	if (!(efforts & (1u << EFFORT_NONE)))
		return effort_pick(EFFORT_NONE, efforts);
	begin(o, "disabled");
	jw_end(o->w);
	return EFFORT_UNSET;
}

static void
write_budget(struct anthropic_writer *o, enum effort want)
{
	int64_t budget = o->chat->thinking_budget;

	if (budget <= 0)
		budget = effort_budget(want, o->max_tokens);
	if (budget < EFFORT_MIN_BUDGET)
		budget = EFFORT_MIN_BUDGET;
	if (budget >= o->max_tokens || is_forced(o->chat) ||
	    is_loop_without_thinking(o->turns)) {
		chat_lose(o->chat, "reasoning_effort");
		return;
	}
	begin(o, "enabled");
	jw_kv_i64(o->w, "budget_tokens", budget);
	write_display(o);
}

enum effort
anthropic_thinking(struct anthropic_writer *o)
{
	const struct model *facts = o->target->facts;
	enum effort want = effort_wanted(o->chat, o->max_tokens);

	if (want == EFFORT_UNSET)
		return EFFORT_UNSET;
	if (anthropic_can(o, MODEL_ADAPTIVE)) {
		if (want == EFFORT_NONE)
			return write_off(o, facts->efforts);
		begin(o, "adaptive");
		write_display(o);
		return effort_pick(want, facts->efforts);
	}
	if (anthropic_can(o, MODEL_BUDGET) && want != EFFORT_NONE)
		write_budget(o, want);
	else
		takes_no_effort(o->target, o->chat, want);
	return EFFORT_UNSET;
}
