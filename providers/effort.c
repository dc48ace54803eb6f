/* SPDX-License-Identifier: MIT */
#include "providers/effort.h"

/* Percent of the output limit: what a word stands for, and up to where. */
static const struct {
	int share;
	int below;
} shares[] = {
	[EFFORT_UNSET] = { 0, 0 },
	[EFFORT_NONE] = { 0, 0 },
	[EFFORT_MINIMAL] = { 2, 5 },
	[EFFORT_LOW] = { 10, 20 },
	[EFFORT_MEDIUM] = { 30, 45 },
	[EFFORT_HIGH] = { 60, 75 },
	[EFFORT_XHIGH] = { 90, 93 },
	[EFFORT_MAX] = { 95, 101 },
};

enum effort
effort_wanted(const struct chat *chat, int64_t max_tokens)
{
	int e = EFFORT_MINIMAL;

	if (chat->effort != EFFORT_UNSET)
		return chat->effort;
	if (chat->thinking_off)
		return EFFORT_NONE;
	if (chat->thinking_budget == 0)
		return EFFORT_UNSET;
	if (chat->thinking_budget < 0 || max_tokens <= 0)
		return EFFORT_HIGH; /* Claude's default */
	while (e < EFFORT_MAX &&
	    chat->thinking_budget >= max_tokens / 100 * shares[e].below)
		e++;
	return (enum effort)e;
}

enum effort
effort_pick(enum effort want, unsigned accepted)
{
	int e;

	if (want == EFFORT_UNSET)
		return EFFORT_UNSET;
	if (accepted & (1u << want))
		return want;
	for (e = (int)want - 1; e > EFFORT_NONE; e--)
		if (accepted & (1u << e))
			return (enum effort)e;
	for (e = (int)want + 1; e <= EFFORT_MAX; e++)
		if (accepted & (1u << e))
			return (enum effort)e;
	return EFFORT_UNSET;
}

int64_t
effort_budget(enum effort e, int64_t max_tokens)
{
	int64_t budget = max_tokens / 100 * shares[e].share;

	return budget < EFFORT_MIN_BUDGET ? EFFORT_MIN_BUDGET : budget;
}
