/* SPDX-License-Identifier: MIT */
#include "core/agreement.h"

#include "core/jtext.h"

enum choice {
	FIRST,
	SECOND,
	TIE
};

/* Which of the two ${arms} the raw ${name} is. */
static enum choice
choice_of(const struct str arms[2], struct str name)
{
	if (str_eq(name, arms[0]))
		return FIRST;
	return str_eq(name, arms[1]) ? SECOND : TIE;
}

void
agreement_add(struct agreement *g, struct str verdict)
{
	struct str arms[2], winner, label, self;
	enum choice judge, person;

	if (jtext_get(verdict, "self_preference", &self))
		g->self_preferred += !str_is(self, "null");
	if (!jtext_get(verdict, "arms.0", &arms[0]) ||
	    !jtext_get(verdict, "arms.1", &arms[1]) ||
	    !jtext_get(verdict, "winner", &winner) ||
	    !jtext_get(verdict, "label", &label) || str_is(label, "null"))
		return;
	judge = choice_of(arms, winner);
	person = choice_of(arms, label);
	g->n++;
	g->same += judge == person;
	g->table[judge][person]++;
}

double
agreement_kappa(const struct agreement *g)
{
	double n = (double)g->n, chance = 0;
	int64_t judge, person;
	int i, k;

	if (g->n == 0)
		return 0;
	for (i = 0; i < 3; i++) {
		judge = person = 0;
		for (k = 0; k < 3; k++) {
			judge += g->table[i][k];
			person += g->table[k][i];
		}
		chance += (double)judge / n * ((double)person / n);
	}
	if (chance >= 1)
		return g->same == g->n ? 1 : 0;
	return ((double)g->same / n - chance) / (1 - chance);
}
