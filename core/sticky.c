/* SPDX-License-Identifier: MIT */
#include "core/sticky.h"

#include "core/ledger.h"
#include "core/plan.h"

int
sticky_of(struct str word)
{
	struct str rest = STR(STICKY_WORDS), one;
	int i;

	for (i = 0; rest.p != NULL; i++) {
		rest = str_split(rest, ',', &one);
		if (str_eq(str_trim(one), word))
			return i;
	}
	return -1;
}

bool
sticky_draw(
    struct planner *p, enum sticky sticky, struct str salt, uint64_t *draw)
{
	const struct str labels[] = { [STICKY_NOT] = STR_NONE,
		[STICKY_USER] = p->row->user,
		[STICKY_SESSION] = p->row->session,
		[STICKY_KEY] = p->row->key };
	struct str label = labels[sticky];
	uint64_t h;

	if (label.n == 0) {
		*draw = plan_random(p);
		return false;
	}
	/* Then a mix: similar names must not land side by side. */
	h = str_hash(str_hash(STR_HASH, salt), label);
	h ^= h >> 31;
	h *= UINT64_C(0x7fb5d329728ea185);
	*draw = h ^ h >> 27;
	return true;
}

double
sticky_share(uint64_t draw)
{
	return (double)(draw >> 11) / 9007199254740992.0;
}
