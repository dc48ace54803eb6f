/* SPDX-License-Identifier: MIT */
#include "core/price_litellm.h"

#include <inttypes.h>
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/price.h"

#define MAX_MODEL_BYTES 65536
#define UNSET           INT64_C(-1)
#define MAX_SHIFT       40

/* Our buckets, and the place of all cache writes. */
enum {
	CACHE_WRITE = USAGE_BUCKETS,
	PLACES
};

static const struct {
	const char *theirs;
	int place;
} names[] = {
	{ "input_cost_per_token", USAGE_INPUT },
	{ "output_cost_per_token", USAGE_OUTPUT },
	{ "cache_read_input_token_cost", USAGE_CACHE_READ },
	{ "cache_creation_input_token_cost", CACHE_WRITE },
	{ "cache_creation_input_token_cost_above_1hr", USAGE_CACHE_WRITE_1H },
	{ "output_cost_per_reasoning_token", USAGE_REASONING },
	{ "input_cost_per_audio_token", USAGE_AUDIO_IN },
	{ "output_cost_per_audio_token", USAGE_AUDIO_OUT },
	{ "input_cost_per_image_token", USAGE_IMAGE_IN },
	{ "output_cost_per_image_token", USAGE_IMAGE_OUT },
};

static const struct {
	const char *suffix;
	enum usage_mode mode;
} modes[] = {
	{ "_flex", USAGE_FLEX },
	{ "_priority", USAGE_PRIORITY },
	{ "_batches", USAGE_BATCH },
};

static const struct {
	const char *theirs, *ours;
} abilities[] = {
	{ "supports_function_calling", "tools" },
	{ "supports_vision", "images" },
	{ "supports_pdf_input", "pdf" },
	{ "supports_audio_input", "audio" },
	{ "supports_reasoning", "reasoning" },
	{ "supports_response_schema", "schema" },
};

struct tier {
	int64_t above_tokens;
	int64_t pusd[PLACES];
	bool used;
};

struct reading {
	struct arena *arena;
	struct tier tiers[USAGE_MODES][PRICE_MAX_TIERS]; /* [0]: base */
	const char *bad;
};

/* ${v} times 10^${by}, rounded half up; -1 when it does not fit. */
static int64_t
shift(int64_t v, int64_t by)
{
	if (v == 0 || by < -MAX_SHIFT)
		return 0;
	for (; by > 0; by--)
		if (by > MAX_SHIFT || v > INT64_MAX / 10)
			return -1;
		else
			v *= 10;
	for (; by < -1; by++)
		v /= 10;
	return by < 0 ? (v + 5) / 10 : v;
}

/* The digits of JSON number ${s} as an integer, and its decimal places. */
static struct str
mantissa(struct str s, int64_t *v, int64_t *places)
{
	bool point = false;

	*v = *places = 0;
	for (; s.n > 0; s = str_skip(s, 1)) {
		if (s.p[0] == '.' && !point) {
			point = true;
		} else if (s.p[0] < '0' || s.p[0] > '9') {
			break;
		} else if (*v <= INT64_MAX / 100) {
			*v = *v * 10 + (s.p[0] - '0');
			*places += point;
		} else {
			*places -= !point;
		}
	}
	return s;
}

/* USD as a JSON number or string in pUSD; -1 for what is no amount. */
static int64_t
amount(struct str s)
{
	int64_t v, places, exponent = 0;

	if (s.n >= 2 && s.p[0] == '"')
		s = (struct str){ s.p + 1, s.n - 2 };
	if (s.n == 0 || s.p[0] < '0' || s.p[0] > '9')
		return -1;
	s = mantissa(s, &v, &places);
	if (s.n > 0 && (s.p[0] == 'e' || s.p[0] == 'E')) {
		s = str_skip(s, 1);
		if (s.n > 0 && s.p[0] == '+')
			s = str_skip(s, 1);
		if (str_i64(s, -1000, 1000, &exponent) != 0)
			return -1;
		s.n = 0;
	}
	return s.n == 0 ? shift(v, 12 + exponent - places) : -1;
}

static bool
cut_suffix(struct str *s, const char *suffix)
{
	size_t n = strlen(suffix);

	if (s->n <= n || memcmp(s->p + s->n - n, suffix, n) != 0)
		return false;
	s->n -= n;
	return true;
}

/* "_above_200k_tokens" off the end of ${*name}; 0 if there is none. */
static int64_t
cut_tier(struct str *name)
{
	struct str number, cut = *name;
	long at = str_find(cut, STR("_above_"));
	int64_t k;

	if (at < 0 || !cut_suffix(&cut, "k_tokens"))
		return 0;
	number = str_skip(cut, (size_t)at + 7);
	if (str_i64(number, 1, 100000, &k) != 0)
		return 0;
	name->n = (size_t)at;
	return k * 1000;
}

static int
place_of(struct str name)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_is(name, names[i].theirs))
			return names[i].place;
	return -1;
}

/* The tier of ${mode} above so many tokens, in rising order; NULL: full. */
static struct tier *
find_tier(struct tier tiers[PRICE_MAX_TIERS], int64_t above)
{
	int i = 0, last = PRICE_MAX_TIERS - 1;

	while (i <= last && tiers[i].used && tiers[i].above_tokens < above)
		i++;
	if (i > last)
		return NULL;
	if (tiers[i].used && tiers[i].above_tokens == above)
		return &tiers[i];
	if (tiers[last].used)
		return NULL;
	memmove(&tiers[i + 1], &tiers[i], sizeof(*tiers) * (size_t)(last - i));
	tiers[i].used = true;
	tiers[i].above_tokens = above;
	for (int k = 0; k < PLACES; k++)
		tiers[i].pusd[k] = UNSET;
	return &tiers[i];
}

static void
read_member(struct reading *r, struct str name, struct str value)
{
	enum usage_mode mode = USAGE_STANDARD;
	struct tier *tier;
	int64_t above;
	size_t i;
	int place;

	for (i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (cut_suffix(&name, modes[i].suffix))
			mode = modes[i].mode;
	above = cut_tier(&name);
	place = place_of(name);
	if (place < 0 || str_is(value, "null"))
		return;
	tier = find_tier(r->tiers[mode], above);
	if (tier == NULL) {
		r->bad = "it has more tiers than we know";
		return;
	}
	tier->pusd[place] = amount(value);
	if (tier->pusd[place] < 0)
		r->bad = "an amount is negative or no number";
}

static bool
is_whole(const struct tier *base)
{
	return base->used && base->above_tokens == 0 &&
	    base->pusd[USAGE_INPUT] != UNSET &&
	    base->pusd[USAGE_OUTPUT] != UNSET;
}

static void
write_places(struct jw *w, const struct tier *tier)
{
	char text[MONEY_TEXT_BYTES];
	int64_t per_million;
	int i;

	for (i = 0; i < PLACES; i++)
		if (tier->pusd[i] != UNSET &&
		    !__builtin_mul_overflow(
			tier->pusd[i], 1000000, &per_million))
			jw_kv_cstr(w,
			    i < USAGE_BUCKETS ? usage_bucket_names[i]
					      : "cache_write",
			    money_text(per_million, text));
}

static void
write_mode(struct jw *w, const struct tier tiers[PRICE_MAX_TIERS])
{
	int i;

	write_places(w, &tiers[0]);
	if (!tiers[1].used)
		return;
	jw_key(w, "tiers");
	jw_array(w);
	for (i = 1; i < PRICE_MAX_TIERS && tiers[i].used; i++) {
		jw_object(w);
		jw_kv_i64(w, "above", tiers[i].above_tokens);
		write_places(w, &tiers[i]);
		jw_end(w);
	}
	jw_end(w);
}

static void
write_modes(struct jw *w, const struct reading *r)
{
	enum usage_mode m;
	bool any = false;

	for (m = USAGE_STANDARD + 1; m < USAGE_MODES; m++) {
		if (!is_whole(r->tiers[m]))
			continue;
		if (!any) {
			jw_key(w, "modes");
			jw_object(w);
		}
		any = true;
		jw_key(w, usage_mode_names[m]);
		jw_object(w);
		write_mode(w, r->tiers[m]);
		jw_end(w);
	}
	if (any)
		jw_end(w);
}

/* The dearest of the sizes a search may have; and a fee per request. */
static void
write_units(struct jw *w, struct reading *r, struct str entry)
{
	struct str v, list, name;
	int64_t search = UNSET, request = UNSET, one;
	char text[MONEY_TEXT_BYTES];
	size_t pos = 0;

	if (jtext_get(entry, "search_context_cost_per_query", &list))
		while (jtext_member(list, &pos, &name, &v)) {
			one = amount(v);
			search = one > search ? one : search;
		}
	if (jtext_get(entry, "input_cost_per_request", &v)) {
		request = amount(v);
		if (request < 0)
			r->bad = "an amount is negative or no number";
	}
	if (search <= 0 && request <= 0)
		return;
	jw_key(w, "units");
	jw_object(w);
	if (search > 0)
		jw_kv_cstr(w, "web_search", money_text(search, text));
	if (request > 0)
		jw_kv_cstr(w, "request", money_text(request, text));
	jw_end(w);
}

static void
write_count(
    struct jw *w, struct str entry, const char *theirs, const char *ours)
{
	struct str v;
	int64_t n;

	if (jtext_get(entry, theirs, &v) && str_i64(v, 1, INT64_MAX, &n) == 0)
		jw_kv_i64(w, ours, n);
}

static void
write_abilities(struct jw *w, struct str entry)
{
	struct str v;
	size_t i;

	jw_key(w, "can");
	jw_array(w);
	for (i = 0; i < sizeof(abilities) / sizeof(*abilities); i++)
		if (jtext_get(entry, abilities[i].theirs, &v) &&
		    str_is(v, "true"))
			jw_cstr(w, abilities[i].ours);
	jw_end(w);
}

static struct str
write_model(struct reading *r, struct str entry)
{
	struct buf *out = buf_new(r->arena, MAX_MODEL_BYTES);
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	write_count(&w, entry, "max_input_tokens", "context");
	write_count(&w, entry, "max_output_tokens", "output");
	write_abilities(&w, entry);
	jw_key(&w, "price");
	jw_object(&w);
	write_mode(&w, r->tiers[USAGE_STANDARD]);
	write_modes(&w, r);
	write_units(&w, r, entry);
	jw_end(&w);
	jw_end(&w);
	return buf_str(out);
}

/* "gemini/gemini-2.5-pro" of provider gemini is gemini-2.5-pro. */
static struct str
id_of(struct str name, struct str provider)
{
	if (name.n > provider.n + 1 && name.p[provider.n] == '/' &&
	    memcmp(name.p, provider.p, provider.n) == 0)
		return str_skip(name, provider.n + 1);
	return name;
}

bool
litellm_model(struct arena *a, struct str name, struct str entry,
    struct litellm_model *model)
{
	struct reading *r = ARENA_NEW(a, struct reading);
	struct str key, value, provider;
	size_t pos = 0;

	*model = (struct litellm_model){ .bad = NULL };
	if (!str_starts(entry, "{") ||
	    !jtext_get(entry, "litellm_provider", &provider))
		return false;
	model->provider = jtext_string(a, provider);
	model->id = id_of(name, model->provider);
	r->arena = a;
	while (jtext_member(entry, &pos, &key, &value))
		read_member(r, (struct str){ key.p + 1, key.n - 2 }, value);
	if (!is_whole(r->tiers[USAGE_STANDARD]) && r->bad == NULL)
		return false;
	model->text = write_model(r, entry);
	model->bad = r->bad;
	return true;
}
