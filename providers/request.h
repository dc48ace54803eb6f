/* SPDX-License-Identifier: MIT */
/* What the writers of JSON requests share. */
#ifndef PROVIDERS_REQUEST_H
#define PROVIDERS_REQUEST_H

#include <stdbool.h>

#include "core/provider.h"

struct buf;
struct chat;
struct error;
struct jw;
struct opt_double;

/*
 * request_body(out, body, rc, err):
 * Make ${body} the body of ${out}; ${rc} is what writing or editing it has
 * returned.
 *
 * Returns  0, or -1: what the writer has set, else ERROR_BAD_REQUEST for a
 *          client's body that could not be edited, ERROR_TOO_LARGE.
 */
int request_body(struct upstream_request *out, const struct buf *body, int rc,
    struct error *err);

/*
 * request_number(w, chat, key, v, takes):
 * Write ${v} as member ${key}, if it is given; where the model does not take
 * it, that is a loss.
 */
void request_number(struct jw *w, struct chat *chat, const char *key,
    const struct opt_double *v, bool takes);

#endif
