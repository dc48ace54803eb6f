/* SPDX-License-Identifier: MIT */
/*
 * Each watch has a generation, which travels through epoll with the
 * descriptor: an event of a batch whose watch has been removed since, or
 * whose descriptor has been closed and watched anew, no longer matches.
 * Timers are a binary heap, 1-based; each knows its place.
 */
#include "core/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/mem.h"

#define BATCH 128

struct watch {
	loop_fd_fn *fn;
	void *arg;
	unsigned events;
	uint32_t generation; /* 0: not watched */
};

struct loop {
	int epoll_fd;
	uint32_t generation;   /* the last one given */
	struct watch *watches; /* by descriptor */
	size_t watches_cap;
	struct loop_timer **heap; /* [1..armed] */
	size_t armed;
	size_t heap_cap;
	int64_t now_us;
	struct loop_later *later;
};

/* Makes room for element ${at} of a zero-extended array. */
static void *
extend(void *array, size_t *cap, size_t at, size_t size)
{
	size_t want = *cap ? *cap : 64;
	char *p;

	if (at < *cap)
		return array;
	while (want <= at)
		want *= 2;
	p = mem_grow(array, want * size);
	memset(p + *cap * size, 0, (want - *cap) * size);
	*cap = want;
	return p;
}

struct loop *
loop_new(struct error *err)
{
	struct loop *l;
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0) {
		error_set(err, ERROR_INTERNAL, "epoll: %s", strerror(errno));
		return NULL;
	}
	l = mem_new(sizeof(*l));
	l->epoll_fd = fd;
	l->now_us = clock_mono_us();
	return l;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	close(l->epoll_fd);
	free(l->watches);
	free(l->heap);
	free(l);
}

static struct watch *
watch_of(const struct loop *l, int fd)
{
	if (fd < 0 || (size_t)fd >= l->watches_cap)
		return NULL;
	return l->watches[fd].generation ? &l->watches[fd] : NULL;
}

static int
control(const struct loop *l, int op, int fd, const struct watch *w)
{
	struct epoll_event ev = { .events = w->events };

	ev.data.u64 = (uint64_t)w->generation << 32 | (uint32_t)fd;
	return epoll_ctl(l->epoll_fd, op, fd, &ev);
}

/*
 * Changes a watch in place.  An exclusive one cannot be changed, and one
 * whose descriptor was closed is gone: -1 then, and it must be added anew.
 */
static int
rewatch(const struct loop *l, int fd, const struct watch *w, unsigned old)
{
	if (((w->events | old) & EPOLLEXCLUSIVE) == 0)
		return control(l, EPOLL_CTL_MOD, fd, w);
	control(l, EPOLL_CTL_DEL, fd, w);
	return -1;
}

int
loop_watch(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *arg)
{
	struct watch *w = watch_of(l, fd);
	struct watch want = { fn, arg, events, 0 };

	if (fd < 0) {
		errno = EBADF;
		return -1;
	}
	if (w != NULL) {
		want.generation = w->generation;
		if (rewatch(l, fd, &want, w->events) == 0) {
			*w = want;
			return 0;
		}
	}
	l->watches =
	    extend(l->watches, &l->watches_cap, (size_t)fd, sizeof(*w));
	w = &l->watches[fd];
	w->generation = 0;
	if (++l->generation == 0)
		l->generation = 1;
	want.generation = l->generation;
	if (control(l, EPOLL_CTL_ADD, fd, &want) != 0)
		return -1;
	*w = want;
	return 0;
}

void
loop_unwatch(struct loop *l, int fd)
{
	struct watch *w = watch_of(l, fd);

	if (w == NULL)
		return;
	control(l, EPOLL_CTL_DEL, fd, w);
	w->generation = 0;
}

static void
put_at(struct loop *l, size_t place, struct loop_timer *t)
{
	l->heap[place] = t;
	t->place = place;
}

/* Finds the place of ${t} upwards, then downwards, from the hole ${i}. */
static void
sift(struct loop *l, size_t i, struct loop_timer *t)
{
	size_t child;

	for (; i > 1 && t->due_us < l->heap[i / 2]->due_us; i /= 2)
		put_at(l, i, l->heap[i / 2]);
	for (; (child = 2 * i) <= l->armed; i = child) {
		if (child < l->armed &&
		    l->heap[child + 1]->due_us < l->heap[child]->due_us)
			child++;
		if (l->heap[child]->due_us >= t->due_us)
			break;
		put_at(l, i, l->heap[child]);
	}
	put_at(l, i, t);
}

void
loop_timer_set(struct loop *l, struct loop_timer *t, int64_t due_us)
{
	size_t place = t->place;

	/* Never due in this turn: one that sets itself must not trap it. */
	t->due_us = due_us > l->now_us ? due_us : l->now_us + 1;
	if (place == 0) {
		l->heap = extend(l->heap, &l->heap_cap, l->armed + 1,
		    sizeof(struct loop_timer *));
		place = ++l->armed;
	}
	sift(l, place, t);
}

void
loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	struct loop_timer *last;
	size_t place = t->place;

	if (place == 0)
		return;
	t->place = 0;
	last = l->heap[l->armed--];
	if (last != t)
		sift(l, place, last);
}

void
loop_later(struct loop *l, struct loop_later *w)
{
	if (w->waits)
		return;
	w->waits = true;
	w->next = l->later;
	l->later = w;
}

void
loop_later_stop(struct loop *l, struct loop_later *w)
{
	struct loop_later **at = &l->later;

	if (!w->waits)
		return;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->waits = false;
}

static void
run_later(struct loop *l)
{
	struct loop_later *w;

	while ((w = l->later) != NULL) {
		loop_later_stop(l, w);
		w->fn(w->arg);
	}
}

int64_t
loop_now_us(const struct loop *l)
{
	return l->now_us;
}

/*
 * Milliseconds for epoll, rounded up so that a timer is due on waking; but
 * not from the one microsecond by which loop_timer_set puts off its timers.
 */
static int
wait_ms(const struct loop *l, int64_t max_wait_us)
{
	int64_t us = max_wait_us, left;

	if (l->armed > 0) {
		left = l->heap[1]->due_us - clock_mono_us() - 1;
		left = left > 0 ? left : 0;
		us = us < 0 || left < us ? left : us;
	}
	if (us < 0)
		return -1;
	return us / 1000 < INT_MAX ? (int)((us + 999) / 1000) : INT_MAX;
}

static void
dispatch(const struct loop *l, const struct epoll_event *ev)
{
	int fd = (int)(uint32_t)ev->data.u64;
	struct watch *w = watch_of(l, fd);
	unsigned events = ev->events;

	if (w == NULL || w->generation != ev->data.u64 >> 32)
		return;
	events &= w->events | EPOLLHUP | EPOLLERR;
	if (events != 0)
		w->fn(w->arg, fd, events);
}

void
loop_turn(struct loop *l, int64_t max_wait_us)
{
	struct epoll_event batch[BATCH];
	struct loop_timer *t;
	int i, n;

	n = epoll_wait(l->epoll_fd, batch, BATCH, wait_ms(l, max_wait_us));
	l->now_us = clock_mono_us();
	for (i = 0; i < n; i++) {
		dispatch(l, &batch[i]);
		run_later(l);
	}
	while (l->armed > 0 && (t = l->heap[1])->due_us <= l->now_us) {
		loop_timer_stop(l, t);
		t->fn(t->arg);
		run_later(l);
	}
}
