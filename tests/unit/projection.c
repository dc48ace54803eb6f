/* SPDX-License-Identifier: MIT */
#include "tests/unit/projection.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/chat.h"
#include "core/fold.h"
#include "core/usage.h"
#include "tests/unit/schema_rules.h"

#define MIB      ((size_t)1 << 20)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- lines ---- */

static void fact(struct facts *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
fact(struct facts *f, const char *fmt, ...)
{
	struct buf *b = buf_new(f->arena, 64 * MIB);
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	(void)vsnprintf(buf_room(b, (size_t)n + 1), (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_added(b, (size_t)n);
	if (f->n == FACTS_MAX)
		abort();
	f->line[f->n++] = buf_str(b);
	f->open = STR_NONE;
}

/* Blanks are cut and joined by formats that have one string for all. */
static struct str
squeeze(struct arena *a, struct str s)
{
	struct buf *b = buf_new(a, 64 * MIB);
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (strchr(" \t\r\n", s.p[i]) == NULL)
			buf_addch(b, s.p[i]);
		else if (b->n > 0 && b->p[b->n - 1] != ' ')
			buf_addch(b, ' ');
	}
	return str_trim(buf_str(b));
}

/* Text joins the text before it. */
static void
say(struct facts *f, const char *kind, struct str text)
{
	struct str s = squeeze(f->arena, text);

	if (s.n == 0)
		return;
	if (f->open.p != NULL && str_is(f->open, kind)) {
		struct str *last = &f->line[f->n - 1];

		*last = str_of(arena_printf(
		    f->arena, "%.*s %.*s", STR_ARG(*last), STR_ARG(s)));
		return;
	}
	fact(f, "%s %.*s", kind, STR_ARG(s));
	f->open = str_of(kind);
}

/* ---- JSON ---- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct json_object *sorted(struct json_object *v);

static struct json_object *
sorted_object(struct json_object *v)
{
	struct json_object *out = json_object_new_object();
	const char *names[512];
	size_t n = 0, i;

	json_object_object_foreach(v, key, value)
	{
		(void)value;
		if (n < COUNT(names))
			names[n++] = key;
	}
	qsort(names, n, sizeof(*names), by_name);
	for (i = 0; i < n; i++)
		json_object_object_add(
		    out, names[i], sorted(json_object_object_get(v, names[i])));
	return out;
}

static struct json_object *
sorted(struct json_object *v)
{
	struct json_object *out;
	size_t i;

	if (json_object_is_type(v, json_type_object))
		return sorted_object(v);
	if (!json_object_is_type(v, json_type_array))
		return json_object_get(v);
	out = json_object_new_array();
	for (i = 0; i < json_object_array_length(v); i++)
		json_object_array_add(
		    out, sorted(json_object_array_get_idx(v, i)));
	return out;
}

struct str
facts_json(struct arena *a, struct str text)
{
	struct json_object *v, *s;
	struct str out;

	v = text.n > 0 ? json_tokener_parse(str_cstr(a, text)) : NULL;
	if (v == NULL)
		return text;
	s = sorted(v);
	out = str_dup(a,
	    str_of(json_object_to_json_string_ext(
		s, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
	json_object_put(s);
	json_object_put(v);
	return out;
}

/* ---- requests ---- */

/* The tool calls of a conversation are known by their number. */
struct project {
	struct facts *f;
	const struct chat *chat;
	enum wire as;
	bool unthought; /* thinking is not for this issuer */
};

/* Those that merge turns, and bend schemas, their own way. */
static bool
is_strict(enum wire as)
{
	return as == WIRE_ANTHROPIC || as == WIRE_GEMINI;
}

/* Was it written for another format? */
static bool
is_foreign(const struct project *o)
{
	return o->chat->dialect != o->as;
}

static int
call_number(const struct chat *chat, struct str id)
{
	const struct turn *t;
	const struct part *p;
	int n = 0, found = 0;

	for (t = chat->turns; t != NULL; t = t->next)
		for (p = t->parts; p != NULL; p = p->next)
			if (p->kind == PART_TOOL_CALL && ++n &&
			    str_eq(p->id, id))
				found = n;
	return found;
}

static const char *
media_kind(const struct part *p)
{
	return p->kind == PART_IMAGE   ? "image"
	    : p->kind == PART_DOCUMENT ? "document"
				       : "audio";
}

static void
media(struct project *o, const char *who, const struct part *p)
{
	if (p->text.p != NULL && is_foreign(o) && o->as != WIRE_ANTHROPIC)
		say(o->f, who,
		    str_of(arena_printf(o->f->arena,
			"<document name=\"%.*s\"> %.*s </document>",
			STR_ARG(p->name), STR_ARG(p->text))));
	else if (p->text.p != NULL)
		say(o->f, who, p->text);
	else if (p->url.p != NULL)
		fact(o->f, "%s %s %.*s", who, media_kind(p), STR_ARG(p->url));
	else
		fact(o->f, "%s %s %.*s %zu %.*s", who, media_kind(p),
		    STR_ARG(p->mime), p->data.n, STR_ARG(p->file_id));
	if (p->detail.p != NULL && !str_is(p->detail, "auto"))
		fact(o->f, "detail %.*s", STR_ARG(p->detail));
}

static void
call(struct project *o, const struct part *p)
{
	struct str args = p->text.n > 0 ? p->text : STR("{}");
	struct json_object *v;

	args = facts_json(o->f->arena, args);
	if (is_strict(o->as) && str_is(args, "[]"))
		args = STR("{}");
	if (p->custom && is_foreign(o)) {
		v = json_object_new_object();
		json_object_object_add(v, "input",
		    json_object_new_string_len(p->text.p, (int)p->text.n));
		args = facts_json(
		    o->f->arena, str_of(json_object_to_json_string(v)));
		json_object_put(v);
	}
	fact(o->f, "call %.*s #%d %.*s", STR_ARG(p->name),
	    call_number(o->chat, p->id), STR_ARG(args));
}

static struct str
result_text(struct arena *a, const struct part *p)
{
	struct buf *b = buf_new(a, 64 * MIB);
	const struct part *q;

	for (q = p->parts; q != NULL; q = q->next)
		if (q->kind == PART_TEXT) {
			buf_addch(b, ' ');
			buf_adds(b, q->text);
		}
	return squeeze(a, facts_json(a, str_trim(buf_str(b))));
}

static void
result(struct project *o, const struct part *p)
{
	const struct part *q;

	fact(o->f, "result #%d %.*s", call_number(o->chat, p->id),
	    STR_ARG(result_text(o->f->arena, p)));
	if (p->is_error)
		fact(o->f, "is_error #%d", call_number(o->chat, p->id));
	for (q = p->parts; q != NULL; q = q->next)
		if (q->kind != PART_TEXT)
			media(o, "result", q);
}

static void
part(struct project *o, const char *who, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT:
	case PART_REFUSAL:
		say(o->f, who, p->text);
		break;
	case PART_IMAGE:
	case PART_DOCUMENT:
	case PART_AUDIO:
		media(o, who, p);
		break;
	case PART_TOOL_CALL:
		call(o, p);
		break;
	case PART_TOOL_RESULT:
		result(o, p);
		break;
	case PART_THINKING:
		if (is_foreign(o) &&
		    (p->issuer != o->as || p->signature.n == 0 ||
			o->as == WIRE_OPENAI_CHAT)) {
			o->unthought = true;
			break;
		}
		fact(o->f, "thinking %.*s %.*s",
		    STR_ARG(squeeze(o->f->arena, p->text)),
		    STR_ARG(p->signature));
		break;
	}
}

/* Results come first in a turn, whatever the client wrote. */
static void
turn(struct project *o, const struct turn *t, const char *who)
{
	const struct part *p;

	for (p = t->parts; p != NULL; p = p->next)
		if (p->kind == PART_TOOL_RESULT)
			part(o, who, p);
	for (p = t->parts; p != NULL; p = p->next)
		if (p->kind != PART_TOOL_RESULT)
			part(o, who, p);
}

/*
 * A run of assistant turns is one; Chat has its thinking, its text and its
 * calls one after the other.
 */
static const struct turn *
assistant(struct project *o, const struct turn *t)
{
	static const unsigned passes[] = { 1u << PART_THINKING,
		1u << PART_TEXT | 1u << PART_REFUSAL, 1u << PART_TOOL_CALL };
	const struct turn *at, *end = t;
	const struct part *p;
	size_t i;

	while (end != NULL && end->role == ROLE_ASSISTANT)
		end = end->next;
	for (i = 0; i < COUNT(passes); i++)
		for (at = t; at != end; at = at->next)
			for (p = at->parts; p != NULL; p = p->next)
				if (passes[i] & 1u << p->kind)
					part(o, "assistant", p);
	return end;
}

static void
conversation(struct project *o)
{
	static const char *const who[] = { [ROLE_SYSTEM] = "system",
		[ROLE_USER] = "user",
		[ROLE_ASSISTANT] = "assistant" };
	const struct turn *t = o->chat->turns;
	bool begun = false;

	while (t != NULL) {
		if (t->role == ROLE_ASSISTANT && o->as == WIRE_OPENAI_CHAT) {
			t = assistant(o, t);
			begun = true;
			continue;
		}
		begun |= t->role != ROLE_SYSTEM;
		if (begun && t->role == ROLE_SYSTEM && is_strict(o->as)) {
			say(o->f, "user", STR("<system>"));
			turn(o, t, "user");
			say(o->f, "user", STR("</system>"));
		} else {
			turn(o, t, who[t->role]);
		}
		if (t->name.p != NULL)
			fact(o->f, "name %.*s", STR_ARG(t->name));
		t = t->next;
	}
}

/* The whole of it, after the target's own rules. */
static void
schema(struct project *o, const char *kind, struct str text, bool constrained)
{
	if (is_foreign(o))
		text = schema_rules(o->f->arena, text, o->as, constrained);
	else
		text = facts_json(o->f->arena, text);
	fact(o->f, "%s %.*s", kind, STR_ARG(text));
}

#define FREE_TEXT                                                              \
	"{\"additionalProperties\":false,\"properties\":{\"input\":{"          \
	"\"type\":\"string\"}},\"required\":[\"input\"],\"type\":\"object\"}"

/* A history with calls needs their tools, which must not be called. */
static void
called_tools(struct project *o)
{
	struct facts *f = o->f;
	const struct turn *t;
	const struct part *p;
	size_t first = f->n, i;
	struct str line;

	for (t = o->chat->turns; t != NULL; t = t->next)
		for (p = t->parts; p != NULL; p = p->next) {
			if (p->kind != PART_TOOL_CALL)
				continue;
			line = str_of(arena_printf(
			    f->arena, "tool %.*s", STR_ARG(p->name)));
			for (i = first; i < f->n; i++)
				if (str_eq(f->line[i], line))
					break;
			if (i < f->n)
				continue;
			fact(f, "%.*s", STR_ARG(line));
			if (o->as == WIRE_ANTHROPIC)
				schema(o, "schema", STR("{}"), false);
		}
	if (f->n > first)
		fact(f, "tool_choice %d", (int)TOOL_CHOICE_NONE);
}

static void
tools(struct project *o)
{
	const struct tool *t;
	struct arena *a = o->f->arena;
	bool any_strict = false;

	if (o->chat->tools == NULL && is_foreign(o) && is_strict(o->as))
		called_tools(o);
	for (t = o->chat->tools; t != NULL; t = t->next) {
		fact(o->f, "tool %.*s", STR_ARG(t->name));
		if (t->description.n > 0)
			fact(o->f, "description %.*s",
			    STR_ARG(squeeze(a, t->description)));
		if (t->custom && is_foreign(o))
			schema(o, "schema", STR(FREE_TEXT), false);
		else if (t->custom)
			fact(o->f, "custom %.*s", STR_ARG(t->name));
		else if (t->schema.n > 0)
			schema(o, "schema", t->schema, t->strict);
		else if (is_foreign(o) && o->as == WIRE_ANTHROPIC)
			schema(o, "schema", STR("{}"), false);
		if (t->strict && o->as != WIRE_GEMINI)
			fact(o->f, "strict %.*s", STR_ARG(t->name));
		any_strict |= t->strict;
	}
	/* Gemini: a mode for all of them, and forced calls always are. */
	if (o->as == WIRE_GEMINI &&
	    (any_strict || o->chat->tool_choice >= TOOL_CHOICE_REQUIRED))
		fact(o->f, "strict calls");
}

static void
numbers(struct project *o)
{
	const struct chat *c = o->chat;
	const struct {
		const char *name;
		struct opt_double v;
	} doubles[] = {
		{ "temperature", c->temperature },
		{ "top_p", c->top_p },
		{ "top_k", c->top_k },
		{ "presence_penalty", c->presence_penalty },
		{ "frequency_penalty", c->frequency_penalty },
		{ "seed", c->seed },
	};
	const struct {
		const char *name;
		int64_t v;
	} ints[] = {
		{ "max_tokens", c->max_tokens },
		{ "tool_choice",
		    c->tool_choice == TOOL_CHOICE_AUTO ? 0 : c->tool_choice },
		{ "parallel_off", c->parallel_off },
		{ "output", c->output },
		{ "schema_strict", c->schema_strict && !is_strict(o->as) },
		{ "effort", c->effort },
		{ "stream", c->stream && o->as != WIRE_GEMINI },
	};
	size_t i;

	for (i = 0; i < COUNT(ints); i++)
		if (ints[i].v != 0)
			fact(o->f, "%s %lld", ints[i].name,
			    (long long)ints[i].v);
	for (i = 0; i < COUNT(doubles); i++)
		if (doubles[i].v.set)
			fact(o->f, "%s %g", doubles[i].name, doubles[i].v.v);
}

static bool
has_marks(const struct chat *c)
{
	const struct turn *t;
	const struct part *p;
	const struct tool *l;

	for (t = c->turns; t != NULL; t = t->next)
		for (p = t->parts; p != NULL; p = p->next)
			if (p->cache_mark != CACHE_MARK_NONE)
				return true;
	for (l = c->tools; l != NULL; l = l->next)
		if (l->cache_mark != CACHE_MARK_NONE)
			return true;
	return false;
}

void
facts_of_chat(
    struct facts *f, struct arena *a, const struct chat *chat, enum wire as)
{
	struct project o = { .f = f, .chat = chat, .as = as };
	const struct name *n;

	f->arena = a;
	f->n = 0;
	f->open = STR_NONE;
	conversation(&o);
	if (o.unthought)
		fact(f, "thinking");
	tools(&o);
	numbers(&o);
	if (chat->effort > EFFORT_NONE || chat->thinking_budget != 0)
		fact(f, "reasons");
	if (chat->tool_choice == TOOL_CHOICE_NAMED)
		fact(f, "named %.*s", STR_ARG(chat->tool_choice_name));
	if (chat->schema.n > 0)
		schema(&o, "response_schema", chat->schema, true);
	for (n = chat->stop; n != NULL; n = n->next)
		fact(f, "stop %.*s", STR_ARG(n->s));
	if (chat->user.p != NULL)
		fact(f, "end_user %.*s", STR_ARG(chat->user));
	if (chat->service_tier.p != NULL && !str_is(chat->service_tier, "auto"))
		fact(f, "service_tier %.*s", STR_ARG(chat->service_tier));
	if (has_marks(chat))
		fact(f, "cache marks");
}

/* ---- answers ---- */

static void
all_of(struct facts *f, const struct fold *fold, enum block_kind kind,
    const char *word)
{
	const struct fold_block *b;
	struct buf *all = buf_new(f->arena, 64 * MIB);

	for (b = fold->blocks; b != NULL; b = b->next)
		if (b->kind == kind)
			buf_adds(all, b->text);
	say(f, word, buf_str(all));
}

static void
answer_call(struct facts *f, const struct fold_block *b)
{
	struct str args = b->text.n > 0 ? b->text : STR("{}");

	fact(f, "call %.*s %.*s %.*s", STR_ARG(b->id), STR_ARG(b->name),
	    STR_ARG(facts_json(f->arena, args)));
}

static void
in_order(struct facts *f, const struct fold *fold)
{
	static const char *const words[] = { [BLOCK_TEXT] = "text",
		[BLOCK_THINKING] = "thinking",
		[BLOCK_REFUSAL] = "refusal" };
	const struct fold_block *b;

	for (b = fold->blocks; b != NULL; b = b->next) {
		if (b->kind == BLOCK_TOOL)
			answer_call(f, b);
		else if (b->kind != BLOCK_REDACTED)
			say(f, words[b->kind], b->text);
		/* the issuer's tag before it is ours */
		if (b->signature.n > 0 && b->kind != BLOCK_TOOL) {
			const char *colon = b->signature.p;
			size_t at = b->signature.n;

			while (at > 0 && colon[at - 1] != ':')
				at--;
			fact(f, "signature %.*s",
			    STR_ARG(str_skip(b->signature, at)));
		}
	}
}

/* Chat has one text, one reasoning and a list of calls. */
static void
by_kind(struct facts *f, const struct fold *fold)
{
	const struct fold_block *b;

	all_of(f, fold, BLOCK_THINKING, "thinking");
	all_of(f, fold, BLOCK_TEXT, "text");
	all_of(f, fold, BLOCK_REFUSAL, "refusal");
	for (b = fold->blocks; b != NULL; b = b->next)
		if (b->kind == BLOCK_TOOL)
			answer_call(f, b);
}

/* wire.md §7.2: what each dialect has a word for. */
static enum stop_reason
stop_as(const struct fold *fold, enum wire as)
{
	enum stop_reason s = fold->stop;

	if (as == WIRE_ANTHROPIC)
		return s;
	if (s == STOP_SEQUENCE || s == STOP_PAUSE)
		return STOP_END;
	return s == STOP_CONTEXT ? STOP_LENGTH : s;
}

/* Places are counted in each vendor's own way: the pages must be the same. */
static void
say_cited(struct facts *f, const struct fold *fold)
{
	const struct fold_block *b;
	const struct fold_cited *cited;

	for (b = fold->blocks; b; b = b->next)
		for (cited = b->cited; cited; cited = cited->next)
			fact(f, "cites %.*s", STR_ARG(cited->c->url));
}

void
facts_of_answer(
    struct facts *f, struct arena *a, const struct fold *fold, enum wire as)
{
	const struct usage *u = &fold->usage;

	f->arena = a;
	f->n = 0;
	f->open = STR_NONE;
	if (as == WIRE_OPENAI_CHAT)
		by_kind(f, fold);
	else
		in_order(f, fold);
	say_cited(f, fold);
	/* OpenAI says why in the answer itself. */
	if (fold->stop == STOP_REFUSAL && as != WIRE_ANTHROPIC)
		say(f, "refusal", fold->stop_text);
	fact(f, "stop %d", (int)stop_as(fold, as));
	fact(f, "usage in %lld, read %lld, out %lld",
	    (long long)usage_total_input(u),
	    (long long)u->tokens[USAGE_CACHE_READ],
	    (long long)usage_total_output(u));
	fact(f, "reasoning %lld", (long long)u->tokens[USAGE_REASONING]);
}

/* ---- comparing ---- */

static void
walk(const struct facts *a, const struct facts *b, const uint16_t *longest,
    struct facts_diff *out)
{
	size_t i = 0, k = 0, width = b->n + 1;

	while (i < a->n || k < b->n) {
		if (i < a->n && k < b->n && str_eq(a->line[i], b->line[k])) {
			i++;
			k++;
		} else if (k == b->n ||
		    (i < a->n &&
			longest[(i + 1) * width + k] >=
			    longest[i * width + k + 1])) {
			out->lost[out->n_lost++] = a->line[i++];
		} else {
			out->gained[out->n_gained++] = b->line[k++];
		}
	}
}

void
facts_compare(
    const struct facts *a, const struct facts *b, struct facts_diff *out)
{
	size_t width = b->n + 1, i, k;
	uint16_t *longest = calloc((a->n + 1) * width, sizeof(*longest));

	out->n_lost = out->n_gained = 0;
	if (longest == NULL)
		abort();
	for (i = a->n; i-- > 0;)
		for (k = b->n; k-- > 0;) {
			uint16_t down = longest[(i + 1) * width + k];
			uint16_t right = longest[i * width + k + 1];

			longest[i * width + k] = str_eq(a->line[i], b->line[k])
			    ? (uint16_t)(longest[(i + 1) * width + k + 1] + 1)
			    : down > right ? down
					   : right;
		}
	walk(a, b, longest, out);
	free(longest);
}
