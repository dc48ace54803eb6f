/* SPDX-License-Identifier: MIT */
#include "core/buf.h"
#include "core/cli.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/evidence.h"
#include "core/experiment.h"
#include "core/experiment_report.h"
#include "core/fit.h"
#include "core/jw.h"
#include "core/money.h"
#include "core/trials_prune.h"
#include "core/trials_read.h"

#define MAX_OUTPUT_BYTES ((size_t)16 << 20)
#define PAGE             1000 /* verdicts read at a time */

/* The experiment named by the first word; NULL after a message. */
static const struct experiment *
find(struct cli *cli, struct str name)
{
	const struct experiment *e;

	if (cli_state(cli) == -1)
		return NULL;
	e = experiment_find(cli->conf, name);
	if (e == NULL)
		(void)cli_fail(
		    cli, "no experiment %.*s is configured", STR_ARG(name));
	return e;
}

static int
view_of(struct cli *cli, const struct experiment *e, struct trials_view *view)
{
	struct error err = { .kind = ERROR_NONE };

	if (trials_read(cli->state, e, cli->arena, view, &err) == 0)
		return CLI_DONE;
	return cli_fail(cli, "%s", err.msg);
}

/* --- list --- */

static int
run_list(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct cli_opt opts[] = { { "--json", CLI_FLAG, &json, false } };
	struct buf *out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	const struct experiment *e;
	struct trials_view view;
	char money[MONEY_TEXT_BYTES];
	struct jw w;

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	jw_init(&w, out);
	if (json)
		jw_array(&w);
	else
		buf_addf(out, "%-24s %-8s %8s %8s  %s\n", "EXPERIMENT", "MODE",
		    "JUDGED", "WAITING", "SPENT USD");
	for (e = cli->conf->experiments; e != NULL; e = e->next) {
		if (view_of(cli, e, &view) != CLI_DONE)
			return CLI_FAILED;
		if (json)
			experiment_report_write(e, &view, clock_wall_us(), &w);
		else
			buf_addf(out, "%-24.*s %-8s %8lld %8zu  %s\n",
			    STR_ARG(e->name),
			    e->mode == EXPERIMENT_SPLIT ? "split" : "shadow",
			    (long long)view.record.judged, view.waiting,
			    money_text(view.record.spent_pusd, money));
	}
	if (json) {
		jw_end(&w);
		buf_addch(out, '\n');
	}
	return cli_print(cli, out);
}

/* --- report --- */

static void
print_arm(struct buf *out, struct str name, const struct fit_arm *arm)
{
	char call[MONEY_TEXT_BYTES] = "-", accepted[MONEY_TEXT_BYTES] = "-";

	if (arm->call_pusd >= 0)
		money_text(arm->call_pusd, call);
	if (arm->accepted_pusd >= 0)
		money_text(arm->accepted_pusd, accepted);
	buf_addf(out,
	    "  %-32.*s %5lld  %.3f (%.3f-%.3f)  %3.0f %%  %10s  %10s\n",
	    STR_ARG(name), (long long)arm->n, arm->fit.mean, arm->fit.low,
	    arm->fit.high, 100 * arm->won.mean, call, accepted);
}

static void
print_verdict(
    struct buf *out, const struct experiment *e, const struct fit *fit)
{
	if (fit->verdict == FIT_WINNER)
		buf_addf(out, "  winner: %.*s\n",
		    STR_ARG(e->arms[fit->winner].name));
	else if (fit->verdict == FIT_NO_DIFFERENCE)
		buf_addf(out, "  no difference within %g\n", e->epsilon);
	else
		buf_addf(out, "  keep going: about %lld more verdicts\n",
		    (long long)fit->more);
}

static void
print_task(struct buf *out, struct arena *a, const struct experiment *e,
    const struct evidence *ev)
{
	struct fit fit;
	unsigned i;

	fit_of(&fit, ev, e);
	buf_addf(out, "task %.*s\n", STR_ARG(cli_shown(a, ev->task)));
	buf_addf(out, "  %-32s %5s  %-19s  %5s  %10s  %10s\n", "ARM", "N",
	    "FIT (95 %)", "WINS", "USD/CALL", "/ACCEPTED");
	for (i = 0; i < fit.n_arms; i++)
		print_arm(out, e->arms[i].name, &fit.arms[i]);
	print_verdict(out, e, &fit);
}

static int
run_report(struct cli *cli, int argc, char **argv)
{
	struct str name = STR_NONE;
	bool json = false;
	const struct cli_opt opts[] = {
		{ "NAME", CLI_WORD, &name, true },
		{ "--json", CLI_FLAG, &json, false },
	};
	struct buf *out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	const struct experiment *e;
	struct trials_view view;
	struct jw w;
	size_t i;

	if (cli_options(cli, opts, 2, argc, argv) == -1)
		return CLI_USAGE;
	e = find(cli, name);
	if (e == NULL || view_of(cli, e, &view) != CLI_DONE)
		return CLI_FAILED;
	if (json) {
		jw_init(&w, out);
		experiment_report_write(e, &view, clock_wall_us(), &w);
		buf_addch(out, '\n');
		return cli_print(cli, out);
	}
	if (view.n_evidence == 0)
		buf_addz(out, "no verdicts yet\n");
	for (i = 0; i < view.n_evidence; i++)
		print_task(out, cli->arena, e, view.evidence[i]);
	return cli_print(cli, out);
}

/* --- show: the verdicts --- */

static int
print_page(struct cli *cli, const struct verdict_page *page)
{
	struct buf out;
	size_t i;
	int rc;

	buf_init(&out, MAX_OUTPUT_BYTES);
	for (i = 0; i < page->n; i++) {
		buf_adds(&out, page->texts[i]);
		buf_addch(&out, '\n');
	}
	rc = cli_print(cli, &out);
	buf_release(&out);
	return rc;
}

static int
run_show(struct cli *cli, int argc, char **argv)
{
	struct str name = STR_NONE;
	const struct cli_opt opts[] = { { "NAME", CLI_WORD, &name, true } };
	struct error err = { .kind = ERROR_NONE };
	const struct experiment *e;
	struct verdict_page page = { .next = STR_NONE };
	int rc;

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	e = find(cli, name);
	if (e == NULL)
		return CLI_FAILED;
	do {
		if (trials_verdicts(cli->state, e, page.next, PAGE, cli->arena,
			&page, &err) != 0)
			return cli_fail(cli, "%s", err.msg);
		rc = print_page(cli, &page);
	} while (rc == CLI_DONE && page.next.p != NULL);
	return rc;
}

/* --- changes --- */

/* The new state, and the snapshot for routing. */
static int
set(struct cli *cli, const struct experiment *e, bool stopped,
    struct str promoted)
{
	struct error err = { .kind = ERROR_NONE };

	if (trials_switch(cli->state, e->name, stopped, promoted, &err) != 0 ||
	    fit_refresh(cli->state, cli->conf, &err) != 0)
		return cli_fail(cli, "%s", err.msg);
	cli_trail(cli,
	    promoted.p != NULL ? "experiment.promote"
		: stopped      ? "experiment.stop"
			       : "experiment.start",
	    e->name);
	return CLI_DONE;
}

static int
run_switch(struct cli *cli, int argc, char **argv, bool stopped)
{
	struct str name = STR_NONE;
	const struct cli_opt opts[] = { { "NAME", CLI_WORD, &name, true } };
	const struct experiment *e;

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	e = find(cli, name);
	return e != NULL ? set(cli, e, stopped, STR_NONE) : CLI_FAILED;
}

static int
run_start(struct cli *cli, int argc, char **argv)
{
	return run_switch(cli, argc, argv, false);
}

static int
run_stop(struct cli *cli, int argc, char **argv)
{
	return run_switch(cli, argc, argv, true);
}

static int
run_promote(struct cli *cli, int argc, char **argv)
{
	struct str name = STR_NONE, arm = STR_NONE;
	bool back = false;
	const struct cli_opt opts[] = {
		{ "NAME", CLI_WORD, &name, true },
		{ "ARM", CLI_WORD, &arm, false },
		{ "--back", CLI_FLAG, &back, false },
	};
	const struct experiment *e;

	if (cli_options(cli, opts, 3, argc, argv) == -1)
		return CLI_USAGE;
	if (back == (arm.p != NULL))
		return cli_wrong(cli, "either an arm or --back");
	e = find(cli, name);
	if (e == NULL)
		return CLI_FAILED;
	if (!back && experiment_arm(e, arm) < 0)
		return cli_fail(
		    cli, "%.*s has no arm %.*s", STR_ARG(name), STR_ARG(arm));
	return set(cli, e, !back, arm);
}

static int
run_label(struct cli *cli, int argc, char **argv)
{
	struct str name = STR_NONE, call = STR_NONE, label = STR_NONE;
	const struct cli_opt opts[] = {
		{ "NAME", CLI_WORD, &name, true },
		{ "CALL", CLI_WORD, &call, true },
		{ "ARM", CLI_WORD, &label, true },
	};
	struct error err = { .kind = ERROR_NONE };
	const struct experiment *e;

	if (cli_options(cli, opts, 3, argc, argv) == -1)
		return CLI_USAGE;
	e = find(cli, name);
	if (e == NULL)
		return CLI_FAILED;
	if (trials_label(cli->state, e, call, label, &err) != 0)
		return cli_fail(cli, "%s", err.msg);
	cli_trail(cli, "experiment.label", e->name);
	return CLI_DONE;
}

static int
run_forget(struct cli *cli, int argc, char **argv)
{
	struct str name = STR_NONE;
	const struct cli_opt opts[] = { { "NAME", CLI_WORD, &name, true } };
	struct error err = { .kind = ERROR_NONE };
	int rc;

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	rc = trials_forget(cli->state, name, &err);
	if (rc == 0)
		return cli_fail(cli, "nothing is known of %.*s", STR_ARG(name));
	if (rc < 0 || fit_refresh(cli->state, cli->conf, &err) != 0)
		return cli_fail(cli, "%s", err.msg);
	cli_trail(cli, "experiment.forget", name);
	return CLI_DONE;
}

static const struct cmd cmd_list = {
	.name = "list",
	.help = "all experiments, and how far they are",
	.usage = "sluice experiment list [--json]",
	.run = run_list,
};

static const struct cmd cmd_report = {
	.name = "report",
	.help = "what one has shown",
	.usage = "sluice experiment report NAME [--json]",
	.run = run_report,
};

static const struct cmd cmd_show = {
	.name = "show",
	.help = "its verdicts, one JSON object a line, the newest first",
	.usage = "sluice experiment show NAME",
	.run = run_show,
};

static const struct cmd cmd_start = {
	.name = "start",
	.help = "let it run again; its budget begins anew",
	.usage = "sluice experiment start NAME",
	.run = run_start,
};

static const struct cmd cmd_stop = {
	.name = "stop",
	.help = "no more trials until it is started again",
	.usage = "sluice experiment stop NAME",
	.run = run_stop,
};

static const struct cmd cmd_label = {
	.name = "label",
	.help = "say which arm was better at a call",
	.usage = "sluice experiment label NAME CALL ARM\n"
		 "  ARM  one of the two arms, or tie",
	.run = run_label,
};

static const struct cmd cmd_promote = {
	.name = "promote",
	.help = "send all calls of its route to one arm",
	.usage = "sluice experiment promote NAME ARM\n"
		 "sluice experiment promote NAME --back\n"
		 "  --back  as before, and running again",
	.run = run_promote,
};

static const struct cmd cmd_forget = {
	.name = "forget",
	.help = "remove all that is known of one, configured or not",
	.usage = "sluice experiment forget NAME",
	.run = run_forget,
};

static const struct cmd *const verbs[] = { &cmd_list, &cmd_report, &cmd_show,
	&cmd_start, &cmd_stop, &cmd_label, &cmd_promote, &cmd_forget, NULL };

const struct cmd cli_experiment = {
	.name = "experiment",
	.help = "A/B tests with a judge",
	.verbs = verbs,
};
