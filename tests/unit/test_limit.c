/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/key.h"
#include "core/ledger.h"
#include "core/limit.h"
#include "core/limit_room.h"
#include "core/log.h"
#include "core/provider.h"
#include "core/prune.h"
#include "core/rollup.h"
#include "core/state.h"
#include "core/store.h"
#include "core/visit.h"
#include "core/zone.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define DAY_US INT64_C(86400000000)

struct fixture {
	struct scratch scratch;
	struct state *state;
	struct limits *limits;
	struct arena *arena;
	const struct zone *zone;
	struct str zone_name;
	struct key key;
	int64_t now_us;
	struct error err;
};

static void
open_all(struct fixture *f)
{
	f->state =
	    state_open(str_of(f->scratch.dir), DURABILITY_PROCESS, &f->err);
	assert_non_null(f->state);
	f->limits = limits_new(f->state);
}

static void
close_all(struct fixture *f)
{
	limits_free(f->limits);
	state_close(f->state);
}

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	log_open("/dev/null", LOG_LEVEL_ERROR);
	scratch_make(&f.scratch);
	f.arena = arena_new(1 << 20);
	f.zone_name = STR("UTC");
	f.zone = zone_load(f.arena, f.zone_name);
	f.key = (struct key){ .id = STR("sk-sl-aaaaaaaaaaaa"),
		.account = STR("team") };
	f.now_us = clock_wall_us();
	open_all(&f);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	close_all(f);
	arena_free(f->arena);
	scratch_drop(&f->scratch);
	return 0;
}

static void
set_budget(struct fixture *f, enum budget_scope scope, const char *name,
    enum window window, int64_t pusd)
{
	const struct budget b = { scope, window, str_of(name), pusd, 80 };

	assert_int_equal(budget_set(f->state, &b, &f->err), 0);
}

/* One call, as the ledger and limits see it. */
struct one {
	struct ledger_call row;
	struct ledger_attempt attempt;
	struct limit_grant grant;
	struct error err;
};

static int
begin_at(struct fixture *f, struct one *c, int64_t pusd, int64_t now_us)
{
	struct limit_ask ask = { .call = c->row.id,
		.key = &f->key,
		.account = f->key.account,
		.now_us = now_us,
		.pusd = pusd,
		.tokens = 100,
		.zone = f->zone,
		.zone_name = f->zone_name };

	*c = (struct one){ .row = { .key = f->key.id,
			       .account = f->key.account,
			       .started_us = now_us,
			       .endpoint = "/v1/messages",
			       .dialect = "anthropic",
			       .requested = STR("echo") } };
	ledger_id(c->row.id, now_us);
	c->attempt.provider = c->attempt.model = STR("echo");
	c->row.attempts = &c->attempt;
	c->row.user = STR("ann");
	header_add(f->arena, &c->row.tags, STR("job"), STR("nightly"));
	ask.user = c->row.user;
	ask.tags = c->row.tags;
	if (limit_reserve(f->limits, &ask, &c->grant, &c->err) != 0)
		return -1;
	c->row.reserved_pusd = c->grant.pusd;
	return 0;
}

static int
begin(struct fixture *f, struct one *c, int64_t pusd)
{
	return begin_at(f, c, pusd, f->now_us);
}

static void
write_open(struct fixture *f, struct one *c)
{
	assert_int_equal(ledger_write(f->state, &c->row, &c->err), 0);
}

static void
write_close(struct fixture *f, struct one *c, int64_t pusd)
{
	c->row.outcome = CALL_OK;
	c->attempt.outcome = ATTEMPT_WON;
	c->row.ended_us = c->row.started_us + 1;
	c->row.cost = c->attempt.cost = (struct cost){
		.known = true, .source = COST_REPORTED, .pusd = pusd
	};
	assert_int_equal(ledger_write(f->state, &c->row, &c->err), 0);
}

static void
end(struct fixture *f, struct one *c, int64_t pusd)
{
	write_close(f, c, pusd);
	limit_settle(f->limits, &c->grant, pusd, 50);
}

static struct limit_standing
standing_at(struct fixture *f, enum budget_scope scope, const char *name,
    enum window window, int64_t now_us)
{
	const struct budget b = { scope, window, str_of(name), 0, 0 };
	const struct limit_ask when = {
		.now_us = now_us, .zone = f->zone, .zone_name = f->zone_name
	};
	struct limit_standing out = { 0 };

	error_clear(&f->err);
	if (limit_standing(f->limits, &b, &when, &out, &f->err) != 0)
		fail_msg("%s", f->err.msg);
	return out;
}

static struct limit_standing
standing(struct fixture *f, enum window window)
{
	return standing_at(
	    f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", window, f->now_us);
}

static void
what_is_reserved_is_settled_to_the_picodollar(void **state)
{
	struct fixture *f = *state;
	struct one a, b, c;

	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 1000);
	assert_int_equal(begin(f, &a, 600), 0);
	assert_true(a.grant.budgeted);
	assert_int_equal(begin(f, &b, 401), -1);
	assert_int_equal(b.err.kind, ERROR_BUDGET);
	assert_int_equal(begin(f, &b, 400), 0);
	assert_int_equal(begin(f, &c, 1), -1);
	assert_int_equal(begin(f, &c, 0), 0); /* free */
	end(f, &c, 0);
	end(f, &a, 123);
	assert_int_equal(standing(f, WINDOW_DAY).spent, 123);
	assert_int_equal(standing(f, WINDOW_DAY).reserved, 400);
	assert_int_equal(begin(f, &c, 478), -1);
	assert_int_equal(begin(f, &c, 477), 0);
	end(f, &b, 400);
	end(f, &c, 477);
	assert_int_equal(standing(f, WINDOW_DAY).spent, 1000);
	assert_int_equal(standing(f, WINDOW_DAY).reserved, 0);
}

static void
each_budget_is_checked_on_its_own_and_the_lowest_wins(void **state)
{
	static const struct {
		enum budget_scope scope;
		const char *name;
	} cases[] = {
		{ BUDGET_KEY, "sk-sl-aaaaaaaaaaaa" },
		{ BUDGET_ACCOUNT, "team" },
		{ BUDGET_USER, "ann" },
		{ BUDGET_TAG, "job=nightly" },
	};
	struct fixture *f = *state;
	struct one c;
	size_t i;

	for (i = 0; i < 4; i++)
		set_budget(
		    f, cases[i].scope, cases[i].name, WINDOW_MONTH, 10000);
	for (i = 0; i < 4; i++) {
		set_budget(f, cases[i].scope, cases[i].name, WINDOW_TOTAL, 9);
		assert_int_equal(begin(f, &c, 10), -1);
		assert_non_null(strstr(c.err.msg, cases[i].name));
		assert_int_equal(
		    budget_remove(f->state, cases[i].scope,
			str_of(cases[i].name), WINDOW_TOTAL, &f->err),
		    0);
		assert_int_equal(begin(f, &c, 10), 0);
		end(f, &c, 10);
	}
	set_budget(f, BUDGET_USER, "bob", WINDOW_TOTAL, 0);
	assert_int_equal(begin(f, &c, 10), 0);
	end(f, &c, 10);
}

static void
a_refusal_says_what_is_left_and_when_it_resets(void **state)
{
	struct fixture *f = *state;
	struct one c;

	f->now_us = 0;
	assert_int_equal(
	    clock_parse(STR("2026-11-24T17:30:00Z"), &f->now_us), 0);
	set_budget(
	    f, BUDGET_ACCOUNT, "team", WINDOW_MONTH, INT64_C(2500000000000));
	assert_int_equal(begin(f, &c, INT64_C(2000000000000)), 0);
	end(f, &c, INT64_C(2000000000000));
	assert_int_equal(begin(f, &c, INT64_C(600000000000)), -1);
	assert_int_equal(c.err.kind, ERROR_BUDGET);
	assert_int_equal(c.err.status, 402);
	assert_string_equal(c.err.msg,
	    "the budget of account team, $2.5 per month, has $0.5 left; this "
	    "call may cost $0.6; resets at 2026-12-01T00:00:00.000000Z");
	assert_string_equal(c.err.details,
	    "{\"scope\":\"account\",\"name\":\"team\",\"per\":\"month\","
	    "\"limit_usd\":\"2.5\",\"spent_usd\":\"2\",\"reserved_usd\":\"0\","
	    "\"left_usd\":\"0.5\",\"needed_usd\":\"0.6\","
	    "\"resets_at\":\"2026-12-01T00:00:00.000000Z\"}");
}

static void
a_model_without_a_price_is_refused_unless_that_is_allowed(void **state)
{
	struct fixture *f = *state;
	struct limit_ask ask = { .call = "call_x",
		.key = &f->key,
		.now_us = f->now_us,
		.pusd = -1,
		.zone = f->zone,
		.zone_name = f->zone_name };
	struct limit_grant grant;
	struct error err = { 0 };

	assert_int_equal(limit_reserve(f->limits, &ask, &grant, &err), 0);
	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 1);
	assert_int_equal(limit_reserve(f->limits, &ask, &grant, &err), -1);
	assert_int_equal(err.kind, ERROR_BUDGET);
	assert_string_equal(error_code(&err), "unpriced_model");
	ask.unpriced = true;
	error_clear(&err);
	assert_int_equal(limit_reserve(f->limits, &ask, &grant, &err), 0);
	limit_settle(f->limits, &grant, 1, 0);
	assert_int_equal(limit_reserve(f->limits, &ask, &grant, &err), -1);
}

/* How often the log tells of the budget. */
static int
alerts_in(struct fixture *f)
{
	char text[4096] = "";
	const char *p = text;
	int n = 0;

	scratch_read(&f->scratch, "log", text, sizeof(text) - 1);
	for (; (p = strstr(p, "sk-sl-aaaaaaaaaaaa")) != NULL; p++)
		n++;
	return n;
}

static void
a_mark_that_is_reached_is_told_once_a_window(void **state)
{
	static const struct {
		int days, pusd, alerts;
	} calls[] = { { 0, 790, 0 }, { 0, 10, 1 }, { 0, 100, 1 }, { 1, 799, 1 },
		{ 1, 1, 2 } };
	struct fixture *f = *state;
	char path[100];
	struct one c;
	size_t i;

	snprintf(path, sizeof(path), "%s/log", f->scratch.dir);
	log_open(path, LOG_LEVEL_WARN);
	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 1000);
	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		assert_int_equal(begin_at(f, &c, calls[i].pusd,
				     f->now_us + calls[i].days * DAY_US),
		    0);
		end(f, &c, calls[i].pusd);
		assert_int_equal(alerts_in(f), calls[i].alerts);
	}
	log_open("/dev/null", LOG_LEVEL_ERROR);
}

static void
windows_begin_anew_and_a_clock_that_goes_back_forgets_nothing(void **state)
{
	struct fixture *f = *state;
	int64_t today = f->now_us, tomorrow = today + DAY_US;
	struct one c, late;

	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 100);
	assert_int_equal(begin_at(f, &late, 30, today), 0);
	assert_int_equal(begin_at(f, &c, 70, today), 0);
	end(f, &c, 70);
	assert_int_equal(begin_at(f, &c, 1, today), -1);
	/* What is still reserved counts until it is settled. */
	assert_int_equal(begin_at(f, &c, 71, tomorrow), -1);
	assert_int_equal(begin_at(f, &c, 70, tomorrow), 0);
	end(f, &c, 60);
	end(f, &late, 30); /* yesterday's */
	f->now_us = tomorrow;
	assert_int_equal(standing(f, WINDOW_DAY).spent, 60);
	assert_int_equal(standing(f, WINDOW_DAY).reserved, 0);
	/* Back: both days are within "since this morning". */
	f->now_us = today;
	assert_int_equal(standing(f, WINDOW_DAY).spent, 160);
	assert_int_equal(begin_at(f, &c, 1, today), -1);
	/* And on again: what had been spent there still is. */
	f->now_us = tomorrow;
	assert_int_equal(standing(f, WINDOW_DAY).spent, 60);
	assert_int_equal(begin_at(f, &c, 41, tomorrow), -1);
	f->now_us = tomorrow + 2 * DAY_US;
	assert_int_equal(standing(f, WINDOW_DAY).spent, 0);
}

static void
a_header_that_was_lost_is_counted_anew(void **state)
{
	struct fixture *f = *state;
	struct one a, b, c;

	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 1000);
	assert_int_equal(begin(f, &a, 600), 0);
	write_open(f, &a);
	assert_int_equal(begin(f, &b, 100), 0);
	write_open(f, &b);
	end(f, &b, 77);
	/* Another process finds no header; this one lives on. */
	assert_int_equal(unlinkat(f->scratch.fd, "hdr", 0), 0);
	struct fixture other = *f;
	open_all(&other);
	assert_int_equal(standing(&other, WINDOW_DAY).spent, 677);
	assert_int_equal(begin(&other, &c, 324), -1);
	assert_int_equal(begin(&other, &c, 323), 0);
	end(&other, &c, 0);
	/* A new budget counts what there is already. */
	set_budget(&other, BUDGET_TAG, "job=nightly", WINDOW_TOTAL, 5000);
	assert_int_equal(standing_at(&other, BUDGET_TAG, "job=nightly",
			     WINDOW_TOTAL, f->now_us)
			     .spent,
	    677);
	close_all(&other);
}

static void
a_budget_that_is_counted_late_counts_each_call_once(void **state)
{
	struct fixture *f = *state;
	struct limit_room *room;
	struct one a, b;
	int i;

	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 1000);
	assert_int_equal(begin(f, &a, 100), 0);
	write_open(f, &a);
	assert_int_equal(begin(f, &b, 100), 0);
	write_open(f, &b);
	write_close(f, &b, 40); /* closed, not settled */
	room = limit_room_enter(f->state->shm, &f->err);
	for (i = 0; i < LIMIT_CELLS; i++)
		room->cells[i].counted = false;
	limit_room_leave(f->state->shm);
	assert_int_equal(standing(f, WINDOW_DAY).spent, 0);
	assert_int_equal(standing(f, WINDOW_DAY).reserved, 200);
	limit_settle(f->limits, &b.grant, 40, 0);
	end(f, &a, 100);
	assert_int_equal(standing(f, WINDOW_DAY).spent, 140);
}

static void
lose_header(struct fixture *f)
{
	assert_int_equal(unlinkat(f->scratch.fd, "hdr", 0), 0);
	close_all(f);
	open_all(f);
}

/* --- counted by rollups --- */

static int
visit_prune(struct state *s, struct store *store, void *arg, struct error *err)
{
	int64_t rows = 0;

	return prune(s, store, *(const int64_t *)arg, 0, &rows, err);
}

static void
pruned_rows_still_count(void **state)
{
	struct fixture *f = *state;
	int64_t now_us = f->now_us, before_us = now_us - 100 * DAY_US;
	struct one c;

	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_TOTAL, 1000);
	assert_int_equal(begin_at(f, &c, 600, now_us - 400 * DAY_US), 0);
	end(f, &c, 600);
	assert_int_equal(begin(f, &c, 100), 0);
	end(f, &c, 77);
	assert_int_equal(state_ingest(f->state, 2000, &f->err), 0);
	assert_int_equal(
	    visit_patiently(f->state, visit_prune, &before_us, &f->err), 0);
	lose_header(f);
	assert_int_equal(standing(f, WINDOW_TOTAL).spent, 677);
	assert_int_equal(standing(f, WINDOW_MONTH).spent, 77);
}

#define SAMPLES 300
#define SPAN_US (70 * DAY_US)

struct sample {
	int64_t at_us, pusd;
};

/* What ${b}'s window of now holds, by adding up one by one. */
static int64_t
by_hand(const struct fixture *f, const struct sample *s, enum window w)
{
	int64_t start_us = window_start(f->zone, w, f->now_us), sum = 0;
	int i;

	for (i = 0; i < SAMPLES; i++)
		if (s[i].at_us >= start_us)
			sum += s[i].pusd;
	return sum;
}

static int
txn_forget(struct txn *t, void *arg)
{
	(void)arg;
	return rollup_forget(t);
}

static int
visit_forget(struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	(void)arg;
	return store_txn(store, txn_forget, NULL, err);
}

static void
check_standings(struct fixture *f, const struct sample *samples)
{
	static const struct {
		enum budget_scope scope;
		const char *name;
	} budgets[] = {
		{ BUDGET_KEY, "sk-sl-aaaaaaaaaaaa" },
		{ BUDGET_ACCOUNT, "team" },
		{ BUDGET_USER, "ann" },
		{ BUDGET_TAG, "job=nightly" },
	};
	enum window w;
	size_t i;

	for (w = WINDOW_DAY; w < WINDOWS; w++)
		for (i = 0; i < 4; i++)
			assert_int_equal(standing_at(f, budgets[i].scope,
					     budgets[i].name, w, f->now_us)
					     .spent,
			    by_hand(f, samples, w));
}

static void
a_count_in_any_zone_is_the_sum_of_its_calls(void **state)
{
	static const char *const zones[] = { "UTC", "America/New_York",
		"Asia/Kolkata", "Pacific/Auckland" };
	struct fixture *f = *state;
	struct sample samples[SAMPLES];
	struct one c;
	unsigned seed = 99;
	size_t i;

	assert_int_equal(
	    clock_parse(STR("2026-11-24T17:30:00Z"), &f->now_us), 0);
	for (i = 0; i < SAMPLES; i++) {
		samples[i].at_us = f->now_us - 1 -
		    (int64_t)((double)rand_r(&seed) / RAND_MAX *
			(double)(i % 3 == 0 ? 2 * DAY_US : SPAN_US));
		samples[i].pusd = rand_r(&seed) % 1000000;
		assert_int_equal(begin_at(f, &c, 1, samples[i].at_us), 0);
		if (i % 10 != 0)
			write_open(f, &c);
		if (i % 7 == 0) /* it stays open */
			samples[i].pusd = 0;
		else
			write_close(f, &c, samples[i].pusd);
	}
	for (i = 0; i < 4; i++) {
		f->zone_name = str_of(zones[i]);
		f->zone = zone_load(f->arena, f->zone_name);
		assert_non_null(f->zone);
		check_standings(f, samples);
	}
	/* As after an upgrade from a ledger without rollups. */
	assert_int_equal(
	    visit_patiently(f->state, visit_forget, NULL, &f->err), 0);
	lose_header(f);
	check_standings(f, samples);
}

/* --- the ceiling --- */

/* Cells of limits nobody uses any more, as far as there is room. */
static void
crowd(struct fixture *f, uint32_t running)
{
	struct limit_room *room = limit_room_enter(f->state->shm, &f->err);
	struct limit_cell *c;
	uint64_t id = 1;

	assert_non_null(room);
	while (room->cells_used < LIMIT_CELLS_USED) {
		id = id * UINT64_C(6364136223846793005) + 1442695040888963407u;
		c = limit_room_cell(room, id, 0);
		c->counted = true;
		c->is.money.spent = 5;
		c->running = running;
	}
	limit_room_leave(f->state->shm);
}

static void
there_may_be_any_number_of_budgets(void **state)
{
	struct fixture *f = *state;
	struct one held, c;
	int i;

	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 1000);
	set_budget(f, BUDGET_ACCOUNT, "team", WINDOW_MONTH, 1000);
	f->key.rpm = 10;
	assert_int_equal(begin(f, &held, 100), 0);
	write_open(f, &held);
	assert_int_equal(begin(f, &c, 200), 0);
	end(f, &c, 200);
	for (i = 0; i < 5; i++) {
		crowd(f, 0);
		set_budget(f, BUDGET_USER, "ann", WINDOW_DAY + i % 3, 1000);
		assert_int_equal(begin(f, &c, 10), 0);
		end(f, &c, 10);
	}
	assert_int_equal(standing(f, WINDOW_DAY).spent, 250);
	assert_int_equal(standing(f, WINDOW_DAY).reserved, 100);
	assert_int_equal(begin(f, &c, 651), -1);
	assert_int_equal(begin(f, &c, 650), 0);
	end(f, &c, 0);
	end(f, &held, 100);
	assert_int_equal(standing(f, WINDOW_DAY).spent, 350);
	assert_int_equal(
	    standing_at(f, BUDGET_ACCOUNT, "team", WINDOW_MONTH, f->now_us)
		.spent,
	    350);
}

static void
a_sum_that_was_given_up_is_counted_again(void **state)
{
	struct fixture *f = *state;
	struct limit_room *room;
	struct one c;
	int i;

	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 1000);
	f->key.rpm = 100;
	for (i = 0; i < 3; i++) {
		assert_int_equal(begin(f, &c, 300), 0);
		end(f, &c, 300);
		room = limit_room_enter(f->state->shm, &f->err);
		for (int k = 0; k < LIMIT_CELLS; k++)
			room->cells[k].used_s = 0;
		limit_room_leave(f->state->shm);
		crowd(f, 0);
		room = limit_room_enter(f->state->shm, &f->err);
		assert_non_null(
		    limit_room_cell(room, 77 + (uint64_t)i, INT64_MAX / 2));
		assert_true(room->cells_used < 100);
		limit_room_leave(f->state->shm);
	}
	assert_int_equal(begin(f, &c, 101), -1);
	assert_int_equal(c.err.kind, ERROR_BUDGET);
}

static void
with_too_many_under_way_more_are_told_to_wait(void **state)
{
	struct fixture *f = *state;
	struct one c;

	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 1000);
	crowd(f, 1);
	assert_int_equal(begin(f, &c, 1), -1);
	assert_int_equal(c.err.kind, ERROR_BUSY);
	assert_int_equal(c.err.status, 503);
}

static void
calls_under_limits_have_a_ceiling(void **state)
{
	static struct limit_grant grants[LIMIT_HOLDS + 1];
	struct fixture *f = *state;
	struct limit_ask ask = { .call = "call_x",
		.key = &f->key,
		.now_us = f->now_us,
		.pusd = 1,
		.zone = f->zone,
		.zone_name = f->zone_name };
	struct error err = { 0 };
	int i;

	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 100000);
	for (i = 0; i < LIMIT_HOLDS; i++)
		assert_int_equal(
		    limit_reserve(f->limits, &ask, &grants[i], &err), 0);
	assert_int_equal(limit_reserve(f->limits, &ask, &grants[i], &err), -1);
	assert_int_equal(err.kind, ERROR_BUSY);
	error_clear(&err);
	limit_settle(f->limits, &grants[7], 1, 0);
	assert_int_equal(limit_reserve(f->limits, &ask, &grants[7], &err), 0);
	for (i = 0; i < LIMIT_HOLDS; i++)
		limit_settle(f->limits, &grants[i], 1, 0);
	assert_int_equal(standing(f, WINDOW_DAY).reserved, 0);
}

static void
a_call_falls_under_sixteen_budgets_at_most(void **state)
{
	struct fixture *f = *state;
	struct header *tags = NULL;
	struct limit_ask ask = { .call = "call_x",
		.now_us = f->now_us,
		.pusd = 1,
		.zone = f->zone,
		.zone_name = f->zone_name };
	struct limit_grant grant;
	struct error err = { 0 };
	char *name;
	int i;

	for (i = 0; i < 17; i++) {
		name = arena_printf(f->arena, "t%d", i);
		header_add(f->arena, &tags, str_of(name), STR("x"));
		set_budget(f, BUDGET_TAG, arena_printf(f->arena, "%s=x", name),
		    WINDOW_DAY, 10);
		ask.tags = tags;
		assert_int_equal(limit_reserve(f->limits, &ask, &grant, &err),
		    i < 16 ? 0 : -1);
		limit_settle(f->limits, &grant, 0, 0);
	}
	assert_int_equal(err.kind, ERROR_BUDGET);
}

static void
a_tag_that_is_said_twice_is_charged_once(void **state)
{
	struct fixture *f = *state;
	const struct budget b = { BUDGET_TAG, WINDOW_DAY, STR("job=nightly"),
		10, 80 };
	struct limit_ask ask = { .call = "call_x",
		.now_us = f->now_us,
		.pusd = 4,
		.zone = f->zone,
		.zone_name = f->zone_name };
	struct limit_standing now;
	struct limit_grant grant;
	struct header *tags = NULL;

	set_budget(f, BUDGET_TAG, "job=nightly", WINDOW_DAY, 10);
	header_add(f->arena, &tags, STR("job"), STR("nightly"));
	header_add(f->arena, &tags, STR("job"), STR("nightly"));
	ask.tags = tags;
	assert_int_equal(limit_reserve(f->limits, &ask, &grant, &f->err), 0);
	assert_int_equal(limit_standing(f->limits, &b, &ask, &now, &f->err), 0);
	assert_int_equal(now.reserved, 4);
	limit_settle(f->limits, &grant, 3, 0);
	assert_int_equal(limit_standing(f->limits, &b, &ask, &now, &f->err), 0);
	assert_int_equal(now.spent, 3);
}

static void
amounts_that_overflow_are_refused(void **state)
{
	struct fixture *f = *state;
	struct one a, b;

	set_budget(
	    f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, INT64_MAX - 5);
	assert_int_equal(begin(f, &a, INT64_MAX - 10), 0);
	assert_int_equal(begin(f, &b, INT64_MAX - 10), -1);
	assert_int_equal(b.err.kind, ERROR_BUDGET);
	end(f, &a, INT64_MAX);
	assert_true(standing(f, WINDOW_DAY).spent == INT64_MAX);
	assert_int_equal(begin(f, &b, 1), -1);
}

static void
rates_are_429_with_a_time_to_wait(void **state)
{
	struct fixture *f = *state;
	struct one c[4];

	f->key.rpm = 2;
	assert_int_equal(begin(f, &c[0], 1), 0);
	assert_int_equal(begin(f, &c[1], 1), 0);
	assert_int_equal(begin(f, &c[2], 1), -1);
	assert_int_equal(c[2].err.kind, ERROR_RATE);
	assert_int_equal(c[2].err.status, 429);
	assert_in_range(c[2].err.retry_after_ms, 25000, 30000);
	assert_non_null(strstr(c[2].err.details, "\"limit\":\"rpm\""));
	f->key = (struct key){ .id = STR("sk-sl-bbbbbbbbbbbb"), .parallel = 1 };
	assert_int_equal(begin(f, &c[2], 1), 0);
	assert_int_equal(begin(f, &c[3], 1), -1);
	assert_non_null(strstr(c[3].err.details, "\"limit\":\"parallel\""));
	end(f, &c[2], 1);
	assert_int_equal(begin(f, &c[3], 1), 0);
	end(f, &c[3], 1);
	f->key = (struct key){ .id = STR("sk-sl-cccccccccccc"), .tpm = 150 };
	assert_int_equal(begin(f, &c[2], 1), 0); /* 100 tokens */
	assert_int_equal(begin(f, &c[3], 1), -1);
	assert_non_null(strstr(c[3].err.details, "\"limit\":\"tpm\""));
	end(f, &c[2], 1); /* it were 50 only */
	assert_int_equal(begin(f, &c[3], 1), 0);
	end(f, &c[3], 1);
}

static void
more_can_be_set_aside_if_it_is_there(void **state)
{
	struct fixture *f = *state;
	struct one c;

	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 100);
	assert_int_equal(begin(f, &c, 60), 0);
	assert_int_equal(limit_raise(f->limits, &c.grant, 41, &c.err), -1);
	error_clear(&c.err);
	assert_int_equal(limit_raise(f->limits, &c.grant, 40, &c.err), 0);
	assert_int_equal(standing(f, WINDOW_DAY).reserved, 100);
	end(f, &c, 100);
	assert_int_equal(standing(f, WINDOW_DAY).reserved, 0);
}

/* A child that dies at ${step}: before its row, with it open, with it closed.
 */
static void
die_at(struct fixture *f, int step)
{
	struct fixture own = *f;
	struct one c;
	pid_t pid = fork();

	if (pid != 0) {
		assert_true(pid > 0);
		waitpid(pid, NULL, 0);
		return;
	}
	open_all(&own);
	if (begin(&own, &c, 100) != 0)
		_exit(1);
	if (step > 0)
		write_open(&own, &c);
	if (step > 1)
		write_close(&own, &c, 11);
	_exit(0);
}

static void
what_the_dead_have_reserved_is_settled_by_the_ledger(void **state)
{
	struct fixture *f = *state;
	static const int64_t want[] = { 0, 100, 111 };
	int step;

	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 1000);
	for (step = 0; step < 3; step++) {
		die_at(f, step);
		assert_int_equal(standing(f, WINDOW_DAY).reserved, 100);
		assert_int_equal(state_ingest(f->state, 2000, &f->err), 0);
		assert_int_equal(standing(f, WINDOW_DAY).reserved, 0);
		assert_int_equal(standing(f, WINDOW_DAY).spent, want[step]);
	}
}

/* A child that dies inside the lock, in the middle of a settlement. */
static void
who_dies_with_the_lock_leaves_whole_sums(void **state)
{
	struct fixture *f = *state, own;
	struct limit_room *room;
	struct one c;
	pid_t pid;

	set_budget(f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_DAY, 1000);
	set_budget(f, BUDGET_ACCOUNT, "team", WINDOW_DAY, 1000);
	assert_int_equal(begin(f, &c, 10), 0);
	end(f, &c, 10);
	pid = fork();
	if (pid == 0) {
		own = *f;
		open_all(&own);
		if (begin(&own, &c, 100) != 0)
			_exit(1);
		write_open(&own, &c);
		room = limit_room_enter(own.state->shm, &c.err);
		struct limit_hold *h = &room->holds[c.grant.hold - 1];
		room->undo.hold = c.grant.hold - 1;
		room->undo.spent[0] = room->cells[h->cells[0]].is.money.spent;
		room->undo.spent[1] = room->cells[h->cells[1]].is.money.spent;
		room->undo.armed = 1;
		room->cells[h->cells[0]].is.money.spent += 100;
		room->cells[h->cells[0]].is.money.reserved -= 100;
		h->used = 0;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	assert_int_equal(standing(f, WINDOW_DAY).spent, 10);
	assert_int_equal(standing(f, WINDOW_DAY).reserved, 100);
	assert_int_equal(state_ingest(f->state, 2000, &f->err), 0);
	assert_int_equal(standing(f, WINDOW_DAY).spent, 110);
	assert_int_equal(standing(f, WINDOW_DAY).reserved, 0);
	assert_int_equal(
	    standing_at(f, BUDGET_ACCOUNT, "team", WINDOW_DAY, f->now_us).spent,
	    110);
}

/* --- 32 clients on 4 processes, killed at random --- */

#define WORST     INT64_C(1234567890123)
#define CALLS     4000
#define PROCESSES 4
#define THREADS   8

static void
nap(int64_t us)
{
	const struct timespec ts = { .tv_nsec = us * 1000 };

	nanosleep(&ts, NULL);
}

static void *
client(void *arg)
{
	struct fixture f = *(const struct fixture *)arg;
	struct one c;

	f.arena = arena_new(64 << 20);
	for (;;) {
		f.now_us = clock_wall_us();
		if (begin(&f, &c, WORST) != 0) {
			if (c.err.kind != ERROR_BUDGET)
				_exit(3);
			nap(2000);
			continue;
		}
		nap(300);
		write_open(&f, &c);
		nap(1000);
		write_close(&f, &c, WORST);
		nap(300);
		limit_settle(f.limits, &c.grant, WORST, 1);
	}
	return NULL;
}

static pid_t
start_process(const struct fixture *f)
{
	pid_t pid = fork();
	struct fixture own = *f;
	pthread_t t;
	int i;

	if (pid != 0)
		return pid;
	open_all(&own);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&t, NULL, client, &own) != 0)
			_exit(2);
	for (;;)
		pause();
}

static bool
sum_row(void *arg, struct str row)
{
	int64_t *sum = arg;

	if (str_find(row, STR("\"outcome\":\"open\"")) < 0)
		sum[str_find(row, STR("\"cost_usd\":\"1.234567890123\"")) >=
		    0]++;
	return true;
}

static void
no_crowd_overruns_a_budget_and_no_reservation_outlives_the_dead(void **state)
{
	struct fixture *f = *state;
	pid_t pids[PROCESSES];
	struct ledger_filter all = { 0 };
	struct limit_standing now;
	int64_t rows[2] = { 0, 0 };
	int64_t until_us = clock_mono_us() + INT64_C(60000000);
	unsigned seed = 4711;
	int i, status, kills = 0;

	set_budget(
	    f, BUDGET_KEY, "sk-sl-aaaaaaaaaaaa", WINDOW_TOTAL, CALLS * WORST);
	for (i = 0; i < PROCESSES; i++)
		pids[i] = start_process(f);
	do {
		i = (int)(rand_r(&seed) % PROCESSES);
		nap(3000 + rand_r(&seed) % 20000);
		kill(pids[i], SIGKILL);
		waitpid(pids[i], &status, 0);
		assert_true(WIFSIGNALED(status));
		pids[i] = start_process(f);
		kills++;
		if (kills % 5 == 0)
			assert_true(state_ingest(f->state, 2000, &f->err) >= 0);
		now = standing(f, WINDOW_TOTAL);
		assert_true(now.spent + now.reserved <= CALLS * WORST);
	} while (now.spent < CALLS * WORST && clock_mono_us() < until_us);
	for (i = 0; i < PROCESSES; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	while (state_ingest(f->state, 2000, &f->err) == 1)
		;
	now = standing(f, WINDOW_TOTAL);
	assert_true(now.spent == CALLS * WORST);
	assert_int_equal(now.reserved, 0);
	assert_int_equal(
	    ledger_read(f->state, &all, sum_row, rows, &f->err), 0);
	assert_int_equal(rows[1], CALLS);
	assert_int_equal(rows[0], 0);
	/* And the ledger alone tells the same. */
	lose_header(f);
	now = standing(f, WINDOW_TOTAL);
	assert_true(now.spent == CALLS * WORST && now.reserved == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_reserved_is_settled_to_the_picodollar),
		TEST(each_budget_is_checked_on_its_own_and_the_lowest_wins),
		TEST(a_refusal_says_what_is_left_and_when_it_resets),
		TEST(a_model_without_a_price_is_refused_unless_that_is_allowed),
		TEST(a_mark_that_is_reached_is_told_once_a_window),
		TEST(
		    windows_begin_anew_and_a_clock_that_goes_back_forgets_nothing),
		TEST(a_header_that_was_lost_is_counted_anew),
		TEST(a_budget_that_is_counted_late_counts_each_call_once),
		TEST(pruned_rows_still_count),
		TEST(a_count_in_any_zone_is_the_sum_of_its_calls),
		TEST(there_may_be_any_number_of_budgets),
		TEST(a_sum_that_was_given_up_is_counted_again),
		TEST(with_too_many_under_way_more_are_told_to_wait),
		TEST(calls_under_limits_have_a_ceiling),
		TEST(a_call_falls_under_sixteen_budgets_at_most),
		TEST(a_tag_that_is_said_twice_is_charged_once),
		TEST(amounts_that_overflow_are_refused),
		TEST(rates_are_429_with_a_time_to_wait),
		TEST(more_can_be_set_aside_if_it_is_there),
		TEST(what_the_dead_have_reserved_is_settled_by_the_ledger),
		TEST(who_dies_with_the_lock_leaves_whole_sums),
		TEST(
		    no_crowd_overruns_a_budget_and_no_reservation_outlives_the_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
