/* SPDX-License-Identifier: MIT */
/* What an experiment has come to: for reports, and for routing. */
#ifndef CORE_TRIALS_READ_H
#define CORE_TRIALS_READ_H

#include <stddef.h>

#include "core/agreement.h"
#include "core/experiment.h"
#include "core/feedback.h"
#include "core/str.h"
#include "core/trial_record.h"

struct arena;
struct conf;
struct error;
struct evidence;
struct experiment;
struct state;

struct trials_view {
	struct experiment_record record;
	struct evidence *evidence[EXPERIMENT_MAX_TASKS]; /* of its version */
	size_t n_evidence;
	size_t waiting; /* trials on their way */
	/* of its newest verdicts, TRIALS_LOOK at most */
	struct agreement agreement;
	struct feedback_sum feedback[EXPERIMENT_MAX_ARMS]; /* who served */
};

#define TRIALS_LOOK 10000

/* Texts of verdicts (judge.h), the newest call first. */
struct verdict_page {
	struct str *texts;
	size_t n;
	struct str next; /* what before is for the next page; absent */
};

/*
 * trials_read(s, e, a, view, err):
 * Read what there is of ${e} as it is configured, into ${a}.
 *
 * Returns  0, or -1: ERROR_STORE.
 * Blocks   on the lease and the database.
 */
int trials_read(struct state *s, const struct experiment *e, struct arena *a,
    struct trials_view *view, struct error *err)
    __attribute__((warn_unused_result));

/*
 * trials_verdicts(s, e, before, limit, a, page, err):
 * Read up to ${limit} verdicts about calls before call ${before} (absent: the
 * newest), of ${e} as it is configured, into ${a}.
 *
 * trials_verdict_find(s, e, call, a, text, err):
 * Returns  1 with the ${*text} of the verdict about ${call}; 0: none; -1.
 */
int trials_verdicts(struct state *s, const struct experiment *e,
    struct str before, size_t limit, struct arena *a, struct verdict_page *page,
    struct error *err) __attribute__((warn_unused_result));
int trials_verdict_find(struct state *s, const struct experiment *e,
    struct str call, struct arena *a, struct str *text, struct error *err)
    __attribute__((warn_unused_result));

/*
 * trials_label(s, e, call, label, err):
 * A person says which arm was better at ${call}, or "tie"; the last word
 * counts.
 *
 * Returns  0, or -1: ERROR_NOT_FOUND (no verdict), ERROR_BAD_REQUEST (no such
 *          arm), ERROR_STORE.
 */
int trials_label(struct state *s, const struct experiment *e, struct str call,
    struct str label, struct error *err) __attribute__((warn_unused_result));

/*
 * trials_switch(s, name, stopped, promoted, err):
 * Stop an experiment, or start it again (what was spent begins anew);
 * ${promoted}: the arm that has been promoted; absent: none, or, where it is
 * stopped, who was.
 *
 * Returns  0, or -1: ERROR_STORE.
 */
int trials_switch(struct state *s, struct str name, bool stopped,
    struct str promoted, struct error *err) __attribute__((warn_unused_result));

/*
 * fit_refresh(s, conf, err):
 * Write the snapshot that routing reads (fits.h) anew.
 *
 * Returns  0, or -1: ERROR_STORE.
 * Blocks   as trials_read.
 */
int fit_refresh(struct state *s, const struct conf *conf, struct error *err)
    __attribute__((warn_unused_result));

#endif
