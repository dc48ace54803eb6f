/* SPDX-License-Identifier: MIT */
/*
 * How many tokens a request will be, without a tokenizer: one pass over its
 * text that counts words, digits, punctuation, blanks and other scripts, each
 * at the weight that it has in the model's tokenizer, and what the vendor
 * writes around messages, tools, schemas and thoughts (tokens_table.h).  Good
 * to 15 % for prose, code and JSON; made for routing and reservations, never
 * for a bill.
 *
 * Images and documents follow the vendors' published rules (tokens_media.c).
 * What a vendor adds by itself, such as pages that its search has found,
 * nobody can tell beforehand, and is not counted.
 */
#ifndef CORE_TOKENS_H
#define CORE_TOKENS_H

#include <stdint.h>

#include "core/str.h"
#include "core/wire.h"

struct chat;

/* Families are numbered from 0, fewer than this. */
#define TOKENS_FAMILIES 80

/*
 * tokens_family(wire, model):
 * Returns  the family of models that ${model}, asked by ${wire}, counts like.
 */
int tokens_family(enum wire wire, struct str model);

/*
 * tokens_chat(family, chat):
 * The input of a whole request: messages, tools, schemas, images, documents
 * and what the vendor adds around them.
 */
int64_t tokens_chat(int family, const struct chat *chat);

#endif
