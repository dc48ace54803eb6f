/* SPDX-License-Identifier: MIT */
#include "core/event.h"
#include "core/jtree.h"
#include "core/usage.h"

#include "providers/answer.h"
#include "providers/gemini.h"

static int64_t
count(const struct jnode *at, const char *key)
{
	int64_t v = 0;

	(void)answer_count(at, key, &v);
	return v;
}

/* The tokens of ${modality} in the list ${key}. */
static int64_t
modal(const struct jnode *at, const char *key, const char *modality)
{
	struct jnode list, item;
	int64_t sum = 0;

	(void)jtree_find(at, key, &list);
	for (size_t i = 0; i < jtree_len(&list); i++) {
		item = jtree_item(&list, i);
		if (str_is(answer_str(&item, "modality"), modality))
			sum += count(&item, "tokenCount");
	}
	return sum;
}

/* What is cached counts as such, whatever it shows or sounds like. */
static int64_t
uncached(const struct jnode *at, const char *modality)
{
	return modal(at, "promptTokensDetails", modality) -
	    modal(at, "cacheTokensDetails", modality);
}

/* An object may be there, and no figures in it. */
static bool
has_counts(const struct jnode *at)
{
	static const char *const keys[] = { "promptTokenCount",
		"candidatesTokenCount", "thoughtsTokenCount",
		"totalTokenCount" };
	size_t i, n = sizeof(keys) / sizeof(*keys);
	int64_t v;

	for (i = 0; i < n && !answer_count(at, keys[i], &v); i++)
		continue;
	return i < n;
}

bool
gemini_usage(const struct jnode *at, struct usage *u)
{
	int64_t in = count(at, "promptTokenCount");
	int64_t out = count(at, "candidatesTokenCount");

	if (!has_counts(at))
		return false;
	usage_init(u);
	u->tokens[USAGE_CACHE_READ] =
	    usage_take(&in, count(at, "cachedContentTokenCount"));
	u->tokens[USAGE_AUDIO_IN] = usage_take(&in, uncached(at, "AUDIO"));
	u->tokens[USAGE_IMAGE_IN] = usage_take(&in, uncached(at, "IMAGE"));
	u->tokens[USAGE_INPUT] = in + count(at, "toolUsePromptTokenCount");
	u->tokens[USAGE_AUDIO_OUT] =
	    usage_take(&out, modal(at, "candidatesTokensDetails", "AUDIO"));
	u->tokens[USAGE_IMAGE_OUT] =
	    usage_take(&out, modal(at, "candidatesTokensDetails", "IMAGE"));
	u->tokens[USAGE_OUTPUT] = out;
	u->tokens[USAGE_REASONING] = count(at, "thoughtsTokenCount");
	u->source = USAGE_REPORTED;
	(void)usage_clean(u);
	return true;
}

/* Some words are no end but a failure. */
static const struct {
	const char *word;
	enum stop_reason stop; /* STOP_NONE: a failure */
} finish_words[] = {
	{ "STOP", STOP_END },
	{ "MAX_TOKENS", STOP_LENGTH },
	{ "CONTINUATION", STOP_LENGTH },
	{ "SAFETY", STOP_REFUSAL },
	{ "RECITATION", STOP_REFUSAL },
	{ "LANGUAGE", STOP_REFUSAL },
	{ "BLOCKLIST", STOP_REFUSAL },
	{ "PROHIBITED_CONTENT", STOP_REFUSAL },
	{ "SPII", STOP_REFUSAL },
	{ "IMAGE_SAFETY", STOP_REFUSAL },
	{ "IMAGE_PROHIBITED_CONTENT", STOP_REFUSAL },
	{ "IMAGE_RECITATION", STOP_REFUSAL },
	{ "OTHER", STOP_NONE },
	{ "MALFORMED_FUNCTION_CALL", STOP_NONE },
	{ "UNEXPECTED_TOOL_CALL", STOP_NONE },
	{ "TOO_MANY_TOOL_CALLS", STOP_NONE },
	{ "MALFORMED_RESPONSE", STOP_NONE },
	{ "IMAGE_OTHER", STOP_NONE },
	{ "NO_IMAGE", STOP_NONE },
};

enum stop_reason
gemini_finish(struct str word)
{
	size_t i;

	for (i = 0; i < sizeof(finish_words) / sizeof(*finish_words); i++)
		if (str_is(word, finish_words[i].word))
			return finish_words[i].stop;
	return STOP_END;
}
