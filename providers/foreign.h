/* SPDX-License-Identifier: MIT */
/*
 * Opaque tokens of another issuer in a body that passes as it is: thinking
 * from an earlier turn of the conversation, which another vendor's model has
 * signed or encrypted, and the sources of its text.  Their own vendor alone
 * can read them, others refuse them.
 */
#ifndef PROVIDERS_FOREIGN_H
#define PROVIDERS_FOREIGN_H

#include "core/provider.h"

struct buf;

/*
 * foreign_pass(a, t, ask, out, body):
 * Write ask->body, which is Anthropic's or Responses', to ${body}: for the
 * model of ${t}, and without what must not go, a loss in ${out}.
 *
 * Returns  0, or -1: it is no object.
 */
int foreign_pass(struct arena *a, const struct target *t, const struct ask *ask,
    struct upstream_request *out, struct buf *body)
    __attribute__((warn_unused_result));

#endif
