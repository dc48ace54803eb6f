/* SPDX-License-Identifier: MIT */
#include "core/usage_query.h"

#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ingest.h"
#include "core/jw.h"
#include "core/rollup.h"
#include "core/usage_run.h"
#include "core/visit.h"

#define VISIT_US INT64_C(100000)

const char *const usage_intervals[USAGE_INTERVALS] = {
	[USAGE_DAY] = "day",
	[USAGE_HOUR] = "hour",
	[USAGE_WEEK] = "week",
	[USAGE_MONTH] = "month",
};

int
usage_query_parse(struct str words, struct usage_query *q, struct error *err)
{
	struct str word;
	enum rollup_dim d;
	unsigned i;

	q->n_by = 0;
	while (words.p != NULL) {
		words = str_split(words, ',', &word);
		d = rollup_dim_of(word);
		if (d == ROLLUP_DIMS)
			return error_set(err, ERROR_BAD_REQUEST,
			    "by: \"%.*s\": known are key, account, model, "
			    "provider, tag, user, task, session, route, day",
			    STR_ARG(word));
		for (i = 0; i < q->n_by && q->by[i] != d; i++)
			continue;
		if (i < q->n_by || q->n_by == USAGE_QUERY_BY)
			return error_set(err, ERROR_BAD_REQUEST,
			    "by: at most %d, all different", USAGE_QUERY_BY);
		q->by[q->n_by++] = d;
	}
	return 0;
}

bool
usage_fits(struct str only, struct str value)
{
	return only.p == NULL || str_eq(only, value);
}

/* "20261124" as the Monday of its week. */
static void
to_monday(char day[USAGE_DAY_BYTES])
{
	char text[CLOCK_TEXT_BYTES];
	int64_t us, days;

	snprintf(text, sizeof(text), "%.4s-%.2s-%.2s", day, day + 4, day + 6);
	if (clock_parse(str_of(text), &us) != 0)
		return;
	days = us / USAGE_DAY_US; /* 1970-01-01 was a Thursday */
	clock_text((days - (days + 3) % 7) * USAGE_DAY_US, text);
	snprintf(
	    day, USAGE_DAY_BYTES, "%.4s%.2s%.2s", text, text + 5, text + 8);
}

struct str
usage_run_start(struct usage_run *run, struct str day)
{
	if (str_is(day, run->period))
		return str_of(run->start);
	snprintf(run->period, USAGE_DAY_BYTES, "%.*s", STR_ARG(day));
	snprintf(run->start, USAGE_DAY_BYTES, "%.*s01", STR_ARG(day));
	if (run->q->interval == USAGE_MONTH)
		memcpy(run->start + 6, "01", 3);
	if (run->q->interval == USAGE_WEEK)
		to_monday(run->start);
	return str_of(run->start);
}

void
usage_run_begin(struct usage_run *run, struct arena *a)
{
	const struct usage_query *q = run->q;
	const struct dict *names = run->best != NULL ? run->best->names : NULL;
	unsigned k;
	uint32_t i;

	usage_groups_init(&run->groups, a, q->n_by + 1);
	if (q->max != 0 && q->max < USAGE_QUERY_MAX_GROUPS)
		run->groups.max = (uint32_t)q->max;
	if (names == NULL)
		return;
	dict_at(&run->groups.names[q->n_by], STR("other"));
	for (k = 0; k < q->n_by; k++) {
		if (q->by[k] == ROLLUP_ALL)
			continue;
		for (i = 0; i < names->n; i++)
			dict_at(&run->groups.names[k], names->list[i]);
		names++;
	}
}

uint32_t
usage_run_name(struct usage_run *run, unsigned k, struct str value)
{
	struct dict *names = &run->groups.names[k];

	return run->best == NULL || run->q->by[k] == ROLLUP_ALL
	    ? dict_at(names, value)
	    : dict_find(names, value);
}

/* The values by which the best were found: all but the start. */
static bool
is_best(const struct usage_run *run, const uint32_t names[USAGE_QUERY_BY])
{
	struct usage_ids ids = { { 0 } };
	unsigned k, n = 0;

	for (k = 0; k < run->q->n_by; k++)
		if (run->q->by[k] != ROLLUP_ALL)
			ids.of[n++] = names[k];
	return usage_groups_has(run->best, &ids);
}

uint32_t
usage_run_at(struct usage_run *run, const uint32_t names[USAGE_QUERY_BY])
{
	const struct usage_query *q = run->q;
	bool other = run->best != NULL && !is_best(run, names);
	struct usage_ids ids = { { 0 } };
	unsigned k;

	for (k = 0; k < q->n_by; k++)
		if (!other || q->by[k] == ROLLUP_ALL)
			ids.of[k] = names[k];
	ids.of[q->n_by] = other;
	return usage_groups_at(&run->groups, &ids);
}

struct first {
	enum rollup_part parts; /* that are asked */
	bool built;
};

/* What all ways need first; comes back while sums are being built. */
static int
visit_first(struct state *s, struct store *store, void *arg, struct error *err)
{
	struct first *f = arg;
	int rc = ingest(s, store, 0, err);

	if (rc >= 0)
		rc = rollup_build(
		    store, f->parts, clock_mono_us() + VISIT_US, err);
	f->built = rc == 0;
	return rc < 0 ? -1 : 0;
}

/* Whole days by one dimension need not wait for the facts. */
static int
wait_for_sums(const struct usage_run *run, struct error *err)
{
	const struct usage_query *q = run->q;
	bool whole =
	    q->since_us % USAGE_DAY_US == 0 && q->until_us % USAGE_DAY_US == 0;
	struct first f = { .parts = whole && usage_can_sum(q) ? ROLLUP_BOTH
							      : ROLLUP_EVERY };

	while (!f.built) {
		if (visit_patiently(run->state, visit_first, &f, err) != 0)
			return -1;
		if (!f.built && run->until_us != 0 &&
		    clock_mono_us() >= run->until_us)
			return error_set(err, ERROR_BUSY,
			    "sums over the older calls are still being made: "
			    "ask for whole days by one dimension, or later");
	}
	return 0;
}

static int64_t
day_up(int64_t us)
{
	return (us + USAGE_DAY_US - 1) / USAGE_DAY_US * USAGE_DAY_US;
}

/* What is in no facts is in the old rollups, if at all. */
static int
read_facts(struct usage_run *run, int64_t since_us, int64_t until_us,
    struct error *err)
{
	int rc = usage_facts(run, since_us, until_us, err);

	return rc == 1 ? usage_sums_old(run, since_us, until_us, err) : rc;
}

/* Whole days from the rollups, the rest of the time at its ends from facts. */
static int
read_all(struct usage_run *run, bool *from_facts, struct error *err)
{
	int64_t since = run->q->since_us, until = run->q->until_us;
	int64_t first = day_up(since), last = until - until % USAGE_DAY_US;

	*from_facts = true;
	if (!usage_can_sum(run->q) || (until != 0 && first >= last))
		return read_facts(run, since, until, err);
	*from_facts = first != since || last != until;
	if (first != since && read_facts(run, since, first, err) != 0)
		return -1;
	if (usage_sums(run, first, last, err) != 0)
		return -1;
	return last != until && !run->groups.full
	    ? read_facts(run, last, until, err)
	    : 0;
}

/* Where in by the time is. */
static unsigned
time_of(const struct usage_query *q)
{
	unsigned i = 0;

	while (i < q->n_by && q->by[i] != ROLLUP_ALL)
		i++;
	return i < q->n_by ? i : USAGE_QUERY_BY + 1;
}

/* One pass; of ${best} alone each value is told apart. */
static int
pass(struct usage_run *run, struct arena *a, struct usage_result *result,
    struct error *err)
{
	const struct usage_query *q = run->q;
	struct usage_groups *groups = &run->groups;

	usage_run_begin(run, a);
	if (read_all(run, &result->from_facts, err) != 0)
		return -1;
	if (groups->full)
		return error_set(err, ERROR_BAD_REQUEST,
		    "more than %u groups: choose a shorter time or a longer "
		    "interval",
		    groups->max);
	result->order =
	    usage_groups_sorted(groups, time_of(q), q->n_by, &result->n);
	result->groups =
	    memcpy(ARENA_NEW(a, struct usage_groups), groups, sizeof(*groups));
	result->total = run->total;
	return 0;
}

struct usage_group
usage_result_at(const struct usage_result *r, size_t i)
{
	struct usage_group group = { .other = false };
	uint32_t at = r->order[i];
	unsigned k, last = r->groups->n_values - 1;

	for (k = 0; k < last; k++)
		group.values[k] = usage_groups_value(r->groups, at, k);
	group.other = usage_groups_value(r->groups, at, last).p != NULL;
	usage_groups_sum(r->groups, at, &group.sum);
	return group;
}

/* The values that cost most in all the time. */
static int
find_best(const struct usage_run *run, struct arena *a,
    struct usage_groups *best, struct error *err)
{
	struct usage_query q = *run->q;
	struct usage_run ranking = *run;
	struct usage_result r;
	struct usage_group group;
	unsigned i;
	size_t k;

	for (q.n_by = i = 0; i < run->q->n_by; i++)
		if (run->q->by[i] != ROLLUP_ALL)
			q.by[q.n_by++] = run->q->by[i];
	q.max = 0;
	ranking.q = &q;
	ranking.ranks = true;
	if (pass(&ranking, a, &r, err) != 0)
		return -1;
	usage_groups_init(best, a, q.n_by);
	for (k = 0; k < r.n && k < run->q->top; k++) {
		group = usage_result_at(&r, k);
		usage_groups_of(best, group.values);
	}
	return 0;
}

/* Are there values of which only some may be told apart? */
static bool
has_values(const struct usage_query *q)
{
	return q->n_by > 1 || (q->n_by == 1 && q->by[0] != ROLLUP_ALL);
}

int
ledger_usage(struct state *state, const struct usage_query *q, struct arena *a,
    struct usage_result *result, struct error *err)
{
	struct usage_run run = { .q = q, .state = state };
	struct usage_groups best;

	if (q->patience_us != 0)
		run.until_us = clock_mono_us() + q->patience_us;
	if (wait_for_sums(&run, err) != 0)
		return -1;
	if (q->top != 0 && has_values(q)) {
		if (find_best(&run, a, &best, err) != 0)
			return -1;
		run.best = &best;
	}
	return pass(&run, a, result, err);
}

static void
write_value(struct jw *w, enum rollup_dim d, struct str value)
{
	char day[CLOCK_TEXT_BYTES];

	if (d != ROLLUP_ALL) {
		jw_kv_str(w, rollup_words[d], value);
		return;
	}
	snprintf(day, sizeof(day), "%.4s-%.2s-%.2s", value.p, value.p + 4,
	    value.p + 6);
	jw_kv_cstr(w, "day", day);
}

void
usage_query_write(
    const struct usage_query *q, const struct usage_result *r, struct jw *w)
{
	char since[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES];
	struct usage_group group;
	size_t i;
	unsigned k;

	jw_object(w);
	jw_kv_cstr(w, "since",
	    q->since_us != 0 ? clock_text(q->since_us, since) : NULL);
	jw_kv_cstr(w, "until",
	    q->until_us != 0 ? clock_text(q->until_us, until) : NULL);
	jw_key(w, "by");
	jw_array(w);
	for (k = 0; k < q->n_by; k++)
		jw_cstr(w, rollup_words[q->by[k]]);
	jw_end(w);
	jw_key(w, "groups");
	jw_array(w);
	for (i = 0; i < r->n; i++) {
		group = usage_result_at(r, i);
		jw_object(w);
		for (k = 0; k < q->n_by; k++)
			write_value(w, q->by[k], group.values[k]);
		ledger_sum_write(&group.sum, w);
		jw_end(w);
	}
	jw_end(w);
	jw_key(w, "total");
	jw_object(w);
	ledger_sum_write(&r->total, w);
	jw_end(w);
	jw_end(w);
}
