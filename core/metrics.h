/* SPDX-License-Identifier: MIT */
/*
 * Counters and histograms of all processes and CGI runs together, in the file
 * data_dir/metrics (mapped.h), as Prometheus wants them: they only grow, and
 * begin again at zero with each boot.
 *
 * One table (metrics.c) has the families: name, labels, how many series.  A
 * series is made by its first use; whatever would be one too many counts in
 * the last one of its family, whose labels all say "other", so that sums stay
 * right whatever clients send.  Only atomics: a process may be killed at any
 * instant.
 *
 * OpenTelemetry's names where it has any, in Prometheus' spelling.
 * Source: OpenTelemetry, "Semantic conventions for generative AI metrics"
 * (names, attributes, bucket boundaries; status Development), read 2026-11.
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct error;
struct metrics;

#define METRICS_LABELS 4  /* of a family, at most */
#define METRICS_BOUNDS 16 /* of a histogram, at most */

enum metric {
	METRIC_REQUESTS,
	METRIC_ERRORS,
	METRIC_REJECTED,
	METRIC_ATTEMPTS,
	METRIC_TOKENS,
	METRIC_COST,
	METRIC_UNPRICED,
	METRIC_CACHE,
	METRIC_SAVED,
	METRIC_SPANS,
	METRIC_REQUEST_DURATION,
	METRIC_OVERHEAD,
	METRIC_OPERATION_DURATION,
	METRIC_FIRST_TOKEN,
	METRIC_TOKEN_USAGE,
	METRICS
};

/* What a value is. */
enum metric_unit {
	METRIC_COUNT,
	METRIC_PUSD, /* shown in USD */
	METRIC_US    /* shown in seconds */
};

struct metric_family {
	const char *name; /* without _total */
	const char *help;
	const char *labels[METRICS_LABELS]; /* NULL: no more */
	unsigned series;                    /* at most, with "other" */
	enum metric_unit unit;
	const int64_t *bounds; /* of a histogram, ends with 0; NULL: counter */
};

extern const struct metric_family metrics_families[METRICS];

/*
 * metrics_attach(dirfd, err), metrics_detach(m):
 * Returns  the counters of data_dir ${dirfd}, or NULL: ERROR_STORE.  All that
 *          follows takes NULL and does nothing then.
 */
struct metrics *metrics_attach(int dirfd, struct error *err);
void metrics_detach(struct metrics *m);

/*
 * metrics_add(m, metric, labels, n):
 * Add ${n} to the counter, or observe ${n} in the histogram, with as many
 * ${labels} as the family has.  Their bytes outside of printable ASCII become
 * '_', what is beyond 64 bytes is cut, and the empty label is left out.
 */
void metrics_add(struct metrics *m, enum metric metric,
    const struct str labels[METRICS_LABELS], int64_t n);

/* A series, as it is now. */
struct metric_series {
	const struct metric_family *family;
	struct str labels[METRICS_LABELS];
	int64_t value;         /* of a counter; the sum of a histogram */
	const int64_t *counts; /* in each bucket and above; NULL: counter */
};

/*
 * metrics_each(m, metric, fn, arg):
 * Call ${fn} with each series of one family; what it gets is valid during
 * the call.
 */
void metrics_each(struct metrics *m, enum metric metric,
    void (*fn)(void *arg, const struct metric_series *s), void *arg);

/*
 * metrics_resting(m, now_us), metrics_rest(m, until_us):
 * Is the collector of traces to be left alone, as some process has found?
 * Times are monotonic.
 */
bool metrics_resting(struct metrics *m, int64_t now_us);
void metrics_rest(struct metrics *m, int64_t until_us);

#endif
