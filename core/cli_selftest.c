/* SPDX-License-Identifier: MIT */
/* `sluice selftest [BASE_URL]`: selftest.h, as a table. */
#include "core/cli.h"

#include <ctype.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/jw.h"
#include "core/selftest.h"

#define MAX_OUTPUT_BYTES (1u << 20)

static const char *const words[] = {
	[SELFTEST_HOLDS] = "ok",
	[SELFTEST_FAILS] = "FAILS",
	[SELFTEST_ABSENT] = "absent",
};

struct table {
	FILE *out;
	bool as_json;
	struct buf *lines;
	struct jw w;
	unsigned n[3]; /* by verdict */
};

static void
tell_json(struct table *t, const struct selftest_result *r)
{
	jw_object(&t->w);
	jw_kv_cstr(&t->w, "name", r->name);
	jw_kv_cstr(&t->w, "result", words[r->verdict]);
	jw_kv_cstr(&t->w, "why", r->why);
	jw_end(&t->w);
}

/* Some of it comes from servers, and may go to a terminal. */
static void
tell_text(struct table *t, const struct selftest_result *r)
{
	const char *p;

	fprintf(t->out, "%-8s %s", words[r->verdict], r->name);
	if (r->why != NULL)
		fputs("\n           ", t->out);
	for (p = r->why; p != NULL && *p != '\0'; p++)
		fputc(iscntrl((unsigned char)*p) ? ' ' : *p, t->out);
	fputc('\n', t->out);
	fflush(t->out);
}

static void
tell(void *arg, const struct selftest_result *r)
{
	struct table *t = arg;

	t->n[r->verdict]++;
	if (t->as_json)
		tell_json(t, r);
	else
		tell_text(t, r);
}

static int
print_end(struct cli *cli, struct table *t)
{
	if (t->as_json) {
		jw_end(&t->w);
		buf_addch(t->lines, '\n');
	} else {
		buf_addf(t->lines, "%u hold, %u fail, %u absent\n",
		    t->n[SELFTEST_HOLDS], t->n[SELFTEST_FAILS],
		    t->n[SELFTEST_ABSENT]);
	}
	return cli_print(cli, t->lines);
}

static int
run_selftest(struct cli *cli, int argc, char **argv)
{
	struct table table = { .out = cli->env->out };
	struct selftest t = { .arena = cli->arena,
		.base = STR("http://127.0.0.1:8080"),
		.key = str_of(getenv("SLUICE_KEY")),
		.model = STR("echo/echo"),
		.tell = tell,
		.arg = &table };
	const struct cli_opt opts[] = {
		{ "BASE_URL", CLI_WORD, &t.base, false },
		{ "--key", CLI_TEXT, &t.key, false },
		{ "--model", CLI_TEXT, &t.model, false },
		{ "--json", CLI_FLAG, &table.as_json, false },
	};
	unsigned failures;
	int rc;

	if (cli_options(
		cli, opts, sizeof(opts) / sizeof(opts[0]), argc, argv) != 0)
		return CLI_USAGE;
	table.lines = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	jw_init(&table.w, table.lines);
	if (table.as_json)
		jw_array(&table.w);
	failures = selftest_run(&t);
	rc = print_end(cli, &table);
	return failures > 0 ? CLI_FAILED : rc;
}

const struct cmd cli_selftest = {
	.name = "selftest",
	.help = "does a gateway, or a provider, keep to the formats?",
	.usage = "sluice selftest [BASE_URL] [--key K] [--model M] [--json]\n"
		 "  BASE_URL    whom to ask; default http://127.0.0.1:8080\n"
		 "  --key K     the credential; default $SLUICE_KEY\n"
		 "  --model M   the model to ask; default echo/echo",
	.run = run_selftest,
};
