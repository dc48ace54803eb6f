/* SPDX-License-Identifier: MIT */
/*
 * How many tokens a text will be, without a tokenizer: one pass that counts
 * words by length, digits, punctuation, blanks and other scripts, weighed by
 * vendor.  Good to about 15 % for prose, code and JSON; made for routing and
 * reservations, never for a bill.
 *
 * Weights were fitted to recorded usages.  Images and documents follow the
 * vendors' published rules:
 *	OpenAI	85 + 170 per 512 px tile, low detail 85; for gpt-4o-mini
 *		2833 + 5667 (newer small models take less)  (Images and vision)
 *	Claude	width x height / 750, at most about 1,600	(Vision)
 *	Gemini	258, or 258 per 768 px tile			(Tokens)
 * of the size that the file says (image_size.h), else of 1024 x 1024.  A page of a PDF (60 kB)
 * counts 1,500 as text and an image (Claude, OpenAI), 258 at Gemini; a second
 * of audio (16 kB) 32 at Gemini, 10 elsewhere.
 */
#ifndef CORE_TOKENS_H
#define CORE_TOKENS_H

#include <stdint.h>

#include "core/str.h"
#include "core/wire.h"

struct chat;

enum tokens_family {
	TOKENS_OPENAI,      /* and whoever is not known better */
	TOKENS_GPT_5,       /* adds more around tools */
	TOKENS_GPT_4O_MINI, /* counts images by the thousand */
	TOKENS_GPT_OSS,     /* these have a system prompt of their own */
	TOKENS_GROK,
	TOKENS_LLAMA_3,
	TOKENS_DEEPSEEK, /* adds more around tools */
	TOKENS_DEEPSEEK_4,
	TOKENS_GLM, /* adds more around tools */
	TOKENS_CLAUDE,
	TOKENS_CLAUDE_5, /* its tokenizer makes more of the same text */
	TOKENS_GEMINI,
	TOKENS_FAMILIES
};

/*
 * tokens_family(wire, model):
 * Returns  whose tokenizer ${model} most likely has.
 */
enum tokens_family tokens_family(enum wire wire, struct str model);

/* tokens_text(f, text): the estimate for plain text. */
int64_t tokens_text(enum tokens_family f, struct str text);

/*
 * tokens_chat(f, chat):
 * The input of a whole request: messages, tools, schemas, images, documents
 * and what the vendor adds around them.
 */
int64_t tokens_chat(enum tokens_family f, const struct chat *chat);

#endif
