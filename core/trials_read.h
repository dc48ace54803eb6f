/* SPDX-License-Identifier: MIT */
/* What an experiment has come to: for reports, and for routing. */
#ifndef CORE_TRIALS_READ_H
#define CORE_TRIALS_READ_H

#include <stddef.h>

#include "core/experiment.h"
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
	struct str *verdicts; /* texts (judge.h), the newest first */
	size_t n_verdicts;
	size_t waiting; /* trials on their way */
};

/*
 * trials_read(s, e, verdicts, a, view, err):
 * Read what there is of ${e} as it is configured, and up to ${verdicts} of
 * its verdicts, into ${a}.
 *
 * Returns  0, or -1: ERROR_STORE.
 * Blocks   on the lease and the database.
 */
int trials_read(struct state *s, const struct experiment *e, size_t verdicts,
    struct arena *a, struct trials_view *view, struct error *err)
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
 * ${promoted}: the arm that has been promoted, absent for none.
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
