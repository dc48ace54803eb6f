/* SPDX-License-Identifier: MIT */
#include "core/evidence.h"

#include <stddef.h>

#include <json-c/json_object.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jtree.h"
#include "core/jw.h"

/* --- verdicts --- */

/* The mean over criteria of what ${side} got in ${order}; -1: no points. */
static double
points(const struct verdict *v, const struct verdict_side *side, int order)
{
	double sum = 0;
	unsigned i;

	for (i = 0; i < v->n_criteria; i++) {
		if (!(side->points[order][i] >= 0 &&
			side->points[order][i] <= 1))
			return -1;
		sum += side->points[order][i];
	}
	return v->n_criteria > 0 ? sum / v->n_criteria : -1;
}

/* 1: the first of two scores; -1: the second; 0: neither. */
static int
ahead(double a, double b)
{
	return (a > b) - (a < b);
}

int
verdict_settle(struct verdict *v)
{
	double p[2][2]; /* side, order */
	int i, shown_first, shown_second;

	if (v->n_criteria > EXPERIMENT_MAX_CRITERIA)
		return -1;
	for (i = 0; i < 4; i++) {
		p[i / 2][i % 2] = points(v, &v->sides[i / 2], i % 2);
		if (p[i / 2][i % 2] < 0)
			return -1;
	}
	for (i = 0; i < 2; i++)
		v->sides[i].score = (p[i][0] + p[i][1]) / 2;
	shown_first = ahead(p[0][0], p[1][1]);
	shown_second = ahead(p[0][1], p[1][0]);
	v->inconsistent = shown_first * shown_second < 0;
	v->result = VERDICT_TIE;
	if (shown_first + shown_second == 2)
		v->result = VERDICT_FIRST;
	if (shown_first + shown_second == -2)
		v->result = VERDICT_SECOND;
	return 0;
}

/* --- sums --- */

struct evidence *
evidence_new(struct arena *a, const struct experiment *e, struct str task)
{
	struct evidence *ev = ARENA_NEW(a, struct evidence);

	ev->experiment = str_dup(a, e->name);
	ev->version = str_dup(a, str_of(e->version));
	ev->task = str_dup(a, task);
	ev->n_arms = e->n_arms;
	return ev;
}

unsigned
evidence_place(unsigned i, unsigned j)
{
	unsigned low = i < j ? i : j, high = i < j ? j : i;

	return high * (high - 1) / 2 + low;
}

static void
count_call(struct evidence_arm *arm, int64_t cost_pusd, int64_t time_ms)
{
	arm->calls++;
	if (cost_pusd >= 0 && cost_pusd <= INT64_MAX - arm->cost_pusd) {
		arm->priced++;
		arm->cost_pusd += cost_pusd;
	}
	if (time_ms >= 0) {
		arm->timed++;
		arm->time_ms += time_ms;
	}
}

void
evidence_add(struct evidence *ev, const struct verdict *v)
{
	bool swapped = v->sides[0].arm > v->sides[1].arm;
	const struct verdict_side *low = &v->sides[swapped],
				  *high = &v->sides[!swapped];
	struct evidence_pair *pair =
	    &ev->pairs[evidence_place(low->arm, high->arm)];

	count_call(&ev->arms[low->arm], low->cost_pusd, low->latency_ms);
	count_call(&ev->arms[high->arm], high->cost_pusd, high->latency_ms);
	stats_add(&ev->arms[low->arm].fit, low->score);
	stats_add(&ev->arms[high->arm].fit, high->score);
	stats_add(&pair->diff, (1 + low->score - high->score) / 2);
	if (v->result == VERDICT_TIE)
		pair->tied++;
	else if ((v->result == VERDICT_FIRST) != swapped)
		pair->won++;
	else
		pair->lost++;
	pair->inconsistent += v->inconsistent;
	if (ev->first_us == 0 || v->judged_us < ev->first_us)
		ev->first_us = v->judged_us;
	if (v->judged_us > ev->last_us)
		ev->last_us = v->judged_us;
}

void
evidence_failed(struct evidence *ev, unsigned arm, int64_t cost_pusd)
{
	count_call(&ev->arms[arm], cost_pusd, -1);
	ev->arms[arm].failed++;
}

/* --- all numbers by name, to be written and read --- */

struct field {
	const char *name;
	size_t at;
	bool bins; /* a histogram: [bin, count, bin, count, ...] */
};

static const struct field arm_fields[] = {
	{ "calls", offsetof(struct evidence_arm, calls), false },
	{ "failed", offsetof(struct evidence_arm, failed), false },
	{ "fit", offsetof(struct evidence_arm, fit), true },
	{ "priced", offsetof(struct evidence_arm, priced), false },
	{ "cost_pusd", offsetof(struct evidence_arm, cost_pusd), false },
	{ "timed", offsetof(struct evidence_arm, timed), false },
	{ "time_ms", offsetof(struct evidence_arm, time_ms), false },
	{ NULL, 0, false },
};

static const struct field pair_fields[] = {
	{ "won", offsetof(struct evidence_pair, won), false },
	{ "lost", offsetof(struct evidence_pair, lost), false },
	{ "tied", offsetof(struct evidence_pair, tied), false },
	{ "inconsistent", offsetof(struct evidence_pair, inconsistent), false },
	{ "diff", offsetof(struct evidence_pair, diff), true },
	{ NULL, 0, false },
};

static int64_t *
number(const void *base, const struct field *f)
{
	return (int64_t *)((uintptr_t)base + f->at);
}

static struct stats_bins *
bins(const void *base, const struct field *f)
{
	return (struct stats_bins *)((uintptr_t)base + f->at);
}

static unsigned
pairs_of(const struct evidence *ev)
{
	return ev->n_arms * (ev->n_arms - 1) / 2;
}

static void
write_bins(struct jw *w, const struct stats_bins *b)
{
	int i;

	jw_array(w);
	for (i = 0; i < STATS_BINS; i++) {
		if (b->count[i] == 0)
			continue;
		jw_i64(w, i);
		jw_i64(w, b->count[i]);
	}
	jw_end(w);
}

static void
write_fields(struct jw *w, const void *base, const struct field *f)
{
	jw_object(w);
	for (; f->name != NULL; f++) {
		jw_key(w, f->name);
		if (f->bins)
			write_bins(w, bins(base, f));
		else
			jw_i64(w, *number(base, f));
	}
	jw_end(w);
}

void
evidence_json(const struct evidence *ev, struct buf *out)
{
	struct jw w;
	unsigned i;

	jw_init(&w, out);
	jw_object(&w);
	jw_kv_str(&w, "experiment", ev->experiment);
	jw_kv_str(&w, "version", ev->version);
	jw_kv_str(&w, "task", ev->task);
	jw_kv_i64(&w, "first_us", ev->first_us);
	jw_kv_i64(&w, "last_us", ev->last_us);
	jw_key(&w, "arms");
	jw_array(&w);
	for (i = 0; i < ev->n_arms; i++)
		write_fields(&w, &ev->arms[i], arm_fields);
	jw_end(&w);
	jw_key(&w, "pairs");
	jw_array(&w);
	for (i = 0; i < pairs_of(ev); i++)
		write_fields(&w, &ev->pairs[i], pair_fields);
	jw_end(&w);
	jw_end(&w);
}

static int
read_bins(const struct jnode *at, struct stats_bins *b, struct error *err)
{
	struct jnode bin, count;
	int64_t n;
	size_t i;
	int place;

	for (i = 0; i + 1 < jtree_len(at); i += 2) {
		bin = jtree_item(at, i);
		count = jtree_item(at, i + 1);
		place = json_object_get_int(bin.v);
		n = json_object_get_int64(count.v);
		if (place < 0 || place >= STATS_BINS || n < 0 || n > UINT32_MAX)
			return jtree_fail(&bin, err, "is no count");
		b->count[place] = (uint32_t)n;
		b->n += n;
	}
	return 0;
}

static int
read_fields(const struct jnode *at, void *base, const struct field *f,
    struct error *err)
{
	struct jnode list;

	for (; f->name != NULL; f++) {
		if (!f->bins) {
			if (jtree_i64(at, f->name, JTREE_REQUIRED,
				number(base, f), err) != 0)
				return -1;
			continue;
		}
		if (jtree_array(at, f->name, JTREE_REQUIRED, &list, err) != 0 ||
		    read_bins(&list, bins(base, f), err) != 0)
			return -1;
	}
	return 0;
}

static int
read_lists(const struct jnode *root, struct evidence *ev, struct error *err)
{
	struct jnode arms, pairs, item;
	unsigned i;

	if (jtree_array(root, "arms", JTREE_REQUIRED, &arms, err) != 0 ||
	    jtree_array(root, "pairs", JTREE_REQUIRED, &pairs, err) != 0)
		return -1;
	ev->n_arms = (unsigned)jtree_len(&arms);
	if (jtree_len(&arms) < 2 || jtree_len(&arms) > EXPERIMENT_MAX_ARMS ||
	    jtree_len(&pairs) != pairs_of(ev))
		return jtree_fail(&arms, err, "is no list of arms");
	for (i = 0; i < ev->n_arms; i++) {
		item = jtree_item(&arms, i);
		if (read_fields(&item, &ev->arms[i], arm_fields, err) != 0)
			return -1;
	}
	for (i = 0; i < pairs_of(ev); i++) {
		item = jtree_item(&pairs, i);
		if (read_fields(&item, &ev->pairs[i], pair_fields, err) != 0)
			return -1;
	}
	return 0;
}

struct evidence *
evidence_read(struct arena *a, struct str text, struct error *err)
{
	struct evidence *ev = ARENA_NEW(a, struct evidence);
	struct error bad = { 0 };
	struct jnode root;

	if (jtree_read(a, text, &root, &bad) != 0 ||
	    jtree_str(&root, "experiment", JTREE_REQUIRED, &ev->experiment,
		&bad) != 0 ||
	    jtree_str(&root, "version", JTREE_REQUIRED, &ev->version, &bad) !=
		0 ||
	    jtree_str(&root, "task", JTREE_REQUIRED, &ev->task, &bad) != 0 ||
	    jtree_i64(&root, "first_us", JTREE_REQUIRED, &ev->first_us, &bad) !=
		0 ||
	    jtree_i64(&root, "last_us", JTREE_REQUIRED, &ev->last_us, &bad) !=
		0 ||
	    read_lists(&root, ev, &bad) != 0) {
		error_set(err, ERROR_STORE, "evidence: %s", bad.msg);
		return NULL;
	}
	return ev;
}
