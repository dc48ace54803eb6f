/* SPDX-License-Identifier: MIT */
/*
 * What the estimate of tokens.h knows of models, as data: the weights of
 * their tokenizers, what their vendors write around a conversation, and how
 * they count images.  Private to tokens*.c.
 *
 * Sources   of the weights: the public tokenizers of each family over prose,
 * code, JSON and 24 languages; Claude's, which are not public, by recorded
 * usages.  Of the frames: vendors' documentation and public chat templates
 * where a row names them, else recorded usages.
 */
#ifndef CORE_TOKENS_TABLE_H
#define CORE_TOKENS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct part;

/* Of a tokenizer, in hundredths of a token. */
struct tokens_text {
	int word, letter;  /* each word; each of its letters beyond 7 */
	int digits, group; /* each so many digits; how many */
	int spaced;        /* each number behind a blank */
	int mark, marks;   /* each run of punctuation; each mark beyond 2 */
	int line, blank;   /* each run of line ends; of blanks, 2 or more */
	/* each character: Latin with accents; of two bytes; Indic and Thai;
	 * typographic; of East Asia, and emoji */
	int accent, two, south, symbol, far;
};

/* Which thoughts of earlier answers are read again. */
enum tokens_kept {
	TOKENS_KEPT_NEVER,
	TOKENS_KEPT_IN_TURN, /* those since the last message of the user */
	TOKENS_KEPT_ALWAYS
};

/* What a vendor writes around a conversation, in tokens. */
struct tokens_frame {
	int base;                 /* each request */
	int system, user, answer; /* each message */
	int thinking;             /* if thinking is asked for */
	int tools, forced;   /* if there are tools; if one must be called */
	int tool, property;  /* each; each property of its schema */
	int tool_json;       /* percent of its JSON, 0: words only */
	int call, result;    /* each */
	int schema;          /* if the answer has a JSON schema */
	int schema_property; /* each property of it */
	int schema_json;     /* percent of its JSON, 0: words only */
	bool schema_free;    /* it is not in the prompt */
	int json;            /* if the answer shall be any JSON */
	int document;        /* each that is plain text */
	enum tokens_kept kept;
	bool sealed;                   /* thoughts are in signatures only */
	int signature, unsigned_bytes; /* percent of each byte beyond these */
	bool tags;                     /* "<think>" is cut out of answers */
};

/* How an image is counted: base + cells x each, in hundredths. */
struct tokens_image {
	int base;         /* tokens */
	int side, each;   /* of a cell in pixels; its hundredths */
	int most_long;    /* it is shrunk to these sides, */
	int most_short;   /* 0: to none */
	int most_cells;   /* and to so many cells, 0: any */
	int most_high;    /* the same with detail "high", 0: as above */
	int low;          /* tokens with detail "low"; -1: of 512 pixels */
	bool whole;       /* shrunk until one side is in whole cells */
	bool crop;        /* a cell is two thirds of the short side */
	int page;         /* each page of a PDF; 0: as text and an image */
	int audio, video; /* each second */
};

struct tokens_model {
	const char *words[2]; /* stand in the model's name; NULL: any */
	int wire;             /* enum wire, or 0: any */
	const struct tokens_text *text;
	const struct tokens_frame *frame;
	const struct tokens_image *image;
};

/* tokens_table(n): all of them, ${*n}; the first that fits counts. */
const struct tokens_model *tokens_table(int *n);

/* tokens_text_cost(w, text): hundredths of a token. */
int64_t tokens_text_cost(const struct tokens_text *w, struct str text);

/* tokens_media(m, p): tokens of an image, a document or a sound. */
int64_t tokens_media(const struct tokens_image *m, const struct part *p);

#endif
