/* SPDX-License-Identifier: MIT */
#include "core/retry.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/provider.h"

#define DAY_MS         INT64_C(86400000)
#define MAX_DELTA_S    (30.0 * 86400) /* larger numbers are points in time */
#define MIN_EPOCH_MS   1e11           /* larger numbers are milliseconds */
#define FIRST_MS       500
#define MOST_MS        5000
#define MAX_TIME_BYTES 64

/* --- classes --- */

struct word {
	const char *text;
	enum retry_class class;
};

/* `code` of an error body. */
static const struct word codes[] = {
	{ "context_length_exceeded", RETRY_CONTEXT },
	{ "string_above_max_length", RETRY_CONTEXT },
	{ "request_too_large", RETRY_CONTEXT },
	{ "content_policy_violation", RETRY_POLICY },
	{ "content_filter", RETRY_POLICY },
	{ "invalid_prompt", RETRY_POLICY },
	{ "bio_policy", RETRY_POLICY },
	{ "misalignment_policy_violation", RETRY_POLICY },
	{ "moderation_blocked", RETRY_POLICY },
};

/* Words of a message, where there is no code. */
static const struct word phrases[] = {
	{ "maximum context length", RETRY_CONTEXT },
	{ "context window", RETRY_CONTEXT },
	{ "context limit", RETRY_CONTEXT },
	{ "prompt is too long", RETRY_CONTEXT },
	{ "input is too long", RETRY_CONTEXT },
	{ "too many tokens", RETRY_CONTEXT },
	{ "exceeds the maximum number of tokens", RETRY_CONTEXT },
	{ "content management policy", RETRY_POLICY },
	{ "content filtering policy", RETRY_POLICY },
	{ "usage policy", RETRY_POLICY },
	{ "prohibited_content", RETRY_POLICY },
};

static bool
contains(const char *text, const char *phrase)
{
	size_t n = strlen(phrase);

	for (; *text != '\0'; text++)
		if (strncasecmp(text, phrase, n) == 0)
			return true;
	return false;
}

static enum retry_class
refusal_class(const struct error *err)
{
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(err->code, codes[i].text) == 0)
			return codes[i].class;
	for (i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (contains(err->msg, phrases[i].text))
			return phrases[i].class;
	return err->status == 413 ? RETRY_CONTEXT : RETRY_NEVER;
}

enum retry_class
retry_class(const struct error *err)
{
	switch (err->kind) {
	case ERROR_UP_RATE:
		return RETRY_RATE;
	case ERROR_UP_CREDENTIALS:
		return RETRY_CREDENTIALS;
	case ERROR_UP_OVERLOADED:
	case ERROR_UP_TIMEOUT:
	case ERROR_UP_BROKEN:
		return RETRY_AGAIN;
	case ERROR_UP_REFUSED:
		return refusal_class(err);
	/* What a target cannot translate another one may. */
	case ERROR_BAD_REQUEST:
	case ERROR_NOT_FOUND:
	case ERROR_INTERNAL:
		return RETRY_NEXT;
	case ERROR_NONE:
	case ERROR_AUTH:
	case ERROR_BUDGET:
	case ERROR_FORBIDDEN:
	case ERROR_METHOD:
	case ERROR_TOO_LARGE:
	case ERROR_UPGRADE:
	case ERROR_RATE:
	case ERROR_CLIENT_GONE:
	case ERROR_BUSY:
	case ERROR_STORE:
	case ERROR_CONF:
	case ERROR_KINDS:
		break;
	}
	return RETRY_NEVER;
}

int64_t
retry_backoff_ms(unsigned n, uint64_t random)
{
	int64_t ms = n < 4 ? FIRST_MS << n : MOST_MS;

	if (ms > MOST_MS)
		ms = MOST_MS;
	return ms * (800 + (int64_t)(random % 401)) / 1000;
}

/* --- waiting --- */

static int64_t
clamp(double ms)
{
	if (!(ms > 0))
		return 0;
	return ms > (double)DAY_MS ? DAY_MS : (int64_t)ms;
}

/* Milliseconds in one of the unit at ${*p}, which moves on; 0: no unit. */
static double
unit_ms(const char **p)
{
	static const struct {
		const char *text;
		double ms;
	} units[] = {
		{ "ms", 1 },
		{ "us", 0.001 },
		{ "s", 1000 },
		{ "m", 60000 },
		{ "h", 3600000 },
		{ "d", 86400000 },
	};
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strncmp(*p, units[i].text, strlen(units[i].text)) != 0)
			continue;
		*p += strlen(units[i].text);
		return units[i].ms;
	}
	return 0;
}

int
retry_duration_ms(struct str s, int64_t *ms)
{
	char text[MAX_TIME_BYTES], *end;
	const char *p = text;
	double sum = 0, v, unit;

	if (s.n == 0 || s.n >= sizeof(text))
		return -1;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	while (*p != '\0') {
		if (!isdigit((unsigned char)*p))
			return -1;
		v = strtod(p, &end);
		p = end;
		if (*p == '\0' && end != text && sum == 0)
			unit = 1000; /* a bare number is seconds */
		else
			unit = unit_ms(&p);
		if (unit == 0)
			return -1;
		sum += v * unit;
	}
	*ms = clamp(sum);
	return 0;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" as wall ms; -1 for anything else. */
static int64_t
http_date_ms(struct str s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char text[MAX_TIME_BYTES], month[4];
	struct tm tm = { 0 };
	const char *at;

	if (s.n >= sizeof(text))
		return -1;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &tm.tm_mday,
		month, &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
		return -1;
	at = strstr(months, month);
	if (at == NULL || (at - months) % 3 != 0)
		return -1;
	tm.tm_mon = (int)(at - months) / 3;
	tm.tm_year -= 1900;
	return (int64_t)timegm(&tm) * 1000;
}

/* A wait, or a point in time: seconds, milliseconds, RFC 3339 or HTTP. */
static int64_t
wait_ms(struct str s, int64_t wall_us)
{
	int64_t ms, us;
	double v;
	char text[MAX_TIME_BYTES], *end;

	s = str_trim(s);
	if (s.n == 0 || s.n >= sizeof(text))
		return 0;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	v = strtod(text, &end);
	if (*end == '\0' && v > MAX_DELTA_S)
		return clamp(
		    (v < MIN_EPOCH_MS ? v * 1000 : v) - (double)wall_us / 1000);
	if (retry_duration_ms(s, &ms) == 0)
		return ms;
	if (clock_parse(s, &us) == 0)
		return clamp((double)(us - wall_us) / 1000);
	ms = http_date_ms(s);
	return ms > 0 ? clamp((double)ms - (double)wall_us / 1000) : 0;
}

static int64_t
number_ms(const struct header *headers, const char *name)
{
	struct str s = str_trim(header_get(headers, name));
	int64_t v;

	return str_i64(s, 0, DAY_MS, &v) == 0 ? v : 0;
}

/* The header of ${name} with "reset" instead said "remaining: 0". */
static bool
is_used_up(
    struct arena *a, const struct header *headers, struct str name, size_t at)
{
	struct str rest = str_skip(name, at + strlen("reset"));
	struct str left;
	char *other;

	/* x-ratelimit-remaining-tokens, anthropic-ratelimit-tokens-remaining */
	other = arena_printf(
	    a, "%.*sremaining%.*s", (int)at, name.p, STR_ARG(rest));
	left = str_trim(header_get(headers, other));
	return str_is(left, "0");
}

/* All the *-ratelimit-*reset* there are. */
static int64_t
resets_ms(struct arena *a, const struct header *headers, int64_t wall_us)
{
	const struct header *h;
	int64_t used_up = 0, least = 0, ms;
	long at;
	char *name;

	for (h = headers; h != NULL; h = h->next) {
		name = str_cstr(a, h->name);
		at = str_find(h->name, STR("reset"));
		if (at < 0 || !contains(name, "ratelimit-"))
			continue;
		ms = wait_ms(h->value, wall_us);
		if (ms > used_up && is_used_up(a, headers, h->name, (size_t)at))
			used_up = ms;
		if (ms > 0 && (least == 0 || ms < least))
			least = ms;
	}
	return used_up > 0 ? used_up : least;
}

/* "retryDelay": "34.07s" in a Google error's details. */
static int64_t
body_ms(struct str body)
{
	static const char key[] = "\"retryDelay\"";
	long at = str_find(body, STR(key));
	struct str rest, value;
	int64_t ms;

	if (at < 0)
		return 0;
	rest = str_split(
	    str_skip(body, (size_t)at + sizeof(key) - 1), '"', &value);
	str_split(rest, '"', &value);
	return retry_duration_ms(value, &ms) == 0 ? ms : 0;
}

/* RFC 9110: seconds, however many, or a date. */
static int64_t
header_ms(const struct header *headers, int64_t wall_us)
{
	struct str s = str_trim(header_get(headers, "retry-after"));
	int64_t ms;

	return retry_duration_ms(s, &ms) == 0 ? ms : wait_ms(s, wall_us);
}

int64_t
retry_after_ms(struct arena *a, const struct header *headers, struct str body,
    int64_t wall_us)
{
	int64_t ms = number_ms(headers, "retry-after-ms");

	if (ms == 0)
		ms = number_ms(headers, "x-ms-retry-after-ms");
	if (ms == 0)
		ms = header_ms(headers, wall_us);
	if (ms == 0)
		ms = wait_ms(header_get(headers, "x-ratelimit-reset"), wall_us);
	if (ms == 0)
		ms = resets_ms(a, headers, wall_us);
	return ms > 0 ? ms : body_ms(body);
}
