/* SPDX-License-Identifier: MIT */
/* What makes an answer good, by task: what a judge goes by unless told. */
#ifndef CORE_RUBRIC_H
#define CORE_RUBRIC_H

#include "core/experiment.h"
#include "core/str.h"

struct rubric {
	const char *task; /* a word in the task's name; NULL: any other */
	const char *text;
	const char *criteria[EXPERIMENT_MAX_CRITERIA]; /* up to a NULL */
};

/*
 * rubric_of(task):
 * Returns  the rubric whose word stands in ${task}, else the general one.
 */
const struct rubric *rubric_of(struct str task);

#endif
