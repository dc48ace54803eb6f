/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/health.h"
#include "core/shm.h"
#include "scratch.h"
#include "tests/unit/unit.h"

#define S       INT64_C(1000000)
#define T0      (1000 * S)
#define PROCS   4
#define THREADS 8

static int
setup(void **state)
{
	*state = calloc(1, sizeof(struct health));
	return *state != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	free(*state);
	return 0;
}

static void
report(struct health_target *t, enum health_result result, bool probe,
    int64_t now_us)
{
	const struct health_report r = { .result = result, .probe = probe };

	health_report(t, &r, now_us);
}

static struct health_target *
target(struct health *h)
{
	return health_find(h, STR("openai"), STR("gpt-5"));
}

static void
a_target_is_found_again_and_others_are_others(void **state)
{
	struct health_target *t = target(*state);

	assert_non_null(t);
	assert_string_equal(t->name, "openai/gpt-5");
	assert_ptr_equal(target(*state), t);
	assert_ptr_not_equal(
	    health_find(*state, STR("openai"), STR("gpt-5-mini")), t);
	assert_null(health_find(NULL, STR("a"), STR("b")));
}

/* Whoever may ask for any model shall not take everybody's breakers away. */
static void
in_a_full_table_the_one_left_alone_longest_makes_room(void **state)
{
	struct health_target *t, *mine = target(*state);
	int64_t now_us = clock_mono_us() + INT64_C(3600000000);
	char name[32];
	int i;

	report(mine, HEALTH_BAD, false, now_us);
	for (i = 0; i < 3 * HEALTH_TARGETS; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		t = health_find(*state, STR("p"), str_of(name));
		assert_non_null(t);
		assert_string_equal(t->name + 2, name);
		assert_int_equal(health_window(t, T0).calls, 0);
		if (i < HEALTH_TARGETS)
			report(t, HEALTH_BAD, false, T0 + i);
	}
	assert_ptr_equal(target(*state), mine);
	assert_int_equal(health_window(mine, now_us).failures, 1);
	assert_ptr_equal(health_find(*state, STR("p"), str_of(name)), t);
}

static void
five_calls_and_more_than_half_failed_open_for_30_s(void **state)
{
	static const struct {
		int good, bad;
		enum health_door door;
	} cases[] = {
		{ 0, 4, HEALTH_CLOSED },
		{ 0, 5, HEALTH_OPEN },
		{ 3, 3, HEALTH_CLOSED },
		{ 3, 4, HEALTH_OPEN },
		{ 50, 50, HEALTH_CLOSED },
	};
	struct health *h = *state;
	struct health_target *t;
	size_t i;
	int n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(h, 0, sizeof(*h));
		t = target(h);
		for (n = 0; n < cases[i].good; n++)
			report(t, HEALTH_GOOD, false, T0);
		for (n = 0; n < cases[i].bad; n++)
			report(t, HEALTH_BAD, false, T0);
		assert_int_equal(health_enter(t, T0 + 29 * S), cases[i].door);
	}
}

static void
failures_of_more_than_60_s_ago_do_not_count(void **state)
{
	struct health_target *t = target(*state);
	int i;

	for (i = 0; i < 4; i++)
		report(t, HEALTH_BAD, false, T0);
	assert_int_equal(health_window(t, T0 + 40 * S).failures, 4);
	report(t, HEALTH_BAD, false, T0 + 70 * S);
	assert_int_equal(health_window(t, T0 + 70 * S).calls, 1);
	assert_int_equal(health_enter(t, T0 + 70 * S), HEALTH_CLOSED);
}

static void
a_429_opens_for_its_retry_after(void **state)
{
	struct health_report r = { .result = HEALTH_RATE };
	struct health_target *t = target(*state);

	health_report(t, &r, T0);
	assert_int_equal(health_enter(t, T0 + 4 * S), HEALTH_OPEN);
	assert_int_equal(health_enter(t, T0 + 5 * S), HEALTH_PROBE);
	report(t, HEALTH_GOOD, true, T0 + 5 * S);
	r.retry_after_ms = 20000;
	health_report(t, &r, T0 + 6 * S);
	assert_int_equal(health_look(t, T0 + 25 * S), HEALTH_OPEN);
	assert_int_equal(health_look(t, T0 + 26 * S), HEALTH_PROBE);
}

static void
half_open_lets_one_probe_through_whose_result_decides(void **state)
{
	struct health_target *t = target(*state);
	int64_t now = T0 + 31 * S;
	int i;

	for (i = 0; i < 5; i++)
		report(t, HEALTH_BAD, false, T0);
	assert_int_equal(health_enter(t, now), HEALTH_PROBE);
	assert_int_equal(health_enter(t, now), HEALTH_OPEN);
	report(t, HEALTH_BAD, true, now);
	assert_int_equal(health_enter(t, now + 29 * S), HEALTH_OPEN);
	now += 30 * S;
	assert_int_equal(health_enter(t, now), HEALTH_PROBE);
	report(t, HEALTH_NOTHING, true, now); /* cancelled: somebody else */
	assert_int_equal(health_enter(t, now), HEALTH_PROBE);
	report(t, HEALTH_GOOD, true, now);
	assert_int_equal(health_enter(t, now), HEALTH_CLOSED);
	report(t, HEALTH_BAD, false, now); /* the past is forgotten */
	assert_int_equal(health_enter(t, now), HEALTH_CLOSED);
}

static void
a_probe_that_is_never_heard_of_again_gives_way(void **state)
{
	struct health_target *t = target(*state);
	struct health_report r = { .result = HEALTH_RATE };

	health_report(t, &r, T0);
	assert_int_equal(health_enter(t, T0 + 6 * S), HEALTH_PROBE);
	assert_int_equal(health_enter(t, T0 + 65 * S), HEALTH_OPEN);
	assert_int_equal(health_enter(t, T0 + 66 * S), HEALTH_PROBE);
}

static void
speed_follows_the_newest_laps(void **state)
{
	struct health_target *t = target(*state);
	int i;

	assert_int_equal(health_speed_us(t, 100), 0);
	assert_int_equal(health_p95_us(t), 0);
	for (i = 0; i < 20; i++)
		health_lap(t, 300000, 100, 1000000);
	assert_in_range(health_speed_us(t, 0), 299000, 301000);
	assert_in_range(health_speed_us(t, 100), 1290000, 1310000);
	for (i = 0; i < 6; i++)
		health_lap(t, 50000, 100, 1000000);
	assert_in_range(health_speed_us(t, 0), 50000, 65000);
}

static void
p95_is_that_of_the_last_32(void **state)
{
	struct health_target *t = target(*state);
	int i;

	for (i = 0; i < 32; i++)
		health_lap(t, 9000000, 0, 0);
	for (i = 1; i <= 32; i++)
		health_lap(t, i * 10000, 0, 0);
	assert_int_equal(health_p95_us(t), 310000);
}

/* --- processes --- */

struct barrier {
	_Atomic int ready, go, probes, opens;
	_Atomic int64_t seen_us;
};

struct crowd {
	struct barrier *b;
	struct health_target *t;
};

static void *
rush(void *arg)
{
	struct crowd *c = arg;
	enum health_door door;

	atomic_fetch_add(&c->b->ready, 1);
	while (atomic_load(&c->b->go) == 0)
		continue;
	door = health_enter(c->t, T0 + 31 * S);
	atomic_fetch_add(
	    door == HEALTH_PROBE ? &c->b->probes : &c->b->opens, 1);
	return NULL;
}

static void
child(const struct scratch *s, struct barrier *b)
{
	struct error err = { 0 };
	struct shm *m = shm_attach(s->fd, &err);
	struct crowd c = { .b = b };
	pthread_t threads[THREADS];
	int i;

	if (m == NULL)
		_exit(1);
	c.t = target(shm_health(m));
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, rush, &c);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	shm_detach(m);
	_exit(0);
}

static void
of_32_threads_in_4_processes_exactly_one_probes(void **state)
{
	struct scratch s;
	struct error err = { 0 };
	struct shm *m;
	struct barrier *b;
	pid_t pids[PROCS];
	int i, round, status;

	(void)state;
	scratch_make(&s);
	m = shm_attach(s.fd, &err);
	assert_non_null(m);
	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (round = 0; round < 20; round++) {
		memset(shm_health(m), 0, sizeof(struct health));
		memset(b, 0, sizeof(*b));
		for (i = 0; i < 5; i++)
			report(target(shm_health(m)), HEALTH_BAD, false, T0);
		for (i = 0; i < PROCS; i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				child(&s, b);
		}
		while (atomic_load(&b->ready) < PROCS * THREADS)
			usleep(100);
		atomic_store(&b->go, 1);
		for (i = 0; i < PROCS; i++) {
			waitpid(pids[i], &status, 0);
			assert_int_equal(status, 0);
		}
		assert_int_equal(atomic_load(&b->probes), 1);
		assert_int_equal(atomic_load(&b->opens), PROCS * THREADS - 1);
	}
	munmap(b, sizeof(*b));
	shm_detach(m);
	scratch_drop(&s);
}

/* Another process looks until it sees the breaker open. */
static void
look_out(const struct scratch *s, struct barrier *b)
{
	struct error err = { 0 };
	struct shm *m = shm_attach(s->fd, &err);
	struct health_target *t = m != NULL ? target(shm_health(m)) : NULL;

	atomic_store(&b->ready, 1);
	while (m != NULL && health_look(t, T0 + S) == HEALTH_CLOSED)
		usleep(100);
	atomic_store(&b->seen_us, clock_mono_us());
	_exit(m == NULL);
}

/* What is not seen in the file cannot be: a process looks when it asks. */
static void
another_process_sees_an_open_breaker_within_10_ms(void **state)
{
	struct scratch s;
	struct error err = { 0 };
	struct shm *m;
	struct barrier *b;
	int64_t us, best = INT64_MAX;
	int round, status;
	pid_t pid;

	(void)state;
	scratch_make(&s);
	m = shm_attach(s.fd, &err);
	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (round = 0; round < 10; round++) {
		memset(shm_health(m), 0, sizeof(struct health));
		memset(b, 0, sizeof(*b));
		pid = fork();
		if (pid == 0)
			look_out(&s, b);
		while (atomic_load(&b->ready) == 0)
			usleep(100);
		us = clock_mono_us();
		report(target(shm_health(m)), HEALTH_RATE, false, T0);
		waitpid(pid, &status, 0);
		assert_int_equal(status, 0);
		us = atomic_load(&b->seen_us) - us;
		if (us < best)
			best = us;
	}
	/* The best of ten: the machine may be busy with something else. */
	assert_true(best < 10000);
	munmap(b, sizeof(*b));
	shm_detach(m);
	scratch_drop(&s);
}

static void
a_target_that_has_become_much_faster_is_believed_soon(void **state)
{
	struct health_target *t = target(*state);
	int i;

	for (i = 0; i < 20; i++)
		health_lap(t, 2000000, 0, 0);
	for (i = 0; i < 3; i++)
		health_lap(t, 10000, 0, 0);
	assert_true(health_speed_us(t, 0) < 30000);
	health_lap(t, 12000, 0, 0); /* noise is not that */
	assert_true(health_speed_us(t, 0) > 12000);
}

static void
a_short_wait_does_not_end_a_long_one(void **state)
{
	struct health_target *t = target(*state);
	struct health_report r = { .result = HEALTH_RATE };

	r.retry_after_ms = 60000;
	health_report(t, &r, T0);
	r.retry_after_ms = 0; /* of one that was on its way */
	health_report(t, &r, T0 + S);
	assert_int_equal(health_look(t, T0 + 59 * S), HEALTH_OPEN);
	assert_int_equal(health_look(t, T0 + 60 * S), HEALTH_PROBE);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_target_is_found_again_and_others_are_others),
		T(in_a_full_table_the_one_left_alone_longest_makes_room),
		T(five_calls_and_more_than_half_failed_open_for_30_s),
		T(failures_of_more_than_60_s_ago_do_not_count),
		T(a_429_opens_for_its_retry_after),
		T(half_open_lets_one_probe_through_whose_result_decides),
		T(a_short_wait_does_not_end_a_long_one),
		T(a_probe_that_is_never_heard_of_again_gives_way),
		T(speed_follows_the_newest_laps),
		T(p95_is_that_of_the_last_32),
		T(of_32_threads_in_4_processes_exactly_one_probes),
		T(another_process_sees_an_open_breaker_within_10_ms),
		T(a_target_that_has_become_much_faster_is_believed_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
