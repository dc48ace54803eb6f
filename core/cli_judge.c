/* SPDX-License-Identifier: MIT */
/*
 * `sluice judge`: judge what waits (judge.h), for cron and for hosts where
 * every request has a process of its own.  Responders do it by themselves.
 */
#include "core/account.h"
#include "core/call.h"
#include "core/cli.h"
#include "core/error.h"
#include "core/exporter.h"
#include "core/judge.h"
#include "core/loop.h"
#include "core/upstream.h"

#define TRACES_US INT64_C(500000)

struct turning {
	struct loop *loop;
	struct upstream *upstream;
	struct exporter *exporter;
	bool ended;
};

static void
on_progress(void *arg)
{
	(void)arg;
}

static void
on_ended(void *arg)
{
	struct turning *t = arg;

	t->ended = true;
}

/* One trial: 1 judged or put off, 0 none was due, -1. */
static int
judge_one(struct judge *j, struct turning *t, struct error *err)
{
	static const struct call_events events = { on_progress, on_ended };
	int rc = judge_claim(j, err);

	if (rc <= 0)
		return rc;
	while (rc == 1) {
		t->ended = false;
		call_run(judge_call(j), t->loop, t->upstream, judge_sink(j),
		    &events, t);
		while (!t->ended)
			loop_turn(t->loop, -1);
		rc = judge_take(j, err);
		exporter_add(t->exporter, judge_call(j));
	}
	return rc < 0 ? -1 : 1;
}

static int
judge_all(struct cli *cli, struct judge *j, int64_t most)
{
	struct error err = { .kind = ERROR_NONE };
	struct turning t = { .loop = loop_new(&err) };
	int rc = t.loop != NULL ? 1 : -1;
	int64_t n;

	if (rc < 0)
		return cli_fail(cli, "%s", err.msg);
	t.upstream = upstream_new(t.loop);
	t.exporter = exporter_new(t.loop, t.upstream);
	for (n = 0; rc == 1 && n < most; n++)
		rc = judge_one(j, &t, &err);
	exporter_finish(t.exporter, TRACES_US);
	exporter_free(t.exporter);
	upstream_free(t.upstream);
	loop_free(t.loop);
	if (rc < 0)
		return cli_fail(cli, "%s", err.msg);
	fprintf(cli->env->out, "%lld verdicts\n", (long long)judge_verdicts(j));
	return CLI_DONE;
}

static int
run_judge(struct cli *cli, int argc, char **argv)
{
	bool once = false;
	int64_t most = INT64_MAX;
	const struct cli_opt opts[] = {
		{ "--once", CLI_FLAG, &once, false },
		{ "--max", CLI_COUNT, &most, false },
	};
	struct accounts *accounts;
	struct judge *j;
	int rc;

	if (cli_options(cli, opts, 2, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	accounts = accounts_new(cli->state);
	j = judge_new(cli->conf, cli->state, accounts);
	rc = judge_all(cli, j, once ? 1 : most);
	judge_free(j);
	accounts_free(accounts);
	return rc;
}

const struct cmd cli_judge = {
	.name = "judge",
	.help = "judge what experiments have in their queue",
	.usage = "sluice judge [--once] [--max N]\n"
		 "  --once   one trial\n"
		 "  --max N  so many; otherwise all that are due",
	.run = run_judge,
};
