/* SPDX-License-Identifier: MIT */
/* Single flight, in this process and over several. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/flight.h"
#include "core/loop.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define PROCESSES 16
#define ROUNDS    20

static const unsigned char key[CACHE_KEY] = { 1, 2, 3 };

struct fixture {
	struct scratch scratch;
	struct arena *arena;
	struct flights *fl;
	struct loop *loop;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = { 0 };

	scratch_make(&f->scratch);
	f->arena = arena_new(1 << 28);
	f->fl = flights_new(str_of(f->scratch.dir));
	f->loop = loop_new(&err);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	loop_free(f->loop);
	flights_free(f->fl);
	scratch_drop(&f->scratch);
	free(f);
	return 0;
}

static void
name_file(const struct fixture *f, char path[4200])
{
	int i, n = snprintf(path, 4200, "%s/flight/", f->scratch.dir);

	for (i = 0; i < CACHE_KEY; i++)
		n += snprintf(path + n, 3, "%02x", key[i]);
}

/* Is there a file of a flight? */
static bool
has_file(const struct fixture *f)
{
	char path[4200];

	name_file(f, path);
	return access(path, F_OK) == 0;
}

static void
on_woken(void *arg)
{
	bool *woken = arg;

	*woken = true;
}

/* What follows, once there is any. */
static enum flight_news
wait_for(struct fixture *f, struct flight *fo, bool *woken, struct buf *out)
{
	int64_t until_us = clock_mono_us() + 5000000;
	enum flight_news news;

	do {
		*woken = false;
		news = flight_read(fo, out);
		while (news == FLIGHT_SILENT && !*woken &&
		    clock_mono_us() < until_us)
			loop_turn(f->loop, 100000);
	} while (news == FLIGHT_SILENT && *woken);
	return news;
}

static void
the_first_leads_and_others_follow_from_the_beginning(void **state)
{
	struct fixture *f = *state;
	struct flight *leader = flight_join(f->fl, f->arena, key);
	struct buf *one = buf_new(f->arena, 1 << 20), *two;
	struct flight *a, *b;
	bool woken_a = false, woken_b = false;

	two = buf_new(f->arena, 1 << 20);
	assert_true(flight_leads(leader));
	assert_false(flight_followed(leader));
	flight_write(leader, STR("one,"));
	a = flight_join(f->fl, f->arena, key);
	assert_false(flight_leads(a));
	assert_true(flight_followed(leader));
	flight_watch(a, f->loop, on_woken, &woken_a);
	assert_int_equal(wait_for(f, a, &woken_a, one), FLIGHT_BYTES);
	assert_int_equal(flight_read(a, one), FLIGHT_SILENT);
	flight_write(leader, STR("two,"));
	b = flight_join(f->fl, f->arena, key);
	flight_watch(b, f->loop, on_woken, &woken_b);
	assert_int_equal(wait_for(f, a, &woken_a, one), FLIGHT_BYTES);
	flight_write(leader, STR("end"));
	flight_leave(leader, true);
	assert_false(has_file(f));
	assert_int_equal(wait_for(f, a, &woken_a, one), FLIGHT_BYTES);
	assert_int_equal(wait_for(f, b, &woken_b, two), FLIGHT_BYTES);
	assert_string_equal(one->p, "one,two,end");
	assert_string_equal(two->p, "one,two,end");
	assert_int_equal(flight_read(b, two), FLIGHT_DEAD);
}

static void
another_key_is_another_flight(void **state)
{
	static const unsigned char other[CACHE_KEY] = { 1, 2, 4 };
	struct fixture *f = *state;

	assert_true(flight_leads(flight_join(f->fl, f->arena, key)));
	assert_true(flight_leads(flight_join(f->fl, f->arena, other)));
}

/* A process that leads, writes, and waits to be killed. */
static pid_t
lead_elsewhere(struct fixture *f, const char *text)
{
	struct flight *leader;
	pid_t pid;
	int up[2];
	char c;

	assert_int_equal(pipe(up), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		leader = flight_join(f->fl, f->arena, key);
		if (!flight_leads(leader))
			_exit(1);
		flight_write(leader, str_of(text));
		(void)!write(up[1], "x", 1);
		for (;;)
			pause();
	}
	close(up[1]);
	assert_int_equal(read(up[0], &c, 1), 1);
	close(up[0]);
	return pid;
}

static void
when_the_leader_is_killed_one_follower_begins_anew(void **state)
{
	struct fixture *f = *state;
	pid_t pid = lead_elsewhere(f, "half");
	struct flight *a = flight_join(f->fl, f->arena, key), *b, *next;
	struct buf *got = buf_new(f->arena, 1 << 20);
	bool woken = false, woken_b = false;
	int64_t killed_us;

	b = flight_join(f->fl, f->arena, key);
	assert_false(flight_leads(a));
	flight_watch(a, f->loop, on_woken, &woken);
	flight_watch(b, f->loop, on_woken, &woken_b);
	assert_int_equal(wait_for(f, a, &woken, got), FLIGHT_BYTES);
	assert_int_equal(wait_for(f, b, &woken_b, got), FLIGHT_BYTES);
	assert_string_equal(got->p, "halfhalf");
	kill(pid, SIGKILL);
	killed_us = clock_mono_us();
	assert_int_equal(wait_for(f, a, &woken, got), FLIGHT_DEAD);
	assert_true(clock_mono_us() - killed_us < 1000000);
	waitpid(pid, NULL, 0);
	flight_leave(a, false);
	next = flight_join(f->fl, f->arena, key);
	assert_true(flight_leads(next));
	flight_write(next, STR("whole"));
	buf_reset(got);
	assert_int_equal(wait_for(f, b, &woken_b, got), FLIGHT_AGAIN);
	assert_int_equal(wait_for(f, b, &woken_b, got), FLIGHT_BYTES);
	assert_string_equal(got->p, "whole");
	flight_leave(next, true);
}

/* Children that all join at once: the mask of who leads is shared memory. */
static unsigned
leaders_of_a_crowd(struct fixture *f)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	_Atomic unsigned *shared = page;
	struct flight *mine;
	unsigned leaders;
	int i, status;

	for (i = 0; i < PROCESSES; i++) {
		if (fork() != 0)
			continue;
		shared[1]++;
		while (shared[1] < PROCESSES)
			sched_yield();
		mine = flight_join(f->fl, f->arena, key);
		shared[0] += mine != NULL && flight_leads(mine);
		shared[2]++;
		while (shared[2] < PROCESSES) /* nobody leaves before */
			sched_yield();
		_exit(mine == NULL);
	}
	for (i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	leaders = shared[0];
	munmap(page, 4096);
	return leaders;
}

static void
of_many_processes_one_leads(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < ROUNDS; i++)
		assert_int_equal(leaders_of_a_crowd(f), 1);
}

static void
a_leader_that_gives_up_alone_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct flight *leader = flight_join(f->fl, f->arena, key);

	assert_true(has_file(f));
	flight_leave(leader, false);
	assert_false(has_file(f));
	flight_leave(leader, false);
	flight_write(leader, STR("too late"));
	flight_leave(NULL, true);
}

static void
too_much_is_not_shared(void **state)
{
	struct fixture *f = *state;
	struct flight *leader = flight_join(f->fl, f->arena, key);
	struct flight *a = flight_join(f->fl, f->arena, key);
	struct buf *got = buf_new(f->arena, (size_t)FLIGHT_MAX_BYTES * 2);
	size_t n = (size_t)FLIGHT_MAX_BYTES / 2 + 1;
	struct str half = { .p = arena_alloc(f->arena, n), .n = n };
	bool woken = false;

	flight_watch(a, f->loop, on_woken, &woken);
	flight_write(leader, half);
	assert_int_equal(flight_bytes(leader), n);
	flight_write(leader, half);
	assert_false(flight_leads(leader));
	while (wait_for(f, a, &woken, got) == FLIGHT_BYTES)
		;
	assert_int_equal(got->n, n);
	assert_int_equal(flight_read(a, got), FLIGHT_DEAD);
}

static void
runs_that_die_again_and_again_fill_no_disk(void **state)
{
	struct fixture *f = *state;
	struct flight *watcher = NULL, *leader;
	struct arena *a;
	int i;

	for (i = 0; i < 100; i++) {
		a = arena_new(1 << 20);
		leader = flight_join(f->fl, a, key);
		assert_true(flight_leads(leader));
		flight_leave(watcher, false);
		watcher = flight_join(f->fl, f->arena, key);
		assert_false(flight_leads(watcher));
		flight_write(leader, STR("dead"));
		arena_free(a);
	}
	assert_int_equal(
	    flight_read(watcher, buf_new(f->arena, 1 << 20)), FLIGHT_BYTES);
}

/* What another process does that looks now. */
static void
sweep_elsewhere(const struct fixture *f)
{
	struct flights *other = flights_new(str_of(f->scratch.dir));

	flights_sweep(other);
	flights_free(other);
}

static void
what_a_dead_leader_has_left_goes_when_somebody_looks(void **state)
{
	struct fixture *f = *state;
	pid_t pid = lead_elsewhere(f, "half");

	sweep_elsewhere(f);
	assert_true(has_file(f));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	sweep_elsewhere(f);
	assert_false(has_file(f));
}

static void
a_join_looks_too(void **state)
{
	static const unsigned char other[CACHE_KEY] = { 1, 2, 4 };
	struct fixture *f = *state;
	pid_t pid = lead_elsewhere(f, "half");

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(flight_leads(flight_join(f->fl, f->arena, other)));
	assert_false(has_file(f));
}

static void
what_somebody_follows_stays_for_him_to_go_on_with(void **state)
{
	struct fixture *f = *state;
	pid_t pid = lead_elsewhere(f, "half");
	struct flight *a = flight_join(f->fl, f->arena, key);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	sweep_elsewhere(f);
	assert_true(has_file(f));
	flight_leave(a, false);
	sweep_elsewhere(f);
	assert_false(has_file(f));
}

static void
a_file_that_is_no_flight_is_replaced(void **state)
{
	static const char text[] = "some text that nobody has written";
	struct fixture *f = *state;
	char path[4200];
	int fd;

	flights_sweep(f->fl); /* from now on it looks no more */
	name_file(f, path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	close(fd);
	assert_true(flight_leads(flight_join(f->fl, f->arena, key)));
}

static void
without_a_folder_everybody_goes_alone(void **state)
{
	struct fixture *f = *state;
	struct flights *fl = flights_new(STR("/proc/nowhere"));

	assert_null(flight_join(fl, f->arena, key));
	flights_free(fl);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_leads_and_others_follow_from_the_beginning),
		TEST(another_key_is_another_flight),
		TEST(when_the_leader_is_killed_one_follower_begins_anew),
		TEST(of_many_processes_one_leads),
		TEST(a_leader_that_gives_up_alone_leaves_nothing),
		TEST(too_much_is_not_shared),
		TEST(runs_that_die_again_and_again_fill_no_disk),
		TEST(what_a_dead_leader_has_left_goes_when_somebody_looks),
		TEST(a_join_looks_too),
		TEST(what_somebody_follows_stays_for_him_to_go_on_with),
		TEST(a_file_that_is_no_flight_is_replaced),
		TEST(without_a_folder_everybody_goes_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
