/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "core/error.h"
#include "fcgi/exchange.h"
#include "fcgi/options.h"
#include "tests/unit/unit.h"

static char user_header[] = "HTTP_X_SLUICE_USER= head ";
static char *params[] = { user_header, NULL };
static char *no_params[] = { NULL };

static struct exchange *
begin(const char *body, char **headers)
{
	struct exchange *x = exchange_new(NULL, IO_CGI, -1);

	x->in.params = headers;
	x->call.ask.arena = x->arena;
	x->call.ask.body = str_of(body);
	return x;
}

static void
members_say_what_headers_say(void **state)
{
	static const struct {
		const char *body, *name, *want; /* want NULL: absent */
	} cases[] = {
		{ "{\"a\":1}", "task", NULL },
		{ "{\"sluice\":{\"task\":\" t\\u0020\"}}", "task", "t" },
		{ "{\"sluice\":{\"task\":null}}", "task", NULL },
		{ "{\"sluice\":{\"max_cost\":0.010}}", "max-cost", "0.010" },
		{ "{\"sluice\":{\"max_cost\":\"1e1\"}}", "max-cost", "1e1" },
		{ "{\"sluice\":{\"timeout_ms\":5}}", "timeout-ms", "5" },
		{ "{\"sluice\":{\"route\":{\"race\":[ ]}}}", "route",
		    "{\"race\":[ ]}" },
		{ "{\"sluice\":{\"tags\":{\"a\":\"b c\",\"d\":\"\"}}}", "tags",
		    "a=b c,d=" },
		{ "{\"sluice\":{\"tags\":\"a=b\"}}", "tags", "a=b" },
		{ "{\"sluice\":{\"user\":\"body\"}}", "user", "body" },
	};
	struct error err = { 0 };
	struct exchange *x;
	struct str got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		x = begin(cases[i].body, no_params);
		if (options_take(x, &err) != 0)
			fail_msg("%s: %s", cases[i].body, err.msg);
		got = options_get(x, cases[i].name);
		if (cases[i].want == NULL ? got.n != 0
					  : !str_is(got, cases[i].want))
			fail_msg("%s: %.*s", cases[i].body, STR_ARG(got));
		exchange_free(x);
	}
}

static void
a_header_outweighs_a_member(void **state)
{
	struct exchange *x =
	    begin("{\"sluice\":{\"user\":\"body\",\"task\":\"t\"}}", params);
	struct error err = { 0 };

	(void)state;
	assert_int_equal(options_take(x, &err), 0);
	assert_true(str_is(options_get(x, "user"), "head"));
	assert_true(str_is(options_get(x, "task"), "t"));
	exchange_free(x);
}

static void
switches_are_true_or_one(void **state)
{
	static const struct {
		const char *value;
		bool on;
	} cases[] = { { "true", true }, { "\"1\"", true }, { "\"true\"", true },
		{ "false", false }, { "\"no\"", false }, { "null", false } };
	struct error err = { 0 };
	struct exchange *x;
	char body[64];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		snprintf(body, sizeof(body), "{\"sluice\":{\"dry_run\":%s}}",
		    cases[i].value);
		x = begin(body, no_params);
		assert_int_equal(options_take(x, &err), 0);
		assert_int_equal(options_on(x, "dry-run"), cases[i].on);
		exchange_free(x);
	}
}

static void
the_member_goes_no_further_and_the_rest_stays(void **state)
{
	struct exchange *x = begin(
	    "{ \"a\":1e0, \"sluice\" : {\"task\":\"t\"},\"b\":\"\\u00e9\"}",
	    no_params);
	struct error err = { 0 };

	(void)state;
	assert_int_equal(options_take(x, &err), 0);
	assert_true(str_find(x->call.ask.body, STR("sluice")) < 0);
	assert_true(str_find(x->call.ask.body, STR("\"a\":1e0")) >= 0);
	assert_true(str_find(x->call.ask.body, STR("\"b\":\"\\u00e9\"")) >= 0);
	exchange_free(x);
}

static void
what_nobody_knows_is_refused_by_name(void **state)
{
	static const struct {
		const char *body, *param;
	} cases[] = {
		{ "{\"sluice\":{\"colour\":1}}", "sluice.colour" },
		{ "{\"sluice\":{\"max-cost\":1}}", "sluice.max-cost" },
		{ "{\"sluice\":{\"user\":1}}", "sluice.user" },
		{ "{\"sluice\":{\"user\":[]}}", "sluice.user" },
		{ "{\"sluice\":{\"dry_run\":1}}", "sluice.dry_run" },
		{ "{\"sluice\":{\"task\":{}}}", "sluice.task" },
		{ "{\"sluice\":{\"tags\":{\"a\":1}}}", "sluice.tags" },
		{ "{\"sluice\":{\"tags\":{\"a\":\"b,c\"}}}", "sluice.tags" },
		{ "{\"sluice\":{\"tags\":{\"a=b\":\"c\"}}}", "sluice.tags" },
		{ "{\"sluice\":[]}", "sluice" },
		{ "{\"sluice\":null}", "sluice" },
	};
	struct exchange *x;
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		err = (struct error){ 0 };
		x = begin(cases[i].body, no_params);
		assert_int_equal(options_take(x, &err), -1);
		assert_int_equal(err.kind, ERROR_BAD_REQUEST);
		assert_string_equal(err.param, cases[i].param);
		exchange_free(x);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_say_what_headers_say),
		cmocka_unit_test(a_header_outweighs_a_member),
		cmocka_unit_test(switches_are_true_or_one),
		cmocka_unit_test(the_member_goes_no_further_and_the_rest_stays),
		cmocka_unit_test(what_nobody_knows_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
