/* SPDX-License-Identifier: MIT */
#include "core/latency.h"

#include "core/jw.h"

#define LEAST_MS INT64_C(16)
#define STEPS    4 /* an octave */

/* Where the steps of an octave begin, in 1/1024: 2^(i/4). */
static const int64_t steps[STEPS + 1] = { 1024, 1218, 1448, 1722, 2048 };

/* What bucket ${i} begins with; the first has all below its end, too. */
static int64_t
floor_ms(int i)
{
	return (LEAST_MS << i / STEPS) * steps[i % STEPS] / steps[0];
}

void
latency_note(struct latency *l, int64_t ms)
{
	int i = 0;

	while (i + STEPS < LATENCY_BUCKETS && ms >= floor_ms(i + STEPS))
		i += STEPS;
	while (i + 1 < LATENCY_BUCKETS && ms >= floor_ms(i + 1))
		i++;
	if (l->n[i] < INT32_MAX)
		l->n[i]++;
}

int64_t
latency_percentile(const struct latency *l, int percent)
{
	int64_t all = 0, want, below = 0, from, to;
	int i;

	for (i = 0; i < LATENCY_BUCKETS; i++)
		all += l->n[i] > 0 ? l->n[i] : 0;
	if (all == 0)
		return -1;
	want = (all * percent + 99) / 100;
	for (i = 0; below + l->n[i] < want; i++)
		below += l->n[i] > 0 ? l->n[i] : 0;
	from = i > 0 ? floor_ms(i) : 0;
	to = floor_ms(i + 1);
	/* As if those of a bucket were spread evenly over it. */
	return from +
	    (to - from) * (2 * (want - below) - 1) / (2 * (int64_t)l->n[i]);
}

static void
put(struct jw *w, const char *key, int64_t ms)
{
	if (ms < 0)
		jw_kv_null(w, key);
	else
		jw_kv_i64(w, key, ms);
}

void
latency_json(struct jw *w, const char *key, const struct latency *l)
{
	jw_key(w, key);
	jw_object(w);
	put(w, "p50", latency_percentile(l, 50));
	put(w, "p95", latency_percentile(l, 95));
	jw_end(w);
}
