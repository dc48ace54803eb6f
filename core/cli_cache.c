/* SPDX-License-Identifier: MIT */
/* `sluice cache stats|purge`. */
#include "core/cli.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/cache.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/jw.h"

#define MAX_OUTPUT_BYTES ((size_t)1 << 20)
#define KB               1024

static void
release(void *cache)
{
	cache_close(cache);
}

/* NULL after a message. */
static struct cache *
open_cache(struct cli *cli)
{
	const struct conf_cache *conf;
	struct error err = { .kind = ERROR_NONE };
	struct cache *c;

	if (cli_conf(cli) == -1 || cli_owner(cli) == -1)
		return NULL;
	conf = &cli->conf->cache;
	c = cache_open(cli->conf->data_dir, conf->max_bytes, &err);
	if (c == NULL) {
		cli_fail(cli, "%s", err.msg);
		return NULL;
	}
	cache_limit(c, conf->max_bytes, conf->account_bytes);
	arena_defer(cli->arena, release, c);
	return c;
}

static void
print_stats(struct arena *a, struct buf *out, const struct cache_stats *st)
{
	const struct {
		const char *what;
		int64_t n;
	} lines[] = {
		{ "entries", st->entries },
		{ "KB of answers", st->bytes / KB },
		{ "KB on the disk", st->file_bytes / KB },
		{ "KB at most", st->max_bytes / KB },
		{ "hits", st->hits },
		{ "misses", st->misses },
		{ "stored", st->puts },
		{ "not stored", st->refused },
		{ "gone for want of room", st->evictions },
		{ "found too old", st->expired },
		{ "found damaged", st->damaged },
		{ "not waited for", st->busy },
		{ "emptied after a failure", st->wipes },
	};
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		buf_addf(out, "%-24s %12lld\n", lines[i].what,
		    (long long)lines[i].n);
	if (st->n_accounts > 0)
		buf_addf(
		    out, "\n%-40s %10s %10s\n", "ACCOUNT", "ENTRIES", "KB");
	for (i = 0; i < st->n_accounts; i++)
		buf_addf(out, "%-40.*s %10lld %10lld\n",
		    STR_ARG(cli_shown(a, st->accounts[i].name)),
		    (long long)st->accounts[i].entries,
		    (long long)(st->accounts[i].bytes / KB));
}

static int
run_stats(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct cli_opt opts[] = { { "--json", CLI_FLAG, &json, false } };
	struct error err = { .kind = ERROR_NONE };
	struct cache_stats st;
	struct cache *c;
	struct buf *out;
	struct jw w;

	if (cli_options(cli, opts, 1, argc, argv) == -1)
		return CLI_USAGE;
	if ((c = open_cache(cli)) == NULL)
		return CLI_FAILED;
	if (cache_stats(c, cli->arena, &st, &err) != 0)
		return cli_fail(cli, "%s", err.msg);
	out = buf_new(cli->arena, MAX_OUTPUT_BYTES);
	if (json) {
		jw_init(&w, out);
		cache_stats_json(&st, &w);
		buf_addch(out, '\n');
	} else {
		print_stats(cli->arena, out, &st);
	}
	return cli_print(cli, out);
}

static int
run_purge(struct cli *cli, int argc, char **argv)
{
	struct cache_purge what = { .older_us = 0 };
	const struct cli_opt opts[] = {
		{ "--account", CLI_TEXT, &what.account, false },
		{ "--route", CLI_TEXT, &what.route, false },
		{ "--older", CLI_SPAN, &what.older_us, false },
	};
	struct error err = { .kind = ERROR_NONE };
	struct cache *c;
	int64_t n;

	if (cli_options(cli, opts, 3, argc, argv) == -1)
		return CLI_USAGE;
	if ((c = open_cache(cli)) == NULL)
		return CLI_FAILED;
	if (cache_purge(c, &what, &n, &err) != 0)
		return cli_fail(cli, "%s", err.msg);
	fprintf(cli->env->out, "%lld removed\n", (long long)n);
	return CLI_DONE;
}

static const struct cmd stats = {
	.name = "stats",
	.help = "what it holds, and of what use it was",
	.usage = "sluice cache stats [--json]\n"
		 "Counted since the machine started.  The accounts with the\n"
		 "most bytes come first; no more than 20 are named.",
	.run = run_stats,
};

static const struct cmd purge = {
	.name = "purge",
	.help = "remove answers",
	.usage = "sluice cache purge [--account A] [--route R] "
		 "[--older DURATION]\n"
		 "  --older DURATION  stored at least so long ago: 90s, 30m, "
		 "24h, 7d\n"
		 "What matches all that is said is removed; if nothing is "
		 "said, everything.\n"
		 "The disk keeps what was removed until its room is used "
		 "again; not so\nafter a purge of everything.",
	.run = run_purge,
};

const struct cmd cli_cache = {
	.name = "cache",
	.help = "stored answers: show sums, remove some",
	.usage = "sluice cache stats|purge [arguments]",
	.verbs = (const struct cmd *const[]){ &stats, &purge, NULL },
};
