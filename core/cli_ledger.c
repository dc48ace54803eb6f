/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtext.h"
#include "core/ledger.h"
#include "core/usage.h"

#define MAX_TAIL        10000
#define MAX_LINE_BYTES  (4u << 20)
#define MAX_TAIL_BYTES  (48u << 20)
#define ROW_ARENA_BYTES (16u << 20)

/* Rows on their way to a stream. */
struct output {
	struct cli *cli;
	struct buf *line;    /* of the row */
	struct arena *arena; /* of the row */
	void (*format)(struct output *o, struct str row);
	bool failed; /* nobody takes the output any more */
};

/*
 * A member's text: strings decoded, other values as JSON, null and missing
 * ones absent.
 */
static struct str
member(struct output *o, struct str row, const char *path)
{
	struct str raw, s;

	if (!jtext_get(row, path, &raw) || str_is(raw, "null"))
		return STR_NONE;
	s = jtext_string(o->arena, raw);
	return s.p != NULL ? s : raw;
}

/* The member's text for a terminal, or "-". */
static struct str
shown(struct output *o, struct str row, const char *path)
{
	return cli_shown(o->arena, member(o, row, path));
}

static int64_t
number(struct output *o, struct str row, const char *path)
{
	int64_t n = 0;

	if (str_i64(member(o, row, path), INT64_MIN, INT64_MAX, &n) == -1)
		return 0;
	return n;
}

/* Whether the row has attempt ${i}; ${*attempt} is its JSON. */
static bool
attempt_at(struct output *o, struct str row, int i, struct str *attempt)
{
	return jtext_get(
	    row, arena_printf(o->arena, "attempts.%d", i), attempt);
}

/* Tokens of one bucket, summed over the attempts, losers included. */
static int64_t
tokens(struct output *o, struct str row, const char *bucket)
{
	char *path = arena_printf(o->arena, "usage.%s", bucket);
	struct str attempt;
	int64_t sum = 0;
	int i;

	for (i = 0; attempt_at(o, row, i, &attempt); i++)
		sum += number(o, attempt, path);
	return sum;
}

static bool
is_input(enum usage_bucket b)
{
	return b != USAGE_OUTPUT && b != USAGE_REASONING &&
	    b != USAGE_AUDIO_OUT && b != USAGE_IMAGE_OUT;
}

static void
format_jsonl(struct output *o, struct str row)
{
	buf_adds(o->line, row);
	buf_addch(o->line, '\n');
}

#define TAIL_HEAD  "%-19s %-18s %-36s %-9s %6s %8s %8s %8s %s\n"
#define TAIL_FIELD "%-19.19s %-18.*s %-36.*s %-9.*s %6.*s %8lld %8lld %8.*s "

static void
format_human(struct output *o, struct str row)
{
	struct str started = shown(o, row, "started_at");
	struct str cost = member(o, row, "cost_usd");
	struct str model = shown(o, row, "answered");
	int64_t sum[2] = { 0, 0 };
	int b;

	for (b = 0; b < USAGE_BUCKETS; b++)
		sum[is_input(b)] += tokens(o, row, usage_bucket_names[b]);
	if (str_is(model, "-"))
		model = shown(o, row, "requested");
	buf_addf(o->line, TAIL_FIELD, str_cstr(o->arena, started),
	    STR_ARG(shown(o, row, "key")), STR_ARG(model),
	    STR_ARG(shown(o, row, "outcome")), STR_ARG(shown(o, row, "status")),
	    (long long)sum[1], (long long)sum[0],
	    STR_ARG(shown(o, row, "duration_ms")));
	if (cost.n > 0)
		buf_addf(o->line, "$%.*s\n", STR_ARG(cost));
	else
		buf_addf(o->line, "unknown: %.*s\n",
		    STR_ARG(shown(o, row, "cost_note")));
}

/* The columns of the CSV, after which come sums over the attempts. */
static const char *const columns[] = { "id", "started_at", "ended_at", "key",
	"account", "user", "session", "task", "tags", "endpoint", "dialect",
	"stream", "requested", "route", "answered", "status", "outcome",
	"error", "cache", "saved_usd", "lossy", "ttft_ms", "duration_ms",
	"cost_usd", "cost_note" };

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void
csv_header(struct buf *out)
{
	size_t i;

	for (i = 0; i < N_COLUMNS; i++)
		buf_addf(out, "%s,", columns[i]);
	buf_addz(out, "attempts");
	for (i = 0; i < USAGE_BUCKETS; i++)
		buf_addf(out, ",%s", usage_bucket_names[i]);
	buf_addz(out, ",web_search\r\n");
}

/* RFC 4180 §2: quoted where it must be, quotes doubled. */
static void
csv_field(struct buf *out, struct str s)
{
	size_t i;

	for (i = 0; i < s.n && strchr(",\"\r\n", s.p[i]) == NULL; i++)
		continue;
	if (i == s.n) {
		buf_adds(out, s);
		return;
	}
	buf_addch(out, '"');
	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_addch(out, '"');
		buf_addch(out, s.p[i]);
	}
	buf_addch(out, '"');
}

static void
format_csv(struct output *o, struct str row)
{
	struct str attempt;
	size_t i;
	int n = 0;

	for (i = 0; i < N_COLUMNS; i++) {
		csv_field(o->line, member(o, row, columns[i]));
		buf_addch(o->line, ',');
	}
	while (attempt_at(o, row, n, &attempt))
		n++;
	buf_addf(o->line, "%d", n);
	for (i = 0; i < USAGE_BUCKETS; i++)
		buf_addf(o->line, ",%lld",
		    (long long)tokens(o, row, usage_bucket_names[i]));
	buf_addf(o->line, ",%lld\r\n",
	    (long long)tokens(o, row, "units.web_search"));
}

/* One row to the stream; false when it takes no more. */
static bool
put(void *arg, struct str row)
{
	struct output *o = arg;
	struct buf *line = o->line;

	buf_reset(line);
	arena_reset(o->arena);
	o->format(o, row);
	o->failed = buf_over(line) ||
	    fwrite(line->p, 1, line->n, o->cli->env->out) != line->n;
	return !o->failed;
}

/* Flush.  Returns the exit code. */
static int
output_end(struct output *o)
{
	arena_free(o->arena);
	if (o->failed || fflush(o->cli->env->out) == EOF)
		return cli_fail(o->cli, "cannot write the output");
	return CLI_DONE;
}

static void
output_init(struct output *o, struct cli *cli,
    void (*format)(struct output *, struct str))
{
	o->cli = cli;
	o->line = buf_new(cli->arena, MAX_LINE_BYTES);
	o->arena = arena_new(ROW_ARENA_BYTES);
	o->format = format;
	o->failed = false;
}

/* The newest rows, which come newest first and are wanted oldest first. */
struct tail {
	struct arena *arena;
	struct str *rows;
	size_t n, max;
};

static bool
keep(void *arg, struct str row)
{
	struct tail *t = arg;

	t->rows[t->n++] = str_dup(t->arena, row);
	return t->n < t->max && arena_used(t->arena) < MAX_TAIL_BYTES;
}

static int
run_tail(struct cli *cli, int argc, char **argv)
{
	int64_t n = 20;
	bool json = false;
	const struct cli_opt opts[] = {
		{ "-n", CLI_COUNT, &n, false },
		{ "--json", CLI_FLAG, &json, false },
	};
	struct ledger_filter filter = { .newest_first = true };
	struct tail tail = { .arena = cli->arena };
	struct output o;
	struct error err = { 0 };

	if (cli_options(cli, opts, 2, argc, argv) == -1)
		return CLI_USAGE;
	if (n > MAX_TAIL)
		return cli_wrong(cli, "-n: at most %d", MAX_TAIL);
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	filter.limit = tail.max = (size_t)n;
	tail.rows = ARENA_ARRAY(cli->arena, struct str, tail.max);
	if (ledger_read(cli->state, &filter, keep, &tail, &err) == -1)
		return cli_fail(cli, "%s", err.msg);
	output_init(&o, cli, json ? format_jsonl : format_human);
	if (!json)
		fprintf(cli->env->out, TAIL_HEAD, "STARTED (UTC)", "KEY",
		    "MODEL", "OUTCOME", "STATUS", "IN", "OUT", "MS", "COST");
	while (tail.n > 0 && put(&o, tail.rows[tail.n - 1]))
		tail.n--;
	return output_end(&o);
}

static int
run_export(struct cli *cli, int argc, char **argv)
{
	struct ledger_filter filter = { 0 };
	struct str format = STR("jsonl");
	const struct cli_opt opts[] = {
		{ "--format", CLI_TEXT, &format, false },
		{ "--since", CLI_TIME, &filter.since_us, false },
		{ "--until", CLI_TIME, &filter.until_us, false },
		{ "--key", CLI_TEXT, &filter.key, false },
		{ "--account", CLI_TEXT, &filter.account, false },
	};
	struct output o;
	struct error err = { 0 };
	bool csv;

	if (cli_options(
		cli, opts, sizeof(opts) / sizeof(opts[0]), argc, argv) == -1)
		return CLI_USAGE;
	csv = str_is(format, "csv");
	if (!csv && !str_is(format, "jsonl"))
		return cli_wrong(cli, "--format: jsonl or csv");
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	output_init(&o, cli, csv ? format_csv : format_jsonl);
	if (csv)
		csv_header(o.line);
	fwrite(o.line->p, 1, o.line->n, cli->env->out);
	if (ledger_read(cli->state, &filter, put, &o, &err) == -1) {
		output_end(&o);
		return cli_fail(cli, "%s", err.msg);
	}
	return output_end(&o);
}

static const struct cmd tail = {
	.name = "tail",
	.help = "the last calls, one a line",
	.usage = "sluice ledger tail [-n N] [--json]\n"
		 "  -n N    how many (20)\n"
		 "  --json  the whole rows, one JSON object a line",
	.run = run_tail,
};

static const struct cmd export = {
	.name = "export",
	.help = "all calls, for a spreadsheet or another program",
	.usage =
	    "sluice ledger export [options]\n"
	    "  --format F   jsonl (if not given) or csv\n"
	    "  --since T    calls that started at T or later\n"
	    "  --until T    calls that started before T\n"
	    "  --key K      of one gateway key, by its id\n"
	    "  --account A  of one account\n"
	    "T is a date or an RFC 3339 time, UTC.  jsonl has whole rows,\n"
	    "csv one line a call with tokens summed over its attempts.",
	.run = run_export,
};

const struct cmd cli_ledger = {
	.name = "ledger",
	.help = "read the ledger: every call and what it cost",
	.usage = "sluice ledger tail|export|summary|prune [arguments]",
	.verbs = (const struct cmd *const[]){ &tail, &export,
	    &cli_ledger_summary, &cli_ledger_prune, NULL },
};
