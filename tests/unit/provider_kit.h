/* SPDX-License-Identifier: MIT */
/*
 * What the tests of providers share: a canonical chat from a short JSON text,
 * a target, and the events of an answer as text.
 *
 * The chat: { "turns": [ { "role": "user", "parts": [ { "kind": "text",
 * "text": "hi" } ] } ], "tools": [ { "name": "f" } ], "max_tokens": 5, ... }
 * with the names of struct chat; see the tables.
 */
#ifndef TESTS_PROVIDER_KIT_H
#define TESTS_PROVIDER_KIT_H

#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/catalog.h"
#include "core/chat.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/event.h"
#include "core/frame.h"
#include "core/jtree.h"
#include "core/provider.h"
#include "core/sink.h"
#include "providers/providers.h"
#include "tests/unit/unit.h"

#define KIT_BYTES ((size_t)256 << 20)

struct kit {
	struct arena *arena;
	struct conf_provider vendor;
	struct model facts;
	struct target target;
	struct ask ask;
	struct upstream_request request;
	struct error err;
};

static inline void
kit_init(struct kit *k, const struct provider *api, const char *url)
{
	*k = (struct kit){ 0 };
	k->arena = arena_new((size_t)1 << 30);
	k->vendor.name = str_of(api->name);
	k->vendor.api = api;
	k->vendor.base_url = str_of(url);
	k->vendor.key = STR("secret");
	k->target.provider = &k->vendor;
	k->target.model = STR("m");
	k->ask.arena = k->arena;
}

static inline void
kit_release(struct kit *k)
{
	arena_free(k->arena);
}

struct kit_word {
	const char *word;
	int value;
};

static inline int
kit_word(const struct kit_word *words, size_t n, struct str s)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(s, words[i].word))
			return words[i].value;
	fail_msg("no such word: %.*s", STR_ARG(s));
	return 0;
}

struct kit_member {
	const char *key;
	size_t at;
	char type; /* s str, b bool, i int64, d opt_double */
};

static inline void
kit_read(
    void *into, const struct jnode *v, const struct kit_member *m, size_t n)
{
	struct jnode at;
	char *p;

	for (size_t i = 0; i < n; i++) {
		if (!jtree_find(v, m[i].key, &at))
			continue;
		p = (char *)into + m[i].at;
		if (m[i].type == 's')
			*(struct str *)(void *)p = jtree_value_str(&at);
		else if (m[i].type == 'b')
			*(bool *)(void *)p = json_object_get_boolean(at.v);
		else if (m[i].type == 'i')
			*(int64_t *)(void *)p = json_object_get_int64(at.v);
		else
			*(struct opt_double *)(void *)p =
			    (struct opt_double){ true,
				    json_object_get_double(at.v) };
	}
}

static inline void
kit_parts(struct chat *chat, struct part **list, const struct jnode *v)
{
	static const struct kit_word kinds[] = { { "text", PART_TEXT },
		{ "image", PART_IMAGE }, { "document", PART_DOCUMENT },
		{ "audio", PART_AUDIO }, { "call", PART_TOOL_CALL },
		{ "result", PART_TOOL_RESULT }, { "thinking", PART_THINKING },
		{ "refusal", PART_REFUSAL } };
	static const struct kit_word issuers[] = {
		{ "anthropic", WIRE_ANTHROPIC }, { "gemini", WIRE_GEMINI },
		{ "responses", WIRE_OPENAI_RESPONSES }
	};
	static const struct kit_member members[] = {
		{ "text", offsetof(struct part, text), 's' },
		{ "id", offsetof(struct part, id), 's' },
		{ "name", offsetof(struct part, name), 's' },
		{ "url", offsetof(struct part, url), 's' },
		{ "data", offsetof(struct part, data), 's' },
		{ "mime", offsetof(struct part, mime), 's' },
		{ "file_id", offsetof(struct part, file_id), 's' },
		{ "detail", offsetof(struct part, detail), 's' },
		{ "signature", offsetof(struct part, signature), 's' },
		{ "redacted", offsetof(struct part, redacted), 'b' },
		{ "is_error", offsetof(struct part, is_error), 'b' },
		{ "custom", offsetof(struct part, custom), 'b' },
	};
	struct jnode item, at;
	struct part *p;

	for (size_t i = 0; i < jtree_len(v); i++) {
		item = jtree_item(v, i);
		(void)jtree_find(&item, "kind", &at);
		p = chat_part(chat, list,
		    (enum part_kind)kit_word(
			kinds, COUNT(kinds), jtree_value_str(&at)));
		p->path = jtree_path(chat->arena, &item);
		kit_read(p, &item, members, COUNT(members));
		if (jtree_find(&item, "issuer", &at))
			p->issuer = (enum wire)kit_word(
			    issuers, COUNT(issuers), jtree_value_str(&at));
		if (jtree_find(&item, "mark", &at))
			p->cache_mark = str_is(jtree_value_str(&at), "5m")
			    ? CACHE_MARK_5M
			    : CACHE_MARK_1H;
		if (jtree_find(&item, "parts", &at))
			kit_parts(chat, &p->parts, &at);
	}
}

static inline void
kit_turns(struct chat *chat, const struct jnode *v)
{
	static const struct kit_word roles[] = { { "system", ROLE_SYSTEM },
		{ "user", ROLE_USER }, { "assistant", ROLE_ASSISTANT } };
	static const struct kit_member members[] = {
		{ "name", offsetof(struct turn, name), 's' },
	};
	struct jnode item, at;
	struct turn *t;

	for (size_t i = 0; i < jtree_len(v); i++) {
		item = jtree_item(v, i);
		(void)jtree_find(&item, "role", &at);
		t = chat_turn(chat,
		    (enum role)kit_word(
			roles, COUNT(roles), jtree_value_str(&at)));
		kit_read(t, &item, members, COUNT(members));
		(void)jtree_find(&item, "parts", &at);
		kit_parts(chat, &t->parts, &at);
	}
}

static inline void
kit_tools(struct chat *chat, const struct jnode *v)
{
	static const struct kit_member members[] = {
		{ "name", offsetof(struct tool, name), 's' },
		{ "description", offsetof(struct tool, description), 's' },
		{ "schema", offsetof(struct tool, schema), 's' },
		{ "grammar", offsetof(struct tool, grammar), 's' },
		{ "strict", offsetof(struct tool, strict), 'b' },
		{ "custom", offsetof(struct tool, custom), 'b' },
	};
	struct jnode item;

	for (size_t i = 0; i < jtree_len(v); i++) {
		item = jtree_item(v, i);
		kit_read(chat_tool(chat), &item, members, COUNT(members));
	}
}

static inline void
kit_choices(struct chat *chat, const struct jnode *root)
{
	static const struct kit_word choices[] = { { "auto", TOOL_CHOICE_AUTO },
		{ "none", TOOL_CHOICE_NONE },
		{ "required", TOOL_CHOICE_REQUIRED },
		{ "named", TOOL_CHOICE_NAMED } };
	static const struct kit_word outputs[] = { { "json", OUTPUT_JSON },
		{ "schema", OUTPUT_SCHEMA } };
	struct jnode at;

	if (jtree_find(root, "tool_choice", &at))
		chat->tool_choice = (enum tool_choice)kit_word(
		    choices, COUNT(choices), jtree_value_str(&at));
	if (jtree_find(root, "output", &at))
		chat->output = (enum output_format)kit_word(
		    outputs, COUNT(outputs), jtree_value_str(&at));
	if (jtree_find(root, "effort", &at))
		chat->effort = effort_of(jtree_value_str(&at));
	(void)jtree_find(root, "stop", &at);
	for (size_t i = 0; i < jtree_len(&at); i++) {
		struct jnode item = jtree_item(&at, i);

		name_add(chat->arena, &chat->stop, jtree_value_str(&item));
	}
}

/* Make the chat of ${json} what the ask decodes to. */
static inline struct chat *
kit_chat(struct kit *k, const char *json)
{
	static const struct kit_member members[] = {
		{ "tool_choice_name", offsetof(struct chat, tool_choice_name),
		    's' },
		{ "parallel_off", offsetof(struct chat, parallel_off), 'b' },
		{ "schema_name", offsetof(struct chat, schema_name), 's' },
		{ "schema", offsetof(struct chat, schema), 's' },
		{ "schema_strict", offsetof(struct chat, schema_strict), 'b' },
		{ "max_tokens", offsetof(struct chat, max_tokens), 'i' },
		{ "temperature", offsetof(struct chat, temperature), 'd' },
		{ "top_p", offsetof(struct chat, top_p), 'd' },
		{ "top_k", offsetof(struct chat, top_k), 'd' },
		{ "presence_penalty", offsetof(struct chat, presence_penalty),
		    'd' },
		{ "seed", offsetof(struct chat, seed), 'd' },
		{ "dimensions", offsetof(struct chat, dimensions), 'i' },
		{ "thinking_budget", offsetof(struct chat, thinking_budget),
		    'i' },
		{ "thinking_off", offsetof(struct chat, thinking_off), 'b' },
		{ "thinking_hidden", offsetof(struct chat, thinking_hidden),
		    'b' },
		{ "user", offsetof(struct chat, user), 's' },
		{ "service_tier", offsetof(struct chat, service_tier), 's' },
	};
	struct chat *chat = ARENA_NEW(k->arena, struct chat);
	struct jnode *root = ARENA_NEW(k->arena, struct jnode);
	struct jnode at;

	chat->arena = k->arena;
	chat->dialect = k->ask.wire;
	if (jtree_read(k->arena, str_of(json), root, &k->err) != 0)
		fail_msg("%s in %s", k->err.msg, json);
	kit_read(chat, root, members, COUNT(members));
	kit_choices(chat, root);
	if (jtree_find(root, "tools", &at))
		kit_tools(chat, &at);
	if (jtree_find(root, "turns", &at))
		kit_turns(chat, &at);
	k->ask.chat = chat;
	return chat;
}

/* "turns" of which most requests are made. */
#define HI                                                                     \
	"\"turns\":[{\"role\":\"user\",\"parts\":[{\"kind\":\"text\","         \
	"\"text\":\"hi\"}]}]"

/* The names of all losses, joined by blanks. */
static inline const char *
kit_losses(struct kit *k)
{
	struct buf *b = buf_new(k->arena, KIT_BYTES);
	const struct name *l;

	for (l = k->ask.chat->losses; l; l = l->next) {
		if (b->n > 0)
			buf_addch(b, ' ');
		buf_adds(b, l->s);
	}
	return b->p;
}

static inline int
kit_prepare(struct kit *k)
{
	return k->vendor.api->prepare(
	    k->arena, &k->target, &k->ask, &k->request, &k->err);
}

/* A chat, what is asked for it, in whole or in part, and what that loses. */
struct kit_case {
	const char *chat, *want, *losses;
	const char *model; /* NULL: "m" */
	unsigned quirks;
	bool known;            /* the rest are facts of the model */
	unsigned can, efforts; /* bits */
	int64_t budget[2];
	int64_t max_tokens; /* wanted, where the test says so */
};

/* Somebody who speaks another vendor's format. */
static inline enum wire
kit_client(const struct provider *api)
{
	return api->wire == WIRE_ANTHROPIC || api->wire == WIRE_GEMINI
	    ? WIRE_OPENAI_CHAT
	    : WIRE_ANTHROPIC;
}

static inline void
kit_case_begin(struct kit *k, const struct kit_case *c,
    const struct provider *api, const char *url)
{
	kit_init(k, api, url);
	k->ask.wire = kit_client(api);
	k->vendor.quirks = c->quirks;
	if (c->model != NULL)
		k->target.model = str_of(c->model);
	k->facts = (struct model){ .can = c->can | MODEL_TOOLS,
		.efforts = c->efforts,
		.output = 32000,
		.budget_min = c->budget[0],
		.budget_max = c->budget[1] };
	if (c->known)
		k->target.facts = &k->facts;
	kit_chat(k, c->chat);
	if (kit_prepare(k) != 0)
		fail_msg("%s: %s", c->chat, k->err.msg);
}

static inline void
kit_case_end(struct kit *k, const struct kit_case *c)
{
	assert_string_equal(kit_losses(k), c->losses);
	kit_release(k);
}

/* The kit as the state of a test. */
static inline int
kit_setup(void **state, const struct provider *api, const char *url)
{
	struct kit *k = malloc(sizeof(*k));

	assert_non_null(k);
	kit_init(k, api, url);
	k->ask.wire = kit_client(api);
	*state = k;
	return 0;
}

static inline int
kit_teardown(void **state)
{
	kit_release(*state);
	free(*state);
	return 0;
}

/* What comes of an answer that is an error goes to k->err. */
static inline void
kit_refuse(
    struct kit *k, int status, const struct header *headers, struct str body)
{
	const struct refusal r = { k->vendor.api->wire, status, headers, body };

	k->vendor.api->refused(k->arena, &r, &k->err);
}

/* Two JSON texts must be the same tree. */
static inline void
kit_same_json(struct kit *k, struct str got, const char *want)
{
	struct jnode a, b;
	struct error err = { 0 };

	if (jtree_read(k->arena, str_of(want), &b, &err) != 0)
		fail_msg("%s in wanted %s", err.msg, want);
	if (jtree_read(k->arena, got, &a, &err) != 0)
		fail_msg("%s in %.*s", err.msg, STR_ARG(got));
	if (!json_object_equal(a.v, b.v))
		fail_msg("got  %.*s\nwant %s", STR_ARG(got), want);
}

/* A sink that writes events as lines of text. */
struct kit_sink {
	struct sink sink;
	struct buf *text;
	struct buf *raws;
	struct usage usage; /* the last one */
	bool has_usage;
	struct decoder *decoder;
};

static inline int
kit_put(struct sink *s, const struct event *ev, struct error *err)
{
	static const char *const blocks[] = { "text", "thinking", "redacted",
		"tool", "refusal", "vector" };
	static const char *const stops[] = { "none", "end", "sequence",
		"length", "context", "tool", "refusal", "pause" };
	struct kit_sink *k = (struct kit_sink *)(void *)s;

	(void)err;
	switch (ev->kind) {
	case EVENT_START:
		buf_addf(k->text, "start %.*s %.*s\n", STR_ARG(ev->id),
		    STR_ARG(ev->name));
		break;
	case EVENT_OPEN:
		buf_addf(k->text, "open %d %s", ev->key, blocks[ev->block]);
		if (ev->block == BLOCK_TOOL)
			buf_addf(k->text, " %.*s %.*s", STR_ARG(ev->id),
			    STR_ARG(ev->name));
		buf_addch(k->text, '\n');
		break;
	case EVENT_DELTA:
		buf_addf(k->text, "%d %.*s\n", ev->key, STR_ARG(ev->text));
		break;
	case EVENT_CITATION:
		buf_addf(k->text, "cite %d %.*s \"%.*s\" %lld-%lld\n", ev->key,
		    STR_ARG(ev->citation->url), STR_ARG(ev->citation->title),
		    (long long)ev->citation->start,
		    (long long)ev->citation->end);
		break;
	case EVENT_SIGNATURE:
		buf_addf(k->text, "sign %d %.*s\n", ev->key, STR_ARG(ev->text));
		break;
	case EVENT_CLOSE:
		buf_addf(k->text, "close %d\n", ev->key);
		break;
	case EVENT_USAGE:
		k->usage = *ev->usage;
		k->has_usage = true;
		buf_addf(k->text, "usage");
		for (int i = 0; i < USAGE_BUCKETS; i++)
			if (ev->usage->tokens[i] != 0)
				buf_addf(k->text, " %s=%lld",
				    usage_bucket_names[i],
				    (long long)ev->usage->tokens[i]);
		buf_addch(k->text, '\n');
		break;
	case EVENT_STOP:
		buf_addf(k->text, "stop %s%s%.*s\n", stops[ev->stop],
		    ev->text.n > 0 ? " " : "", STR_ARG(ev->text));
		break;
	case EVENT_PING:
		buf_addz(k->text, "ping\n");
		break;
	case EVENT_LOST:
		buf_addf(k->text, "lost %.*s\n", STR_ARG(ev->name));
		break;
	case EVENT_HEAD:
	case EVENT_FRAME:
		break;
	}
	return 0;
}

static inline int
kit_frame(void *arg, const struct frame *f, struct error *err)
{
	struct kit_sink *k = arg;

	buf_adds(k->raws, f->raw);
	if (!f->data.p)
		return 0;
	return k->decoder->frame(k->decoder, f, &k->sink, err);
}

/*
 * Decode ${body}, cut into pieces of ${cut} bytes (0: whole).
 *
 * Returns  0 or -1 with k->err, as an attempt would see it; ${*out} has the
 *          events until then.
 */
static inline int
kit_decode(struct kit *k, enum framing framing, struct str body, size_t cut,
    struct kit_sink *out)
{
	struct deframer *d;
	struct str piece;

	*out = (struct kit_sink){ .sink = { kit_put } };
	out->text = buf_new(k->arena, KIT_BYTES);
	out->raws = buf_new(k->arena, KIT_BYTES);
	out->decoder =
	    k->vendor.api->decoder_new(k->arena, &k->target, &k->ask);
	d = deframer_new(k->arena, framing, KIT_BYTES, kit_frame, out);
	if (cut == 0)
		cut = body.n;
	for (; body.n > 0; body = str_skip(body, piece.n)) {
		piece = body;
		piece.n = body.n < cut ? body.n : cut;
		if (deframer_push(d, piece, &k->err) != 0)
			return -1;
	}
	if (deframer_end(d, &k->err) != 0)
		return -1;
	return out->decoder->end(out->decoder, &out->sink, &k->err);
}

/* An answer of 30,000 frames, ${n} in turn, needs no more memory than one. */
static inline void
kit_is_frugal(struct kit *k, const char *const *frames, size_t n)
{
	struct frame f = { .framing = FRAMING_SSE };
	struct kit_sink sink = { .sink = { kit_put } };
	struct decoder *d =
	    k->vendor.api->decoder_new(k->arena, &k->target, &k->ask);
	size_t used = 0;

	sink.text = buf_new(k->arena, KIT_BYTES);
	for (size_t i = 0; i < 30000; i++) {
		f.raw = str_of(frames[i % n]);
		f.data = str_trim(str_skip(
		    f.raw, (size_t)str_find(f.raw, STR("data: ")) + 6));
		assert_int_equal(d->frame(d, &f, &sink.sink, &k->err), 0);
		buf_reset(sink.text);
		if (i == 2)
			used = arena_used(k->arena);
	}
	assert_int_equal(arena_used(k->arena), used);
}

#endif
