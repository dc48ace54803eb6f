/* SPDX-License-Identifier: MIT */
/*
 * Everything that comes back from a provider is a stream of events, passed
 * down a chain of sinks (sink.h).
 *
 * Grammar as decoders emit it:
 *	HEAD START ( OPEN | DELTA | SIGNATURE | CITATION | CLOSE | USAGE |
 *	PING | STOP | FRAME | LOST )*
 * HEAD comes from the attempt, everything else from the provider's decoder,
 * FRAME again from the attempt: after the events of each frame, its raw bytes.
 * Blocks are told apart by key; several may be open at once and deltas may
 * interleave until the order sink (order.h) has made them strictly
 * sequential.  A CLOSE that a decoder cannot know is left out: order adds it.
 * STOP says why the model ended; USAGE is cumulative, each one replaces the
 * last and may come before or after STOP.  What no event can carry is LOST:
 * whoever translates tells the client so, whoever passes bytes on need not.
 */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stdint.h>

#include "core/str.h"
#include "core/usage.h"
#include "core/wire.h"

enum event_kind {
	EVENT_HEAD,      /* wire, framing */
	EVENT_START,     /* id, name = model as returned */
	EVENT_OPEN,      /* key, block, id, name */
	EVENT_DELTA,     /* key, text */
	EVENT_SIGNATURE, /* key, text: opaque token of a thinking block */
	EVENT_CITATION,  /* key, citation: where words of a text come from */
	EVENT_CLOSE,     /* key */
	EVENT_USAGE,     /* usage */
	EVENT_STOP,      /* stop, text = matched stop string or explanation */
	EVENT_PING,
	EVENT_FRAME, /* text = raw bytes, framing */
	EVENT_LOST   /* name: what of the answer, as its provider calls it */
};

enum block_kind {
	BLOCK_TEXT,
	BLOCK_THINKING, /* deltas are text; SIGNATURE may follow */
	BLOCK_REDACTED, /* thinking without text: one SIGNATURE, no delta */
	BLOCK_TOOL,     /* id, name; deltas are pieces of the arguments */
	BLOCK_REFUSAL,
	BLOCK_VECTOR /* OPERATION_EMBED: deltas are a JSON array of numbers */
};

enum stop_reason {
	STOP_NONE,
	STOP_END,      /* the model was done */
	STOP_SEQUENCE, /* text: the stop string */
	STOP_LENGTH,   /* max tokens */
	STOP_CONTEXT,  /* context window full */
	STOP_TOOL,     /* wants tool results */
	STOP_REFUSAL,  /* refused or filtered; text: explanation */
	STOP_PAUSE     /* paused turn, to be continued */
};

/* What a source without a place in the answer counts for: see EVENT_LOST. */
#define EVENT_LOST_SOURCE STR("annotations")

/* A page that a piece of text stands on. */
struct citation {
	struct str url, title; /* never without url; title may be absent */
	struct str quote;      /* words of the page or the text; absent */
	int64_t start, end;    /* of the piece: characters of its block */
};

struct event {
	enum event_kind kind;
	enum block_kind block;
	enum stop_reason stop;
	enum wire wire;
	enum framing framing;
	int key;
	struct str id;
	struct str name;
	struct str text;
	const struct usage *usage; /* this and the next: valid during the
				    * call only */
	const struct citation *citation;
};

struct arena;

/* citation_dup(a, c): a copy in ${a}. */
struct citation *citation_dup(struct arena *a, const struct citation *c);

/* citation_chars(s): the characters of UTF-8 ${s}. */
int64_t citation_chars(struct str s);

#endif
