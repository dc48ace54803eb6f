/* SPDX-License-Identifier: MIT */
/*
 * The end of one attempt of a call: its entry in the ledger row and its word
 * to the target's health, once each.  Private to the middles of a call.
 */
#ifndef CORE_CALL_TRY_H
#define CORE_CALL_TRY_H

#include "core/error.h"

struct call;
struct call_try;

/* call_tell_end(c): the middle is over: events->ended comes from the loop. */
void call_tell_end(struct call *c);

/*
 * call_try_lives(t):
 * It has content: as a probe it has shown what it was to show, and nobody
 * need wait for the rest of the answer.
 */
void call_try_lives(struct call_try *t);

/* call_try_settle(t): it has ended; a second time is none. */
void call_try_settle(struct call_try *t);

/* call_try_close(t, kind, why): end it now, if need be, and settle it. */
void call_try_close(struct call_try *t, enum error_kind kind, const char *why);

/*
 * call_try_forget_lost(c):
 * Give back the memory of those who lost, a large request's too: it waits
 * until the winner has spoken (c->loses).
 */
void call_try_forget_lost(struct call *c);

#endif
