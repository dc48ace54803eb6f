/* SPDX-License-Identifier: MIT */
/* What Responses streams and documents have in common. */
#ifndef FCGI_OPENAI_RESPONSES_ANSWER_H
#define FCGI_OPENAI_RESPONSES_ANSWER_H

#include <stdbool.h>

#include "core/event.h"
#include "core/fold.h"
#include "core/str.h"

struct encode;
struct error;
struct jw;
struct receipt;

/* How far a response is; the words of `status`. */
enum responses_status {
	RESPONSES_IN_PROGRESS,
	RESPONSES_COMPLETED,
	RESPONSES_INCOMPLETE,
	RESPONSES_FAILED
};

/* Members of a response that repeat the request. */
#define RESPONSES_ECHOES 19

struct responses_echo {
	bool read;
	struct str values[RESPONSES_ECHOES]; /* raw JSON on one line */
};

/* What a response object is made from. */
struct responses_view {
	struct encode *e;
	struct responses_echo *echo;
	enum responses_status status;
	const struct receipt *receipt; /* NULL: usage is null */
	const struct error *error;     /* of one that failed */
};

/* Writes a response object as a value. */
void openai_responses_object(const struct responses_view *v, struct jw *w);

/* Ends the output with the words of a refusal that came without a block, and
 * returns how the answer ended. */
enum responses_status openai_responses_close(
    struct encode *e, struct error *err);

/*
 * Writes item number ${n}, block ${b}: whole, or in progress as it is when
 * nothing of its content has come.
 */
void openai_responses_item(const struct encode *e, struct jw *w,
    const struct fold_block *b, unsigned n, enum responses_status status);

/* What became of the last item, when all is known: a limit has cut it, or it
 * is complete. */
enum responses_status openai_responses_last(const struct encode *e);

/* Writes member ${key}, the id of item number ${n}. */
void openai_responses_id(const struct encode *e, struct jw *w, const char *key,
    const struct fold_block *b, unsigned n);

/* Whether ${b} calls the client's search for tools: it has no deltas. */
bool openai_responses_is_search(
    const struct encode *e, const struct fold_block *b);

/* Writes a content part of a message; ${text} may be empty. */
void openai_responses_part(struct jw *w, enum block_kind kind, struct str text,
    const struct fold_cited *cited);

/* The text of a call: arguments that are JSON, or what a custom tool gets. */
struct str openai_responses_arguments(
    const struct encode *e, const struct fold_block *b);

/* Writes the whole answer. */
void openai_responses_document(struct encode *e, const struct receipt *r);

#endif
