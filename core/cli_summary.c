/* SPDX-License-Identifier: MIT */
/* `sluice ledger summary` and `sluice ledger prune`. */
#include "core/cli.h"

#include <inttypes.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/ingest.h"
#include "core/jw.h"
#include "core/money.h"
#include "core/prune.h"
#include "core/usage_query.h"
#include "core/visit.h"

#define MAX_OUTPUT_BYTES ((size_t)512 << 20)
#define DAY_US           INT64_C(86400000000)
#define LEAST_AGE_US     INT64_C(3600000000)
#define VISIT_US         INT64_C(100000)

/* One value of a group for a terminal. */
static void
put_value(struct buf *out, struct arena *a, enum rollup_dim d, struct str value)
{
	if (value.p != NULL && d == ROLLUP_ALL)
		buf_addf(
		    out, "%.4s-%.2s-%.2s  ", value.p, value.p + 4, value.p + 6);
	else
		buf_addf(out, "%.*s  ", STR_ARG(cli_shown(a, value)));
}

static void
put_sum(struct buf *out, const struct ledger_sum *s)
{
	char cost[MONEY_TEXT_BYTES], overhead[MONEY_TEXT_BYTES];
	struct usage u = { .source = USAGE_NONE };

	memcpy(u.tokens, s->tokens, sizeof(u.tokens));
	money_text(s->cost_pusd, cost);
	money_text(s->overhead_pusd, overhead);
	buf_addf(out,
	    "%8" PRId64 " %7" PRId64 " %10" PRId64 " %10" PRId64
	    " %15s %15s %9" PRId64 "  ",
	    s->calls, s->errors + s->unknown, usage_total_input(&u),
	    usage_total_output(&u), cost, overhead, s->unpriced);
}

static void
write_table(struct buf *out, struct arena *a, const struct usage_query *q,
    const struct usage_result *r)
{
	struct usage_group group;
	size_t i;
	unsigned k;

	buf_addf(out, "%8s %7s %10s %10s %15s %15s %9s  ", "CALLS", "ERRORS",
	    "IN", "OUT", "COST $", "OVERHEAD $", "UNPRICED");
	for (k = 0; k < q->n_by; k++)
		buf_addf(out, "%s  ", rollup_words[q->by[k]]);
	for (i = 0; i < r->n; i++) {
		buf_addch(out, '\n');
		group = usage_result_at(r, i);
		put_sum(out, &group.sum);
		for (k = 0; k < q->n_by; k++)
			put_value(out, a, q->by[k], group.values[k]);
	}
	buf_addch(out, '\n');
	put_sum(out, &r->total);
	buf_addz(out, "total\n");
}

static int
run_summary(struct cli *cli, int argc, char **argv)
{
	struct usage_query q = { .n_by = 0 };
	struct usage_result r;
	struct str by = STR_NONE;
	bool json = false;
	const struct cli_opt opts[] = {
		{ "--by", CLI_TEXT, &by, true },
		{ "--since", CLI_TIME, &q.since_us, false },
		{ "--until", CLI_TIME, &q.until_us, false },
		{ "--key", CLI_TEXT, &q.only[ROLLUP_KEY], false },
		{ "--account", CLI_TEXT, &q.only[ROLLUP_ACCOUNT], false },
		{ "--json", CLI_FLAG, &json, false },
	};
	struct arena *a;
	struct buf out;
	struct jw w;
	struct error err = { 0 };
	int rc;

	if (cli_options(
		cli, opts, sizeof(opts) / sizeof(opts[0]), argc, argv) == -1)
		return CLI_USAGE;
	if (usage_query_parse(by, &q, &err) != 0)
		return cli_wrong(cli, "%s", err.msg);
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	a = arena_new(USAGE_QUERY_BYTES);
	buf_init(&out, MAX_OUTPUT_BYTES);
	jw_init(&w, &out);
	if (ledger_usage(cli->state, &q, a, &r, &err) != 0) {
		rc = cli_fail(cli, "%s", err.msg);
	} else {
		if (json) {
			usage_query_write(&q, &r, &w);
			buf_addch(&out, '\n');
		} else {
			write_table(&out, a, &q, &r);
		}
		rc = cli_print(cli, &out);
	}
	buf_release(&out);
	arena_free(a);
	return rc;
}

struct job {
	int64_t before_us, rows;
	bool ingested, more;
};

/* Journals first: what they hold must be counted before it can go. */
static int
visit_prune(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct job *j = arg;
	int rc = j->ingested ? 0 : ingest(s, store, 0, err);

	if (rc < 0)
		return -1;
	j->ingested = true;
	rc = prune(
	    s, store, j->before_us, clock_mono_us() + VISIT_US, &j->rows, err);
	j->more = rc == 1;
	return rc < 0 ? -1 : 0;
}

static int
run_prune(struct cli *cli, int argc, char **argv)
{
	struct job j = { .more = true };
	const struct cli_opt opts[] = {
		{ "--before", CLI_TIME, &j.before_us, false },
	};
	struct error err = { 0 };
	int64_t now_us = clock_wall_us();

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	if (j.before_us > now_us - LEAST_AGE_US)
		return cli_wrong(cli, "--before: at least an hour ago");
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (j.before_us == 0 && cli->conf->retention_days == 0)
		return cli_fail(
		    cli, "privacy.retention_days is 0: rows are kept for ever");
	if (j.before_us == 0)
		j.before_us = now_us - cli->conf->retention_days * DAY_US;
	while (j.more)
		if (visit_patiently(cli->state, visit_prune, &j, &err) != 0)
			return cli_fail(cli, "%s", err.msg);
	fprintf(cli->env->out, "%" PRId64 " rows removed\n", j.rows);
	return CLI_DONE;
}

const struct cmd cli_ledger_summary = {
	.name = "summary",
	.help = "what was used and what it cost, by what you like",
	.usage =
	    "sluice ledger summary --by WHAT[,WHAT] [options]\n"
	    "  --by WHAT    key, account, model, provider, tag, user, task,\n"
	    "               session, route, day; at most three, joined by "
	    "commas\n"
	    "  --since T    calls that started at T or later\n"
	    "  --until T    calls that started before T\n"
	    "  --key K      of one gateway key, by its id\n"
	    "  --account A  of one account\n"
	    "  --json       one JSON object, with tokens by bucket\n"
	    "T is a date or an RFC 3339 time, UTC.\n"
	    "UNPRICED calls have no known cost and are not in COST.",
	.run = run_summary,
};

const struct cmd cli_ledger_prune = {
	.name = "prune",
	.help = "remove old rows; their sums stay",
	.usage = "sluice ledger prune [--before T]\n"
		 "  --before T  calls that started before T; if not given,\n"
		 "              older than privacy.retention_days",
	.run = run_prune,
};
