/* SPDX-License-Identifier: MIT */
/*
 * The canonical projection: what a request or an answer says, as a list of
 * lines that two wire formats can be compared by.  Which member said it,
 * how texts were cut into parts and how JSON was spelled make no difference.
 */
#ifndef TESTS_PROJECTION_H
#define TESTS_PROJECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"
#include "core/wire.h"

struct arena;
struct chat;
struct error;
struct fold;

#define FACTS_MAX 4096

/* "kind what it says": "user hi", "call f {"a":1} #1", "max_tokens 5". */
struct facts {
	struct arena *arena;
	struct str line[FACTS_MAX];
	size_t n;
	struct str open; /* kind of the last line while text may join it */
};

/* What differs: lines of one side only. */
struct facts_diff {
	struct str lost[FACTS_MAX], gained[FACTS_MAX];
	size_t n_lost, n_gained;
};

/*
 * facts_of_chat(f, a, chat, as):
 * Project ${chat} as a format ${as} could say it: where that format has no
 * place for something, what wire.md says it becomes stands here instead.
 */
void facts_of_chat(
    struct facts *f, struct arena *a, const struct chat *chat, enum wire as);

/*
 * facts_of_answer(f, a, fold, as):
 * Likewise for an answer, of which a client of ${as} is told.
 */
void facts_of_answer(
    struct facts *f, struct arena *a, const struct fold *fold, enum wire as);

/* facts_compare(a, b, out): the longest common order is left out. */
void facts_compare(
    const struct facts *a, const struct facts *b, struct facts_diff *out);

/* facts_json(a, text): ${text} with sorted members, or as it is. */
struct str facts_json(struct arena *a, struct str text);

/*
 * gemini_read(a, body, chat, err):
 * Decode a GenerateContentRequest into ${chat}: Gemini has no client dialect,
 * so tests read it by this.
 *
 * Source   wire.md §4.1.
 */
int gemini_read(
    struct arena *a, struct str body, struct chat *chat, struct error *err);

#endif
