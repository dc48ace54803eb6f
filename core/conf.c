/* SPDX-License-Identifier: MIT */
#include "core/conf.h"

#include <limits.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/cache.h"
#include "core/cache_policy.h"
#include "core/conf_read.h"
#include "core/error.h"
#include "core/experiment.h"
#include "core/jtree.h"

/* The catalogue's index, and a document of at most 1 MB with its tree. */
#define CONF_ARENA_BYTES (64u << 20)

#define AT(member) offsetof(struct conf, member)
#define IN(member) offsetof(struct conf_provider, member)
#define OF(member) offsetof(struct experiment, member)
#define DAY_S      86400

#define CACHE_MAX_ENTRY_KB (double)(CACHE_MAX_VALUE_BYTES >> 10)

/* The schema.  Sections follow the order of README's table. */
const struct conf_row conf_rows[] = {
	{ "data_dir", &conf_path_type, AT(data_dir),
	    "(`$SLUICE_DATA_DIR`, else `/var/lib/sluice` if writable, else "
	    "`~/.local/state/sluice`)",
	    .meaning = "folder of all shared state" },

	{ "server.workers", &conf_count_type, AT(workers), "4", 1, 256,
	    .meaning = "threads for the work before and after a call" },
	{ "server.max_calls", &conf_count_type, AT(max_calls), "1000", 1,
	    100000, .meaning = "calls at a time, per process; more get 503" },
	{ "server.max_body_mb", &conf_mb_type, AT(max_body_bytes), "32", 0.001,
	    1024, .meaning = "largest request body; more gets 413" },
	{ "server.request_timeout_s", &conf_s_type, AT(request_timeout_ms),
	    "600", 0.001, DAY_S, .meaning = "deadline of a whole call" },
	{ "server.connect_timeout_ms", &conf_ms_type, AT(connect_timeout_ms),
	    "5000", 1, 600000,
	    .meaning = "TCP and TLS handshake with a provider; a silent "
		       "address is left in time for the next one, after 3 s "
		       "of 5" },
	{ "server.first_content_timeout_s", &conf_s_type,
	    AT(first_content_timeout_ms), "120", 0.001, DAY_S,
	    .meaning = "wait for a provider's first content" },
	{ "server.idle_timeout_s", &conf_s_type, AT(idle_timeout_ms), "120",
	    0.001, DAY_S, .meaning = "longest silence inside an answer" },
	{ "server.keepalive_s", &conf_s_type, AT(keepalive_ms), "15", 0.001,
	    DAY_S, .meaning = "silence after which a stream gets a ping" },
	{ "server.drain_s", &conf_s_type, AT(drain_ms), "30", 0, DAY_S,
	    .meaning = "time that running streams have at shutdown" },
	{ "server.cors_origins", &conf_list_type, AT(cors_origins), "[]",
	    .meaning = "origins whose pages may call; `*` is any" },

	{ "log.file", &conf_path_type, AT(log_file), "\"stderr\"",
	    .meaning = "`stderr` or a file to append to" },
	{ "log.level", &conf_word_type, AT(log_level), "\"info\"",
	    .words = "debug, info, warn, error",
	    .meaning = "least level that is written; `info` has a line for "
		       "each call" },
	{ "log.max_mb", &conf_mb_type, AT(log_max_bytes), "100", 0, 1e6,
	    .meaning = "size at which the file is renamed to `FILE.1`; 0 "
		       "leaves that to others" },

	{ "metrics.key", &conf_secret_type, AT(metrics_key), NULL,
	    .meaning = "a key that may read `/metrics` and nothing else" },

	{ "telemetry.otlp_endpoint", &conf_url_type, AT(otlp_endpoint), NULL,
	    .meaning = "collector that gets a trace of each call, as OTLP "
		       "over HTTP" },
	{ "telemetry.otlp_headers", &conf_headers_type, AT(otlp_headers), NULL,
	    .meaning = "headers for it, as `name=value,name=value`" },

	{ "auth.required", &conf_bool_type, AT(auth_required), "true",
	    .meaning = "calls need a gateway key" },
	{ "auth.admin_key", &conf_secret_type, AT(admin_key), NULL,
	    .meaning = "a key that may do everything" },

	{ "providers.NAME.api", &conf_api_type, IN(api), "(the vendor's)",
	    .meaning = "wire format: openai, openai_responses, anthropic, "
		       "gemini, echo" },
	{ "providers.NAME.base_url", &conf_url_type, IN(base_url),
	    "(the vendor's)", .meaning = "as the vendor's own SDK takes it" },
	{ "providers.NAME.key", &conf_secret_type, IN(key),
	    "(the vendor's variable)", .meaning = "the credential" },
	{ "providers.NAME.free", &conf_bool_type, IN(free), "false",
	    .meaning = "costs nothing, rather than an unknown amount" },
	{ "providers.NAME.on_cancel", &conf_switch_type, IN(drain),
	    "\"cancel\"", .words = "cancel, drain",
	    .meaning = "when nobody waits any more: stop, or read to the end" },

	{ "routes.NAME", &conf_route_type, CONF_NOWHERE, NULL,
	    .meaning = "a node: a name, { model, set, timeout_ms, on }, or "
		       "one of fallback, race, split, cheapest, fastest, when, "
		       "best, experiment" },

	{ "routing.attempts", &conf_count_type, AT(routing.attempts),
	    "(3, or the targets of the chain if that is more)", 1, 100,
	    .meaning = "attempts of a call; a race counts as one" },
	{ "routing.max_racers", &conf_count_type, AT(routing.max_racers), "2",
	    1, 16, .meaning = "targets of a race at a time" },
	{ "routing.max_extra_usd", &conf_usd_type, AT(routing.max_extra_pusd),
	    NULL, .meaning = "most that losers of a race may cost" },
	{ "routing.hedge_ms", &conf_hedge_type, AT(routing.hedge_ms), "0", 0,
	    600000,
	    .meaning = "delay of each further racer; `auto`: p95 to first "
		       "content of the first" },

	{ "aliases.NAME", &conf_alias_type, AT(aliases), NULL,
	    .meaning = "the model or route that this name stands for" },

	{ "models.PROVIDER/ID.name", &conf_text_type, CONF_NOWHERE, NULL,
	    .meaning = "name for people" },
	{ "models.PROVIDER/ID.context", &conf_count_type, CONF_NOWHERE, NULL, 1,
	    1e12, .meaning = "context window, tokens" },
	{ "models.PROVIDER/ID.output", &conf_count_type, CONF_NOWHERE, NULL, 1,
	    1e12, .meaning = "longest output, tokens" },
	{ "models.PROVIDER/ID.can", &conf_list_type, CONF_NOWHERE, NULL,
	    .meaning = "capabilities: tools, images, pdf, audio, reasoning, "
		       "schema, temperature, adaptive, forced, prefill, "
		       "responses_only" },
	{ "models.PROVIDER/ID.effort", &conf_list_type, CONF_NOWHERE, NULL,
	    .meaning = "words it takes for reasoning effort" },
	{ "models.PROVIDER/ID.budget", &conf_pair_type, CONF_NOWHERE, NULL,
	    .meaning = "least and most thinking tokens; 0 is no limit" },
	{ "models.PROVIDER/ID.price", &conf_price_type, CONF_NOWHERE, NULL,
	    .meaning = "USD per million tokens, decimal strings by bucket" },

	{ "cache.default", &conf_switch_type, AT(cache.on), "\"off\"",
	    .words = "off, on",
	    .meaning = "answers from the cache, for calls that do not say" },
	{ "cache.ttl_s", &conf_s_type, AT(cache.ttl_ms), "300", 1,
	    CACHE_MAX_TTL_S, .meaning = "how long an answer is kept" },
	{ "cache.max_entry_kb", &conf_kb_type, AT(cache.max_entry_bytes),
	    "1024", 1, CACHE_MAX_ENTRY_KB,
	    .meaning = "largest answer that is kept" },
	{ "cache.max_mb", &conf_mb_type, AT(cache.max_bytes), "256", 8, 1e6,
	    .meaning = "disk that the cache may take, with everything" },
	{ "cache.account_mb", &conf_mb_type, AT(cache.account_bytes), "0", 0,
	    1e6, .meaning = "of that, for one account; 0: all" },
	{ "cache.pace_tokens_per_s", &conf_count_type, AT(cache.pace), "0", 0,
	    1000000,
	    .meaning = "speed of a stored answer's stream; 0: at once" },

	{ "fetch_images", &conf_bool_type, AT(fetch_images), "false",
	    .meaning = "get images from their addresses for providers that "
		       "want the bytes (Gemini); only from public ones" },
	{ "fetch_hosts", &conf_list_type, AT(fetch_hosts), "[]",
	    .meaning = "hosts whose images may come from any address" },
	{ "limits.unpriced", &conf_switch_type, AT(unpriced_ok), "\"refuse\"",
	    .words = "refuse, allow",
	    .meaning = "calls without a known price, where a budget applies" },
	{ "limits.zone", &conf_zone_type, AT(zone_name), "\"UTC\"",
	    .meaning = "whose days, weeks and months budgets count in" },

	{ "store.durability", &conf_word_type, AT(durability), "\"process\"",
	    .words = "process, power",
	    .meaning = "what a ledger row survives: a kill, or a power cut" },
	{ "store.on_failure", &conf_switch_type, AT(serve_without_store),
	    "\"refuse\"", .words = "refuse, serve",
	    .meaning = "calls while the ledger cannot be written" },

	{ "privacy.retention_days", &conf_count_type, AT(retention_days), "400",
	    0, 36500,
	    .meaning = "rows of older calls are removed, their sums stay; 0 "
		       "keeps all" },

	{ "tasks", &conf_rules_type, CONF_NOWHERE, "[]",
	    .meaning = "tasks of calls that name none: { if, task }, the "
		       "first that holds" },

	{ "experiments.NAME.task", &conf_text_type, OF(task), NULL,
	    .meaning = "the task it is about; without it every task, each by "
		       "itself" },
	{ "experiments.NAME.arms", &conf_arms_type, CONF_NOWHERE, NULL,
	    .meaning = "2 to 8 names or { name, use, set, weight }; the first "
		       "is the incumbent" },
	{ "experiments.NAME.mode", &conf_word_type, OF(mode), "\"shadow\"",
	    .words = "shadow, split",
	    .meaning = "who answers: the incumbent, or each its share" },
	{ "experiments.NAME.sticky", &conf_word_type, OF(sticky), "\"user\"",
	    .words = STICKY_WORDS,
	    .meaning = "what keeps its arm, in mode split" },
	{ "experiments.NAME.sample", &conf_share_type, OF(sample), "0.1", 0, 1,
	    .meaning = "share of the calls that are judged" },
	{ "experiments.NAME.judge", &conf_judge_type, CONF_NOWHERE, NULL,
	    .meaning = "the model, or a node, that compares two answers" },
	{ "experiments.NAME.judge_may_be_arm", &conf_bool_type,
	    OF(judge_may_be_arm), "false",
	    .meaning = "it may judge its own answers" },
	{ "experiments.NAME.rubric", &conf_text_type, OF(rubric), "(by task)",
	    .meaning = "what the judge is told to look for" },
	{ "experiments.NAME.criteria", &conf_list_type, OF(criteria),
	    "(by task)", .meaning = "what it gives points for, at most 8" },
	{ "experiments.NAME.references", &conf_path_type, OF(references), NULL,
	    .meaning = "file of good answers, one { input, answer } a line" },
	{ "experiments.NAME.budget_usd", &conf_usd_type, OF(budget_pusd),
	    "\"10\"", .meaning = "most that shadow and judge may cost" },
	{ "experiments.NAME.start", &conf_time_type, OF(start_us), NULL,
	    .meaning = "not before" },
	{ "experiments.NAME.end", &conf_time_type, OF(end_us), NULL,
	    .meaning = "not after" },
	{ "experiments.NAME.max_verdicts", &conf_count_type, OF(max_verdicts),
	    "2000", 20, 1e6, .meaning = "most verdicts of a task" },
	{ "experiments.NAME.stop", &conf_switch_type, OF(stop_decided),
	    "\"decided\"", .words = "never, decided",
	    .meaning = "no more trials of a task that is decided" },
	{ "experiments.NAME.keep_days", &conf_count_type, OF(keep_days), "0", 0,
	    400, .meaning = "how long answers are kept after the verdict" },
	{ "experiments.NAME.epsilon", &conf_share_type, OF(epsilon), "0.05",
	    0.001, 0.5, .meaning = "difference of fit that does not matter" },
	{ "experiments.NAME.quality_floor", &conf_share_type, OF(quality_floor),
	    "0.8", 0, 1, .meaning = "score of an answer that is accepted" },
	{ .key = NULL },
};

void
conf_keys(void (*fn)(void *arg, const char *key, const char *type,
	      const char *fallback, const char *meaning),
    void *arg)
{
	const struct conf_row *row;

	for (row = conf_rows; row->key != NULL; row++)
		fn(arg, row->key,
		    row->type->name ? row->type->name : row->words,
		    row->fallback ? row->fallback : "", row->meaning);
}

/* The value of an environment variable; the absent str for an empty one. */
static struct str
env(const char *name)
{
	const char *v = getenv(name);

	return str_of(v != NULL && v[0] != '\0' ? v : NULL);
}

/* Web servers often start us without HOME. */
static struct str
home(struct arena *a)
{
	struct str dir = env("HOME");
	struct passwd pw, *found = NULL;
	char text[4096];

	if (dir.p != NULL)
		return dir;
	if (getpwuid_r(geteuid(), &pw, text, sizeof(text), &found) == 0 &&
	    found != NULL)
		return str_dup(a, str_of(pw.pw_dir));
	return STR("/");
}

/* $variable/sluice, or ~/under/sluice. */
static struct str
xdg(struct arena *a, const char *variable, const char *under)
{
	struct str dir = env(variable);

	if (dir.p != NULL)
		return str_of(arena_printf(a, "%.*s/sluice", STR_ARG(dir)));
	return str_of(
	    arena_printf(a, "%.*s/%s/sluice", STR_ARG(home(a)), under));
}

static struct str
default_data_dir(struct arena *a)
{
	struct str dir = env("SLUICE_DATA_DIR");

	if (dir.p != NULL)
		return str_dup(a, dir);
	if (access("/var/lib/sluice", W_OK | X_OK) == 0)
		return STR("/var/lib/sluice");
	return xdg(a, "XDG_STATE_HOME", ".local/state");
}

/* The folder of the running program, or the absent str. */
static struct str
program_dir(struct arena *a)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

	while (n > 0 && path[n - 1] != '/')
		n--;
	if (n <= 1)
		return STR_NONE;
	return str_dup(a, (struct str){ .p = path, .n = (size_t)n - 1 });
}

struct str
conf_find(struct arena *a)
{
	struct str dirs[3], named = env("SLUICE_CONFIG");
	char *path;
	size_t i;

	/* A file that was asked for is never passed over in silence. */
	if (named.p != NULL)
		return str_dup(a, named);
	dirs[0] = program_dir(a);
	dirs[1] = xdg(a, "XDG_CONFIG_HOME", ".config");
	dirs[2] = STR("/etc/sluice");
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (dirs[i].p == NULL)
			continue;
		path = arena_printf(a, "%.*s/sluice.json", STR_ARG(dirs[i]));
		if (access(path, F_OK) == 0)
			return str_of(path);
	}
	return STR_NONE;
}

/* Read the file and everything that depends on it. */
static void
load(struct conf_reader *r)
{
	struct jnode root = { 0 }, *doc = NULL;

	conf_read_defaults(r, NULL, r->conf);
	conf_vendor_catalog(r);
	if (r->conf->path.p != NULL) {
		root.v = conf_text_read(r, r->conf->path);
		if (root.v == NULL)
			return;
		doc = &root;
		conf_text_refs(r, doc);
		conf_read_document(r, doc);
	}
	conf_vendor_complete(r, doc);
	conf_routes_complete(r, doc);
	if (r->conf->data_dir.p == NULL)
		r->conf->data_dir = default_data_dir(r->arena);
	conf_vendor_prices(r);
}

struct conf *
conf_load(struct str path, const struct registry *registry,
    struct buf *complaints, struct error *err)
{
	struct arena *a = arena_new(CONF_ARENA_BYTES);
	struct conf *conf = ARENA_NEW(a, struct conf);
	struct conf_reader r = {
		.conf = conf,
		.arena = a,
		.draft = arena_new(CONF_ARENA_BYTES),
		.registry = registry,
		.complaints = complaints,
		.err = err,
	};

	conf->arena = a;
	conf->routing.max_extra_pusd = -1;
	conf->path = str_dup(a, path);
	load(&r);
	arena_free(r.draft);
	if (r.n > 0) {
		conf_free(conf);
		return NULL;
	}
	return conf;
}

void
conf_free(struct conf *conf)
{
	if (conf != NULL)
		arena_free(conf->arena);
}

/* Whether one of the usual places has got a file. */
static bool
file_appeared(void)
{
	struct arena *a = arena_new(64u << 10);
	bool found = conf_find(a).p != NULL;

	arena_free(a);
	return found;
}

bool
conf_changed(const struct conf *conf)
{
	struct stat st;

	if (conf_vendor_prices_mtime_ns(conf) != conf->prices_mtime_ns)
		return true;

	if (conf->path.p == NULL)
		return file_appeared();
	/* A file that has gone may be on its way back from an editor. */
	if (stat(conf->path.p, &st) == -1)
		return false;
	return st.st_ino != (ino_t)conf->inode ||
	    st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec !=
	    conf->mtime_ns;
}

const struct conf_provider *
conf_provider_find(const struct conf *conf, struct str name)
{
	const struct conf_provider *p;

	for (p = conf->providers; p != NULL; p = p->next) {
		if (str_eq(p->name, name))
			return p;
	}
	return NULL;
}
