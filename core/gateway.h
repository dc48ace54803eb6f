/* SPDX-License-Identifier: MIT */
/*
 * What the process keeps for all its calls: the live configuration, the
 * state in data_dir and the keys.  The state is opened with the first
 * configuration, by the first call or the first ingest; a data_dir that does
 * not work is tried again once a second by calls, which are told so.  Used by
 * several threads.
 */
#ifndef CORE_GATEWAY_H
#define CORE_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct accounts;
struct arena;
struct conf;
struct error;
struct fits;
struct flights;
struct gateway;
struct key;
struct limits;
struct registry;
struct snapshot;
struct state;

/*
 * gateway_new(path, registry), gateway_free(gw):
 * Returns  a gateway for configuration file ${path} (absent: defaults).
 *          Nothing is read yet.
 */
struct gateway *gateway_new(struct str path, const struct registry *registry);
void gateway_free(struct gateway *gw);

/* gateway_conf(gw, err): as live_get (live.h). */
const struct snapshot *gateway_conf(struct gateway *gw, struct error *err);

/*
 * gateway_state(gw, conf, err):
 * Returns  the open state, or NULL: ERROR_STORE with the reason.
 */
struct state *gateway_state(
    struct gateway *gw, const struct conf *conf, struct error *err);

/*
 * gateway_limits(gw), gateway_accounts(gw), gateway_fits(gw):
 * Returns  what comes with the state; call gateway_state first, and only if
 *          that is there.
 */
struct limits *gateway_limits(struct gateway *gw);
struct accounts *gateway_accounts(struct gateway *gw);
struct fits *gateway_fits(struct gateway *gw);

/*
 * gateway_cache(gw, conf):
 * Returns  the response cache, opened when it is first asked for, with the
 *          ceilings of ${conf}; NULL if that does not work, which is logged.
 */
struct cache *gateway_cache(struct gateway *gw, const struct conf *conf);

/*
 * gateway_flights(gw):
 * Returns  this process's part in flights (flight.h); as gateway_limits.
 */
struct flights *gateway_flights(struct gateway *gw);

/*
 * gateway_ingest(gw, min_age_ms):
 * Bring journals into the database if any holds something that is
 * ${min_age_ms} old.  A server calls it about twice a second with 0, from one
 * worker at a time: what all of its pool have written is left alone for a
 * second, as long as there is little of it.  A CGI run leaves what is fresh to
 * others.  What dead processes have left of answers under way goes first.
 *
 * Returns  whether there was something to do.
 * Blocks   up to some 100 ms.
 */
bool gateway_ingest(struct gateway *gw, int64_t min_age_ms);

/*
 * gateway_auth(gw, conf, a, presented, key, err):
 * Who is calling?  With auth.required off everybody is nobody in particular.
 *
 * Returns  0 with ${*key} (NULL where no key is needed), or -1: ERROR_AUTH,
 *          ERROR_STORE.
 */
int gateway_auth(struct gateway *gw, const struct conf *conf, struct arena *a,
    struct str presented, const struct key **key, struct error *err)
    __attribute__((warn_unused_result));

/*
 * gateway_who(gw, conf, a, presented, key, err):
 * As gateway_auth, but who presents a key is checked in any case: for what
 * is more than a call.
 */
int gateway_who(struct gateway *gw, const struct conf *conf, struct arena *a,
    struct str presented, const struct key **key, struct error *err)
    __attribute__((warn_unused_result));

/*
 * gateway_read_begin(gw, max), gateway_read_end(gw):
 * Around what keeps a thread busy for seconds: not more than ${max} at a time.
 *
 * Returns  false if there are so many already.
 */
bool gateway_read_begin(struct gateway *gw, int64_t max);
void gateway_read_end(struct gateway *gw);

#endif
