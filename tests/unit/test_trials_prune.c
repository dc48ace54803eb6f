/* SPDX-License-Identifier: MIT */
#include "core/account.h"
#include "core/arena.h"
#include "core/experiment.h"
#include "core/feedback.h"
#include "core/ledger_row.h"
#include "core/prune.h"
#include "core/recover.h"
#include "core/trial_record.h"
#include "core/trials.h"
#include "core/trials_prune.h"
#include "core/trials_read.h"
#include "tests/unit/calls.h"
#include "tests/unit/unit.h"

#define DAYS 10

static const struct experiment one = { .name = { "one", 3 },
	.version = "0123456789abcdef",
	.n_arms = 2,
	.keep_days = 1000 };
static const struct experiment other = { .name = { "other", 5 },
	.version = "0123456789abcdef",
	.n_arms = 2,
	.keep_days = 1000 };
static const struct experiment edited = { .name = { "one", 3 },
	.version = "fedcba9876543210",
	.n_arms = 2,
	.keep_days = 1000 };

/* The id of a call ${days} ago. */
static struct str
call_of(struct arena *a, int days)
{
	static const unsigned char bits[10] = { 7 };
	char id[CALL_ID_BYTES];

	ledger_row_id(id, (CALLS_NOW_US - days * CALLS_DAY_US) / 1000, bits);
	return str_dup(a, str_of(id));
}

/* A verdict of ${e} about a call of account ${account} ${days} ago, its body
 * kept, with feedback. */
static void
judge(struct calls *c, struct arena *a, const struct experiment *e,
    const char *account, int days)
{
	struct str call = call_of(a, days);
	struct trial_record r = { .experiment = e->name,
		.version = str_of(e->version),
		.task = STR("sum"),
		.account = str_of(account),
		.arms = { 0, 1 } };
	struct verdict v = { .n_criteria = 1,
		.judged_us = CALLS_NOW_US - days * CALLS_DAY_US };
	const struct feedback_change up = { .to = { .thumb = 1 },
		.thumb = true };
	struct feedback f;
	const char *json = arena_printf(a,
	    "{\"call\":\"%.*s\",\"account\":\"%s\",\"arms\":[\"\",\"y\"]}",
	    STR_ARG(call), account);

	(void)snprintf(r.call, sizeof(r.call), "%.*s", STR_ARG(call));
	memcpy(v.call, r.call, sizeof(v.call));
	v.sides[1].arm = 1;
	assert_int_equal(verdict_settle(&v), 0);
	assert_int_equal(trials_begin(c->state, e, &r, &c->err), 1);
	assert_int_equal(
	    trials_offer(c->state, e, &r, STR("words"), 0, &c->err), 1);
	assert_int_equal(
	    trials_verdict(c->state, e, &r, &v, str_of(json), 0, &c->err), 1);
	assert_int_equal(feedback_give(c->state, call, &up, a, &f, &c->err), 0);
}

static size_t
verdicts(struct calls *c, struct arena *a, const struct experiment *e)
{
	struct verdict_page page;

	assert_int_equal(
	    trials_verdicts(c->state, e, STR_NONE, 1000, a, &page, &c->err), 0);
	return page.n;
}

static struct trials_view
view(struct calls *c, struct arena *a, const struct experiment *e)
{
	struct trials_view v;

	assert_int_equal(trials_read(c->state, e, a, &v, &c->err), 0);
	return v;
}

static int
bodies(const struct calls *c)
{
	return scratch_count(&c->scratch, TRIALS_DIR, "", NULL);
}

static int
visit_prune(struct state *s, struct store *store, void *arg, struct error *err)
{
	int64_t rows = 0;

	(void)arg;
	return prune(
	    s, store, CALLS_NOW_US - DAYS * CALLS_DAY_US, 0, &rows, err);
}

static void
what_is_old_goes_with_its_body_and_sums_stay(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct feedback f;

	judge(c, a, &one, "x", 11);
	judge(c, a, &one, "x", 9);
	judge(c, a, &other, "x", 12);
	assert_int_equal(bodies(c), 3);
	calls_visit(c, visit_prune, NULL);
	assert_int_equal(verdicts(c, a, &one), 1);
	assert_int_equal(verdicts(c, a, &other), 0);
	assert_int_equal(bodies(c), 1);
	assert_int_equal(
	    feedback_find(c->state, call_of(a, 11), a, &f, &c->err), 0);
	assert_int_equal(
	    feedback_find(c->state, call_of(a, 9), a, &f, &c->err), 1);
	assert_int_equal(view(c, a, &one).record.judged, 2);
	assert_int_equal(view(c, a, &one).evidence[0]->arms[0].fit.n, 2);
	assert_int_equal(view(c, a, &other).n_evidence, 1);
	arena_free(a);
}

static void
old_evidence_goes_once_a_later_version_has_some(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);

	judge(c, a, &one, "x", 20);
	calls_visit(c, visit_prune, NULL);
	assert_int_equal(view(c, a, &one).n_evidence, 1);
	judge(c, a, &edited, "x", 15);
	judge(c, a, &other, "x", 1);
	calls_visit(c, visit_prune, NULL);
	assert_int_equal(view(c, a, &one).n_evidence, 0);
	assert_int_equal(view(c, a, &edited).n_evidence, 1);
	arena_free(a);
}

static void
more_than_a_batch_goes_too(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);

	for (int i = 0; i < 520; i++)
		judge(c, a, &one, "x", 11 + i);
	judge(c, a, &one, "x", 1);
	calls_visit(c, visit_prune, NULL);
	assert_int_equal(verdicts(c, a, &one), 1);
	assert_int_equal(bodies(c), 1);
	arena_free(a);
}

static void
of_a_forgotten_experiment_nothing_is_left(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct trial_record r = { .call = "call_1",
		.experiment = STR("one"),
		.version = STR("0123456789abcdef"),
		.task = STR("sum") };

	judge(c, a, &one, "x", 3);
	judge(c, a, &edited, "x", 2);
	judge(c, a, &other, "x", 1);
	assert_int_equal(trials_begin(c->state, &one, &r, &c->err), 1);
	assert_int_equal(trials_forget(c->state, STR("one"), &c->err), 1);
	assert_int_equal(verdicts(c, a, &one) + verdicts(c, a, &edited), 0);
	assert_int_equal(view(c, a, &one).n_evidence, 0);
	assert_int_equal(view(c, a, &one).waiting, 0);
	assert_int_equal(view(c, a, &one).record.judged, 0);
	assert_int_equal(verdicts(c, a, &other), 1);
	assert_int_equal(bodies(c), 1);
	assert_int_equal(trials_forget(c->state, STR("one"), &c->err), 0);
	assert_int_equal(trials_forget(c->state, STR("on"), &c->err), 0);
	arena_free(a);
}

static void
with_an_account_go_verdicts_and_trials_about_its_calls(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct trial_record r = { .call = "call_1",
		.experiment = STR("one"),
		.version = STR("0123456789abcdef"),
		.account = STR("team"),
		.task = STR("sum") };

	assert_int_equal(
	    account_create(c->state, STR("team"), true, &c->err), 0);
	judge(c, a, &one, "team", 3);
	judge(c, a, &one, "teams", 2);
	assert_int_equal(trials_begin(c->state, &one, &r, &c->err), 1);
	assert_int_equal(
	    trials_offer(c->state, &one, &r, STR("words"), 0, &c->err), 1);
	assert_int_equal(bodies(c), 3);
	assert_int_equal(account_remove(c->state, STR("team"), &c->err), 0);
	assert_int_equal(verdicts(c, a, &one), 1);
	assert_int_equal(view(c, a, &one).waiting, 0);
	assert_int_equal(bodies(c), 1);
	arena_free(a);
}

static void
verdicts_come_in_pages_newest_first(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct verdict_page page = { .next = STR_NONE };
	struct str text;
	int days = 0;

	for (int i = 0; i < 5; i++)
		judge(c, a, &one, "x", i);
	judge(c, a, &other, "x", 0);
	do {
		assert_int_equal(trials_verdicts(c->state, &one, page.next, 2,
				     a, &page, &c->err),
		    0);
		assert_int_equal(page.n, days < 4 ? 2 : 1);
		for (size_t i = 0; i < page.n; i++)
			assert_true(
			    str_find(page.texts[i], call_of(a, days++)) > 0);
	} while (page.next.p != NULL);
	assert_int_equal(days, 5);
	assert_int_equal(trials_verdict_find(
			     c->state, &one, call_of(a, 2), a, &text, &c->err),
	    1);
	assert_true(str_find(text, call_of(a, 2)) > 0);
	assert_int_equal(trials_verdict_find(
			     c->state, &one, STR("call_"), a, &text, &c->err),
	    0);
	arena_free(a);
}

static void
feedback_counts_for_the_arm_that_served(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct experiment named = one;
	struct trials_view v;

	named.arms[0].name = STR("");
	named.arms[1].name = STR("y");
	judge(c, a, &named, "x", 1);
	judge(c, a, &named, "x", 2);
	v = view(c, a, &named);
	assert_int_equal(v.feedback[0].up, 2);
	assert_int_equal(v.feedback[1].up, 0);
	arena_free(a);
}

/* Its first page is not that of a table any more. */
static void
after_damage_verdicts_and_sums_are_there_again(void **state)
{
	struct calls *c = *state;
	struct arena *a = arena_new(64 << 20);
	struct recovery found;
	struct feedback f;

	judge(c, a, &one, "x", 1);
	judge(c, a, &one, "x", 2);
	state_close(c->state);
	scratch_write(&c->scratch, "env/open.db", "damage", 6);
	c->state = NULL;
	calls_reopen(c);
	assert_int_equal(recover(c->state, NULL, &found, &c->err), 0);
	assert_true(found.rebuilt);
	assert_int_equal(verdicts(c, a, &one), 2);
	assert_int_equal(view(c, a, &one).record.judged, 2);
	assert_int_equal(view(c, a, &one).evidence[0]->arms[0].fit.n, 2);
	assert_int_equal(
	    feedback_find(c->state, call_of(a, 2), a, &f, &c->err), 1);
	arena_free(a);
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, calls_setup, calls_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_old_goes_with_its_body_and_sums_stay),
		CASE(old_evidence_goes_once_a_later_version_has_some),
		CASE(more_than_a_batch_goes_too),
		CASE(of_a_forgotten_experiment_nothing_is_left),
		CASE(with_an_account_go_verdicts_and_trials_about_its_calls),
		CASE(verdicts_come_in_pages_newest_first),
		CASE(feedback_counts_for_the_arm_that_served),
		CASE(after_damage_verdicts_and_sums_are_there_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
