/* SPDX-License-Identifier: MIT */
/*
 * What clients think of the answers they got: one small record per call, in
 * table feedback, which lives as long as the call's row.  As it is kept and
 * told:
 *	{"at","thumb":"up|down" or null,"score":0.8 or null,
 *	 "outcome":"…" or null}
 */
#ifndef CORE_FEEDBACK_H
#define CORE_FEEDBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct arena;
struct error;
struct jw;
struct state;
struct txn;

#define FEEDBACK_OUTCOME_BYTES 200

struct feedback {
	int64_t at_us;      /* wall */
	int thumb;          /* 1: up, -1: down, 0: none */
	double score;       /* 0 to 1; -1: none */
	struct str outcome; /* absent: none */
};

/* What is new in a struct feedback; the rest stays as it was. */
struct feedback_change {
	struct feedback to;
	bool thumb, score, outcome;
};

/* Feedback about many calls. */
struct feedback_sum {
	int64_t up, down;
	int64_t scored;
	double score; /* sum */
	int64_t outcomes;
};

/*
 * feedback_give(s, call, change, a, f, err):
 * Change what is known of ${call}, which exists.
 *
 * Returns  0 with all that is known now in ${*f}, or -1: ERROR_STORE.
 * Blocks   on the lease and the database, as feedback_find does.
 */
int feedback_give(struct state *s, struct str call,
    const struct feedback_change *change, struct arena *a, struct feedback *f,
    struct error *err) __attribute__((warn_unused_result));

/*
 * feedback_find(s, call, a, f, err), feedback_get(t, call, f):
 * Returns  1 with what is known of ${call}, in ${a} or the transaction's
 *          arena; 0: nothing; -1: ERROR_STORE.
 */
int feedback_find(struct state *s, struct str call, struct arena *a,
    struct feedback *f, struct error *err) __attribute__((warn_unused_result));
int feedback_get(struct txn *t, struct str call, struct feedback *f)
    __attribute__((warn_unused_result));

/* feedback_add(sum, f): count it. */
void feedback_add(struct feedback_sum *sum, const struct feedback *f);

/* feedback_json(f, w): as above, one object. */
void feedback_json(const struct feedback *f, struct jw *w);

#endif
