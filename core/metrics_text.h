/* SPDX-License-Identifier: MIT */
/*
 * The metrics as text: Prometheus 0.0.4, or OpenMetrics 1.0.0, which differs
 * in the names of counters and has an end.  Counters and histograms come from
 * metrics.h; what is just so at the moment (breakers, the store) is looked at.
 *
 * Source: Prometheus, "Exposition formats"; OpenMetrics 1.0.0.
 */
#ifndef CORE_METRICS_TEXT_H
#define CORE_METRICS_TEXT_H

#include <stdbool.h>

struct buf;
struct state;

/*
 * metrics_text(s, open, out):
 * Append all metrics of state ${s}; ${open}: as OpenMetrics.
 *
 * Blocks   on listing some files of data_dir.
 */
void metrics_text(struct state *s, bool open, struct buf *out);

#endif
