/* SPDX-License-Identifier: MIT */
#include "core/trials_read.h"

#include <string.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/evidence.h"
#include "core/experiment.h"
#include "core/fit.h"
#include "core/fits.h"
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
	size_t most;       /* verdicts */
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

static int
take_verdict(void *arg, struct str key, struct str value)
{
	struct reading *r = arg;
	struct trials_view *v = r->view;

	if (!begins(key, r->prefix) || v->n_verdicts == r->most)
		return 1;
	v->verdicts[v->n_verdicts++] = str_dup(r->arena, value);
	return 0;
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

	*v = (struct trials_view){ .verdicts = ARENA_ARRAY(
				       r->arena, struct str, r->most + 1) };
	if (trials_table_experiment(t, r->e->name, &record) != 0)
		return -1;
	v->record = record;
	v->record.name = r->e->name;
	v->record.promoted = str_dup(r->arena, record.promoted);
	if (store_scan(t, STORE_EVIDENCE, r->prefix, take_evidence, r) < 0 ||
	    store_scan(t, STORE_TRIALS, STR_NONE, take_waiting, r) < 0)
		return -1;
	if (r->most == 0)
		return 0;
	return store_scan_back(t, STORE_VERDICTS, above(t->arena, r->prefix),
		   take_verdict, r) < 0
	    ? -1
	    : 0;
}

static int
visit_read(struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_read, arg, err);
}

static struct reading
reading_of(const struct experiment *e, size_t verdicts, struct arena *a,
    struct trials_view *view)
{
	return (struct reading){ .e = e,
		.arena = a,
		.view = view,
		.prefix = trial_key(a, e->name, str_of(e->version), STR("")),
		.most = verdicts };
}

int
trials_read(struct state *s, const struct experiment *e, size_t verdicts,
    struct arena *a, struct trials_view *view, struct error *err)
{
	struct reading r = reading_of(e, verdicts, a, view);

	return visit_patiently(s, visit_read, &r, err);
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

static int
visit_label(struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_label, arg, err);
}

int
trials_label(struct state *s, const struct experiment *e, struct str call,
    struct str label, struct error *err)
{
	struct edit x = { .e = e, .call = call, .label = label };

	return visit_patiently(s, visit_label, &x, err);
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
	r.promoted = x->label;
	r.changed_us = clock_wall_us();
	return trials_table_put_experiment(t, &r);
}

static int
visit_switch(struct state *s, struct store *store, void *arg, struct error *err)
{
	(void)s;
	return store_txn(store, txn_switch, arg, err);
}

int
trials_switch(struct state *s, struct str name, bool stopped,
    struct str promoted, struct error *err)
{
	struct edit x = { .name = name, .label = promoted, .stopped = stopped };

	return visit_patiently(s, visit_switch, &x, err);
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
	struct reading r;

	for (e = f->conf->experiments; e != NULL; e = e->next) {
		r = reading_of(e, 0, f->arena, &view);
		if (visit_read(s, store, &r, err) != 0)
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
