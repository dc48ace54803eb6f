/* SPDX-License-Identifier: MIT */
#include "fcgi/workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/error.h"
#include "core/loop.h"

#define HELD 8

/* A job that works until its pipe says so. */
struct held {
	struct job job;
	int pipe[2];
	bool done;
};

static struct loop *loop;
static struct workers *workers;

static int
setup(void **state)
{
	struct error err = { 0 };

	(void)state;
	loop = loop_new(&err);
	workers = loop != NULL ? workers_new(2, loop, &err) : NULL;
	return workers == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	workers_free(workers);
	loop_free(loop);
	return 0;
}

static void
work(void *arg)
{
	struct held *h = arg;
	char byte;

	if (read(h->pipe[0], &byte, 1) != 1)
		fail();
}

static void
done(void *arg)
{
	struct held *h = arg;

	h->done = true;
}

static void
prepare(struct held *h)
{
	assert_int_equal(pipe(h->pipe), 0);
	h->done = false;
	h->job = (struct job){ .work = work, .done = done, .arg = h };
}

static void
post(struct held *h)
{
	prepare(h);
	workers_post(workers, &h->job);
}

static void
let_go(struct held *h)
{
	assert_int_equal(write(h->pipe[1], "x", 1), 1);
}

static void
finish(struct held *h)
{
	while (!h->done)
		loop_turn(loop, -1);
	close(h->pipe[0]);
	close(h->pipe[1]);
}

static void
work_is_done_on_a_worker_and_told_on_the_loop(void **state)
{
	struct held h;

	(void)state;
	post(&h);
	assert_false(h.done);
	let_go(&h);
	finish(&h);
}

/* Two threads, eight jobs that will not end: the ninth is served still. */
static void
a_job_that_waits_gets_a_thread_of_its_own(void **state)
{
	struct held held[HELD], free_one;
	size_t i;

	(void)state;
	for (i = 0; i < HELD; i++)
		post(&held[i]);
	post(&free_one);
	let_go(&free_one);
	finish(&free_one);
	for (i = 0; i < HELD; i++)
		assert_false(held[i].done);
	for (i = 0; i < HELD; i++)
		let_go(&held[i]);
	for (i = 0; i < HELD; i++)
		finish(&held[i]);
}

/* Nor do others: they have a thread of their own, and wait for each other. */
static void
patient_jobs_hold_up_nobody_but_themselves(void **state)
{
	struct held held[HELD], free_one;
	size_t i;

	(void)state;
	for (i = 0; i < HELD; i++) {
		prepare(&held[i]);
		workers_post_patient(workers, &held[i].job);
	}
	let_go(&held[1]);
	post(&free_one);
	let_go(&free_one);
	finish(&free_one);
	assert_false(held[1].done);
	let_go(&held[0]);
	for (i = 2; i < HELD; i++)
		let_go(&held[i]);
	for (i = 0; i < HELD; i++)
		finish(&held[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    work_is_done_on_a_worker_and_told_on_the_loop, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_job_that_waits_gets_a_thread_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    patient_jobs_hold_up_nobody_but_themselves, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
