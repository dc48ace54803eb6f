/* SPDX-License-Identifier: MIT */
/*
 * A settled call as OTLP spans: one for the call (kind server; a shadow's or
 * a judge's, which nobody has asked for: internal), below it one for each
 * attempt (kind client).  Numbers, names and words of the ledger
 * only: no bodies, no secrets, no users.
 * Source: OTLP 1.x, "JSON Protobuf Encoding"; "Semantic conventions for
 * generative client AI spans" and "HTTP spans", read 2026-11.
 */
#ifndef CORE_SPANS_H
#define CORE_SPANS_H

#include "core/str.h"

struct buf;
struct call;

/*
 * spans_of(c, n):
 * Returns  the spans of ${c} as JSON objects, joined by commas, in its arena,
 *          and in ${*n} how many; the absent str if its trace is not to be
 *          sent.
 */
struct str spans_of(struct call *c, unsigned *n);

/*
 * spans_join(c, more):
 * What ${more} has left to be sent goes with ${c}, whose arena lives as long.
 */
void spans_join(struct call *c, struct call *more);

/* spans_request(out, spans): append the body of the request with ${spans}. */
void spans_request(struct buf *out, struct str spans);

#endif
