/* SPDX-License-Identifier: MIT */
/*
 * The conversation in the order that providers insist on.  Clients send
 * histories that their own dialect tolerates and others refuse; this pass
 * makes one that all of them take:
 *
 *	- neighbouring assistant turns are one, and so are neighbouring user
 *	  turns (WIRE_OPENAI_CHAT: of the same participant);
 *	- an assistant turn with calls is followed at once by a user turn that
 *	  begins with the results of all of them, in the order of the calls,
 *	  each with the name of its call, and custom like it; a missing one
 *	  reads HISTORY_NO_RESULT; one without a call is an error;
 *	- thinking is kept only where its issuer gets it back, or where its
 *	  words are wanted.
 *
 * For WIRE_ANTHROPIC and WIRE_GEMINI moreover: empty text is dropped, a system
 * turn behind the first other turn becomes user text in <system> tags, and the
 * first turn is the user's.
 *
 * Source   wire.md §3.3, §8.3, §9.
 */
#ifndef PROVIDERS_HISTORY_H
#define PROVIDERS_HISTORY_H

#include "core/chat.h"

struct error;

#define HISTORY_NO_RESULT "[no result]"

/*
 * history_for(a, chat, wire, thoughts, out, err):
 * ${thoughts}: the words of thinking are wanted, whoever thought so.
 *
 * Returns  0 with ${*out} the turns for a provider of ${wire}, in ${a};
 *          ${chat} stays as it is but for its losses.  -1:
 *          ERROR_BAD_REQUEST naming the result without a call.
 */
int history_for(struct arena *a, struct chat *chat, enum wire wire,
    bool thoughts, struct turn **out, struct error *err)
    __attribute__((warn_unused_result));

/*
 * history_text(a, parts, sep):
 * Returns  the text and refusal parts, joined by ${sep}, in ${a}.
 */
struct str history_text(
    struct arena *a, const struct part *parts, const char *sep);

/*
 * history_document(a, part):
 * Returns  the plain text document ${part} in tags that tell it from the
 *          question around it, in ${a}.
 */
struct str history_document(struct arena *a, const struct part *part);

/* history_is_media(part): is it an image, audio, or a document of no text? */
bool history_is_media(const struct part *part);

/*
 * history_tools(a, chat):
 * Returns  the tools of ${chat}; if it has none but calls in its history,
 *          which some providers refuse, one without a schema for each name
 *          called, in ${a}.
 */
const struct tool *history_tools(struct arena *a, const struct chat *chat);

/*
 * history_lose_marks(chat, carried):
 * Lose the cache marks if there are more than the ${carried} ones.
 */
void history_lose_marks(struct chat *chat, unsigned carried);

/*
 * history_lose_prefill(chat, turns):
 * Lose what Anthropic's models would go on with, an assistant's turn at the
 * end of ${turns}: others answer it.
 */
void history_lose_prefill(struct chat *chat, const struct turn *turns);

/* history_lose_user(chat): lose the user, by the member's name there. */
void history_lose_user(struct chat *chat);

/*
 * history_refuse(part, err, why):
 * Set ERROR_BAD_REQUEST for a part that the target cannot take.
 *
 * Returns  -1.
 */
int history_refuse(const struct part *part, struct error *err, const char *why);

#endif
