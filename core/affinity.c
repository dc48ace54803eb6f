/* SPDX-License-Identifier: MIT */
#include "core/affinity.h"

#include "core/chat.h"
#include "core/conf.h"
#include "core/health.h"
#include "core/ledger.h"
#include "core/plan.h"

#define STAYS_US INT64_C(600000000)

static uint64_t
mix(uint64_t h, struct str s)
{
	return str_hash(h, s) * UINT64_C(0x9e3779b97f4a7c15);
}

/* The system prompt up to and with the first message of the user. */
static uint64_t
mix_beginning(uint64_t h, const struct chat *chat)
{
	const struct part *part;
	const struct turn *t;

	for (t = chat->turns; t != NULL; t = t->next) {
		for (part = t->parts; part != NULL; part = part->next)
			h = mix(h, part->text);
		if (t->role != ROLE_SYSTEM)
			break;
	}
	return h;
}

/* Its key, 0 for what is no conversation. */
static uint64_t
conversation(struct planner *p)
{
	uint64_t h = mix(STR_HASH, p->row->key);
	const struct chat *chat;

	if (p->row->session.n > 0)
		return mix(h, p->row->session);
	chat = plan_chat(p);
	return chat != NULL ? mix_beginning(h, chat) : 0;
}

static struct health_conversation *
place(struct planner *p, uint64_t key)
{
	if (p->health == NULL || key == 0)
		return NULL;
	return &p->health->conversations[key % HEALTH_CONVERSATIONS];
}

static uint64_t
target_key(struct planner *p, const struct target *t)
{
	struct health_target *ht =
	    health_find(p->health, t->provider->name, t->model);

	return ht != NULL ? atomic_load(&ht->key) : 0;
}

void
affinity_note(struct planner *p, const struct target *t,
    const struct usage *usage, int64_t now_us)
{
	struct health_conversation *c;
	uint64_t key;

	if (usage->tokens[USAGE_CACHE_READ] <= 0 || p->health == NULL)
		return;
	key = conversation(p);
	c = place(p, key);
	if (c == NULL)
		return;
	/* Readers may see a mixture: it is a preference, no promise. */
	atomic_store(&c->until_us, 0);
	atomic_store(&c->key, key);
	atomic_store(&c->target, target_key(p, t));
	atomic_store(&c->tokens, usage->tokens[USAGE_CACHE_READ]);
	atomic_store(&c->until_us, now_us + STAYS_US);
}

int64_t
affinity_tokens(struct planner *p, const struct target *t)
{
	uint64_t key = p->health != NULL ? conversation(p) : 0;
	struct health_conversation *c = place(p, key);

	if (c == NULL || atomic_load(&c->until_us) < p->mono_us ||
	    atomic_load(&c->key) != key ||
	    atomic_load(&c->target) != target_key(p, t))
		return 0;
	return atomic_load(&c->tokens);
}

/* The issuer of opaque state among ${part}; WIRE_NONE if there is none. */
static enum wire
issuer_in(const struct part *part)
{
	for (; part != NULL; part = part->next)
		if (part->kind == PART_THINKING && part->signature.n > 0)
			return part->issuer;
	return WIRE_NONE;
}

/* Most requests have none; only those that may are decoded for it. */
static bool
may_hold_state(const struct ask *ask)
{
	static const char *const words[] = { "\"signature\"",
		"\"encrypted_content\"", "\"thoughtSignature\"",
		"\"thought_signature\"", "\"redacted_thinking\"",
		"\"reasoning_details\"" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_find(ask->body, str_of(words[i])) >= 0)
			return true;
	return ask->chat != NULL;
}

static enum wire
issuer_of(struct planner *p)
{
	const struct chat *chat;
	const struct turn *t;
	enum wire issuer = WIRE_NONE;

	if (!may_hold_state(p->ask))
		return WIRE_NONE;
	chat = plan_chat(p);
	for (t = chat != NULL ? chat->turns : NULL;
	     t != NULL && issuer == WIRE_NONE; t = t->next)
		issuer = issuer_in(t->parts);
	return issuer;
}

bool
plan_holds_state(struct planner *p)
{
	if (!p->issuer_known)
		p->issuer = issuer_of(p);
	p->issuer_known = true;
	return p->issuer != WIRE_NONE;
}

bool
plan_stays(struct planner *p, const struct target *target)
{
	const struct conf_provider *provider = target->provider;

	return !plan_holds_state(p) || p->issuer == provider->api->wire ||
	    (provider->also != NULL && p->issuer == provider->also->wire);
}
