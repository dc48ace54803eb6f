/* SPDX-License-Identifier: MIT */
/* Private to grammar*.c: what the checkers of the formats share. */
#ifndef CORE_GRAMMAR_PARTS_H
#define CORE_GRAMMAR_PARTS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/buf.h"
#include "core/jtext.h"
#include "core/str.h"

struct arena;

struct grammar {
	struct arena *arena;
	char *why;
	size_t why_n;
	long frames;
	bool started, finished, ended; /* ended: nothing may follow */
	bool has_usage;
	struct str id;    /* the first one, raw; Responses: of the open item */
	struct buf *args; /* of the open tool call; Responses: any text */
	bool in_call;
	bool odd_args;    /* of some call: what the model said, not who wrote */
	int64_t calls;    /* OpenAI: seen so far */
	int64_t index;    /* Anthropic: of the open or next block */
	struct str block; /* Anthropic: type of the open block, raw */
	/* Responses */
	int64_t sequence; /* of the next event */
	struct str item;  /* type of the open item, raw; absent: none */
	bool in_part;     /* a content or summary part is open */
	bool closed;      /* .done of its text has come */
	bool failed;      /* response.failed: error may follow */
};

static inline int bad(struct grammar *g, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline int
bad(struct grammar *g, const char *fmt, ...)
{
	va_list ap;
	int n;

	n = snprintf(g->why, g->why_n, "frame %ld: ", g->frames);
	va_start(ap, fmt);
	vsnprintf(g->why + n, g->why_n - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

/* Arguments that are no object: note the first, and go on. */
static inline int
bad_args(struct grammar *g, struct str args)
{
	if (!g->odd_args)
		(void)bad(g, "arguments are no object: %.60s", args.p);
	g->odd_args = true;
	return 0;
}

static inline struct str
get(struct str doc, const char *path)
{
	struct str value;

	return jtext_get(doc, path, &value) ? value : STR_NONE;
}

/* There, and not null. */
static inline bool
has(struct str doc, const char *path)
{
	struct str value = get(doc, path);

	return value.p != NULL && !str_is(value, "null");
}

static inline bool
is(struct str doc, const char *path, const char *raw)
{
	return str_is(get(doc, path), raw);
}

/* One event of a Responses stream; ${event} is its name. */
int grammar_response(struct grammar *g, struct str event, struct str doc);

#endif
