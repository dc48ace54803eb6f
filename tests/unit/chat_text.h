/* SPDX-License-Identifier: MIT */
/* A canonical chat as one line of text, and tables of tests that compare it. */
#ifndef TESTS_CHAT_TEXT_H
#define TESTS_CHAT_TEXT_H

#include <stddef.h>

struct arena;
struct chat;
struct dialect;

/*
 * chat_text(a, chat):
 * Returns  all of ${chat}, but paths, as text: turns as S[...], U[...], A[...]
 *          with their parts, then what is set among the rest, then the losses
 *          after "lose=".
 */
const char *chat_text(struct arena *a, const struct chat *chat);

/* A request, and its chat_text; or '!' and how the error's message begins. */
struct chat_case {
	const char *json, *want;
};
void chat_cases(
    const struct dialect *d, const struct chat_case *cases, size_t n);

/* A request that is refused with 400: the path, and words of the message. */
struct chat_refusal {
	const char *json, *param, *says;
};
void chat_refusals(
    const struct dialect *d, const struct chat_refusal *cases, size_t n);

#endif
