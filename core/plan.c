/* SPDX-License-Identifier: MIT */
#include "core/plan.h"

#include "core/arena.h"
#include "core/attempt.h"
#include "core/catalog.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jw.h"
#include "core/price.h"

#define BYTES_PER_TOKEN 4 /* of a request that does not decode */

struct plan *
plan_new(struct planner *p, enum plan_kind kind)
{
	struct plan *plan = ARENA_NEW(p->arena, struct plan);

	plan->kind = kind;
	return plan;
}

void
plan_add(struct plan *list, struct plan *item)
{
	struct plan **end = &list->first;

	while (*end != NULL)
		end = &(*end)->next;
	*end = item;
}

struct plan *
plan_route(struct planner *p, const struct route *route)
{
	return route->kind->plan(p, route);
}

struct plan *
plan_make(struct planner *p, const struct route *route)
{
	struct plan *plan = plan_route(p, route), *chain;

	if (plan == NULL) {
		error_set(p->err, ERROR_BAD_REQUEST,
		    "no target of the route can serve this request");
		return NULL;
	}
	error_clear(p->err);
	plan_why(p, plan, "as asked");
	if (plan->kind == PLAN_CHAIN)
		return plan;
	chain = plan_new(p, PLAN_CHAIN);
	plan_add(chain, plan);
	return chain;
}

const struct plan *
plan_first(const struct plan *plan)
{
	while (plan->first != NULL)
		plan = plan->first;
	return plan;
}

void
plan_why(struct planner *p, struct plan *plan, const char *why)
{
	for (; plan->first != NULL; plan = plan->first)
		if (plan->kind == PLAN_RACE && plan->first->next != NULL)
			break;
	while (plan->first != NULL)
		plan = plan->first;
	plan->why = plan->why == NULL
	    ? why
	    : arena_printf(p->arena, "%s, %s", plan->why, why);
}

unsigned
plan_leaves(const struct plan *plan)
{
	const struct plan *item;
	unsigned n = 0;

	if (plan->kind != PLAN_CHAIN)
		return 1;
	for (item = plan->first; item != NULL; item = item->next)
		n += plan_leaves(item);
	return n;
}

/* splitmix64: the seed is random itself. */
uint64_t
plan_random(struct planner *p)
{
	uint64_t z = p->seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

const struct chat *
plan_chat(struct planner *p)
{
	struct error ignored = { 0 };

	if (p->ask->chat == NULL && p->ask->decode == NULL)
		return NULL;
	return ask_chat(p->ask, &ignored);
}

int64_t
plan_input_tokens(struct planner *p, const struct target *target)
{
	int f = tokens_family(WIRE_NONE, STR_NONE);
	const struct chat *chat;

	if (target != NULL)
		f = tokens_family(target->provider->api->wire, target->model);
	if (p->tokens[f] != 0)
		return p->tokens[f];
	chat = plan_chat(p);
	p->tokens[f] = chat != NULL ? tokens_chat(f, chat)
				    : (int64_t)p->ask->body.n / BYTES_PER_TOKEN;
	if (p->tokens[f] == 0)
		p->tokens[f] = 1;
	return p->tokens[f];
}

static void
write_target(struct planner *p, const struct plan *plan, struct jw *w)
{
	const struct target *t = &plan->leaf->target, *unpriced;
	char money[MONEY_TEXT_BYTES];
	int64_t pusd;

	jw_object(w);
	jw_kv_cstr(w, "target",
	    arena_printf(p->arena, "%.*s/%.*s", STR_ARG(t->provider->name),
		STR_ARG(t->model)));
	jw_kv_cstr(w, "why", plan->why);
	jw_kv_i64(w, "input_tokens", plan_input_tokens(p, t));
	if (plan_worst(p, plan, &pusd, &unpriced))
		jw_kv_cstr(w, "worst_case_cost_usd", money_text(pusd, money));
	else
		jw_kv_null(w, "worst_case_cost_usd");
}

/* What translation would drop there, or why it would refuse. */
static void
write_losses(struct planner *p, const struct plan *plan, struct jw *w)
{
	struct error err = { 0 };
	struct attempt *at =
	    attempt_prepare(p->arena, p->ask, &plan->leaf->target, &err);
	const struct name *n;

	jw_key(w, "lossy");
	jw_array(w);
	for (n = at != NULL ? at->losses : NULL; n != NULL; n = n->next)
		jw_str(w, n->s);
	jw_end(w);
	if (at == NULL)
		jw_kv_cstr(w, "refused", err.msg);
	else
		attempt_discard(at);
	jw_end(w);
}

static void
write_targets(struct planner *p, const struct plan *plan, struct jw *w)
{
	const struct plan *item;

	if (plan->kind == PLAN_TARGET) {
		write_target(p, plan, w);
		write_losses(p, plan, w);
	}
	for (item = plan->first; item != NULL; item = item->next)
		write_targets(p, item, w);
}

void
plan_json(struct planner *p, const struct plan *plan, struct jw *w)
{
	const struct target *unpriced;
	char money[MONEY_TEXT_BYTES];
	int64_t pusd;

	jw_object(w);
	jw_key(w, "plan");
	jw_array(w);
	write_targets(p, plan, w);
	jw_end(w);
	if (plan_worst(p, plan, &pusd, &unpriced))
		jw_kv_cstr(w, "worst_case_cost_usd", money_text(pusd, money));
	else
		jw_kv_null(w, "worst_case_cost_usd");
	jw_kv_str(w, "cache_key", p->cache_key);
	jw_end(w);
}
