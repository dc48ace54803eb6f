/* SPDX-License-Identifier: MIT */
/*
 * The place of a call in a distributed trace: the client's, if it says so in
 * `traceparent`, else one of its own.
 * Source: W3C Trace Context, "traceparent Header Field Values" (level 1).
 */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"

#define TRACE_ID_BYTES   16
#define TRACE_SPAN_BYTES 8
#define TRACE_HEX_BYTES  (2 * TRACE_ID_BYTES + 1)

struct trace {
	bool known;      /* there is an id at all */
	bool sampled;    /* spans are to be sent: the client may not want it */
	bool has_parent; /* of the client */
	unsigned char id[TRACE_ID_BYTES];
	unsigned char parent[TRACE_SPAN_BYTES];
	unsigned char span[TRACE_SPAN_BYTES]; /* the call's own */
};

/*
 * trace_begin(t, traceparent, make):
 * Join the trace of ${traceparent}; if that is absent or malformed begin one
 * if ${make}, else have none.
 */
void trace_begin(struct trace *t, struct str traceparent, bool make);

/* trace_below(t, above): have a place of its own below that of ${above}. */
void trace_below(struct trace *t, const struct trace *above);

/* trace_span(span): a new id for a span. */
void trace_span(unsigned char span[TRACE_SPAN_BYTES]);

/*
 * trace_hex(bytes, n, out):
 * Write ${n} (at most TRACE_ID_BYTES) bytes as lower-case hex.
 *
 * Returns  ${out}.
 */
char *trace_hex(
    const unsigned char *bytes, size_t n, char out[TRACE_HEX_BYTES]);

#endif
