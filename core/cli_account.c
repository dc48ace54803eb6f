/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/account.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jw.h"
#include "core/seal.h"

#define MAX_OUTPUT_BYTES (32u << 20)
#define MAX_SECRET_BYTES 16384

/* What changes an account. */
struct deed {
	const char *action;
	struct str target;
};

static int
finish(
    struct cli *cli, const struct deed *deed, int rc, const struct error *err)
{
	if (rc == -1)
		return cli_fail(cli, "%s", err->msg);
	cli_trail(cli, deed->action, deed->target);
	return CLI_DONE;
}

static struct str
place(struct cli *cli, struct str account, struct str provider)
{
	return str_of(arena_printf(
	    cli->arena, "%.*s/%.*s", STR_ARG(account), STR_ARG(provider)));
}

/* --allow-shared yes|no; absent leaves ${*allow}. */
static int
read_allow(struct cli *cli, struct str word, bool *allow)
{
	if (word.p == NULL)
		return 0;
	*allow = str_is(word, "yes");
	if (*allow || str_is(word, "no"))
		return 0;
	cli_wrong(cli, "--allow-shared: \"%.*s\" is neither yes nor no",
	    STR_ARG(word));
	return -1;
}

static int
run_create(struct cli *cli, int argc, char **argv)
{
	struct str name = STR_NONE, shared = STR_NONE;
	bool allow = true;
	const struct cli_opt opts[] = {
		{ "NAME", CLI_WORD, &name, true },
		{ "--allow-shared", CLI_TEXT, &shared, false },
	};
	struct error err = { 0 };

	if (cli_options(cli, opts, 2, argc, argv) == -1 ||
	    read_allow(cli, shared, &allow) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	return finish(cli, &(struct deed){ "account.create", name },
	    account_create(cli->state, name, allow, &err), &err);
}

static int
run_remove(struct cli *cli, int argc, char **argv)
{
	struct str name = STR_NONE;
	const struct cli_opt opts[] = { { "NAME", CLI_WORD, &name, true } };
	struct error err = { 0 };

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	return finish(cli, &(struct deed){ "account.remove", name },
	    account_remove(cli->state, name, &err), &err);
}

/* All of file ${path}, "-" being standard input; wiped with the run. */
static int
read_file(struct cli *cli, const char *path, struct str *out)
{
	char *text = arena_alloc(cli->arena, MAX_SECRET_BYTES + 1);
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	size_t n;

	if (f == NULL) {
		cli_fail(cli, "%s cannot be read", path);
		return -1;
	}
	setvbuf(f, NULL, _IONBF, 0); /* no copy of it stays behind */
	n = fread(text, 1, MAX_SECRET_BYTES + 1, f);
	if (f != stdin)
		fclose(f);
	seal_wipe_later(cli->arena, (struct str){ text, n });
	*out = str_trim((struct str){ text, n });
	if (n <= MAX_SECRET_BYTES && out->n > 0)
		return 0;
	cli_fail(cli, "%s: %s", strcmp(path, "-") ? path : "standard input",
	    out->n > 0 ? "too long" : "there is no key");
	return -1;
}

/* "-", "env:NAME" or "file:PATH". */
static int
read_secret(struct cli *cli, struct str ref, struct str *out)
{
	const char *text = str_cstr(cli->arena, ref), *value;

	if (str_is(ref, "-"))
		return read_file(cli, "-", out);
	if (str_starts(ref, "file:"))
		return read_file(cli, text + 5, out);
	if (!str_starts(ref, "env:")) {
		cli_wrong(cli,
		    "a secret does not belong on a command line: give \"-\" "
		    "(standard input), env:NAME or file:PATH");
		return -1;
	}
	value = getenv(text + 4);
	*out = str_trim(str_of(value));
	if (out->n > 0)
		return 0;
	cli_fail(cli, "the variable %s is not set", text + 4);
	return -1;
}

struct setting {
	struct str name, provider, key, shared;
	bool add, allow;
};

static int
change(struct cli *cli, const struct setting *s, struct str secret)
{
	struct error err = { 0 };

	if (s->shared.p != NULL &&
	    account_allow(cli->state, s->name, s->allow, &err) == -1)
		return cli_fail(cli, "%s", err.msg);
	if (s->shared.p != NULL)
		cli_trail(cli, "account.edit", s->name);
	if (s->key.p == NULL)
		return CLI_DONE;
	if (conf_provider_find(cli->conf, s->provider) == NULL)
		fprintf(cli->env->err,
		    "note: no provider is called %.*s in the configuration\n",
		    STR_ARG(s->provider));
	return finish(cli,
	    &(struct deed){
		"credential.set", place(cli, s->name, s->provider) },
	    account_set(cli->state, s->name, s->provider, secret, s->add, &err),
	    &err);
}

static int
run_set(struct cli *cli, int argc, char **argv)
{
	struct setting s = { .name = STR_NONE };
	const struct cli_opt opts[] = {
		{ "NAME", CLI_WORD, &s.name, true },
		{ "PROVIDER", CLI_WORD, &s.provider, false },
		{ "--key", CLI_TEXT, &s.key, false },
		{ "--add", CLI_FLAG, &s.add, false },
		{ "--allow-shared", CLI_TEXT, &s.shared, false },
	};
	struct str secret = STR_NONE;

	if (cli_options(
		cli, opts, sizeof(opts) / sizeof(opts[0]), argc, argv) == -1 ||
	    read_allow(cli, s.shared, &s.allow) == -1)
		return CLI_USAGE;
	if ((s.key.p == NULL) != (s.provider.p == NULL) ||
	    (s.key.p == NULL && s.shared.p == NULL))
		return cli_wrong(
		    cli, "give PROVIDER with --key, or --allow-shared");
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (s.key.p != NULL && read_secret(cli, s.key, &secret) == -1)
		return CLI_FAILED;
	return change(cli, &s, secret);
}

static int
run_unset(struct cli *cli, int argc, char **argv)
{
	struct str name = STR_NONE, provider = STR_NONE;
	const struct cli_opt opts[] = {
		{ "NAME", CLI_WORD, &name, true },
		{ "PROVIDER", CLI_WORD, &provider, true },
	};
	struct error err = { 0 };

	if (cli_options(cli, opts, 2, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	return finish(cli,
	    &(struct deed){ "credential.remove", place(cli, name, provider) },
	    account_set(cli->state, name, provider, STR_NONE, false, &err),
	    &err);
}

static int
run_rekey(struct cli *cli, int argc, char **argv)
{
	struct str from = STR_NONE, old = STR_NONE;
	const struct cli_opt opts[] = { { "--from", CLI_TEXT, &from, false } };
	struct error err = { 0 };

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (from.p != NULL && read_secret(cli, from, &old) == -1)
		return CLI_FAILED;
	return finish(cli, &(struct deed){ "account.rekey", STR_NONE },
	    account_rekey(cli->state, old, &err), &err);
}

/* Where accounts go as they are listed. */
struct list {
	struct buf *out;
	struct jw w;
	struct str only; /* absent: all */
	bool json;
	int n;
};

static void
put_account(void *arg, const struct account *a)
{
	struct list *l = arg;
	const struct credential *c;

	if (l->only.p != NULL && !str_eq(l->only, a->name))
		return;
	l->n++;
	if (l->json) {
		account_json(a, &l->w);
		return;
	}
	buf_addf(l->out, "%-20.*s  %-6s ", STR_ARG(a->name),
	    a->allow_shared ? "yes" : "no");
	for (c = a->credentials; c != NULL; c = c->next)
		buf_addf(l->out, " %.*s", STR_ARG(c->provider));
	buf_addch(l->out, '\n');
}

static int
print_accounts(struct cli *cli, struct list *l)
{
	struct error err = { 0 };

	if (cli_state(cli) == -1)
		return CLI_FAILED;
	l->out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	jw_init(&l->w, l->out);
	if (!l->json)
		buf_addf(l->out, "%-20s  %-6s  %s\n", "ACCOUNT", "SHARED",
		    "OWN CREDENTIALS, IN ORDER");
	else if (l->only.p == NULL)
		jw_array(&l->w);
	if (account_each(cli->state, put_account, l, &err) == -1)
		return cli_fail(cli, "%s", err.msg);
	if (l->only.p != NULL && l->n == 0)
		return cli_fail(
		    cli, "account %.*s not found", STR_ARG(l->only));
	if (l->json && l->only.p == NULL)
		jw_end(&l->w);
	if (l->json)
		buf_addch(l->out, '\n');
	return cli_print(cli, l->out);
}

static int
run_list(struct cli *cli, int argc, char **argv)
{
	struct list l = { .n = 0 };
	const struct cli_opt opts[] = { { "--json", CLI_FLAG, &l.json,
	    false } };

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	return print_accounts(cli, &l);
}

static int
run_show(struct cli *cli, int argc, char **argv)
{
	struct list l = { .n = 0 };
	const struct cli_opt opts[] = {
		{ "NAME", CLI_WORD, &l.only, true },
		{ "--json", CLI_FLAG, &l.json, false },
	};

	if (cli_options(cli, opts, 2, argc, argv) == -1)
		return CLI_USAGE;
	return print_accounts(cli, &l);
}

#define SHARED                                                                 \
	"  --allow-shared yes|no  may it use the configured credentials "      \
	"(yes)"

static const struct cmd create = {
	.name = "create",
	.help = "make an account",
	.usage = "sluice account create NAME [--allow-shared yes|no]\n" SHARED,
	.run = run_create,
};

static const struct cmd list = {
	.name = "list",
	.help = "all accounts and what they have, without secrets",
	.usage = "sluice account list [--json]",
	.run = run_list,
};

static const struct cmd show = {
	.name = "show",
	.help = "one account",
	.usage = "sluice account show NAME [--json]",
	.run = run_show,
};

static const struct cmd set = {
	.name = "set",
	.help = "give an account its own credential for a provider",
	.usage = "sluice account set NAME [PROVIDER --key REF [--add]] "
		 "[--allow-shared yes|no]\n"
		 "  --key REF  where the secret is: \"-\" (standard input), "
		 "env:NAME, file:PATH\n"
		 "  --add      as the next one to try, instead of the only "
		 "one\n" SHARED,
	.run = run_set,
};

static const struct cmd unset = {
	.name = "unset",
	.help = "remove an account's credentials for a provider",
	.usage = "sluice account unset NAME PROVIDER",
	.run = run_unset,
};

static const struct cmd drop = {
	.name = "remove",
	.help = "remove an account with its credentials",
	.usage = "sluice account remove NAME",
	.run = run_remove,
};

static const struct cmd rekey = {
	.name = "rekey",
	.help = "seal all credentials under a new master key",
	.usage =
	    "sluice account rekey [--from REF]\n"
	    "  New is $SLUICE_MASTER_KEY if that is set, else a fresh\n"
	    "  master.key in data_dir.\n"
	    "  --from REF  the master key before: \"-\", env:NAME, file:PATH\n"
	    "              (master.key if not given)",
	.run = run_rekey,
};

const struct cmd cli_account = {
	.name = "account",
	.help = "teams and their own provider credentials",
	.usage = "sluice account create|list|show|set|unset|remove|rekey "
		 "[arguments]",
	.verbs = (const struct cmd *const[]){ &create, &list, &show, &set,
	    &unset, &drop, &rekey, NULL },
};
