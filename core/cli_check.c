/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

#include <stdlib.h>

#include "core/buf.h"
#include "core/catalog.h"
#include "core/check.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jw.h"
#include "core/provider.h"
#include "core/state.h"

#define MAX_OUTPUT_BYTES (1u << 20)

/* What is counted over the models of one provider. */
struct count {
	const struct conf *conf;
	struct arena *arena;
	struct str provider;
	int64_t models, priced;
};

static void
count_model(void *arg, struct str id)
{
	struct count *c = arg;
	const struct model *m;

	m = catalog_find(c->conf->catalog, c->arena, c->provider, id);
	c->models++;
	c->priced += m != NULL && m->price.n > 0;
}

static struct count
count(struct cli *cli, const struct conf_provider *p)
{
	struct count c = {
		.conf = cli->conf,
		.arena = cli->arena,
		.provider = p->name,
	};

	catalog_each(cli->conf->catalog, p->name, count_model, &c);
	return c;
}

/* Whether there is a credential; never which. */
static const char *
key_state(struct cli *cli, const struct conf_provider *p)
{
	const struct vendor *v = registry_vendor(cli->env->registry, p->name);

	if (p->key.p != NULL)
		return "key";
	if (p->api->wire == WIRE_NONE || v == NULL || v->key_env == NULL)
		return "no key needed";
	return "NO KEY";
}

static void
text(struct cli *cli, const struct check *check, struct buf *out,
    const char *store)
{
	const struct conf *conf = cli->conf;
	const struct conf_provider *p;
	struct count c;

	buf_addf(out, "configuration  %s\n",
	    conf->path.p ? conf->path.p : "none found, using defaults");
	buf_addf(out, "data_dir       %.*s: %s\n", STR_ARG(conf->data_dir),
	    store[0] ? store : "writable");
	buf_addf(out, "auth           %s\n",
	    conf->auth_required ? "required" : "NOT required");
	for (p = conf->providers; p != NULL; p = p->next) {
		c = count(cli, p);
		buf_addf(out,
		    "provider       %.*s (%s): %s, %lld models, %lld priced\n",
		    STR_ARG(p->name), p->api->name, key_state(cli, p),
		    (long long)c.models, (long long)c.priced);
	}
	if (check->url.n > 0)
		buf_addf(out, "url            %.*s: %s\n", STR_ARG(check->url),
		    check->faulty ? "asked" : "works as it should");
	check_text(check, out);
}

static void
write_provider(struct cli *cli, struct jw *w, const struct conf_provider *p)
{
	struct count c = count(cli, p);

	jw_object(w);
	jw_kv_str(w, "name", p->name);
	jw_kv_cstr(w, "api", p->api->name);
	jw_kv_str(w, "base_url", p->base_url);
	jw_kv_bool(w, "key", p->key.p != NULL);
	jw_kv_i64(w, "models", c.models);
	jw_kv_i64(w, "priced", c.priced);
	jw_end(w);
}

static void
json(struct cli *cli, const struct check *check, struct buf *out,
    const char *store)
{
	const struct conf_provider *p;
	struct jw w;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_bool(&w, "ok", store[0] == '\0' && !check->faulty);
	jw_kv_str(&w, "configuration", cli->conf->path);
	jw_kv_str(&w, "data_dir", cli->conf->data_dir);
	jw_kv_cstr(&w, "store_error", store[0] ? store : NULL);
	jw_key(&w, "providers");
	jw_array(&w);
	for (p = cli->conf->providers; p != NULL; p = p->next)
		write_provider(cli, &w, p);
	jw_end(&w);
	jw_key(&w, "findings");
	check_json(check, &w);
	jw_end(&w);
	buf_addch(out, '\n');
}

static int
run(struct cli *cli, int argc, char **argv)
{
	bool as_json = false;
	struct str url = STR_NONE;
	const struct cli_opt opts[] = {
		{ "--json", CLI_FLAG, &as_json, false },
		{ "--url", CLI_TEXT, &url, false },
	};
	struct buf *out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	struct error err = { 0 };
	struct check check;
	int rc;

	if (cli_options(cli, opts, 2, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_conf(cli) == -1 || cli_owner(cli) == -1)
		return CLI_FAILED;
	cli->state =
	    state_open(cli->conf->data_dir, cli->conf->durability, &err);
	if (cli->state != NULL)
		state_health(cli->state, &err);
	check_init(&check, cli->arena, cli->conf, cli->state);
	check_files(&check);
	if (url.n > 0)
		check_url(&check, url, str_of(getenv("SLUICE_KEY")));
	(as_json ? json : text)(cli, &check, out, err.msg);
	rc = cli_print(cli, out);
	return err.kind != ERROR_NONE || check.faulty ? CLI_FAILED : rc;
}

const struct cmd cli_check = {
	.name = "check",
	.help = "is the configuration right, and does the store work?",
	.usage =
	    "sluice check [--json] [--url BASE]\n"
	    "  --url BASE  ask the web server at BASE, too: does all that\n"
	    "              matters pass?  With a key made for the purpose,\n"
	    "              or the one in $SLUICE_KEY",
	.run = run,
};
