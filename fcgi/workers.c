/* SPDX-License-Identifier: MIT */
#include "fcgi/workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/mem.h"

#define STACK_BYTES (512u << 10)
#define MAX_THREADS 64u             /* unless more were asked for */
#define WAITED_US   INT64_C(100000) /* then a job gets a thread of its own */

struct queue {
	struct job *first, **tail;
	pthread_cond_t posted;
};

struct workers {
	struct loop *loop;
	pthread_mutex_t lock; /* over all queues and stopping */
	struct queue todo, patient, done;
	bool stopping;
	bool has_patient; /* its thread runs */
	pthread_t patient_thread;
	int wake_fd; /* an eventfd: done is not empty */
	struct loop_timer waited;
	const struct job *first; /* of todo, when the timer was set */
	unsigned n, max;
	pthread_t threads[];
};

static void
queue_init(struct queue *q)
{
	q->first = NULL;
	q->tail = &q->first;
	pthread_cond_init(&q->posted, NULL);
}

static void
queue_put(struct queue *q, struct job *job)
{
	job->next = NULL;
	*q->tail = job;
	q->tail = &job->next;
}

static struct job *
queue_take(struct queue *q)
{
	struct job *job = q->first;

	if (job == NULL)
		return NULL;
	q->first = job->next;
	if (q->first == NULL)
		q->tail = &q->first;
	return job;
}

static void
wake(struct workers *w)
{
	const uint64_t one = 1;

	while (write(w->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

/* A thread's life, with one queue. */
static void
serve(struct workers *w, struct queue *todo)
{
	struct job *job;
	bool was_empty;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		job = queue_take(todo);
		if (job == NULL && w->stopping)
			break;
		if (job == NULL) {
			pthread_cond_wait(&todo->posted, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		job->work(job->arg);
		pthread_mutex_lock(&w->lock);
		was_empty = w->done.first == NULL;
		queue_put(&w->done, job);
		if (!was_empty)
			continue;
		/* Who is woken wants the lock. */
		pthread_mutex_unlock(&w->lock);
		wake(w);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
}

static void *
run(void *arg)
{
	struct workers *w = arg;

	serve(w, &w->todo);
	return NULL;
}

static void *
run_patient(void *arg)
{
	struct workers *w = arg;

	serve(w, &w->patient);
	return NULL;
}

/* Run the done of every finished job, on the loop's thread. */
static void
on_wake(void *arg, int fd, unsigned events)
{
	struct workers *w = arg;
	struct job *job, *next;
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&w->lock);
	job = w->done.first;
	w->done.first = NULL;
	w->done.tail = &w->done.first;
	pthread_mutex_unlock(&w->lock);
	for (; job != NULL; job = next) {
		next = job->next;
		job->done(job->arg);
	}
}

static int start_threads(struct workers *w, unsigned n);

/* Is the same job the next one still, all workers are held up. */
static void
on_waited(void *arg)
{
	struct workers *w = arg;
	const struct job *first;

	pthread_mutex_lock(&w->lock);
	first = w->todo.first;
	pthread_mutex_unlock(&w->lock);
	if (first != NULL && first == w->first && w->n < w->max)
		start_threads(w, w->n + 1);
	w->first = first;
	if (first != NULL)
		loop_timer_set(
		    w->loop, &w->waited, loop_now_us(w->loop) + WAITED_US);
}

static int
start_threads(struct workers *w, unsigned n)
{
	pthread_attr_t attr;
	int rc = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (!w->has_patient) {
		rc = pthread_create(&w->patient_thread, &attr, run_patient, w);
		w->has_patient = rc == 0;
	}
	while (w->n < n && rc == 0) {
		rc = pthread_create(&w->threads[w->n], &attr, run, w);
		if (rc == 0)
			w->n++;
	}
	pthread_attr_destroy(&attr);
	return rc;
}

struct workers *
workers_new(unsigned n, struct loop *loop, struct error *err)
{
	unsigned max = n > MAX_THREADS ? n : MAX_THREADS;
	struct workers *w = mem_new(sizeof(*w) + max * sizeof(pthread_t));
	int rc;

	w->loop = loop;
	w->max = max;
	w->waited.fn = on_waited;
	w->waited.arg = w;
	queue_init(&w->todo);
	queue_init(&w->patient);
	queue_init(&w->done);
	pthread_mutex_init(&w->lock, NULL);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake_fd < 0 ||
	    loop_watch(loop, w->wake_fd, EPOLLIN, on_wake, w) != 0)
		rc = errno;
	else
		rc = start_threads(w, n);
	if (rc != 0) {
		error_set(err, ERROR_INTERNAL, "cannot start workers: %s",
		    strerror(rc));
		workers_free(w);
		return NULL;
	}
	return w;
}

static void
post(struct workers *w, struct queue *q, struct job *job)
{
	pthread_mutex_lock(&w->lock);
	queue_put(q, job);
	pthread_mutex_unlock(&w->lock);
	pthread_cond_signal(&q->posted);
}

void
workers_post_patient(struct workers *w, struct job *job)
{
	post(w, &w->patient, job);
}

void
workers_post(struct workers *w, struct job *job)
{
	post(w, &w->todo, job);
	if (w->waited.place == 0)
		loop_timer_set(
		    w->loop, &w->waited, loop_now_us(w->loop) + WAITED_US);
}

void
workers_free(struct workers *w)
{
	unsigned i;

	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->todo.posted);
	pthread_cond_signal(&w->patient.posted);
	pthread_mutex_unlock(&w->lock);
	loop_timer_stop(w->loop, &w->waited);
	for (i = 0; i < w->n; i++)
		pthread_join(w->threads[i], NULL);
	if (w->has_patient)
		pthread_join(w->patient_thread, NULL);
	if (w->wake_fd >= 0) {
		loop_unwatch(w->loop, w->wake_fd);
		close(w->wake_fd);
	}
	pthread_cond_destroy(&w->todo.posted);
	pthread_cond_destroy(&w->patient.posted);
	pthread_cond_destroy(&w->done.posted);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
