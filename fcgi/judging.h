/* SPDX-License-Identifier: MIT */
/*
 * Judging (core/judge.h) by a responder that has little else to do: one trial
 * at a time, its calls on the event thread like all others, what blocks on a
 * worker.
 */
#ifndef FCGI_JUDGING_H
#define FCGI_JUDGING_H

#include <stdbool.h>

struct conn_pool;
struct judging;

/* judging_new(pool), judging_free(j): nothing runs yet; nothing must any
 * more.  NULL is a no-op. */
struct judging *judging_new(struct conn_pool *pool);
void judging_free(struct judging *j);

/*
 * judging_look(j):
 * Now and then: begin, if a trial is due, none is being judged here, and at
 * most a quarter of server.max_calls is in use.
 */
void judging_look(struct judging *j);

/* judging_stop(j): give back what is being judged; begin nothing new. */
void judging_stop(struct judging *j);

/* judging_busy(j): something is still under way. */
bool judging_busy(const struct judging *j);

#endif
