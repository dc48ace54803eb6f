/* SPDX-License-Identifier: MIT */
/*
 * A few threads for what may block for a moment.  A job's work runs on one of
 * them, then its done on the loop's thread; between the two nobody else
 * touches what the job is about, so that needs no lock.
 */
#ifndef FCGI_WORKERS_H
#define FCGI_WORKERS_H

struct error;
struct loop;
struct workers;

struct job {
	void (*work)(void *arg); /* on a worker */
	void (*done)(void *arg); /* on the loop's thread */
	void *arg;
	struct job *next; /* private */
};

/*
 * workers_new(n, loop, err):
 * Returns  ${n} running threads, or NULL: ERROR_INTERNAL.  More are added, up
 *          to 64, while the next job waits for a tenth of a second: a few
 *          slow uploads must not hold up everybody.
 */
struct workers *workers_new(unsigned n, struct loop *loop, struct error *err);

/*
 * workers_post(w, job), workers_post_patient(w, job):
 * Queue ${job}, from the loop's thread; its memory is the caller's.  Patient
 * jobs wait for the database, which no answer does: they have one thread of
 * their own, one after the other.
 */
void workers_post(struct workers *w, struct job *job);
void workers_post_patient(struct workers *w, struct job *job);

/*
 * workers_free(w):
 * Let the queued jobs finish, without their done, and end the threads.
 */
void workers_free(struct workers *w);

#endif
