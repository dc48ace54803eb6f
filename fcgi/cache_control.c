/* SPDX-License-Identifier: MIT */
#include "fcgi/cache_control.h"

#include "core/cache_policy.h"
#include "core/error.h"
#include "fcgi/exchange.h"
#include "fcgi/options.h"

static bool
is_word(struct str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* "max-age=60"; what is no number is no directive. */
static void
take_directive(struct str item, struct cache_wish *wish)
{
	struct str name, value = str_split(item, '=', &name);
	int64_t age_s;

	name = str_trim(name);
	if (is_word(name, "no-store"))
		wish->no_store = true;
	else if (is_word(name, "no-cache"))
		wish->no_cache = true;
	else if (is_word(name, "only-if-cached"))
		wish->only = true;
	else if (is_word(name, "max-age") &&
	    str_i64(str_trim(value), 0, INT64_MAX, &age_s) == 0)
		wish->max_age_s = age_s;
}

static void
take_header(struct str rest, struct cache_wish *wish)
{
	struct str item;

	while (rest.n > 0) {
		rest = str_split(rest, ',', &item);
		take_directive(item, wish);
	}
	wish->no_cache |= wish->max_age_s == 0;
}

static int
take_mode(struct str word, struct cache_wish *wish, struct error *err)
{
	static const struct {
		const char *word;
		enum cache_mode mode;
	} words[] = { { "off", CACHE_OFF }, { "on", CACHE_ON },
		{ "refresh", CACHE_REFRESH }, { "only", CACHE_ONLY } };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_is(word, words[i].word))
			wish->mode = words[i].mode;
	if (word.n > 0 && wish->mode == CACHE_UNSET)
		return error_param(
		    err, "x-sluice-cache", "must be on, refresh, only or off");
	return 0;
}

int
cache_control_read(
    const struct exchange *x, struct cache_wish *wish, struct error *err)
{
	struct str ttl = options_get(x, "cache-ttl");

	take_header(http_header(&x->in, "cache-control"), wish);
	if (ttl.n > 0 && str_i64(ttl, 1, CACHE_MAX_TTL_S, &wish->ttl_s) != 0)
		return error_param(err, "x-sluice-cache-ttl",
		    "must be a number of seconds, from 1 to 31536000");
	return take_mode(options_get(x, "cache"), wish, err);
}
