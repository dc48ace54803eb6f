/* SPDX-License-Identifier: MIT */
/*
 * What goes of experiments: with age, with an account, or altogether.  Bodies
 * that are kept go with their verdicts; sums (evidence, experiments) say
 * nothing about any one call, and stay.
 */
#ifndef CORE_TRIALS_PRUNE_H
#define CORE_TRIALS_PRUNE_H

#include <stdint.h>

#include "core/str.h"

struct error;
struct state;
struct store;

/*
 * trials_prune(s, store, end, before_us, err):
 * Within a visit: remove verdicts and feedback about calls below id ${end},
 * and evidence of before ${before_us} whose version is not the experiment's
 * last.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int trials_prune(struct state *s, struct store *store, struct str end,
    int64_t before_us, struct error *err) __attribute__((warn_unused_result));

/*
 * trials_forget(s, name, err):
 * Remove all that is known of experiment ${name}, which need not be
 * configured any more, sums included.
 *
 * trials_forget_account(s, account, err):
 * Remove verdicts about the calls of ${account}, and its trials under way.
 *
 * Returns  1, 0 if there was nothing, -1: ERROR_STORE.
 * Blocks   on the lease and the database.
 */
int trials_forget(struct state *s, struct str name, struct error *err)
    __attribute__((warn_unused_result));
int trials_forget_account(struct state *s, struct str account,
    struct error *err) __attribute__((warn_unused_result));

#endif
