/* SPDX-License-Identifier: MIT */
/* The state of one Chat Completions answer being read. */
#ifndef PROVIDERS_OPENAI_DECODE_H
#define PROVIDERS_OPENAI_DECODE_H

#include "core/event.h"
#include "core/provider.h"

#include "providers/likeness.h"

struct jnode;
struct sink;

/* A tool call under way. */
struct openai_call {
	int64_t index; /* the vendor's number */
	int key;
	struct str id;
	struct openai_call *next; /* the one before */
};

struct openai {
	struct decoder decoder;
	struct arena *arena;
	struct arena *scratch; /* reset after each frame */
	struct sink *out;      /* of the frame being read */
	const struct ask *ask;
	unsigned quirks;
	bool started;
	bool finished; /* finish_reason or [DONE] seen, or a whole answer */
	bool stopped;  /* STOP passed on */
	bool refused;
	bool whole;   /* no delta but a message: each call is another one */
	bool running; /* a block that is no call is open: its kind and key */
	enum block_kind kind;
	int key;
	int next_key;
	int64_t chars; /* of the running block */
	bool cited;    /* sources have come */
	struct str id;
	struct openai_call *calls; /* latest first */
	enum stop_reason stop;
	unsigned puts;        /* events of the frame being read */
	struct str piece;     /* the last piece of text in it */
	struct likeness like; /* of frames that bring text only */
};

/* openai_put(o, ev, err): pass ${ev} on. */
int openai_put(struct openai *o, struct event ev, struct error *err);

/* openai_close(o, err): end the running block, if any. */
int openai_close(struct openai *o, struct error *err);

/*
 * openai_annotations(o, message, err), openai_sources(o, root, err),
 * openai_source(o, at, err):
 * Pass on sources of the running text: those beside it; those beside the
 * choices, once it is over, unless there were others; one, an address or an
 * object with url and title.
 */
int openai_annotations(
    struct openai *o, const struct jnode *message, struct error *err);
int openai_sources(
    struct openai *o, const struct jnode *root, struct error *err);
int openai_source(struct openai *o, const struct jnode *at, struct error *err);

/*
 * openai_calls(o, message, err):
 * Pass on what the delta or message says about tool calls.
 */
int openai_calls(
    struct openai *o, const struct jnode *message, struct error *err);

#endif
