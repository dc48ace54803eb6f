/* SPDX-License-Identifier: MIT */
/*
 * Experiments: reports, verdicts, and what an admin does with them.  What an
 * experiment has shown is about everybody's calls, so only who sees all calls
 * sees it; the answers themselves only an admin.
 */
#include "fcgi/admin.h"

#include "core/clock.h"
#include "core/conf.h"
#include "core/experiment.h"
#include "core/experiment_report.h"
#include "core/key.h"
#include "core/ledger_row.h"
#include "core/live.h"
#include "core/trial_case.h"
#include "core/trials.h"
#include "core/trials_prune.h"
#include "core/trials_read.h"
#include "fcgi/exchange.h"

static int
see_all(struct admin *ad)
{
	return ad->all ? 0
		       : error_set(&ad->err, ERROR_FORBIDDEN,
			     "that takes the key of an admin");
}

/* The one that the path names; NULL with ad->err. */
static const struct experiment *
find(struct admin *ad)
{
	const struct experiment *e =
	    experiment_find(ad->x->snap->conf, ad->stars[0]);

	if (e == NULL)
		(void)admin_missing(ad, "experiment", ad->stars[0]);
	return e;
}

static int
write_report(struct admin *ad, const struct experiment *e)
{
	struct trials_view view;

	if (trials_read(ad->state, e, ad->x->arena, &view, &ad->err) != 0)
		return -1;
	experiment_report_write(e, &view, clock_wall_us(), &ad->w);
	return 0;
}

int
admin_experiments(struct admin *ad)
{
	const struct experiment *e = ad->x->snap->conf->experiments;

	if (admin_query(ad, NULL, 0) != 0 || see_all(ad) != 0)
		return -1;
	jw_object(&ad->w);
	jw_key(&ad->w, "experiments");
	jw_array(&ad->w);
	for (; e != NULL; e = e->next)
		if (write_report(ad, e) != 0)
			return -1;
	jw_end(&ad->w);
	jw_end(&ad->w);
	return 0;
}

int
admin_experiment(struct admin *ad)
{
	const struct experiment *e;

	if (admin_query(ad, NULL, 0) != 0 || see_all(ad) != 0)
		return -1;
	e = find(ad);
	return e != NULL ? write_report(ad, e) : -1;
}

/* --- verdicts --- */

static void
write_page(struct jw *w, const struct verdict_page *page)
{
	size_t i;

	jw_object(w);
	jw_key(w, "verdicts");
	jw_array(w);
	for (i = 0; i < page->n; i++)
		jw_raw(w, page->texts[i]);
	jw_end(w);
	jw_kv_str(w, "next", page->next);
	jw_end(w);
}

int
admin_verdicts(struct admin *ad)
{
	struct str cursor = STR_NONE;
	int64_t limit = ADMIN_PAGE;
	struct admin_opt opts[] = {
		{ "cursor", ADMIN_TEXT, &cursor, 0, false, false },
		{ "limit", ADMIN_COUNT, &limit, ADMIN_PAGE_MOST, false, false },
	};
	const struct experiment *e;
	struct verdict_page page;

	if (admin_query(ad, opts, 2) != 0 || see_all(ad) != 0)
		return -1;
	if (cursor.p != NULL && ledger_row_ms(cursor) == 0)
		return error_param(
		    &ad->err, "cursor", "must be `next` of another page");
	e = find(ad);
	if (e == NULL ||
	    trials_verdicts(ad->state, e, cursor, (size_t)limit, ad->x->arena,
		&page, &ad->err) != 0)
		return -1;
	write_page(&ad->w, &page);
	return 0;
}

/* What the judge was shown, while it is kept and to whom it may be shown. */
static void
write_case(struct admin *ad, struct str call)
{
	struct arena *a = ad->x->arena;
	struct error ignored = { .kind = ERROR_NONE };
	struct trial_case tc = { .asked = STR_NONE };
	struct str body;

	if (ad->key == NULL || !ad->key->admin ||
	    trials_kept(ad->state, str_cstr(a, call), clock_wall_us(), a, &body,
		&ignored) != 1 ||
	    trial_case_read(a, body, &tc) != 0)
		tc = (struct trial_case){ .asked = STR_NONE };
	jw_kv_str(&ad->w, "asked", tc.asked);
	jw_key(&ad->w, "answers");
	if (tc.asked.p == NULL) {
		jw_null(&ad->w);
		return;
	}
	jw_array(&ad->w);
	jw_str(&ad->w, tc.answers[0]);
	jw_str(&ad->w, tc.answers[1]);
	jw_end(&ad->w);
}

int
admin_verdict(struct admin *ad)
{
	struct str call = ad->stars[1], text;
	const struct experiment *e;
	int rc;

	if (admin_query(ad, NULL, 0) != 0 || see_all(ad) != 0)
		return -1;
	e = find(ad);
	if (e == NULL)
		return -1;
	rc = ledger_row_ms(call) == 0 ? 0
				      : trials_verdict_find(ad->state, e, call,
					    ad->x->arena, &text, &ad->err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return admin_missing(ad, "verdict", call);
	jw_object(&ad->w);
	jw_kv_raw(&ad->w, "verdict", text);
	write_case(ad, call);
	jw_end(&ad->w);
	return 0;
}

/* --- changes --- */

/* The new state, the snapshot for routing, and the report as the answer. */
static int
set(struct admin *ad, const struct experiment *e, bool stopped,
    struct str promoted)
{
	if (trials_switch(ad->state, e->name, stopped, promoted, &ad->err) !=
		0 ||
	    fit_refresh(ad->state, ad->x->snap->conf, &ad->err) != 0)
		return -1;
	return write_report(ad, e);
}

static int
start_or_stop(struct admin *ad, bool stopped)
{
	const struct experiment *e;

	if (admin_body(ad, &ad->body, NULL, 0) != 0)
		return -1;
	e = find(ad);
	return e != NULL ? set(ad, e, stopped, STR_NONE) : -1;
}

int
admin_experiment_start(struct admin *ad)
{
	return start_or_stop(ad, false);
}

int
admin_experiment_stop(struct admin *ad)
{
	return start_or_stop(ad, true);
}

int
admin_experiment_promote(struct admin *ad)
{
	struct str arm = STR_NONE;
	struct admin_opt opts[] = {
		{ "arm", ADMIN_TEXT, &arm, 0, false, false },
	};
	const struct experiment *e;

	if (admin_body(ad, &ad->body, opts, 1) != 0)
		return -1;
	if (!opts[0].given)
		return error_param(
		    &ad->err, "arm", "is required; null: the way back");
	e = find(ad);
	if (e == NULL)
		return -1;
	if (arm.p != NULL && experiment_arm(e, arm) < 0)
		return error_param(
		    &ad->err, "arm", "must be an arm of the experiment");
	return set(ad, e, arm.p != NULL, arm);
}

int
admin_experiment_label(struct admin *ad)
{
	struct str call = STR_NONE, label = STR_NONE, text;
	struct admin_opt opts[] = {
		{ "call", ADMIN_TEXT, &call, 0, true, false },
		{ "label", ADMIN_TEXT, &label, 0, true, false },
	};
	const struct experiment *e;

	if (admin_body(ad, &ad->body, opts, 2) != 0)
		return -1;
	e = find(ad);
	if (e == NULL ||
	    trials_label(ad->state, e, call, label, &ad->err) != 0 ||
	    trials_verdict_find(
		ad->state, e, call, ad->x->arena, &text, &ad->err) < 0)
		return -1;
	jw_raw(&ad->w, text);
	return 0;
}

int
admin_experiment_forget(struct admin *ad)
{
	int rc;

	if (admin_query(ad, NULL, 0) != 0)
		return -1;
	rc = trials_forget(ad->state, ad->stars[0], &ad->err);
	if (rc == 0)
		return admin_missing(ad, "experiment", ad->stars[0]);
	if (rc < 0 || fit_refresh(ad->state, ad->x->snap->conf, &ad->err) != 0)
		return -1;
	ad->status = 204;
	return 0;
}
