/* SPDX-License-Identifier: MIT */
#include "tests/unit/calls.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "core/ingest.h"
#include "core/rollup.h"
#include "core/store.h"
#include "tests/unit/unit.h"

void
calls_reopen(struct calls *c)
{
	state_close(c->state);
	error_clear(&c->err);
	c->state =
	    state_open(str_of(c->scratch.dir), DURABILITY_PROCESS, &c->err);
	assert_string_equal(c->err.msg, "");
}

int
calls_setup(void **state)
{
	static struct calls c;

	memset(&c, 0, sizeof(c));
	log_open("/dev/null", LOG_LEVEL_ERROR);
	scratch_make(&c.scratch);
	calls_reopen(&c);
	*state = &c;
	return 0;
}

int
calls_teardown(void **state)
{
	struct calls *c = *state;

	state_close(c->state);
	scratch_drop(&c->scratch);
	return 0;
}

void
calls_fill(struct one_call *c, int64_t started_us, int64_t pusd)
{
	struct ledger_attempt *at = &c->at[0];

	memset(c, 0, sizeof(*c));
	*at = (struct ledger_attempt){ .provider = STR("openai"),
		.model = STR("gpt-5-mini"),
		.returned_model = STR("gpt-5-mini-2025-08-07"),
		.credential = STR("conf"),
		.status = 200,
		.ttft_ms = 5,
		.duration_ms = 9,
		.cost = { COST_REPORTED, pusd >= 0, pusd, "no price" } };
	usage_init(&at->usage);
	at->usage.tokens[USAGE_INPUT] = 10;
	at->usage.tokens[USAGE_OUTPUT] = 3;
	at->usage.source = USAGE_REPORTED;
	if (pusd < 0)
		at->cost.source = COST_UNKNOWN;
	c->tags[0] = (struct header){ STR("app"), STR("web"), NULL };
	c->row = (struct ledger_call){ .started_us = started_us,
		.key = STR("sk-sl-abcdefghijkl"),
		.account = STR("team"),
		.user = STR("u\"1"),
		.session = STR("s1"),
		.task = STR("sum"),
		.tags = c->tags,
		.endpoint = "/v1/chat/completions",
		.dialect = "openai-chat",
		.requested = STR("gpt-5-mini"),
		.answered = STR("openai/gpt-5-mini"),
		.ttft_ms = 5,
		.duration_ms = 10,
		.cost = at->cost,
		.attempts = at };
	ledger_id(c->row.id, started_us);
}

void
calls_write(struct calls *c, struct one_call *one, enum call_outcome outcome)
{
	static const enum attempt_outcome of[] = {
		[CALL_OPEN] = ATTEMPT_OPEN,
		[CALL_OK] = ATTEMPT_WON,
		[CALL_ERROR] = ATTEMPT_FAILED,
		[CALL_REFUSED] = ATTEMPT_FAILED,
		[CALL_CANCELLED] = ATTEMPT_CANCELLED,
		[CALL_UNKNOWN] = ATTEMPT_UNKNOWN,
	};

	one->row.outcome = outcome;
	if (one->row.attempts == one->at && one->at[0].next == NULL)
		one->at[0].outcome = of[outcome];
	assert_int_equal(ledger_write(c->state, &one->row, &c->err), 0);
}

void
calls_in_child(
    struct calls *c, void (*body)(struct calls *c, void *arg), void *arg)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		c->state = NULL;
		calls_reopen(c);
		body(c, arg);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

struct usage_group *
calls_groups(const struct usage_result *r, struct arena *a)
{
	struct usage_group *list = ARENA_ARRAY(a, struct usage_group, r->n + 1);
	size_t i;

	for (i = 0; i < r->n; i++)
		list[i] = usage_result_at(r, i);
	return list;
}

void
calls_visit(struct calls *c, visit_body *body, void *arg)
{
	error_clear(&c->err);
	if (visit_patiently(c->state, body, arg, &c->err) != 0)
		fail_msg("%s", c->err.msg);
}

int
calls_audit(struct state *s, struct store *store, void *arg, struct error *err)
{
	if (ingest(s, store, 0, err) < 0)
		return -1;
	return audit(s->dir, store, arg, err);
}

void
calls_ingest(struct calls *c)
{
	int rc;

	error_clear(&c->err);
	while ((rc = state_ingest(c->state, 2000, &c->err)) == 1)
		continue;
	if (rc != 0)
		fail_msg("%s", c->err.msg);
}

static int
see_total(void *arg, const struct rollup_entry *e)
{
	struct calls_tally *t = arg;

	t->calls += e->sum.calls;
	t->cost_pusd += e->sum.cost_pusd;
	return 0;
}

static int
txn_total(struct txn *t, void *arg)
{
	const struct rollup_range range = { .dim = ROLLUP_ALL,
		.monthly = true };

	return rollup_scan(t, &range, see_total, arg);
}

static int
body_tally(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct calls_tally *t = arg;

	*t = (struct calls_tally){ .calls = 0 };
	if (ingest(s, store, 0, err) < 0 ||
	    audit(s->dir, store, &t->found, err) != 0)
		return -1;
	return store_txn(store, txn_total, t, err);
}

struct calls_tally
calls_tally(struct calls *c)
{
	struct calls_tally t;

	calls_visit(c, body_tally, &t);
	return t;
}

int
calls_kill_at(struct calls *c, int (*body)(struct calls *c), int at)
{
	int status, n;
	pid_t pid = fork();

	if (pid == 0) {
		c->state = NULL;
		calls_reopen(c);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(body(c) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (n = 0; WIFSTOPPED(status) && n < at; n++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0 ? 0 : -1;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return 1;
}

int
calls_try_ingest(struct calls *c)
{
	int rc;

	while ((rc = state_ingest(c->state, 2000, &c->err)) == 1)
		continue;
	return rc;
}
