/* SPDX-License-Identifier: MIT */
/*
 * Opaque reasoning tokens on their way through a client.  A token is good
 * for its issuer alone, so it travels with the issuer's name, as a prefix
 * "sluice:FORMAT:", by which a provider of the client's format is spared it
 * (providers/foreign.h).  In Chat, `format` says it, too: the words of
 * OpenRouter, whose tokens bear no prefix, as a format's own do.
 */
#ifndef FCGI_SIGNATURE_H
#define FCGI_SIGNATURE_H

#include "core/str.h"
#include "core/wire.h"

struct buf;

/*
 * signature_format(issuer), signature_issuer(format):
 * Returns  the word for ${issuer}; the issuer for the word, WIRE_NONE for one
 *          that is not ours.
 */
const char *signature_format(enum wire issuer);
enum wire signature_issuer(struct str format);

/*
 * signature_prefix(issuer, native, out), signature_unprefix(sig, native):
 * Append the prefix, if any, of a token of ${issuer} to ${out}; take the
 * prefix off ${*sig}.  Tokens of ${native} have none.
 *
 * Returns  (unprefix) the issuer.
 */
void signature_prefix(enum wire issuer, enum wire native, struct buf *out);
enum wire signature_unprefix(struct str *sig, enum wire native);

#endif
