/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/chat.h"
#include "core/clock.h"
#include "core/tokens.h"
#include "tests/unit/unit.h"

/* What vendors have counted; a line of the prompt is a message. */
static const struct {
	const char *model;
	int64_t recorded;
	const char *prompt;
} recorded[] = {
	{ "gpt-5", 8, "Hello!" },
	{ "gpt-4o", 12, "What's the capital of Jamaica?" },
	{ "gpt-4o", 13, "How do I cross the street?" },
	{ "gpt-4o", 18, "What is the capital of France? Answer in one word." },
	{ "gpt-4o", 20, "You are a helpful assistant\nSay hi in Portuguese" },
	{ "gpt-4o", 25,
	    "You are a helpful assistant.\nWhat is the capital of Minas "
	    "Gerais?" },
	{ "gpt-4o", 35,
	    "You are a helpful data analyst. The default data source is "
	    "project_logs with id abc-123.\nWhat errors occurred recently?" },
	{ "gpt-4o", 38,
	    "Solve this step by step: If a train travels 60 mph for 2 hours, "
	    "then 80 mph for 1 hour, what's the average speed?" },
	{ "claude-sonnet-4", 16, "Write a very long essay about the ocean." },
	{ "claude-sonnet-4", 45,
	    "Solve this step by step: If a train travels 60 mph for 2 hours, "
	    "then 80 mph for 1 hour, what's the average speed?" },
	{ "gemini-2.5-flash", 6, "Reply with exactly: Paris" },
	{ "vertex/gemini-2.5-flash", 9,
	    "You are a helpful assistant\nSay hi in Portuguese" },
	{ "gemini-2.5-flash", 13,
	    "You are a helpful chatbot.\nWhat is the capital of France?" },
	{ "gemini-2.5-flash", 37,
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
		n = tokens_chat(
		    tokens_family(WIRE_NONE, str_of(recorded[i].model)), &chat);
		/* of a handful of tokens one is more than that */
		most = recorded[i].recorded * 15 / 100 + 1;
		if (llabs(n - recorded[i].recorded) > most)
			print_error(
			    "%s: %lld\n", recorded[i].prompt, (long long)n);
		assert_true(llabs(n - recorded[i].recorded) <= most);
	}
	arena_free(a);
}

/* Two names are of one family, or are not. */
static void
models_count_like_their_family(void **state)
{
	static const struct {
		enum wire wire, other_wire;
		const char *model, *other;
		bool same;
	} cases[] = {
		{ WIRE_ANTHROPIC, WIRE_OPENAI_CHAT, "claude-sonnet-4-5",
		    "anthropic/claude-4-5-sonnet", true },
		{ WIRE_GEMINI, WIRE_OPENAI_CHAT, "gemini-2.5-pro",
		    "google/gemini-2.5-flash", true },
		{ WIRE_OPENAI_CHAT, WIRE_OPENAI_CHAT,
		    "moonshotai/Kimi-K2-Instruct", "kimi-k2", true },
		{ WIRE_OPENAI_CHAT, WIRE_OPENAI_RESPONSES, "gpt-5", "gpt-5",
		    false },
		{ WIRE_OPENAI_CHAT, WIRE_OPENAI_CHAT, "grok-4", "grok-4-fast",
		    false },
		{ WIRE_NONE, WIRE_OPENAI_CHAT, "echo", "mine", true },
		{ WIRE_GEMINI, WIRE_ANTHROPIC, "x", "x", false },
		{ WIRE_ANTHROPIC, WIRE_ANTHROPIC, "x", "claude-sonnet-4-5",
		    false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int a = tokens_family(cases[i].wire, str_of(cases[i].model));
		int b =
		    tokens_family(cases[i].other_wire, str_of(cases[i].other));

		if ((a == b) != cases[i].same)
			print_error("%s %s\n", cases[i].model, cases[i].other);
		assert_int_equal(a == b, cases[i].same);
		assert_in_range(a, 0, TOKENS_FAMILIES - 1);
	}
}

/* The head of a PNG of these sides, in base64. */
static struct str
png(struct arena *arena, unsigned w, unsigned h)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char raw[27] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
	struct buf *out = buf_new(arena, 64);
	unsigned i, k, bits;

	for (i = 0; i < 4; i++) {
		raw[16 + i] = (unsigned char)(w >> (24 - 8 * i));
		raw[20 + i] = (unsigned char)(h >> (24 - 8 * i));
	}
	for (i = 0; i < sizeof(raw); i += 3) {
		bits = (unsigned)raw[i] << 16 | (unsigned)raw[i + 1] << 8 |
		    raw[i + 2];
		for (k = 0; k < 4; k++)
			buf_addch(out, digits[bits >> (18 - 6 * k) & 63]);
	}
	return buf_str(out);
}

/* What one more part adds. */
static int64_t
added(struct arena *a, const char *model, enum part_kind kind, struct str data,
    const char *detail, const char *mime)
{
	struct chat with = ask(a, "what is this"), without = with;
	int f = tokens_family(WIRE_NONE, str_of(model));
	int64_t before = tokens_chat(f, &without);
	struct part *p = chat_part(&with, &with.turns->parts, kind);

	p->data = data;
	p->detail = str_of(detail);
	p->mime = str_of(mime);
	return tokens_chat(f, &with) - before;
}

/* Examples of the vendors' own pages where there are some. */
static void
images_follow_the_vendors_rules(void **state)
{
	static const struct {
		const char *model, *detail;
		unsigned w, h; /* 0: nobody knows */
		int64_t tokens;
	} cases[] = {
		/* OpenAI, "Images and vision": tiles */
		{ "gpt-4o", "high", 1024, 1024, 765 },
		{ "gpt-4o", "high", 2048, 4096, 1105 },
		{ "gpt-4o", "low", 4096, 8192, 85 },
		{ "gpt-4.1", NULL, 2048, 4096, 1105 },
		{ "gpt-4o-mini", "high", 2048, 4096, 36835 },
		{ "gpt-4o-mini", "low", 2048, 4096, 2833 },
		{ "o3", "high", 1024, 1024, 75 + 4 * 150 },
		{ "o1-pro", "high", 1024, 1024, 75 + 4 * 150 },
		{ "gpt-5", "high", 1024, 1024, 70 + 4 * 140 },
		{ "gpt-5-chat-latest", "low", 1024, 1024, 70 },
		{ "computer-use-preview", "high", 1024, 1024, 65 + 4 * 129 },
		{ "gpt-image-1", "high", 1024, 1024, 65 + 129 },
		/* patches: 1024 of them; 4275, shrunk to 33 x 44 */
		{ "gpt-4.1-mini", NULL, 1024, 1024, 1024 * 162 / 100 + 1 },
		{ "gpt-4.1-mini", NULL, 1800, 2400, 1452 * 162 / 100 },
		{ "gpt-5-mini", "high", 1800, 2400, 1452 * 162 / 100 },
		{ "gpt-4.1-nano", NULL, 1024, 1024, 1024 * 246 / 100 },
		{ "gpt-5-nano", "low", 1024, 1024, 256 * 246 / 100 + 1 },
		{ "o4-mini", NULL, 1024, 1024, 1024 * 172 / 100 },
		{ "openai/gpt-5.5", "high", 1600, 1600, 50 * 50 },
		{ "gpt-5.5", NULL, 3200, 3200, 100 * 100 },
		{ "gpt-4.1-mini", NULL, 1, 9000, 64 * 162 / 100 + 1 },
		/* Anthropic, "Vision": patches of 28 pixels */
		{ "claude-sonnet-4-5", NULL, 200, 200, 64 },
		{ "claude-sonnet-4-5", NULL, 1000, 1000, 1296 },
		{ "claude-sonnet-4-5", NULL, 1092, 1092, 1521 },
		{ "claude-sonnet-4-5", NULL, 3840, 2160, 1560 },
		{ "claude-opus-4-8", NULL, 1920, 1080, 2691 },
		{ "claude-opus-4-8", NULL, 3840, 2160, 4784 },
		/* Google, "Image understanding" and "Media resolution" */
		{ "gemini-2.5-flash", NULL, 384, 384, 258 },
		{ "gemini-2.5-flash", NULL, 960, 540, 6 * 258 },
		{ "gemini-2.0-flash", NULL, 1, 4000, 16 * 258 },
		{ "gemini-3-pro-preview", NULL, 4000, 3000, 1120 },
		/* xAI: no less than 256, no more than 1,792 */
		{ "grok-4-fast", NULL, 448, 448, 512 },
		{ "grok-4-fast", NULL, 4000, 4000, 1280 },
		/* unknown: as of 1024 x 1024 */
		{ "gpt-4o", NULL, 0, 0, 765 },
		{ "claude-sonnet-4-5", NULL, 0, 0, 37 * 37 },
		{ "gemini-2.5-flash", NULL, 0, 0, 4 * 258 },
	};
	struct arena *a = arena_new(1 << 20);
	struct str data;
	int64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		data = cases[i].w ? png(a, cases[i].w, cases[i].h) : STR_NONE;
		n = added(
		    a, cases[i].model, PART_IMAGE, data, cases[i].detail, NULL);
		if (n != cases[i].tokens)
			print_error("%s %u x %u: %lld\n", cases[i].model,
			    cases[i].w, cases[i].h, (long long)n);
		assert_int_equal(n, cases[i].tokens);
	}
	arena_free(a);
}

/* A page is 60 kB, a second 16 kB of sound or 250 kB of film. */
static void
documents_and_sounds_follow_the_vendors_rules(void **state)
{
	static const struct {
		const char *model;
		enum part_kind kind;
		const char *mime;
		size_t bytes;
		int64_t tokens;
	} cases[] = {
		{ "claude-sonnet-4-5", PART_DOCUMENT, "application/pdf", 70000,
		    2 * (1500 + 37 * 37) },
		{ "gpt-4o", PART_DOCUMENT, "application/pdf", 10000,
		    1500 + 765 },
		{ "gemini-2.5-pro", PART_DOCUMENT, "application/pdf", 130000,
		    3 * 258 },
		{ "gemini-3-pro", PART_DOCUMENT, "application/pdf", 130000,
		    3 * 560 },
		{ "gemini-2.5-pro", PART_AUDIO, "audio/mp3", 40000, 3 * 32 },
		{ "gemini-2.5-pro", PART_DOCUMENT, "video/mp4", 510000,
		    3 * 263 },
		{ "gemini-3-pro", PART_DOCUMENT, "video/mp4", 510000,
		    3 * (70 + 32) },
	};
	struct arena *a = arena_new(4 << 20);
	struct str data;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		data.n = cases[i].bytes * 4 / 3;
		data.p = arena_alloc(a, data.n);
		assert_int_equal(added(a, cases[i].model, cases[i].kind, data,
				     NULL, cases[i].mime),
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
	int f = tokens_family(WIRE_OPENAI_CHAT, STR("gpt-4o"));
	int64_t more;

	(void)state;
	t->name = STR("weather");
	t->schema = str_of(schema);
	more = tokens_chat(f, &chat) - tokens_chat(f, &plain);
	assert_in_range(more, 25, 40);
	t->schema = STR("{\"properties\":{\"cut");
	assert_true(tokens_chat(f, &chat) > 0);
	arena_free(a);
}

static void
any_bytes_are_counted_in_microseconds_per_kb(void **state)
{
	size_t n = 1 << 20, i;
	char *text = malloc(n);
	uint64_t seed = 1;
	int f = tokens_family(WIRE_ANTHROPIC, STR("claude-sonnet-4-5"));
	struct part part = { .kind = PART_TEXT, .text = { text, n } };
	struct turn turn = { .role = ROLE_USER, .parts = &part };
	const struct chat chat = { .turns = &turn };
	int64_t us;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < n; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1;
		text[i] = (char)(seed >> 56);
	}
	us = clock_mono_us();
	assert_true(tokens_chat(f, &chat) > 0);
	us = clock_mono_us() - us;
	assert_true(us < 1024 * 200); /* sanitizers and busy machines */
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    estimates_are_within_15_percent_of_recorded_usage),
		cmocka_unit_test(models_count_like_their_family),
		cmocka_unit_test(images_follow_the_vendors_rules),
		cmocka_unit_test(documents_and_sounds_follow_the_vendors_rules),
		cmocka_unit_test(schemas_count_by_property_and_description),
		cmocka_unit_test(any_bytes_are_counted_in_microseconds_per_kb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
