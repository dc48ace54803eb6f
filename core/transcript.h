/* SPDX-License-Identifier: MIT */
/* A conversation, or an answer, as a person would read it: for the judge. */
#ifndef CORE_TRANSCRIPT_H
#define CORE_TRANSCRIPT_H

struct buf;
struct chat;
struct fold;

/*
 * transcript_chat(chat, out):
 * Append all turns, each under its role; images and documents are named, not
 * shown, tool calls and results are written out.
 */
void transcript_chat(const struct chat *chat, struct buf *out);

/* transcript_answer(fold, out): append what was said, without thinking. */
void transcript_answer(const struct fold *fold, struct buf *out);

#endif
