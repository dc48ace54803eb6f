/* SPDX-License-Identifier: MIT */
/*
 * What of another issuer stands in a body that passes as it is: opaque tokens
 * of thinking from an earlier turn of the conversation, which another
 * vendor's model has signed or encrypted, the sources of its text, and the
 * ids it gave to calls.  Tokens can be read by their own vendor alone, others
 * refuse them; ids are spelled as the target takes them (names.h).
 */
#ifndef PROVIDERS_FOREIGN_H
#define PROVIDERS_FOREIGN_H

#include "core/provider.h"

struct buf;
struct jtext_edit;

/*
 * foreign_edit(a, t, ask, losses, edit):
 * Look for it in ask->body.
 *
 * Returns  false if there is none; true with the ${*edit} that leaves out
 *          what must not go to ${t}, named in ${*losses}.  In ${a}.
 */
bool foreign_edit(struct arena *a, const struct target *t,
    const struct ask *ask, struct name **losses, struct jtext_edit *edit);

/*
 * foreign_pass(a, t, ask, out, body):
 * Write ask->body to ${body}: for the model of ${t}, and without what must
 * not go, a loss in ${out}.
 *
 * Returns  0, or -1: it is no object.
 */
int foreign_pass(struct arena *a, const struct target *t, const struct ask *ask,
    struct upstream_request *out, struct buf *body)
    __attribute__((warn_unused_result));

#endif
