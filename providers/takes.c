/* SPDX-License-Identifier: MIT */
#include "providers/takes.h"

#include "core/conf.h"

#include "providers/effort.h"
#include "providers/providers.h"

/* What a model sees, hears and reads is for its vendor to refuse: without it
 * the request would be another one. */
#define INPUT (MODEL_IMAGES | MODEL_PDF | MODEL_AUDIO)

/*
 * The safest form.  OpenAI's unknown models are newer than the catalogue and
 * reason, so they take no sampling, but not all of them take an effort.
 * Chat elsewhere is some open model: all servers know temperature.  Of
 * Claude, the newest cannot be forced or prefilled and take no sampling, the
 * oldest neither schemas nor thinking.
 */
static const struct {
	enum wire wire;
	bool at_openai;
	unsigned can;
} unlisted[] = {
	{ WIRE_OPENAI_CHAT, true, INPUT | MODEL_SCHEMA },
	{ WIRE_OPENAI_CHAT, false, INPUT | MODEL_SCHEMA | MODEL_TEMPERATURE },
	{ WIRE_OPENAI_RESPONSES, false, INPUT | MODEL_SCHEMA },
	{ WIRE_ANTHROPIC, false, INPUT },
	{ WIRE_GEMINI, false, INPUT | MODEL_SCHEMA | MODEL_TEMPERATURE },
};

bool
takes_is_openai(const struct target *t)
{
	const struct vendor *v = registry_vendor(&providers, STR("openai"));

	return v && str_is(t->provider->base_url, v->base_url);
}

bool
takes_is_known(const struct target *t)
{
	return t->facts && t->facts->can != 0;
}

bool
takes_any(const struct target *t, enum wire wire, unsigned can)
{
	size_t i;

	if (takes_is_known(t))
		return t->facts->can & can;
	for (i = 0; i < sizeof(unlisted) / sizeof(unlisted[0]); i++)
		if (unlisted[i].wire == wire &&
		    (!unlisted[i].at_openai || takes_is_openai(t)))
			return unlisted[i].can & can;
	return false;
}

int64_t
takes_limit(const struct target *t, struct chat *chat)
{
	int64_t most = t->facts ? t->facts->output : 0;

	if (most == 0 || chat->max_tokens <= most)
		return chat->max_tokens;
	chat_lose(chat, "max_tokens");
	return most;
}

void
takes_no_effort(const struct target *t, struct chat *chat, enum effort want)
{
	if (want == EFFORT_UNSET || (want == EFFORT_NONE && takes_is_known(t)))
		return;
	chat_lose(chat, "%s",
	    chat->dialect == WIRE_ANTHROPIC ? "thinking" : "reasoning_effort");
}

enum effort
takes_effort(const struct target *t, struct chat *chat, enum effort want)
{
	enum effort e = effort_pick(want, t->facts ? t->facts->efforts : 0);

	if (e == EFFORT_UNSET)
		takes_no_effort(t, chat, want);
	return e;
}
