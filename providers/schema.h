/* SPDX-License-Identifier: MIT */
/*
 * JSON Schemas as each provider takes them.  Claude's constrained output
 * knows a part of JSON Schema: keywords beyond it go, in words, to the
 * description of what they constrain, where the model reads them; oneOf
 * becomes anyOf, and objects are closed.  Gemini lacks const, which becomes
 * an enum of one.
 *
 * Source   wire.md §3.4, §4.1.
 */
#ifndef PROVIDERS_SCHEMA_H
#define PROVIDERS_SCHEMA_H

#include "core/chat.h"
#include "core/str.h"
#include "core/wire.h"

struct arena;

/*
 * schema_for(a, chat, text, wire, where):
 * Returns  the schema ${text} for constrained output of ${wire}, in ${a};
 *          ${text} itself where nothing need be done, or if it is no object.
 *          A constraint that is only words now is lost as
 *          "${where}.KEYWORD".
 */
struct str schema_for(struct arena *a, struct chat *chat, struct str text,
    enum wire wire, const char *where);

/*
 * schema_is_strict(a, chat, text, where):
 * OpenAI answers 400 to a strict schema with a property that is not required,
 * with an open object or with some keywords, which Claude's may have.
 *
 * Returns  whether ${text} may be strict there; if not, "${where}.strict" is
 *          lost.
 * Source   OpenAI docs, "Structured outputs", supported schemas.
 */
bool schema_is_strict(
    struct arena *a, struct chat *chat, struct str text, const char *where);

#endif
