/* SPDX-License-Identifier: MIT */
/*
 * The configuration: sluice.json, JSON with comments, read into one
 * immutable struct.  Strict: unknown keys, wrong types and bad values are
 * errors with their path and the nearest known name, and all of them are
 * reported at once.  Any string may be "env:NAME" or "file:PATH".
 * conf.c has the schema as one table; README lists the same keys.
 *
 * Searched in $SLUICE_CONFIG, beside the program, ~/.config/sluice/ and
 * /etc/sluice/.  With no file, every known provider whose key variable is
 * set is on; echo always is.
 */
#ifndef CORE_CONF_H
#define CORE_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/log.h"
#include "core/str.h"

struct arena;
struct buf;
struct catalog;
struct error;
struct experiment;
struct jnode;
struct provider;
struct name;
struct registry;
struct zone;
struct json_object;
struct route;
struct route_reader;
struct task_rule;

struct conf_provider {
	struct str name;
	const struct provider *api;
	const struct provider *also; /* a second format; NULL: none */
	struct str base_url;         /* without a final slash */
	bool at_home;                /* that is the vendor's own address */
	struct str key;  /* the credential; absent if it needs none */
	bool free;       /* costs nothing: cost is 0, not unknown */
	bool drain;      /* on_cancel: drain */
	unsigned quirks; /* enum vendor_quirk */
	struct conf_provider *next;
};

struct conf_alias {
	struct str name;
	struct str model;
	struct conf_alias *next;
};

struct conf_route {
	struct str name;
	const struct route *route; /* NULL only while it is being read */
	struct json_object *json;  /* private, as is what follows */
	bool parsing;
	bool hashed;
	struct conf_route *by;
	struct conf_route *next;
};

#define CONF_HEDGE_AUTO  (-1)
#define CONF_HEDGE_UNSET (-2) /* of a node: as the configuration says */

/* What a node of a route may override. */
struct conf_routing {
	int64_t attempts;       /* 0: max(3, targets of the chain) */
	int64_t max_racers;     /* of one race at a time */
	int64_t max_extra_pusd; /* that losers may cost; -1: no limit */
	int64_t hedge_ms;       /* CONF_HEDGE_AUTO */
};

/* Answers that are kept: cache_policy.h. */
struct conf_cache {
	bool on; /* for calls that do not say */
	int64_t ttl_ms;
	int64_t max_entry_bytes;
	int64_t max_bytes;     /* on the disk, with everything */
	int64_t account_bytes; /* an account's share; 0: all of it */
	int64_t pace; /* tokens per second of a replayed stream; 0: at once */
};

enum conf_durability {
	DURABILITY_PROCESS,
	DURABILITY_POWER
};

struct conf {
	struct arena *arena;
	struct str path;  /* file it came from; absent: defaults */
	int64_t mtime_ns; /* of the file when read, 0 without one */
	int64_t inode;
	struct str data_dir;
	int64_t prices_mtime_ns; /* of data_dir/prices.json, 0 without one */

	int64_t workers; /* server.* */
	int64_t max_calls;
	int64_t max_body_bytes;
	int64_t request_timeout_ms;
	int64_t connect_timeout_ms;
	int64_t first_content_timeout_ms;
	int64_t idle_timeout_ms;
	int64_t keepalive_ms;
	int64_t drain_ms;
	struct name *cors_origins;

	struct str log_file; /* log.* */
	enum log_level log_level;
	int64_t log_max_bytes; /* 0: any size */

	struct str metrics_key; /* metrics.*; absent: admins only */

	struct str otlp_endpoint; /* telemetry.*; absent: no traces */
	struct str otlp_headers;  /* otlp_headers.h; absent: none */

	bool fetch_images; /* for providers that want the bytes */
	struct name *fetch_hosts;

	bool auth_required; /* auth.* */
	struct str admin_key;

	struct conf_provider *providers;
	struct conf_alias *aliases;
	struct conf_route *routes;
	struct conf_routing routing;
	struct experiment *experiments;
	struct task_rule *tasks; /* task.h */
	struct catalog *catalog; /* built in, with the entries of `models` */

	struct conf_cache cache;

	bool unpriced_ok; /* limits.* */
	struct str zone_name;
	const struct zone *zone;

	enum conf_durability durability; /* store.* */
	bool serve_without_store;        /* store.on_failure: serve */

	int64_t retention_days; /* privacy.*; 0: for ever */
};

/* Collected complaints: one "path: what is wrong" a line. */
#define CONF_MAX_COMPLAINT_BYTES 16384

/*
 * conf_find(a):
 * Returns  the path of the configuration file, or the absent str if none of
 *          the usual places has one.
 */
struct str conf_find(struct arena *a);

/*
 * conf_load(path, registry, complaints, err):
 * Read ${path} (absent: defaults only) with all that it refers to.
 *
 * Returns  the configuration, or NULL: ERROR_CONF with the first complaint;
 *          all of them are in ${complaints}.  conf_free ends it.
 * Blocks   on reading small files.
 */
struct conf *conf_load(struct str path, const struct registry *registry,
    struct buf *complaints, struct error *err);
void conf_free(struct conf *conf);

/*
 * conf_changed(conf):
 * Returns  true if the file is not the one that was read, or a file now
 *          stands where there was none.
 */
bool conf_changed(const struct conf *conf);

/*
 * conf_provider_find(conf, name):
 * Returns  the provider called ${name}, or NULL.
 */
const struct conf_provider *conf_provider_find(
    const struct conf *conf, struct str name);

/*
 * conf_route_find(conf, name):
 * Returns  the route called ${name}, or NULL.
 */
struct conf_route *conf_route_find(const struct conf *conf, struct str name);

/*
 * conf_experiment(r, at):
 * Read the experiment named at ${at} of a route, if nobody has before.
 *
 * Returns  the experiment, or NULL after a complaint.
 */
const struct experiment *conf_experiment(
    struct route_reader *r, const struct jnode *at);

/*
 * conf_keys(fn, arg):
 * Call ${fn} for each row of the schema: "server.workers", its type, its
 * default as text, and what it means.  README's table is checked by this.
 */
void conf_keys(void (*fn)(void *arg, const char *key, const char *type,
		   const char *fallback, const char *meaning),
    void *arg);

#endif
