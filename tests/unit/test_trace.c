/* SPDX-License-Identifier: MIT */
/* Traces: whose they are, how a call looks as spans, who gets them. */
#include "core/arena.h"
#include "core/buf.h"
#include "core/call.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/exporter.h"
#include "core/jtext.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/metrics.h"
#include "core/otlp_headers.h"
#include "core/provider.h"
#include "core/spans.h"
#include "core/state.h"
#include "core/trace.h"
#include "core/upstream.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define ID     "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static void
a_trace_is_the_clients_if_its_header_is_right(void **state)
{
	static const struct {
		const char *header;
		bool joins, sampled;
	} cases[] = {
		{ "00-" ID "-" PARENT "-01", true, true },
		{ " 00-" ID "-" PARENT "-01 ", true, true },
		{ "00-" ID "-" PARENT "-03", true, true },
		{ "00-" ID "-" PARENT "-00", true, false },
		{ "cc-" ID "-" PARENT "-01", true, true },
		{ "cc-" ID "-" PARENT "-01-what-will-come", true, true },
		{ "cc-" ID "-" PARENT "-01.", false, false },
		{ "00-" ID "-" PARENT "-01-more", false, false },
		{ "ff-" ID "-" PARENT "-01", false, false },
		{ "00-" ID "-" PARENT "-0", false, false },
		{ "00-" ID "-" PARENT, false, false },
		{ "00-" ID "-0000000000000000-01", false, false },
		{ "00-00000000000000000000000000000000-" PARENT "-01", false,
		    false },
		{ "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", false,
		    false },
		{ "00-" ID "_" PARENT "-01", false, false },
		{ "00-" ID "-" PARENT "-0x", false, false },
		{ "", false, false },
	};
	char hex[TRACE_HEX_BYTES];
	struct trace t;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		trace_begin(&t, str_of(cases[i].header), false);
		if (t.known != cases[i].joins || t.has_parent != t.known)
			fail_msg("%s", cases[i].header);
		trace_begin(&t, str_of(cases[i].header), true);
		assert_true(t.known);
		assert_int_equal(t.has_parent, cases[i].joins);
		trace_hex(t.id, TRACE_ID_BYTES, hex);
		assert_int_equal(strcmp(hex, ID) == 0, cases[i].joins ? 1 : 0);
		assert_int_equal(
		    t.sampled, cases[i].sampled || !cases[i].joins);
	}
}

static void
ids_differ(void **state)
{
	struct trace a, b;

	(void)state;
	trace_begin(&a, STR_NONE, true);
	trace_begin(&b, STR_NONE, true);
	assert_memory_not_equal(a.id, b.id, TRACE_ID_BYTES);
	assert_memory_not_equal(a.span, b.span, TRACE_SPAN_BYTES);
}

/* --- spans --- */

#define HOSTILE "\"<script>\xe2\x80\xae\xff\n"

/* A call with a failure and an answer, and all that must not be told. */
static void
make_call(struct call *c, struct arena *a)
{
	struct ledger_attempt *won = ARENA_NEW(a, struct ledger_attempt);
	struct ledger_attempt *failed = ARENA_NEW(a, struct ledger_attempt);

	*won = (struct ledger_attempt){ .provider = STR("google"),
		.model = STR("gemini-x"),
		.returned_model = STR("gemini-x-001"),
		.role = ROLE_FALLBACK,
		.outcome = ATTEMPT_WON,
		.status = 200,
		.start_ms = 40,
		.ttft_ms = 250,
		.duration_ms = 900,
		.cost = { .known = true, .pusd = 3100000000 } };
	*failed = (struct ledger_attempt){ .provider = STR("openai"),
		.model = STR("gpt-x"),
		.outcome = ATTEMPT_FAILED,
		.status = 500,
		.error = STR("provider_unavailable"),
		.start_ms = 1,
		.ttft_ms = -1,
		.duration_ms = 30,
		.next = won };
	*c = (struct call){ .arena = a, .attempts = 2 };
	c->row = (struct ledger_call){ .id = "call_x",
		.started_us = 1700000000123456,
		.endpoint = "/v1/messages",
		.requested = STR(HOSTILE),
		.user = STR("canary-user"),
		.status = 200,
		.outcome = CALL_OK,
		.ttft_ms = 290,
		.duration_ms = 950,
		.cost = { .known = true, .pusd = 3100000000 },
		.attempts = failed };
	c->ask.body = STR("canary-body");
	won->usage.tokens[USAGE_INPUT] = 7;
	won->usage.tokens[USAGE_CACHE_READ] = 100;
	won->usage.tokens[USAGE_OUTPUT] = 20;
	trace_begin(&c->trace, STR("00-" ID "-" PARENT "-01"), true);
}

static struct str
member(struct str json, const char *path)
{
	struct str raw;

	if (!jtext_get(json, path, &raw))
		fail_msg("no %s", path);
	return raw;
}

static struct str
item(struct str list, int n)
{
	struct str raw = STR_NONE;
	size_t pos = 0;

	while (n-- >= 0)
		assert_true(jtext_item(list, &pos, &raw));
	return raw;
}

/* The raw value of an attribute, whatever its type. */
static bool
attribute_is(struct str span, const char *key, const char *value)
{
	char want[256];

	snprintf(
	    want, sizeof(want), "{\"key\":\"%s\",\"value\":%s}", key, value);
	return str_find(span, str_of(want)) >= 0;
}

static void
a_call_is_a_span_with_its_attempts_below(void **state)
{
	struct arena *a = arena_new((size_t)8 << 20);
	struct error err = { .kind = ERROR_NONE };
	struct str all, root, first, second, spans;
	struct buf *out = buf_new(a, 1u << 20);
	unsigned n = 0;
	struct call c;

	(void)state;
	make_call(&c, a);
	spans = spans_of(&c, &n);
	assert_int_equal(n, 3);
	spans_request(out, spans);
	assert_int_equal(jtext_check(buf_str(out), &err), 0);
	all = item(member(buf_str(out), "resourceSpans"), 0);
	all = member(item(member(all, "scopeSpans"), 0), "spans");
	root = item(all, 0);
	first = item(all, 1);
	second = item(all, 2);
	assert_true(str_is(member(root, "traceId"), "\"" ID "\""));
	assert_true(str_is(member(root, "parentSpanId"), "\"" PARENT "\""));
	assert_true(str_is(member(root, "kind"), "2"));
	assert_true(str_is(
	    member(root, "startTimeUnixNano"), "\"1700000000123456000\""));
	assert_true(
	    str_is(member(root, "endTimeUnixNano"), "\"1700000001073456000\""));
	assert_true(
	    attribute_is(root, "sluice.cost_usd", "{\"doubleValue\":0.0031}"));
	assert_true(attribute_is(
	    root, "http.response.status_code", "{\"intValue\":\"200\"}"));
	assert_true(
	    str_eq(member(first, "parentSpanId"), member(root, "spanId")));
	assert_true(
	    str_eq(member(second, "parentSpanId"), member(root, "spanId")));
	assert_true(str_is(member(first, "status.code"), "2"));
	assert_true(str_is(member(second, "name"), "\"chat gemini-x\""));
	assert_true(attribute_is(second, "gen_ai.provider.name",
	    "{\"stringValue\":\"gcp.gemini\"}"));
	assert_true(attribute_is(
	    second, "gen_ai.usage.input_tokens", "{\"intValue\":\"107\"}"));
	assert_true(attribute_is(second, "gen_ai.response.time_to_first_chunk",
	    "{\"doubleValue\":0.250}"));
	arena_free(a);
}

static void
no_body_and_no_user_is_in_a_span(void **state)
{
	struct arena *a = arena_new((size_t)8 << 20);
	struct str spans;
	unsigned n = 0;
	struct call c;

	(void)state;
	make_call(&c, a);
	spans = spans_of(&c, &n);
	assert_true(spans.n > 0);
	assert_int_equal(str_find(spans, STR("canary")), -1);
	arena_free(a);
}

static void
a_trace_that_is_not_sampled_or_unknown_has_no_spans(void **state)
{
	struct arena *a = arena_new((size_t)8 << 20);
	unsigned n = 0;
	struct call c;

	(void)state;
	make_call(&c, a);
	c.trace.sampled = false;
	assert_null(spans_of(&c, &n).p);
	trace_begin(&c.trace, STR_NONE, false);
	assert_null(spans_of(&c, &n).p);
	assert_int_equal(n, 0);
	arena_free(a);
}

/* --- headers --- */

static void
headers_are_as_opentelemetry_writes_them(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} cases[] = {
		{ "", "" },
		{ "a=b", "a:b;" },
		{ " api-key = s%20e%2Cc , x=1,,", "api-key:s e,c;x:1;" },
		{ "authorization=Basic%20Zm9v%3D",
		    "authorization:Basic Zm9v=;" },
		{ "a=b=c", "a:b=c;" },
		{ "a=", "a:;" },
		{ "a", NULL },
		{ "=b", NULL },
		{ "a b=c", NULL },
		{ "a:=c", NULL },
		{ "a=%0d%0ahost: x", NULL },
		{ "a=%00", NULL },
		{ "a=%2", NULL },
		{ "a=%zz", NULL },
		{ "a=b\nc=d", NULL },
	};
	struct arena *a = arena_new(1u << 20);
	struct header *list, *h;
	struct buf *out = buf_new(a, 4096);
	const char *wrong;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		list = NULL;
		buf_reset(out);
		wrong = otlp_headers(a, str_of(cases[i].text), &list);
		if ((wrong == NULL) != (cases[i].want != NULL))
			fail_msg("%s", cases[i].text);
		for (h = list; wrong == NULL && h != NULL; h = h->next)
			buf_addf(out, "%.*s:%.*s;", STR_ARG(h->name),
			    STR_ARG(h->value));
		if (wrong == NULL)
			assert_string_equal(out->p, cases[i].want);
	}
	arena_free(a);
}

/* --- sending --- */

struct rig {
	struct scratch s;
	struct arena *arena;
	struct state *state;
	struct conf conf;
	struct loop *loop;
	struct upstream *upstream;
	struct exporter *exporter;
};

static void
rig_make(struct rig *r)
{
	struct error err = { .kind = ERROR_NONE };

	log_open("/dev/null", LOG_LEVEL_ERROR);
	*r = (struct rig){ .arena = arena_new((size_t)64 << 20) };
	scratch_make(&r->s);
	r->state = state_open(str_of(r->s.dir), DURABILITY_PROCESS, &err);
	r->loop = loop_new(&err);
	assert_non_null(r->state);
	r->upstream = upstream_new(r->loop);
	r->exporter = exporter_new(r->loop, r->upstream);
	/* Nobody listens on the discard port. */
	r->conf.otlp_endpoint = STR("http://127.0.0.1:9");
}

static void
rig_drop(struct rig *r)
{
	exporter_free(r->exporter);
	upstream_free(r->upstream);
	loop_free(r->loop);
	state_close(r->state);
	scratch_drop(&r->s);
	arena_free(r->arena);
}

static void
add(struct rig *r, size_t bytes)
{
	struct call c = { .arena = r->arena,
		.conf = &r->conf,
		.state = r->state,
		.n_spans = 2 };
	char *text = arena_alloc(r->arena, bytes);

	memset(text, ' ', bytes);
	c.spans = (struct str){ text, bytes };
	exporter_add(r->exporter, &c);
	assert_null(c.spans.p); /* taken, once and for all */
	exporter_add(r->exporter, &c);
}

struct want {
	const char *result;
	int64_t n;
};

static void
look_for(void *arg, const struct metric_series *s)
{
	struct want *w = arg;

	if (str_is(s->labels[0], w->result))
		w->n = s->value;
}

static int64_t
spans_counted(struct rig *r, const char *result)
{
	struct want w = { result, 0 };

	metrics_each(state_metrics(r->state), METRIC_SPANS, look_for, &w);
	return w.n;
}

static void
what_no_collector_takes_is_dropped_and_counted(void **state)
{
	struct rig r;

	(void)state;
	rig_make(&r);
	add(&r, 1000);
	add(&r, 1000);
	exporter_finish(r.exporter, 5000000);
	assert_int_equal(spans_counted(&r, "dropped_failed"), 4);
	/* and left alone for a while, by whoever comes */
	add(&r, 1000);
	assert_int_equal(spans_counted(&r, "dropped_failed"), 6);
	assert_int_equal(spans_counted(&r, "sent"), 0);
	rig_drop(&r);
}

static void
a_full_queue_takes_no_more(void **state)
{
	struct rig r;
	int i;

	(void)state;
	rig_make(&r);
	for (i = 0; i < 30; i++)
		add(&r, 100000);
	assert_int_equal(spans_counted(&r, "dropped_queue_full"), 2 * 20);
	rig_drop(&r);
}

static void
what_is_left_at_the_end_is_counted(void **state)
{
	struct rig r;

	(void)state;
	rig_make(&r);
	add(&r, 10);
	exporter_free(r.exporter);
	r.exporter = NULL;
	assert_int_equal(spans_counted(&r, "dropped_at_exit"), 2);
	rig_drop(&r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trace_is_the_clients_if_its_header_is_right),
		cmocka_unit_test(ids_differ),
		cmocka_unit_test(a_call_is_a_span_with_its_attempts_below),
		cmocka_unit_test(no_body_and_no_user_is_in_a_span),
		cmocka_unit_test(
		    a_trace_that_is_not_sampled_or_unknown_has_no_spans),
		cmocka_unit_test(headers_are_as_opentelemetry_writes_them),
		cmocka_unit_test(
		    what_no_collector_takes_is_dropped_and_counted),
		cmocka_unit_test(a_full_queue_takes_no_more),
		cmocka_unit_test(what_is_left_at_the_end_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
