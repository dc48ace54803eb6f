/* SPDX-License-Identifier: MIT */
#include "core/tokens.h"

#include <stdbool.h>

#include "core/chat.h"
#include "core/image_size.h"

#define USUAL_SIDE   1024
#define MAX_SIDE     65535
#define PAGE_BYTES   60000
#define PAGE_TOKENS  1500
#define SECOND_BYTES 16000
#define LONG_WORD    7 /* letters; what is longer tends to be cut */
#define MAX_TOKENS   INT64_C(1000000000)

/* In hundredths of a token. */
struct weights {
	int word, letter; /* each run of letters; each letter beyond 7 */
	int digits;       /* each 3 digits */
	int marks;        /* each run of punctuation */
	int lines;        /* each run of line ends */
	int two, three;   /* each character of 2 bytes in UTF-8; of more */
	int turn, base;   /* each message; each request */
	int tools, tool, property; /* if there are tools; each; each of its */
	int schema;                /* if there is a JSON schema; 0: is free */
	int call;                  /* each call and result */
	int thinking;              /* if it is asked for */
};

/* What OpenAI's tokenizer and its kin make of text, and of tools. */
#define OPENAI_TEXT  102, 18, 194, 88, 24, 35, 80, 347
#define OPENAI_TOOLS 388, 684, 2300, 664, 0

/* Fitted to the recorded usages of 2024 to 2026. */
static const struct weights weights[TOKENS_FAMILIES] = {
	[TOKENS_OPENAI] = { OPENAI_TEXT, 256, 1355, OPENAI_TOOLS },
	[TOKENS_GPT_5] = { OPENAI_TEXT, 256, 9800, OPENAI_TOOLS },
	[TOKENS_GPT_4O_MINI] = { OPENAI_TEXT, 256, 1355, OPENAI_TOOLS },
	[TOKENS_GPT_OSS] = { OPENAI_TEXT, 6700, 4400, OPENAI_TOOLS },
	[TOKENS_GROK] = { OPENAI_TEXT, 14800, 18000, OPENAI_TOOLS },
	[TOKENS_LLAMA_3] = { OPENAI_TEXT, 3150, 1355, OPENAI_TOOLS },
	[TOKENS_DEEPSEEK] = { OPENAI_TEXT, 256, 25000, OPENAI_TOOLS },
	[TOKENS_DEEPSEEK_4] = { OPENAI_TEXT, 7950, 25000, OPENAI_TOOLS },
	[TOKENS_GLM] = { OPENAI_TEXT, 256, 14000, OPENAI_TOOLS },
	[TOKENS_CLAUDE] = { 122, 13, 256, 96, 44, 60, 110, 166, 268, 40284, 215,
	    1652, 12903, 5572, 2900 },
	[TOKENS_CLAUDE_5] = { 150, 13, 256, 96, 44, 60, 110, 166, 268, 46500,
	    215, 1652, 12903, 5572, 2900 },
	[TOKENS_GEMINI] = { 96, 11, 193, 92, 100, 35, 70, 18, 85, 610, 939,
	    1230, 0, 466, 0 },
};

/* Whose tokenizer, by what stands in the name of the model; first match. */
static const struct {
	const char *word;
	enum tokens_family family;
} families[] = {
	{ "gemini", TOKENS_GEMINI },
	{ "opus-4-7", TOKENS_CLAUDE_5 },
	{ "opus-4-8", TOKENS_CLAUDE_5 },
	{ "sonnet-5", TOKENS_CLAUDE_5 },
	{ "opus-5", TOKENS_CLAUDE_5 },
	{ "haiku-5", TOKENS_CLAUDE_5 },
	{ "fable", TOKENS_CLAUDE_5 },
	{ "claude", TOKENS_CLAUDE },
	{ "gpt-5", TOKENS_GPT_5 },
	{ "gpt-4o-mini", TOKENS_GPT_4O_MINI },
	{ "gpt-oss", TOKENS_GPT_OSS },
	{ "grok", TOKENS_GROK },
	{ "llama3", TOKENS_LLAMA_3 },
	{ "llama-3", TOKENS_LLAMA_3 },
	{ "deepseek-v4", TOKENS_DEEPSEEK_4 },
	{ "deepseek", TOKENS_DEEPSEEK },
	{ "glm", TOKENS_GLM },
};

enum tokens_family
tokens_family(enum wire wire, struct str model)
{
	enum tokens_family f;
	size_t i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		f = families[i].family;
		if (str_find(model, str_of(families[i].word)) < 0)
			continue;
		/* the Responses API adds less around tools */
		return f == TOKENS_GPT_5 && wire != WIRE_OPENAI_CHAT
		    ? TOKENS_OPENAI
		    : f;
	}
	return wire == WIRE_GEMINI   ? TOKENS_GEMINI
	    : wire == WIRE_ANTHROPIC ? TOKENS_CLAUDE
				     : TOKENS_OPENAI;
}

/* --- text --- */

enum kind {
	BLANK,
	LETTER,
	DIGIT,
	MARK,
	LINE,
	LEAD_2, /* first byte of a character of 2 bytes */
	LEAD_3, /* of more */
	REST
};

static enum kind
kind_of(unsigned char c)
{
	if (c >= 0x80)
		return c < 0xc0 ? REST : c < 0xe0 ? LEAD_2 : LEAD_3;
	if ((c | 32) >= 'a' && (c | 32) <= 'z')
		return LETTER;
	if (c >= '0' && c <= '9')
		return DIGIT;
	if (c == '\n' || c == '\r')
		return LINE;
	return c <= ' ' ? BLANK : MARK;
}

/* Hundredths of a token of a run of ${n} bytes of one kind. */
static int64_t
run_cost(const struct weights *w, enum kind kind, int64_t n)
{
	switch (kind) {
	case LETTER:
		return w->word +
		    (n > LONG_WORD ? (n - LONG_WORD) : 0) * w->letter;
	case DIGIT:
		return (n + 2) / 3 * w->digits;
	case MARK:
		return w->marks;
	case LINE:
		return w->lines;
	case LEAD_2:
		return n * w->two;
	case LEAD_3:
		return n * w->three;
	case BLANK:
	case REST:
		break;
	}
	return 0;
}

static int64_t
text_cost(const struct weights *w, struct str text)
{
	enum kind kind = BLANK, next;
	int64_t cost = 0, n = 0;
	size_t i;

	for (i = 0; i < text.n; i++) {
		next = kind_of((unsigned char)text.p[i]);
		if (next == kind) {
			n++;
			continue;
		}
		cost += run_cost(w, kind, n);
		kind = next;
		n = 1;
	}
	return cost + run_cost(w, kind, n);
}

int64_t
tokens_text(enum tokens_family f, struct str text)
{
	return (text_cost(&weights[f], text) + 50) / 100;
}

/* --- JSON Schema --- */

/* Words of the language itself, which vendors shorten or drop. */
static bool
is_keyword(struct str s)
{
	static const char *const words[] = { "type", "properties", "required",
		"description", "title", "items", "enum", "additionalProperties",
		"$defs", "$ref", "$schema", "anyOf", "allOf", "oneOf", "format",
		"default", "minimum", "maximum", "minItems", "maxItems",
		"minLength", "maxLength", "pattern", "const", "strict" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_is(s, words[i]))
			return true;
	return false;
}

/* The raw content of the string at ${*i}, which moves behind it. */
static struct str
string_at(struct str json, size_t *i)
{
	size_t from = ++*i;

	while (*i < json.n && json.p[*i] != '"')
		*i += json.p[*i] == '\\' ? 2 : 1;
	if (*i > json.n)
		*i = json.n;
	return (struct str){ json.p + from, (*i)++ - from };
}

/* Names of properties, descriptions and enumerated values. */
static int64_t
schema_cost(const struct weights *w, struct str json)
{
	struct str s, key = STR_NONE;
	int64_t cost = 0;
	size_t i = 0, k;

	while (i < json.n) {
		if (json.p[i] != '"') {
			i++;
			continue;
		}
		s = string_at(json, &i);
		for (k = i; k < json.n && json.p[k] <= ' '; k++)
			continue;
		if (k < json.n && json.p[k] == ':') {
			key = s;
			if (!is_keyword(s))
				cost += w->property + text_cost(w, s);
		} else if (str_is(key, "description") || str_is(key, "enum")) {
			cost += text_cost(w, s);
		}
	}
	return cost;
}

/* --- images and documents --- */

static void
sides(struct str base64, int64_t *w, int64_t *h)
{
	if (!image_size(base64, w, h) || *w > MAX_SIDE || *h > MAX_SIDE)
		*w = *h = USUAL_SIDE;
}

static int64_t
tiles(int64_t w, int64_t h, int64_t side)
{
	return ((w + side - 1) / side) * ((h + side - 1) / side);
}

/* Shrink until neither the long side nor the short one is larger. */
static void
shrink(int64_t *w, int64_t *h, int64_t most_long, int64_t most_short)
{
	int64_t most = *w > *h ? *w : *h, least;

	if (most > most_long) {
		*w = *w * most_long / most;
		*h = *h * most_long / most;
	}
	least = *w < *h ? *w : *h;
	if (least > most_short) {
		*w = *w * most_short / least;
		*h = *h * most_short / least;
	}
}

static int64_t
image_tokens(enum tokens_family f, const struct part *p)
{
	int64_t base = 85, tile = 170;
	int64_t w, h, n;

	sides(p->data, &w, &h);
	if (f == TOKENS_GEMINI)
		return w <= 384 && h <= 384 ? 258 : 258 * tiles(w, h, 768);
	if (f == TOKENS_CLAUDE || f == TOKENS_CLAUDE_5) {
		shrink(&w, &h, 1568, 1568);
		n = w * h / 750;
		return n < 1600 ? n : 1600;
	}
	if (f == TOKENS_GPT_4O_MINI) {
		base = 2833;
		tile = 5667;
	}
	if (str_is(p->detail, "low"))
		return base;
	shrink(&w, &h, 2048, 768);
	return base + tile * tiles(w, h, 512);
}

static int64_t
document_tokens(enum tokens_family f, const struct part *p)
{
	int64_t pages = 1 + (int64_t)p->data.n * 3 / 4 / PAGE_BYTES;

	return pages *
	    (f == TOKENS_GEMINI ? 258 : PAGE_TOKENS + image_tokens(f, p));
}

static int64_t
audio_tokens(enum tokens_family f, const struct part *p)
{
	int64_t seconds = 1 + (int64_t)p->data.n * 3 / 4 / SECOND_BYTES;

	return seconds * (f == TOKENS_GEMINI ? 32 : 10);
}

/* --- requests --- */

static int64_t
parts_cost(enum tokens_family f, const struct part *p)
{
	const struct weights *w = &weights[f];
	int64_t cost = 0;

	for (; p != NULL; p = p->next) {
		cost += text_cost(w, p->text) + parts_cost(f, p->parts);
		if (p->kind == PART_IMAGE)
			cost += 100 * image_tokens(f, p);
		if (p->kind == PART_DOCUMENT && p->text.p == NULL)
			cost += 100 * document_tokens(f, p);
		if (p->kind == PART_AUDIO)
			cost += 100 * audio_tokens(f, p);
		if (p->kind == PART_TOOL_CALL)
			cost += text_cost(w, p->name) + w->call;
		if (p->kind == PART_TOOL_RESULT)
			cost += w->call;
	}
	return cost;
}

static int64_t
tools_cost(const struct weights *w, const struct tool *t)
{
	int64_t cost = t != NULL ? w->tools : 0;

	for (; t != NULL; t = t->next)
		cost += w->tool + text_cost(w, t->name) +
		    text_cost(w, t->description) + schema_cost(w, t->schema) +
		    text_cost(w, t->grammar);
	return cost;
}

static bool
thinks(const struct chat *chat)
{
	return !chat->thinking_off &&
	    (chat->thinking_budget != 0 || chat->effort > EFFORT_NONE);
}

int64_t
tokens_chat(enum tokens_family f, const struct chat *chat)
{
	const struct weights *w = &weights[f];
	const struct turn *t;
	int64_t cost = w->base + tools_cost(w, chat->tools);

	for (t = chat->turns; t != NULL; t = t->next)
		cost += w->turn + parts_cost(f, t->parts);
	if (chat->output == OUTPUT_SCHEMA && w->schema > 0)
		cost += w->schema + schema_cost(w, chat->schema);
	if (thinks(chat))
		cost += w->thinking;
	cost = (cost + 50) / 100;
	return cost < MAX_TOKENS ? cost : MAX_TOKENS;
}
