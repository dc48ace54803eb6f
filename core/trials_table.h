/* SPDX-License-Identifier: MIT */
/* The four tables of experiments (trial_record.h), within a transaction. */
#ifndef CORE_TRIALS_TABLE_H
#define CORE_TRIALS_TABLE_H

#include <stdint.h>

#include "core/store.h"
#include "core/str.h"
#include "core/trial_record.h"

struct evidence;
struct experiment;

/*
 * trials_table_experiment(t, name, r), trials_table_put_experiment(t, r):
 * What ${name} has come to; all zero for one that is new.
 *
 * Returns  0, or -1: ERROR_STORE, as all here.
 */
int trials_table_experiment(struct txn *t, struct str name,
    struct experiment_record *r) __attribute__((warn_unused_result));
int trials_table_put_experiment(struct txn *t,
    const struct experiment_record *r) __attribute__((warn_unused_result));

/*
 * trials_table_charge(t, name, pusd, why):
 * Add to what ${name} has spent, and count a drop (TRIAL_DROPS: none).
 */
int trials_table_charge(struct txn *t, struct str name, int64_t pusd,
    enum trial_drop why) __attribute__((warn_unused_result));

/* trials_table_put(t, r): put the trial ${r}. */
int trials_table_put(struct txn *t, const struct trial_record *r)
    __attribute__((warn_unused_result));

/*
 * trials_table_evidence(t, e, r, key, ev), trials_table_put_evidence(...):
 * The evidence that trial ${r} of ${e} adds to, and its ${key}.
 */
int trials_table_evidence(struct txn *t, const struct experiment *e,
    const struct trial_record *r, struct str *key, struct evidence **ev)
    __attribute__((warn_unused_result));
int trials_table_put_evidence(struct txn *t, struct str key,
    const struct evidence *ev) __attribute__((warn_unused_result));

#endif
