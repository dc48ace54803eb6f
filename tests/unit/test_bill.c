/* SPDX-License-Identifier: MIT */
#include "core/bill.h"
#include "core/buf.h"
#include "core/csv.h"
#include "core/reconcile.h"
#include "providers/providers.h"
#include "tests/unit/calls.h"
#include "tests/unit/unit.h"

/* --- CSV --- */

static void
csv_is_read_as_rfc_4180_says(void **state)
{
	static const struct {
		const char *text, *want; /* fields|fields;rows */
	} cases[] = {
		{ "", "" },
		{ "\xef\xbb\xbf"
		  "a,b\r\n1,2\r\n",
		    "a|b;1|2;" },
		{ "a\n\n\nb\n", "a;b;" },
		{ "\"x,y\",\"say \"\"hi\"\"\"\n", "x,y|say \"hi\";" },
		{ "\"two\nlines\",z", "two\nlines|z;" },
		{ ",,\n", "||;" },
		{ "a,", "a|;" },
		{ "a\"b", "!" },
		{ "\"a\"b", "!" },
		{ "\"a", "!" },
	};
	struct arena *a = arena_new(1 << 20);
	struct error err;
	struct csv_row row;
	struct csv csv;
	struct buf *out;
	size_t i, k;
	int rc;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		out = buf_new(a, 4096);
		error_clear(&err);
		csv_init(&csv, a, str_of(cases[i].text));
		while ((rc = csv_next(&csv, &row, &err)) == 1) {
			for (k = 0; k < row.n; k++)
				buf_addf(out, "%s%.*s", k > 0 ? "|" : "",
				    STR_ARG(row.fields[k]));
			buf_addch(out, ';');
		}
		if (rc < 0)
			buf_addch(out, '!');
		assert_string_equal(out->p, cases[i].want);
	}
	arena_free(a);
}

/* --- names --- */

static void
models_are_compared_without_what_differs(void **state)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
		{ "gpt-5-mini-2025-08-07", "gpt-5-mini" },
		{ "Claude Haiku 4.5", "claude-haiku-4-5" },
		{ "claude-haiku-4-5-20251001", "claude-haiku-4-5" },
		{ "gpt-4.1", "gpt-4-1" },
		{ "claude-opus-4-1", "claude-opus-4-1" },
		{ "-20251001", "-20251001" },
	};
	struct arena *a = arena_new(1 << 16);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_true(str_is(
		    bill_model(a, str_of(cases[i].name)), cases[i].want));
	arena_free(a);
}

/* --- exports --- */

#define OPENAI_HEAD                                                            \
	"start_time,end_time,amount_value,amount_currency,line_item,"          \
	"api_key_id,project_id\n"
#define ANTHROPIC_HEAD                                                         \
	"usage_date_utc,model_version,api_key,usage_input_tokens_no_cache,"    \
	"usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h," \
	"usage_input_tokens_cache_read,usage_output_tokens,web_search_count\n"
#define DAY1 "1795478400" /* 2026-11-24 */
#define DAY2 "1795564800"

static const struct {
	const char *vendor, *text, *want;
} exports[] = {
	{ "openai",
	    OPENAI_HEAD DAY1
	    "," DAY2 ",0.5,usd,\"gpt-5-mini, input\",key_1,\n" DAY1 "," DAY2
	    ",1e-3,usd,\"web search tool calls\",,\n" DAY2 ",,,,,,\n",
	    "OpenAI costs, CSV: 2026-11-24 gpt-5-mini key_1 500000000000 0 0 "
	    "0;2026-11-24 web-search-tool-calls - 1000000000 0 0 0;" },
	{ "openai",
	    "start_time,end_time,num_model_requests,model,api_key_id,"
	    "input_tokens,output_tokens,input_cached_tokens,batch\n" DAY1
	    "," DAY2 ",3,gpt-5-mini-2025-08-07,k,1000,50,800,false\n",
	    "OpenAI usage, CSV: 2026-11-24 gpt-5-mini k 0 3 1000 50;" },
	{ "openai",
	    "{\"object\":\"page\",\"data\":[{\"object\":\"bucket\","
	    "\"start_time\":" DAY1 ",\"end_time\":" DAY2 ",\"results\":[{"
	    "\"object\":\"organization.costs.result\",\"amount\":{\"value\":"
	    "0.06,\"currency\":\"usd\"},\"line_item\":\"gpt-5-nano, output\","
	    "\"project_id\":null}]}],\"has_more\":false,\"next_page\":null}",
	    "OpenAI costs, JSON: 2026-11-24 gpt-5-nano - 60000000000 0 0 0;" },
	{ "openai",
	    "[{\"data\":[{\"start_time\":" DAY1 ",\"end_time\":" DAY2
	    ",\"results\":[{\"object\":\"organization.usage.completions.result"
	    "\",\"input_tokens\":1000,\"output_tokens\":500,"
	    "\"input_cached_tokens\":800,\"num_model_requests\":5,"
	    "\"project_id\":null,\"api_key_id\":\"k\",\"model\":\"gpt-5\","
	    "\"batch\":null}]}],\"has_more\":true},{\"data\":[]}]",
	    "OpenAI usage, JSON: 2026-11-24 gpt-5 k 0 5 1000 500;" },
	{ "anthropic",
	    "{\"data\":[{\"starting_at\":\"2026-11-24T00:00:00Z\","
	    "\"ending_at\":\"2026-11-25T00:00:00Z\",\"results\":[{"
	    "\"amount\":\"123.45\",\"currency\":\"USD\",\"cost_type\":"
	    "\"tokens\",\"model\":\"claude-sonnet-5\",\"token_type\":"
	    "\"output_tokens\",\"workspace_id\":null,\"description\":\"x\"},"
	    "{\"amount\":\"1\",\"currency\":\"USD\",\"model\":null}]}],"
	    "\"has_more\":false,\"next_page\":null}",
	    "Anthropic costs, JSON: 2026-11-24 claude-sonnet-5 - "
	    "1234500000000 0 0 0;2026-11-24 - - 10000000000 0 0 0;" },
	{ "anthropic",
	    "{\"data\":[{\"starting_at\":\"2026-11-24T05:00:00Z\","
	    "\"ending_at\":\"2026-11-24T06:00:00Z\",\"results\":[{"
	    "\"uncached_input_tokens\":1,\"cache_creation\":{"
	    "\"ephemeral_1h_input_tokens\":10,\"ephemeral_5m_input_tokens\":"
	    "100},\"cache_read_input_tokens\":1000,\"output_tokens\":7,"
	    "\"server_tool_use\":{\"web_search_requests\":2},"
	    "\"api_key_id\":\"apikey_1\",\"model\":\"claude-opus-5\"}]}]}",
	    "Anthropic usage, JSON: 2026-11-24 claude-opus-5 apikey_1 0 0 1111 "
	    "7;" },
	{ "anthropic",
	    "usage_date_utc,model,workspace,api_key,usage_type,"
	    "context_window,token_type,cost_usd,cost_type\n"
	    "2026-11-24,Claude Haiku 4.5,Default,demo,message,"
	    "\xe2\x89\xa4 200k,output,0.05,token\n",
	    "Anthropic costs, CSV: 2026-11-24 claude-haiku-4-5 demo "
	    "50000000000 0 0 0;" },
	{ "anthropic",
	    ANTHROPIC_HEAD "2026-11-24,claude-opus-5,app,1,2,3,4,5,0\n",
	    "Anthropic usage, CSV: 2026-11-24 claude-opus-5 app 0 0 10 5;" },
	/* refused */
	{ "anthropic", OPENAI_HEAD, "!lacks the column usage_date_utc" },
	{ "openai", "", "!the file is empty" },
	{ "openai", "a,b\n1,2\n", "!no export of openai" },
	{ "openai", "start_time,amount_value,amount_currency,line_item,tax\n",
	    "!column \"tax\" is not known" },
	{ "openai",
	    "start_time,amount_value,amount_currency,line_item,line_item\n",
	    "!two columns \"line_item\"" },
	{ "openai", OPENAI_HEAD DAY1 "," DAY2 ",1,usd\n",
	    "!line 2: fields: not as many as columns" },
	{ "openai", OPENAI_HEAD DAY1 "," DAY2 ",1,eur,x,,\n",
	    "!line 2: amount_currency: amounts must be in USD" },
	{ "openai", OPENAI_HEAD DAY1 "," DAY2 ",one,usd,x,,\n",
	    "!line 2: amount_value: no number" },
	{ "openai", OPENAI_HEAD "yesterday,,1,usd,x,,\n",
	    "!line 2: start_time: no time" },
	{ "openai", OPENAI_HEAD ",,1,usd,x,,\n", "!line 2: time: not given" },
	{ "openai", OPENAI_HEAD DAY1 ",1796000000,1,usd,x,,\n",
	    "!must lie within one day" },
	{ "anthropic",
	    ANTHROPIC_HEAD "2026-11-24,claude-opus-5,app,-1,2,3,4,5,0\n",
	    "!usage_input_tokens_no_cache: no number" },
	{ "anthropic",
	    ANTHROPIC_HEAD "2026-11-24,claude-opus-5,app,1.5,2,3,4,5,0\n",
	    "!usage_input_tokens_no_cache: no number" },
	{ "openai", "{\"object\":\"page\"}", "!a list \"data\" is missing" },
	{ "openai", "{\"data\":[],\"has_more\":true}", "!fetch all pages" },
	{ "openai", "{\"data\":[{\"results\":[{}]}]}", "!no line of a cost" },
	{ "openai", "{\"data\":[{\"results\":3}]}", "!must be a list" },
	{ "openai", "{\"data\":[3]}", "!must be an object" },
	{ "openai", "{\"data\":", "!" },
	{ "anthropic",
	    "{\"data\":[{\"starting_at\":\"2026-11-24\",\"results\":[{"
	    "\"amount\":\"1\",\"currency\":\"USD\",\"model\":null,"
	    "\"discount\":\"0.5\"}]}]}",
	    "!data[0].results[0]: discount: is not known" },
	{ "anthropic",
	    "{\"data\":[{\"starting_at\":\"2026-11-24\",\"results\":[{"
	    "\"amount\":\"1\",\"currency\":\"USD\",\"model\":null},"
	    "{\"amount\":\"1\",\"currency\":\"USD\"}]}]}",
	    "!data[0].results[1]: model: is missing" },
};

static void
exports_are_read_strictly(void **state)
{
	struct arena *a = arena_new((size_t)16 << 20);
	struct bill_export x = { .formats = &provider_bills };
	const struct bill_line *l;
	struct bill bill;
	struct error err;
	struct buf *out;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(exports); i++) {
		error_clear(&err);
		out = buf_new(a, 4096);
		x.vendor = str_of(exports[i].vendor);
		x.text = str_of(exports[i].text);
		if (bill_read(a, &x, &bill, &err) != 0) {
			if (exports[i].want[0] != '!' ||
			    strstr(err.msg, exports[i].want + 1) == NULL)
				fail_msg("%zu: %s", i, err.msg);
			continue;
		}
		buf_addf(out, "%s: ", bill.format);
		for (l = bill.lines; l != NULL; l = l->next)
			buf_addf(out, "%s %.*s %.*s %lld %lld %lld %lld;",
			    l->day, STR_ARG(l->model.p ? l->model : STR("-")),
			    STR_ARG(l->key.p ? l->key : STR("-")),
			    (long long)l->cost_pusd, (long long)l->requests,
			    (long long)l->input_tokens,
			    (long long)l->output_tokens);
		assert_string_equal(out->p, exports[i].want);
	}
	arena_free(a);
}

/* --- the ledger beside it --- */

static const struct reconcile_group *
group(const struct reconciliation *r, const char *day, const char *model)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (str_is(r->groups[i].day, day) &&
		    str_is(r->groups[i].model, model))
			return &r->groups[i];
	print_message("no %s %s\n", day, model);
	abort();
}

static void
match(struct calls *c, struct arena *a, const char *vendor, const char *text,
    const char *keys, struct reconciliation *r)
{
	const struct bill_export x = { &provider_bills, str_of(vendor),
		str_of(text) };
	struct bill bill;

	error_clear(&c->err);
	if (bill_read(a, &x, &bill, &c->err) != 0 ||
	    reconcile(c->state, str_of(vendor), &bill, str_of(keys), a, r,
		&c->err) != 0)
		fail_msg("%s", c->err.msg);
}

/* A call of 24 November with another model, cost and so on. */
static void
put(struct calls *c, const char *model, int64_t pusd, int64_t after_us)
{
	struct one_call one;

	calls_fill(&one, CALLS_NOW_US + after_us, pusd);
	one.at[0].model = one.at[0].returned_model = str_of(model);
	calls_write(c, &one, CALL_OK);
}

static void
drift_has_its_likely_reason(void **state)
{
#define COST(day, usd, model) day ",," usd ",usd,\"" model ", x\",,\n"
	static const char bill[] =
	    "start_time,end_time,amount_value,amount_currency,line_item,"
	    "api_key_id,project_id\n" COST(DAY1, "0.000001", "equal")
		COST(DAY1, "0.0000005", "half") COST(DAY1, "0.000003", "triple")
		    COST(DAY1, "0.00000009", "theirs")
			COST(DAY1, "0.00000101", "unpriced")
			    COST(DAY1, "0.000001001", "rounded")
				COST(DAY1, "0.000001", "moved")
				    COST(DAY2, "0.000001", "moved");
	static const struct {
		const char *model, *reason;
		int64_t drift;
	} want[] = {
		{ "equal", NULL, 0 },
		{ "half", "batch or flex", -500000 },
		{ "triple", "300 %", 2000000 },
		{ "theirs", "not through sluice", 90000 },
		{ "ours", "not on the bill", -1000000 },
		{ "unpriced", "1 attempts have no known cost", 10000 },
		{ "rounded", "rounding", 1000 },
		{ "moved", "around midnight", -1000000 },
	};
	struct calls *c = *state;
	struct arena *a = arena_new((size_t)64 << 20);
	const struct reconcile_group *g;
	struct reconciliation r;
	size_t i;

	put(c, "equal-2026-01-01", 400000, 0);
	put(c, "equal", 600000, 0);
	put(c, "half", 1000000, 0);
	put(c, "triple", 1000000, 0);
	put(c, "ours", 1000000, 0);
	put(c, "unpriced", 1000000, 0);
	put(c, "unpriced", -1, 0);
	put(c, "rounded", 1000000, 0);
	put(c, "moved", 2000000, 0);
	put(c, "equal", 1, 3 * CALLS_DAY_US); /* not in its days */
	match(c, a, "openai", bill, NULL, &r);
	assert_int_equal(r.n, COUNT(want) + 1);
	for (i = 0; i < COUNT(want); i++) {
		g = group(&r, "2026-11-24", want[i].model);
		assert_int_equal(g->drift, want[i].drift);
		if (want[i].reason == NULL)
			assert_null(g->reason);
		else if (strstr(g->reason, want[i].reason) == NULL)
			fail_msg("%s: %s", want[i].model, g->reason);
	}
	assert_int_equal(
	    r.total.bill.cost_pusd - r.total.ledger.cost_pusd, r.total.drift);
	arena_free(a);
}

static void
tokens_and_requests_are_compared_too(void **state)
{
	static const char bill[] =
	    "start_time,num_model_requests,model,api_key_id,input_tokens,"
	    "output_tokens\n" DAY1 ",3,gpt-5-mini,k1,30,9\n" DAY1
	    ",1,gpt-5-mini,k2,5,5\n";
	struct calls *c = *state;
	struct arena *a = arena_new((size_t)64 << 20);
	struct reconciliation r;
	struct one_call one;
	size_t i;

	for (i = 0; i < 3; i++)
		put(c, "gpt-5-mini", 7, 0);
	calls_fill(&one, CALLS_NOW_US, 0); /* failed: no usage, not billed */
	usage_init(&one.at[0].usage);
	calls_write(c, &one, CALL_ERROR);
	match(c, a, "openai", bill, NULL, &r);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.groups[0].ledger.requests, 3);
	assert_int_equal(r.groups[0].bill.requests, 4);
	assert_int_equal(r.groups[0].drift, 10);
	assert_non_null(strstr(r.groups[0].reason, "1 requests did not go"));
	match(c, a, "openai", bill, "k1=conf", &r);
	assert_int_equal(r.n, 2);
	assert_true(str_is(r.groups[0].key, "conf"));
	assert_int_equal(r.groups[0].drift, 0);
	assert_non_null(strstr(r.groups[1].reason, "does not use"));
	arena_free(a);
}

static void
what_an_advisor_did_is_compared_with_his_model(void **state)
{
	static const char bill[] =
	    "start_time,end_time,amount_value,amount_currency,line_item,"
	    "api_key_id,project_id\n" COST(DAY1, "0.0000006", "worker")
		COST(DAY1, "0.0000004", "advisor");
	static const char tokens[] =
	    "start_time,num_model_requests,model,api_key_id,input_tokens,"
	    "output_tokens\n" DAY1 ",1,worker,k1,6,3\n" DAY1
	    ",1,advisor,k1,4,0\n";
	struct calls *c = *state;
	struct arena *a = arena_new((size_t)64 << 20);
	struct reconciliation r;
	struct one_call one;

	calls_fill(&one, CALLS_NOW_US, 1000000);
	one.at[0].model = one.at[0].returned_model = STR("worker");
	usage_other(&one.at[0].usage, STR("advisor"))->tokens[USAGE_INPUT] = 4;
	one.at[0].others_pusd[0] = 400000;
	calls_write(c, &one, CALL_OK);
	match(c, a, "openai", bill, NULL, &r);
	assert_int_equal(r.n, 2);
	assert_int_equal(group(&r, "2026-11-24", "worker")->drift, 0);
	assert_int_equal(group(&r, "2026-11-24", "advisor")->drift, 0);
	match(c, a, "openai", tokens, NULL, &r);
	assert_int_equal(r.n, 2);
	assert_int_equal(group(&r, "2026-11-24", "worker")->drift, 0);
	assert_int_equal(group(&r, "2026-11-24", "advisor")->drift, 0);
	arena_free(a);
}

static void
a_bill_that_cannot_be_compared_is_refused(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new((size_t)16 << 20);
	struct reconciliation r;
	struct bill bill = { .n = 0 };

	assert_int_equal(
	    reconcile(c->state, STR("openai"), &bill, STR_NONE, a, &r, &c->err),
	    -1);
	assert_non_null(strstr(c->err.msg, "has no lines"));
	error_clear(&c->err);
	assert_int_equal(reconcile(c->state, STR("openai"), &bill,
			     STR("k=conf"), a, &r, &c->err),
	    -1);
	assert_non_null(strstr(c->err.msg, "not by key"));
	arena_free(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, calls_setup, calls_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_is_read_as_rfc_4180_says),
		cmocka_unit_test(models_are_compared_without_what_differs),
		cmocka_unit_test(exports_are_read_strictly),
		TEST(drift_has_its_likely_reason),
		TEST(tokens_and_requests_are_compared_too),
		TEST(what_an_advisor_did_is_compared_with_his_model),
		TEST(a_bill_that_cannot_be_compared_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
