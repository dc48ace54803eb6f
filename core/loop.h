/* SPDX-License-Identifier: MIT */
/*
 * The event loop: epoll and timers for one thread.  Callbacks run from
 * loop_turn only.  A watch or timer may be removed from inside any callback,
 * its own included; a callback of a removed watch is never called.
 */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct loop;

typedef void loop_fd_fn(void *arg, int fd, unsigned events);
typedef void loop_timer_fn(void *arg);

/* A timer; the owner keeps the memory until it has fired or is stopped. */
struct loop_timer {
	int64_t due_us; /* monotonic */
	loop_timer_fn *fn;
	void *arg;
	size_t place; /* 0: not armed; else its place in the heap */
};

/* Work put off; the owner keeps the memory until it has run or is stopped. */
struct loop_later {
	loop_timer_fn *fn;
	void *arg;
	struct loop_later *next; /* private */
	bool waits;              /* private */
};

/*
 * loop_new(err), loop_free(l):
 * Returns  the loop, or NULL: ERROR_INTERNAL.
 */
struct loop *loop_new(struct error *err);
void loop_free(struct loop *l);

/*
 * loop_watch(l, fd, events, fn, arg):
 * Call ${fn} with ${fd} when that has one of ${events} (EPOLLIN, EPOLLOUT,
 * EPOLLRDHUP, also EPOLLEXCLUSIVE; HUP and ERR always count), level-triggered.
 * Watching a watched fd changes its events.
 *
 * Returns  0, or -1 with errno.
 */
int loop_watch(
    struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *arg);

/* loop_unwatch(l, fd): stop watching; a fd that is not watched is fine. */
void loop_unwatch(struct loop *l, int fd);

/*
 * loop_timer_set(l, t, due_us), loop_timer_stop(l, t):
 * Arm (or move) and disarm ${t}; fn and arg must be set.  One shot.
 */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t due_us);
void loop_timer_stop(struct loop *l, struct loop_timer *t);

/*
 * loop_later(l, w), loop_later_stop(l, w):
 * Run ${w} once, as soon as the callback under way has returned, however often
 * it is asked for until then; do not.  fn and arg must be set.
 */
void loop_later(struct loop *l, struct loop_later *w);
void loop_later_stop(struct loop *l, struct loop_later *w);

/* loop_now_us(l): the monotonic time at the start of this turn. */
int64_t loop_now_us(const struct loop *l);

/*
 * loop_turn(l, max_wait_us):
 * Wait for events or the next timer, at most ${max_wait_us} (-1: no limit),
 * and run the callbacks.
 *
 * Blocks   up to ${max_wait_us}.
 */
void loop_turn(struct loop *l, int64_t max_wait_us);

#endif
