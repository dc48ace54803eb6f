/* SPDX-License-Identifier: MIT */
#include "core/experiment.h"
#include "core/money.h"
#include "core/price.h"
#include "core/shm.h"
#include "core/store.h"
#include "core/trials.h"
#include "core/trials_prune.h"
#include "core/trials_read.h"
#include "core/trials_table.h"
#include "tests/unit/calls.h"
#include "tests/unit/unit.h"

#define CENT (PUSD_PER_USD / 100)

static const struct experiment experiment = {
	.name = { "e", 1 },
	.version = "0123456789abcdef",
	.n_arms = 2,
	.budget_pusd = 10 * CENT,
};

static struct trial_record
trial(const char *call)
{
	struct trial_record r = { .experiment = STR("e"),
		.version = STR("0123456789abcdef"),
		.task = STR("summarise"),
		.arms = { 0, 1 },
		.cost_pusd = { CENT, -1 },
		.latency_ms = { 20, -1 },
		.reserved_pusd = 3 * CENT };

	(void)snprintf(r.call, sizeof(r.call), "call_%s", call);
	return r;
}

static struct verdict
verdict(const struct trial_record *r)
{
	struct verdict v = { .n_criteria = 1, .judged_us = CALLS_NOW_US };

	memcpy(v.call, r->call, sizeof(v.call));
	v.sides[0].arm = 0;
	v.sides[1].arm = 1;
	v.sides[0].points[0][0] = v.sides[0].points[1][0] = 0.9;
	v.sides[1].points[0][0] = v.sides[1].points[1][0] = 0.4;
	assert_int_equal(verdict_settle(&v), 0);
	return v;
}

/* Begin and offer; at ${due_us}. */
static void
offer(struct calls *c, const char *call, int64_t due_us)
{
	struct trial_record r = trial(call);

	assert_int_equal(trials_begin(c->state, &experiment, &r, &c->err), 1);
	r.due_us = due_us;
	r.reserved_pusd = 2 * CENT;
	assert_int_equal(trials_offer(c->state, &experiment, &r,
			     STR("secret words"), CENT, &c->err),
	    1);
}

static int
claim(struct calls *c, struct arena *a, struct trial_record *r)
{
	struct str body;
	int rc = trials_claim(c->state, CALLS_NOW_US, a, r, &body, &c->err);

	assert_string_equal(c->err.msg, "");
	if (rc == 1)
		assert_true(str_is(body, "secret words"));
	return rc;
}

struct look {
	struct arena *arena;
	struct experiment_record record;
	struct evidence *evidence;
};

static int
txn_look(struct txn *t, void *arg)
{
	struct look *l = arg;
	struct trial_record r = trial("x");
	struct str key;

	if (trials_table_evidence(t, &experiment, &r, &key, &l->evidence) !=
		0 ||
	    trials_table_experiment(t, STR("e"), &l->record) != 0)
		return -1;
	l->record.promoted = str_dup(l->arena, l->record.promoted);
	l->evidence = (struct evidence *)arena_memdup(
	    l->arena, l->evidence, sizeof(*l->evidence));
	return 0;
}

static int
visit_look(struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_look, arg, err);
}

static struct look
look_at(struct calls *c, struct arena *a)
{
	struct look l = { .arena = a };

	calls_visit(c, visit_look, &l);
	return l;
}

static int
files(const struct calls *c)
{
	return scratch_count(&c->scratch, TRIALS_DIR, "", NULL);
}

static void
a_trial_goes_from_begin_to_verdict(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct trial_record r;
	struct verdict v;
	char text[4096];
	struct look l;
	size_t n;

	offer(c, "1", CALLS_NOW_US - 5);
	assert_true(trials_due(c->state));
	n = scratch_read(&c->scratch, TRIALS_DIR "/call_1", text, sizeof(text));
	assert_true(n > 0 &&
	    str_find((struct str){ text, n }, STR("secret words")) < 0);
	assert_int_equal(claim(c, a, &r), 1);
	assert_string_equal(r.call, "call_1");
	assert_int_equal(claim(c, a, &r), 0); /* somebody is at it */
	assert_false(trials_due(c->state));
	r = trial("1");
	v = verdict(&r);
	assert_int_equal(trials_verdict(c->state, &experiment, &r, &v,
			     STR("{}"), 2 * CENT, &c->err),
	    1);
	assert_int_equal(files(c), 0);
	l = look_at(c, a);
	assert_int_equal(l.record.judged, 1);
	assert_int_equal(l.record.spent_pusd, 3 * CENT);
	assert_int_equal(l.evidence->arms[0].fit.n, 1);
	assert_int_equal(l.evidence->pairs[evidence_place(0, 1)].won, 1);
	arena_free(a);
}

static void
a_call_is_judged_once(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct trial_record r = trial("1");
	struct verdict v = verdict(&r);
	struct look l;

	offer(c, "1", 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(trials_verdict(c->state, &experiment, &r, &v,
				     STR("{}"), CENT, &c->err),
		    i == 0);
	l = look_at(c, a);
	assert_int_equal(l.record.judged, 1);
	assert_int_equal(l.evidence->arms[0].fit.n, 1);
	assert_int_equal(l.record.spent_pusd, 4 * CENT); /* all of it */
	arena_free(a);
}

static void
the_longest_due_comes_first_and_none_before_its_time(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct trial_record r;

	offer(c, "1", CALLS_NOW_US - 5);
	offer(c, "2", CALLS_NOW_US - 9);
	offer(c, "3", CALLS_NOW_US + 3000000);
	assert_int_equal(claim(c, a, &r), 1);
	assert_string_equal(r.call, "call_2");
	r.due_us = CALLS_NOW_US - 1;
	r.waits = 1;
	assert_int_equal(trials_later(c->state, &r, 0, &c->err), 0);
	assert_int_equal(claim(c, a, &r), 1);
	assert_string_equal(r.call, "call_1");
	assert_int_equal(claim(c, a, &r), 1);
	assert_string_equal(r.call, "call_2");
	assert_int_equal(r.waits, 1);
	assert_int_equal(claim(c, a, &r), 0);
	arena_free(a);
}

static void
spent_and_reserved_never_pass_the_budget(void **state)
{
	struct calls *c = *state;
	struct trial_record r;
	char call[8];
	int begun = 0;

	for (int i = 0; i < 9; i++) {
		(void)snprintf(call, sizeof(call), "%d", i);
		r = trial(call);
		begun += trials_begin(c->state, &experiment, &r, &c->err);
	}
	assert_int_equal(begun, 3); /* of 3 cents in 10 */
	r = trial("0");
	assert_int_equal(trials_drop(c->state, &experiment, &r, TRIAL_FAILED, 1,
			     CENT / 2, &c->err),
	    0);
	r = trial("9");
	assert_int_equal(trials_begin(c->state, &experiment, &r, &c->err), 1);
	r = trial("10");
	assert_int_equal(trials_begin(c->state, &experiment, &r, &c->err), 0);
}

static void
a_trial_that_turns_out_too_dear_is_dropped(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct trial_record r = trial("1");

	assert_int_equal(trials_begin(c->state, &experiment, &r, &c->err), 1);
	r.reserved_pusd = 10 * CENT;
	assert_int_equal(
	    trials_offer(c->state, &experiment, &r, STR("x"), CENT, &c->err),
	    0);
	assert_int_equal(files(c), 0);
	assert_int_equal(claim(c, a, &r), 0);
	assert_int_equal(look_at(c, a).record.dropped[TRIAL_UNPAID], 1);
	assert_int_equal(look_at(c, a).record.spent_pusd, CENT);
	arena_free(a);
}

static void
child_begins(struct calls *c, void *arg)
{
	struct trial_record r = trial("1");

	(void)arg;
	assert_int_equal(trials_begin(c->state, &experiment, &r, &c->err), 1);
}

static void
child_claims(struct calls *c, void *arg)
{
	struct arena *a = arena_new(64 << 20);
	struct trial_record r;

	(void)arg;
	(void)claim(c, a, &r);
}

static void
what_a_dead_process_was_at_is_free_or_gone(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct trial_record r;
	struct look l;

	calls_in_child(c, child_begins, NULL);
	offer(c, "2", 0);
	calls_in_child(c, child_claims, NULL);
	assert_int_equal(claim(c, a, &r), 1);
	assert_string_equal(r.call, "call_2");
	assert_int_equal(claim(c, a, &r), 0);
	l = look_at(c, a);
	assert_int_equal(l.record.dropped[TRIAL_LOST], 1);
	/* the shadow call of the one, the judging of the other, and what the
	 * other's shadow call has cost */
	assert_int_equal(l.record.spent_pusd, (3 + 2 + 1) * CENT);
	arena_free(a);
}

static void
no_body_is_left_behind(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct trial_record r = trial("1");

	offer(c, "1", CALLS_NOW_US + 1000000);
	scratch_write(&c->scratch, TRIALS_DIR "/call_stray", "v1:", 3);
	scratch_write(&c->scratch, TRIALS_DIR "/call_old.kept", "v1:", 3);
	assert_int_equal(files(c), 3);
	/* what is kept has its end as its time: that is long past */
	assert_int_equal(trials_claim(c->state, CALLS_NOW_US * 2, a, &r,
			     &(struct str){ NULL, 0 }, &c->err),
	    1);
	assert_int_equal(files(c), 1);
	assert_int_equal(
	    trials_drop(c->state, NULL, &r, TRIAL_REFUSED, -1, 0, &c->err), 0);
	assert_int_equal(files(c), 0);
	arena_free(a);
}

static void
bodies_are_kept_for_as_long_as_they_may_be(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct experiment keeps = experiment;
	struct trial_record r = trial("1");
	struct verdict v = verdict(&r);
	struct str body;

	keeps.keep_days = 3;
	offer(c, "1", 0);
	assert_int_equal(
	    trials_verdict(c->state, &keeps, &r, &v, STR("{}"), 0, &c->err), 1);
	assert_int_equal(
	    trials_kept(c->state, "call_1", CALLS_NOW_US + 2 * CALLS_DAY_US, a,
		&body, &c->err),
	    1);
	assert_true(str_is(body, "secret words"));
	assert_int_equal(
	    trials_kept(c->state, "call_2", CALLS_NOW_US, a, &body, &c->err),
	    0);
	/* over, although nobody has cleaned up yet */
	assert_int_equal(
	    trials_kept(c->state, "call_1", CALLS_NOW_US + 3 * CALLS_DAY_US, a,
		&body, &c->err),
	    0);
	assert_int_equal(claim(c, a, &r), 0);
	assert_int_equal(files(c), 1);
	assert_int_equal(trials_claim(c->state, CALLS_NOW_US + 4 * CALLS_DAY_US,
			     a, &r, &body, &c->err),
	    0);
	assert_int_equal(files(c), 0);
	arena_free(a);
}

/* In seconds: how long until somebody looks, whatever happens. */
static int64_t
looks_in_s(struct calls *c)
{
	return (shm_get(c->state->shm, SHM_TRIALS_DUE_US) - clock_mono_us()) /
	    1000000;
}

static void
somebody_looks_after_the_dead_and_after_what_is_kept(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct trial_record r;

	offer(c, "1", 0);
	assert_int_equal(claim(c, a, &r), 1);
	assert_in_range(looks_in_s(c), 1, 60);
	assert_int_equal(
	    trials_drop(c->state, NULL, &r, TRIAL_REFUSED, -1, 0, &c->err), 0);
	assert_int_equal(claim(c, a, &r), 0);
	assert_in_range(looks_in_s(c), 61, 3600);
	arena_free(a);
}

static void
a_verdict_about_what_was_forgotten_meanwhile_is_none(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct trial_record r;
	struct verdict v;
	struct look l;

	offer(c, "1", 0);
	assert_int_equal(claim(c, a, &r), 1);
	assert_int_equal(trials_forget(c->state, STR("e"), &c->err), 1);
	v = verdict(&r);
	assert_int_equal(trials_verdict(c->state, &experiment, &r, &v,
			     STR("{}"), CENT, &c->err),
	    0);
	l = look_at(c, a);
	assert_int_equal(l.evidence->arms[0].fit.n, 0);
	assert_int_equal(l.record.judged, 0);
	assert_int_equal(trials_forget(c->state, STR("e"), &c->err), 0);
	arena_free(a);
}

static void
stopping_leaves_the_promoted_arm_where_it_is(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);

	assert_int_equal(
	    trials_switch(c->state, STR("e"), true, STR("arm"), &c->err), 0);
	assert_int_equal(
	    trials_switch(c->state, STR("e"), true, STR_NONE, &c->err), 0);
	assert_true(str_is(look_at(c, a).record.promoted, "arm"));
	assert_int_equal(
	    trials_switch(c->state, STR("e"), false, STR_NONE, &c->err), 0);
	assert_int_equal(look_at(c, a).record.promoted.n, 0);
	arena_free(a);
}

static void
no_more_tasks_are_told_apart_than_a_report_has_room_for(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(1 << 20);
	struct trial_record r;
	int i;

	for (i = 0; i <= EXPERIMENT_MAX_TASKS; i++) {
		r = trial(arena_printf(a, "%d", i));
		r.task = str_of(arena_printf(a, "task%d", i));
		assert_int_equal(
		    trials_begin(c->state, &experiment, &r, &c->err),
		    i < EXPERIMENT_MAX_TASKS);
		assert_int_equal(trials_drop(c->state, &experiment, &r,
				     TRIAL_FAILED, 1, 0, &c->err),
		    0);
	}
	r.task = STR("task7");
	assert_int_equal(trials_begin(c->state, &experiment, &r, &c->err), 1);
	arena_free(a);
}

static void
a_damaged_body_is_dropped_and_counted(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct trial_record r;

	offer(c, "1", 0);
	offer(c, "2", 1);
	scratch_write(&c->scratch, TRIALS_DIR "/call_1", "v1:nonsense", 11);
	assert_int_equal(claim(c, a, &r), 1);
	assert_string_equal(r.call, "call_2");
	assert_int_equal(look_at(c, a).record.dropped[TRIAL_DAMAGED], 1);
	arena_free(a);
}

static void
the_queue_has_a_ceiling(void **state)
{
	struct calls *c = *state;
	struct experiment rich = experiment;
	struct trial_record r = trial("big");
	char call[8], *big = calloc(1, TRIALS_MAX_BYTES + 1);
	int begun = 0;

	rich.budget_pusd = 0; /* none */
	assert_int_equal(trials_begin(c->state, &rich, &r, &c->err), 1);
	assert_int_equal(
	    trials_offer(c->state, &rich, &r,
		(struct str){ big, TRIALS_MAX_BYTES + 1 }, 0, &c->err),
	    0);
	assert_int_equal(files(c), 0);
	free(big);
	for (int i = 0; i < TRIALS_MAX + 3; i++) {
		(void)snprintf(call, sizeof(call), "%d", i);
		r = trial(call);
		begun += trials_begin(c->state, &rich, &r, &c->err);
	}
	assert_int_equal(begun, TRIALS_MAX);
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, calls_setup, calls_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_trial_goes_from_begin_to_verdict),
		CASE(a_call_is_judged_once),
		CASE(the_longest_due_comes_first_and_none_before_its_time),
		CASE(spent_and_reserved_never_pass_the_budget),
		CASE(a_trial_that_turns_out_too_dear_is_dropped),
		CASE(what_a_dead_process_was_at_is_free_or_gone),
		CASE(no_body_is_left_behind),
		CASE(bodies_are_kept_for_as_long_as_they_may_be),
		CASE(somebody_looks_after_the_dead_and_after_what_is_kept),
		CASE(a_verdict_about_what_was_forgotten_meanwhile_is_none),
		CASE(stopping_leaves_the_promoted_arm_where_it_is),
		CASE(no_more_tasks_are_told_apart_than_a_report_has_room_for),
		CASE(a_damaged_body_is_dropped_and_counted),
		CASE(the_queue_has_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
