/* SPDX-License-Identifier: MIT */
/* The state of one Responses answer being read. */
#ifndef PROVIDERS_OPENAI_RESPONSES_DECODE_H
#define PROVIDERS_OPENAI_RESPONSES_DECODE_H

#include "core/event.h"
#include "core/provider.h"

struct jnode;
struct sink;

/* A block under way: a part of a message, or another item as a whole. */
struct responses_block {
	int64_t output, content; /* output_index, content_index */
	int64_t piece;           /* thinking: part of its text; -1: none yet */
	enum block_kind kind;
	int key;
	bool custom; /* tool: its text is free, see custom_tool.h */
	bool fed;    /* some of its text has come */
	bool raw;    /* thinking: the text is its content, not a summary */
	bool cited;  /* sources of its text have come */
	bool closed; /* CLOSE has been passed on */
	struct responses_block *next;
};

struct responses {
	struct decoder decoder;
	struct arena *arena;
	struct arena *scratch; /* reset after each frame */
	const struct ask *ask;
	struct sink *out; /* of the frame being read */
	unsigned quirks;
	bool started;
	bool finished; /* a terminal event seen, or a whole answer */
	bool called, refused;
	int next_key;     /* also: how many blocks there were */
	int64_t searches; /* web_search_call items */
	int64_t sealed;   /* output_index of the last item of thinking that ends
			 * with a token; -1: none */
	struct responses_block *blocks; /* of items that are not done */
	struct responses_block *spare;  /* for use again */
};

/* responses_put(o, ev, err): pass ${ev} on. */
int responses_put(struct responses *o, struct event ev, struct error *err);

/* responses_find(o, output, content): the block, or NULL. */
struct responses_block *responses_find(
    const struct responses *o, int64_t output, int64_t content);

/* responses_close(o, b, err): pass on CLOSE, once.  0, or -1. */
int responses_close(
    struct responses *o, struct responses_block *b, struct error *err);

/*
 * responses_added(o, index, item, err), responses_done(o, index, item, err):
 * An item begins; it is complete: pass on what of it has not yet been.
 *
 * responses_annotation(o, root, err), responses_part_done(o, root, err),
 * responses_text(o, name, root, err):
 * A piece of an item's text, or all of it: an event called ${name}.
 */
int responses_added(struct responses *o, int64_t index,
    const struct jnode *item, struct error *err);
int responses_done(struct responses *o, int64_t index, const struct jnode *item,
    struct error *err);

/*
 * responses_cited(o, b, part, err):
 * The sources of text ${b} in ${part}, unless they have come before.
 */
int responses_cited(struct responses *o, struct responses_block *b,
    const struct jnode *part, struct error *err);
int responses_annotation(
    struct responses *o, const struct jnode *root, struct error *err);
int responses_part_done(
    struct responses *o, const struct jnode *root, struct error *err);
int responses_text(struct responses *o, struct str name,
    const struct jnode *root, struct error *err);

#endif
