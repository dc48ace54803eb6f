/* SPDX-License-Identifier: MIT */
/*
 * The other arm's answer to a call that has been answered (experiment.h), and
 * the trial that becomes of the two.  It is a call of its own: role shadow in
 * the ledger, nobody's key, the account's credentials, tag experiment=NAME,
 * bounded by the experiment's budget.
 *
 *	shadow_begin	once the client has its answer		(worker)
 *	call_run(shadow_call(s), …, shadow_sink(s), …)	(event thread)
 *	shadow_end	the trial waits for its judge		(worker)
 */
#ifndef CORE_SHADOW_H
#define CORE_SHADOW_H

#include <stdbool.h>

struct call;
struct fold;
struct shadow;
struct sink;

/*
 * shadow_wanted(c):
 * Returns  true if ${c}, which has been planned, takes part in a trial; its
 *          answer has to be folded then.
 */
bool shadow_wanted(const struct call *c);

/*
 * shadow_begin(c, served):
 * ${c} has been settled, ${served} is what its client was told.
 *
 * Returns  the shadow, in c->arena, or NULL: it failed, is no answer of the
 *          arm's, or there is no room or money.
 * Blocks   on the lease and the database.
 */
struct shadow *shadow_begin(struct call *c, const struct fold *served);

/* shadow_call(s), shadow_sink(s): the call, and where its events go. */
struct call *shadow_call(struct shadow *s);
struct sink *shadow_sink(struct shadow *s);

/* shadow_end(s): after it has ended: settle it.  Blocks as shadow_begin. */
void shadow_end(struct shadow *s);

#endif
