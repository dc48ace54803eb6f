/* SPDX-License-Identifier: MIT */
/*
 * The sink that folds ordered events into one finished message: how a
 * non-streaming answer is made from the same events as a stream.
 */
#ifndef CORE_FOLD_H
#define CORE_FOLD_H

#include "core/chat.h"
#include "core/event.h"
#include "core/sink.h"

#define FOLD_MAX_BYTES (64u << 20)

/* One finished block. */
struct fold_block {
	enum block_kind kind;
	struct str id, name;
	struct str text;      /* text, thinking, refusal, arguments */
	struct str signature; /* absent if none */
	struct fold_cited *cited;
	struct fold_block *next;
};

struct fold_cited {
	const struct citation *c;
	struct fold_cited *next;
};

struct fold {
	struct sink sink;
	struct arena *arena;
	struct str id, model; /* of START */
	struct fold_block *blocks;
	struct fold_block *open; /* the last one while it is not closed */
	enum stop_reason stop;
	struct str stop_text;
	struct usage usage;
	/* private */
	struct fold_block **tail;
	struct buf *text, *signature;
	size_t bytes;
};

/* fold_init(f, a): make ${f} an empty fold whose results live in ${a}. */
void fold_init(struct fold *f, struct arena *a);

#endif
