/* SPDX-License-Identifier: MIT */
/* What Messages streams and documents have in common. */
#ifndef FCGI_ANTHROPIC_ANSWER_H
#define FCGI_ANTHROPIC_ANSWER_H

struct citation;
struct encode;
struct jw;
struct receipt;

/* Writes the members of `usage`; the caller opens and ends the object. */
void anthropic_usage(const struct encode *e, struct jw *w);

/* Writes the members stop_reason, stop_sequence and stop_details. */
void anthropic_stop(const struct encode *e, struct jw *w);

/* Writes the whole answer. */
void anthropic_document(struct encode *e, const struct receipt *r);

/*
 * anthropic_citation(e, w, c):
 * Write ${c} as a web search's; its token says whose it was, and goes back to
 * nobody.
 */
void anthropic_citation(
    const struct encode *e, struct jw *w, const struct citation *c);

#endif
