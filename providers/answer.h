/* SPDX-License-Identifier: MIT */
/*
 * Reading what providers send.  Lenient on purpose: a wrong type counts as
 * absent, duplicate members and trailing blanks do not matter, because an
 * answer is passed on, not judged.  Only what is no JSON at all is an error.
 *
 * Errors come in one reader for all vendors and both wire formats, whether
 * they are an answer of their own or stand inside a 200 stream.
 */
#ifndef PROVIDERS_ANSWER_H
#define PROVIDERS_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/frame.h"
#include "core/jtree.h"
#include "core/provider.h"
#include "core/str.h"
#include "core/wire.h"

struct sink;

/* One frame or body decoded, at most, in a decoder's scratch arena. */
#define ANSWER_SCRATCH_BYTES ((size_t)1 << 30)

/*
 * answer_json(a, text, root, err):
 * Parse ${text} into a tree in ${a}; what follows the first value is ignored.
 *
 * Returns  0, or -1: ERROR_UP_BROKEN.
 */
int answer_json(struct arena *a, struct str text, struct jnode *root,
    struct error *err) __attribute__((warn_unused_result));

/*
 * answer_next(a, text, root, err):
 * As answer_json, and take the value off the front of ${*text}.
 */
int answer_next(struct arena *a, struct str *text, struct jnode *root,
    struct error *err) __attribute__((warn_unused_result));

/*
 * answer_str(at, key), answer_count(at, key, out):
 * Returns  the string member ${key}, or the absent str; whether there is a
 *          number ${key}, now in ${*out} (else unchanged); one that is out
 *          of all bounds is ANSWER_COUNT_MAX or its negative, so that sums
 *          do not overflow.
 */
#define ANSWER_COUNT_MAX INT64_C(100000000000000)
struct str answer_str(const struct jnode *at, const char *key);
bool answer_count(const struct jnode *at, const char *key, int64_t *out);

/*
 * answer_check(a, f, root, wire, err):
 * See whether the frame ${f} of a 2xx answer, parsed as ${root}, is an error
 * in one of the vendors' shapes.
 *
 * Returns  0 if not; else -1 with the error set, raw copied to ${a}.
 * Source   wire.md §1.5, §5.1.
 */
int answer_check(struct arena *a, const struct frame *f,
    const struct jnode *root, enum wire wire, struct error *err)
    __attribute__((warn_unused_result));

/*
 * answer_lost(out, what, err):
 * Pass on that no event carries ${what} of the answer: a word of the
 * provider's, "unknown" if it is not plain.
 *
 * Returns  0, or -1 with the sink's error.
 */
int answer_lost(struct sink *out, struct str what, struct error *err)
    __attribute__((warn_unused_result));

/*
 * answer_cut(err):
 * Set ERROR_UP_BROKEN for an answer that ended too early.
 *
 * Returns  -1.
 */
int answer_cut(struct error *err);

/* answer_refused: see struct provider; all HTTP providers have this one. */
void answer_refused(
    struct arena *a, const struct refusal *r, struct error *err);

/*
 * answer_retry_ms(a, headers):
 * Returns  how long the provider asks to wait, in ms; 0 if it does not say.
 *          A date counts from the answer's own Date.
 * Source   RFC 9110 §10.2.3; retry-after-ms: wire.md §5.1.
 */
int64_t answer_retry_ms(struct arena *a, const struct header *headers);

#endif
