/* SPDX-License-Identifier: MIT */
#include "tests/unit/chat_text.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/chat.h"
#include "core/error.h"
#include "fcgi/dialect.h"
#include "tests/unit/unit.h"

static void
add_member(struct buf *b, const char *name, struct str s)
{
	if (s.p != NULL)
		buf_addf(b, " %s=%.*s", name, STR_ARG(s));
}

static void
add_parts(struct buf *b, const struct part *p)
{
	static const char *const kinds[] = {
		[PART_TEXT] = "text",
		[PART_IMAGE] = "image",
		[PART_DOCUMENT] = "doc",
		[PART_AUDIO] = "audio",
		[PART_TOOL_CALL] = "call",
		[PART_TOOL_RESULT] = "result",
		[PART_THINKING] = "think",
		[PART_REFUSAL] = "refusal",
	};
	static const char *const marks[] = { "", " 5m", " 30m", " 1h", " 12h" };

	buf_addch(b, '[');
	for (; p != NULL; p = p->next) {
		buf_addf(b, "(%s", kinds[p->kind]);
		add_member(b, "text", p->text);
		add_member(b, "id", p->id);
		add_member(b, "name", p->name);
		add_member(b, "url", p->url);
		add_member(b, "mime", p->mime);
		add_member(b, "data", p->data);
		add_member(b, "file", p->file_id);
		add_member(b, "detail", p->detail);
		add_member(b, "sig", p->signature);
		if (p->issuer != WIRE_NONE)
			buf_addf(b, " issuer=%d", p->issuer);
		if (p->redacted)
			buf_addz(b, " redacted");
		if (p->is_error)
			buf_addz(b, " error");
		if (p->custom)
			buf_addz(b, " custom");
		buf_addz(b, marks[p->cache_mark]);
		if (p->parts != NULL)
			add_parts(b, p->parts);
		buf_addch(b, ')');
	}
	buf_addch(b, ']');
}

static void
add_tools(struct buf *b, const struct tool *t)
{
	for (; t != NULL; t = t->next) {
		buf_addf(b, " tool{%.*s", STR_ARG(t->name));
		add_member(b, "ns", t->ns);
		add_member(b, "d", t->description);
		add_member(b, "s", t->schema);
		add_member(b, "g", t->grammar);
		if (t->strict)
			buf_addz(b, " strict");
		if (t->custom)
			buf_addz(b, " custom");
		if (t->search)
			buf_addz(b, " search");
		if (t->cache_mark != CACHE_MARK_NONE)
			buf_addz(b, " mark");
		buf_addch(b, '}');
	}
}

static void
add_numbers(struct buf *b, const struct chat *c)
{
	const struct {
		const char *name;
		struct opt_double v;
	} doubles[] = {
		{ "temperature", c->temperature },
		{ "top_p", c->top_p },
		{ "top_k", c->top_k },
		{ "presence", c->presence_penalty },
		{ "frequency", c->frequency_penalty },
		{ "seed", c->seed },
	};
	const struct {
		const char *name;
		int64_t v;
	} ints[] = {
		{ "max", c->max_tokens },
		{ "dimensions", c->dimensions },
		{ "budget", c->thinking_budget },
		{ "choice", c->tool_choice },
		{ "output", c->output },
		{ "effort", c->effort },
		{ "parallel_off", c->parallel_off },
		{ "strict", c->schema_strict },
		{ "off", c->thinking_off },
		{ "hidden", c->thinking_hidden },
		{ "stream", c->stream },
		{ "usage", c->include_usage && c->dialect != WIRE_ANTHROPIC },
	};
	size_t i;

	for (i = 0; i < COUNT(ints); i++)
		if (ints[i].v != 0)
			buf_addf(
			    b, " %s=%lld", ints[i].name, (long long)ints[i].v);
	for (i = 0; i < COUNT(doubles); i++)
		if (doubles[i].v.set)
			buf_addf(b, " %s=%g", doubles[i].name, doubles[i].v.v);
}

static void
add_names(struct buf *b, const char *label, const struct name *n)
{
	for (; n != NULL; n = n->next) {
		buf_addf(b, "%s%.*s", label, STR_ARG(n->s));
		label = ",";
	}
}

const char *
chat_text(struct arena *a, const struct chat *chat)
{
	static const char roles[] = {
		[ROLE_SYSTEM] = 'S', [ROLE_USER] = 'U', [ROLE_ASSISTANT] = 'A'
	};
	struct buf *b = buf_new(a, (size_t)1 << 24);
	const struct shared *s;
	const struct turn *t;

	for (t = chat->turns; t != NULL; t = t->next) {
		buf_addch(b, roles[t->role]);
		if (t->name.p != NULL)
			buf_addf(b, "<%.*s>", STR_ARG(t->name));
		add_parts(b, t->parts);
	}
	add_tools(b, chat->tools);
	add_numbers(b, chat);
	add_member(b, "named", chat->tool_choice_name);
	add_member(b, "schema_name", chat->schema_name);
	add_member(b, "schema", chat->schema);
	add_member(b, "user", chat->user);
	add_member(b, "tier", chat->service_tier);
	for (s = chat->shared; s != NULL; s = s->next)
		buf_addf(b, " %.*s:%.*s", STR_ARG(s->path), STR_ARG(s->raw));
	add_names(b, " stop=", chat->stop);
	add_names(b, " lose=", chat->losses);
	return b->p;
}

#define CASE_BYTES ((size_t)64 << 20)

void
chat_cases(const struct dialect *d, const struct chat_case *cases, size_t n)
{
	const struct chat_case *c;
	struct arena *a;
	struct chat *chat;
	struct error err;
	const char *got;

	for (c = cases; c < cases + n; c++) {
		a = arena_new(CASE_BYTES);
		chat = ARENA_NEW(a, struct chat);
		err = (struct error){ 0 };
		got = d->decode(a, str_of(c->json), chat, &err) == 0
		    ? chat_text(a, chat)
		    : arena_printf(a, "!%s", err.msg);
		if (c->want[0] == '!'
			? strncmp(got, c->want, strlen(c->want)) != 0
			: strcmp(got, c->want) != 0)
			fail_msg(
			    "%s:\ngot  %s\nwant %s", c->json, got, c->want);
		arena_free(a);
	}
}

void
chat_refusals(
    const struct dialect *d, const struct chat_refusal *cases, size_t n)
{
	const struct chat_refusal *c;
	struct arena *a;
	struct error err;
	int rc;

	for (c = cases; c < cases + n; c++) {
		a = arena_new(CASE_BYTES);
		err = (struct error){ 0 };
		rc = d->decode(
		    a, str_of(c->json), ARENA_NEW(a, struct chat), &err);
		if (rc != -1 || err.status != 400 ||
		    strcmp(err.param, c->param) != 0 ||
		    strstr(err.msg, c->says) == NULL)
			fail_msg("%s: %d \"%s\" %s", c->json, err.status,
			    err.param, err.msg);
		arena_free(a);
	}
}
