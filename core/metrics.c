/* SPDX-License-Identifier: MIT */
/*
 * The file: a few words of its own; the keys (hashes) of all series, family
 * after family, so that a search reads little; their labels; their values.  A
 * series is claimed by writing its key into the first free place of its
 * family, and never given back.  Labels are the text "a\nb\nc", which whoever
 * needs it writes until it is there: a death in between is made good.
 */
#include "core/metrics.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mapped.h"
#include "core/mem.h"

#define VERSION      1u
#define LABEL_BYTES  64
#define LABELS_BYTES 264 /* of all of a series, with separators */
#define FIXED_BYTES  64  /* before the keys */

struct label_text {
	_Atomic uint64_t named; /* text is written */
	char text[LABELS_BYTES];
};

struct metrics {
	void *mapped;
	size_t bytes;
	_Atomic int64_t *rest_us;
	_Atomic uint64_t *keys; /* 0: free */
	struct label_text *labels;
	_Atomic int64_t *values;
	size_t first[METRICS];       /* series of a family */
	size_t first_value[METRICS]; /* values of a family */
};

static const int64_t seconds[] = { 10000, 20000, 40000, 80000, 160000, 320000,
	640000, 1280000, 2560000, 5120000, 10240000, 20480000, 40960000,
	81920000, 0 };
static const int64_t first_token[] = { 1000, 5000, 10000, 20000, 40000, 60000,
	80000, 100000, 250000, 500000, 750000, 1000000, 2500000, 5000000,
	7500000, 10000000, 0 };
static const int64_t overhead[] = { 100, 250, 500, 1000, 2500, 5000, 10000,
	25000, 50000, 100000, 250000, 1000000, 0 };
static const int64_t tokens[] = { 1, 4, 16, 64, 256, 1024, 4096, 16384, 65536,
	262144, 1048576, 4194304, 16777216, 67108864, 0 };

#define GEN_AI                                                                 \
	"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"

const struct metric_family metrics_families[METRICS] = {
	[METRIC_REQUESTS] = { "sluice_requests",
	    "Calls, by the target that answered or whose error it is.",
	    { "endpoint", "provider", "model", "outcome" }, 512, METRIC_COUNT,
	    NULL },
	[METRIC_ERRORS] = { "sluice_errors",
	    "Calls that failed, by the ledger's word; without a provider it "
	    "was the gateway's decision.",
	    { "provider", "error" }, 128, METRIC_COUNT, NULL },
	[METRIC_REJECTED] = { "sluice_rejected",
	    "Requests that never became a call.", { "error" }, 32, METRIC_COUNT,
	    NULL },
	[METRIC_ATTEMPTS] = { "sluice_attempts",
	    "Attempts upstream, by what they were for and what became of them.",
	    { "provider", "model", "role", "outcome" }, 512, METRIC_COUNT,
	    NULL },
	[METRIC_TOKENS] = { "sluice_tokens",
	    "Tokens of all attempts, in the ledger's disjoint buckets.",
	    { "provider", "model", "type" }, 512, METRIC_COUNT, NULL },
	[METRIC_COST] = { "sluice_cost_usd",
	    "Dollars, as far as prices are known.", { "provider", "model" },
	    192, METRIC_PUSD, NULL },
	[METRIC_UNPRICED] = { "sluice_unpriced_attempts",
	    "Attempts whose cost is not known.", { "provider", "model" }, 64,
	    METRIC_COUNT, NULL },
	[METRIC_CACHE] = { "sluice_cache", "Calls by what the cache said.",
	    { "result" }, 16, METRIC_COUNT, NULL },
	[METRIC_SAVED] = { "sluice_cache_saved_usd",
	    "Dollars that what was stored would have cost.", { NULL }, 1,
	    METRIC_PUSD, NULL },
	[METRIC_SPANS] = { "sluice_trace_spans",
	    "Spans of traces: sent, or dropped and why.", { "result" }, 16,
	    METRIC_COUNT, NULL },
	[METRIC_REQUEST_DURATION] = { "sluice_request_duration_seconds",
	    "Calls from their first byte to their last.",
	    { "endpoint", "outcome" }, 64, METRIC_US, seconds },
	[METRIC_OVERHEAD] = { "sluice_gateway_overhead_seconds",
	    "The gateway's own part of a call: before the first attempt and "
	    "after the last.",
	    { "endpoint" }, 32, METRIC_US, overhead },
	[METRIC_OPERATION_DURATION] = { "gen_ai_client_operation_duration_"
					"seconds",
	    "Attempts upstream from request to end.", { GEN_AI, "error_type" },
	    256, METRIC_US, seconds },
	[METRIC_FIRST_TOKEN] = { "gen_ai_server_time_to_first_token_seconds",
	    "Attempts that answered, from request to first content.",
	    { GEN_AI }, 128, METRIC_US, first_token },
	[METRIC_TOKEN_USAGE] = { "gen_ai_client_token_usage",
	    "Tokens of an attempt, cached input included.",
	    { GEN_AI, "gen_ai_token_type" }, 256, METRIC_COUNT, tokens },
};

/* Buckets of a histogram, the one without a bound included; 0: a counter. */
static size_t
buckets_of(const struct metric_family *f)
{
	size_t n = 0;

	if (f->bounds == NULL)
		return 0;
	while (f->bounds[n] != 0)
		n++;
	return n + 1;
}

/* Each series has its sum and, if it is a histogram, its buckets. */
static size_t
values_of(const struct metric_family *f)
{
	return 1 + buckets_of(f);
}

static size_t
lay_out(struct metrics *m)
{
	size_t i, series = 0, values = 0;

	for (i = 0; i < METRICS; i++) {
		m->first[i] = series;
		m->first_value[i] = values;
		series += metrics_families[i].series;
		values += metrics_families[i].series *
		    values_of(&metrics_families[i]);
	}
	m->bytes = FIXED_BYTES + series * sizeof(m->keys[0]) +
	    series * sizeof(m->labels[0]) + values * sizeof(m->values[0]);
	return series;
}

struct metrics *
metrics_attach(int dirfd, struct error *err)
{
	struct metrics *m = mem_new(sizeof(*m));
	size_t series;
	char *at;

	series = lay_out(m);
	m->mapped = mapped_attach(dirfd, "metrics", VERSION, m->bytes, err);
	if (m->mapped == NULL) {
		free(m);
		return NULL;
	}
	m->rest_us = m->mapped;
	at = (char *)m->mapped + FIXED_BYTES;
	m->keys = (void *)at;
	at += series * sizeof(m->keys[0]);
	m->labels = (void *)at;
	at += series * sizeof(m->labels[0]);
	m->values = (void *)at;
	return m;
}

void
metrics_detach(struct metrics *m)
{
	if (m == NULL)
		return;
	mapped_detach(m->mapped, m->bytes);
	free(m);
}

bool
metrics_resting(struct metrics *m, int64_t now_us)
{
	return m != NULL && now_us < atomic_load(m->rest_us);
}

void
metrics_rest(struct metrics *m, int64_t until_us)
{
	if (m != NULL)
		atomic_store(m->rest_us, until_us);
}

static size_t
count_labels(const struct metric_family *f)
{
	size_t n = 0;

	while (n < METRICS_LABELS && f->labels[n] != NULL)
		n++;
	return n;
}

/* Each label as it is kept, with a newline behind it. */
static void
join(char out[LABELS_BYTES], const struct str *labels, size_t n)
{
	size_t i, k, at = 0;
	char c;

	for (i = 0; i < n; i++) {
		for (k = 0; k < labels[i].n && k < LABEL_BYTES; k++) {
			c = labels[i].p[k];
			out[at++] = c >= ' ' && c <= '~' ? c : '_';
		}
		out[at++] = '\n';
	}
	out[at] = '\0';
}

/* Never 0. */
static uint64_t
hash(const char *text)
{
	uint64_t h = str_hash(STR_HASH, str_of(text));

	return h != 0 ? h : 1;
}

static bool
claim(_Atomic uint64_t *place, uint64_t key)
{
	uint64_t seen = atomic_load(place);

	if (seen == 0 && atomic_compare_exchange_strong(place, &seen, key))
		return true;
	return seen == key;
}

/* Which series of its family: found, made, or "other". */
static size_t
find(struct metrics *m, enum metric metric, char text[LABELS_BYTES])
{
	const struct metric_family *f = &metrics_families[metric];
	struct str others[METRICS_LABELS];
	uint64_t key = hash(text);
	size_t i;

	for (i = 0; i + 1 < f->series; i++)
		if (claim(&m->keys[m->first[metric] + i], key))
			return i;
	for (i = 0; i < METRICS_LABELS; i++)
		others[i] = STR("other");
	join(text, others, count_labels(f));
	atomic_store(&m->keys[m->first[metric] + f->series - 1], hash(text));
	return f->series - 1;
}

static void
set_name(struct label_text *l, const char *text)
{
	if (atomic_load(&l->named) != 0)
		return;
	snprintf(l->text, sizeof(l->text), "%s", text);
	atomic_store(&l->named, 1);
}

static size_t
bucket_of(const struct metric_family *f, int64_t n)
{
	size_t i = 0;

	while (f->bounds[i] != 0 && n > f->bounds[i])
		i++;
	return i;
}

void
metrics_add(struct metrics *m, enum metric metric,
    const struct str labels[METRICS_LABELS], int64_t n)
{
	const struct metric_family *f = &metrics_families[metric];
	char text[LABELS_BYTES];
	_Atomic int64_t *values;
	size_t i;

	if (m == NULL || n < 0)
		return;
	join(text, labels, count_labels(f));
	i = find(m, metric, text);
	set_name(&m->labels[m->first[metric] + i], text);
	values = &m->values[m->first_value[metric] + i * values_of(f)];
	atomic_fetch_add(&values[0], n);
	if (f->bounds != NULL)
		atomic_fetch_add(&values[1 + bucket_of(f, n)], 1);
}

/* --- looking --- */

static void
split(const struct metric_family *f, const char *text, struct metric_series *s)
{
	struct str rest = str_of(text);
	size_t i, n = count_labels(f);

	for (i = 0; i < n; i++)
		rest = str_split(rest, '\n', &s->labels[i]);
}

/* Buckets hold their own; Prometheus wants all up to a bound. */
static void
read_values(const _Atomic int64_t *values, size_t buckets,
    struct metric_series *s, int64_t counts[METRICS_BOUNDS + 1])
{
	int64_t sum = 0;
	size_t i;

	s->value = atomic_load(&values[0]);
	s->counts = buckets > 0 ? counts : NULL;
	for (i = 0; i < buckets; i++)
		counts[i] = sum += atomic_load(&values[1 + i]);
}

void
metrics_each(struct metrics *m, enum metric metric,
    void (*fn)(void *arg, const struct metric_series *s), void *arg)
{
	const struct metric_family *f = &metrics_families[metric];
	struct metric_series s = { .family = f };
	int64_t counts[METRICS_BOUNDS + 1];
	const struct label_text *l;
	size_t i, at;

	for (i = 0; m != NULL && i < f->series; i++) {
		at = m->first[metric] + i;
		l = &m->labels[at];
		/* What does not fit its key was damaged. */
		if (atomic_load(&m->keys[at]) == 0 ||
		    atomic_load(&l->named) == 0 ||
		    memchr(l->text, '\0', sizeof(l->text)) == NULL ||
		    atomic_load(&m->keys[at]) != hash(l->text))
			continue;
		split(f, l->text, &s);
		read_values(
		    &m->values[m->first_value[metric] + i * values_of(f)],
		    buckets_of(f), &s, counts);
		fn(arg, &s);
	}
}
