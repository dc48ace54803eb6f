/* SPDX-License-Identifier: MIT */
#include "fcgi/admin.h"

#include <stdio.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/gateway.h"
#include "core/live.h"
#include "core/usage_query.h"
#include "core/usage_run.h"
#include "fcgi/admin_filter.h"
#include "fcgi/exchange.h"

#define DEFAULT_DAYS 30
#define MAX_YEARS    20
#define HOURLY_DAYS  31
#define DEFAULT_TOP  10
#define MAX_TOP      1000
#define MAX_GROUPS   20000
#define PATIENCE_US  INT64_C(10000000)

/* What is asked, and in which words. */
struct asked {
	struct usage_query q;
	struct str interval, by;
	int64_t top;
};

static int
read_interval(struct asked *a, struct error *err)
{
	struct usage_query *q = &a->q;
	unsigned i = 0;

	if (a->interval.p == NULL || str_is(a->interval, "none"))
		return 0;
	while (i < USAGE_INTERVALS && !str_is(a->interval, usage_intervals[i]))
		i++;
	if (i == USAGE_INTERVALS)
		return error_param(
		    err, "interval", "must be hour, day, week, month or none");
	q->interval = (enum usage_interval)i;
	q->by[q->n_by++] = ROLLUP_ALL;
	return 0;
}

static int
read_by(struct asked *a, struct error *err)
{
	unsigned i;

	if (a->by.n == 0)
		return 0;
	if (usage_query_parse(a->by, &a->q, err) != 0) {
		snprintf(err->param, sizeof(err->param), "by");
		return -1;
	}
	for (i = 0; i < a->q.n_by; i++)
		if (a->q.by[i] == ROLLUP_ALL)
			return error_param(
			    err, "by", "takes no day: interval does");
	return a->q.n_by <= 2 ? 0 : error_param(err, "by", "takes two at most");
}

/* No time that anybody means: what can be read must stay bounded. */
static int
check_time(struct usage_query *q, bool hourly, struct error *err)
{
	int64_t now_us = clock_wall_us(), until_us = q->until_us;

	if (q->since_us == 0)
		q->since_us =
		    (now_us / USAGE_DAY_US - DEFAULT_DAYS + 1) * USAGE_DAY_US;
	if (until_us == 0 || until_us > now_us)
		q->until_us = 0;
	if (until_us == 0)
		until_us = now_us + 1;
	if (q->since_us >= until_us)
		return error_param(err, "from", "must be before to");
	if (until_us > now_us + 366 * USAGE_DAY_US)
		return error_param(err, "to", "is too far ahead");
	if (until_us - q->since_us > MAX_YEARS * 366 * USAGE_DAY_US)
		return error_param(
		    err, "from", "must be within 20 years of to");
	if (hourly && until_us - q->since_us > HOURLY_DAYS * USAGE_DAY_US)
		return error_param(
		    err, "interval", "hour takes 31 days at most");
	return 0;
}

/* Nothing of the call is in sums by what has no value of it. */
static int
check_filters(const struct usage_query *q, struct error *err)
{
	static const enum rollup_dim several[] = { ROLLUP_TAG, ROLLUP_MODEL,
		ROLLUP_PROVIDER };
	size_t i;

	for (i = 0; i < sizeof(several) / sizeof(*several); i++)
		if (q->only[several[i]].p != NULL && q->only[several[i]].n == 0)
			return error_param(err, rollup_words[several[i]],
			    "must not be empty here");
	return 0;
}

static int
read_query(struct admin *ad, struct asked *a)
{
	struct usage_query *q = &a->q;
	struct admin_opt opts[ADMIN_FILTERS + 5] = {
		{ "from", ADMIN_TIME, &q->since_us, 0, false, false },
		{ "to", ADMIN_TIME, &q->until_us, 0, false, false },
		{ "interval", ADMIN_TEXT, &a->interval, 0, false, false },
		{ "by", ADMIN_TEXT, &a->by, 0, false, false },
		{ "top", ADMIN_COUNT, &a->top, MAX_TOP, false, false },
	};

	admin_filters(opts + 5, q->only);
	if (admin_query(ad, opts, ADMIN_FILTERS + 5) != 0 ||
	    read_by(a, &ad->err) != 0 || read_interval(a, &ad->err) != 0)
		return -1;
	if (opts[1].given && q->until_us == 0)
		q->until_us = 1; /* 1970, which is no open end */
	if (check_time(q, q->interval == USAGE_HOUR, &ad->err) != 0 ||
	    check_filters(q, &ad->err) != 0)
		return -1;
	q->top = (size_t)a->top;
	q->max = MAX_GROUPS;
	q->patience_us = PATIENCE_US;
	return admin_own_filter(ad, q->only);
}

static void
write_start(struct jw *w, struct str start)
{
	char text[CLOCK_TEXT_BYTES];

	snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:00:00Z", start.p,
	    start.p + 4, start.p + 6, start.n > 8 ? start.p + 8 : "00");
	jw_kv_cstr(w, "start", text);
}

static void
write_group(
    struct jw *w, const struct usage_query *q, const struct usage_group *g)
{
	unsigned k;

	jw_object(w);
	for (k = 0; k < q->n_by; k++)
		if (q->by[k] == ROLLUP_ALL)
			write_start(w, g->values[k]);
	for (k = 0; k < q->n_by; k++)
		if (q->by[k] != ROLLUP_ALL)
			jw_kv_str(w, rollup_words[q->by[k]], g->values[k]);
	jw_kv_bool(w, "other", g->other);
	ledger_sum_write(&g->sum, w);
	jw_end(w);
}

static void
write_usage(struct jw *w, const struct asked *a, const struct usage_result *r)
{
	const struct usage_query *q = &a->q;
	char text[CLOCK_TEXT_BYTES];
	struct usage_group group;
	unsigned k;
	size_t i;

	jw_object(w);
	jw_kv_cstr(w, "from", clock_text(q->since_us, text));
	jw_kv_cstr(w, "to",
	    clock_text(q->until_us != 0 ? q->until_us : clock_wall_us(), text));
	jw_kv_str(w, "interval", a->interval.n > 0 ? a->interval : STR("none"));
	jw_key(w, "by");
	jw_array(w);
	for (k = 0; k < q->n_by; k++)
		if (q->by[k] != ROLLUP_ALL)
			jw_cstr(w, rollup_words[q->by[k]]);
	jw_end(w);
	jw_key(w, "groups");
	jw_array(w);
	for (i = 0; i < r->n; i++) {
		group = usage_result_at(r, i);
		write_group(w, q, &group);
	}
	jw_end(w);
	jw_key(w, "total");
	jw_object(w);
	ledger_sum_write(&r->total, w);
	jw_end(w);
	jw_end(w);
}

/* Of many millions of calls it takes seconds; one worker at least stays for
 * calls. */
static int
run(struct admin *ad, const struct usage_query *q, struct arena *a,
    struct usage_result *r)
{
	int64_t most = ad->x->snap->conf->workers - 1;
	bool slow = !usage_can_sum(q);
	int rc;

	if (slow && !gateway_read_begin(ad->x->gw, most > 0 ? most : 1)) {
		error_set(&ad->err, ERROR_BUSY,
		    "too many questions of this kind at a time");
		ad->err.retry_after_ms = 1000;
		return -1;
	}
	rc = ledger_usage(ad->state, q, a, r, &ad->err);
	if (slow)
		gateway_read_end(ad->x->gw);
	return rc;
}

int
admin_usage(struct admin *ad)
{
	struct asked a = { .top = DEFAULT_TOP };
	struct usage_result r;
	struct arena *arena;
	int rc;

	if (read_query(ad, &a) != 0)
		return -1;
	arena = arena_new(USAGE_QUERY_BYTES);
	rc = run(ad, &a.q, arena, &r);
	if (rc == 0)
		write_usage(&ad->w, &a, &r);
	arena_free(arena);
	return rc;
}
