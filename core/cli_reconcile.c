/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

#include <errno.h>
#include <string.h>

#include "core/arena.h"
#include "core/bill.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jw.h"
#include "core/money.h"
#include "core/reconcile.h"
#include "core/registry.h"

#define MAX_OUTPUT_BYTES ((size_t)256 << 20)
#define WORK_BYTES       ((size_t)2 << 30)

static int
read_file(struct cli *cli, struct str path, struct buf *text)
{
	FILE *f = fopen(str_cstr(cli->arena, path), "rb");
	char piece[65536];
	size_t n;
	bool failed;

	if (f == NULL) {
		cli_fail(cli, "%.*s: %s", STR_ARG(path), strerror(errno));
		return -1;
	}
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_add(text, piece, n);
	failed = ferror(f) != 0;
	fclose(f);
	if (failed || buf_over(text)) {
		cli_fail(cli, "%.*s: %s", STR_ARG(path),
		    failed ? "cannot be read" : "is too large");
		return -1;
	}
	return 0;
}

/* A side's figure as text: dollars, or tokens. */
static const char *
figure(struct arena *a, bool there, bool cost, int64_t v)
{
	char text[MONEY_TEXT_BYTES];

	if (!there)
		return "-";
	return cost ? arena_printf(a, "%s", money_text(v, text))
		    : arena_printf(a, "%lld", (long long)v);
}

static int64_t
value_of(const struct reconcile_side *s, bool cost)
{
	return cost ? s->cost_pusd : s->input_tokens + s->output_tokens;
}

static void
put_group(struct buf *out, struct arena *a, bool cost,
    const struct reconcile_group *g)
{
	struct str model = cli_shown(a, g->model);

	buf_addf(out, "%-10.*s %18s %18s %18s  %.*s%s%.*s%s%s\n",
	    STR_ARG(g->day.p != NULL ? g->day : STR("total")),
	    figure(a, g->ledger.there, cost, value_of(&g->ledger, cost)),
	    figure(a, g->bill.there, cost, value_of(&g->bill, cost)),
	    figure(a, true, cost, g->drift), STR_ARG(model),
	    g->key.p != NULL ? " / " : "",
	    STR_ARG(g->key.p != NULL ? cli_shown(a, g->key) : STR_NONE),
	    g->reason != NULL ? ": " : "", g->reason != NULL ? g->reason : "");
}

static void
put_table(struct buf *out, struct arena *a, const struct bill *bill,
    const struct reconciliation *r)
{
	const char *unit = bill->has_cost ? "$" : "TOKENS";
	size_t i;

	buf_addf(out, "%s\n%-10s %18s %18s %18s  MODEL\n", bill->format, "DAY",
	    arena_printf(a, "LEDGER %s", unit),
	    arena_printf(a, "BILL %s", unit),
	    arena_printf(a, "DRIFT %s", unit));
	for (i = 0; i < r->n; i++)
		put_group(out, a, bill->has_cost, &r->groups[i]);
	put_group(out, a, bill->has_cost, &r->total);
}

static int
run_with(struct cli *cli, struct arena *a, struct bill_export *x,
    struct str file, struct str keys, bool json)
{
	struct buf *text = buf_new(a, BILL_MAX_BYTES);
	struct buf *out = buf_new(a, MAX_OUTPUT_BYTES);
	struct reconciliation r;
	struct bill bill;
	struct error err = { 0 };
	struct jw w;

	if (read_file(cli, file, text) != 0)
		return CLI_FAILED;
	x->text = buf_str(text);
	if (bill_read(a, x, &bill, &err) != 0)
		return cli_fail(cli, "%.*s: %s", STR_ARG(file), err.msg);
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (reconcile(cli->state, x->vendor, &bill, keys, a, &r, &err) != 0)
		return cli_fail(cli, "%s", err.msg);
	if (json) {
		jw_init(&w, out);
		reconcile_write(&bill, &r, &w);
		buf_addch(out, '\n');
	} else {
		put_table(out, a, &bill, &r);
	}
	return cli_print(cli, out);
}

static int
run(struct cli *cli, int argc, char **argv)
{
	struct bill_export x = { .formats = cli->env->registry->bills };
	struct str file = STR_NONE, keys = STR_NONE;
	const char *vendors;
	bool json = false;
	const struct cli_opt opts[] = {
		{ "--provider", CLI_TEXT, &x.vendor, true },
		{ "FILE", CLI_WORD, &file, true },
		{ "--keys", CLI_TEXT, &keys, false },
		{ "--json", CLI_FLAG, &json, false },
	};
	struct arena *a;
	int rc;

	if (cli_options(cli, opts, 4, argc, argv) == -1)
		return CLI_USAGE;
	vendors = bill_vendors(cli->arena, x.formats, x.vendor);
	if (vendors != NULL)
		return cli_wrong(cli, "--provider: %s", vendors);
	a = arena_new(WORK_BYTES);
	rc = run_with(cli, a, &x, file, keys, json);
	arena_free(a);
	return rc;
}

const struct cmd cli_reconcile = {
	.name = "reconcile",
	.help = "compare the ledger with a provider's bill",
	.usage =
	    "sluice reconcile --provider openai|anthropic FILE [options]\n"
	    "  --keys A=B,...  the provider's API key A (its name or id in "
	    "the\n"
	    "                  export) is the credential B of the ledger; "
	    "then\n"
	    "                  keys are told apart\n"
	    "  --json          one JSON object\n"
	    "FILE is an export of costs or of usage by day, JSON or CSV:\n"
	    "OpenAI /v1/organization/costs and /usage/completions, or the\n"
	    "dashboard's; Anthropic cost_report and usage_report, or the\n"
	    "console's.  Group it by model (OpenAI costs: by line item).\n"
	    "DRIFT is bill minus ledger, per day (UTC) and model.",
	.run = run,
};
