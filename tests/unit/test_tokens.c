/* SPDX-License-Identifier: MIT */
#include "core/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/chat.h"
#include "core/clock.h"

/* What vendors have counted; a line of the prompt is a message. */
static const struct {
	enum tokens_family family;
	int64_t recorded;
	const char *prompt;
} recorded[] = {
	{ TOKENS_OPENAI, 8, "Hello!" },
	{ TOKENS_OPENAI, 12, "What's the capital of Jamaica?" },
	{ TOKENS_OPENAI, 13, "How do I cross the street?" },
	{ TOKENS_OPENAI, 18,
	    "What is the capital of France? Answer in one word." },
	{ TOKENS_OPENAI, 20,
	    "You are a helpful assistant\nSay hi in Portuguese" },
	{ TOKENS_OPENAI, 25,
	    "You are a helpful assistant.\nWhat is the capital of Minas "
	    "Gerais?" },
	{ TOKENS_OPENAI, 35,
	    "You are a helpful data analyst. The default data source is "
	    "project_logs with id abc-123.\nWhat errors occurred recently?" },
	{ TOKENS_OPENAI, 38,
	    "Solve this step by step: If a train travels 60 mph for 2 hours, "
	    "then 80 mph for 1 hour, what's the average speed?" },
	{ TOKENS_CLAUDE, 16, "Write a very long essay about the ocean." },
	{ TOKENS_CLAUDE, 45,
	    "Solve this step by step: If a train travels 60 mph for 2 hours, "
	    "then 80 mph for 1 hour, what's the average speed?" },
	{ TOKENS_GEMINI, 6, "Reply with exactly: Paris" },
	{ TOKENS_GEMINI, 9,
	    "You are a helpful assistant\nSay hi in Portuguese" },
	{ TOKENS_GEMINI, 13,
	    "You are a helpful chatbot.\nWhat is the capital of France?" },
	{ TOKENS_GEMINI, 37,
	    "Solve this step by step: If a train travels 60 mph for 2 hours, "
	    "then 80 mph for 1 hour, what's the average speed?" },
};

static struct chat
ask(struct arena *a, const char *prompt)
{
	struct chat chat = { .arena = a };
	struct str rest = str_of(prompt), line;
	struct turn *t;

	while (rest.p != NULL) {
		rest = str_split(rest, '\n', &line);
		t = chat_turn(&chat, ROLE_USER);
		chat_part(&chat, &t->parts, PART_TEXT)->text = line;
	}
	return chat;
}

static void
estimates_are_within_15_percent_of_recorded_usage(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct chat chat;
	int64_t n, most;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
		chat = ask(a, recorded[i].prompt);
		n = tokens_chat(recorded[i].family, &chat);
		/* of a handful of tokens one is more than that */
		most = recorded[i].recorded * 15 / 100 + 1;
		if (llabs(n - recorded[i].recorded) > most)
			print_error(
			    "%s: %lld\n", recorded[i].prompt, (long long)n);
		assert_true(llabs(n - recorded[i].recorded) <= most);
	}
	arena_free(a);
}

static void
models_have_their_vendors_tokenizer(void **state)
{
	static const struct {
		enum wire wire;
		const char *model;
		enum tokens_family family;
	} cases[] = {
		{ WIRE_OPENAI_CHAT, "gpt-4o", TOKENS_OPENAI },
		{ WIRE_OPENAI_CHAT, "gpt-5-mini", TOKENS_GPT_5 },
		{ WIRE_OPENAI_CHAT, "gpt-4o-mini", TOKENS_GPT_4O_MINI },
		{ WIRE_ANTHROPIC, "claude-sonnet-4-5", TOKENS_CLAUDE },
		{ WIRE_ANTHROPIC, "claude-opus-4-8", TOKENS_CLAUDE_5 },
		{ WIRE_OPENAI_CHAT, "anthropic/claude-sonnet-4",
		    TOKENS_CLAUDE },
		{ WIRE_GEMINI, "x", TOKENS_GEMINI },
		{ WIRE_OPENAI_CHAT, "google/gemini-2.5-pro", TOKENS_GEMINI },
		{ WIRE_NONE, "echo", TOKENS_OPENAI },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    tokens_family(cases[i].wire, str_of(cases[i].model)),
		    cases[i].family);
}

/* The head of a PNG of 2000 x 1000 pixels. */
#define PNG_2000_1000 "iVBORw0KGgoAAAANSUhEUgAAB9AAAAPoCAYAAAA="

static void
images_follow_the_vendors_rules(void **state)
{
	static const struct {
		enum tokens_family family;
		const char *data, *detail;
		int64_t tokens;
	} cases[] = {
		/* shrunk to 1536 x 768: 3 x 2 tiles */
		{ TOKENS_OPENAI, PNG_2000_1000, NULL, 85 + 6 * 170 },
		{ TOKENS_OPENAI, PNG_2000_1000, "low", 85 },
		{ TOKENS_GPT_4O_MINI, PNG_2000_1000, NULL, 2833 + 6 * 5667 },
		/* shrunk to 1568 x 784, and no more than 1,600 */
		{ TOKENS_CLAUDE, PNG_2000_1000, NULL, 1600 },
		{ TOKENS_GEMINI, PNG_2000_1000, NULL, 258 * 6 },
		/* 1024 x 1024, as nobody knows */
		{ TOKENS_OPENAI, "/9j/4AAQ", NULL, 85 + 4 * 170 },
		{ TOKENS_CLAUDE, NULL, NULL, 1024 * 1024 / 750 },
	};
	struct arena *a = arena_new(1 << 20);
	struct chat with, without;
	struct part *p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		with = ask(a, "what is this");
		without = ask(a, "what is this");
		p = chat_part(&with, &with.turns->parts, PART_IMAGE);
		p->data = str_of(cases[i].data);
		p->detail = str_of(cases[i].detail);
		assert_int_equal(tokens_chat(cases[i].family, &with) -
			tokens_chat(cases[i].family, &without),
		    cases[i].tokens);
	}
	arena_free(a);
}

static void
schemas_count_by_property_and_description(void **state)
{
	static const char schema[] =
	    "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":"
	    "\"string\",\"description\":\"the \\\"big\\\" city\"}},"
	    "\"required\":[\"city\"]}";
	struct arena *a = arena_new(1 << 20);
	struct chat chat = ask(a, "hello"), plain = ask(a, "hello");
	struct tool *t = chat_tool(&chat);
	int64_t more;

	(void)state;
	t->name = STR("weather");
	t->schema = str_of(schema);
	more = tokens_chat(TOKENS_OPENAI, &chat) -
	    tokens_chat(TOKENS_OPENAI, &plain);
	assert_in_range(more, 25, 40);
	t->schema = STR("{\"properties\":{\"cut");
	assert_true(tokens_chat(TOKENS_OPENAI, &chat) > 0);
	arena_free(a);
}

static void
any_bytes_are_counted_in_microseconds_per_kb(void **state)
{
	size_t n = 1 << 20, i;
	char *text = malloc(n);
	uint64_t seed = 1;
	int64_t us;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < n; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1;
		text[i] = (char)(seed >> 56);
	}
	us = clock_mono_us();
	assert_true(tokens_text(TOKENS_CLAUDE, (struct str){ text, n }) > 0);
	us = clock_mono_us() - us;
	assert_true(us < 1024 * 200); /* sanitizers and busy machines */
	assert_int_equal(tokens_text(TOKENS_CLAUDE, STR_NONE), 0);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    estimates_are_within_15_percent_of_recorded_usage),
		cmocka_unit_test(models_have_their_vendors_tokenizer),
		cmocka_unit_test(images_follow_the_vendors_rules),
		cmocka_unit_test(schemas_count_by_property_and_description),
		cmocka_unit_test(any_bytes_are_counted_in_microseconds_per_kb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
