/* SPDX-License-Identifier: MIT */
/*
 * What a client says about its call besides the request: header
 * x-sluice-NAME, or member NAME of `sluice` in the body for clients that
 * cannot set headers (with _ for each -).  A header outweighs a member.
 */
#ifndef FCGI_OPTIONS_H
#define FCGI_OPTIONS_H

#include <stdbool.h>

#include "core/str.h"

struct error;
struct exchange;

/*
 * options_take(x, err):
 * Take `sluice` out of the body of x->call, which jtext_check has passed.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST naming the member that nobody knows,
 *          or whose value is of no use.
 */
int options_take(struct exchange *x, struct error *err)
    __attribute__((warn_unused_result));

/*
 * options_get(x, name):
 * Returns  what was said about ${name} ("max-cost"), without blanks around
 *          it: a string's text, any other JSON as it stands, tags as "k=v,…".
 *          The absent str if nothing was.
 */
struct str options_get(const struct exchange *x, const char *name);

/* options_on(x, name): was it said with 1 or true? */
bool options_on(const struct exchange *x, const char *name);

/* The headers as a list for browsers: "x-sluice-route, …". */
extern const char options_headers[];

#endif
