/* SPDX-License-Identifier: MIT */
/* The two clocks, in microseconds, and RFC 3339 text. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

#include "core/str.h"

/* clock_wall_us(): microseconds since 1970, UTC; may jump. */
int64_t clock_wall_us(void);

/* clock_mono_us(): microseconds of a clock that never goes back. */
int64_t clock_mono_us(void);

/* Room for one time stamp: "2026-11-24T17:31:29.123456Z" and NUL. */
#define CLOCK_TEXT_BYTES 32

/*
 * clock_text(us, out):
 * Write ${us} (wall time) as RFC 3339 UTC with microseconds to ${out}.
 *
 * Returns  ${out}.
 */
char *clock_text(int64_t us, char out[CLOCK_TEXT_BYTES]);

/*
 * clock_parse(s, us):
 * Read an RFC 3339 time, or a date alone (its first instant, UTC).
 *
 * Returns  0 or -1.
 */
int clock_parse(struct str s, int64_t *us) __attribute__((warn_unused_result));

#endif
