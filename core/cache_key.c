/* SPDX-License-Identifier: MIT */
#include "core/cache_key.h"

#include <stdint.h>
#include <stdlib.h>

#include <openssl/sha.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/canon.h"
#include "core/chat.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/plan.h"
#include "core/provider.h"

#define FORMAT          1 /* of what is hashed: another, another key */
#define MAX_BODY_BYTES  ((size_t)64 << 20)
#define MAX_BYTES       ((size_t)512 << 20)
#define MAX_ARENA_BYTES ((size_t)1 << 30)

_Static_assert(CACHE_KEY == SHA256_DIGEST_LENGTH, "a key is a SHA-256");

/* What is being hashed, and memory for making it. */
struct keyer {
	struct arena *arena;
	struct buf *b;
};

bool
cache_key_ignores(struct str member)
{
	/* How it comes, for whom, and what vendors keep of it. */
	static const char *const names[] = { "model", "models", "sluice",
		"stream", "stream_options", "user", "safety_identifier",
		"metadata", "client_metadata", "store", "usage",
		"prompt_cache_key", "prompt_cache_retention",
		"prompt_cache_options" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_is(member, names[i]))
			return true;
	return false;
}

/* ---- what is hashed: each value with its length ---- */

static void
put_i64(struct keyer *k, int64_t v)
{
	buf_add(k->b, &v, sizeof(v));
}

static void
put(struct keyer *k, struct str s)
{
	put_i64(k, s.p == NULL ? -1 : (int64_t)s.n);
	buf_adds(k->b, s);
}

static void
put_double(struct keyer *k, const struct opt_double *v)
{
	double d = v->v == 0 ? 0 : v->v; /* there is a -0 */

	buf_addch(k->b, v->set ? 1 : 0);
	if (v->set)
		buf_add(k->b, &d, sizeof(d));
}

/* JSON by what it means; what is none, such as free text, as it is. */
static void
put_json(struct keyer *k, struct str raw)
{
	struct error err = { .kind = ERROR_NONE };
	size_t at;
	int64_t n;

	if (raw.p == NULL || jtext_check(raw, &err) != 0) {
		put(k, raw);
		return;
	}
	put_i64(k, -2);
	at = k->b->n;
	canon_json(k->arena, raw, NULL, k->b);
	n = (int64_t)(k->b->n - at);
	put_i64(k, n);
}

/* ---- scope and route ---- */

static void
put_scope(struct keyer *k, const struct cache_subject *s)
{
	bool account = s->account.n > 0 && !str_is(s->account, "default");

	put_i64(k, FORMAT);
	buf_addch(k->b, account ? 'A' : s->key.n > 0 ? 'K' : 'N');
	put(k, account ? s->account : s->key);
}

struct leaves {
	struct str *list;
	size_t n;
};

static void
list_leaves(struct keyer *k, const struct plan *plan, struct leaves *l)
{
	const struct plan *item;
	struct buf *b;

	for (item = plan->first; item != NULL; item = item->next)
		list_leaves(k, item, l);
	if (plan->leaf == NULL || l->n == ROUTE_MAX_TARGETS)
		return;
	b = buf_new(k->arena, MAX_BYTES);
	buf_addf(b, "%.*s/%.*s ", STR_ARG(plan->leaf->target.provider->name),
	    STR_ARG(plan->leaf->target.model));
	if (plan->leaf->set.p != NULL)
		canon_json(k->arena, plan->leaf->set, NULL, b);
	if (plan->leaf->over.p != NULL) {
		buf_addch(b, ' ');
		canon_json(k->arena, plan->leaf->over, NULL, b);
	}
	l->list[l->n++] = buf_str(b);
}

static int
by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* In what order they stand is a matter of health and prices. */
static void
put_route(struct keyer *k, const struct plan *plan)
{
	struct leaves l = { .list = ARENA_ARRAY(
				k->arena, struct str, ROUTE_MAX_TARGETS) };
	size_t i;

	list_leaves(k, plan, &l);
	qsort(l.list, l.n, sizeof(*l.list), by_text);
	for (i = 0; i < l.n; i++)
		if (i == 0 || !str_eq(l.list[i], l.list[i - 1]))
			put(k, l.list[i]);
}

/* ---- the request as struct chat ---- */

static void
put_names(struct keyer *k, const struct name *list)
{
	for (; list != NULL; list = list->next)
		put(k, list->s);
	put(k, STR_NONE);
}

static void
put_parts(struct keyer *k, const struct part *p)
{
	for (; p != NULL; p = p->next) {
		put_i64(k, p->kind);
		put(k, p->id);
		put(k, p->name);
		put(k, p->url);
		put(k, p->data);
		put(k, p->mime);
		put(k, p->file_id);
		put(k, p->detail);
		put(k, p->signature);
		put_i64(k, p->issuer);
		put_i64(k, p->redacted << 2 | p->is_error << 1 | p->custom);
		if (p->kind == PART_TOOL_CALL && !p->custom)
			put_json(k, p->text);
		else
			put(k, p->text);
		put_parts(k, p->parts);
	}
	put_i64(k, -1);
}

static void
put_turns(struct keyer *k, const struct turn *t)
{
	for (; t != NULL; t = t->next) {
		put_i64(k, t->role);
		put(k, t->name);
		put_parts(k, t->parts);
	}
	put_i64(k, -1);
}

static void
put_tools(struct keyer *k, const struct tool *t)
{
	for (; t != NULL; t = t->next) {
		put(k, t->name);
		put(k, t->ns);
		put(k, t->description);
		put_json(k, t->schema);
		put_i64(k, t->search << 2 | t->strict << 1 | t->custom);
		put_json(k, t->grammar);
	}
	put_i64(k, -1);
}

static void
put_wishes(struct keyer *k, const struct chat *c)
{
	const struct shared *s;

	put_i64(k, c->tool_choice);
	put(k, c->tool_choice_name);
	put_i64(k, c->output);
	put(k, c->schema_name);
	put_json(k, c->schema);
	put_i64(k, c->schema_strict << 1 | c->parallel_off);
	put_i64(k, c->max_tokens);
	put_double(k, &c->temperature);
	put_double(k, &c->top_p);
	put_double(k, &c->top_k);
	put_double(k, &c->presence_penalty);
	put_double(k, &c->frequency_penalty);
	put_double(k, &c->seed);
	put_names(k, c->stop);
	put_i64(k, c->effort);
	put_i64(k, c->thinking_budget);
	put_i64(k, c->thinking_off << 1 | c->thinking_hidden);
	put(k, c->service_tier);
	put_i64(k, c->dimensions);
	for (s = c->shared; s != NULL; s = s->next) {
		if (cache_key_ignores(s->name))
			continue;
		put(k, s->name);
		put_json(k, s->raw);
	}
}

/* ---- the rest ---- */

/* Of an embedding request: with its texts, and how vectors are written. */
static bool
ignores_input(struct str member)
{
	return cache_key_ignores(member) || str_is(member, "input") ||
	    str_is(member, "encoding_format");
}

/* The version that each SDK names in each call is no wish of the client's. */
static void
put_headers(struct keyer *k, const struct ask *ask)
{
	const struct header *h;

	put_i64(k, ask->lossless);
	for (h = ask->headers; h != NULL; h = h->next) {
		if (str_is(h->name, "anthropic-version") ||
		    str_starts(h->name, "anthropic-dangerous-"))
			continue;
		put(k, h->name);
		put(k, h->value);
	}
	put_i64(k, -1);
}

static void
put_request(struct keyer *k, const struct ask *ask, const struct chat *chat)
{
	put_i64(k, ask->operation);
	put_headers(k, ask);
	if (chat == NULL || chat->beyond) {
		put_i64(k, ask->wire);
		canon_json(k->arena, ask->body, cache_key_ignores, k->b);
		return;
	}
	put_i64(k, -1);
	put_turns(k, chat->turns);
	put_tools(k, chat->tools);
	put_wishes(k, chat);
}

static void
keyer_init(struct keyer *k)
{
	k->arena = arena_new(MAX_ARENA_BYTES);
	k->b = buf_new(k->arena, MAX_BYTES);
}

static void
keyer_end(struct keyer *k, unsigned char out[CACHE_KEY])
{
	SHA256((const unsigned char *)k->b->p, k->b->n, out);
	arena_free(k->arena);
}

int
cache_key(const struct cache_subject *s, unsigned char out[CACHE_KEY],
    struct error *err)
{
	struct error ignored = { .kind = ERROR_NONE };
	const struct chat *chat = ask_chat(s->ask, &ignored);
	struct keyer k;

	if (s->ask->body.n > MAX_BODY_BYTES)
		return error_set(err, ERROR_TOO_LARGE,
		    "the request is larger than what a cache key is made of");
	keyer_init(&k);
	put_scope(&k, s);
	put_route(&k, s->plan);
	put_request(&k, s->ask, chat);
	keyer_end(&k, out);
	return 0;
}

void
cache_key_text(const struct cache_subject *s, struct str text,
    unsigned char out[CACHE_KEY])
{
	const struct chat *chat = s->ask->chat;
	struct keyer k;

	keyer_init(&k);
	put_scope(&k, s);
	put_route(&k, s->plan);
	put_i64(&k, s->ask->operation);
	put_headers(&k, s->ask);
	put_wishes(&k, chat);
	if (chat->beyond)
		canon_json(k.arena, s->ask->body, ignores_input, k.b);
	put(&k, text);
	keyer_end(&k, out);
}
