/* SPDX-License-Identifier: MIT */
#include "core/feedback.h"

#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/jtree.h"
#include "core/jw.h"
#include "core/store.h"
#include "core/visit.h"

#define RECORD_BYTES 4096

void
feedback_json(const struct feedback *f, struct jw *w)
{
	static const char *const thumbs[] = { "down", NULL, "up" };
	char at[CLOCK_TEXT_BYTES];

	jw_object(w);
	jw_kv_cstr(w, "at", clock_text(f->at_us, at));
	jw_kv_cstr(w, "thumb", thumbs[f->thumb + 1]);
	jw_key(w, "score");
	if (f->score >= 0)
		jw_double(w, f->score);
	else
		jw_null(w);
	jw_kv_str(w, "outcome", f->outcome);
	jw_end(w);
}

static int
parse(struct arena *a, struct str json, struct feedback *f)
{
	struct error bad = { .kind = ERROR_NONE };
	struct str at = STR_NONE, thumb = STR_NONE;
	struct jnode root;

	*f = (struct feedback){ .score = -1 };
	if (jtree_read(a, json, &root, &bad) != 0 ||
	    jtree_str(&root, "at", JTREE_REQUIRED, &at, &bad) != 0 ||
	    jtree_str(&root, "thumb", JTREE_OPTIONAL, &thumb, &bad) != 0 ||
	    jtree_double(&root, "score", JTREE_OPTIONAL, &f->score, &bad) !=
		0 ||
	    jtree_str(&root, "outcome", JTREE_OPTIONAL, &f->outcome, &bad) != 0)
		return -1;
	f->thumb = str_is(thumb, "up") - str_is(thumb, "down");
	return clock_parse(at, &f->at_us);
}

int
feedback_get(struct txn *t, struct str call, struct feedback *f)
{
	struct str json;
	int rc = store_get(t, STORE_FEEDBACK, call, &json);

	if (rc == 1 && parse(t->arena, json, f) != 0)
		return error_set(t->err, ERROR_STORE,
		    "the feedback about %.*s makes no sense", STR_ARG(call));
	return rc;
}

void
feedback_add(struct feedback_sum *sum, const struct feedback *f)
{
	sum->up += f->thumb > 0;
	sum->down += f->thumb < 0;
	if (f->score >= 0) {
		sum->scored++;
		sum->score += f->score;
	}
	sum->outcomes += f->outcome.p != NULL;
}

/* --- by whom it is given, and asked for --- */

struct giving {
	struct str call;
	const struct feedback_change *change; /* NULL: only look */
	struct arena *arena;
	struct feedback *f;
	int found;
};

static void
apply(const struct feedback_change *c, struct feedback *f)
{
	if (c->thumb)
		f->thumb = c->to.thumb;
	if (c->score)
		f->score = c->to.score;
	if (c->outcome)
		f->outcome = c->to.outcome;
	f->at_us = c->to.at_us;
}

static int
txn_give(struct txn *t, void *arg)
{
	struct giving *g = arg;
	struct buf *out = buf_new(t->arena, RECORD_BYTES);
	struct jw w;

	g->found = feedback_get(t, g->call, g->f);
	if (g->found < 0)
		return -1;
	if (g->found == 0)
		*g->f = (struct feedback){ .score = -1 };
	if (g->change != NULL)
		apply(g->change, g->f);
	g->f->outcome = str_dup(g->arena, g->f->outcome);
	if (g->change == NULL)
		return 0;
	jw_init(&w, out);
	feedback_json(g->f, &w);
	return store_put(t, STORE_FEEDBACK, g->call, buf_str(out));
}

int
feedback_give(struct state *s, struct str call,
    const struct feedback_change *change, struct arena *a, struct feedback *f,
    struct error *err)
{
	struct giving g = {
		.call = call, .change = change, .arena = a, .f = f
	};

	return visit_txn(s, txn_give, &g, err);
}

int
feedback_find(struct state *s, struct str call, struct arena *a,
    struct feedback *f, struct error *err)
{
	struct giving g = { .call = call, .arena = a, .f = f };

	return visit_txn(s, txn_give, &g, err) == 0 ? g.found : -1;
}
