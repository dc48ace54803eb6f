/* SPDX-License-Identifier: MIT */
/* What the files of the Anthropic Messages provider share. */
#ifndef PROVIDERS_ANTHROPIC_H
#define PROVIDERS_ANTHROPIC_H

#include "core/provider.h"

struct buf;
struct jw;

#define ANTHROPIC_VERSION "2023-06-01"

/* A request being written. */
struct anthropic_writer {
	struct arena *arena;
	struct jw *w;
	const struct target *target;
	struct chat *chat;
	struct error *err;
	struct turn *turns; /* in the order that the API insists on */
	int64_t max_tokens;
	int marks;     /* cache breakpoints written */
	int strict;    /* strict tools written */
	bool thinking; /* thinking is on */
};

/*
 * anthropic_write(a, t, ask, out, err):
 * Write the canonical request as Messages JSON to ${out}.
 *
 * Source   wire.md §3, §7, §9, §10.
 */
int anthropic_write(struct arena *a, const struct target *t, struct ask *ask,
    struct buf *out, struct error *err) __attribute__((warn_unused_result));

/*
 * anthropic_system(o), anthropic_messages(o):
 * Write the members "system" (if there are instructions) and "messages".
 *
 * Returns  0, or -1: ERROR_BAD_REQUEST for a part that the API cannot take.
 */
void anthropic_system(struct anthropic_writer *o);
int anthropic_messages(struct anthropic_writer *o)
    __attribute__((warn_unused_result));

/*
 * anthropic_thinking(o):
 * Write "thinking" as the model knows it.
 *
 * Returns  the effort that belongs in output_config; EFFORT_UNSET for none.
 */
enum effort anthropic_thinking(struct anthropic_writer *o);

/* anthropic_mark(o, mark): write cache_control unless ${mark} is none. */
void anthropic_mark(struct anthropic_writer *o, enum cache_mark mark);

/* anthropic_can(o, can): see takes.h. */
bool anthropic_can(const struct anthropic_writer *o, unsigned can);

/*
 * anthropic_cut(chat):
 * Returns  the stop strings of ${chat} from the first one that the API does
 *          not take; NULL if it takes them all.
 */
const struct name *anthropic_cut(const struct chat *chat);

/* anthropic_decoder_new: see struct provider. */
struct decoder *anthropic_decoder_new(
    struct arena *a, const struct target *t, const struct ask *ask);

#endif
