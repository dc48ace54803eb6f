/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/catalog.h"
#include "core/conf.h"
#include "core/jtext.h"
#include "core/jw.h"

#define MAX_OUTPUT_BYTES (16u << 20)

/* Where the models of one provider after the other go. */
struct models {
	struct cli *cli;
	const struct conf_provider *provider;
	struct buf *out;
	struct jw w;
	bool json;
};

/* A column of tokens: "-" where unknown. */
static const char *
tokens(struct arena *a, int64_t n)
{
	return n > 0 ? arena_printf(a, "%lld", (long long)n) : "-";
}

static const char *
usd(struct models *ms, const struct model *m, const char *bucket)
{
	struct arena *a = ms->cli->arena;
	struct str raw;

	if (ms->provider->free)
		return "0";
	if (m->price.n == 0 || !jtext_get(m->price, bucket, &raw))
		return "-";
	return str_cstr(a, jtext_string(a, raw));
}

static void
model_text(struct models *ms, const struct model *m)
{
	struct arena *a = ms->cli->arena;
	char *name = arena_printf(
	    a, "%.*s/%.*s", STR_ARG(ms->provider->name), STR_ARG(m->id));

	buf_addf(ms->out, "%-44s %9s %8s %9s %9s\n", name,
	    tokens(a, m->context), tokens(a, m->output), usd(ms, m, "input"),
	    usd(ms, m, "output"));
}

static void
each_model(void *arg, struct str id)
{
	struct models *ms = arg;
	const struct model *m = catalog_find(
	    ms->cli->conf->catalog, ms->cli->arena, ms->provider->name, id);

	if (m == NULL)
		return;
	if (ms->json)
		catalog_json(m, ms->provider->name, ms->provider->free, &ms->w);
	else
		model_text(ms, m);
}

static void
aliases(struct models *ms)
{
	const struct conf_alias *al;

	for (al = ms->cli->conf->aliases; al != NULL; al = al->next) {
		if (!ms->json) {
			buf_addf(ms->out, "%.*s = %.*s\n", STR_ARG(al->name),
			    STR_ARG(al->model));
			continue;
		}
		jw_object(&ms->w);
		jw_kv_str(&ms->w, "name", al->name);
		jw_kv_str(&ms->w, "model", al->model);
		jw_end(&ms->w);
	}
}

static void
providers(struct models *ms)
{
	const struct conf_provider *p;

	for (p = ms->cli->conf->providers; p != NULL; p = p->next) {
		ms->provider = p;
		catalog_each(ms->cli->conf->catalog, p->name, each_model, ms);
	}
}

static void
as_json(struct models *ms)
{
	jw_object(&ms->w);
	jw_key(&ms->w, "aliases");
	jw_array(&ms->w);
	aliases(ms);
	jw_end(&ms->w);
	jw_key(&ms->w, "models");
	jw_array(&ms->w);
	providers(ms);
	jw_end(&ms->w);
	jw_end(&ms->w);
	buf_addch(ms->out, '\n');
}

static int
run(struct cli *cli, int argc, char **argv)
{
	struct models ms = { .cli = cli };
	const struct cli_opt opts[] = {
		{ "--json", CLI_FLAG, &ms.json, false },
	};

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_conf(cli) == -1)
		return CLI_FAILED;
	ms.out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	jw_init(&ms.w, ms.out);
	if (ms.json) {
		as_json(&ms);
		return cli_print(cli, ms.out);
	}
	buf_addf(ms.out, "%-44s %9s %8s %9s %9s\n", "MODEL", "CONTEXT",
	    "OUTPUT", "USD/M IN", "USD/M OUT");
	aliases(&ms);
	providers(&ms);
	return cli_print(cli, ms.out);
}

const struct cmd cli_models = {
	.name = "models",
	.help = "aliases and models of the configured providers, with prices",
	.usage = "sluice models [--json]",
	.run = run,
};
