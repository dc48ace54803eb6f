/* SPDX-License-Identifier: MIT */
/* Legacy completions: prompts become chats, chats become text. */
#include "core/error.h"
#include "tests/unit/chat_text.h"
#include "tests/unit/reply.h"
#include "tests/unit/unit.h"

#define WITH(x) "{\"model\":\"m\",\"prompt\":\"p\"," x "}"
#define P       "U[(text text=p)]"
#define HIDDEN  " hidden=1"

static const struct chat_case requests[] = {
	{ "{\"prompt\":\"p\"}", P HIDDEN },
	{ "{\"prompt\":[\"p\"]}", P HIDDEN },
	{ WITH("\"max_tokens\":5,\"temperature\":0.5,\"top_p\":1,\"seed\":4,"
	       "\"presence_penalty\":1,\"frequency_penalty\":2,"
	       "\"stop\":[\"x\"],\"user\":\"u\",\"stream\":true,"
	       "\"stream_options\":{\"include_usage\":true}"),
	    P " max=5" HIDDEN " stream=1 usage=1 temperature=0.5 top_p=1 "
	      "presence=1 frequency=2 seed=4 user=u stop=x" },
	{ WITH("\"n\":1,\"best_of\":1,\"echo\":false,\"suffix\":null,"
	       "\"logprobs\":null"),
	    P HIDDEN },
	{ WITH("\"logprobs\":3,\"logit_bias\":{\"1\":2},\"new\":1"),
	    P HIDDEN " lose=logprobs,logit_bias,new" },
	{ "{}", "!prompt: is required" },
	{ "{\"prompt\":[]}", "!prompt: must be one prompt" },
	{ "{\"prompt\":[\"a\",\"b\"]}", "!prompt: must be one prompt" },
	{ "{\"prompt\":[[1,2]]}", "!prompt[0]: must be text" },
	{ "{\"prompt\":[1]}", "!prompt[0]: must be text" },
	{ WITH("\"n\":2"), "!n: only 1" },
	{ WITH("\"best_of\":3"), "!best_of: only 1" },
	{ WITH("\"echo\":true"), "!echo: needs a completion model" },
	{ WITH("\"suffix\":\"\""), "!suffix: needs a completion model" },
};

static void
prompts_become_chats(void **state)
{
	(void)state;
	chat_cases(&dialect_openai_completions, requests, COUNT(requests));
}

#define HEAD_OF                                                                \
	"{\"id\":\"cmpl-call_01\",\"object\":\"text_completion\","             \
	"\"created\":1700000000,\"model\":\"m-1\",\"choices\":["
#define CHOICE(text, finish)                                                   \
	HEAD_OF "{\"index\":0,\"text\":\"" text                                \
		"\",\"logprobs\":null,\"finish_reason\":" finish "}]"
#define CHUNK(text, finish) "data: " CHOICE(text, finish) "}\n\n"
#define DONE                "data: [DONE]\n\n"
#define COUNTS                                                                 \
	"\"usage\":{\"prompt_tokens\":16,\"completion_tokens\":8,"             \
	"\"total_tokens\":24,\"prompt_tokens_details\":{"                      \
	"\"cached_tokens\":4,\"cache_write_tokens\":2,\"audio_tokens\":0,"     \
	"\"image_tokens\":0},\"completion_tokens_details\":{"                  \
	"\"reasoning_tokens\":3,\"audio_tokens\":0,"                           \
	"\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0},"  \
	"\"cost\":null}}"

static const struct {
	struct event ev[12];
	const char *stream, *document;
} answers[] = {
	{ { HEAD(WIRE_ANTHROPIC), START("m-1"), OPEN(0, BLOCK_THINKING),
	      DELTA(0, "hm"), CLOSE(0), OPEN(1, BLOCK_TEXT), DELTA(1, "a"),
	      DELTA(1, ""), DELTA(1, "b"), CLOSE(1), USAGE, STOP(STOP_END) },
	    CHUNK("a", "null") CHUNK("b", "null") CHUNK("", "\"stop\"") DONE,
	    CHOICE("ab", "\"stop\"") "," COUNTS },
	/* Chat's own chunks are in other words: none pass. */
	{ { HEAD(WIRE_OPENAI_CHAT), START("m-1"), OPEN(0, BLOCK_TEXT),
	      DELTA(0, "a"), FRAME("data: {}\n\n"), USAGE, STOP(STOP_LENGTH) },
	    CHUNK("a", "null") CHUNK("", "\"length\"") DONE,
	    CHOICE("a", "\"length\"") "," COUNTS },
	{ { HEAD(WIRE_ANTHROPIC), START("m-1"), OPEN(0, BLOCK_REFUSAL),
	      DELTA(0, "no"), CLOSE(0), USAGE, STOP(STOP_REFUSAL) },
	    CHUNK("no", "null") CHUNK("", "\"content_filter\"") DONE,
	    CHOICE("no", "\"content_filter\"") "," COUNTS },
	{ { HEAD(WIRE_GEMINI), START("m-1"), USAGE, STOP(STOP_NONE) },
	    CHUNK("", "\"stop\"") DONE, CHOICE("", "\"stop\"") "," COUNTS },
};

static void
answers_become_text(void **state)
{
	struct reply a;
	size_t i;
	int stream;

	(void)state;
	for (i = 0; i < COUNT(answers) * 2; i++) {
		stream = (int)(i % 2);
		reply_begin(&a, &dialect_openai_completions,
		    &(struct reply_opts){ .stream = stream });
		reply_put_until(&a, answers[i / 2].ev, EVENT_STOP);
		reply_finish(&a);
		reply_check(&a);
		reply_is(&a,
		    stream ? answers[i / 2].stream : answers[i / 2].document);
		reply_end(&a);
	}
}

static void
usage_comes_in_a_chunk_of_its_own(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_ANTHROPIC), START("m-1"),
		OPEN(0, BLOCK_TEXT), DELTA(0, "a"), PING, USAGE,
		STOP(STOP_END) };
	struct reply a;

	(void)state;
	reply_begin(&a, &dialect_openai_completions,
	    &(struct reply_opts){ .stream = true, .include_usage = true });
	reply_run(&a, ev, COUNT(ev));
	reply_is(&a,
	    "data: " CHOICE(
		"a", "null") ",\"usage\":null}\n\n: ping\n\ndata: " CHOICE("",
		"\"stop\"") ",\"usage\":null}\n\n"
			    "data: " HEAD_OF "]," COUNTS "\n\n" DONE);
	reply_end(&a);
}

static void
a_stream_that_fails_ends_with_an_error(void **state)
{
	static const struct event ev[] = { HEAD(WIRE_ANTHROPIC), START("m-1"),
		OPEN(0, BLOCK_TEXT), DELTA(0, "a") };
	struct error err = { 0 };
	struct reply a;
	size_t i;

	(void)state;
	error_set(&err, ERROR_UP_BROKEN, "cut");
	reply_begin(&a, &dialect_openai_completions,
	    &(struct reply_opts){ .stream = true });
	for (i = 0; i < COUNT(ev); i++)
		reply_put(&a, &ev[i]);
	reply_fail(&a, &err);
	assert_non_null(strstr(a.out.p,
	    "data: {\"error\":{\"message\":"
	    "\"cut\""));
	reply_end(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prompts_become_chats),
		cmocka_unit_test(answers_become_text),
		cmocka_unit_test(usage_comes_in_a_chunk_of_its_own),
		cmocka_unit_test(a_stream_that_fails_ends_with_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
