/* SPDX-License-Identifier: MIT */
/*
 * Names of tools and ids of calls as each provider takes them.  What is legal
 * stays as it is; anything else is spelled in the provider's alphabet, cut to
 * its length, with a hash of the original behind.  So different ones stay
 * different, the same one is always spelled the same, in this request and in
 * the next, and nothing need be remembered.
 *
 * Gemini wants its signature of a call back with the call, and clients keep
 * nothing of a call but its id: so the signature travels in there,
 * "ID__thought__SIGNATURE" (base64url).  Other providers never see it.
 *
 * Source   wire.md §3.3, §4.1, §7, §8.3.
 */
#ifndef PROVIDERS_NAMES_H
#define PROVIDERS_NAMES_H

#include "core/provider.h"
#include "core/str.h"
#include "core/wire.h"

/*
 * name_for(a, name, wire):
 * Returns  the tool ${name} as providers of ${wire} take it: itself, or the
 *          spelling in ${a}.
 */
struct str name_for(struct arena *a, struct str name, enum wire wire);

/*
 * name_back(ask, name, wire):
 * Returns  the tool of ${ask} that name_for made ${name} of; ${name} if there
 *          is none, or nothing was translated.
 */
struct str name_back(const struct ask *ask, struct str name, enum wire wire);

/*
 * call_id_for(a, id, t, wire):
 * Returns  ${id} as the target ${t} takes it in format ${wire}, in ${a}.
 */
struct str call_id_for(
    struct arena *a, struct str id, const struct target *t, enum wire wire);

/*
 * call_id_sign(a, id, signature), call_id_signature(a, id):
 * Hide ${signature} (base64; any other is left out) in ${id}; take it out of
 * ${*id} again.
 *
 * Returns  the id; the signature, absent if there is none.  Both in ${a}.
 */
struct str call_id_sign(struct arena *a, struct str id, struct str signature);
struct str call_id_signature(struct arena *a, struct str *id);

#endif
