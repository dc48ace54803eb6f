/* SPDX-License-Identifier: MIT */
/*
 * The middle of a call whose events are not its own: it follows a flight, or
 * replays what is stored, all at once or at the configuration's pace.
 */
#ifndef CORE_CALL_FOLLOW_H
#define CORE_CALL_FOLLOW_H

#include <stdbool.h>

#include "core/error.h"

struct call;
struct call_events;
struct loop;
struct sink;

/*
 * call_follow(c, loop, out, events, arg):
 * As call_run, for a call that call_cache_serves.
 */
void call_follow(struct call *c, struct loop *loop, struct sink *out,
    const struct call_events *events, void *arg);

/*
 * call_replay(c, out):
 * All of a hit at once, without a middle; c->err tells how it went.
 */
void call_replay(struct call *c, struct sink *out);

/* call_is_paced(c): a hit whose stream takes its time. */
bool call_is_paced(const struct call *c);

/* Private to call_cache.c. */
void call_follow_resume(struct call *c);
void call_follow_cancel(struct call *c, enum error_kind kind, const char *why);

#endif
