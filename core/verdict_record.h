/* SPDX-License-Identifier: MIT */
/* The text of a verdict (judge.h), as it is kept and told. */
#ifndef CORE_VERDICT_RECORD_H
#define CORE_VERDICT_RECORD_H

#include <stdint.h>

#include "core/str.h"

struct arena;
struct experiment;
struct header;
struct trial_case;
struct trial_record;
struct verdict;

/* What a verdict does not hold itself. */
struct verdict_words {
	const struct experiment *experiment;
	const struct trial_record *trial;
	const struct trial_case *tc;
	struct str judge;      /* provider/model that judged */
	struct str reasons[2]; /* one for each order */
	int64_t judge_pusd;
};

/* verdict_record_write(a, v, words): the text, in ${a}. */
struct str verdict_record_write(struct arena *a, const struct verdict *v,
    const struct verdict_words *words);

/*
 * verdict_record_label(a, json, label, out):
 * Put a person's ${label} (an arm's name, or "tie") into the text.
 *
 * Returns  0 with ${*out} in ${a}, or -1 if neither arm is called so.
 */
int verdict_record_label(struct arena *a, struct str json, struct str label,
    struct str *out) __attribute__((warn_unused_result));

/* verdict_tags(a, experiment): tags of shadow and judge calls. */
struct header *verdict_tags(struct arena *a, struct str experiment);

#endif
