/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/error.h"
#include "core/loop.h"
#include "tests/unit/unit.h"

#define TIMERS 500

static struct loop *loop;

static int
setup(void **state)
{
	struct error err = { 0 };

	(void)state;
	loop = loop_new(&err);
	return loop == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

/* A descriptor that is readable at once, and what its callback saw. */
struct source {
	int fd;
	int calls;
	unsigned events;
	struct source *victim; /* the callback removes this watch ... */
	bool again;            /* ... and watches its descriptor anew */
};

static void source_fired(void *arg, int fd, unsigned events);

static int
watch(struct source *s, unsigned events)
{
	return loop_watch(loop, s->fd, events, source_fired, s);
}

static void
source_open(struct source *s)
{
	*s = (struct source){ .fd = eventfd(1, EFD_NONBLOCK) };
	assert_true(s->fd >= 0);
	assert_int_equal(watch(s, EPOLLIN), 0);
}

static void
source_fired(void *arg, int fd, unsigned events)
{
	struct source *s = arg;

	assert_int_equal(fd, s->fd);
	s->calls++;
	s->events |= events;
	if (s->victim == NULL)
		return;
	loop_unwatch(loop, s->victim->fd);
	if (s->again)
		watch(s->victim, EPOLLIN);
}

static void
a_readable_descriptor_is_reported_each_turn(void **state)
{
	struct source s;

	(void)state;
	source_open(&s);
	loop_turn(loop, 0);
	loop_turn(loop, -1);
	assert_int_equal(s.calls, 2);
	assert_int_equal(s.events, EPOLLIN);
	loop_unwatch(loop, s.fd);
	loop_unwatch(loop, s.fd);
	loop_turn(loop, 0);
	assert_int_equal(s.calls, 2);
	close(s.fd);
}

static void
watching_again_changes_the_events(void **state)
{
	struct source s;

	(void)state;
	source_open(&s);
	assert_int_equal(watch(&s, EPOLLOUT), 0);
	loop_turn(loop, 0);
	assert_int_equal(s.events, EPOLLOUT);
	assert_int_equal(watch(&s, EPOLLIN | EPOLLEXCLUSIVE), 0);
	s.events = 0;
	loop_turn(loop, 0);
	assert_int_equal(s.events, EPOLLIN);
	assert_int_equal(watch(&s, 0), 0);
	loop_turn(loop, 0);
	assert_int_equal(s.calls, 2);
	close(s.fd);
}

static void
what_cannot_be_watched_is_an_error(void **state)
{
	struct source s = { .fd = -1 };

	(void)state;
	assert_int_equal(watch(&s, EPOLLIN), -1);
	assert_int_equal(errno, EBADF);
	s.fd = 1000;
	assert_int_equal(watch(&s, EPOLLIN), -1);
	assert_int_equal(errno, EBADF);
	loop_unwatch(loop, -1);
	loop_unwatch(loop, 1 << 20);
}

/* Both are ready; whichever comes first removes the other's watch. */
static void
a_watch_removed_in_the_same_batch_is_not_called(void **state)
{
	struct source a, b;

	(void)state;
	source_open(&a);
	source_open(&b);
	a.victim = &b;
	b.victim = &a;
	loop_turn(loop, 0);
	assert_int_equal(a.calls + b.calls, 1);
	close(a.fd);
	close(b.fd);
}

static void
a_watch_made_anew_is_not_called_for_the_old_event(void **state)
{
	struct source a, b;

	(void)state;
	source_open(&a);
	source_open(&b);
	a.victim = &b;
	b.victim = &a;
	a.again = b.again = true;
	loop_turn(loop, 0);
	assert_int_equal(a.calls + b.calls, 1);
	a.victim = b.victim = NULL;
	loop_turn(loop, 0);
	assert_int_equal(a.calls + b.calls, 3);
	close(a.fd);
	close(b.fd);
}

static void
a_watch_may_remove_itself(void **state)
{
	struct source s;

	(void)state;
	source_open(&s);
	s.victim = &s;
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	assert_int_equal(s.calls, 1);
	close(s.fd);
}

static void
a_closed_descriptor_number_can_be_watched_again(void **state)
{
	struct source a, b;

	(void)state;
	source_open(&a);
	close(a.fd);
	source_open(&b);
	assert_int_equal(a.fd, b.fd);
	loop_turn(loop, 0);
	assert_int_equal(a.calls, 0);
	assert_int_equal(b.calls, 1);
	close(b.fd);
}

static void
hang_up_counts_without_being_asked_for(void **state)
{
	struct source s = { 0 };
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	s.fd = ends[0];
	assert_int_equal(watch(&s, 0), 0);
	close(ends[1]);
	loop_turn(loop, 0);
	assert_int_equal(s.events, EPOLLHUP);
	close(ends[0]);
}

/* Timers that note the order in which they fire. */
struct alarm {
	struct loop_timer timer;
	struct alarm *stop; /* its callback stops this one */
	bool repeat;
	int calls;
};

static struct alarm *fired[TIMERS];
static size_t n_fired;

static void
alarm_fired(void *arg)
{
	struct alarm *al = arg;

	al->calls++;
	if (n_fired < TIMERS)
		fired[n_fired++] = al;
	if (al->stop != NULL)
		loop_timer_stop(loop, &al->stop->timer);
	if (al->repeat)
		loop_timer_set(loop, &al->timer, 0);
}

static void
alarm_set(struct alarm *al, int64_t after_us)
{
	al->timer.fn = alarm_fired;
	al->timer.arg = al;
	loop_timer_set(loop, &al->timer, loop_now_us(loop) + after_us);
}

/* Turns until nothing is armed that is due within ${us}. */
static void
turn_for(int64_t us)
{
	int64_t end = loop_now_us(loop) + us;

	while (loop_now_us(loop) < end)
		loop_turn(loop, end - loop_now_us(loop));
}

static void
timers_fire_once_in_the_order_of_their_times(void **state)
{
	struct alarm *all = calloc(TIMERS, sizeof(*all));
	unsigned short seed[3] = { 1, 2, 3 };
	size_t i, left = 0;

	(void)state;
	n_fired = 0;
	for (i = 0; i < TIMERS; i++)
		alarm_set(&all[i], nrand48(seed) % 5000);
	for (i = 0; i < TIMERS; i += 3) /* move some */
		alarm_set(&all[i], nrand48(seed) % 5000);
	for (i = 0; i < TIMERS; i += 5) /* stop some, twice */
		loop_timer_stop(loop, &all[i].timer);
	for (i = 0; i < TIMERS; i += 5)
		loop_timer_stop(loop, &all[i].timer);
	turn_for(6000);
	for (i = 0; i < TIMERS; i++) {
		assert_int_equal(all[i].calls, i % 5 != 0);
		assert_int_equal(all[i].timer.place, 0);
		left += i % 5 != 0;
	}
	assert_int_equal(n_fired, left);
	for (i = 1; i < n_fired; i++)
		assert_true(
		    fired[i - 1]->timer.due_us <= fired[i]->timer.due_us);
	free(all);
}

static void
a_timer_stopped_by_another_callback_does_not_fire(void **state)
{
	struct alarm a = { 0 }, b = { 0 };

	(void)state;
	a.stop = &b;
	b.stop = &a;
	alarm_set(&a, 1);
	alarm_set(&b, 1);
	turn_for(1000);
	assert_int_equal(a.calls + b.calls, 1);
}

static void
a_timer_that_sets_itself_traps_nobody(void **state)
{
	struct alarm greedy = { .repeat = true }, meek = { 0 };
	struct source s;
	int turns;

	(void)state;
	source_open(&s);
	alarm_set(&greedy, 0);
	alarm_set(&meek, 10);
	for (turns = 0; turns < 10; turns++)
		loop_turn(loop, -1);
	turn_for(1000);
	assert_true(s.calls >= 10);
	assert_int_equal(meek.calls, 1);
	loop_timer_stop(loop, &greedy.timer);
	close(s.fd);
}

static void
a_timer_is_never_early(void **state)
{
	struct alarm al = { 0 };
	int64_t due;

	(void)state;
	alarm_set(&al, 1500);
	due = al.timer.due_us;
	while (al.calls == 0)
		loop_turn(loop, -1);
	assert_true(loop_now_us(loop) >= due);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* A source whose callback puts work off twice, and how often that ran. */
struct putter {
	struct loop_later work;
	int fd, calls, ran;
	int behind; /* calls that the work came after, at its last run */
};

static int all_calls;

static void
putter_works(void *arg)
{
	struct putter *p = arg;

	p->ran++;
	p->behind = all_calls;
}

static void
putter_fired(void *arg, int fd, unsigned events)
{
	struct putter *p = arg;

	(void)events;
	assert_int_equal(fd, p->fd);
	all_calls++;
	p->calls++;
	loop_later(loop, &p->work);
	loop_later(loop, &p->work);
	if (p->calls == 2)
		loop_later_stop(loop, &p->work);
}

static void
what_is_put_off_runs_once_after_its_callback(void **state)
{
	struct putter p[2];
	int i;

	(void)state;
	all_calls = 0;
	for (i = 0; i < 2; i++) {
		p[i] = (struct putter){ .fd = eventfd(1, EFD_NONBLOCK) };
		p[i].work.fn = putter_works;
		p[i].work.arg = &p[i];
		assert_int_equal(
		    loop_watch(loop, p[i].fd, EPOLLIN, putter_fired, &p[i]), 0);
	}
	loop_turn(loop, 0);
	assert_int_equal(p[0].ran, 1);
	assert_int_equal(p[1].ran, 1);
	/* Before the next callback of the same turn. */
	assert_int_equal(p[0].behind + p[1].behind, 3);
	loop_turn(loop, 0);
	assert_int_equal(p[0].ran + p[1].ran, 2);
	for (i = 0; i < 2; i++) {
		loop_unwatch(loop, p[i].fd);
		close(p[i].fd);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_readable_descriptor_is_reported_each_turn),
		TEST(watching_again_changes_the_events),
		TEST(what_cannot_be_watched_is_an_error),
		TEST(a_watch_removed_in_the_same_batch_is_not_called),
		TEST(a_watch_made_anew_is_not_called_for_the_old_event),
		TEST(a_watch_may_remove_itself),
		TEST(a_closed_descriptor_number_can_be_watched_again),
		TEST(hang_up_counts_without_being_asked_for),
		TEST(timers_fire_once_in_the_order_of_their_times),
		TEST(a_timer_stopped_by_another_callback_does_not_fire),
		TEST(a_timer_that_sets_itself_traps_nobody),
		TEST(a_timer_is_never_early),
		TEST(what_is_put_off_runs_once_after_its_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
