/* SPDX-License-Identifier: MIT */
/*
 * Most frames of a stream equal the one before but for a few bytes of text.
 * A decoder that has parsed one, and seen that it brought that text and
 * nothing else, shows it here; the next one that is like it needs no parsing.
 * At 25,000 frames a second this is a tenth of a responder's work.
 */
#ifndef PROVIDERS_LIKENESS_H
#define PROVIDERS_LIKENESS_H

#include <stdbool.h>

#include "core/str.h"

#define LIKENESS_MAX 512 /* bytes around the text; longer frames are parsed */

/* Begins as all zero: nothing is like it. */
struct likeness {
	size_t before, after; /* bytes before and after the text */
	char bytes[LIKENESS_MAX];
};

/*
 * likeness_learn(l, data, key, text):
 * Frames like ${data}, a JSON value, bring nothing but ${text}, which is the
 * string member ${key}.  Learns nothing unless ${key} is there only once and
 * the text stands there without escapes.
 */
void likeness_learn(
    struct likeness *l, struct str data, const char *key, struct str text);

/*
 * likeness_match(l, data, text):
 * Returns  true if ${data} is like what was learned and its text needs no
 *          unescaping: ${*text}, which points into ${data}.
 */
bool likeness_match(
    const struct likeness *l, struct str data, struct str *text);

#endif
