/* SPDX-License-Identifier: MIT */
#include "core/tally.h"

#include "core/attempt.h"
#include "core/call.h"
#include "core/clock.h"
#include "core/genai.h"
#include "core/ledger.h"
#include "core/metrics.h"
#include "core/usage.h"

static struct str
model_of(const struct call_try *t)
{
	if (t->at->target.facts != NULL || t->row->outcome == ATTEMPT_WON)
		return t->row->model;
	return STR("other");
}

/* The attempt that answers for the call; NULL: there was none. */
static const struct call_try *
answering(const struct call *c)
{
	const struct call_try *t, *last = NULL;

	for (t = c->tries; t != NULL; t = t->next) {
		if (t->at == c->attempt)
			return t;
		last = t;
	}
	return last;
}

static void
count_request(struct metrics *m, const struct call *c)
{
	const struct ledger_call *row = &c->row;
	const struct call_try *t = answering(c);
	struct str endpoint = str_of(row->endpoint);
	struct str outcome = str_of(ledger_call_words[row->outcome]);
	struct str provider = t != NULL ? t->row->provider : STR_NONE;
	const struct str labels[METRICS_LABELS] = { endpoint, provider,
		t != NULL ? model_of(t) : STR_NONE, outcome };

	metrics_add(m, METRIC_REQUESTS, labels, 1);
	if (row->error.n > 0)
		metrics_add(m, METRIC_ERRORS,
		    (struct str[METRICS_LABELS]){ provider, row->error }, 1);
	metrics_add(m, METRIC_REQUEST_DURATION,
	    (struct str[METRICS_LABELS]){ endpoint, outcome },
	    clock_mono_us() - c->started_us);
}

/* "refused: why" counts as refused. */
static void
count_cache(struct metrics *m, const struct ledger_call *row)
{
	struct str labels[METRICS_LABELS] = { STR_NONE };

	if (row->cache.n == 0)
		return;
	str_split(row->cache, ':', &labels[0]);
	metrics_add(m, METRIC_CACHE, labels, 1);
	if (row->saved_pusd > 0)
		metrics_add(m, METRIC_SAVED, labels, row->saved_pusd);
}

/* Our own time: until the first request left, and since the last answer. */
static void
count_overhead(struct metrics *m, const struct call *c)
{
	const struct str labels[METRICS_LABELS] = { str_of(c->row.endpoint) };
	int64_t first_us = INT64_MAX, last_us = 0;
	const struct call_try *t;

	for (t = c->tries; t != NULL; t = t->next) {
		if (t->at->started_us == 0 || t->at->ended_us == 0)
			return; /* never left, or is still being read */
		if (t->at->started_us < first_us)
			first_us = t->at->started_us;
		if (t->at->ended_us > last_us)
			last_us = t->at->ended_us;
	}
	if (last_us > 0)
		metrics_add(m, METRIC_OVERHEAD, labels,
		    first_us - c->started_us + clock_mono_us() - last_us);
}

static void
count_tokens(struct metrics *m, const struct call_try *t)
{
	const struct usage *u = &t->row->usage;
	struct str labels[METRICS_LABELS] = { t->row->provider, model_of(t) };
	int i;

	for (i = 0; i < USAGE_BUCKETS; i++) {
		labels[2] = str_of(usage_bucket_names[i]);
		if (u->tokens[i] > 0)
			metrics_add(m, METRIC_TOKENS, labels, u->tokens[i]);
	}
}

static void
count_cost(struct metrics *m, const struct call_try *t)
{
	const struct str labels[METRICS_LABELS] = { t->row->provider,
		model_of(t) };

	if (t->row->cost.known)
		metrics_add(m, METRIC_COST, labels, t->row->cost.pusd);
	else
		metrics_add(m, METRIC_UNPRICED, labels, 1);
}

/* OpenTelemetry's histograms. */
static void
observe(struct metrics *m, const struct call *c, const struct call_try *t)
{
	const struct attempt *at = t->at;
	const struct usage *u = &t->row->usage;
	struct str labels[METRICS_LABELS] = { genai_operation(c->ask.operation),
		genai_provider(t->row->provider), model_of(t), t->row->error };

	if (at->started_us > 0 && at->ended_us > 0)
		metrics_add(m, METRIC_OPERATION_DURATION, labels,
		    at->ended_us - at->started_us);
	if (t->row->outcome == ATTEMPT_WON && at->meter.first_content_us > 0)
		metrics_add(m, METRIC_FIRST_TOKEN, labels,
		    at->meter.first_content_us - at->started_us);
	if (u->source == USAGE_NONE)
		return;
	labels[3] = STR("input");
	metrics_add(m, METRIC_TOKEN_USAGE, labels, usage_total_input(u));
	labels[3] = STR("output");
	metrics_add(m, METRIC_TOKEN_USAGE, labels, usage_total_output(u));
}

static void
count_attempt(struct metrics *m, const struct call *c, const struct call_try *t)
{
	const struct ledger_attempt *row = t->row;
	const struct str labels[METRICS_LABELS] = { row->provider, model_of(t),
		str_of(ledger_role_words[row->role]),
		str_of(ledger_attempt_words[row->outcome]) };

	metrics_add(m, METRIC_ATTEMPTS, labels, 1);
	count_tokens(m, t);
	count_cost(m, t);
	observe(m, c, t);
}

void
tally_call(struct metrics *m, const struct call *c)
{
	const struct call_try *t;

	if (m == NULL)
		return;
	count_request(m, c);
	count_cache(m, &c->row);
	count_overhead(m, c);
	for (t = c->tries; t != NULL; t = t->next)
		count_attempt(m, c, t);
}

void
tally_rejected(struct metrics *m, const struct error *err)
{
	const struct str labels[METRICS_LABELS] = { str_of(error_code(err)) };

	metrics_add(m, METRIC_REJECTED, labels, 1);
}
