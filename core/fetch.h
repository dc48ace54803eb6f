/* SPDX-License-Identifier: MIT */
/*
 * Images that a request names by their address, for providers that want the
 * bytes (configuration: fetch_images).  The first part of a call's middle:
 * they come on the loop, all at once, before anything is prepared for good.
 *
 * The client chooses the addresses, so the connection is refused, once names
 * are resolved, unless it goes to a public address (address.h) or the
 * configuration names the host in fetch_hosts.  Redirects are not followed.
 */
#ifndef CORE_FETCH_H
#define CORE_FETCH_H

#include <stdbool.h>

#include "core/str.h"

struct arena;
struct ask;
struct attempt_engine;
struct conf;
struct error;
struct fetch;
struct plan;

#define FETCH_MAX_BYTES  (10u << 20) /* of one image */
#define FETCH_MAX_IMAGES 16

/*
 * fetch_wanted(conf, ask, plan, err):
 * See which images have to be fetched because some target of ${plan} wants
 * their bytes, and note them in ask->media.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST, too many.
 */
int fetch_wanted(const struct conf *conf, struct ask *ask,
    const struct plan *plan, struct error *err)
    __attribute__((warn_unused_result));

/*
 * fetch_start(a, ask, conf, engine, done, arg):
 * Fetch ask->media; ${done} is called from the loop, with an error of kind
 * ERROR_NONE or ERROR_BAD_REQUEST that names the part.
 *
 * Returns  the fetch, in ${a}; valid until done or fetch_cancel.
 */
struct fetch *fetch_start(struct arena *a, struct ask *ask,
    const struct conf *conf, const struct attempt_engine *engine,
    void (*done)(void *arg, const struct error *err), void *arg);

/* fetch_cancel(f): no callback follows.  NULL is a no-op. */
void fetch_cancel(struct fetch *f);

/*
 * fetch_is_allowed(conf, url):
 * Returns  true if the host of ${url} may have any address.
 */
bool fetch_is_allowed(const struct conf *conf, struct str url);

#endif
