/* SPDX-License-Identifier: MIT */
/*
 * Estimates against what vendors have counted, for every recorded request
 * that holds text only, and for those with tools and schemas; the distribution
 * of errors by vendor is printed, with TOKENS_VERBOSE set each of them.  Images
 * and documents are reported too: most recorded ones are at an address, where
 * nobody sees their size.  Without fixtures skipped.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/chat.h"
#include "core/error.h"
#include "core/fold.h"
#include "core/jtree.h"
#include "core/provider.h"
#include "core/tokens.h"
#include "core/usage.h"
#include "tests/unit/unit.h"
#include "tests/unit/wires.h"

#define VENDORS   24
#define SAMPLES   256
#define MAX_BYTES ((size_t)256 << 20)

enum content {
	TEXT,
	TOOLS,  /* or a JSON schema, or thoughts */
	MEDIA,  /* images, documents, sounds */
	HOSTED, /* what the vendor adds by itself, or has in store */
	CONTENTS
};

static const char *const content_names[] = { "text", "tools", "media",
	"hosted" };

static struct errors {
	char name[32];
	size_t n[CONTENTS];
	double off[CONTENTS][SAMPLES]; /* relative errors */
} vendors[VENDORS];

static struct errors *
errors_of(struct str name)
{
	struct errors *v = vendors;

	while (v->name[0] && !str_is(name, v->name))
		v++;
	assert_true(v < vendors + VENDORS - 1);
	(void)snprintf(v->name, sizeof(v->name), "%.*s", STR_ARG(name));
	return v;
}

static enum content
content_of_parts(const struct part *p)
{
	enum content most = TEXT, c;

	for (; p != NULL; p = p->next) {
		c = content_of_parts(p->parts);
		if (p->kind == PART_IMAGE || p->kind == PART_AUDIO ||
		    (p->kind == PART_DOCUMENT && !p->text.p))
			c = MEDIA;
		else if (p->kind >= PART_TOOL_CALL && c == TEXT)
			c = TOOLS;
		most = c > most ? c : most;
	}
	return most;
}

/* Tools that the vendor runs, and what it has kept: nobody else can count. */
static bool
is_hosted(struct str body)
{
	static const char *const words[] = { "googleSearch", "google_search",
		"urlContext", "url_context", "codeExecution", "code_execution",
		"fileSearch", "file_search", "tool_search", "defer_loading",
		"web_search", "web_fetch", "cachedContent", "compound",
		"\"plugins\"", "mcp_", "additional_tools", "enterpriseWeb",
		"x_search", "image_generation", "code_interpreter" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_find(body, str_of(words[i])) >= 0)
			return true;
	return false;
}

static enum content
content_of(const struct chat *chat, struct str body)
{
	enum content most = chat->tools || chat->output ? TOOLS : TEXT, c;
	const struct turn *t;

	for (t = chat->turns; t != NULL; t = t->next) {
		c = content_of_parts(t->parts);
		most = c > most ? c : most;
	}
	return most < MEDIA && is_hosted(body) ? HOSTED : most;
}

static int64_t
counted(const struct usage *u)
{
	int64_t n = 0;

	for (int b = USAGE_INPUT; b <= USAGE_CACHE_WRITE_12H; b++)
		n += u->tokens[b];
	return n + u->tokens[USAGE_AUDIO_IN] + u->tokens[USAGE_IMAGE_IN];
}

static struct str
member(const struct jnode *row, const char *name)
{
	struct jnode at;

	(void)jtree_find(row, name, &at);
	return jtree_value_str(&at);
}

/* Who has answered, as its vendor calls it; a request may not name it. */
static struct str
model_of(struct arena *a, const struct jnode *row, const struct fold *fold)
{
	struct str model =
	    fold->model.n > 0 ? fold->model : member(row, "model");

	if (!str_is(member(row, "provider"), "vertex"))
		return model;
	return str_of(arena_printf(a, "vertex/%.*s", STR_ARG(model)));
}

/* Of a handful of tokens one is more than 15 %. */
static double
relative(int64_t guess, int64_t n)
{
	return llabs(guess - n) <= 1 ? 0
				     : ((double)guess - (double)n) / (double)n;
}

static void
compare(void *arg, const char *dir, int format, const struct jnode *row)
{
	const struct wire_format *f = &wires[format];
	struct arena *a = arena_new(MAX_BYTES);
	struct str request = wires_request(a, dir), model;
	struct str answer = wires_answer(a, dir, row);
	struct error err = { 0 };
	struct fold fold;
	struct chat *chat;
	struct errors *v;
	enum content c;
	int64_t n, guess;

	(void)arg;
	fold_init(&fold, a);
	if (request.p && answer.p &&
	    wires_fold(a, f, answer, &fold, &err) == 0 &&
	    (chat = wires_chat(a, f, request, &err)) != NULL &&
	    (n = counted(&fold.usage)) > 0) {
		model = model_of(a, row, &fold);
		guess =
		    tokens_chat(tokens_family(f->provider->wire, model), chat);
		c = content_of(chat, request);
		v = errors_of(member(row, "provider"));
		assert_true(v->n[c] < SAMPLES);
		if (getenv("TOKENS_VERBOSE"))
			printf("%s %s %s %lld %lld %s\n", v->name,
			    content_names[c], str_cstr(a, model), (long long)n,
			    (long long)guess, dir);
		v->off[c][v->n[c]++] = relative(guess, n);
	}
	arena_free(a);
}

static int
by_size(const void *x, const void *y)
{
	double a = fabs(*(const double *)x), b = fabs(*(const double *)y);

	return (a > b) - (a < b);
}

/* How many are within ${most}. */
static size_t
within(const struct errors *v, enum content c, double most)
{
	size_t good = 0;

	for (size_t i = 0; i < v->n[c]; i++)
		good += fabs(v->off[c][i]) <= most;
	return good;
}

static void
report(struct errors *v, enum content c)
{
	size_t n = v->n[c];

	if (n == 0)
		return;
	qsort(v->off[c], n, sizeof(double), by_size);
	printf("%-16s %-6s %3zu  within 15 %%: %3zu %%  25 %%: %3zu %%  "
	       "median %5.1f %%  p90 %6.1f %%\n",
	    v->name, content_names[c], n, 100 * within(v, c, 0.15) / n,
	    100 * within(v, c, 0.25) / n, 100 * v->off[c][n / 2],
	    100 * v->off[c][n * 9 / 10]);
}

/*
 * What has been reached: how many of a vendor's recordings may be off by more
 * than 15 %, and with tools by more than 25 %.  Those are a handful whose
 * vendor counts what the request does not show.
 */
static const struct {
	const char *vendor;
	size_t text, tools, tools_far;
} reached[] = {
	{ "anthropic", 0, 1, 0 },
	{ "vertex-anthropic", 0, 0, 0 },
	{ "azure", 0, 0, 0 },
	{ "cerebras", 0, 0, 0 },
	{ "deepseek", 0, 0, 0 },
	{ "gemini", 1, 14, 8 },
	{ "groq", 0, 2, 2 },
	{ "huggingface", 1, 2, 2 },
	{ "mistral", 1, 0, 0 },
	{ "ollama", 0, 0, 0 },
	{ "openai", 1, 6, 0 },
	{ "openrouter", 2, 2, 1 },
	{ "vertex", 0, 4, 2 },
	{ "xai", 0, 2, 0 },
	{ "zai", 0, 0, 0 },
};

static size_t
beyond(const struct errors *v, enum content c, double most)
{
	return v->n[c] - within(v, c, most);
}

static void
each_vendor_is_as_near_as_ever(void **state)
{
	const struct errors *v;

	(void)state;
	if (!vendors[0].name[0])
		skip();
	for (size_t i = 0; i < sizeof(reached) / sizeof(reached[0]); i++) {
		v = errors_of(str_of(reached[i].vendor));
		if (beyond(v, TEXT, 0.15) > reached[i].text ||
		    beyond(v, TOOLS, 0.15) > reached[i].tools ||
		    beyond(v, TOOLS, 0.25) > reached[i].tools_far)
			print_error("%s: %zu text, %zu and %zu with tools\n",
			    v->name, beyond(v, TEXT, 0.15),
			    beyond(v, TOOLS, 0.15), beyond(v, TOOLS, 0.25));
		assert_true(beyond(v, TEXT, 0.15) <= reached[i].text);
		assert_true(beyond(v, TOOLS, 0.15) <= reached[i].tools);
		assert_true(beyond(v, TOOLS, 0.25) <= reached[i].tools_far);
	}
}

/* How many of all vendors' recordings are within ${most}, in percent. */
static size_t
share(enum content c, double most)
{
	size_t all = 0, good = 0;
	const struct errors *v;

	for (v = vendors; v->name[0]; v++) {
		all += v->n[c];
		good += within(v, c, most);
	}
	printf("%s of all vendors: %zu of %zu within %.0f %%\n",
	    content_names[c], good, all, 100 * most);
	return all > 0 ? good * 100 / all : 100;
}

static void
text_is_within_15_percent_of_what_vendors_count(void **state)
{
	struct errors *v;

	(void)state;
	if (wires_each(compare, NULL) == 0)
		skip();
	for (int c = 0; c < CONTENTS; c++)
		for (v = vendors; v->name[0]; v++)
			report(v, c);
	assert_true(share(TEXT, 0.15) >= 95);
}

static void
requests_with_tools_are_within_25_percent(void **state)
{
	(void)state;
	if (!vendors[0].name[0])
		skip();
	assert_true(share(TOOLS, 0.15) >= 89);
	assert_true(share(TOOLS, 0.25) >= 95);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    text_is_within_15_percent_of_what_vendors_count),
		cmocka_unit_test(requests_with_tools_are_within_25_percent),
		cmocka_unit_test(each_vendor_is_as_near_as_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
