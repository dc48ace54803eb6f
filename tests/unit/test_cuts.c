/* SPDX-License-Identifier: MIT */
/*
 * Ten recorded streams of each provider's format, cut at every byte: every
 * client gets a stream that its dialect's grammar allows and that ends in an
 * error, and never one that looks finished.  The one exception is a cut that
 * took nothing but the packing: then the answer must say all of it.
 */
#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/fold.h"
#include "core/grammar.h"
#include "core/provider.h"
#include "tests/unit/projection.h"
#include "tests/unit/reply.h"
#include "tests/unit/unit.h"
#include "tests/unit/wires.h"

#define N(list)   (sizeof(list) / sizeof(*(list)))
#define MAX_BYTES ((size_t)64 << 20)
#define STREAMS   10

/* Ten times slower: then at every seventh byte only. */
#ifdef __SANITIZE_ADDRESS__
#define STEP 7
#else
#define STEP 1
#endif

/* Text, tools, parallel and empty ones, thinking, refusals, limits. */
static const char *const streams[WIRES][STREAMS] = {
	{ "vercel+ai/mistral/mistral__src__mistral-tool-call-00",
	    "vercel+ai/mistral/mistral__src__mistral-incremental-tool-call-00",
	    "vercel+ai/mistral/mistral__src__mistral-reasoning-00",
	    "charmbracelet+fantasy/xai/TestOpenAICompatibleCommon__xai-grok-4-"
	    "fast__multi_tool_streaming-00",
	    "vercel+ai/groq/groq__src__groq-tool-call-00",
	    "charmbracelet+fantasy/openai/TestOpenAICommon__openai-gpt-5__"
	    "simple_streaming-00",
	    "simonw+llm/openai/test_tools_streaming__test_tools_streaming_"
	    "variant_a-00",
	    "vercel+ai/xai/xai__src__xai-tool-call-00",
	    "charmbracelet+fantasy/openrouter/TestOpenRouterCommon__anthropic__"
	    "simple_streaming-00",
	    "braintrustdata+lingua/openai/reasoningRequestTruncated__chat-"
	    "completions__request-03" },
	{ "braintrustdata+lingua/openai/reasoningRequestTruncated__responses__"
	  "request-01",
	    "simonw+llm/openai/test_openai_responses__test_responses_basic_"
	    "streaming-00",
	    "vercel+ai/azure/azure__src__azure-text.1-00",
	    "charmbracelet+fantasy/openai/TestOpenAIResponsesCommon__openai-"
	    "gpt-5__simple_streaming-00",
	    "braintrustdata+lingua/openai/responsesCustomToolCallStreaming"
	    "Param__responses__request-03",
	    "charmbracelet+fantasy/openai/TestOpenAIResponsesCommon__openai-"
	    "gpt-4o__tool_streaming-00",
	    "vercel+ai/azure/azure__src__azure-tool-call.1-00",
	    "charmbracelet+fantasy/openai/TestOpenAIResponsesCommon__openai-"
	    "gpt-4o__multi_tool_streaming-00",
	    "charmbracelet+fantasy/openai/TestOpenAIResponsesCommon__openai-"
	    "gpt-5__tool_streaming-00",
	    "pydantic+pydantic-ai/openai/models__test_openai_responses__test_"
	    "openai_responses_compact_stateful_mode_stream-03" },
	{ "braintrustdata+lingua/vertex-anthropic/toolCallRequest__vertex-"
	  "anthropic__request-01",
	    "vercel+ai/anthropic/anthropic__src__anthropic-refusal-00",
	    "braintrustdata+lingua/anthropic/simpleRequestTruncated__"
	    "anthropic__request-01",
	    "braintrustdata+lingua/anthropic/outputConfigJsonSchemaParam__"
	    "anthropic__request-01",
	    "braintrustdata+lingua/vertex-anthropic/thinkingSignatureRequest__"
	    "vertex-anthropic__request-01",
	    "braintrustdata+lingua/anthropic/toolCallRequest__anthropic__"
	    "request-03",
	    "vercel+ai/anthropic/anthropic__src__anthropic-advisor-stop-"
	    "reasons-00",
	    "charmbracelet+fantasy/anthropic/TestAnthropicThinkingWithCache"
	    "Control__claude-sonnet-4__thinking-streaming-01",
	    "charmbracelet+fantasy/vertex-anthropic/TestGoogleVertexObject"
	    "Generation__vertex-claude-3-7-sonnet__simple_object_streaming-00",
	    "prism-php+prism/anthropic/anthropic__stream-with-citations-1-00" },
	{ "braintrustdata+lingua/gemini/reasoningRequestTruncated__google__"
	  "request-01",
	    "pydantic+pydantic-ai/gemini/models__test_google__test_google_"
	    "model_iter_stream-00",
	    "simonw+llm-gemini/gemini/test_gemini__test_tools-01",
	    "charmbracelet+fantasy/gemini/TestGoogleCommon__gemini-2.5-flash__"
	    "multi_tool_streaming-00",
	    "charmbracelet+fantasy/vertex/TestGoogleCommon__vertex-gemini-2-5-"
	    "flash__simple_streaming-00",
	    "charmbracelet+fantasy/gemini/TestGoogleObjectGeneration__gemini-"
	    "2.5-pro__simple_object_streaming-00",
	    "pydantic+pydantic-ai/gemini/models__test_google__test_google_"
	    "model_stream-00",
	    "braintrustdata+lingua/gemini/parallelToolCallsRequest__google__"
	    "request-01",
	    "braintrustdata+lingua/gemini/googleToolSchemaNumericInt64Param__"
	    "google__request-03",
	    "braintrustdata+lingua/gemini/reasoningSummaryParam__google__"
	    "request-01" },
};

struct cutting {
	const char *dir;
	const struct wire_format *from, *to;
	struct str body;
	struct facts whole, part; /* what the client of ${to} is told */
	struct facts_diff diff;
	size_t finished;    /* cuts that took packing only */
	struct buf *before; /* what the cut before gave: mostly the same */
};

/* The answer as far as ${n} bytes go; whether it counts as an answer. */
static bool
encode(const struct cutting *c, struct arena *a, size_t n, struct str *out)
{
	const struct wires_way way = { c->from, c->to, true };
	const struct str part = { c->body.p, n };
	struct error err = { 0 };
	bool ok = wires_encode(a, &way, part, out, &err);

	if (!ok && err.kind != ERROR_UP_BROKEN)
		fail_msg("%s at %zu: %s", c->dir, n, err.msg);
	return ok;
}

static struct facts *
told(struct cutting *c, struct arena *a, struct str bytes, struct facts *f)
{
	struct error err = { 0 };
	struct fold fold;

	if (wires_fold(a, c->to, bytes, &fold, &err) != 0)
		fail_msg("%s to %s: %s", c->dir, c->to->name, err.msg);
	facts_of_answer(f, a, &fold, c->to->provider->wire);
	return f;
}

/* Of a stream in the provider's own words the frames and the end are ours. */
static void
check_grammar(const struct cutting *c, size_t n, struct str bytes)
{
	char why[256];
	int (*check)(enum wire, struct str, char *, size_t) =
	    c->from->dialect == c->to->dialect ? grammar_check_passed
					       : grammar_check;

	if (check(c->to->provider->wire, bytes, why, sizeof(why)) != 0)
		fail_msg("%s to %s at %zu: %s in\n%.*s", c->dir, c->to->name, n,
		    why, STR_ARG(bytes));
}

/* What an SDK would do: it must see an error. */
static void
check_failed(
    const struct cutting *c, struct arena *a, size_t n, struct str bytes)
{
	struct error err = { 0 };
	struct fold fold;

	if (wires_fold(a, c->to, bytes, &fold, &err) == 0)
		fail_msg("%s to %s at %zu looks finished:\n%.*s", c->dir,
		    c->to->name, n, STR_ARG(bytes));
}

/*
 * Nothing may be missing.  In Chat, finish_reason ends the answer and usage
 * follows: vendors that send neither that nor [DONE] end likewise.
 */
static void
check_finished(struct cutting *c, struct arena *a, size_t n, struct str bytes)
{
	size_t i;

	facts_compare(&c->whole, told(c, a, bytes, &c->part), &c->diff);
	for (i = 0; i < c->diff.n_lost; i++)
		if (c->from->provider->wire != WIRE_OPENAI_CHAT ||
		    (!str_starts(c->diff.lost[i], "usage ") &&
			!str_starts(c->diff.lost[i], "reasoning ")))
			fail_msg("%s to %s at %zu lost %.*s", c->dir,
			    c->to->name, n, STR_ARG(c->diff.lost[i]));
}

static void
cut_at(struct cutting *c, size_t n)
{
	struct arena *a = arena_new(MAX_BYTES);
	struct str out;
	bool finished = encode(c, a, n, &out);

	c->finished += finished;
	if (!str_eq(out, buf_str(c->before))) {
		if (finished)
			check_finished(c, a, n, out);
		else
			check_failed(c, a, n, out);
		check_grammar(c, n, out);
	}
	buf_reset(c->before);
	buf_adds(c->before, out);
	arena_free(a);
}

static size_t
cut_everywhere(const char *dir, int from, int to)
{
	static struct cutting c; /* large */
	struct arena *a = arena_new(MAX_BYTES);
	struct str out;
	size_t n;

	c.dir = dir;
	c.from = &wires[from];
	c.to = &wires[to];
	c.body = reply_file(a, dir, "body");
	c.finished = 0;
	c.before = buf_new(a, MAX_BYTES);
	if (!c.body.p)
		skip();
	if (!encode(&c, a, c.body.n, &out))
		fail_msg("%s is no answer", dir);
	(void)told(&c, a, out, &c.whole);
	for (n = 0; n < c.body.n; n += STEP)
		cut_at(&c, n);
	n = c.finished;
	arena_free(a);
	return n;
}

static void
cut_all(int from)
{
	size_t i, packing = 0;

	for (i = 0; i < STREAMS; i++)
		for (int to = 0; to < WIRES_CLIENTS; to++)
			packing += cut_everywhere(streams[from][i], from, to);
	print_message(
	    "%s: %zu cuts took packing only\n", wires[from].name, packing);
}

static void
a_cut_chat_stream_is_an_error_everywhere(void **state)
{
	(void)state;
	cut_all(0);
}

static void
a_cut_responses_stream_is_an_error_everywhere(void **state)
{
	(void)state;
	cut_all(1);
}

static void
a_cut_messages_stream_is_an_error_everywhere(void **state)
{
	(void)state;
	cut_all(2);
}

static void
a_cut_gemini_stream_is_an_error_everywhere(void **state)
{
	(void)state;
	cut_all(3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_chat_stream_is_an_error_everywhere),
		cmocka_unit_test(a_cut_responses_stream_is_an_error_everywhere),
		cmocka_unit_test(a_cut_messages_stream_is_an_error_everywhere),
		cmocka_unit_test(a_cut_gemini_stream_is_an_error_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
