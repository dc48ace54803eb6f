/* SPDX-License-Identifier: MIT */
/* What a limit says when it is reached: for people in msg, for programs in
 * details, a JSON object. */
#ifndef CORE_LIMIT_TELL_H
#define CORE_LIMIT_TELL_H

#include <stdint.h>

#include "core/str.h"

struct budget;
struct error;
struct limit_standing;

/* limit_tell_budget(err, b, now, need): ERROR_BUDGET; returns -1. */
int limit_tell_budget(struct error *err, const struct budget *b,
    const struct limit_standing *now, int64_t need);

/* limit_tell_unpriced(err, b): ERROR_BUDGET, "unpriced_model"; returns -1. */
int limit_tell_unpriced(struct error *err, const struct budget *b);

/*
 * limit_tell_rate(err, key, what, limit, wait_us):
 * ERROR_RATE for "rpm", "tpm" or "parallel".  Returns -1.
 */
int limit_tell_rate(struct error *err, struct str key, const char *what,
    int64_t limit, int64_t wait_us);

/* limit_tell_alert(b): a line in the log: budget ${b} has reached its mark. */
void limit_tell_alert(const struct budget *b);

#endif
