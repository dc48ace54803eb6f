/* SPDX-License-Identifier: MIT */
#include "tests/unit/provider_kit.h"

#define USER(text)                                                             \
	"{\"role\":\"user\",\"parts\":[{\"kind\":\"text\",\"text\":\"" text    \
	"\"}]}"
#define HELLO "{\"turns\":[" USER("hello there") "]"
#define TOOLS ",\"tools\":[{\"name\":\"f\"},{\"name\":\"g\"}]}"

/* Ask echo with a model and a chat; the canned answer, or NULL. */
static const struct canned *
ask(struct kit *k, const char *model, const char *chat)
{
	kit_init(k, &provider_echo, "");
	k->target.model = str_of(model);
	kit_chat(k, chat);
	return kit_prepare(k) == 0 ? k->request.canned : NULL;
}

/* All bytes of an answer, and how long they take. */
static struct str
bytes_of(struct kit *k, const struct canned *c, int64_t *ms)
{
	struct buf *b = buf_new(k->arena, KIT_BYTES);
	const struct canned_chunk *chunk;

	*ms = 0;
	for (chunk = c->chunks; chunk; chunk = chunk->next) {
		buf_adds(b, chunk->bytes);
		*ms += chunk->delay_ms;
	}
	return buf_str(b);
}

static void
answers_decode_to_events(void **state)
{
	static const struct {
		const char *model, *chat, *events;
		int rc; /* of the decoder */
		int64_t ms;
	} cases[] = {
		{ "echo", HELLO "}",
		    "start echo echo\nopen 0 text\n0 echo: \n0 hello \n"
		    "0 there\nusage input=2 output=3\nclose 0\nstop end\n",
		    0, 0 },
		{ "slow-200ms+wait-50ms", HELLO "}",
		    "start echo slow-200ms+wait-50ms\nopen 0 text\n0 echo: \n"
		    "0 hello \n0 there\nusage input=2 output=3\nclose 0\n"
		    "stop end\n",
		    0, 450 },
		{ "think", "{\"turns\":[" USER("x") "]}",
		    "start echo think\nopen 0 thinking\n0 thinking \n"
		    "0 about: \n0 x\nclose 0\nopen 1 text\n1 echo: \n1 x\n"
		    "usage input=1 output=2 reasoning=3\nclose 1\nstop end\n",
		    0, 0 },
		{ "tool", HELLO TOOLS,
		    "start echo tool\nopen 0 tool call_echo_1 f\n0 {\"echo\":\n"
		    "0 \"hello there\"\n0 }\nusage input=2 output=1\nclose 0\n"
		    "stop tool\n",
		    0, 0 },
		{ "two-tools", HELLO TOOLS,
		    "start echo two-tools\nopen 0 tool call_echo_1 f\n"
		    "0 {\"echo\":\n0 \"hello there\"\n0 }\nclose 0\n"
		    "open 1 tool call_echo_2 g\n1 {\"echo\":\n"
		    "1 \"hello there\"\n1 }\nusage input=2 output=2\nclose 1\n"
		    "stop tool\n",
		    0, 0 },
		{ "tool", "{\"turns\":[" USER("x") "]}",
		    "start echo tool\nopen 0 text\n0 echo: \n0 x\n"
		    "usage input=1 output=2\nclose 0\nstop end\n",
		    0, 0 },
		{ "tool",
		    "{\"turns\":[{\"role\":\"assistant\",\"parts\":[{\"kind\":"
		    "\"call\",\"id\":\"c\",\"name\":\"f\",\"text\":\"{}\"}]},{"
		    "\"role\":\"user\",\"parts\":[{\"kind\":\"result\",\"id\":"
		    "\"c\",\"parts\":[{\"kind\":\"text\",\"text\":\"r\"}]}]}"
		    "]" TOOLS,
		    "start echo tool\nopen 0 text\n0 echo: \n0 r\n"
		    "usage input=2 output=2\nclose 0\nstop end\n",
		    0, 0 },
		{ "refuse", "{\"turns\":[" USER("x") "]}",
		    "start echo refuse\nopen 0 refusal\n0 echo: \n0 x\n"
		    "usage input=1 output=2\nclose 0\nstop refusal\n",
		    0, 0 },
		{ "length+words-2", HELLO "}",
		    "start echo length+words-2\nopen 0 text\n0 word1 \n"
		    "0 word2\nusage input=2 output=2\nclose 0\nstop length\n",
		    0, 0 },
		{ "error-after-2", HELLO "}",
		    "start echo error-after-2\nopen 0 text\n0 echo: \n"
		    "0 hello \n",
		    -1, 0 },
		{ "cut-after-1", HELLO "}",
		    "start echo cut-after-1\nopen 0 text\n0 echo: \n", -1, 0 },
		/* directives in the prompt are obeyed and not echoed */
		{ "echo",
		    "{\"turns\":[" USER("a\\n#echo think slow-9ms\\nb") "]}",
		    "start echo echo\nopen 0 thinking\n0 thinking \n"
		    "0 about: \n0 a\n\n0 b\nclose 0\nopen 1 text\n1 echo: \n"
		    "1 a\n\n1 b\nusage input=5 output=3 reasoning=4\nclose 1\n"
		    "stop end\n",
		    0, 54 },
		{ "echo", "{\"turns\":[]}",
		    "start echo echo\nopen 0 text\n0 echo: \n"
		    "usage output=1\nclose 0\nstop end\n",
		    0, 0 },
	};
	const struct canned *canned;
	struct kit_sink sink;
	struct str body;
	struct kit k;
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		canned = ask(&k, cases[i].model, cases[i].chat);
		assert_non_null(canned);
		assert_int_equal(canned->status, 200);
		assert_false(canned->hang);
		body = bytes_of(&k, canned, &ms);
		assert_int_equal(ms, cases[i].ms);
		assert_int_equal(
		    kit_decode(&k, FRAMING_SSE, body, 3, &sink), cases[i].rc);
		assert_string_equal(sink.text->p, cases[i].events);
		assert_int_equal(
		    canned->cut, strncmp(cases[i].model, "cut", 3) == 0);
		if (cases[i].rc != 0)
			assert_int_equal(k.err.kind, ERROR_UP_BROKEN);
		kit_release(&k);
	}
}

static void
an_error_status_has_a_body_that_is_understood(void **state)
{
	static const struct {
		const char *model;
		int status;
		enum error_kind kind;
	} cases[] = {
		{ "error-400", 400, ERROR_UP_REFUSED },
		{ "error-429", 429, ERROR_UP_RATE },
		{ "wait-5ms+error-500", 500, ERROR_UP_BROKEN },
		{ "error-529", 529, ERROR_UP_OVERLOADED },
	};
	const struct canned *c;
	struct str body;
	struct kit k;
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		c = ask(&k, cases[i].model, HELLO "}");
		assert_non_null(c);
		assert_int_equal(c->status, cases[i].status);
		body = bytes_of(&k, c, &ms);
		kit_refuse(&k, c->status, c->headers, body);
		assert_int_equal(k.err.kind, cases[i].kind);
		assert_true(str_is(body, k.err.msg));
		kit_release(&k);
	}
}

static void
hang_says_nothing_and_does_not_end(void **state)
{
	struct kit k;
	const struct canned *c = ask(&k, "hang", HELLO "}");

	(void)state;
	assert_non_null(c);
	assert_true(c->hang);
	assert_null(c->chunks);
	kit_release(&k);
}

static void
unknown_directives_are_not_found(void **state)
{
	static const struct {
		const char *model, *chat;
	} cases[] = {
		{ "gpt-5", HELLO "}" },
		{ "echo+slow-fast", HELLO "}" },
		{ "slow-200", HELLO "}" },
		{ "error-200", HELLO "}" },
		{ "words-0", HELLO "}" },
		{ "tools", HELLO "}" },
		{ "echo", "{\"turns\":[" USER("#echo nonsense") "]}" },
	};
	struct kit k;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_null(ask(&k, cases[i].model, cases[i].chat));
		assert_int_equal(k.err.kind, ERROR_NOT_FOUND);
		kit_release(&k);
	}
}

static void
the_same_question_gets_the_same_bytes(void **state)
{
	struct kit a, b;
	const struct canned *x = ask(&a, "think", HELLO "}");
	const struct canned *y = ask(&b, "think", HELLO "}");
	int64_t ms;

	(void)state;
	assert_true(str_eq(bytes_of(&a, x, &ms), bytes_of(&b, y, &ms)));
	kit_release(&a);
	kit_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_decode_to_events),
		cmocka_unit_test(an_error_status_has_a_body_that_is_understood),
		cmocka_unit_test(hang_says_nothing_and_does_not_end),
		cmocka_unit_test(unknown_directives_are_not_found),
		cmocka_unit_test(the_same_question_gets_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
