/* SPDX-License-Identifier: MIT */
/*
 * The wire formats that both sides speak: a client dialect and a provider
 * with the same value need no translation, and bytes pass unchanged.
 */
#ifndef CORE_WIRE_H
#define CORE_WIRE_H

enum wire {
	WIRE_NONE, /* a format of our own, never passed through (echo) */
	WIRE_OPENAI_CHAT,
	WIRE_OPENAI_RESPONSES,
	WIRE_ANTHROPIC,
	WIRE_GEMINI,
	WIRE_OPENAI_COMPLETIONS /* legacy, clients only */
};

/*
 * Opaque tokens on their way through a client of another format bear this in
 * front (fcgi/signature.h): what begins with it is never for a provider.
 */
#define WIRE_FOREIGN_TOKEN "sluice:"

/* How an answer is cut into pieces. */
enum framing {
	FRAMING_WHOLE, /* one JSON document */
	FRAMING_SSE,   /* text/event-stream */
	FRAMING_NONE   /* there are no bytes: events from the cache */
};

#endif
