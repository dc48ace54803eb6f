/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

#include "core/arena.h"
#include "core/budget.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jw.h"
#include "core/limit.h"
#include "core/money.h"

#define MAX_OUTPUT_BYTES (32u << 20)

/* Which budget is meant: scope, name, window (or any). */
struct which {
	struct str scope, name, per;
	struct budget budget;
};

static int
read_which(struct cli *cli, struct which *w)
{
	struct budget *b = &w->budget;

	b->name = w->name;
	b->scope = w->scope.p ? budget_scope_of(w->scope) : BUDGET_KEY;
	b->window = w->per.p ? window_of(w->per) : WINDOWS;
	if (b->scope == BUDGET_SCOPES)
		return cli_wrong(cli,
		    "\"%.*s\" is none of key, account, user, tag",
		    STR_ARG(w->scope));
	if (w->per.p != NULL && b->window == WINDOWS)
		return cli_wrong(cli,
		    "--per: \"%.*s\" is none of day, week, month, total",
		    STR_ARG(w->per));
	return CLI_DONE;
}

/* As the audit log names it. */
static struct str
place(struct cli *cli, const struct which *w)
{
	return str_of(arena_printf(
	    cli->arena, "%.*s/%.*s", STR_ARG(w->scope), STR_ARG(w->name)));
}

static int
run_set(struct cli *cli, int argc, char **argv)
{
	struct which w = { .scope = STR_NONE };
	struct budget *b = &w.budget;
	const struct cli_opt opts[] = {
		{ "SCOPE", CLI_WORD, &w.scope, true },
		{ "NAME", CLI_WORD, &w.name, true },
		{ "--usd", CLI_USD, &b->pusd, true },
		{ "--per", CLI_TEXT, &w.per, true },
		{ "--alert", CLI_COUNT, &b->alert_pct, false },
	};
	struct error err = { 0 };

	if (cli_options(
		cli, opts, sizeof(opts) / sizeof(opts[0]), argc, argv) == -1)
		return CLI_USAGE;
	if (read_which(cli, &w) != CLI_DONE)
		return CLI_USAGE;
	if (b->alert_pct > 100)
		return cli_wrong(cli, "--alert is a percentage, 1 to 100");
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (budget_set(cli->state, b, &err) == -1)
		return cli_fail(cli, "%s", err.msg);
	cli_trail(cli, "budget.set", place(cli, &w));
	return CLI_DONE;
}

static int
run_remove(struct cli *cli, int argc, char **argv)
{
	struct which w = { .scope = STR_NONE };
	const struct cli_opt opts[] = {
		{ "SCOPE", CLI_WORD, &w.scope, true },
		{ "NAME", CLI_WORD, &w.name, true },
		{ "--per", CLI_TEXT, &w.per, false },
	};
	struct error err = { 0 };

	if (cli_options(
		cli, opts, sizeof(opts) / sizeof(opts[0]), argc, argv) == -1)
		return CLI_USAGE;
	if (read_which(cli, &w) != CLI_DONE)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (budget_remove(cli->state, w.budget.scope, w.budget.name,
		w.budget.window, &err) == -1)
		return cli_fail(cli, "%s", err.msg);
	cli_trail(cli, "budget.remove", place(cli, &w));
	return CLI_DONE;
}

static void
put_line(
    struct buf *out, const struct budget *b, const struct limit_standing *now)
{
	char limit[MONEY_TEXT_BYTES], spent[MONEY_TEXT_BYTES];
	char reserved[MONEY_TEXT_BYTES], left[MONEY_TEXT_BYTES];
	char resets[CLOCK_TEXT_BYTES] = "never";

	if (now->resets_us != INT64_MAX)
		clock_text(now->resets_us, resets);
	buf_addf(out, "%-7s  %-20.*s  %-5s  %10s  %14s  %14s  %14s  %.16s\n",
	    budget_scopes[b->scope], STR_ARG(b->name), window_words[b->window],
	    money_text(b->pusd, limit), money_text(now->spent, spent),
	    money_text(now->reserved, reserved),
	    money_text(limit_left(b, now), left), resets);
}

static bool
is_wanted(const struct which *w, const struct budget *b)
{
	return (w->scope.p == NULL || b->scope == w->budget.scope) &&
	    (w->name.p == NULL || str_eq(b->name, w->name));
}

/* Write the budgets that ${w} wants; how many. */
static int
put_budgets(struct cli *cli, const struct which *w,
    const struct budget_list *list, struct buf *out, bool json)
{
	const struct limit_ask when = { .now_us = clock_wall_us(),
		.zone = cli->conf->zone,
		.zone_name = cli->conf->zone_name };
	struct limits *limits = limits_new(cli->state);
	struct limit_standing now;
	struct error err = { 0 };
	struct jw jw;
	size_t i;
	int n = 0;

	jw_init(&jw, out);
	if (json)
		jw_array(&jw);
	for (i = 0; i < list->n && err.kind == ERROR_NONE; i++) {
		if (!is_wanted(w, &list->budgets[i]) ||
		    limit_standing(
			limits, &list->budgets[i], &when, &now, &err) != 0)
			continue;
		n++;
		if (json)
			limit_json(&jw, &list->budgets[i], &now);
		else
			put_line(out, &list->budgets[i], &now);
	}
	if (json)
		jw_end(&jw);
	limits_free(limits);
	if (err.kind == ERROR_NONE)
		return n;
	cli_fail(cli, "%s", err.msg);
	return -1;
}

static int
print_budgets(struct cli *cli, struct which *w, bool json)
{
	struct budget_list list;
	struct error err = { 0 };
	struct buf *out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	int n;

	if (read_which(cli, w) != CLI_DONE)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (budget_read(cli->state, cli->arena, &list, &err) == -1)
		return cli_fail(cli, "%s", err.msg);
	if (!json)
		buf_addf(out, "%-7s  %-20s  %-5s  %10s  %14s  %14s  %14s  %s\n",
		    "SCOPE", "NAME", "PER", "USD", "SPENT", "RESERVED", "LEFT",
		    "RESETS (UTC)");
	n = put_budgets(cli, w, &list, out, json);
	if (n < 0)
		return CLI_FAILED;
	if (n == 0 && w->name.p != NULL)
		return cli_fail(cli, "%.*s %.*s has no budget",
		    STR_ARG(w->scope), STR_ARG(w->name));
	if (json)
		buf_addch(out, '\n');
	return cli_print(cli, out);
}

static int
run_list(struct cli *cli, int argc, char **argv)
{
	struct which w = { .scope = STR_NONE };
	bool json = false;
	const struct cli_opt opts[] = { { "--json", CLI_FLAG, &json, false } };

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	return print_budgets(cli, &w, json);
}

static int
run_show(struct cli *cli, int argc, char **argv)
{
	struct which w = { .scope = STR_NONE };
	bool json = false;
	const struct cli_opt opts[] = {
		{ "SCOPE", CLI_WORD, &w.scope, true },
		{ "NAME", CLI_WORD, &w.name, true },
		{ "--json", CLI_FLAG, &json, false },
	};

	if (cli_options(
		cli, opts, sizeof(opts) / sizeof(opts[0]), argc, argv) == -1)
		return CLI_USAGE;
	return print_budgets(cli, &w, json);
}

#define WHICH                                                                  \
	"  SCOPE NAME    key ID, account NAME, user NAME,"                     \
	" tag KEY=VALUE\n"

static const struct cmd set = {
	.name = "set",
	.help = "make or change a budget",
	.usage =
	    "sluice budget set SCOPE NAME --usd X --per WINDOW "
	    "[--alert P]\n" WHICH "  --usd X       the most that may be spent\n"
	    "  --per WINDOW  day, week, month (limits.zone) or total\n"
	    "  --alert P     log a warning when P per cent are spent",
	.run = run_set,
};

static const struct cmd list = {
	.name = "list",
	.help = "all budgets, what is spent and what is left",
	.usage = "sluice budget list [--json]",
	.run = run_list,
};

static const struct cmd show = {
	.name = "show",
	.help = "the budgets of one key, account, user or tag",
	.usage = "sluice budget show SCOPE NAME [--json]\n" WHICH,
	.run = run_show,
};

static const struct cmd drop = {
	.name = "remove",
	.help = "remove a budget",
	.usage = "sluice budget remove SCOPE NAME [--per WINDOW]\n" WHICH
		 "  --per WINDOW  only this one",
	.run = run_remove,
};

const struct cmd cli_budget = {
	.name = "budget",
	.help = "limit what keys, accounts, users and tags may spend",
	.usage = "sluice budget set|list|show|remove [arguments]",
	.verbs = (const struct cmd *const[]){ &set, &list, &show, &drop, NULL },
};
