/* SPDX-License-Identifier: MIT */
#include "core/tokens.h"

#include <stdbool.h>
#include <string.h>

#include "core/chat.h"
#include "core/tokens_table.h"

#define MAX_TOKENS INT64_C(1000000000)
#define LONG_ID    100 /* bytes; in a longer one a signature is hidden */

/* --- whose --- */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

/* Whether ${word} stands in ${s}, in capitals or not. */
static bool
holds(struct str s, const char *word)
{
	size_t n = strlen(word), i, k;

	for (i = 0; i + n <= s.n; i++) {
		for (k = 0; k < n && lower(s.p[i + k]) == word[k]; k++)
			continue;
		if (k == n)
			return true;
	}
	return n == 0;
}

int
tokens_family(enum wire wire, struct str model)
{
	int n, i;
	const struct tokens_model *m = tokens_table(&n);

	for (i = 0; i < n - 1; i++)
		if ((m[i].wire == 0 || m[i].wire == (int)wire) &&
		    holds(model, m[i].words[0]) &&
		    (m[i].words[1] == NULL || holds(model, m[i].words[1])))
			return i;
	return n - 1;
}

static const struct tokens_model *
model_of(int family)
{
	int n;

	return &tokens_table(&n)[family];
}

static int64_t
rounded(int64_t hundredths)
{
	int64_t n = (hundredths + 50) / 100;

	return n < MAX_TOKENS ? n : MAX_TOKENS;
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

/* Names of properties at ${property} more, descriptions, enumerated values. */
static int64_t
words_cost(const struct tokens_text *w, struct str json, int property)
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
				cost += 100 * property + tokens_text_cost(w, s);
		} else if (str_is(key, "description") || str_is(key, "enum")) {
			cost += tokens_text_cost(w, s);
		}
	}
	return cost;
}

/* --- conversations --- */

struct count {
	const struct tokens_model *m;
	bool kept; /* thoughts of this message are read again */
};

static int64_t
text_of(const struct count *c, struct str s)
{
	return tokens_text_cost(c->m->text, s);
}

static int64_t
signature_of(const struct count *c, const struct part *p)
{
	const struct tokens_frame *f = c->m->frame;
	int64_t n = (int64_t)(p->signature.n > 0 ? p->signature.n
		: p->id.n > LONG_ID              ? p->id.n
						 : 0);

	return c->kept && n > f->unsigned_bytes
	    ? (n - f->unsigned_bytes) * f->signature
	    : 0;
}

static int64_t
thinking_of(const struct count *c, const struct part *p)
{
	return signature_of(c, p) +
	    (c->kept && !c->m->frame->sealed ? text_of(c, p->text) : 0);
}

/* What is left of an answer when its template has cut the thoughts out. */
static struct str
untagged(const struct tokens_frame *f, struct str s)
{
	long end = f->tags && str_starts(s, "<think>")
	    ? str_find(s, STR("</think>"))
	    : -1;

	return end < 0 ? s : str_skip(s, (size_t)end + strlen("</think>"));
}

static int64_t parts_cost(const struct count *c, const struct part *p);

static int64_t
part_cost(const struct count *c, const struct part *p)
{
	const struct tokens_frame *f = c->m->frame;

	switch (p->kind) {
	case PART_TEXT:
	case PART_REFUSAL:
		return text_of(c, untagged(f, p->text));
	case PART_DOCUMENT:
		if (p->text.p != NULL)
			return 100 * f->document + text_of(c, p->text);
		return 100 * tokens_media(c->m->image, p);
	case PART_IMAGE:
	case PART_AUDIO:
		return 100 * tokens_media(c->m->image, p);
	case PART_TOOL_CALL:
		return 100 * f->call + text_of(c, p->name) +
		    text_of(c, p->text) + signature_of(c, p);
	case PART_TOOL_RESULT:
		return 100 * f->result + parts_cost(c, p->parts);
	case PART_THINKING:
		return thinking_of(c, p);
	}
	return 0;
}

static int64_t
parts_cost(const struct count *c, const struct part *p)
{
	int64_t cost = 0;

	for (; p != NULL; p = p->next)
		cost += part_cost(c, p);
	return cost;
}

/* The last message that says more than what calls have returned. */
static const struct turn *
last_word(const struct chat *chat)
{
	const struct turn *t, *last = NULL;
	const struct part *p;

	for (t = chat->turns; t != NULL; t = t->next)
		for (p = t->parts; t->role == ROLE_USER && p; p = p->next)
			if (p->kind != PART_TOOL_RESULT)
				last = t;
	return last;
}

static int64_t
turns_cost(const struct tokens_model *m, const struct chat *chat)
{
	const struct tokens_frame *f = m->frame;
	const int each[] = { [ROLE_SYSTEM] = f->system,
		[ROLE_USER] = f->user,
		[ROLE_ASSISTANT] = f->answer };
	const struct turn *t, *last = last_word(chat);
	struct count c = { m, f->kept == TOKENS_KEPT_ALWAYS };
	int64_t cost = 0;

	for (t = chat->turns; t != NULL; t = t->next) {
		cost += 100 * each[t->role] + parts_cost(&c, t->parts);
		c.kept |= t == last && f->kept == TOKENS_KEPT_IN_TURN;
	}
	return cost;
}

static int64_t
tools_cost(const struct tokens_model *m, const struct chat *chat)
{
	const struct tokens_frame *f = m->frame;
	const struct tool *t = chat->tools;
	int64_t cost = t != NULL ? 100 * f->tools : 0, words;

	if (t != NULL && chat->tool_choice >= TOOL_CHOICE_REQUIRED)
		cost += 100 * f->forced;
	for (; t != NULL; t = t->next) {
		words = tokens_text_cost(m->text, t->name) +
		    tokens_text_cost(m->text, t->description) +
		    tokens_text_cost(m->text, t->grammar);
		cost += 100 * f->tool;
		if (f->tool_json == 0)
			cost +=
			    words + words_cost(m->text, t->schema, f->property);
		else
			cost += (words + tokens_text_cost(m->text, t->schema)) *
			    f->tool_json / 100;
	}
	return cost;
}

static int64_t
output_cost(const struct tokens_model *m, const struct chat *chat)
{
	const struct tokens_frame *f = m->frame;

	if (chat->output == OUTPUT_JSON)
		return 100 * f->json;
	if (chat->output != OUTPUT_SCHEMA || f->schema_free)
		return 0;
	return 100 * f->schema +
	    (f->schema_json > 0
		    ? tokens_text_cost(m->text, chat->schema) * f->schema_json /
			100
		    : words_cost(m->text, chat->schema, f->schema_property));
}

static bool
thinks(const struct chat *chat)
{
	return !chat->thinking_off &&
	    (chat->thinking_budget != 0 || chat->effort > EFFORT_NONE);
}

int64_t
tokens_chat(int family, const struct chat *chat)
{
	const struct tokens_model *m = model_of(family);
	const struct tokens_frame *f = m->frame;

	return rounded(100 * (f->base + (thinks(chat) ? f->thinking : 0)) +
	    turns_cost(m, chat) + tools_cost(m, chat) + output_cost(m, chat));
}
