/* SPDX-License-Identifier: MIT */
/*
 * The sink that measures: usage, model as returned, when the first content
 * came, how much there was of it.  One accumulator for streams and whole
 * answers alike.
 */
#ifndef CORE_METER_H
#define CORE_METER_H

#include <stdint.h>

#include "core/event.h"
#include "core/sink.h"

struct arena;

struct meter {
	struct sink sink;
	struct sink *next;
	int64_t first_content_us; /* monotonic; 0: none yet */
	int64_t content_bytes;    /* of words; vectors are none */
	enum stop_reason stop;    /* STOP_NONE until the model ended */
	struct str model;         /* of START; absent before */
	struct usage usage;       /* the last one reported */
	struct arena *arena;      /* where model is copied to */
};

/* meter_init(m, a, next): a fresh meter before ${next}. */
void meter_init(struct meter *m, struct arena *a, struct sink *next);

/*
 * meter_estimate(m, input, least_output):
 * Fill in what the provider did not report, for an answer that was left
 * early: ${input} tokens where none was reported; as output the content seen
 * (4 bytes count as a token) or ${least_output} tokens, if that is more.
 */
void meter_estimate(struct meter *m, int64_t input, int64_t least_output);

#endif
