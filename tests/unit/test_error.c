/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "tests/unit/unit.h"

static void
the_first_error_stays(void **state)
{
	struct error e = { 0 };

	(void)state;
	assert_int_equal(error_set(&e, ERROR_NOT_FOUND, "no %s", "x"), -1);
	assert_int_equal(error_set(&e, ERROR_INTERNAL, "later"), -1);
	assert_int_equal(e.kind, ERROR_NOT_FOUND);
	assert_int_equal(e.status, 404);
	assert_string_equal(e.msg, "no x");
	error_clear(&e);
	assert_int_equal(e.kind, ERROR_NONE);
	error_set(&e, ERROR_INTERNAL, "later");
	assert_int_equal(e.status, 500);
}

static void
every_kind_has_a_status_and_its_words(void **state)
{
	struct error e;
	int k;

	(void)state;
	for (k = ERROR_NONE + 1; k < ERROR_KINDS; k++) {
		e = (struct error){ 0 };
		error_set(&e, (enum error_kind)k, "x");
		assert_in_range(e.status, 400, 599);
		assert_int_not_equal(error_openai_type(&e)[0], '\0');
		assert_int_not_equal(error_anthropic_type(&e)[0], '\0');
		assert_int_not_equal(error_code(&e)[0], '\0');
	}
}

static void
kinds_speak_the_words_of_each_dialect(void **state)
{
	static const struct {
		enum error_kind kind;
		int status;
		const char *openai, *anthropic, *code;
	} cases[] = {
		{ ERROR_BAD_REQUEST, 400, "invalid_request_error",
		    "invalid_request_error", "invalid_request" },
		{ ERROR_AUTH, 401, "invalid_request_error",
		    "authentication_error", "invalid_api_key" },
		{ ERROR_BUDGET, 402, "insufficient_quota", "billing_error",
		    "budget_exceeded" },
		{ ERROR_TOO_LARGE, 413, "invalid_request_error",
		    "request_too_large", "payload_too_large" },
		{ ERROR_RATE, 429, "rate_limit_error", "rate_limit_error",
		    "rate_limit_exceeded" },
		{ ERROR_UP_CREDENTIALS, 502, "server_error", "api_error",
		    "provider_credentials" },
		{ ERROR_UP_OVERLOADED, 503, "server_error", "overloaded_error",
		    "provider_overloaded" },
		{ ERROR_UP_TIMEOUT, 504, "server_error", "timeout_error",
		    "provider_timeout" },
	};
	struct error e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		e = (struct error){ 0 };
		error_set(&e, cases[i].kind, "x");
		assert_int_equal(e.status, cases[i].status);
		assert_string_equal(error_openai_type(&e), cases[i].openai);
		assert_string_equal(
		    error_anthropic_type(&e), cases[i].anthropic);
		assert_string_equal(error_code(&e), cases[i].code);
	}
}

static void
a_refusal_is_called_after_the_status_it_keeps(void **state)
{
	static const struct {
		int status;
		const char *anthropic;
	} cases[] = {
		{ 400, "invalid_request_error" },
		{ 404, "not_found_error" },
		{ 413, "request_too_large" },
		{ 422, "invalid_request_error" },
	};
	struct error e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		e = (struct error){ 0 };
		error_set(&e, ERROR_UP_REFUSED, "x");
		e.status = cases[i].status;
		assert_string_equal(
		    error_anthropic_type(&e), cases[i].anthropic);
		assert_string_equal(error_code(&e), "provider_refused");
	}
	snprintf(e.code, sizeof(e.code), "context_length_exceeded");
	assert_string_equal(error_code(&e), "context_length_exceeded");
}

static void
a_provider_status_has_its_class(void **state)
{
	static const struct {
		int status;
		enum error_kind kind;
	} cases[] = {
		{ 400, ERROR_UP_REFUSED },
		{ 401, ERROR_UP_CREDENTIALS },
		{ 402, ERROR_UP_CREDENTIALS },
		{ 403, ERROR_UP_CREDENTIALS },
		{ 404, ERROR_UP_REFUSED },
		{ 408, ERROR_UP_TIMEOUT },
		{ 409, ERROR_UP_REFUSED },
		{ 422, ERROR_UP_REFUSED },
		{ 429, ERROR_UP_RATE },
		{ 499, ERROR_UP_REFUSED },
		{ 500, ERROR_UP_BROKEN },
		{ 502, ERROR_UP_BROKEN },
		{ 503, ERROR_UP_OVERLOADED },
		{ 504, ERROR_UP_TIMEOUT },
		{ 529, ERROR_UP_OVERLOADED },
		{ 599, ERROR_UP_BROKEN },
		{ 302, ERROR_UP_BROKEN },
		{ 0, ERROR_UP_BROKEN },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    error_kind_of_status(cases[i].status), cases[i].kind);
}

static void
a_long_message_is_cut_between_characters(void **state)
{
	static const char *const letters[] = { "a", "\xc3\xa4", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80" };
	char text[1000];
	struct error e;
	size_t i, shift, size, at;

	(void)state;
	for (i = 0; i < COUNT(letters); i++)
		for (shift = 0; shift < 4; shift++) {
			e = (struct error){ 0 };
			size = strlen(letters[i]);
			memset(text, 'x', shift);
			for (at = shift; at < 900; at += size)
				memcpy(text + at, letters[i], size + 1);
			error_set(&e, ERROR_INTERNAL, "%s", text);
			assert_in_range(strlen(e.msg), 396, 399);
			assert_int_equal((strlen(e.msg) - shift) % size, 0);
		}
}

static void
a_secret_is_masked_wherever_it_stands(void **state)
{
	char msg[] = "key sk-1 is bad: sk-1sk-1, not sk-2";
	char none[] = "abc";
	char cut[] = "bad key: sk-ant-api03";

	(void)state;
	error_mask(msg, STR("sk-1"));
	assert_string_equal(msg, "key **** is bad: ********, not sk-2");
	error_mask(none, STR(""));
	error_mask(none, STR_NONE);
	assert_string_equal(none, "abc");
	error_mask(none, STR("abc"));
	assert_string_equal(none, "***");
	error_mask(cut, STR("sk-ant-api03-xyz"));
	assert_string_equal(cut, "bad key: ************");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_error_stays),
		cmocka_unit_test(every_kind_has_a_status_and_its_words),
		cmocka_unit_test(kinds_speak_the_words_of_each_dialect),
		cmocka_unit_test(a_refusal_is_called_after_the_status_it_keeps),
		cmocka_unit_test(a_provider_status_has_its_class),
		cmocka_unit_test(a_long_message_is_cut_between_characters),
		cmocka_unit_test(a_secret_is_masked_wherever_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
