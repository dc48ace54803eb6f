/* SPDX-License-Identifier: MIT */
/* What a call cost: each attempt for itself, and their sum. */
#include "core/call.h"

#include "core/affinity.h"
#include "core/allowance.h"
#include "core/arena.h"
#include "core/catalog.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/limit_room.h"
#include "core/price.h"

static const struct model *
find_listed(struct call *c, const struct attempt *at, struct str name,
    struct price *price)
{
	struct error err = { 0 };
	const struct model *m = NULL;

	if (name.n > 0)
		m = catalog_find(c->conf->catalog, c->arena,
		    at->target.provider->name, name);
	if (m == NULL || m->price.p == NULL ||
	    price_parse_at(m->price, c->row.started_us, price, &err) != 0)
		return NULL;
	return m;
}

/* The price of what answered, else of what was asked for; exact names only. */
static bool
find_price(struct call *c, const struct attempt *at, struct price *price,
    struct str *version)
{
	const struct model *m = find_listed(c, at, at->meter.model, price);

	if (m == NULL)
		m = find_listed(c, at, at->target.model, price);
	if (m != NULL)
		*version = m->version;
	return m != NULL;
}

static struct cost
no_cost(const char *why)
{
	return (struct cost){ .source = COST_UNKNOWN, .why = why };
}

static bool
is_free(const struct attempt *at)
{
	return at->target.provider->free ||
	    operation_is_free(at->ask->operation);
}

/* What other models have done for it, each at its own price. */
static void
price_others(
    struct call *c, const struct attempt *at, struct ledger_attempt *la)
{
	const struct usage *u = &la->usage;
	struct usage one;
	struct price price;
	int64_t *pusd;
	unsigned i;

	for (i = 0; i < u->n_others; i++) {
		pusd = &la->others_pusd[i];
		*pusd = is_free(at) ? 0 : -1;
		usage_init(&one);
		memcpy(one.tokens, u->others[i].tokens, sizeof(one.tokens));
		one.mode = u->mode;
		if (*pusd < 0 &&
		    find_listed(c, at, str_of(u->others[i].model), &price) &&
		    price_cost(&price, &one, pusd) < 0)
			*pusd = -1;
	}
}

static void
add_others(struct call *c, const struct ledger_attempt *la, struct cost *cost)
{
	const struct usage *u = &la->usage;
	unsigned i;

	for (i = 0; i < u->n_others && cost->known; i++) {
		if (la->others_pusd[i] < 0)
			*cost = no_cost(
			    arena_printf(c->arena, "no price for %.*s/%s",
				STR_ARG(la->provider), u->others[i].model));
		else
			cost->pusd = limit_add(cost->pusd, la->others_pusd[i]);
	}
}

/* What an attempt cost, by usage as the provider reported or we estimated. */
static struct cost
cost_of(struct call *c, const struct attempt *at, struct ledger_attempt *la)
{
	struct cost cost = { .known = true, .source = COST_ESTIMATED };
	struct usage own = usage_own(&la->usage);
	struct price price;
	int rc;

	if (la->usage.source == USAGE_REPORTED)
		cost.source = COST_REPORTED;
	price_others(c, at, la);
	if (is_free(at) ||
	    (la->usage.source == USAGE_NONE && at->err.kind != ERROR_NONE))
		return cost; /* free, or an error answer: providers bill none */
	if (la->usage.source == USAGE_NONE)
		return no_cost("the provider reported no usage");
	if (!find_price(c, at, &price, &la->price))
		return no_cost(arena_printf(c->arena, "no price for %.*s/%.*s",
		    STR_ARG(la->provider), STR_ARG(la->model)));
	rc = price_cost(&price, &own, &cost.pusd);
	if (rc < 0 && price.modes[la->usage.mode].n_tiers == 0)
		return no_cost(
		    arena_printf(c->arena, "no %s price for %.*s/%.*s",
			usage_mode_names[la->usage.mode], STR_ARG(la->provider),
			STR_ARG(la->model)));
	if (rc < 0)
		return no_cost("the amount overflows");
	if (rc > 0)
		cost.source = COST_ESTIMATED; /* an upper bound */
	add_others(c, la, &cost);
	return cost;
}

/*
 * An answer that began and did not end is billed for what was seen; one that
 * never began may still have cost its input, where the request had left.
 * Figures that are absurd are no figures.
 */
static bool
needs_estimate(const struct attempt *at)
{
	if (at->err.kind == ERROR_NONE)
		return at->meter.usage.source == USAGE_ESTIMATED;
	if (at->status != 0)
		return at->status < 300;
	return at->err.kind == ERROR_CLIENT_GONE ||
	    at->err.kind == ERROR_UP_TIMEOUT || at->err.kind == ERROR_BUSY;
}

/* Where closing does not stop the bill: as long as the answer that won. */
static int64_t
rest_tokens(const struct call *c, const struct attempt *at)
{
	if (!(at->target.provider->quirks & QUIRK_NO_CANCEL) ||
	    c->attempt == NULL || c->attempt == at)
		return 0;
	return usage_total_output(&c->attempt->meter.usage);
}

void
call_price_try(struct call *c, struct call_try *t)
{
	struct attempt *at = t->at;

	if (needs_estimate(at) || at->state == ATTEMPT_RUNNING ||
	    (t->late && at->meter.usage.source != USAGE_REPORTED))
		meter_estimate(&at->meter,
		    plan_input_tokens(&c->planner, &at->target),
		    rest_tokens(c, at));
	t->row->usage = at->meter.usage;
	if (at->ask->operation == OPERATION_STORED)
		usage_init(&t->row->usage); /* counted when it was made */
	t->row->cost = cost_of(c, at, t->row);
}

static void
add_cost(struct cost *sum, const struct cost *one)
{
	if (!sum->known)
		return;
	if (!one->known)
		*sum = *one;
	else if (sum->pusd > INT64_MAX - one->pusd)
		*sum = no_cost("the amount overflows");
	else
		sum->pusd += one->pusd;
	if (sum->known && one->source < sum->source)
		sum->source = one->source;
}

void
call_price(struct call *c)
{
	struct cost sum = { .known = true, .source = COST_REPORTED };
	struct call_try *t;

	for (t = c->tries; t != NULL; t = t->next) {
		/* The event thread still reads it, and has priced it so far. */
		if (!c->drains || !t->late)
			call_price_try(c, t);
		add_cost(&sum, &t->row->cost);
		if (t->at == c->attempt && c->planner.compared)
			affinity_note(&c->planner, &t->at->target,
			    &t->at->meter.usage, clock_mono_us());
	}
	c->row.cost = sum;
	allowance_price(c);
}
