/* SPDX-License-Identifier: MIT */
/*
 * What a trial's body holds (trials.h), as one JSON object:
 *	{"input","asked","answers":[served,shadow],
 *	 "answered":["provider/model",…],"account"}
 * input is the last thing the user said, by which a reference is found.
 */
#ifndef CORE_TRIAL_CASE_H
#define CORE_TRIAL_CASE_H

#include "core/str.h"

struct arena;
struct chat;

struct trial_case {
	struct str input, asked, answers[2];
	struct str answered[2];
	struct str account; /* absent: none */
};

/* trial_case_asked(tc, a, chat): fill in input and asked. */
void trial_case_asked(
    struct trial_case *tc, struct arena *a, const struct chat *chat);

/* trial_case_write(a, tc): as JSON in ${a}. */
struct str trial_case_write(struct arena *a, const struct trial_case *tc);

/* trial_case_read(a, json, tc): 0, or -1 if ${json} is none. */
int trial_case_read(struct arena *a, struct str json, struct trial_case *tc)
    __attribute__((warn_unused_result));

#endif
