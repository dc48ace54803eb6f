/* SPDX-License-Identifier: MIT */
#include "core/call.h"

#include "core/arena.h"
#include "core/catalog.h"
#include "core/chat.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/log.h"
#include "core/price.h"
#include "core/resolve.h"

void
call_init(struct call *c, struct arena *a, const struct conf *conf,
    struct state *state)
{
	*c = (struct call){ .arena = a, .conf = conf, .state = state };
	c->started_us = clock_mono_us();
	c->row.started_us = clock_wall_us();
	c->row.ttft_ms = c->row.duration_ms = -1;
	c->ask.arena = a;
	ledger_id(c->row.id, c->row.started_us);
}

static int64_t
since_ms(const struct call *c, int64_t mono_us)
{
	return mono_us > 0 ? (mono_us - c->started_us) / 1000 : -1;
}

/* The attempt's entry in the row, as it is known before it starts. */
static void
open_attempt(struct call *c)
{
	struct ledger_attempt *la = ARENA_NEW(c->arena, struct ledger_attempt);
	const struct target *t = &c->attempt->target;

	la->provider = t->provider->name;
	la->model = t->model;
	la->credential = t->provider->key.p ? STR("conf") : STR_NONE;
	la->start_ms = since_ms(c, clock_mono_us());
	la->ttft_ms = la->duration_ms = -1;
	la->cost.why = "not finished";
	usage_init(&la->usage);
	c->row.attempts = la;
	c->row.cost.why = "not finished";
}

static int
open_row(struct call *c)
{
	open_attempt(c);
	if (c->state == NULL)
		return 0;
	if (ledger_write(c->state, &c->row, &c->err) == 0) {
		c->opened = true;
		return 0;
	}
	if (!c->conf->serve_without_store)
		return -1;
	log_event(LOG_LEVEL_ERROR, "store", "%s", c->err.msg);
	error_clear(&c->err);
	return 0;
}

int
call_front(struct call *c)
{
	struct target target;

	if (resolve(c->conf, c->arena, c->ask.model, &target, &c->err) != 0)
		return -1;
	c->attempt = attempt_prepare(c->arena, &c->ask, &target, &c->err);
	if (c->attempt == NULL)
		return -1;
	if (c->ask.chat != NULL)
		c->row.lossy = c->ask.chat->losses;
	c->row.answered = str_of(arena_printf(c->arena, "%.*s/%.*s",
	    STR_ARG(target.provider->name), STR_ARG(target.model)));
	return open_row(c);
}

static void
on_progress(void *arg)
{
	struct call *c = arg;

	c->events->progress(c->arg);
}

static void
on_ended(void *arg)
{
	struct call *c = arg;

	c->err = c->attempt->err;
	c->events->ended(c->arg);
}

void
call_run(struct call *c, struct loop *loop, struct upstream *upstream,
    struct sink *out, const struct call_events *events, void *arg)
{
	static const struct attempt_events attempt_events = { on_progress,
		on_ended };
	const struct attempt_engine engine = {
		.loop = loop,
		.upstream = upstream,
		.limits = { .connect_ms = c->conf->connect_timeout_ms,
		    .first_content_ms = c->conf->first_content_timeout_ms,
		    .idle_ms = c->conf->idle_timeout_ms,
		    .total_ms = c->conf->request_timeout_ms },
	};

	c->out = out;
	c->events = events;
	c->arg = arg;
	attempt_start(c->attempt, &engine, out, &attempt_events, c);
}

void
call_pause(struct call *c)
{
	attempt_pause(c->attempt);
}

void
call_resume(struct call *c)
{
	attempt_resume(c->attempt);
}

void
call_cancel(struct call *c, enum error_kind kind, const char *why)
{
	attempt_cancel(c->attempt, kind, why);
}

/* The price of what answered, else of what was asked for; exact names only. */
static bool
find_price(struct call *c, struct price *price)
{
	const struct attempt *at = c->attempt;
	const struct str provider = at->target.provider->name;
	const struct str names[] = { at->meter.model, at->target.model };
	const struct model *m;
	struct error err = { 0 };
	size_t i;

	for (i = 0; i < 2; i++) {
		if (names[i].n == 0)
			continue;
		m = catalog_find(
		    c->conf->catalog, c->arena, provider, names[i]);
		if (m != NULL && m->price.p != NULL &&
		    price_parse(m->price, price, &err) == 0)
			return true;
	}
	return false;
}

static struct cost
no_cost(const char *why)
{
	return (struct cost){ .source = COST_UNKNOWN, .why = why };
}

/* What the attempt cost, by usage as the provider reported or we estimated. */
static struct cost
cost_of(struct call *c, struct ledger_attempt *la)
{
	struct cost cost = { .known = true, .source = COST_ESTIMATED };
	struct price price;

	if (la->usage.source == USAGE_REPORTED)
		cost.source = COST_REPORTED;
	if (c->attempt->target.provider->free ||
	    (la->usage.source == USAGE_NONE &&
		c->attempt->err.kind != ERROR_NONE))
		return cost; /* free, or an error answer: providers bill none */
	if (la->usage.source == USAGE_NONE)
		return no_cost("the provider reported no usage");
	if (!find_price(c, &price))
		return no_cost(arena_printf(
		    c->arena, "no price for %.*s", STR_ARG(c->row.answered)));
	if (price_cost(&price, &la->usage, &cost.pusd) != 0)
		return no_cost("the amount overflows");
	la->price = catalog_version(c->conf->catalog);
	return cost;
}

static enum attempt_outcome
attempt_outcome_of(const struct error *err)
{
	if (err->kind == ERROR_NONE)
		return ATTEMPT_WON;
	return err->kind == ERROR_CLIENT_GONE ? ATTEMPT_CANCELLED
					      : ATTEMPT_FAILED;
}

/*
 * An answer that began and did not end is billed for what was seen; one that
 * never began may still have cost its input, where the request had left.
 */
static bool
needs_estimate(const struct attempt *at)
{
	if (at->err.kind == ERROR_NONE || at->status >= 300)
		return false;
	return at->status != 0 || at->err.kind == ERROR_CLIENT_GONE ||
	    at->err.kind == ERROR_UP_TIMEOUT;
}

void
call_price(struct call *c)
{
	struct attempt *at = c->attempt;
	struct ledger_attempt *la = c->row.attempts;

	if (needs_estimate(at))
		meter_estimate(&at->meter, (int64_t)c->ask.body.n);
	la->usage = at->meter.usage;
	la->cost = cost_of(c, la);
	c->row.cost = la->cost;
}

static void
settle_attempt(struct call *c)
{
	struct attempt *at = c->attempt;
	struct ledger_attempt *la = c->row.attempts;
	int64_t first_us = at->meter.first_content_us;

	la->outcome = attempt_outcome_of(&c->err);
	la->status = at->status;
	la->returned_model = at->meter.model;
	la->ttft_ms = first_us > 0 ? (first_us - at->started_us) / 1000 : -1;
	la->duration_ms = (at->ended_us - at->started_us) / 1000;
	if (c->err.kind != ERROR_NONE)
		la->error = str_of(error_code(&c->err));
	c->row.ttft_ms = since_ms(c, first_us);
}

static enum call_outcome
outcome_of(const struct call *c)
{
	if (c->err.kind == ERROR_NONE)
		return CALL_OK;
	if (c->err.kind == ERROR_CLIENT_GONE)
		return CALL_CANCELLED;
	return c->row.attempts == NULL ? CALL_REFUSED : CALL_ERROR;
}

void
call_settle(struct call *c, int status)
{
	bool ran = c->attempt != NULL && c->attempt->state == ATTEMPT_ENDED;
	struct error err = { 0 };

	if (!ran)
		c->row.attempts = NULL;
	c->row.status = status;
	c->row.outcome = outcome_of(c);
	c->row.ended_us = clock_wall_us();
	c->row.duration_ms = since_ms(c, clock_mono_us());
	if (c->err.kind != ERROR_NONE)
		c->row.error = str_of(error_code(&c->err));
	if (ran)
		settle_attempt(c);
	else
		c->row.cost = (struct cost){ .known = true };
	if (c->state != NULL && ledger_write(c->state, &c->row, &err) != 0)
		log_event(
		    LOG_LEVEL_ERROR, "store", "%s: %s", c->row.id, err.msg);
}
