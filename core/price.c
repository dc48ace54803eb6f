/* SPDX-License-Identifier: MIT */
#include "core/price.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/money.h"

#define SCALE_PER_MTOK INT64_C(1000000)
#define UNSET          INT64_C(-1)

/* The places of a tier's prices while reading: buckets, then the default of
 * all cache writes. */
enum {
	PLACE_CACHE_WRITE = USAGE_BUCKETS,
	PLACES
};

/* Whose price a bucket takes that has none; those stand above it here. */
static const struct {
	int place;
	int kin;
} kin[] = {
	{ USAGE_CACHE_READ, USAGE_INPUT },
	{ PLACE_CACHE_WRITE, USAGE_INPUT },
	{ USAGE_CACHE_WRITE_5M, PLACE_CACHE_WRITE },
	{ USAGE_CACHE_WRITE_30M, PLACE_CACHE_WRITE },
	{ USAGE_CACHE_WRITE_1H, PLACE_CACHE_WRITE },
	{ USAGE_CACHE_WRITE_12H, PLACE_CACHE_WRITE },
	{ USAGE_REASONING, USAGE_OUTPUT },
	{ USAGE_AUDIO_IN, USAGE_INPUT },
	{ USAGE_AUDIO_OUT, USAGE_OUTPUT },
	{ USAGE_IMAGE_IN, USAGE_INPUT },
	{ USAGE_IMAGE_OUT, USAGE_OUTPUT },
};

static int
fail_at(struct error *err, struct str name, const char *what)
{
	return error_set(
	    err, ERROR_CONF, "price: %.*s: %s", STR_ARG(name), what);
}

/* The place of the price called ${name}, or -1. */
static int
find_place(struct str name)
{
	int i;

	for (i = 0; i < USAGE_BUCKETS; i++)
		if (str_is(name, usage_bucket_names[i]))
			return i;
	return str_is(name, "cache_write") ? PLACE_CACHE_WRITE : -1;
}

static int
read_amount(struct str name, struct str value, int64_t scale, int64_t *out,
    struct error *err)
{
	if (money_parse(jtext_unquoted(value), scale, out) != 0) {
		return fail_at(err, name,
		    "must be an amount in a string, at least 0 and with no "
		    "more places than a picodollar has");
	}
	return 0;
}

/* What one mode of a price consists of while it is read. */
struct reading {
	struct price *price;
	struct price_mode *mode;
	bool whole;           /* the standard one: with units and the like */
	int64_t base[PLACES]; /* as given, UNSET if not */
	struct str tiers;     /* raw */
	struct str modes;     /* raw */
	struct error *err;
};

static int
read_units(struct reading *r, struct str units)
{
	struct str name;
	struct str value;
	int64_t *to;
	size_t pos = 0;

	if (!str_starts(units, "{"))
		return fail_at(r->err, STR("units"), "must be an object");
	while (jtext_member(units, &pos, &name, &value)) {
		name = jtext_unquoted(name);
		if (str_is(name, "web_search"))
			to = &r->price->web_search_pusd;
		else if (str_is(name, "request"))
			to = &r->price->request_pusd;
		else
			return fail_at(r->err, name, "no such unit");
		if (read_amount(name, value, PUSD_PER_USD, to, r->err) != 0)
			return -1;
	}
	return 0;
}

/* A member that only the standard mode has. */
static int
read_whole(struct reading *r, struct str name, struct str value)
{
	if (str_is(name, "modes")) {
		r->modes = value;
		return 0;
	}
	if (str_is(name, "units"))
		return read_units(r, value);
	if (!str_is(name, "from"))
		return fail_at(r->err, name, "no such price");
	return clock_parse(jtext_unquoted(value), &r->price->from_us) == 0
	    ? 0
	    : fail_at(r->err, name, "must be a date");
}

/* A member that is no price of a bucket. */
static int
read_other(struct reading *r, struct str name, struct str value,
    struct price_tier *tier)
{
	bool base = tier == r->mode->tiers;

	if (str_is(name, "above") && tier->above_tokens == 0) {
		return str_i64(value, 1, INT64_MAX, &tier->above_tokens) == 0
		    ? 0
		    : fail_at(r->err, name, "must be a number of tokens");
	}
	if (str_is(name, "tiers") && base) {
		r->tiers = value;
		return 0;
	}
	if (base && r->whole)
		return read_whole(r, name, value);
	return fail_at(r->err, name, "no such price");
}

/* Read the prices of object ${obj} over those in ${given}. */
static int
read_prices(struct reading *r, struct str obj, int64_t given[PLACES],
    struct price_tier *tier)
{
	struct str name;
	struct str value;
	size_t pos = 0;
	int place;

	while (jtext_member(obj, &pos, &name, &value)) {
		name = jtext_unquoted(name);
		place = find_place(name);
		if (place < 0) {
			if (read_other(r, name, value, tier) != 0)
				return -1;
		} else if (read_amount(name, value, SCALE_PER_MTOK,
			       &given[place], r->err) != 0) {
			return -1;
		}
	}
	return 0;
}

/* Every bucket gets its own price or that of its kin. */
static void
settle(const int64_t given[PLACES], struct price_tier *tier)
{
	int64_t full[PLACES];
	size_t i;

	memcpy(full, given, sizeof(full));
	for (i = 0; i < sizeof(kin) / sizeof(kin[0]); i++)
		if (full[kin[i].place] == UNSET)
			full[kin[i].place] = full[kin[i].kin];
	memcpy(tier->pusd, full, sizeof(tier->pusd));
}

static int
read_base(struct reading *r, struct str text)
{
	int i;

	for (i = 0; i < PLACES; i++)
		r->base[i] = UNSET;
	if (!str_starts(text, "{")) {
		return error_set(
		    r->err, ERROR_CONF, "price: must be an object");
	}
	if (read_prices(r, text, r->base, &r->mode->tiers[0]) != 0)
		return -1;
	if (r->base[USAGE_INPUT] == UNSET || r->base[USAGE_OUTPUT] == UNSET) {
		return error_set(
		    r->err, ERROR_CONF, "price: input and output are required");
	}
	if (r->mode->tiers[0].above_tokens != 0)
		return fail_at(r->err, STR("above"), "belongs in tiers");
	settle(r->base, &r->mode->tiers[0]);
	r->mode->n_tiers = 1;
	return 0;
}

static int
read_tier(struct reading *r, struct str text)
{
	struct price_tier *tier = &r->mode->tiers[r->mode->n_tiers];
	int64_t given[PLACES];

	if (r->mode->n_tiers == PRICE_MAX_TIERS || !str_starts(text, "{")) {
		return fail_at(r->err, STR("tiers"),
		    "must be a list of at most 3 objects");
	}
	memcpy(given, r->base, sizeof(given));
	if (read_prices(r, text, given, tier) != 0)
		return -1;
	if (tier->above_tokens <= tier[-1].above_tokens) {
		return fail_at(
		    r->err, STR("tiers"), "\"above\" must be given and rise");
	}
	settle(given, tier);
	r->mode->n_tiers++;
	return 0;
}

static int
read_tiers(struct reading *r)
{
	struct str text;
	size_t pos = 0;

	if (r->tiers.p != NULL && !str_starts(r->tiers, "["))
		return fail_at(r->err, STR("tiers"), "must be a list");
	while (jtext_item(r->tiers, &pos, &text))
		if (read_tier(r, text) != 0)
			return -1;
	return 0;
}

static int
read_modes(const struct reading *whole)
{
	struct str name, value;
	size_t pos = 0;

	if (whole->modes.p != NULL && !str_starts(whole->modes, "{"))
		return fail_at(whole->err, STR("modes"), "must be an object");
	while (jtext_member(whole->modes, &pos, &name, &value)) {
		struct reading r = { .price = whole->price, .err = whole->err };
		enum usage_mode m = usage_mode_of(jtext_unquoted(name));

		if (m == USAGE_STANDARD)
			return fail_at(
			    r.err, jtext_unquoted(name), "no such mode");
		r.mode = &whole->price->modes[m];
		if (read_base(&r, value) != 0 || read_tiers(&r) != 0)
			return -1;
	}
	return 0;
}

static int
read_one(struct str text, struct price *price, struct error *err)
{
	struct reading r = { .price = price,
		.mode = &price->modes[USAGE_STANDARD],
		.whole = true,
		.err = err };

	*price = (struct price){ 0 };
	return read_base(&r, text) != 0 || read_tiers(&r) != 0 ? -1
							       : read_modes(&r);
}

/* Read all there are; keep the latest that is in effect at ${now_us}. */
static int
read_all(struct str text, int64_t now_us, struct price *price, bool *found,
    struct error *err)
{
	struct error bad = { 0 };
	struct price one;
	struct str item;
	size_t pos = 0;
	bool list;

	*found = false;
	if (jtext_check(text, &bad) != 0)
		return error_set(err, ERROR_CONF, "price: %s", bad.msg);
	text = str_trim(text);
	list = str_starts(text, "[");
	for (item = text; !list || jtext_item(text, &pos, &item);) {
		if (read_one(item, &one, err) != 0)
			return -1;
		if (one.from_us <= now_us &&
		    (!*found || one.from_us >= price->from_us)) {
			*price = one;
			*found = true;
		}
		if (!list)
			break;
	}
	return 0;
}

int
price_parse_at(
    struct str text, int64_t now_us, struct price *price, struct error *err)
{
	bool found;

	if (read_all(text, now_us, price, &found, err) != 0)
		return -1;
	return found ? 0
		     : error_set(err, ERROR_CONF, "price: none is in effect");
}

int
price_parse(struct str text, struct price *price, struct error *err)
{
	return price_parse_at(text, clock_wall_us(), price, err);
}

int
price_check(struct str text, struct error *err)
{
	struct price price;

	return price_parse_at(text, INT64_MAX, &price, err);
}
