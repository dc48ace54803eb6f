/* SPDX-License-Identifier: MIT */
/*
 * Trials on their way to a verdict (experiment.h), in a queue that survives
 * whoever dies when.
 *
 *	trials_begin	a sampled call has been answered; the other arm starts
 *	trials_offer	both have answered
 *	trials_claim	somebody takes the one that has waited longest
 *	trials_verdict	the judge has decided; or
 *	trials_later	it could not be had; or
 *	trials_drop	nothing will come of it
 *
 * A record (trial_record.h) says how far a trial is and who is at it: what a
 * dead process was at is free again, or dropped if its other answer is gone
 * with it.  The verdict, its evidence and the end of the record are one
 * transaction, so a call is judged once.
 *
 * Question and answers are in a file of their own, data_dir/trials/CALL,
 * sealed (seal.h), because what a journal or a database's log once held stays
 * there for a while; the file goes with the record, or is kept as CALL.kept
 * for keep_days, with the time of its end as its mtime.
 *
 * What is spent on an experiment and set aside for it together never passes
 * its budget; of a trial whose process died the reservation counts as spent.
 *
 * All of these block on the lease and the database, up to 2 s.
 */
#ifndef CORE_TRIALS_H
#define CORE_TRIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/evidence.h"
#include "core/str.h"
#include "core/trial_record.h"

struct arena;
struct error;
struct experiment;
struct state;

#define TRIALS_MAX       1000              /* records at a time */
#define TRIALS_MAX_BYTES ((size_t)1 << 20) /* of a body */
#define TRIALS_DIR       "trials"
#define TRIALS_MAX_AGE_S (7 * 86400)

/*
 * trials_begin(s, e, r, err):
 * Record ${r} as begun by this process, if there is room for it in the
 * queue and for r->reserved_pusd in the budget, ${e} is not stopped, and its
 * task is among the first EXPERIMENT_MAX_TASKS.
 *
 * Returns  1, 0 if there is none, -1: ERROR_STORE.
 */
int trials_begin(struct state *s, const struct experiment *e,
    const struct trial_record *r, struct error *err)
    __attribute__((warn_unused_result));

/*
 * trials_offer(s, e, r, body, spent_pusd, err):
 * ${r}, which was begun, waits for the judge from r->due_us on with ${body};
 * ${spent_pusd} of its reservation has been spent, r->reserved_pusd is set
 * aside in its place.
 *
 * Returns  1; 0 if nothing comes of it: the budget has no room for that, or
 *          ${body} is too large; -1: ERROR_STORE, ERROR_CONF (seal.h).
 */
int trials_offer(struct state *s, const struct experiment *e,
    const struct trial_record *r, struct str body, int64_t spent_pusd,
    struct error *err) __attribute__((warn_unused_result));

/*
 * trials_claim(s, now_us, a, r, body, err):
 * Take the trial that has been due for longest, if one is; clean up after
 * those who died.
 *
 * Returns  1 with ${*r} and ${*body} in ${a}, which wipes it; 0: none is due;
 *          -1: ERROR_STORE, ERROR_CONF.
 */
int trials_claim(struct state *s, int64_t now_us, struct arena *a,
    struct trial_record *r, struct str *body, struct error *err)
    __attribute__((warn_unused_result));

/*
 * trials_paid(s, e, r, err):
 * Returns  1 if the budget of ${e} still has room for what is set aside for
 *          the claimed ${r}, after what was spent on it in vain; 0 if not;
 *          -1: ERROR_STORE.
 */
int trials_paid(struct state *s, const struct experiment *e,
    const struct trial_record *r, struct error *err)
    __attribute__((warn_unused_result));

/*
 * trials_later(s, r, spent_pusd, err):
 * Give the claimed ${r} back as it is now (due_us, tries, waits).
 */
int trials_later(struct state *s, const struct trial_record *r,
    int64_t spent_pusd, struct error *err) __attribute__((warn_unused_result));

/*
 * trials_drop(s, e, r, why, arm, spent_pusd, err):
 * Nothing will come of ${r}.  ${arm}: whose failure it is, with the cost in
 * r; -1: nobody's.  ${e} may be NULL then.
 */
int trials_drop(struct state *s, const struct experiment *e,
    const struct trial_record *r, enum trial_drop why, int arm,
    int64_t spent_pusd, struct error *err) __attribute__((warn_unused_result));

/*
 * trials_verdict(s, e, r, v, json, spent_pusd, err):
 * The end of ${r}: put ${json} (verdict_record.h) among the verdicts and
 * count ${v}.
 *
 * Returns  1, 0 if this call has been judged before, or was forgotten
 *          meanwhile, -1: ERROR_STORE.
 */
int trials_verdict(struct state *s, const struct experiment *e,
    const struct trial_record *r, const struct verdict *v, struct str json,
    int64_t spent_pusd, struct error *err) __attribute__((warn_unused_result));

/*
 * trials_kept(s, call, now_us, a, body, err):
 * Returns  1 with the body of a judged call in ${a}, 0 if it is not kept (any
 *          more), -1: ERROR_CONF.
 */
int trials_kept(struct state *s, const char *call, int64_t now_us,
    struct arena *a, struct str *body, struct error *err)
    __attribute__((warn_unused_result));

/*
 * trials_due(s):
 * Returns  true if it is worth while to call trials_claim.  Cheap.
 */
bool trials_due(struct state *s);

#endif
