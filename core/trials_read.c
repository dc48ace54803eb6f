/* SPDX-License-Identifier: MIT */
#include "core/trials_read.h"

#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/evidence.h"
#include "core/experiment.h"
#include "core/fit.h"
#include "core/fits.h"
#include "core/jtext.h"
#include "core/store.h"
#include "core/trials_table.h"
#include "core/verdict_record.h"
#include "core/visit.h"

/* Kept out of every key: the first byte that is not in one of ours. */
#define AFTER 0x7f

struct reading {
	const struct experiment *e;
	struct arena *arena;
	struct trials_view *view;
	struct str prefix; /* of keys */
	bool figures;      /* not what verdicts say */
	struct txn *txn;
	size_t looked;
};

static bool
begins(struct str key, struct str prefix)
{
	return key.n >= prefix.n && memcmp(key.p, prefix.p, prefix.n) == 0;
}

static int
take_evidence(void *arg, struct str key, struct str value)
{
	struct reading *r = arg;
	struct trials_view *v = r->view;
	struct error ignored = { .kind = ERROR_NONE };
	struct evidence *ev;

	if (!begins(key, r->prefix) || v->n_evidence == EXPERIMENT_MAX_TASKS)
		return 1;
	ev = evidence_read(r->arena, value, &ignored);
	if (ev != NULL && ev->n_arms == r->e->n_arms)
		v->evidence[v->n_evidence++] = ev;
	return 0;
}

/* What its client said about the answer it got. */
static int
count_feedback(struct reading *r, struct str verdict)
{
	struct feedback f;
	struct str call, arm;
	int rc, served;

	if (!jtext_get(verdict, "call", &call) ||
	    !jtext_get(verdict, "arms.0", &arm))
		return 0;
	rc = feedback_get(r->txn, jtext_string(r->txn->arena, call), &f);
	served = experiment_arm(r->e, jtext_string(r->txn->arena, arm));
	if (rc == 1 && served >= 0)
		feedback_add(&r->view->feedback[served], &f);
	return rc < 0 ? -1 : 0;
}

static int
count_verdict(void *arg, struct str key, struct str value)
{
	struct reading *r = arg;

	if (!begins(key, r->prefix) || r->looked++ == TRIALS_LOOK)
		return 1;
	agreement_add(&r->view->agreement, value);
	return count_feedback(r, value);
}

static int
take_waiting(void *arg, struct str key, struct str value)
{
	struct reading *r = arg;
	struct trial_record t;

	(void)key;
	if (trial_record_read(r->arena, value, &t) == 0 &&
	    str_eq(t.experiment, r->e->name))
		r->view->waiting++;
	return 0;
}

/* The least key above all that begin with ${prefix}. */
static struct str
above(struct arena *a, struct str prefix)
{
	return str_of(arena_printf(a, "%.*s%c", STR_ARG(prefix), (char)AFTER));
}

static int
txn_read(struct txn *t, void *arg)
{
	struct reading *r = arg;
	struct trials_view *v = r->view;
	struct experiment_record record;

	*v = (struct trials_view){ .n_evidence = 0 };
	r->txn = t;
	r->looked = 0;
	if (trials_table_experiment(t, r->e->name, &record) != 0)
		return -1;
	v->record = record;
	v->record.name = r->e->name;
	v->record.promoted = str_dup(r->arena, record.promoted);
	if (store_scan(t, STORE_EVIDENCE, r->prefix, take_evidence, r) < 0 ||
	    store_scan(t, STORE_TRIALS, STR_NONE, take_waiting, r) < 0)
		return -1;
	if (r->figures)
		return 0;
	return store_scan_back(t, STORE_VERDICTS, above(t->arena, r->prefix),
		   count_verdict, r) < 0
	    ? -1
	    : 0;
}

static struct str
prefix_of(const struct experiment *e, struct arena *a)
{
	return trial_key(a, e->name, str_of(e->version), STR(""));
}

int
trials_read(struct state *s, const struct experiment *e, struct arena *a,
    struct trials_view *view, struct error *err)
{
	struct reading r = {
		.e = e, .arena = a, .view = view, .prefix = prefix_of(e, a)
	};

	return visit_txn(s, txn_read, &r, err);
}

/* --- verdicts --- */

struct paging {
	struct str prefix, from; /* of keys; to go down from */
	size_t limit;
	struct arena *arena;
	struct verdict_page *page;
	struct str last; /* its call */
};

static int
take_verdict(void *arg, struct str key, struct str value)
{
	struct paging *p = arg;
	struct verdict_page *page = p->page;

	if (!begins(key, p->prefix))
		return 1;
	if (page->n == p->limit) {
		page->next = p->last;
		return 1;
	}
	page->texts[page->n++] = str_dup(p->arena, value);
	if (page->n == p->limit)
		p->last = str_dup(p->arena, str_skip(key, p->prefix.n));
	return 0;
}

static int
txn_page(struct txn *t, void *arg)
{
	struct paging *p = arg;

	*p->page = (struct verdict_page){ .texts = ARENA_ARRAY(p->arena,
					      struct str, p->limit + 1) };
	return store_scan_back(t, STORE_VERDICTS, p->from, take_verdict, p) < 0
	    ? -1
	    : 0;
}

int
trials_verdicts(struct state *s, const struct experiment *e, struct str before,
    size_t limit, struct arena *a, struct verdict_page *page, struct error *err)
{
	struct paging p = { .limit = limit,
		.arena = a,
		.page = page,
		.prefix = prefix_of(e, a) };

	p.from = before.p != NULL
	    ? trial_key(a, e->name, str_of(e->version), before)
	    : above(a, p.prefix);
	return visit_txn(s, txn_page, &p, err);
}

int
trials_verdict_find(struct state *s, const struct experiment *e,
    struct str call, struct arena *a, struct str *text, struct error *err)
{
	struct verdict_page page = { .n = 0 };
	struct paging p = { .limit = 1, .arena = a, .page = &page };

	p.prefix = trial_key(a, e->name, str_of(e->version), call);
	/* the least key above this very one */
	p.from = str_dup(a, p.prefix);
	p.from.n++;
	if (visit_txn(s, txn_page, &p, err) != 0)
		return -1;
	*text = page.n == 1 ? page.texts[0] : STR_NONE;
	return page.n == 1;
}

/* --- labels, switches --- */

struct edit {
	const struct experiment *e;
	struct str name, call, label;
	bool stopped;
};

static int
txn_label(struct txn *t, void *arg)
{
	const struct edit *x = arg;
	struct str json, out,
	    key =
		trial_key(t->arena, x->e->name, str_of(x->e->version), x->call);
	int rc = store_get(t, STORE_VERDICTS, key, &json);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return error_set(t->err, ERROR_NOT_FOUND,
		    "no verdict about %.*s", STR_ARG(x->call));
	if (verdict_record_label(t->arena, json, x->label, &out) != 0)
		return error_set(t->err, ERROR_BAD_REQUEST,
		    "label: must be \"tie\" or one of the two arms");
	return store_put(t, STORE_VERDICTS, key, out);
}

int
trials_label(struct state *s, const struct experiment *e, struct str call,
    struct str label, struct error *err)
{
	struct edit x = { .e = e, .call = call, .label = label };

	return visit_txn(s, txn_label, &x, err);
}

static int
txn_switch(struct txn *t, void *arg)
{
	const struct edit *x = arg;
	struct experiment_record r;

	if (trials_table_experiment(t, x->name, &r) != 0)
		return -1;
	if (r.stopped && !x->stopped)
		r.spent_pusd = 0;
	r.stopped = x->stopped;
	/* Who is promoted stays so until trials begin anew. */
	if (!x->stopped || x->label.p != NULL)
		r.promoted = x->label;
	return trials_table_put_experiment(t, &r);
}

int
trials_switch(struct state *s, struct str name, bool stopped,
    struct str promoted, struct error *err)
{
	struct edit x = { .name = name, .label = promoted, .stopped = stopped };

	return visit_txn(s, txn_switch, &x, err);
}

/* --- for routing --- */

static int64_t
verdicts_of(const struct evidence *ev)
{
	int64_t n = 0;
	unsigned i;

	for (i = 0; i < ev->n_arms * (ev->n_arms - 1) / 2; i++)
		n += ev->pairs[i].diff.n;
	return n;
}

/* Does one task of it want no more trials? */
static bool
rests(const struct experiment *e, const struct evidence *ev)
{
	struct fit fit;

	if (e->max_verdicts > 0 && verdicts_of(ev) >= e->max_verdicts)
		return true;
	if (!e->stop_decided)
		return false;
	fit_of(&fit, ev, e);
	return fit.verdict != FIT_KEEP_GOING;
}

static void
put_lines(
    struct buf *out, const struct experiment *e, const struct trials_view *v)
{
	const struct experiment_record *r = &v->record;
	size_t i;

	if (r->stopped ||
	    (e->budget_pusd > 0 && r->spent_pusd >= e->budget_pusd))
		fits_line_whole(out, e, r->promoted);
	for (i = 0; i < v->n_evidence; i++)
		fits_line(out, e, v->evidence[i], rests(e, v->evidence[i]));
}

struct refreshing {
	const struct conf *conf;
	struct arena *arena;
};

/* All in one visit: a snapshot never goes back behind another. */
static int
visit_refresh(
    struct state *s, struct store *store, void *arg, struct error *err)
{
	const struct refreshing *f = arg;
	struct buf *out = buf_new(f->arena, FITS_MAX_BYTES);
	const struct experiment *e;
	struct trials_view view;
	struct reading r = {
		.arena = f->arena, .view = &view, .figures = true
	};

	for (e = f->conf->experiments; e != NULL; e = e->next) {
		r.e = e;
		r.prefix = prefix_of(e, f->arena);
		if (store_txn(store, txn_read, &r, err) != 0)
			return -1;
		put_lines(out, e, &view);
	}
	return fits_write(s->dirfd, buf_str(out), err);
}

int
fit_refresh(struct state *s, const struct conf *conf, struct error *err)
{
	struct refreshing f = { conf, arena_new((size_t)256 << 20) };
	int rc = visit_patiently(s, visit_refresh, &f, err);

	arena_free(f.arena);
	return rc;
}
