/* SPDX-License-Identifier: MIT */
/* A conversation, or an answer, as a person would read it: for the judge. */
#ifndef CORE_CHAT_TEXT_H
#define CORE_CHAT_TEXT_H

struct buf;
struct chat;
struct fold;

/*
 * chat_text(chat, out):
 * Append all turns, each under its role; images and documents are named, not
 * shown, tool calls and results are written out.
 */
void chat_text(const struct chat *chat, struct buf *out);

/* fold_text(fold, out): append what the model said, without its thinking. */
void fold_text(const struct fold *fold, struct buf *out);

#endif
