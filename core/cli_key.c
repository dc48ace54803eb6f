/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

#include "core/buf.h"
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
run_create(struct cli *cli, int argc, char **argv)
{
	struct key key = { .account = STR("default") };
	bool json = false;
	const struct cli_opt opts[] = {
		{ "--name", CLI_TEXT, &key.name, true },
		{ "--account", CLI_TEXT, &key.account, false },
		{ "--owner", CLI_TEXT, &key.owner, false },
		{ "--expires", CLI_TIME, &key.expires_us, false },
		{ "--may-route", CLI_FLAG, &key.may_route, false },
		{ "--admin", CLI_FLAG, &key.admin, false },
		{ "--json", CLI_FLAG, &json, false },
	};
	char id[KEY_ID_BYTES], text[KEY_TEXT_BYTES];
	struct error err = { 0 };

	if (cli_options(
		cli, opts, sizeof(opts) / sizeof(opts[0]), argc, argv) == -1)
		return CLI_USAGE;
	key.created_us = clock_wall_us();
	if (key.expires_us != 0 && key.expires_us <= key.created_us)
		return cli_wrong(cli, "--expires lies in the past");
	if (cli_state(cli) == -1)
		return CLI_FAILED;
	if (key_create(cli->state, &key, id, text, &err) == -1)
		return cli_fail(cli, "%s", err.msg);
	return print_created(cli, &key, text, json);
}

/* Where rows of `key list` go. */
struct list {
	struct buf *out;
	struct jw w;
	bool json;
	int64_t now_us;
};

static const char *
key_state(const struct key *key, int64_t now_us)
{
	if (key->revoked_us != 0)
		return "revoked";
	if (key->expires_us != 0 && key->expires_us <= now_us)
		return "expired";
	return key->admin ? "admin" : "valid";
}

static void
write_time(struct jw *w, const char *name, int64_t us)
{
	char text[CLOCK_TEXT_BYTES];

	jw_kv_str(w, name, us ? str_of(clock_text(us, text)) : STR_NONE);
}

static void
list_json(struct list *l, const struct key *key)
{
	struct jw *w = &l->w;

	jw_object(w);
	jw_kv_str(w, "id", key->id);
	jw_kv_str(w, "name", key->name);
	jw_kv_str(w, "account", key->account);
	jw_kv_str(w, "owner", key->owner);
	write_time(w, "created_at", key->created_us);
	write_time(w, "expires_at", key->expires_us);
	write_time(w, "revoked_at", key->revoked_us);
	jw_kv_bool(w, "may_route", key->may_route);
	jw_kv_bool(w, "admin", key->admin);
	jw_end(w);
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
	    "  --may-route     may send routes of its own (x-sluice-route)\n"
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

static const struct cmd revoke = {
	.name = "revoke",
	.help = "refuse a key from now on",
	.usage = "sluice key revoke ID\n"
		 "  ID  the part before the secret: sk-sl-...",
	.run = run_revoke,
};

const struct cmd cli_key = {
	.name = "key",
	.help = "create, list and revoke gateway keys",
	.usage = "sluice key create|list|revoke [arguments]",
	.verbs = (const struct cmd *const[]){ &create, &list, &revoke, NULL },
};
