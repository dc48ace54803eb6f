/* SPDX-License-Identifier: MIT */
/*
 * A link of the chain that events pass down.  A sink is the first member of
 * the struct that implements it.  put() may keep nothing of the event: its
 * strings are valid during the call only.
 */
#ifndef CORE_SINK_H
#define CORE_SINK_H

struct error;
struct event;

struct sink {
	/* Returns 0, or -1 with the error set: the attempt has failed. */
	int (*put)(struct sink *s, const struct event *ev, struct error *err);
};

static inline int
sink_put(struct sink *s, const struct event *ev, struct error *err)
{
	return s->put(s, ev, err);
}

#endif
