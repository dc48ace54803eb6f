/* SPDX-License-Identifier: MIT */
#include "core/usage.h"

#define FIGURE_MAX INT64_C(10000000000) /* no real call comes near */

const char *const usage_bucket_names[USAGE_BUCKETS] = {
	[USAGE_INPUT] = "input",
	[USAGE_CACHE_READ] = "cache_read",
	[USAGE_CACHE_WRITE_5M] = "cache_write_5m",
	[USAGE_CACHE_WRITE_1H] = "cache_write_1h",
	[USAGE_CACHE_WRITE_30M] = "cache_write_30m",
	[USAGE_CACHE_WRITE_12H] = "cache_write_12h",
	[USAGE_OUTPUT] = "output",
	[USAGE_REASONING] = "reasoning",
	[USAGE_AUDIO_IN] = "audio_in",
	[USAGE_AUDIO_OUT] = "audio_out",
	[USAGE_IMAGE_IN] = "image_in",
	[USAGE_IMAGE_OUT] = "image_out",
};

const char *const usage_mode_names[USAGE_MODES] = {
	[USAGE_STANDARD] = "standard",
	[USAGE_FLEX] = "flex",
	[USAGE_PRIORITY] = "priority",
	[USAGE_BATCH] = "batch",
	[USAGE_FAST] = "fast",
};

enum usage_mode
usage_mode_of(struct str word)
{
	enum usage_mode m = USAGE_MODES;

	while (--m > USAGE_STANDARD && !str_is(word, usage_mode_names[m]))
		;
	return m;
}

static const bool is_output[USAGE_BUCKETS] = {
	[USAGE_OUTPUT] = true,
	[USAGE_REASONING] = true,
	[USAGE_AUDIO_OUT] = true,
	[USAGE_IMAGE_OUT] = true,
};

void
usage_init(struct usage *u)
{
	*u = (struct usage){ .provider_cost_pusd = -1 };
}

int64_t
usage_take(int64_t *rest, int64_t wanted)
{
	int64_t got = wanted < *rest ? wanted : *rest;

	if (got < 0)
		return 0;
	*rest -= got;
	return got;
}

struct usage_other *
usage_other(struct usage *u, struct str model)
{
	struct usage_other *o = u->others;
	unsigned i;

	for (i = 0; i < u->n_others; i++, o++)
		if (str_is(model, o->model))
			return o;
	if (i == USAGE_OTHERS || model.n >= sizeof(o->model))
		return NULL;
	u->n_others++;
	*o = (struct usage_other){ .model = "" };
	memcpy(o->model, model.p, model.n);
	return o;
}

struct usage
usage_own(const struct usage *u)
{
	struct usage own = *u;
	unsigned i;
	int b;

	for (i = 0; i < u->n_others; i++)
		for (b = 0; b < USAGE_BUCKETS; b++)
			own.tokens[b] -= u->others[i].tokens[b];
	own.n_others = 0;
	(void)usage_clean(&own);
	return own;
}

static int64_t
total(const struct usage *u, bool output)
{
	int64_t sum = 0;
	int i;

	for (i = 0; i < USAGE_BUCKETS; i++)
		if (is_output[i] == output)
			sum += u->tokens[i];
	return sum;
}

int64_t
usage_total_input(const struct usage *u)
{
	return total(u, false);
}

int64_t
usage_total_output(const struct usage *u)
{
	return total(u, true);
}

static bool
clean_figure(int64_t *v)
{
	if (*v >= 0 && *v <= FIGURE_MAX)
		return true;
	*v = 0;
	return false;
}

bool
usage_clean(struct usage *u)
{
	bool clean = clean_figure(&u->web_searches);
	int i;

	for (i = 0; i < USAGE_BUCKETS; i++)
		clean &= clean_figure(&u->tokens[i]);
	if (u->provider_cost_pusd < -1) {
		u->provider_cost_pusd = -1;
		clean = false;
	}
	if (!clean)
		u->n_others = 0;
	if (!clean && u->source == USAGE_REPORTED)
		u->source = USAGE_ESTIMATED;
	return clean;
}
