/* SPDX-License-Identifier: MIT */
/*
 * The sink that keeps the commit point (design §8): events are held back
 * until the first content (text, thinking, refusal, a tool call), so that an
 * answer that fails before it can still become an honest HTTP status.  With
 * content, or beyond GATE_MAX_EVENTS / GATE_MAX_BYTES, the gate opens: what
 * was held goes on, and everything after it passes at once.  Where to is
 * asked at that moment, because several attempts may race for it.  Pings, and
 * whatever else is a frame without data (a web page instead of a stream is
 * full of them), do not open it: what is beyond half the room is dropped.
 */
#ifndef CORE_GATE_H
#define CORE_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/sink.h"

struct arena;
struct event;
struct held;

#define GATE_MAX_EVENTS 64
#define GATE_MAX_BYTES  (256u << 10)

struct gate {
	struct sink sink;
	struct sink *next;
	bool open;
	bool after_ping; /* its frame comes next */
	/* Not NULL: gives next when the gate is to open; NULL: it must not. */
	struct sink *(*commit)(void *arg, struct error *err);
	void *arg;
	struct arena *arena; /* where held events are copied to */
	struct held *held, **tail;
	size_t events, bytes;
};

/* gate_init(g, a, next): a closed gate before ${next}. */
void gate_init(struct gate *g, struct arena *a, struct sink *next);

/*
 * gate_open(g, err):
 * Let everything through: an answer without content is complete.
 *
 * Returns  0, or -1 with what commit or the next sink set.
 */
int gate_open(struct gate *g, struct error *err)
    __attribute__((warn_unused_result));

/* event_is_content(ev): does ${ev} commit us to this answer? */
bool event_is_content(const struct event *ev);

#endif
