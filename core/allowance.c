/* SPDX-License-Identifier: MIT */
#include "core/allowance.h"

#include "core/account.h"
#include "core/arena.h"
#include "core/call.h"
#include "core/conf.h"
#include "core/key.h"
#include "core/limit_room.h"
#include "core/log.h"
#include "core/retry.h"
#include "core/seal.h"

/* --- models --- */

static int
check_target(struct call *c, const struct target *t)
{
	struct str name = str_of(arena_printf(c->arena, "%.*s/%.*s",
	    STR_ARG(t->provider->name), STR_ARG(t->model)));

	return key_allows(c->key, name, name, &c->err);
}

static int
check_plan(struct call *c, const struct plan *plan)
{
	const struct plan *item;

	if (plan->kind == PLAN_TARGET)
		return check_target(c, &plan->leaf->target);
	for (item = plan->first; item != NULL; item = item->next)
		if (check_plan(c, item) != 0)
			return -1;
	return 0;
}

/* Whoever may use a name may use all it leads to. */
int
allowance_models(struct call *c)
{
	struct error ignored = { .kind = ERROR_NONE };
	struct str asked = c->ask.model;

	if (c->key == NULL || c->key->models == NULL)
		return 0;
	if (c->control.route.n > 0)
		asked = c->control.route;
	else if (c->control.models != NULL)
		asked = STR_NONE;
	if (asked.n > 0 && key_allows(c->key, asked, asked, &ignored) == 0)
		return 0;
	return check_plan(c, c->plan);
}

/* --- money --- */

static int64_t
most_tokens(struct call *c)
{
	const struct chat *chat =
	    c->ask.decode != NULL ? plan_chat(&c->planner) : NULL;

	return limit_add(plan_input_tokens(&c->planner, NULL),
	    chat != NULL ? chat->max_tokens : 0);
}

static int
reserve(struct call *c)
{
	const struct target *unpriced;
	struct limit_ask ask = { .call = c->row.id,
		.key = c->key,
		.account = c->row.account,
		.user = c->row.user,
		.tags = c->row.tags,
		.now_us = c->row.started_us,
		.zone = c->conf->zone,
		.zone_name = c->conf->zone_name,
		.unpriced = c->conf->unpriced_ok };

	if (!limit_applies(c->limits, &ask))
		return 0;
	ask.tokens = most_tokens(c);
	if (!plan_worst(&c->planner, c->plan, &ask.pusd, &unpriced))
		ask.pusd = -1;
	if (limit_reserve(c->limits, &ask, &c->grant, &c->err) != 0)
		return -1;
	c->row.reserved_pusd = c->grant.pusd;
	return 0;
}

int
allowance_take(struct call *c)
{
	if (allowance_models(c) != 0)
		return -1;
	if (c->limits == NULL || reserve(c) == 0)
		return 0;
	if (c->err.kind != ERROR_STORE || !c->conf->serve_without_store)
		return -1;
	log_event(LOG_LEVEL_ERROR, "limit", "%s", c->err.msg);
	error_clear(&c->err);
	return 0;
}

/* May an attempt that failed so have been billed? */
static bool
may_be_billed(const struct call_try *t)
{
	return t->settled && t->at->status < 300 &&
	    t->at->err.kind != ERROR_NONE;
}

/* What all that runs or has run may come to, with the one that begins. */
static int64_t
at_most(const struct call *c)
{
	const struct call_try *t;
	int64_t sum = c->worst_pusd;

	for (t = c->tries; t != NULL; t = t->next)
		if (!t->settled || may_be_billed(t))
			sum = limit_add(sum, t->worst_pusd);
	return sum;
}

int
allowance_again(struct call *c, const struct plan *plan, struct error *err)
{
	const struct target *unpriced;
	int64_t more;

	c->worst_pusd = 0;
	if (c->grant.pusd == 0 ||
	    !plan_worst(&c->planner, plan, &c->worst_pusd, &unpriced))
		return 0;
	more = at_most(c) - c->grant.pusd;
	if (more <= 0)
		return 0;
	if (limit_raise(c->limits, &c->grant, more, err) != 0)
		return -1;
	c->row.reserved_pusd = c->grant.pusd;
	return c->opened ? ledger_note(c->state, &c->row, err) : 0;
}

/* What is known of the cost of its attempts. */
static int64_t
known_pusd(const struct call *c)
{
	const struct call_try *t;
	int64_t sum = 0;

	for (t = c->tries; t != NULL; t = t->next)
		if (t->row->cost.known)
			sum = limit_add(sum, t->row->cost.pusd);
	return sum;
}

/* The first attempt stands for all whose cost is not known. */
void
allowance_price(struct call *c)
{
	struct cost cost = { .known = true, .source = COST_RESERVED };
	struct call_try *t;
	int64_t known = known_pusd(c);

	if (c->row.cost.known || c->grant.pusd == 0 || c->tries == NULL)
		return;
	cost.pusd = c->grant.pusd > known ? c->grant.pusd - known : 0;
	c->row.cost = cost;
	c->row.cost.pusd = limit_add(cost.pusd, known);
	for (t = c->tries; t != NULL; t = t->next) {
		if (t->row->cost.known)
			continue;
		t->row->cost = cost;
		cost.pusd = 0;
	}
}

void
allowance_settle(struct call *c, bool written)
{
	const struct call_try *t;
	int64_t pusd = c->row.cost.known ? c->row.cost.pusd : known_pusd(c);
	int64_t tokens = 0;

	if (c->limits == NULL)
		return;
	/* The row stays open, and will be charged its reservation. */
	if (!written && c->opened)
		pusd = c->grant.pusd;
	for (t = c->tries; t != NULL; t = t->next)
		tokens += usage_total_input(&t->row->usage) +
		    usage_total_output(&t->row->usage);
	limit_settle(c->limits, &c->grant, pusd, tokens);
}

/* --- credentials --- */

/* Copies of ${key} in the attempt's headers ("Bearer ...") go with it. */
static void
wipe_later(struct attempt *at, struct str key)
{
	const struct header *h;

	for (h = at->request.headers; h != NULL; h = h->next)
		if (h->value.p != key.p && str_find(h->value, key) >= 0)
			seal_wipe_later(at->arena, h->value);
}

struct attempt *
allowance_prepare(struct call *c, struct ask *ask, const struct target *target,
    unsigned nth, struct error *err)
{
	struct target own = *target;
	struct attempt *at;

	own.nth = nth;
	own.credentials = 0;
	if (c->accounts != NULL && c->key != NULL &&
	    account_pick(c->accounts, c->arena, c->key->account, &own, err) !=
		0)
		return NULL;
	at = attempt_prepare(c->arena, ask, &own, err);
	if (at != NULL && own.credential.p != NULL)
		wipe_later(at, own.key);
	return at;
}

bool
allowance_rotates(const struct call_try *t)
{
	const struct target *target = &t->at->target;
	enum retry_class class = retry_class(&t->at->err);

	return target->nth + 1 < target->credentials &&
	    (class == RETRY_RATE || class == RETRY_CREDENTIALS);
}
