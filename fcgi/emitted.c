/* SPDX-License-Identifier: MIT */
#include "fcgi/emitted.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/grammar.h"

/* What did not fit is an error that the caller tells. */
void
emitted_add(struct buf *all, const struct buf *out, size_t from)
{
	if (!EMITTED_IS_CHECKED)
		return;
	if (out->over)
		all->over = true;
	buf_add(all, out->p + from, out->n - from);
}

void
emitted_check(const struct buf *all, enum wire wire, bool passed)
{
	char why[400];
	int (*check)(enum wire, struct str, char *, size_t) =
	    passed ? grammar_check_passed : grammar_check;

	if (!EMITTED_IS_CHECKED || buf_over(all) ||
	    check(wire, buf_str(all), why, sizeof(why)) >= 0)
		return; /* arguments are not our words */
	fprintf(stderr, "wrong grammar: %s\n%s", why, all->p);
	abort();
}
