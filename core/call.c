/* SPDX-License-Identifier: MIT */
#include "core/call.h"

#include "core/access.h"
#include "core/allowance.h"
#include "core/arena.h"
#include "core/call_cache.h"
#include "core/chat.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/fetch.h"
#include "core/jtree.h"
#include "core/log.h"
#include "core/money.h"
#include "core/resolve.h"
#include "core/spans.h"
#include "core/state.h"
#include "core/tally.h"
#include "core/task.h"

void
call_init(struct call *c, struct arena *a, const struct conf *conf,
    struct state *state)
{
	*c = (struct call){ .arena = a, .conf = conf, .state = state };
	c->started_us = clock_mono_us();
	c->row.started_us = clock_wall_us();
	c->row.ttft_ms = c->row.duration_ms = -1;
	c->row.saved_pusd = c->control.max_cost_pusd = -1;
	c->control.cache.max_age_s = -1;
	c->ask.arena = a;
	ledger_id(c->row.id, c->row.started_us);
}

/* --- the route --- */

/* x-sluice-route: a name, or a tree for those who may. */
static const struct route *
route_of_header(struct call *c)
{
	struct str text = c->control.route;
	struct jnode root = { 0 },
		     at = { .up = &root, .key = "x-sluice-route" };

	if (text.p[0] != '{')
		return route_request_names(
		    c->conf, c->arena, &(struct name){ .s = text }, &c->err);
	if (!c->control.may_route) {
		error_set(&c->err, ERROR_FORBIDDEN,
		    "this key may not bring a route of its own");
		return NULL;
	}
	if (jtree_read(c->arena, text, &root, &c->err) != 0)
		return NULL;
	at.v = root.v;
	return route_request(c->conf, c->arena, &at, &c->err);
}

/* Nobody knows who has an answer: those who keep any, one after the other. */
static const struct route *
route_of_keepers(struct call *c)
{
	const struct conf_provider *p;
	struct name *names = NULL;

	for (p = c->conf->providers; p != NULL; p = p->next)
		if (p->api->stored != NULL ||
		    (p->also != NULL && p->also->stored != NULL))
			name_add(c->arena, &names,
			    str_of(arena_printf(
				c->arena, "%.*s/responses", STR_ARG(p->name))));
	if (names != NULL)
		return route_request_names(c->conf, c->arena, names, &c->err);
	error_set(&c->err, ERROR_NOT_FOUND,
	    "no provider here keeps responses: that needs one with api "
	    "openai_responses");
	return NULL;
}

static const struct route *
find_route(struct call *c)
{
	struct name model = { .s = c->ask.model };
	struct str name = model.s;
	const struct conf_route *named;

	if (c->control.tree != NULL)
		return c->control.tree;
	if (c->ask.operation == OPERATION_STORED && c->control.route.n == 0)
		return route_of_keepers(c);
	if (c->control.route.n > 0)
		name = c->control.route;
	named = conf_route_find(c->conf, resolve_alias(c->conf, name));
	if (c->control.route.n == 0 && c->control.models != NULL)
		return route_request_names(
		    c->conf, c->arena, c->control.models, &c->err);
	if (named != NULL)
		c->row.route = named->name;
	if (c->control.route.n > 0)
		return route_of_header(c);
	return route_request_names(c->conf, c->arena, &model, &c->err);
}

/* A number that differs from call to call: the random part of its id. */
static uint64_t
seed_of(const struct call *c)
{
	return str_hash(STR_HASH, str_of(c->row.id));
}

/* Where a price is not known, no promise about it can be kept. */
static int
check_cost(struct call *c)
{
	const struct target *t;
	char worst[MONEY_TEXT_BYTES], most[MONEY_TEXT_BYTES];
	int64_t pusd;

	if (c->control.max_cost_pusd < 0)
		return 0;
	if (!plan_worst(&c->planner, c->plan, &pusd, &t))
		return error_set(&c->err, ERROR_BUDGET,
		    "x-sluice-max-cost: no price for %.*s/%.*s is known",
		    STR_ARG(t->provider->name), STR_ARG(t->model));
	if (pusd <= c->control.max_cost_pusd)
		return 0;
	return error_set(&c->err, ERROR_BUDGET,
	    "the call may cost up to USD %s, x-sluice-max-cost is %s",
	    money_text(pusd, worst),
	    money_text(c->control.max_cost_pusd, most));
}

static void
set_deadline(struct call *c)
{
	int64_t ms = c->conf->request_timeout_ms;

	if (c->control.timeout_ms > 0 && c->control.timeout_ms < ms)
		ms = c->control.timeout_ms;
	c->deadline_us = c->started_us + ms * 1000;
}

int
call_plan(struct call *c)
{
	c->route = find_route(c);
	if (c->route == NULL)
		return -1;
	set_deadline(c);
	c->planner = (struct planner){ .arena = c->arena,
		.conf = c->conf,
		.health = c->state != NULL ? state_targets(c->state) : NULL,
		.fits = c->fits,
		.no_trial =
		    c->control.no_store || c->control.role != ROLE_PRIMARY,
		.ask = &c->ask,
		.row = &c->row,
		.header = c->header,
		.arg = c->header_arg,
		.mono_us = c->started_us,
		.wall_us = c->row.started_us,
		.seed = seed_of(c),
		.err = &c->err };
	c->row.task = task_of(&c->planner);
	c->plan = plan_make(&c->planner, c->route);
	if (c->plan == NULL || check_cost(c) != 0)
		return -1;
	return fetch_wanted(c->conf, &c->ask, c->plan, &c->err);
}

/* --- front --- */

static void
answered_by(struct call *c, const struct target *t)
{
	c->row.answered = str_of(arena_printf(c->arena, "%.*s/%.*s",
	    STR_ARG(t->provider->name), STR_ARG(t->model)));
}

/* The first attempt's entry in the row, before it starts. */
static void
foresee_attempt(struct call *c)
{
	struct ledger_attempt *la = ARENA_NEW(c->arena, struct ledger_attempt);
	const struct target *t = &plan_first(c->plan)->leaf->target;

	la->provider = t->provider->name;
	la->model = t->model;
	la->role = c->control.role;
	if (c->prepared != NULL)
		t = &c->prepared->target;
	la->credential = target_credential(t);
	la->start_ms = la->ttft_ms = la->duration_ms = -1;
	la->cost.why = "not finished";
	usage_init(&la->usage);
	c->row.attempts = la;
	c->row.cost.why = "not finished";
	answered_by(c, t);
}

static int
open_row(struct call *c)
{
	foresee_attempt(c);
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

/* Is there one target only?  Then what it refuses is refused at once. */
static const struct route_target *
only_target(const struct plan *plan)
{
	while (plan->first != NULL) {
		if (plan->first->next != NULL)
			return NULL;
		plan = plan->first;
	}
	return plan->leaf;
}

int
call_front(struct call *c)
{
	const struct route_target *only;

	if ((c->plan == NULL && call_plan(c) != 0) || allowance_take(c) != 0)
		return -1;
	only = only_target(c->plan);
	if (only != NULL && only->set.p == NULL && only->over.p == NULL) {
		c->prepared =
		    allowance_prepare(c, &c->ask, &only->target, 0, &c->err);
		if (c->prepared == NULL)
			return -1;
		c->row.lossy = c->prepared->losses;
	}
	if (c->ask.media != NULL) /* it lacks the images */
		c->prepared = NULL;
	return open_row(c);
}

/* --- back --- */

static enum call_outcome
outcome_of(const struct call *c)
{
	if (c->err.kind == ERROR_NONE)
		return CALL_OK;
	if (c->err.kind == ERROR_CLIENT_GONE)
		return CALL_CANCELLED;
	return c->tries == NULL && !call_cache_serves(c) ? CALL_REFUSED
							 : CALL_ERROR;
}

static void
settle_row(struct call *c, int status)
{
	struct ledger_call *row = &c->row;
	struct attempt *at = c->attempt;
	int64_t first_us = at != NULL ? at->meter.first_content_us : 0;
	int64_t end_us = c->ended_us > 0 ? c->ended_us : clock_mono_us();

	row->status = status;
	row->outcome = outcome_of(c);
	row->ended_us = clock_wall_us();
	row->duration_ms = (end_us - c->started_us) / 1000;
	row->ttft_ms = first_us > 0 ? (first_us - c->started_us) / 1000 : -1;
	if (c->err.kind != ERROR_NONE)
		row->error = str_of(error_code(&c->err));
	if (c->tries != NULL)
		return;
	row->attempts = NULL;
	row->cost = (struct cost){ .known = true };
}

/* What goes wrong after the attempt has ended well is still its fault. */
static void
blame(struct call *c)
{
	struct call_try *t;

	for (t = c->tries; t != NULL; t = t->next)
		if (t->at == c->attempt && t->row->outcome == ATTEMPT_WON &&
		    c->err.kind != ERROR_NONE) {
			t->row->outcome = ATTEMPT_FAILED;
			t->row->error = str_of(error_code(&c->err));
		}
}

static void
close_row(struct call *c)
{
	struct error err = { 0 };
	int rc = 0;

	if (c->state != NULL)
		rc = ledger_write(c->state, &c->row, &err);
	if (rc != 0)
		log_event(
		    LOG_LEVEL_ERROR, "store", "%s: %s", c->row.id, err.msg);
	allowance_settle(c, rc == 0);
	if (c->state != NULL)
		tally_call(state_metrics(c->state), c);
	access_line(c);
	c->spans = spans_of(c, &c->n_spans);
}

void
call_settle(struct call *c, int status)
{
	settle_row(c, status);
	blame(c);
	if (!c->drains)
		close_row(c);
}

void
call_settle_late(struct call *c)
{
	call_price(c);
	close_row(c);
}
