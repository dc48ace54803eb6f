/* SPDX-License-Identifier: MIT */
/*
 * Sends the spans of settled calls to a collector, as OTLP over HTTP in JSON,
 * when their answers have left.  One request at a time, at most one a second
 * unless much has come together; what a slow or dead collector does not take
 * is tried a few times, then dropped, as is what does not fit meanwhile.
 * Nobody ever waits for it, and all that is dropped is in the metrics.
 * Everything runs on the loop's thread.
 *
 * Source: OTLP 1.x, "OTLP/HTTP Response", for what may be tried again.
 */
#ifndef CORE_EXPORTER_H
#define CORE_EXPORTER_H

#include <stdint.h>

struct call;
struct exporter;
struct loop;
struct upstream;

/*
 * exporter_new(loop, upstream), exporter_free(e):
 * What is still there at the end counts as dropped.  NULL is a no-op.
 */
struct exporter *exporter_new(struct loop *loop, struct upstream *upstream);
void exporter_free(struct exporter *e);

/* exporter_add(e, c): take over the spans of ${c}, if it has any. */
void exporter_add(struct exporter *e, struct call *c);

/*
 * exporter_finish(e, max_us):
 * Send what is there now, within ${max_us}.
 *
 * Blocks   up to ${max_us}, turning the loop.
 */
void exporter_finish(struct exporter *e, int64_t max_us);

/*
 * exporter_once(c, max_us):
 * For a process that ends with ${c}: the same without a loop.
 */
void exporter_once(struct call *c, int64_t max_us);

#endif
