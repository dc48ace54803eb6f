/* SPDX-License-Identifier: MIT */
/*
 * Times in a histogram that can be added up: four buckets an octave, from 16 ms
 * to 17 minutes, so that a percentile is off by a tenth, a fifth at worst.
 */
#ifndef CORE_LATENCY_H
#define CORE_LATENCY_H

#include <stdint.h>

struct jw;

#define LATENCY_BUCKETS 64

struct latency {
	int32_t n[LATENCY_BUCKETS];
};

/* latency_note(l, ms): count one time. */
void latency_note(struct latency *l, int64_t ms);

/*
 * latency_percentile(l, percent):
 * Returns  the time in ms, -1 where nothing has been counted.
 */
int64_t latency_percentile(const struct latency *l, int percent);

/* latency_json(w, key, l): member ${key}: { "p50", "p95" }, null for none. */
void latency_json(struct jw *w, const char *key, const struct latency *l);

#endif
