/* SPDX-License-Identifier: MIT */
#include "core/cli.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/catalog.h"
#include "core/conf.h"
#include "core/dir.h"
#include "core/error.h"
#include "core/jw.h"
#include "core/price_table.h"

#define MAX_OUTPUT_BYTES (32u << 20)
#define TABLE_BYTES      ((size_t)1 << 30)
#define MAX_SHOWN        20 /* complaints of each sort */

/* --- list --- */

struct list {
	struct cli *cli;
	struct arena *arena;
	struct buf *out;
	struct jw w;
	struct str provider; /* of the models to come; then only: absent all */
	struct str only;
	bool json;
};

static void
put_json(struct list *l, const struct model *m)
{
	struct jw *w = &l->w;

	jw_object(w);
	jw_kv_str(w, "provider", m->provider);
	jw_kv_str(w, "model", m->id);
	jw_kv_str(w, "version", m->version);
	jw_kv_raw(w, "price", m->price);
	jw_end(w);
}

/* A price of the standard mode's base as USD per million tokens. */
static const char *
usd(struct list *l, const struct price *price, enum usage_bucket bucket)
{
	char *text = arena_alloc(l->arena, MONEY_TEXT_BYTES);
	int64_t v = price->modes[USAGE_STANDARD].tiers[0].pusd[bucket];

	return __builtin_mul_overflow(v, 1000000, &v) ? "-"
						      : money_text(v, text);
}

/* "tiers" and the modes that have a price of their own. */
static const char *
more(struct list *l, const struct price *price)
{
	struct buf *b = buf_new(l->arena, 256);
	enum usage_mode m;

	if (price->modes[USAGE_STANDARD].n_tiers > 1)
		buf_addz(b, "tiers ");
	for (m = USAGE_FLEX; m < USAGE_MODES; m++)
		if (price->modes[m].n_tiers > 0)
			buf_addf(b, "%s ", usage_mode_names[m]);
	if (price->web_search_pusd > 0)
		buf_addz(b, "web_search ");
	return b->p;
}

static void
put_line(struct list *l, const struct model *m)
{
	struct price price;
	struct error err = { 0 };

	if (price_parse(m->price, &price, &err) != 0)
		return;
	buf_addf(l->out, "%-48s %8s %8s %8s %8s  %-18.*s %s\n",
	    arena_printf(
		l->arena, "%.*s/%.*s", STR_ARG(m->provider), STR_ARG(m->id)),
	    usd(l, &price, USAGE_INPUT), usd(l, &price, USAGE_CACHE_READ),
	    usd(l, &price, USAGE_CACHE_WRITE_5M), usd(l, &price, USAGE_OUTPUT),
	    STR_ARG(m->version), more(l, &price));
}

static void
each_model(void *arg, struct str id)
{
	struct list *l = arg;
	const struct model *m =
	    catalog_find(l->cli->conf->catalog, l->arena, l->provider, id);

	if (m != NULL && m->price.p != NULL)
		(l->json ? put_json : put_line)(l, m);
	arena_reset(l->arena);
}

static void
each_provider(void *arg, struct str provider)
{
	struct list *l = arg;

	l->provider = provider;
	if (l->only.p == NULL || str_eq(l->only, provider))
		catalog_each(l->cli->conf->catalog, provider, each_model, l);
}

static int
run_list(struct cli *cli, int argc, char **argv)
{
	struct list l = { .cli = cli };
	const struct cli_opt opts[] = {
		{ "--provider", CLI_TEXT, &l.only, false },
		{ "--json", CLI_FLAG, &l.json, false },
	};

	if (cli_options(cli, opts, 2, argc, argv) == -1)
		return CLI_USAGE;
	if (cli_conf(cli) == -1)
		return CLI_FAILED;
	l.out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	l.arena = arena_new(1 << 20);
	jw_init(&l.w, l.out);
	if (l.json)
		jw_array(&l.w);
	else
		buf_addf(l.out, "%-48s %8s %8s %8s %8s  %-18s %s\n",
		    "MODEL (USD per million tokens)", "INPUT", "READ", "WRITE",
		    "OUTPUT", "VERSION", "ALSO");
	catalog_providers(cli->conf->catalog, each_provider, &l);
	if (l.json) {
		jw_end(&l.w);
		buf_addch(l.out, '\n');
	}
	arena_free(l.arena);
	return cli_print(cli, l.out);
}

/* --- a file --- */

struct work {
	struct cli *cli;
	struct arena *arena;
	struct price_table table;
	struct buf *out;
	bool show; /* every change, not only jumps */
	size_t new_, changed, jumped;
};

static void
put_change(struct work *w, const struct price_change *c)
{
	const struct price_entry *e = c->entry;
	char before[MONEY_TEXT_BYTES], after[MONEY_TEXT_BYTES];
	bool token = c->place == NULL || strcmp(c->place, "web_search") != 0;
	int64_t scale = token ? 1000000 : 1, a, b;

	if (c->is_new) {
		buf_addf(w->out, "new      %.*s/%.*s\n", STR_ARG(e->provider),
		    STR_ARG(e->id));
		return;
	}
	if (c->place == NULL || __builtin_mul_overflow(c->before, scale, &a) ||
	    __builtin_mul_overflow(c->after, scale, &b)) {
		buf_addf(w->out, "changed  %.*s/%.*s\n", STR_ARG(e->provider),
		    STR_ARG(e->id));
		return;
	}
	buf_addf(w->out, "%s  %.*s/%.*s  %s%s%s %s -> %s\n",
	    c->jumps ? "JUMPS  " : "changed", STR_ARG(e->provider),
	    STR_ARG(e->id), c->place, c->mode != USAGE_STANDARD ? " " : "",
	    c->mode != USAGE_STANDARD ? usage_mode_names[c->mode] : "",
	    money_text(a, before), money_text(b, after));
}

static void
see_change(void *arg, const struct price_change *c)
{
	struct work *w = arg;

	w->new_ += c->is_new;
	w->changed += !c->is_new;
	w->jumped += c->jumps;
	if (w->show || (c->jumps && w->jumped <= MAX_SHOWN))
		put_change(w, c);
}

static void
put_bad(struct work *w)
{
	const struct price_entry *e;
	int n = 0;

	for (e = w->table.entries; e != NULL && n < MAX_SHOWN; e = e->next)
		if (e->bad != NULL) {
			n++;
			buf_addf(w->out, "BAD      %.*s/%.*s  %s\n",
			    STR_ARG(e->provider), STR_ARG(e->id), e->bad);
		}
}

/* Read ${path} and compare it with what is in effect. */
static int
read_table(struct work *w, struct str path)
{
	struct cli *cli = w->cli;
	struct error err = { 0 };
	struct str text;

	w->out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	if (cli_conf(cli) == -1)
		return CLI_FAILED;
	if (price_table_read(
		w->arena, str_cstr(cli->arena, path), &text, &err) != 0 ||
	    price_table_parse(
		w->arena, text, cli->env->registry, &w->table, &err) != 0)
		return cli_fail(cli, "%s", err.msg);
	put_bad(w);
	price_table_diff(
	    &w->table, cli->conf->catalog, w->arena, see_change, w);
	buf_addf(w->out,
	    "version %.*s: %zu prices; %zu new, %zu changed, %zu of them "
	    "tenfold, %zu unusable; %zu entries without a price or of others\n",
	    STR_ARG(w->table.version), w->table.n - w->table.n_bad, w->new_,
	    w->changed, w->jumped, w->table.n_bad, w->table.skipped);
	return cli_print(cli, w->out);
}

static int
refused(struct work *w)
{
	if (w->jumped == 0 && w->table.n_bad == 0)
		return CLI_DONE;
	return cli_fail(w->cli,
	    "refused: prices are unusable or change tenfold; the ones before "
	    "stay in effect (import --force takes it without the unusable)");
}

static int
do_import(struct work *w, bool force)
{
	struct cli *cli = w->cli;
	struct str dir = cli->conf->data_dir;
	struct error err = { 0 };

	if (!force && refused(w) != CLI_DONE)
		return CLI_FAILED;
	if (dir_make(str_cstr(cli->arena, dir)) != 0)
		return cli_fail(
		    cli, "data_dir %.*s cannot be made", STR_ARG(dir));
	if (price_table_write(dir, &w->table, w->arena, &err) != 0)
		return cli_fail(cli, "%s", err.msg);
	return CLI_DONE;
}

static int
with_table(struct cli *cli, struct str path, bool show,
    int (*then)(struct work *w, bool force), bool force)
{
	struct work w = { .cli = cli, .show = show };
	int rc;

	w.arena = arena_new(TABLE_BYTES);
	rc = read_table(&w, path);
	if (rc == CLI_DONE && then != NULL)
		rc = then(&w, force);
	arena_free(w.arena);
	return rc;
}

static int
do_check(struct work *w, bool force)
{
	(void)force;
	return refused(w);
}

static int
run_check(struct cli *cli, int argc, char **argv)
{
	struct str path = STR_NONE;
	const struct cli_opt opts[] = { { "FILE", CLI_WORD, &path, true } };

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	return with_table(cli, path, false, do_check, false);
}

static int
run_diff(struct cli *cli, int argc, char **argv)
{
	struct str path = STR_NONE;
	const struct cli_opt opts[] = { { "FILE", CLI_WORD, &path, true } };

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	return with_table(cli, path, true, NULL, false);
}

static int
run_import(struct cli *cli, int argc, char **argv)
{
	struct str path = STR_NONE;
	bool force = false;
	const struct cli_opt opts[] = {
		{ "FILE", CLI_WORD, &path, true },
		{ "--force", CLI_FLAG, &force, false },
	};

	if (cli_options(cli, opts, 2, argc, argv) == -1)
		return CLI_USAGE;
	return with_table(cli, path, false, do_import, force);
}

#define FILES                                                                  \
	"  FILE  conf/models.json's format, or LiteLLM's price map "           \
	"(model_prices_and_context_window.json)"

static const struct cmd list = {
	.name = "list",
	.help = "the prices in effect",
	.usage = "sluice prices list [--provider P] [--json]",
	.run = run_list,
};

static const struct cmd check = {
	.name = "check",
	.help = "would this table be imported?",
	.usage = "sluice prices check FILE\n" FILES,
	.run = run_check,
};

static const struct cmd diff = {
	.name = "diff",
	.help = "what importing this table would change",
	.usage = "sluice prices diff FILE\n" FILES,
	.run = run_diff,
};

static const struct cmd import = {
	.name = "import",
	.help = "use the prices of this table before those built in",
	.usage = "sluice prices import FILE [--force]\n" FILES
		 "\n  --force  even if prices are unusable (those are left "
		 "out) or change tenfold",
	.run = run_import,
};

const struct cmd cli_prices = {
	.name = "prices",
	.help = "list, compare and import prices",
	.usage = "sluice prices list|check|diff|import [arguments]",
	.verbs =
	    (const struct cmd *const[]){ &list, &check, &diff, &import, NULL },
};
