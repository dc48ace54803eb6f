/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

#include "core/budget.h"
#include "core/buf.h"
#include "core/chat.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/jw.h"
#include "core/key.h"

#define MAX_OUTPUT_BYTES (32u << 20)

/* The secret goes to standard output alone: KEY=$(sluice key create ...). */
static int
print_created(
    struct cli *cli, const struct key *key, const char *text, bool json)
{
	struct buf *out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	struct jw w;

	if (!json) {
		buf_addf(out, "%s\n", text);
		fprintf(cli->env->err,
		    "created %.*s for account %.*s; its text is shown only "
		    "this once\n",
		    STR_ARG(key->id), STR_ARG(key->account));
		return cli_print(cli, out);
	}
	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "id", key->id);
	jw_kv_cstr(&w, "key", text);
	jw_kv_str(&w, "name", key->name);
	jw_kv_str(&w, "account", key->account);
	jw_end(&w);
	buf_addch(out, '\n');
	return cli_print(cli, out);
}

static int
print_rotated(
    struct cli *cli, const struct key *key, const char *text, bool json)
{
	struct buf *out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	struct jw w;

	if (!json) {
		buf_addf(out, "%s\n", text);
		return cli_print(cli, out);
	}
	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "id", key->id);
	jw_kv_cstr(&w, "key", text);
	jw_end(&w);
	buf_addch(out, '\n');
	return cli_print(cli, out);
}

/* What `key create` is told. */
struct creation {
	struct key key;
	struct str models, per, cache;
	struct budget budget;
	bool json;
};

/* a,b,c */
static void
read_models(struct cli *cli, struct creation *c)
{
	struct str rest = c->models, item;

	while (rest.n > 0) {
		rest = str_split(rest, ',', &item);
		item = str_trim(item);
		if (item.n > 0)
			name_add(cli->arena, &c->key.models, item);
	}
}

static int
check_creation(struct cli *cli, struct creation *c)
{
	c->key.created_us = clock_wall_us();
	if (c->key.expires_us != 0 && c->key.expires_us <= c->key.created_us)
		return cli_wrong(cli, "--expires lies in the past");
	if (c->cache.p != NULL) {
		c->key.cache =
		    str_is(c->cache, "on") ? KEY_CACHE_ON : KEY_CACHE_OFF;
		if (!str_is(c->cache, "on") && !str_is(c->cache, "off"))
			return cli_wrong(cli, "--cache is on or off");
	}
	if ((c->budget.pusd < 0) != (c->per.p == NULL))
		return cli_wrong(cli, "--budget-usd and --per go together");
	c->budget.window = c->per.p != NULL ? window_of(c->per) : WINDOW_TOTAL;
	if (c->budget.window == WINDOWS)
		return cli_wrong(cli,
		    "--per: \"%.*s\" is none of day, week, month, total",
		    STR_ARG(c->per));
	return CLI_DONE;
}

static int
read_creation(struct cli *cli, struct creation *c, int argc, char **argv)
{
	struct key *key = &c->key;
	const struct cli_opt opts[] = {
		{ "--name", CLI_TEXT, &key->name, true },
		{ "--account", CLI_TEXT, &key->account, false },
		{ "--owner", CLI_TEXT, &key->owner, false },
		{ "--expires", CLI_TIME, &key->expires_us, false },
		{ "--models", CLI_TEXT, &c->models, false },
		{ "--budget-usd", CLI_USD, &c->budget.pusd, false },
		{ "--per", CLI_TEXT, &c->per, false },
		{ "--rpm", CLI_COUNT, &key->rpm, false },
		{ "--tpm", CLI_COUNT, &key->tpm, false },
		{ "--parallel", CLI_COUNT, &key->parallel, false },
		{ "--may-route", CLI_FLAG, &key->may_route, false },
		{ "--admin", CLI_FLAG, &key->admin, false },
		{ "--cache", CLI_TEXT, &c->cache, false },
		{ "--json", CLI_FLAG, &c->json, false },
	};

	if (cli_options(
		cli, opts, sizeof(opts) / sizeof(opts[0]), argc, argv) == -1)
		return CLI_USAGE;
	read_models(cli, c);
	return check_creation(cli, c);
}

static int
run_create(struct cli *cli, int argc, char **argv)
{
	struct creation c = { .key = { .account = STR("default") },
		.budget = { .scope = BUDGET_KEY, .pusd = -1 } };
	char id[KEY_ID_BYTES], text[KEY_TEXT_BYTES];
	struct error err = { 0 };
	int rc = read_creation(cli, &c, argc, argv);

	if (rc != CLI_DONE)
		return rc;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (key_create(cli->state, &c.key, id, text, &err) == -1)
		return cli_fail(cli, "%s", err.msg);
	c.budget.name = c.key.id;
	/* A key without the limit that was asked for must not be used. */
	if (c.budget.pusd >= 0 &&
	    budget_set(cli->state, &c.budget, &err) == -1) {
		struct error ignored = { 0 };

		(void)!key_revoke(cli->state, c.key.id, &ignored);
		return cli_fail(cli, "%s", err.msg);
	}
	cli_trail(cli, "key.create", c.key.id);
	return print_created(cli, &c.key, text, c.json);
}

/* Where rows of `key list` go. */
struct list {
	struct buf *out;
	struct jw w;
	bool json;
	int64_t now_us;
};

static void
list_json(struct list *l, const struct key *key)
{
	jw_object(&l->w);
	key_write(key, l->now_us, &l->w);
	jw_end(&l->w);
}

static void
list_key(void *arg, const struct key *key)
{
	struct list *l = arg;
	char created[CLOCK_TEXT_BYTES], expires[CLOCK_TEXT_BYTES] = "never";

	if (l->json) {
		list_json(l, key);
		return;
	}
	if (key->expires_us != 0)
		clock_text(key->expires_us, expires);
	clock_text(key->created_us, created);
	buf_addf(l->out,
	    "%-18.*s  %-7s  %.10s  %.10s%*s  %-12.*s  %.*s%s%.*s\n",
	    STR_ARG(key->id), key_state(key, l->now_us), created, expires,
	    key->expires_us ? 0 : 5, "", STR_ARG(key->account),
	    STR_ARG(key->name), key->owner.n > 0 ? ", " : "",
	    STR_ARG(key->owner));
}

static int
run_list(struct cli *cli, int argc, char **argv)
{
	struct list l = { .now_us = clock_wall_us() };
	const struct cli_opt opts[] = { { "--json", CLI_FLAG, &l.json,
	    false } };
	struct error err = { 0 };

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	l.out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	jw_init(&l.w, l.out);
	if (l.json)
		jw_array(&l.w);
	else
		buf_addf(l.out, "%-18s  %-7s  %-10s  %-10s  %-12s  %s\n", "ID",
		    "STATE", "CREATED", "EXPIRES", "ACCOUNT", "NAME, OWNER");
	if (key_each(cli->state, list_key, &l, &err) == -1)
		return cli_fail(cli, "%s", err.msg);
	if (l.json) {
		jw_end(&l.w);
		buf_addch(l.out, '\n');
	}
	return cli_print(cli, l.out);
}

/* The key that `key show` is about. */
struct showing {
	struct list list;
	struct str id;
	bool found;
};

static void
show_key(void *arg, const struct key *key)
{
	struct showing *s = arg;

	if (!str_eq(key->id, s->id))
		return;
	s->found = true;
	list_json(&s->list, key);
}

static int
run_show(struct cli *cli, int argc, char **argv)
{
	struct showing s = { .list = { .now_us = clock_wall_us() } };
	const struct cli_opt opts[] = {
		{ "ID", CLI_WORD, &s.id, true },
		{ "--json", CLI_FLAG, &s.list.json, false },
	};
	struct error err = { 0 };

	if (cli_options(cli, opts, 2, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	s.list.out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	jw_init(&s.list.w, s.list.out);
	if (key_each(cli->state, show_key, &s, &err) == -1)
		return cli_fail(cli, "%s", err.msg);
	if (!s.found)
		return cli_fail(cli, "key %.*s not found", STR_ARG(s.id));
	buf_addch(s.list.out, '\n');
	return cli_print(cli, s.list.out);
}

static int
run_rotate(struct cli *cli, int argc, char **argv)
{
	struct key key = { .account = STR_NONE };
	int64_t grace_us = 0;
	bool json = false;
	const struct cli_opt opts[] = {
		{ "ID", CLI_WORD, &key.id, true },
		{ "--grace", CLI_SPAN, &grace_us, false },
		{ "--json", CLI_FLAG, &json, false },
	};
	char text[KEY_TEXT_BYTES];
	struct error err = { 0 };

	if (cli_options(cli, opts, 3, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (key_rotate(cli->state, key.id, grace_us, text, &err) == -1)
		return cli_fail(cli, "%s", err.msg);
	cli_trail(cli, "key.rotate", key.id);
	return print_rotated(cli, &key, text, json);
}

static int
run_revoke(struct cli *cli, int argc, char **argv)
{
	struct str id = STR_NONE;
	const struct cli_opt opts[] = { { "ID", CLI_WORD, &id, true } };
	struct error err = { 0 };

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (key_revoke(cli->state, id, &err) == -1)
		return cli_fail(cli, "%s", err.msg);
	cli_trail(cli, "key.revoke", id);
	return CLI_DONE;
}

static const struct cmd create = {
	.name = "create",
	.help = "make a gateway key and show it once",
	.usage =
	    "sluice key create --name N [options]\n"
	    "  --name N        what people call it\n"
	    "  --account A     the team it belongs to (default)\n"
	    "  --owner U       the person it belongs to\n"
	    "  --expires DATE  a date or RFC 3339 time, UTC\n"
	    "  --models A,B    models, aliases and routes it may use; "
	    "\"openai/*\" for all that begin so\n"
	    "  --budget-usd X --per day|week|month|total  what it may spend\n"
	    "  --rpm N --tpm N --parallel N  requests and tokens a minute, "
	    "calls at a time\n"
	    "  --may-route     may send routes of its own (x-sluice-route)\n"
	    "  --cache on|off  answers from the cache, if the call does not "
	    "say\n"
	    "  --admin         may use the admin API\n"
	    "  --json          print {\"id\",\"key\",\"name\",\"account\"}",
	.run = run_create,
};

static const struct cmd list = {
	.name = "list",
	.help = "all gateway keys, without their secrets",
	.usage = "sluice key list [--json]",
	.run = run_list,
};

static const struct cmd show = {
	.name = "show",
	.help = "all about one key, as JSON",
	.usage = "sluice key show ID [--json]",
	.run = run_show,
};

static const struct cmd rotate = {
	.name = "rotate",
	.help = "give a key a new secret",
	.usage = "sluice key rotate ID [--grace 24h] [--json]\n"
		 "  --grace SPAN  the old secret stays good for so long "
		 "(0s)",
	.run = run_rotate,
};

static const struct cmd revoke = {
	.name = "revoke",
	.help = "refuse a key from now on",
	.usage = "sluice key revoke ID\n"
		 "  ID  the part before the secret: sk-sl-...",
	.run = run_revoke,
};

const struct cmd cli_key = {
	.name = "key",
	.help = "create, list, show, rotate and revoke gateway keys",
	.usage = "sluice key create|list|show|rotate|revoke [arguments]",
	.verbs = (const struct cmd *const[]){ &create, &list, &show, &rotate,
	    &revoke, NULL },
};
