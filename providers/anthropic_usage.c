/* SPDX-License-Identifier: MIT */
#include "providers/anthropic_usage.h"

#include <stddef.h>

#include "core/jtree.h"

#include "providers/answer.h"

/* Members of usage, and of objects in it. */
static const struct {
	const char *outer; /* NULL: in usage itself */
	const char *key;
	size_t at;
} count_members[] = {
	{ NULL, "input_tokens", offsetof(struct anthropic_counts, input) },
	{ NULL, "cache_read_input_tokens",
	    offsetof(struct anthropic_counts, cache_read) },
	{ NULL, "cache_creation_input_tokens",
	    offsetof(struct anthropic_counts, cache_write) },
	{ "cache_creation", "ephemeral_5m_input_tokens",
	    offsetof(struct anthropic_counts, cache_5m) },
	{ "cache_creation", "ephemeral_1h_input_tokens",
	    offsetof(struct anthropic_counts, cache_1h) },
	{ NULL, "output_tokens", offsetof(struct anthropic_counts, output) },
	{ "output_tokens_details", "thinking_tokens",
	    offsetof(struct anthropic_counts, thinking) },
	{ "server_tool_use", "web_search_requests",
	    offsetof(struct anthropic_counts, web_searches) },
};

#define N_COUNTS  (sizeof(count_members) / sizeof(*count_members))
#define COUNT_MAX INT64_C(1000000000000) /* more is nonsense */

static int64_t *
count_at(struct anthropic_counts *c, size_t i)
{
	return (int64_t *)(void *)((char *)c + count_members[i].at);
}

static bool
read_counts(struct anthropic_counts *c, const struct jnode *usage)
{
	struct jnode in;
	bool any = false;

	for (size_t i = 0; i < N_COUNTS; i++) {
		in = *usage;
		if (count_members[i].outer &&
		    !jtree_find(usage, count_members[i].outer, &in))
			continue;
		any |= answer_count(&in, count_members[i].key, count_at(c, i));
	}
	return any;
}

static int64_t
at_most(int64_t v, int64_t max)
{
	return v < max ? v : max;
}

/* Input excludes the cache here, output includes thinking. */
static void
to_buckets(const struct anthropic_counts *c, int64_t tokens[USAGE_BUCKETS])
{
	int64_t written = c->cache_write;
	int64_t thinking = at_most(c->thinking, c->output);

	if (written < c->cache_5m + c->cache_1h)
		written = c->cache_5m + c->cache_1h;
	tokens[USAGE_INPUT] += c->input;
	tokens[USAGE_CACHE_READ] += c->cache_read;
	tokens[USAGE_CACHE_WRITE_1H] += c->cache_1h;
	tokens[USAGE_CACHE_WRITE_5M] += written - c->cache_1h;
	tokens[USAGE_REASONING] += thinking;
	tokens[USAGE_OUTPUT] += c->output - thinking;
}

/* An advisor, or the model that a refused request fell back to. */
static void
add_other(struct anthropic_usage *o, const struct jnode *item,
    const struct anthropic_counts *one)
{
	struct str model = answer_str(item, "model");
	struct usage_other *other = NULL;

	if (model.n > 0 && !str_is(model, o->model))
		other = usage_other(&o->others, model);
	if (other)
		to_buckets(one, other->tokens);
}

/*
 * An answer may have taken several calls of models.  The counts outside leave
 * some of them out (compaction, advisors), though all are billed.
 */
static void
merge_counts(struct anthropic_usage *o, const struct jnode *usage)
{
	struct anthropic_counts sum = { 0 }, one, *c = &o->counts;
	struct jnode list, item;

	o->counted |= read_counts(c, usage);
	(void)jtree_find(usage, "iterations", &list);
	if (jtree_len(&list) > 0)
		usage_init(&o->others);
	for (size_t n = 0; n < jtree_len(&list); n++) {
		item = jtree_item(&list, n);
		one = (struct anthropic_counts){ 0 };
		o->counted |= read_counts(&one, &item);
		add_other(o, &item, &one);
		for (size_t i = 0; i < N_COUNTS; i++)
			if (*count_at(&one, i) > 0 &&
			    *count_at(&one, i) < COUNT_MAX)
				*count_at(&sum, i) += *count_at(&one, i);
	}
	for (size_t i = 0; i < N_COUNTS; i++)
		if (*count_at(c, i) < *count_at(&sum, i))
			*count_at(c, i) = *count_at(&sum, i);
}

/* Which a later count does not say again. */
static enum usage_mode
read_mode(const struct jnode *usage, enum usage_mode mode)
{
	struct str tier = answer_str(usage, "service_tier");

	if (tier.p != NULL)
		mode = usage_mode_of(tier);
	if (str_is(answer_str(usage, "speed"), "fast"))
		mode = USAGE_FAST;
	return mode;
}

bool
anthropic_usage_read(
    struct anthropic_usage *o, const struct jnode *in, struct usage *usage)
{
	struct jnode at;

	if (!jtree_find(in, "usage", &at))
		return false;
	merge_counts(o, &at);
	if (!o->counted)
		return false;
	*usage = o->others;
	usage->provider_cost_pusd = -1;
	to_buckets(&o->counts, usage->tokens);
	usage->web_searches = o->counts.web_searches;
	usage->source = USAGE_REPORTED;
	usage->mode = o->mode = read_mode(&at, o->mode);
	(void)usage_clean(usage);
	return true;
}
