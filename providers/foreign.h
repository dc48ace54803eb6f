/* SPDX-License-Identifier: MIT */
/*
 * Opaque tokens of another issuer in a body that passes as it is: thinking
 * from an earlier turn of the conversation, which another vendor's model has
 * signed or encrypted, and the sources of its text.  Their own vendor alone
 * can read them, others refuse them.
 */
#ifndef PROVIDERS_FOREIGN_H
#define PROVIDERS_FOREIGN_H

#include <stdbool.h>

#include "core/provider.h"

struct jtext_edit;
struct name;

/*
 * foreign_edit(a, ask, edit, losses):
 * Find what must not go with ask->body, which is Anthropic's or Responses'.
 *
 * Returns  true with the ${edit} that leaves it out, and its loss in
 *          ${losses}; false if the body may pass.
 */
bool foreign_edit(struct arena *a, const struct ask *ask,
    struct jtext_edit *edit, struct name **losses);

#endif
