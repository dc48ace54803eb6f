/* SPDX-License-Identifier: MIT */
/*
 * From a model name in a request to a target.  Names resolve in this order:
 * alias, route (route_find in route.h), "provider/model", a bare model id that
 * exactly one configured provider lists.
 */
#ifndef CORE_RESOLVE_H
#define CORE_RESOLVE_H

#include "core/str.h"

struct arena;
struct conf;
struct error;
struct target;

/*
 * resolve_alias(conf, name):
 * Returns  what ${name} stands for as an alias, else ${name}.
 */
struct str resolve_alias(const struct conf *conf, struct str name);

/*
 * resolve(conf, a, name, target, err):
 * Returns  0 with ${*target} (facts in ${a}), or -1: ERROR_NOT_FOUND naming
 *          the nearest names.
 */
int resolve(const struct conf *conf, struct arena *a, struct str name,
    struct target *target, struct error *err)
    __attribute__((warn_unused_result));

/*
 * resolve_each(conf, fn, arg):
 * Call ${fn} with every name that a client may list: aliases, routes, then
 * "provider/model" of the catalogue for each configured provider.
 */
void resolve_each(const struct conf *conf,
    void (*fn)(void *arg, struct str name, struct str provider), void *arg);

#endif
