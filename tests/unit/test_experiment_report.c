/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/evidence.h"
#include "core/experiment.h"
#include "core/experiment_report.h"
#include "core/jtext.h"
#include "core/jw.h"
#include "core/trials_read.h"
#include "tests/unit/member.h"
#include "tests/unit/unit.h"

#define NOW_US INT64_C(1795541489000000)

struct fixture {
	struct arena *a;
	struct experiment e;
	struct trials_view view;
	struct buf *out;
};

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.a = arena_new((size_t)64 << 20);
	f.e = (struct experiment){ .name = STR("e"),
		.version = "0123456789abcdef",
		.arms = { { .name = STR("x") }, { .name = STR("y") } },
		.n_arms = 2,
		.sample = 0.5,
		.epsilon = 0.02,
		.quality_floor = 0.7 };
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->a);
	return 0;
}

static void
report(struct fixture *f)
{
	struct error err = { 0 };
	struct jw w;

	f->out = buf_new(f->a, 1 << 20);
	jw_init(&w, f->out);
	experiment_report_write(&f->e, &f->view, NOW_US, &w);
	assert_int_equal(jtext_check(buf_str(f->out), &err), 0);
}

/* ${n} verdicts about x and y with these scores. */
static void
judge(struct evidence *ev, int n, double x, double y)
{
	struct verdict v = { .n_criteria = 1, .judged_us = NOW_US };

	v.sides[0] = (struct verdict_side){ .arm = 1,
		.points = { { y }, { y } },
		.cost_pusd = 2000000000,
		.latency_ms = 30 };
	v.sides[1] = (struct verdict_side){ .arm = 0,
		.points = { { x }, { x } },
		.cost_pusd = 4000000000,
		.latency_ms = 50 };
	assert_int_equal(verdict_settle(&v), 0);
	while (n-- > 0)
		evidence_add(ev, &v);
}

static void
one_without_evidence_is_told_whole(void **state)
{
	static const char *const members[][2] = {
		{ "name", "\"e\"" },
		{ "version", "\"0123456789abcdef\"" },
		{ "mode", "\"shadow\"" },
		{ "state", "\"running\"" },
		{ "promoted", "null" },
		{ "spent_usd", "\"0\"" },
		{ "budget_usd", "null" },
		{ "judged", "0" },
		{ "dropped.nonsense", "0" },
		{ "arms", "[\"x\",\"y\"]" },
		{ "tasks", "[]" },
		{ "agreement.labels", "0" },
		{ "agreement.kappa", "0" },
	};
	struct fixture *f = *state;

	report(f);
	for (size_t i = 0; i < COUNT(members); i++)
		member_is(buf_str(f->out), members[i][0], members[i][1]);
}

static void
its_state_follows_from_record_dates_and_budget(void **state)
{
	static const struct {
		int64_t start_us, end_us, budget, spent;
		bool stopped;
		const char *want;
	} cases[] = {
		{ 0, 0, 0, 5, false, "\"running\"" },
		{ 0, NOW_US + 1, 5, 4, false, "\"running\"" },
		{ NOW_US + 1, 0, 0, 0, false, "\"waiting\"" },
		{ 0, NOW_US, 0, 0, false, "\"ended\"" },
		{ 0, 0, 5, 5, false, "\"out_of_budget\"" },
		{ 0, NOW_US, 5, 5, true, "\"stopped\"" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		f->e.start_us = cases[i].start_us;
		f->e.end_us = cases[i].end_us;
		f->e.budget_pusd = cases[i].budget;
		f->view.record.spent_pusd = cases[i].spent;
		f->view.record.stopped = cases[i].stopped;
		report(f);
		member_is(buf_str(f->out), "state", cases[i].want);
	}
}

static void
a_clear_winner_is_named_with_all_figures(void **state)
{
	static const char *const members[][2] = {
		{ "tasks.0.task", "\"sum\"" },
		{ "tasks.0.verdict", "\"winner\"" },
		{ "tasks.0.winner", "\"x\"" },
		{ "tasks.0.more", "0" },
		{ "tasks.0.from", "\"2026-11-24T17:31:29.000000Z\"" },
		{ "tasks.0.arms.0.n", "60" },
		{ "tasks.0.arms.0.fit", "0.9" },
		{ "tasks.0.arms.0.win_rate", "1" },
		{ "tasks.0.arms.0.accepted", "60" },
		{ "tasks.0.arms.0.cost_usd", "\"0.004\"" },
		{ "tasks.0.arms.0.accepted_usd", "\"0.004\"" },
		{ "tasks.0.arms.0.latency_ms", "50" },
		{ "tasks.0.arms.1.failed", "1" },
		{ "tasks.0.arms.1.accepted", "0" },
		{ "tasks.0.arms.1.accepted_usd", "null" },
		{ "tasks.0.pairs.0.arms", "[\"x\",\"y\"]" },
		{ "tasks.0.pairs.0.n", "60" },
		{ "tasks.0.pairs.0.won", "60" },
		{ "tasks.0.pairs.0.lost", "0" },
		{ "tasks.1.verdict", "\"keep_going\"" },
		{ "tasks.1.winner", "null" },
		{ "tasks.1.from", "null" },
	};
	struct fixture *f = *state;
	struct evidence *ev = evidence_new(f->a, &f->e, STR("sum"));

	judge(ev, 60, 0.9, 0.3);
	evidence_failed(ev, 1, 0);
	f->view.evidence[f->view.n_evidence++] = ev;
	f->view.evidence[f->view.n_evidence++] =
	    evidence_new(f->a, &f->e, STR("other"));
	report(f);
	for (size_t i = 0; i < COUNT(members); i++)
		member_is(buf_str(f->out), members[i][0], members[i][1]);
}

static void
agreement_and_feedback_are_told(void **state)
{
	static const char *const members[][2] = {
		{ "agreement.labels", "4" },
		{ "agreement.same", "3" },
		{ "agreement.self_preferred", "2" },
		{ "feedback.0.arm", "\"x\"" },
		{ "feedback.0.up", "5" },
		{ "feedback.0.scored", "2" },
		{ "feedback.0.score", "0.75" },
		{ "feedback.1.down", "0" },
		{ "feedback.1.score", "null" },
	};
	struct fixture *f = *state;

	f->view.agreement = (struct agreement){
		.n = 4, .same = 3, .table = { { 3, 1 } }, .self_preferred = 2
	};
	f->view.feedback[0] =
	    (struct feedback_sum){ .up = 5, .scored = 2, .score = 1.5 };
	report(f);
	for (size_t i = 0; i < COUNT(members); i++)
		member_is(buf_str(f->out), members[i][0], members[i][1]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_without_evidence_is_told_whole),
		CASE(its_state_follows_from_record_dates_and_budget),
		CASE(a_clear_winner_is_named_with_all_figures),
		CASE(agreement_and_feedback_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
