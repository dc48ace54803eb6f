/* SPDX-License-Identifier: MIT */
#include "core/rubric.h"

#include <stddef.h>

static const struct rubric rubrics[] = {
	{ "summar",
	    "A good summary says what matters most in its source, says nothing "
	    "that the source does not, and is as short as was asked for.",
	    { "faithful", "complete", "concise", NULL } },
	{ "classif",
	    "A good classification names the right class, in exactly the form "
	    "that was asked for, and nothing else.",
	    { "correct", "form", NULL } },
	{ "extract",
	    "A good extraction has every item that was asked for, each exactly "
	    "as the source has it, invents none, and keeps the asked form.",
	    { "correct", "complete", "form", NULL } },
	{ "code",
	    "Good code does what was asked, including edge cases, would run as "
	    "it stands, is safe, and is easy to read.",
	    { "correct", "complete", "readable", NULL } },
	{ "translat",
	    "A good translation has the same meaning and tone, reads as if "
	    "written in the target language, and leaves nothing out.",
	    { "faithful", "fluent", "complete", NULL } },
	{ "rewrit",
	    "A good rewrite keeps the meaning, follows the instructions about "
	    "style, and reads well.",
	    { "faithful", "instructions", "fluent", NULL } },
	{ "reason",
	    "A good solution reaches the right result by steps that hold.",
	    { "correct", "sound", NULL } },
	{ "agent",
	    "A good step of an agent calls the right tool with the right "
	    "arguments, or ends when the task is done, and claims nothing "
	    "that did not happen.",
	    { "correct", "instructions", "honest", NULL } },
	{ NULL,
	    "A good answer is correct, does what was asked, and is as clear "
	    "and as short as it can be.  Length is no merit in itself.",
	    { "correct", "helpful", "clear", NULL } },
};

const struct rubric *
rubric_of(struct str task)
{
	const struct rubric *r = rubrics;

	while (r->task != NULL && str_find(task, str_of(r->task)) < 0)
		r++;
	return r;
}
