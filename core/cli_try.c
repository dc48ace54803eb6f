/* SPDX-License-Identifier: MIT */
/*
 * `sluice try "prompt" -m MODEL`: one real call without a web server, through
 * the same legs as any other; the answer on standard output, what it cost on
 * standard error.
 */
#include "core/arena.h"
#include "core/call.h"
#include "core/cli.h"
#include "core/conf.h"
#include "core/event.h"
#include "core/loop.h"
#include "core/money.h"
#include "core/upstream.h"

/* Prints what the model says as it comes. */
struct printer {
	struct sink sink;
	FILE *out;
	bool ended;
};

static int
print_event(struct sink *s, const struct event *ev, struct error *err)
{
	struct printer *p = (struct printer *)s;

	(void)err;
	if (ev->kind == EVENT_DELTA)
		fwrite(ev->text.p, 1, ev->text.n, p->out);
	return 0;
}

static void
on_progress(void *arg)
{
	struct printer *p = arg;

	fflush(p->out);
}

static void
on_ended(void *arg)
{
	struct printer *p = arg;

	p->ended = true;
}

/* The request: one user turn. */
static void
ask_prompt(struct call *c, struct str model, struct str prompt)
{
	struct chat *chat = ARENA_NEW(c->arena, struct chat);
	struct turn *turn;

	chat->arena = c->arena;
	chat->stream = true;
	turn = chat_turn(chat, ROLE_USER);
	turn->path = STR("prompt");
	chat_part(chat, &turn->parts, PART_TEXT)->text = prompt;
	c->ask.chat = chat;
	c->ask.stream = true;
	c->ask.model = model;
	c->ask.body = prompt;
	c->row.endpoint = "try";
	c->row.dialect = "none";
	c->row.requested = model;
	c->row.stream = true;
}

static int
run_middle(struct call *c, FILE *out)
{
	static const struct call_events events = { on_progress, on_ended };
	struct printer printer = { .sink = { print_event }, .out = out };
	struct upstream *upstream = NULL;
	struct loop *loop = loop_new(&c->err);

	if (loop != NULL)
		upstream = upstream_new(loop);
	if (upstream != NULL) {
		call_run(c, loop, upstream, &printer.sink, &events, &printer);
		while (!printer.ended)
			loop_turn(loop, -1);
		call_price(c);
	}
	upstream_free(upstream);
	loop_free(loop);
	return c->err.kind == ERROR_NONE ? 0 : -1;
}

static void
report(const struct cli *cli, const struct call *c)
{
	const struct ledger_call *row = &c->row;
	char money[MONEY_TEXT_BYTES] = "unknown";

	if (row->cost.known)
		money_text(row->cost.pusd, money);
	fprintf(cli->env->err, "\n%s: %.*s, %lld ms, cost USD %s%s%s\n",
	    row->id, STR_ARG(row->answered), (long long)row->duration_ms, money,
	    row->cost.known ? "" : ": ", row->cost.known ? "" : row->cost.why);
}

static int
run_try(struct cli *cli, int argc, char **argv)
{
	struct str model = STR_NONE, prompt = STR_NONE;
	const struct cli_opt opts[] = {
		{ "-m", CLI_TEXT, &model, true },
		{ "PROMPT", CLI_WORD, &prompt, true },
	};
	struct call c;
	int rc;

	if (cli_options(cli, opts, 2, argc, argv) != 0)
		return CLI_USAGE;
	if (cli_state(cli) != 0)
		return CLI_FAILED;
	call_init(&c, cli->arena, cli->conf, cli->state);
	ask_prompt(&c, model, prompt);
	rc = call_front(&c);
	if (rc == 0)
		rc = run_middle(&c, cli->env->out);
	call_settle(&c, rc == 0 ? 200 : c.err.status);
	if (rc != 0)
		return cli_fail(cli, "%s", c.err.msg);
	report(cli, &c);
	return CLI_DONE;
}

const struct cmd cli_try = {
	.name = "try",
	.help = "one call to a model, without a web server",
	.usage = "sluice try PROMPT -m MODEL\n"
		 "  -m MODEL  a model name as a client would use it",
	.run = run_try,
};
