/* SPDX-License-Identifier: MIT */
/*
 * What a client may say about its own call, beside the request: the options
 * (options.h) route, max-cost (USD), timeout-ms, dry-run, require, and the
 * body member `models`, a list of fallbacks that goes no further than here.
 */
#ifndef FCGI_CONTROL_H
#define FCGI_CONTROL_H

#include <stdbool.h>

struct error;
struct exchange;
struct key;

/*
 * control_models(x, err):
 * Take `models` out of the request's body: before anybody reads it.  Without
 * `model` the first of them is what was asked for.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST.
 */
int control_models(struct exchange *x, struct error *err)
    __attribute__((warn_unused_result));

/*
 * control_options(x, key, err):
 * Read the options; ${key} may be NULL: then only a gateway without keys
 * takes routes from requests.
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST with the header's name.
 */
int control_options(struct exchange *x, const struct key *key,
    struct error *err) __attribute__((warn_unused_result));

/* control_dry_run(x): does the client want the plan only? */
bool control_dry_run(const struct exchange *x);

/* control_answer_plan(x): answer with the plan of x->call. */
void control_answer_plan(struct exchange *x);

#endif
