/* SPDX-License-Identifier: MIT */
/* `sluice backup`, `sluice verify` and `sluice recover`. */
#include "core/cli.h"

#include "core/audit.h"
#include "core/backup.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/ingest.h"
#include "core/jw.h"
#include "core/recover.h"
#include "core/visit.h"

#define MAX_OUTPUT_BYTES 4096

static void
write_audit(struct jw *w, const struct audit *found)
{
	jw_kv_i64(w, "rows", found->rows);
	jw_kv_i64(w, "open", found->open);
	jw_kv_i64(w, "rollups", found->rollups);
}

/* "N rows (M open), K sums: all in order", or as JSON. */
static int
report(struct cli *cli, bool json, const struct audit *found)
{
	struct buf *out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	struct jw w;

	jw_init(&w, out);
	if (json) {
		jw_object(&w);
		jw_kv_bool(&w, "ok", true);
		write_audit(&w, found);
		jw_end(&w);
		buf_addch(out, '\n');
	} else {
		buf_addf(out,
		    "%lld rows (%lld of them open), %lld sums: all in order\n",
		    (long long)found->rows, (long long)found->open,
		    (long long)found->rollups);
	}
	return cli_print(cli, out);
}

static int
run_backup(struct cli *cli, int argc, char **argv)
{
	struct str dir = STR_NONE;
	bool json = false;
	const struct cli_opt opts[] = {
		{ "DIR", CLI_WORD, &dir, true },
		{ "--json", CLI_FLAG, &json, false },
	};
	struct audit found;
	struct error err = { 0 };

	if (cli_options(cli, opts, 2, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (backup_make(cli->state, str_cstr(cli->arena, dir), &found, &err) !=
	    0)
		return cli_fail(cli, "%s", err.msg);
	if (!json)
		fputs("not in it: the master key, which opens credentials\n",
		    cli->env->out);
	return report(cli, json, &found);
}

static int
visit_audit(struct state *s, struct store *store, void *arg, struct error *err)
{
	if (ingest(s, store, 0, err) < 0)
		return -1;
	return audit(s->dir, store, arg, err);
}

static int
run_verify(struct cli *cli, int argc, char **argv)
{
	struct str dir = STR_NONE;
	bool json = false;
	const struct cli_opt opts[] = {
		{ "DIR", CLI_WORD, &dir, false },
		{ "--json", CLI_FLAG, &json, false },
	};
	struct audit found;
	struct error err = { 0 };
	int rc;

	if (cli_options(cli, opts, 2, argc, argv) == -1)
		return CLI_USAGE;
	if (dir.p == NULL && cli_state(cli) == -1)
		return CLI_FAILED;
	if (dir.p != NULL)
		rc = backup_verify(str_cstr(cli->arena, dir), &found, &err);
	else
		rc = visit_patiently(cli->state, visit_audit, &found, &err);
	if (rc != 0)
		return cli_fail(cli, "%s", err.msg);
	return report(cli, json, &found);
}

static int
report_recovery(struct cli *cli, const struct recovery *r)
{
	struct buf *out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_bool(&w, "ok", true);
	jw_kv_bool(&w, "rebuilt", r->rebuilt);
	jw_kv_bool(&w, "from_backup", r->from_backup);
	jw_kv_i64(&w, "salvaged", r->salvaged);
	write_audit(&w, &r->found);
	jw_end(&w);
	buf_addch(out, '\n');
	return cli_print(cli, out);
}

static int
run_recover(struct cli *cli, int argc, char **argv)
{
	struct str from = STR_NONE;
	bool json = false;
	const struct cli_opt opts[] = {
		{ "--from", CLI_TEXT, &from, false },
		{ "--json", CLI_FLAG, &json, false },
	};
	struct recovery r;
	struct error err = { 0 };

	if (cli_options(cli, opts, 2, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (recover(cli->state,
		from.p != NULL ? str_cstr(cli->arena, from) : NULL, &r,
		&err) != 0)
		return cli_fail(cli, "%s", err.msg);
	if (json)
		return report_recovery(cli, &r);
	fprintf(cli->env->out, "%s\n",
	    !r.rebuilt          ? "nothing was damaged"
		: r.from_backup ? "rebuilt from a backup and the journals"
				: "rebuilt from the journals");
	if (r.salvaged > 0)
		fprintf(cli->env->out,
		    "%lld rows could be read of what was damaged\n",
		    (long long)r.salvaged);
	return report(cli, false, &r.found);
}

const struct cmd cli_backup = {
	.name = "backup",
	.help = "copy the database, verify the copy",
	.usage =
	    "sluice backup DIR [--json]\n"
	    "DIR is new or empty.  Calls go on meanwhile.  Journals that the\n"
	    "verified copy covers are removed, and a damaged database is\n"
	    "rebuilt from the newest backup: leave it where it is.  The "
	    "master\n"
	    "key (master.key or $SLUICE_MASTER_KEY) is not part of it.",
	.run = run_backup,
};

const struct cmd cli_verify = {
	.name = "verify",
	.help = "is the database sound, do the sums add up?",
	.usage = "sluice verify [DIR] [--json]\n"
		 "DIR is a backup; if not given, the database itself is\n"
		 "verified, which keeps readers waiting (not calls).",
	.run = run_verify,
};

const struct cmd cli_recover = {
	.name = "recover",
	.help = "rebuild a damaged database",
	.usage =
	    "sluice recover [--from DIR] [--json]\n"
	    "  --from DIR  begin with this backup, even if nothing is damaged\n"
	    "Rebuilds from a backup (if none is named, the newest), the\n"
	    "journals since then, and what can be read of the damaged one,\n"
	    "which is kept as env.bad.*.  It may be done again.",
	.run = run_recover,
};
