/* SPDX-License-Identifier: MIT */
/*
 * Judging with a judge that is scripted here: its calls are begun and settled
 * as always, but what happens between is events put into their sink.
 */
#include "core/account.h"
#include "core/buf.h"
#include "core/call.h"
#include "core/chat.h"
#include "core/conf.h"
#include "core/event.h"
#include "core/experiment.h"
#include "core/judge.h"
#include "core/sink.h"
#include "core/store.h"
#include "core/trial_case.h"
#include "core/trials.h"
#include "core/trials_read.h"
#include "core/trials_table.h"
#include "providers/providers.h"
#include "tests/unit/calls.h"
#include "tests/unit/member.h"
#include "tests/unit/unit.h"

#define CONF                                                                   \
	"{\"providers\":{\"a\":{\"api\":\"openai\",\"base_url\":\"http://"     \
	"a\"},"                                                                \
	"\"echo\":{}},\"experiments\":{\"e\":{\"arms\":[\"a/m\",\"a/n\"],"     \
	"\"judge\":\"echo/"                                                    \
	"echo\",\"criteria\":[\"good\"],\"stop\":\"never\"}}}"

struct fixture {
	struct calls *c;
	struct conf *conf;
	const struct experiment *e;
	struct accounts *accounts;
	struct judge *judge;
	struct arena *a;
};

static struct fixture the;

static int
setup(void **state)
{
	struct buf complaints;
	void *calls = NULL;
	struct arena *a = arena_new(1 << 16);

	memset(&the, 0, sizeof(the));
	if (calls_setup(&calls) != 0)
		return -1;
	the.c = calls;
	the.a = arena_new((size_t)64 << 20);
	buf_init(&complaints, CONF_MAX_COMPLAINT_BYTES);
	scratch_write(&the.c->scratch, "sluice.json", CONF, strlen(CONF));
	the.conf = conf_load(
	    str_of(arena_printf(a, "%s/sluice.json", the.c->scratch.dir)),
	    &providers, &complaints, &the.c->err);
	if (the.conf == NULL)
		print_error("%s\n", complaints.p);
	assert_non_null(the.conf);
	buf_release(&complaints);
	arena_free(a);
	the.e = experiment_find(the.conf, STR("e"));
	the.accounts = accounts_new(the.c->state);
	the.judge = judge_new(the.conf, the.c->state, the.accounts);
	*state = &the;
	return 0;
}

static int
teardown(void **state)
{
	void *calls = the.c;

	(void)state;
	judge_free(the.judge);
	accounts_free(the.accounts);
	conf_free(the.conf);
	arena_free(the.a);
	return calls_teardown(&calls);
}

/* A trial of ${version}: a good answer was served, the other one is bad. */
static void
offer_version(struct fixture *f, const char *call, const char *version)
{
	struct trial_record r = { .experiment = STR("e"),
		.version = str_of(version),
		.task = STR("sum"),
		.arms = { 0, 1 },
		.cost_pusd = { 5, 7 },
		.latency_ms = { 20, 30 },
		.born_us = clock_wall_us() };
	struct trial_case tc = { .input = STR("ask"),
		.asked = STR("user:\nask\n"),
		.answers = { STR("GOOD"), STR("BAD") },
		.answered = { STR("a/m"), STR("a/n") } };
	struct str body = trial_case_write(f->a, &tc);

	(void)snprintf(r.call, sizeof(r.call), "%s", call);
	assert_int_equal(trials_begin(f->c->state, f->e, &r, &f->c->err), 1);
	assert_int_equal(
	    trials_offer(f->c->state, f->e, &r, body, 0, &f->c->err), 1);
}

static void
offer(struct fixture *f, const char *call)
{
	offer_version(f, call, f->e->version);
}

/* --- the scripted judge --- */

static void
put(struct judge *j, struct event ev)
{
	struct error err = { 0 };

	assert_int_equal(sink_put(judge_sink(j), &ev, &err), 0);
}

static void
answer(struct judge *j, const char *text)
{
	put(j, (struct event){ .kind = EVENT_START, .id = STR("x") });
	put(j, (struct event){ .kind = EVENT_OPEN, .block = BLOCK_TEXT });
	put(j, (struct event){ .kind = EVENT_DELTA, .text = str_of(text) });
	put(j, (struct event){ .kind = EVENT_CLOSE });
	put(j, (struct event){ .kind = EVENT_STOP, .stop = STOP_END });
}

/* What the judge was shown first is the good answer. */
static bool
good_is_first(struct judge *j)
{
	const struct chat *chat = judge_call(j)->ask.chat;
	struct str shown = chat->turns->next->parts->text;
	long good = str_find(shown, STR("\nGOOD\n"));
	long bad = str_find(shown, STR("\nBAD\n"));

	assert_true(good > 0 && bad > 0);
	return good < bad;
}

/* Points for good and bad, and more for whatever is first. */
static const char *
points(struct fixture *f, int good, int bad, int bias)
{
	bool first = good_is_first(f->judge);

	return arena_printf(f->a,
	    "{\"first\":{\"good\":%d},\"second\":{\"good\":%d},"
	    "\"reason\":\"%s is first\"}",
	    (first ? good : bad) + bias, first ? bad : good,
	    first ? "good" : "bad");
}

static int
claim(struct fixture *f)
{
	int rc = judge_claim(f->judge, &f->c->err);

	assert_string_equal(f->c->err.msg, "");
	return rc;
}

static int
take(struct fixture *f)
{
	int rc = judge_take(f->judge, &f->c->err);

	assert_string_equal(f->c->err.msg, "");
	return rc;
}

/* Claim and answer with ${text}: the whole of it, or its first half. */
static int
claim_and_say(struct fixture *f, const char *text)
{
	assert_int_equal(claim(f), 1);
	answer(f->judge, text);
	return take(f);
}

static int
claim_and_fail(struct fixture *f)
{
	assert_int_equal(claim(f), 1);
	error_set(&judge_call(f->judge)->err, ERROR_UP_OVERLOADED, "not now");
	return take(f);
}

/* --- what came of it --- */

static struct trials_view
view(struct fixture *f)
{
	struct trials_view v;

	assert_int_equal(
	    trials_read(f->c->state, f->e, f->a, &v, &f->c->err), 0);
	return v;
}

/* The text of the only verdict. */
static struct str
verdict(struct fixture *f)
{
	struct verdict_page page;

	assert_int_equal(trials_verdicts(f->c->state, f->e, STR_NONE, 2, f->a,
			     &page, &f->c->err),
	    0);
	assert_int_equal(page.n, 1);
	assert_null(page.next.p);
	return page.texts[0];
}

struct waiting {
	struct fixture *f;
	struct trial_record r;
	bool found, make_due;
};

static int
see_trial(void *arg, struct str key, struct str value)
{
	struct waiting *w = arg;

	(void)key;
	w->found = true;
	return trial_record_read(w->f->a, value, &w->r) == 0 ? 1 : -1;
}

static int
txn_waiting(struct txn *t, void *arg)
{
	struct waiting *w = arg;

	if (store_scan(t, STORE_TRIALS, STR_NONE, see_trial, w) < 0)
		return -1;
	if (!w->found || !w->make_due)
		return 0;
	w->r.due_us = 0;
	return trials_table_put(t, &w->r);
}

static int
visit_waiting(
    struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_waiting, arg, err);
}

/* The one trial that waits, as it is; made due at once. */
static struct waiting
waiting(struct fixture *f)
{
	struct waiting w = { .f = f };

	calls_visit(f->c, visit_waiting, &w);
	if (w.found) {
		struct waiting due = { .f = f, .make_due = true };

		calls_visit(f->c, visit_waiting, &due);
	}
	return w;
}

/* --- tests --- */

static void
both_orders_are_asked_and_what_is_first_gains_nothing(void **state)
{
	struct fixture *f = *state;
	struct trials_view v;
	struct str json;

	offer(f, "call_1");
	assert_int_equal(claim(f), 1);
	assert_true(good_is_first(f->judge));
	answer(f->judge, points(f, 7, 3, 2));
	assert_int_equal(take(f), 1);
	assert_false(good_is_first(f->judge));
	answer(f->judge, points(f, 7, 3, 2));
	assert_int_equal(take(f), 0);
	assert_int_equal(judge_verdicts(f->judge), 1);
	v = view(f);
	assert_int_equal(v.record.judged, 1);
	json = verdict(f);
	member_is(json, "winner", "\"a/m\"");
	member_is(json, "scores.0", "0.8");
	member_is(json, "scores.1", "0.4");
	member_is(json, "inconsistent", "false");
	member_is(json, "reasons.0", "\"good is first\"");
	member_is(json, "reasons.1", "\"bad is first\"");
	member_is(json, "answered.0", "\"a/m\"");
	assert_int_equal(
	    scratch_count(&f->c->scratch, TRIALS_DIR, "", NULL), 0);
	assert_int_equal(claim(f), 0);
}

static void
a_judge_that_only_sees_the_order_makes_a_tie(void **state)
{
	struct fixture *f = *state;
	struct str json;

	offer(f, "call_1");
	assert_int_equal(claim(f), 1);
	answer(f->judge, points(f, 5, 5, 4));
	assert_int_equal(take(f), 1);
	answer(f->judge, points(f, 5, 5, 4));
	assert_int_equal(take(f), 0);
	json = verdict(f);
	member_is(json, "winner", "null");
	member_is(json, "inconsistent", "true");
}

static void
one_that_cannot_be_had_is_asked_later_and_later(void **state)
{
	static const int64_t waits_s[] = { 30, 60, 120, 240, 480, 960, 1920,
		3600, 3600 };
	struct fixture *f = *state;
	struct waiting w;
	int64_t wait_us, now;

	offer(f, "call_1");
	for (size_t i = 0; i < sizeof(waits_s) / sizeof(*waits_s); i++) {
		assert_int_equal(claim_and_fail(f), 0);
		assert_int_equal(claim(f), 0); /* not before its time */
		now = clock_wall_us();
		w = waiting(f);
		assert_true(w.found);
		assert_int_equal(w.r.waits, i + 1);
		wait_us = w.r.due_us - now;
		assert_true(wait_us <= waits_s[i] * 1000000);
		assert_true(wait_us > (waits_s[i] - 20) * 1000000);
	}
	assert_int_equal(judge_verdicts(f->judge), 0);
}

static void
one_that_fails_in_the_second_order_begins_again(void **state)
{
	struct fixture *f = *state;

	offer(f, "call_1");
	assert_int_equal(claim(f), 1);
	answer(f->judge, points(f, 7, 3, 0));
	assert_int_equal(take(f), 1);
	error_set(&judge_call(f->judge)->err, ERROR_UP_OVERLOADED, "not now");
	assert_int_equal(take(f), 0);
	assert_true(waiting(f).found);
	assert_int_equal(claim(f), 1);
	assert_true(good_is_first(f->judge));
	assert_int_equal(view(f).record.judged, 0);
}

static void
nonsense_three_times_is_the_end(void **state)
{
	struct fixture *f = *state;

	offer(f, "call_1");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(claim_and_say(f, "both are fine"), 0);
		assert_int_equal(waiting(f).found, i < 2);
	}
	assert_int_equal(view(f).record.dropped[TRIAL_NONSENSE], 1);
	assert_int_equal(
	    scratch_count(&f->c->scratch, TRIALS_DIR, "", NULL), 0);
	assert_int_equal(claim(f), 0);
}

static void
a_refusal_is_the_end_at_once(void **state)
{
	struct fixture *f = *state;

	offer(f, "call_1");
	assert_int_equal(claim(f), 1);
	put(f->judge, (struct event){ .kind = EVENT_START, .id = STR("x") });
	put(f->judge,
	    (struct event){ .kind = EVENT_STOP, .stop = STOP_REFUSAL });
	assert_int_equal(take(f), 0);
	assert_false(waiting(f).found);
	assert_int_equal(view(f).record.dropped[TRIAL_REFUSED], 1);
}

static void
what_an_edited_experiment_has_in_the_queue_is_dropped(void **state)
{
	struct fixture *f = *state;

	offer_version(f, "call_1", "fedcba9876543210");
	assert_int_equal(claim(f), 0);
	offer(f, "call_2");
	assert_int_equal(claim(f), 1);
	assert_int_equal(view(f).record.dropped[TRIAL_OUTDATED], 1);
	assert_int_equal(view(f).waiting, 1);
}

static void
who_goes_away_in_the_middle_gives_it_back(void **state)
{
	struct fixture *f = *state;
	struct waiting w;

	offer(f, "call_1");
	assert_int_equal(claim(f), 1);
	judge_free(f->judge);
	w = waiting(f);
	assert_true(w.found && w.r.pid == 0 && w.r.waits == 1);
	f->judge = judge_new(f->conf, f->c->state, f->accounts);
	assert_int_equal(claim(f), 1);
}

static void
a_week_later_nobody_asks_any_more(void **state)
{
	struct fixture *f = *state;
	struct trial_record r;
	struct str body;

	offer(f, "call_1");
	assert_int_equal(trials_claim(f->c->state, clock_wall_us(), f->a, &r,
			     &body, &f->c->err),
	    1);
	r.born_us -= (TRIALS_MAX_AGE_S + 1) * INT64_C(1000000);
	assert_int_equal(trials_later(f->c->state, &r, 0, &f->c->err), 0);
	assert_int_equal(claim_and_fail(f), 0);
	assert_false(waiting(f).found);
	assert_int_equal(view(f).record.dropped[TRIAL_EXPIRED], 1);
}

static void
what_was_spent_in_vain_leaves_less_for_the_next_time(void **state)
{
	struct fixture *f = *state;
	struct trial_record r;
	struct str body;

	offer(f, "call_1");
	assert_int_equal(trials_claim(f->c->state, clock_wall_us(), f->a, &r,
			     &body, &f->c->err),
	    1);
	/* half of the budget and a bit, and the same once more: too much */
	r.reserved_pusd = f->e->budget_pusd / 2 + 1;
	assert_int_equal(
	    trials_later(f->c->state, &r, r.reserved_pusd, &f->c->err), 0);
	assert_int_equal(claim(f), 0);
	assert_false(waiting(f).found);
	assert_int_equal(view(f).record.dropped[TRIAL_UNPAID], 1);
	assert_int_equal(view(f).record.spent_pusd, f->e->budget_pusd / 2 + 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(both_orders_are_asked_and_what_is_first_gains_nothing),
		CASE(a_judge_that_only_sees_the_order_makes_a_tie),
		CASE(one_that_cannot_be_had_is_asked_later_and_later),
		CASE(one_that_fails_in_the_second_order_begins_again),
		CASE(nonsense_three_times_is_the_end),
		CASE(a_refusal_is_the_end_at_once),
		CASE(what_an_edited_experiment_has_in_the_queue_is_dropped),
		CASE(who_goes_away_in_the_middle_gives_it_back),
		CASE(a_week_later_nobody_asks_any_more),
		CASE(what_was_spent_in_vain_leaves_less_for_the_next_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
