/* SPDX-License-Identifier: MIT */
#include "core/arena.h"
#include "core/error.h"
#include "fcgi/http.h"
#include "tests/unit/unit.h"

static struct arena *a;

static int
setup(void **state)
{
	(void)state;
	a = arena_new(1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static struct http_in
parse(const char *uri, struct error *err)
{
	char **params = ARENA_ARRAY(a, char *, 3);
	struct http_in in;

	params[0] = arena_printf(a, "REQUEST_METHOD=GET");
	params[1] = arena_printf(a, "REQUEST_URI=%s", uri);
	http_parse(&in, a, params, err);
	return in;
}

static void
paths_are_the_same_however_they_are_written(void **state)
{
	static const struct {
		const char *uri, *path, *query;
	} cases[] = {
		{ "/v1/messages", "/v1/messages", "" },
		{ "/v1/messages?beta=true", "/v1/messages", "beta=true" },
		{ "/v1/messages?", "/v1/messages", "" },
		{ "//v1//messages/", "/v1/messages", "" },
		{ "/v1/./messages", "/v1/messages", "" },
		{ "/~team/ai/v1/models", "/v1/models", "" },
		{ "/v1/models/openai%2Fgpt-5", "/v1/models/openai/gpt-5", "" },
		{ "/v1/models/a/v1", "/v1/models/a/v1", "" },
		{ "/v1/%6dodels", "/v1/models", "" },
		{ "/v1/models/%zz", "/v1/models/%zz", "" },
		{ "http://host:80/v1/models?a=b", "/v1/models", "a=b" },
		{ "/", "/", "" },
		{ "/healthz", "/healthz", "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = { 0 };
		struct http_in in = parse(cases[i].uri, &err);

		assert_int_equal(err.kind, ERROR_NONE);
		assert_string_equal(str_cstr(a, in.path), cases[i].path);
		assert_string_equal(str_cstr(a, in.query), cases[i].query);
	}
}

static void
a_path_that_climbs_out_is_refused(void **state)
{
	struct error err = { 0 };
	struct http_in in = parse("/v1/../etc/passwd", &err);

	(void)state;
	assert_int_equal(err.kind, ERROR_BAD_REQUEST);
	assert_null(in.path.p);
}

static void
a_request_without_uri_is_refused(void **state)
{
	char method[] = "REQUEST_METHOD=GET";
	char *params[] = { method, NULL };
	struct error err = { 0 };
	struct http_in in;

	(void)state;
	http_parse(&in, a, params, &err);
	assert_int_equal(err.kind, ERROR_BAD_REQUEST);
}

static void
a_header_with_control_characters_is_refused(void **state)
{
	static struct {
		char param[64];
		enum error_kind kind;
	} cases[] = {
		{ "HTTP_X=plain, \ttab and \xc3\xa9", ERROR_NONE },
		{ "SERVER_SIGNATURE=<address>\n", ERROR_NONE },
		{ "HTTP_X=a\r\nx-evil: 1", ERROR_BAD_REQUEST },
		{ "HTTP_X=a\x7f", ERROR_BAD_REQUEST },
		{ "HTTP_X\nX_EVIL=1", ERROR_BAD_REQUEST },
	};
	char method[] = "REQUEST_METHOD=GET", uri[] = "REQUEST_URI=/v1/models";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *params[] = { method, cases[i].param, uri, NULL };
		struct error err = { 0 };
		struct http_in in;

		http_parse(&in, a, params, &err);
		assert_int_equal(err.kind, cases[i].kind);
		assert_int_equal(in.path.p == NULL, err.kind != ERROR_NONE);
	}
}

static void
a_credential_is_found_wherever_servers_put_it(void **state)
{
	static struct {
		char param[64];
		const char *key;
	} cases[] = {
		{ "HTTP_AUTHORIZATION=Bearer k1", "k1" },
		{ "HTTP_AUTHORIZATION=bearer  k1 ", "k1" },
		{ "REDIRECT_HTTP_AUTHORIZATION=Bearer k2", "k2" },
		{ "HTTP_X_API_KEY=k3", "k3" },
		{ "HTTP_AUTHORIZATION=Basic eDp5", "" },
		{ "HTTP_AUTHORIZATION=Bearer", "" },
		{ "X_API_KEY=spoof", "" },
		{ "HTTP_PROXY=http://evil", "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *params[] = { cases[i].param, NULL };
		struct http_in in = { .params = params };

		assert_string_equal(
		    str_cstr(a, http_credential(&in)), cases[i].key);
	}
}

static void
a_body_is_measured_not_believed(void **state)
{
	static struct {
		char length[32];
		size_t bytes;
		enum error_kind kind;
	} cases[] = {
		{ "CONTENT_LENGTH=4", 4, ERROR_NONE },
		{ "CONTENT_LENGTH=", 4, ERROR_NONE },
		{ "CONTENT_LENGTH=-1", 4, ERROR_NONE },
		{ "NOTHING=", 4, ERROR_NONE },
		{ "CONTENT_LENGTH=3", 4, ERROR_NONE },
		{ "CONTENT_LENGTH=5", 4, ERROR_BAD_REQUEST },
		{ "CONTENT_LENGTH=2", 9, ERROR_TOO_LARGE },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *params[] = { cases[i].length, NULL };
		struct http_in in = { .params = params };
		struct error err = { 0 };
		struct str body = { "123456789", cases[i].bytes };

		http_body(&in, body, 8, &err);
		assert_int_equal(err.kind, cases[i].kind);
	}
}

static void
a_header_value_cannot_inject_a_header(void **state)
{
	struct buf *out = buf_new(a, 1024);

	(void)state;
	http_head(out, 200, "application/json");
	http_field(out, "x-sluice-model", STR("a\r\nset-cookie: b\x01"));
	http_head_end(out);
	assert_string_equal(out->p,
	    "Status: 200 OK\r\nContent-Type: application/json\r\n"
	    "x-sluice-model: aset-cookie: b\r\n\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_the_same_however_they_are_written),
		cmocka_unit_test(a_path_that_climbs_out_is_refused),
		cmocka_unit_test(a_request_without_uri_is_refused),
		cmocka_unit_test(a_header_with_control_characters_is_refused),
		cmocka_unit_test(a_credential_is_found_wherever_servers_put_it),
		cmocka_unit_test(a_body_is_measured_not_believed),
		cmocka_unit_test(a_header_value_cannot_inject_a_header),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
