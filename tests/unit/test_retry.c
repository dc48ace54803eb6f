/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/provider.h"
#include "core/retry.h"
#include "tests/unit/unit.h"

/* 2026-11-24T12:00:00Z */
#define WALL_US INT64_C(1795521600000000)

static void
statuses_have_their_classes(void **state)
{
	static const struct {
		int status;
		enum retry_class class;
	} cases[] = {
		{ 400, RETRY_NEVER },
		{ 401, RETRY_CREDENTIALS },
		{ 402, RETRY_CREDENTIALS },
		{ 403, RETRY_CREDENTIALS },
		{ 404, RETRY_NEVER },
		{ 408, RETRY_AGAIN },
		{ 409, RETRY_NEVER },
		{ 413, RETRY_CONTEXT },
		{ 422, RETRY_NEVER },
		{ 429, RETRY_RATE },
		{ 500, RETRY_AGAIN },
		{ 502, RETRY_AGAIN },
		{ 503, RETRY_AGAIN },
		{ 504, RETRY_AGAIN },
		{ 529, RETRY_AGAIN },
	};
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		err = (struct error){ 0 };
		error_set(&err, error_kind_of_status(cases[i].status), "no");
		err.status = cases[i].status;
		assert_int_equal(retry_class(&err), cases[i].class);
	}
}

static void
overflow_and_policy_are_known_by_code_and_by_words(void **state)
{
	static const struct {
		const char *code, *msg;
		enum retry_class class;
	} cases[] = {
		{ "context_length_exceeded", "x", RETRY_CONTEXT },
		{ "", "This model's maximum context length is 128000 tokens",
		    RETRY_CONTEXT },
		{ "", "prompt is too long: 214315 tokens > 200000 maximum",
		    RETRY_CONTEXT },
		{ "",
		    "The input token count (1048577) exceeds the maximum "
		    "number of tokens allowed (1048576).",
		    RETRY_CONTEXT },
		{ "content_policy_violation", "x", RETRY_POLICY },
		{ "content_filter", "x", RETRY_POLICY },
		{ "invalid_prompt", "x", RETRY_POLICY },
		{ "", "Output blocked by content filtering policy",
		    RETRY_POLICY },
		{ "", "max_tokens is too large", RETRY_NEVER },
		{ "unsupported_parameter", "x", RETRY_NEVER },
	};
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		err = (struct error){ 0 };
		error_set(&err, ERROR_UP_REFUSED, "%s", cases[i].msg);
		snprintf(err.code, sizeof(err.code), "%s", cases[i].code);
		assert_int_equal(retry_class(&err), cases[i].class);
	}
}

static void
backoff_doubles_up_to_5_s_with_20_percent_of_jitter(void **state)
{
	static const int64_t mean[] = { 500, 1000, 2000, 4000, 5000, 5000 };
	uint64_t r;
	unsigned n;

	(void)state;
	for (n = 0; n < COUNT(mean); n++)
		for (r = 0; r < 1000; r += 37)
			assert_in_range(retry_backoff_ms(n, r),
			    mean[n] * 8 / 10, mean[n] * 12 / 10);
	assert_int_equal(retry_backoff_ms(0, 0), 400);
	assert_int_equal(retry_backoff_ms(0, 400), 600);
}

/* Headers as "name: value\nname: value". */
static int64_t
after(const char *headers, const char *body)
{
	struct arena *a = arena_new(1 << 16);
	struct str rest = str_of(headers), line, name, value;
	struct header *list = NULL;
	int64_t ms;

	while (rest.n > 0) {
		rest = str_split(rest, '\n', &line);
		value = str_trim(str_split(line, ':', &name));
		header_add(a, &list, name, value);
	}
	ms = retry_after_ms(a, list, str_of(body), WALL_US);
	arena_free(a);
	return ms;
}

static void
every_vendor_spells_it_differently(void **state)
{
	static const struct {
		const char *headers, *body;
		int64_t ms;
	} cases[] = {
		{ "", "", 0 },
		{ "Retry-After: 7", "", 7000 },
		{ "retry-after: 0.5", "", 500 },
		{ "retry-after: Tue, 24 Nov 2026 12:00:30 GMT", "", 30000 },
		{ "retry-after: Tue, 24 Nov 2026 11:00:00 GMT", "", 0 },
		{ "retry-after: soon", "", 0 },
		{ "retry-after-ms: 1250\nretry-after: 2", "", 1250 },
		{ "x-ms-retry-after-ms: 90\nretry-after: 2", "", 90 },
		{ "x-ratelimit-reset: 12", "", 12000 },
		{ "x-ratelimit-reset: 1795521610", "", 10000 },
		{ "x-ratelimit-reset: 1795521600250", "", 250 },
		/* OpenAI: both come always, one is used up */
		{ "x-ratelimit-remaining-requests: 0\n"
		  "x-ratelimit-reset-requests: 6m0s\n"
		  "x-ratelimit-remaining-tokens: 900\n"
		  "x-ratelimit-reset-tokens: 17ms",
		    "", 360000 },
		{ "x-ratelimit-reset-requests: 1s\n"
		  "x-ratelimit-reset-tokens: 250ms",
		    "", 250 },
		/* Cerebras */
		{ "x-ratelimit-reset-requests-day: 33011.382867\n"
		  "x-ratelimit-reset-tokens-minute: 11.382867",
		    "", 11382 },
		/* Anthropic */
		{ "anthropic-ratelimit-tokens-remaining: 0\n"
		  "anthropic-ratelimit-tokens-reset: 2026-11-24T12:00:45Z\n"
		  "anthropic-ratelimit-requests-remaining: 10\n"
		  "anthropic-ratelimit-requests-reset: 2026-11-24T12:00:01Z",
		    "", 45000 },
		/* Google */
		{ "",
		    "{\"error\":{\"details\":[{\"@type\":\"type.googleapis."
		    "com/google.rpc.RetryInfo\",\"retryDelay\": "
		    "\"34.5s\"}]}}",
		    34500 },
		{ "retry-after: 999999999", "", 86400000 },
		{ "retry-after: -5", "", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		if (after(cases[i].headers, cases[i].body) != cases[i].ms)
			print_error("%s\n", cases[i].headers);
		assert_int_equal(
		    after(cases[i].headers, cases[i].body), cases[i].ms);
	}
}

static void
durations_of_go_and_plain_seconds(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: none */
	} cases[] = {
		{ "1.5", 1500 },
		{ "250ms", 250 },
		{ "6m0s", 360000 },
		{ "1h2m3.5s", 3723500 },
		{ "", -1 },
		{ "1x", -1 },
		{ "s", -1 },
		{ "1m5", -1 },
	};
	int64_t ms;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		rc = retry_duration_ms(str_of(cases[i].text), &ms);
		assert_int_equal(rc, cases[i].ms < 0 ? -1 : 0);
		if (rc == 0)
			assert_int_equal(ms, cases[i].ms);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_have_their_classes),
		cmocka_unit_test(
		    overflow_and_policy_are_known_by_code_and_by_words),
		cmocka_unit_test(
		    backoff_doubles_up_to_5_s_with_20_percent_of_jitter),
		cmocka_unit_test(every_vendor_spells_it_differently),
		cmocka_unit_test(durations_of_go_and_plain_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
