/* SPDX-License-Identifier: MIT */
/*
 * The bodies of trials: sealed files in data_dir/trials.  The key is the
 * master key (seal.h), or, where there is none, one of their own in
 * data_dir/trials.key.
 */
#ifndef CORE_TRIAL_BODY_H
#define CORE_TRIAL_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct arena;
struct error;
struct state;

/*
 * trial_body_put(s, call, body, err):
 * Returns  0, or -1: ERROR_STORE, ERROR_CONF.
 */
int trial_body_put(struct state *s, const char *call, struct str body,
    struct error *err) __attribute__((warn_unused_result));

/*
 * trial_body_get(s, call, a, body, err):
 * trial_body_kept(s, call, now_us, a, body, err):
 * Read the body of a trial, or of one that is over, if it is kept at wall
 * time ${now_us}.
 *
 * Returns  1 with ${*body} in ${a}, which wipes it; 0: there is none;
 *          -1: ERROR_CONF, it does not open; ERROR_STORE.
 */
int trial_body_get(struct state *s, const char *call, struct arena *a,
    struct str *body, struct error *err) __attribute__((warn_unused_result));
int trial_body_kept(struct state *s, const char *call, int64_t now_us,
    struct arena *a, struct str *body, struct error *err)
    __attribute__((warn_unused_result));

/* trial_body_end(s, call, until_us): keep it until wall time ${until_us}; 0:
 * remove it now. */
void trial_body_end(struct state *s, const char *call, int64_t until_us);

/* trial_body_forget(s, call): remove it, kept or not. */
void trial_body_forget(struct state *s, const char *call);

/*
 * trial_body_clean(s, now_us, lives, arg):
 * Remove what is kept no longer, and what ${lives} says is nobody's.
 */
void trial_body_clean(struct state *s, int64_t now_us,
    bool (*lives)(void *arg, struct str call), void *arg);

#endif
