/* SPDX-License-Identifier: MIT */
/*
 * How a Gemini request asks for thinking: models with MODEL_BUDGET take a
 * number of tokens, later ones a level; of whom nothing is known is left
 * alone.
 */
#include "core/catalog.h"
#include "core/jw.h"

#include "providers/effort.h"
#include "providers/gemini.h"
#include "providers/takes.h"

static const char *const levels[] = {
	[EFFORT_UNSET] = "",
	[EFFORT_NONE] = "MINIMAL",
	[EFFORT_MINIMAL] = "MINIMAL",
	[EFFORT_LOW] = "LOW",
	[EFFORT_MEDIUM] = "MEDIUM",
	[EFFORT_HIGH] = "HIGH",
	[EFFORT_XHIGH] = "XHIGH",
	[EFFORT_MAX] = "XHIGH",
};

/* ${e} as tokens: -1 is up to the model, 0 is none where it can do that. */
static int64_t
budget_for(const struct chat *chat, const struct model *facts, enum effort e,
    int64_t limit)
{
	int64_t budget = chat->thinking_budget;

	if (e == EFFORT_NONE)
		return facts->efforts & (1u << EFFORT_NONE) ? 0
							    : facts->budget_min;
	if (budget < 0 && chat->effort == EFFORT_UNSET)
		return -1;
	if (budget <= 0 || chat->effort != EFFORT_UNSET)
		budget = effort_budget(e, limit);
	if (facts->budget_max > 0 && budget > facts->budget_max)
		budget = facts->budget_max;
	return budget < facts->budget_min ? facts->budget_min : budget;
}

void
gemini_thinking(struct gemini_writer *o)
{
	const struct model *facts = o->target->facts;
	int64_t limit = o->chat->max_tokens;
	enum effort want, e;

	if (limit == 0 && facts)
		limit = facts->output;
	want = effort_wanted(o->chat, limit);
	e = effort_pick(want, facts ? facts->efforts : 0);
	if (want == EFFORT_UNSET)
		return;
	if (e == EFFORT_UNSET && !gemini_can(o, MODEL_BUDGET)) {
		takes_no_effort(o->target, o->chat, want);
		return;
	}
	jw_key(o->w, "thinkingConfig");
	jw_object(o->w);
	if (gemini_can(o, MODEL_BUDGET))
		jw_kv_i64(o->w, "thinkingBudget",
		    budget_for(o->chat, facts, want, limit));
	else
		jw_kv_cstr(o->w, "thinkingLevel", levels[e]);
	if (want != EFFORT_NONE && !o->chat->thinking_hidden)
		jw_kv_bool(o->w, "includeThoughts", true);
	jw_end(o->w);
}
