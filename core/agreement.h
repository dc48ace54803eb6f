/* SPDX-License-Identifier: MIT */
/*
 * How far the judge agrees with people: of the verdicts that somebody has
 * labelled, the share that says the same (arm, or tie), and Cohen's kappa,
 * which takes away what two that choose at random by their own frequencies
 * would agree on.
 * Source: Cohen, "A coefficient of agreement for nominal scales", 1960.
 */
#ifndef CORE_AGREEMENT_H
#define CORE_AGREEMENT_H

#include <stdint.h>

#include "core/str.h"

struct agreement {
	int64_t n;              /* labelled verdicts */
	int64_t same;           /* where both say the same */
	int64_t table[3][3];    /* judge, person: first, second, tie */
	int64_t self_preferred; /* self_preference is set, labelled or not */
};

/* agreement_add(g, verdict): count the text of one verdict (judge.h). */
void agreement_add(struct agreement *g, struct str verdict);

/* agreement_kappa(g): -1 to 1; 0 where nothing can be said. */
double agreement_kappa(const struct agreement *g);

#endif
