/* SPDX-License-Identifier: MIT */
/*
 * The operator's command line: `sluice VERB ...`.  A verb is a const struct
 * cmd in its own file cli_<verb>.c; cli.c has their table, `help`, `version`
 * and the reader of options.  Nothing here exits or writes elsewhere than to
 * the two streams of struct cli_env, so that tests can run verbs.
 */
#ifndef CORE_CLI_H
#define CORE_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/str.h"

struct arena;
struct buf;
struct conf;
struct registry;
struct state;

/* Exit codes of the program. */
enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2
};

/* What the caller gives. */
struct cli_env {
	const struct registry *registry;
	FILE *out, *err;
};

/* One run of one verb. */
struct cli {
	const struct cli_env *env;
	const struct cmd *cmd; /* that runs */
	struct arena *arena;   /* of the run */
	struct conf *conf;     /* after cli_conf or cli_state; else NULL */
	struct state *state;   /* after cli_state; else NULL */
};

struct cmd {
	const char *name;
	const char *help;  /* one line, for the table */
	const char *usage; /* the arguments, then a line for each option */
	int (*run)(struct cli *cli, int argc, char **argv); /* enum cli_exit */
	const struct cmd *const *verbs; /* instead of run: sub-verbs, NULL */
};

extern const struct cmd cli_account, cli_backup, cli_budget, cli_cache,
    cli_check, cli_experiment, cli_health, cli_help, cli_judge, cli_key,
    cli_ledger, cli_ledger_prune, cli_ledger_summary, cli_models, cli_prices,
    cli_reconcile, cli_recover, cli_selftest, cli_try, cli_verify, cli_version;

/*
 * cli_main(env, argc, argv):
 * Run the verb ${argv}[1] with what follows it.
 *
 * Returns  the exit code, enum cli_exit.
 */
int cli_main(const struct cli_env *env, int argc, char **argv);

enum cli_kind {
	CLI_FLAG,  /* bool: true when given */
	CLI_TEXT,  /* struct str */
	CLI_COUNT, /* int64_t, at least 1 */
	CLI_TIME,  /* int64_t, wall microseconds: RFC 3339 or a date */
	CLI_USD,   /* int64_t, pUSD */
	CLI_SPAN,  /* int64_t, microseconds: 90s, 30m, 24h, 7d */
	CLI_WORD   /* an argument without a dash, in order; struct str */
};

struct cli_opt {
	const char *name; /* "--name", "-n"; for CLI_WORD what to call it */
	enum cli_kind kind;
	void *value; /* where it goes; untouched when it is not given */
	bool required;
};

/*
 * cli_options(cli, opts, n, argc, argv):
 * Read ${argv}[1...] by the table ${opts}; "--name=V" is "--name V".
 *
 * Returns  0, or -1 after a message with the usage: return CLI_USAGE then.
 */
int cli_options(struct cli *cli, const struct cli_opt *opts, size_t n, int argc,
    char **argv) __attribute__((warn_unused_result));

/*
 * cli_conf(cli), cli_state(cli):
 * Load the configuration; open the data directory that it names.
 *
 * Returns  0, or -1 after all complaints: return CLI_FAILED then.
 */
int cli_conf(struct cli *cli) __attribute__((warn_unused_result));
int cli_state(struct cli *cli) __attribute__((warn_unused_result));

/*
 * cli_owner(cli):
 * As root, become the owner of the data directory for good: what root writes
 * there, the responders could not use.  cli_state does it, too.
 *
 * Returns  0, or -1 after a message: return CLI_FAILED then.
 */
int cli_owner(struct cli *cli) __attribute__((warn_unused_result));

/*
 * cli_trail(cli, action, target):
 * Note in the audit log (trail.h) that ${action} has been done to ${target}.
 */
void cli_trail(struct cli *cli, const char *action, struct str target);

/* cli_fail(cli, fmt, ...): say why on env->err.  Returns CLI_FAILED. */
int cli_fail(struct cli *cli, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* cli_wrong(cli, fmt, ...): say what is wrong, and the usage.  CLI_USAGE. */
int cli_wrong(struct cli *cli, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * cli_shown(a, s):
 * Returns  ${s} for a terminal, in ${a}: clients choose models, users, tasks
 *          and more, and no control character of theirs gets through; "-" for
 *          nothing.
 */
struct str cli_shown(struct arena *a, struct str s);

/*
 * cli_print(cli, b):
 * Write ${b} to env->out.
 *
 * Returns  CLI_DONE, or CLI_FAILED where that could not be written.
 */
int cli_print(struct cli *cli, const struct buf *b);

#endif
