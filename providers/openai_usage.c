/* SPDX-License-Identifier: MIT */
#include "providers/openai.h"

#include <ctype.h>

#include "core/jtree.h"
#include "core/money.h"
#include "core/usage.h"

#include "providers/answer.h"

/* One xAI cost tick is 10^-10 USD. */
#define PUSD_PER_TICK 100

/* Where vendors put a count; the first path that is there counts. */
static const struct {
	const char *outer; /* NULL: in usage itself */
	const char *key;
} cached_paths[] = {
	{ "prompt_tokens_details", "cached_tokens" },
	{ "input_tokens_details", "cached_tokens" },
	{ NULL, "prompt_cache_hit_tokens" }, /* DeepSeek */
	{ NULL, "cached_tokens" },           /* Moonshot */
	{ NULL, "num_cached_tokens" },       /* Mistral */
};

static int64_t
count(const struct jnode *at, const char *outer, const char *key)
{
	struct jnode in = *at;
	int64_t v = 0;

	if (outer && !jtree_find(at, outer, &in))
		return 0;
	(void)answer_count(&in, key, &v);
	return v;
}

static int64_t
count_cached(const struct jnode *at)
{
	size_t n = sizeof(cached_paths) / sizeof(*cached_paths);
	int64_t v = 0;

	for (size_t i = 0; i < n && v == 0; i++)
		v = count(at, cached_paths[i].outer, cached_paths[i].key);
	return v;
}

/* What one format calls things, and what the other does. */
struct words {
	const char *in, *in_details, *out, *out_details;
};

/* Writes to the cache, those of known lifetime first. */
static void
read_writes(const struct jnode *details, int64_t *prompt, struct usage *u)
{
	static const char by_ttl[] = "cache_write_tokens_details";
	int64_t rest = count(details, NULL, "cache_write_tokens");
	int64_t brief =
	    usage_take(&rest, count(details, by_ttl, "ttl_30m_tokens"));
	int64_t lasting =
	    usage_take(&rest, count(details, by_ttl, "ttl_12h_tokens"));

	u->tokens[USAGE_CACHE_WRITE_30M] = usage_take(prompt, brief);
	u->tokens[USAGE_CACHE_WRITE_12H] = usage_take(prompt, lasting);
	u->tokens[USAGE_CACHE_WRITE_5M] = usage_take(prompt, rest);
}

static void
read_input(const struct jnode *at, const struct words *words, int64_t prompt,
    struct usage *u)
{
	const char *in = words->in_details;
	struct jnode details;

	u->tokens[USAGE_CACHE_READ] = usage_take(&prompt, count_cached(at));
	if (jtree_find(at, in, &details))
		read_writes(&details, &prompt, u);
	u->tokens[USAGE_AUDIO_IN] =
	    usage_take(&prompt, count(at, in, "audio_tokens"));
	u->tokens[USAGE_IMAGE_IN] =
	    usage_take(&prompt, count(at, in, "image_tokens"));
	u->tokens[USAGE_INPUT] = prompt;
}

/*
 * Some vendors do not count reasoning as completion, and some of them do not
 * name it at all; then the total tells.
 */
static void
read_output(const struct jnode *at, const struct words *words, unsigned quirks,
    int64_t prompt, struct usage *u)
{
	const char *out = words->out_details;
	int64_t completion = count(at, NULL, words->out);
	int64_t total = count(at, NULL, "total_tokens");
	int64_t reasoning = count(at, out, "reasoning_tokens");
	int64_t outside = total - prompt - completion;

	if (reasoning == 0)
		reasoning = count(at, NULL, "reasoning_tokens");
	if (total == 0 && (quirks & QUIRK_REASONING_OUTSIDE))
		outside = reasoning;
	if (outside > 0) {
		completion += outside;
		reasoning = reasoning > outside ? reasoning : outside;
	}
	u->tokens[USAGE_REASONING] = usage_take(&completion, reasoning);
	u->tokens[USAGE_AUDIO_OUT] =
	    usage_take(&completion, count(at, out, "audio_tokens"));
	u->tokens[USAGE_IMAGE_OUT] =
	    usage_take(&completion, count(at, out, "image_tokens"));
	u->tokens[USAGE_OUTPUT] = completion;
}

static int64_t
read_cost(struct arena *a, const struct jnode *at)
{
	struct jnode cost;
	int64_t ticks, pusd;

	if (jtree_find(at, "cost", &cost))
		return money_round(jtree_text(a, &cost), PUSD_PER_USD, &pusd) ==
			    0 &&
			pusd >= 0
		    ? pusd
		    : -1;
	if (answer_count(at, "cost_in_usd_ticks", &ticks) && ticks >= 0 &&
	    ticks <= INT64_MAX / PUSD_PER_TICK)
		return ticks * PUSD_PER_TICK;
	return -1;
}

/* An object may be there, and no figures in it. */
static bool
has_counts(const struct jnode *at, const struct words *words)
{
	int64_t v;

	return answer_count(at, words->in, &v) ||
	    answer_count(at, words->out, &v) ||
	    answer_count(at, "total_tokens", &v);
}

bool
openai_usage(
    struct arena *a, const struct jnode *at, unsigned quirks, struct usage *u)
{
	static const struct words chat = { "prompt_tokens",
		"prompt_tokens_details", "completion_tokens",
		"completion_tokens_details" };
	static const struct words responses = { "input_tokens",
		"input_tokens_details", "output_tokens",
		"output_tokens_details" };
	struct jnode in;
	const struct words *words =
	    jtree_find(at, responses.in, &in) ? &responses : &chat;
	int64_t prompt = count(at, NULL, words->in);

	if (!has_counts(at, words))
		return false;
	usage_init(u);
	read_input(at, words, prompt, u);
	read_output(at, words, quirks, prompt, u);
	u->web_searches =
	    count(at, "server_tool_use_details", "web_search_requests");
	u->provider_cost_pusd = read_cost(a, at);
	u->source = USAGE_REPORTED;
	(void)usage_clean(u);
	return true;
}
