/* SPDX-License-Identifier: MIT */
/*
 * The grammar of the streams that clients get, as a checker: for selftest,
 * tests, and debug builds (-DGRAMMAR_CHECK).
 */
#ifndef CORE_GRAMMAR_H
#define CORE_GRAMMAR_H

#include <stddef.h>

#include "core/str.h"
#include "core/wire.h"

/* Nothing is wrong but the arguments of a call, which are the model's. */
#define GRAMMAR_ODD_ARGUMENTS 1

/*
 * grammar_check(wire, stream, why, n):
 * Check a whole stream of ${wire}, not WIRE_GEMINI, as its SDK's strictest
 * reader would: order of frames, indices, matching kinds, tool
 * arguments that are JSON, and one end, be it regular or an error.
 *
 * Returns  0, or -1 with what is wrong in ${why}; GRAMMAR_ODD_ARGUMENTS
 *          likewise.
 * Source   wire.md §1.5, §2.5, §3.6.
 */
int grammar_check(enum wire wire, struct str stream, char *why, size_t n);

/*
 * grammar_check_passed(wire, stream, why, n):
 * As grammar_check, for a stream whose frames are a provider's own: only what
 * is ours to keep, whole frames and one end.
 */
int grammar_check_passed(
    enum wire wire, struct str stream, char *why, size_t n);

#endif
