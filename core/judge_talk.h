/* SPDX-License-Identifier: MIT */
/*
 * What the judge is asked, and what it answers.
 *
 * The judge sees the conversation and two answers, without a word about where
 * they come from, and gives each of them 0 to 10 points for each criterion,
 * with a short reason, as JSON by schema.  Everything it is shown stands
 * between marks that nobody could guess, so that an answer cannot speak to
 * it.
 */
#ifndef CORE_JUDGE_TALK_H
#define CORE_JUDGE_TALK_H

#include "core/experiment.h"
#include "core/str.h"

struct arena;
struct chat;
struct fold;

#define JUDGE_REASON_BYTES 600 /* of a reason, at most, are kept */

/* What is judged, and by what. */
struct judge_case {
	struct str rubric;
	struct str criteria[EXPERIMENT_MAX_CRITERIA];
	unsigned n_criteria;
	struct str asked;      /* the conversation, transcript_chat */
	struct str answers[2]; /* as shown */
	struct str reference;  /* what a good answer is; absent: none */
};

/* What came of it. */
struct judge_points {
	double points[2][EXPERIMENT_MAX_CRITERIA]; /* 0 to 1; as shown */
	struct str reason;
};

/*
 * judge_case_of(jc, e, task): fill in rubric and criteria of ${e}, or the
 * defaults of ${task}.
 */
void judge_case_of(
    struct judge_case *jc, const struct experiment *e, struct str task);

/* judge_ask(jc, a, chat): make ${chat}, in ${a}, the question. */
void judge_ask(const struct judge_case *jc, struct arena *a, struct chat *chat);

enum judge_answer {
	JUDGE_DECIDED,
	JUDGE_NONSENSE, /* no JSON, a score missing or out of range */
	JUDGE_REFUSES
};

/* judge_read(jc, a, fold, out): what the judge's answer says. */
enum judge_answer judge_read(const struct judge_case *jc, struct arena *a,
    const struct fold *fold, struct judge_points *out);

#endif
