/* SPDX-License-Identifier: MIT */
/*
 * What the encoders of all dialects share: which way an answer goes
 * (verbatim, stream, document), the identity of the answer, why it ended,
 * its cost, and errors.  A dialect brings its words; its encoder has a
 * struct encode as first member.
 */
#ifndef FCGI_ENCODE_H
#define FCGI_ENCODE_H

#include <stdbool.h>

#include "core/event.h"
#include "core/fold.h"
#include "core/jw.h"
#include "core/usage.h"
#include "fcgi/dialect.h"
#include "fcgi/verbatim.h"

struct encode;

/* What differs between dialects. */
struct encode_words {
	enum wire wire;
	const char *id_prefix;   /* of an answer's id: "chatcmpl-" */
	const char *error_event; /* name of an SSE error frame, or NULL */
	/* Stream: one OPEN, DELTA, SIGNATURE or CLOSE. */
	void (*block)(struct encode *e, const struct event *ev);
	/* Stream: a source of the open text; NULL: there is no place. */
	void (*cite)(struct encode *e, const struct citation *c);
	bool cites; /* documents have a place for sources */
	/* Stream: all that follows the last block. */
	void (*end)(struct encode *e, const struct receipt *r);
	void (*ping)(struct encode *e); /* NULL: a comment */
	/* The whole answer, from e->fold. */
	void (*document)(struct encode *e, const struct receipt *r);
	/* Stream: end it with an error; NULL: one frame, as fail_body. */
	void (*fail)(struct encode *e, const struct error *err);
	bool folds; /* streams want e->fold, too */
	void (*fail_body)(
	    struct buf *out, const struct error *err, const char *call_id);
};

struct encode {
	struct encoder encoder;
	const struct encode_words *words;
	struct encode_opts opts;
	struct arena *arena;
	enum wire issuer; /* whose signatures come: the provider's format */
	bool headed;      /* HEAD has come */
	bool early;       /* a ping went out before HEAD */
	bool is_verbatim;
	unsigned frames;     /* SSE, passed verbatim */
	struct buf *emitted; /* this and the next two: see emitted.h */
	size_t from;
	unsigned depth;
	struct verbatim verbatim;
	struct fold fold; /* a document's content; see words->folds */
	/* The answer as far as it has come. */
	struct str id, model;
	struct usage usage;
	enum stop_reason stop;
	struct str stop_text;
	bool has_tool, has_refusal;
};

/*
 * encode_init(e, a, words, opts):
 * Make ${e}, zeroed memory in ${a}, an encoder in the words of ${words}.
 */
void encode_init(struct encode *e, struct arena *a,
    const struct encode_words *words, const struct encode_opts *opts);

/*
 * encode_stop(e):
 * Returns  why the answer ended, never STOP_NONE: a tool call in it outweighs
 *          a plain end, and none makes nonsense of STOP_TOOL.
 */
enum stop_reason encode_stop(const struct encode *e);

/*
 * encode_cost(e, w, r):
 * Write the last members of a usage object: `cost` in USD, null if unknown,
 * and `sluice` with what the headers did not say because they went out
 * before it was known: who answered, or what of the answer was lost.
 */
void encode_cost(const struct encode *e, struct jw *w, const struct receipt *r);

/*
 * encode_tool_id(e, w, id, n):
 * Write member `id` of tool call number ${n}, made up if ${id} is absent.
 */
void encode_tool_id(
    const struct encode *e, struct jw *w, struct str id, unsigned n);

/*
 * encode_tool(e, name), encode_is_custom(e, name):
 * Returns  the client's tool ${name}, or NULL; true if it is one of free
 *          text.
 */
const struct tool *encode_tool(const struct encode *e, struct str name);
bool encode_is_custom(const struct encode *e, struct str name);

/*
 * encode_input(e, args):
 * Returns  the free text in the arguments of a custom tool, which providers
 *          without such tools wrap as {"input":"..."}.
 */
struct str encode_input(const struct encode *e, struct str args);

/*
 * encode_raw_error(out, err, wire):
 * Append the provider's own error document if ${err} has one in format
 * ${wire}.
 *
 * Returns  false if it has none: the caller writes its own words.
 */
bool encode_raw_error(struct buf *out, const struct error *err, enum wire wire);

/*
 * encode_openai_error(out, err, wire):
 * Append the error document of both of OpenAI's formats; the provider's own
 * if it is of ${wire}.
 */
void encode_openai_error(
    struct buf *out, const struct error *err, enum wire wire);

/*
 * encode_annotation(w, c, base, nested):
 * Write ${c} as OpenAI has it, its members in an object of their own if
 * ${nested} (Chat); ${base} characters stand before its block.
 */
void encode_annotation(
    struct jw *w, const struct citation *c, int64_t base, bool nested);

/* encode_details(w, err): the member "details" of an error, if it has any. */
void encode_details(struct jw *w, const struct error *err);

#endif
