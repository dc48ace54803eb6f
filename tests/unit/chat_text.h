/* SPDX-License-Identifier: MIT */
/* A canonical chat as one line of text, for tables of tests. */
#ifndef TESTS_CHAT_TEXT_H
#define TESTS_CHAT_TEXT_H

struct arena;
struct chat;

/*
 * chat_text(a, chat):
 * Returns  all of ${chat}, but paths, as text: turns as S[...], U[...], A[...]
 *          with their parts, then what is set among the rest, then the losses
 *          after "lose=".
 */
const char *chat_text(struct arena *a, const struct chat *chat);

#endif
