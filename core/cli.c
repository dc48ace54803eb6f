/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

#include <grp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/money.h"
#include "core/state.h"
#include "core/trail.h"

#define CLI_ARENA_BYTES (64u << 20)
#define CLI_MAX_SPAN    10000 /* of any unit */
#define CLI_MAX_COUNT   1000000000

/* Every verb, in the order of `sluice help`. */
static const struct cmd *const verbs[] = {
	&cli_check,
	&cli_key,
	&cli_account,
	&cli_budget,
	&cli_prices,
	&cli_models,
	&cli_ledger,
	&cli_reconcile,
	&cli_backup,
	&cli_verify,
	&cli_recover,
	&cli_cache,
	&cli_health,
	&cli_experiment,
	&cli_judge,
	&cli_try,
	&cli_selftest,
	&cli_version,
	&cli_help,
	NULL,
};

static const struct cmd root = {
	.name = "sluice",
	.usage = "sluice VERB [arguments]; without a verb: serve (FastCGI)",
	.verbs = verbs,
};

static void
print_usage(FILE *to, const struct cmd *cmd)
{
	const struct cmd *const *sub;

	fprintf(to, "usage: %s\n", cmd->usage);
	for (sub = cmd->verbs; sub != NULL && *sub != NULL; sub++)
		fprintf(to, "  %-10s %s\n", (*sub)->name, (*sub)->help);
	if (cmd == &root)
		fprintf(to, "`sluice VERB --help` has the details.\n");
}

static void say(struct cli *cli, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void
say(struct cli *cli, const char *fmt, va_list ap)
{
	fputs("sluice: ", cli->env->err);
	vfprintf(cli->env->err, fmt, ap);
	fputc('\n', cli->env->err);
}

void
cli_trail(struct cli *cli, const char *action, struct str target)
{
	struct error err = { 0 };
	const struct trail_entry entry = {
		.key = STR("cli"), .action = str_of(action), .target = target
	};
	int fd = trail_open(cli->state, &err);

	if (fd < 0)
		fprintf(cli->env->err, "note: %s\n", err.msg);
	else
		trail_write(fd, &entry);
	trail_close(fd);
}

int
cli_fail(struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(cli, fmt, ap);
	va_end(ap);
	return CLI_FAILED;
}

int
cli_wrong(struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(cli, fmt, ap);
	va_end(ap);
	print_usage(cli->env->err, cli->cmd);
	return CLI_USAGE;
}

/* C0, DEL, and C1, which UTF-8 has as two bytes. */
static bool
is_control(const char *p)
{
	unsigned char c = (unsigned char)p[0], next = (unsigned char)p[1];

	return c < ' ' || c == 0x7f ||
	    (c == 0xc2 && next >= 0x80 && next < 0xa0);
}

struct str
cli_shown(struct arena *a, struct str s)
{
	char *copy = arena_memdup(a, s.p, s.n);
	size_t i, n = 0;

	for (i = 0; i < s.n; i++) {
		if (!is_control(copy + i)) {
			copy[n++] = copy[i];
			continue;
		}
		i += (unsigned char)copy[i] == 0xc2;
		copy[n++] = '?';
	}
	return n > 0 ? (struct str){ .p = copy, .n = n } : STR("-");
}

int
cli_print(struct cli *cli, const struct buf *b)
{
	FILE *out = cli->env->out;

	if (buf_over(b))
		return cli_fail(cli, "the output is too long");
	if (fwrite(b->p, 1, b->n, out) != b->n || fflush(out) == EOF)
		return cli_fail(cli, "cannot write the output");
	return CLI_DONE;
}

int
cli_conf(struct cli *cli)
{
	struct error err = { 0 };
	struct str path = conf_find(cli->arena), rest, line;
	struct buf *complaints;

	complaints = buf_new(cli->arena, CONF_MAX_COMPLAINT_BYTES);
	cli->conf = conf_load(path, cli->env->registry, complaints, &err);
	if (cli->conf != NULL)
		return 0;
	for (rest = buf_str(complaints); rest.n > 0;) {
		rest = str_split(rest, '\n', &line);
		fprintf(cli->env->err, "%s: %.*s\n",
		    path.p ? path.p : "configuration", STR_ARG(line));
	}
	if (buf_over(complaints))
		cli_fail(cli, "too many complaints, the rest is not shown");
	return -1;
}

int
cli_owner(struct cli *cli)
{
	struct stat st;
	char *dir;

	dir = str_cstr(cli->arena, cli->conf->data_dir);
	if (geteuid() != 0 || stat(dir, &st) != 0 || st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) == 0 && setgid(st.st_gid) == 0 &&
	    setuid(st.st_uid) == 0)
		return 0;
	cli_fail(cli, "%s belongs to user %u: run this as that user", dir,
	    (unsigned)st.st_uid);
	return -1;
}

int
cli_state(struct cli *cli)
{
	struct error err = { 0 };

	if (cli_conf(cli) == -1 || cli_owner(cli) == -1)
		return -1;
	cli->state =
	    state_open(cli->conf->data_dir, cli->conf->durability, &err);
	if (cli->state != NULL) {
		state_retain(cli->state, cli->conf->retention_days);
		return 0;
	}
	cli_fail(cli, "%s", err.msg);
	return -1;
}

/* "90s", "30m", "24h", "7d" in microseconds. */
static int
read_span(struct str s, int64_t *us)
{
	static const struct {
		char unit;
		int64_t us;
	} units[] = { { 's', 1000000 }, { 'm', 60000000 }, { 'h', 3600000000 },
		{ 'd', 86400000000 } };
	size_t i;

	for (i = 0; s.n > 1 && i < sizeof(units) / sizeof(*units); i++) {
		if (s.p[s.n - 1] != units[i].unit)
			continue;
		s.n--;
		if (str_i64(s, 0, CLI_MAX_SPAN, us) != 0)
			return -1;
		*us *= units[i].us;
		return 0;
	}
	return -1;
}

/* Store the text ${s} of option ${o}.  Returns 0, or -1 if it is no such. */
static int
set_option(const struct cli_opt *o, struct str s)
{
	switch (o->kind) {
	case CLI_FLAG:
		*(bool *)o->value = true;
		return s.p == NULL ? 0 : -1;
	case CLI_TEXT:
	case CLI_WORD:
		*(struct str *)o->value = s;
		return s.n > 0 ? 0 : -1;
	case CLI_COUNT:
		return str_i64(s, 1, CLI_MAX_COUNT, o->value);
	case CLI_TIME:
		return clock_parse(s, o->value);
	case CLI_USD:
		return money_parse(s, PUSD_PER_USD, o->value);
	case CLI_SPAN:
		return read_span(s, o->value);
	}
	return -1;
}

/* A word goes to the first that has none yet. */
static const struct cli_opt *
find_option(
    const struct cli_opt *opts, size_t n, uint64_t given, struct str name)
{
	bool word = name.n == 0 || name.p[0] != '-';
	const struct cli_opt *last = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		if (opts[i].kind != CLI_WORD && str_is(name, opts[i].name))
			return &opts[i];
		if (opts[i].kind != CLI_WORD || !word)
			continue;
		last = &opts[i];
		if (!(given & (UINT64_C(1) << i)))
			break;
	}
	return last;
}

static const char *
kind_words(enum cli_kind kind)
{
	switch (kind) {
	case CLI_TIME:
		return "date or time (2026-11-24T17:30:00Z)";
	case CLI_USD:
		return "amount in USD (12.50)";
	case CLI_SPAN:
		return "span of time (90s, 30m, 24h, 7d)";
	case CLI_FLAG:
	case CLI_TEXT:
	case CLI_COUNT:
	case CLI_WORD:
		break;
	}
	return "number in range";
}

static void
bad_value(struct cli *cli, const struct cli_opt *o, struct str value)
{
	if (o->kind == CLI_FLAG)
		cli_wrong(cli, "%s takes no value", o->name);
	else if (value.n == 0)
		cli_wrong(cli, "%s needs a value", o->name);
	else
		cli_wrong(cli, "%s: \"%.*s\" is no %s", o->name, STR_ARG(value),
		    kind_words(o->kind));
}

/* The options of a verb, and which were given so far. */
struct reading {
	const struct cli_opt *opts;
	size_t n;
	uint64_t given;
};

/*
 * Read the option that begins at ${argv}[${*i}].
 *
 * Returns  its index, or -1 after a message.
 */
static long
read_option(struct cli *cli, const struct reading *r, int *i, char **argv)
{
	const struct cli_opt *o;
	struct str name, s = str_of(argv[*i]), value;

	value = str_split(s, '=', &name);
	o = find_option(r->opts, r->n, r->given, name);
	if (o == NULL) {
		cli_wrong(cli, "unknown %s \"%.*s\"",
		    name.n > 0 && name.p[0] == '-' ? "option" : "argument",
		    STR_ARG(name));
		return -1;
	}
	if (o->kind == CLI_WORD)
		value = s;
	else if (o->kind != CLI_FLAG && value.p == NULL)
		value = str_of(argv[++*i]);
	if (set_option(o, value) == 0)
		return o - r->opts;
	bad_value(cli, o, value);
	return -1;
}

int
cli_options(struct cli *cli, const struct cli_opt *opts, size_t n, int argc,
    char **argv)
{
	struct reading r = { .opts = opts, .n = n };
	size_t j;
	long at;
	int i;

	for (i = 1; i < argc; i++) {
		at = read_option(cli, &r, &i, argv);
		if (at == -1)
			return -1;
		if (r.given & (UINT64_C(1) << at)) {
			cli_wrong(cli, "%s is given twice", opts[at].name);
			return -1;
		}
		r.given |= UINT64_C(1) << at;
	}
	for (j = 0; j < n; j++) {
		if (!opts[j].required || (r.given & (UINT64_C(1) << j)))
			continue;
		cli_wrong(cli, "%s is missing", opts[j].name);
		return -1;
	}
	return 0;
}

static bool
is_help(const char *arg)
{
	return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

static const struct cmd *
find_verb(const struct cmd *const *list, const char *name)
{
	while (*list != NULL && strcmp((*list)->name, name) != 0)
		list++;
	return *list;
}

static int
unknown_verb(struct cli *cli, const char *name)
{
	const struct cmd *const *sub, *best = NULL;
	size_t d, least = 3;

	for (sub = cli->cmd->verbs; *sub != NULL; sub++) {
		d = str_distance(str_of(name), str_of((*sub)->name));
		if (d < least) {
			least = d;
			best = *sub;
		}
	}
	return cli_wrong(cli, "unknown verb \"%s\"%s%s%s", name,
	    best ? ", did you mean \"" : "", best ? best->name : "",
	    best ? "\"?" : "");
}

/* Run ${argv} under cli->cmd: directly, or through its sub-verb. */
static int
run(struct cli *cli, int argc, char **argv)
{
	const struct cmd *sub;
	int i;

	for (i = 1; i < argc && (i == 1 || cli->cmd->run != NULL); i++) {
		if (!is_help(argv[i]))
			continue;
		print_usage(cli->env->out, cli->cmd);
		return CLI_DONE;
	}
	if (cli->cmd->run != NULL)
		return cli->cmd->run(cli, argc, argv);
	if (argc < 2)
		return cli_wrong(cli, "a verb is missing");
	sub = find_verb(cli->cmd->verbs, argv[1]);
	if (sub == NULL)
		return unknown_verb(cli, argv[1]);
	cli->cmd = sub;
	return run(cli, argc - 1, argv + 1);
}

int
cli_main(const struct cli_env *env, int argc, char **argv)
{
	struct cli cli = { .env = env, .cmd = &root };
	int rc;

	cli.arena = arena_new(CLI_ARENA_BYTES);
	rc = run(&cli, argc, argv);
	if (cli.state != NULL)
		state_close(cli.state);
	conf_free(cli.conf);
	arena_free(cli.arena);
	return rc;
}

static int
run_help(struct cli *cli, int argc, char **argv)
{
	const struct cmd *at = &root, *sub;
	int i;

	for (i = 1; i < argc; i++) {
		sub = at->verbs != NULL ? find_verb(at->verbs, argv[i]) : NULL;
		if (sub == NULL)
			return cli_wrong(cli, "unknown verb \"%s\"", argv[i]);
		at = sub;
	}
	print_usage(cli->env->out, at);
	return CLI_DONE;
}

const struct cmd cli_help = {
	.name = "help",
	.help = "list the verbs, or explain one",
	.usage = "sluice help [VERB]",
	.run = run_help,
};
