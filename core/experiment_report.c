/* SPDX-License-Identifier: MIT */
#include "core/experiment_report.h"

#include "core/agreement.h"
#include "core/clock.h"
#include "core/evidence.h"
#include "core/experiment.h"
#include "core/fit.h"
#include "core/jw.h"
#include "core/money.h"
#include "core/trials_read.h"

static const char *const verdict_words[] = {
	[FIT_KEEP_GOING] = "keep_going",
	[FIT_NO_DIFFERENCE] = "no_difference",
	[FIT_WINNER] = "winner",
};

static void
put_double(struct jw *w, const char *key, double v)
{
	jw_key(w, key);
	jw_double(w, v);
}

static void
put_money(struct jw *w, const char *key, int64_t pusd)
{
	if (pusd < 0)
		jw_kv_null(w, key);
	else
		money_json(w, key, pusd);
}

static void
put_time(struct jw *w, const char *key, int64_t us)
{
	char text[CLOCK_TEXT_BYTES];

	if (us == 0)
		jw_kv_null(w, key);
	else
		jw_kv_cstr(w, key, clock_text(us, text));
}

static void
put_arm(struct jw *w, struct str name, const struct fit_arm *arm)
{
	jw_object(w);
	jw_kv_str(w, "arm", name);
	jw_kv_i64(w, "n", arm->n);
	jw_kv_i64(w, "failed", arm->failed);
	put_double(w, "fit", arm->fit.mean);
	put_double(w, "fit_low", arm->fit.low);
	put_double(w, "fit_high", arm->fit.high);
	put_double(w, "win_rate", arm->won.mean);
	put_double(w, "win_low", arm->won.low);
	put_double(w, "win_high", arm->won.high);
	jw_kv_i64(w, "accepted", arm->accepted);
	put_money(w, "cost_usd", arm->call_pusd);
	put_money(w, "accepted_usd", arm->accepted_pusd);
	jw_kv_i64(w, "latency_ms", arm->time_ms);
	jw_end(w);
}

static void
put_pair(struct jw *w, const struct experiment *e, const struct fit *fit,
    struct evidence *ev, unsigned i, unsigned k)
{
	const struct fit_pair *p = &fit->pairs[evidence_place(i, k)];
	const struct evidence_pair *sums = &ev->pairs[evidence_place(i, k)];

	jw_object(w);
	jw_key(w, "arms");
	jw_array(w);
	jw_str(w, e->arms[i].name);
	jw_str(w, e->arms[k].name);
	jw_end(w);
	jw_kv_i64(w, "n", p->n);
	put_double(w, "difference", p->diff.mean);
	put_double(w, "low", p->diff.low);
	put_double(w, "high", p->diff.high);
	jw_kv_i64(w, "won", sums->won);
	jw_kv_i64(w, "lost", sums->lost);
	jw_kv_i64(w, "tied", sums->tied);
	jw_kv_i64(w, "inconsistent", sums->inconsistent);
	jw_kv_i64(w, "more", p->more);
	jw_end(w);
}

static void
put_task(struct jw *w, const struct experiment *e, struct evidence *ev)
{
	struct fit fit;
	unsigned i, k;

	fit_of(&fit, ev, e);
	jw_object(w);
	jw_kv_str(w, "task", ev->task);
	jw_kv_cstr(w, "verdict", verdict_words[fit.verdict]);
	jw_kv_str(w, "winner",
	    fit.verdict == FIT_WINNER ? e->arms[fit.winner].name : STR_NONE);
	jw_kv_i64(w, "more", fit.more);
	put_time(w, "from", ev->first_us);
	put_time(w, "to", ev->last_us);
	jw_key(w, "arms");
	jw_array(w);
	for (i = 0; i < fit.n_arms; i++)
		put_arm(w, e->arms[i].name, &fit.arms[i]);
	jw_end(w);
	jw_key(w, "pairs");
	jw_array(w);
	for (k = 1; k < fit.n_arms; k++)
		for (i = 0; i < k; i++)
			put_pair(w, e, &fit, ev, i, k);
	jw_end(w);
	jw_end(w);
}

static const char *
state_of(const struct experiment *e, const struct experiment_record *r,
    int64_t now_us)
{
	if (r->stopped)
		return "stopped";
	if (e->start_us > now_us)
		return "waiting";
	if (e->end_us > 0 && e->end_us <= now_us)
		return "ended";
	if (e->budget_pusd > 0 && r->spent_pusd >= e->budget_pusd)
		return "out_of_budget";
	return "running";
}

static void
put_record(
    struct jw *w, const struct experiment *e, const struct trials_view *view)
{
	const struct experiment_record *r = &view->record;
	int i;

	jw_kv_str(w, "promoted", r->promoted);
	put_money(w, "spent_usd", r->spent_pusd);
	put_money(w, "budget_usd", e->budget_pusd > 0 ? e->budget_pusd : -1);
	jw_kv_i64(w, "begun", r->begun);
	jw_kv_i64(w, "judged", r->judged);
	jw_kv_i64(w, "waiting", (int64_t)view->waiting);
	jw_key(w, "dropped");
	jw_object(w);
	for (i = 0; i < TRIAL_DROPS; i++)
		jw_kv_i64(w, trial_drop_words[i], r->dropped[i]);
	jw_end(w);
	jw_key(w, "arms");
	jw_array(w);
	for (i = 0; i < (int)e->n_arms; i++)
		jw_str(w, e->arms[i].name);
	jw_end(w);
}

static void
put_agreement(struct jw *w, const struct agreement *g)
{
	jw_key(w, "agreement");
	jw_object(w);
	jw_kv_i64(w, "labels", g->n);
	jw_kv_i64(w, "same", g->same);
	put_double(w, "kappa", agreement_kappa(g));
	jw_kv_i64(w, "self_preferred", g->self_preferred);
	jw_end(w);
}

static void
put_feedback(struct jw *w, struct str arm, const struct feedback_sum *f)
{
	jw_object(w);
	jw_kv_str(w, "arm", arm);
	jw_kv_i64(w, "up", f->up);
	jw_kv_i64(w, "down", f->down);
	jw_kv_i64(w, "scored", f->scored);
	if (f->scored > 0)
		put_double(w, "score", f->score / (double)f->scored);
	else
		jw_kv_null(w, "score");
	jw_kv_i64(w, "outcomes", f->outcomes);
	jw_end(w);
}

void
experiment_report_write(const struct experiment *e,
    const struct trials_view *view, int64_t now_us, struct jw *w)
{
	size_t i;

	jw_object(w);
	jw_kv_str(w, "name", e->name);
	jw_kv_cstr(w, "version", e->version);
	jw_kv_cstr(w, "mode", e->mode == EXPERIMENT_SPLIT ? "split" : "shadow");
	put_double(w, "sample", e->sample);
	put_double(w, "epsilon", e->epsilon);
	put_double(w, "quality_floor", e->quality_floor);
	jw_kv_cstr(w, "state", state_of(e, &view->record, now_us));
	put_record(w, e, view);
	jw_key(w, "tasks");
	jw_array(w);
	for (i = 0; i < view->n_evidence; i++)
		put_task(w, e, view->evidence[i]);
	jw_end(w);
	put_agreement(w, &view->agreement);
	jw_key(w, "feedback");
	jw_array(w);
	for (i = 0; i < e->n_arms; i++)
		put_feedback(w, e->arms[i].name, &view->feedback[i]);
	jw_end(w);
	jw_end(w);
}
