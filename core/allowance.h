/* SPDX-License-Identifier: MIT */
/*
 * What a call may: the models its key allows, the budgets and rates it falls
 * under, the credentials its account has.  A call without a key, limits or
 * accounts may everything with what the configuration has.
 */
#ifndef CORE_ALLOWANCE_H
#define CORE_ALLOWANCE_H

#include <stdbool.h>

struct ask;
struct attempt;
struct call;
struct call_try;
struct error;
struct plan;
struct target;

/*
 * allowance_models(c):
 * May the key use what the call has been planned to?
 *
 * Returns  0, or -1 with c->err.
 */
int allowance_models(struct call *c) __attribute__((warn_unused_result));

/*
 * allowance_take(c):
 * After the plan, before anything is written or sent: may the call's key use
 * it, and is there money and room for its worst case?  That is set aside, and
 * noted in the row for its open record.
 *
 * Returns  0, or -1 with c->err: ERROR_FORBIDDEN, ERROR_BUDGET, ERROR_RATE,
 *          ERROR_STORE.
 * Blocks   as limit_reserve.
 */
int allowance_take(struct call *c) __attribute__((warn_unused_result));

/*
 * allowance_prepare(c, ask, target, nth, err):
 * As attempt_prepare, with credential ${nth} of the call's account for that
 * provider (from 0; its own come first, then the configured one if it may).
 *
 * Returns  the attempt, or NULL: also where there is no such credential,
 *          ERROR_FORBIDDEN.
 */
struct attempt *allowance_prepare(struct call *c, struct ask *ask,
    const struct target *target, unsigned nth, struct error *err);

/*
 * allowance_again(c, plan, err):
 * Before an attempt at the target ${plan}: if with those that run, or have
 * failed and may be billed, it may come to more than was set aside, set that
 * aside as well and note it in the ledger.
 *
 * Returns  0, or -1: ERROR_BUDGET, ERROR_STORE.
 */
int allowance_again(struct call *c, const struct plan *plan, struct error *err)
    __attribute__((warn_unused_result));

/*
 * allowance_rotates(t):
 * Returns  true if ${t} has failed by its credential (429, 401, 402, 403) and
 *          the account has another one to try.
 */
bool allowance_rotates(const struct call_try *t);

/*
 * allowance_price(c):
 * After call_price: where a budget applies, all that is not known costs what
 * was reserved.  That is charged to the first such attempt, and 0 to the
 * others, so that sums by model and by key are the same.
 */
void allowance_price(struct call *c);

/*
 * allowance_settle(c, written):
 * After the closing record, if it was ${written}: the budgets get what the
 * call did cost.
 */
void allowance_settle(struct call *c, bool written);

#endif
