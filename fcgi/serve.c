/* SPDX-License-Identifier: MIT */
#include "fcgi/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/conf.h"
#include "core/error.h"
#include "core/gateway.h"
#include "core/live.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/upstream.h"
#include "fcgi/exchange.h"
#include "fcgi/fastcgi.h"
#include "fcgi/workers.h"

#define ACCEPTS_PER_TURN 16 /* leave some to the other processes */
#define INGEST_EVERY_US  INT64_C(500000)
#define STALLED_US       INT64_C(60000000) /* a flush without progress */
#define DRAIN_LAST_US    INT64_C(2000000)  /* for the errors to get out */

/*
 * A connection from the web server:
 *	PARKED	  waits for a request; no exchange
 *	FRONT	  a worker reads and begins; nobody else touches it
 *	MIDDLE	  the event thread streams; the client is watched
 *	BACK	  a worker settles; nobody else touches it
 *	FLUSH	  the answer is complete and leaves
 */
enum conn_state {
	CONN_PARKED,
	CONN_FRONT,
	CONN_MIDDLE,
	CONN_BACK,
	CONN_FLUSH
};

struct conn {
	struct server *server;
	enum conn_state state;
	int fd;
	struct exchange *x;    /* NULL while PARKED */
	struct error read_err; /* FRONT: what is wrong with the request */
	bool broken;           /* FRONT: there was no request */
	bool wants_middle;     /* FRONT: its result */
	struct job job;
	struct loop_timer stalled; /* FLUSH */
	struct conn *prev, *next;
};

struct server {
	struct gateway *gw;
	struct loop *loop;
	struct upstream *upstream;
	struct workers *workers;
	int listen_fd, signal_fd;
	struct conn *conns;
	size_t n_conns, n_calls;
	size_t max_calls; /* server.max_calls at the start */
	int64_t drain_us; /* server.drain_s at the start */
	bool draining, ingesting;
	struct job ingest;
	struct loop_timer ingest_timer, drain_timer;
};

static void on_fd(void *arg, unsigned events);
static void post(struct conn *c, enum conn_state state, void (*work)(void *),
    void (*done)(void *));

/* --- connections --- */

static void
watch(struct conn *c, unsigned events)
{
	if (loop_watch(c->server->loop, c->fd, events, on_fd, c) != 0)
		abort(); /* out of memory in the kernel */
}

static struct conn *
conn_new(struct server *s, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		abort();
	c->server = s;
	c->fd = fd;
	c->next = s->conns;
	if (c->next != NULL)
		c->next->prev = c;
	s->conns = c;
	s->n_conns++;
	return c;
}

/* End a connection; its descriptor is closed unless that happened already. */
static void
conn_free(struct conn *c)
{
	struct server *s = c->server;

	loop_timer_stop(s->loop, &c->stalled);
	loop_unwatch(s->loop, c->fd);
	if (!c->broken)
		close(c->fd);
	exchange_free(c->x);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	s->n_conns--;
	free(c);
}

static void
park(struct conn *c)
{
	c->state = CONN_PARKED;
	watch(c, EPOLLIN | EPOLLRDHUP);
}

/* --- flush --- */

static void
on_stalled(void *arg)
{
	conn_free(arg);
}

/* Send the complete answer; then park or close. */
static void
flush(struct conn *c)
{
	struct server *s = c->server;
	int left = io_flush(&c->x->io);

	if (left > 0) {
		watch(c, EPOLLOUT);
		loop_timer_set(
		    s->loop, &c->stalled, loop_now_us(s->loop) + STALLED_US);
		return;
	}
	if (left < 0 || !c->x->io.keep || s->draining) {
		conn_free(c);
		return;
	}
	loop_timer_stop(s->loop, &c->stalled);
	exchange_free(c->x);
	c->x = NULL;
	park(c);
}

static void
start_flush(struct conn *c)
{
	c->state = CONN_FLUSH;
	c->stalled.fn = on_stalled;
	c->stalled.arg = c;
	flush(c);
}

/* --- back --- */

static void
work_back(void *arg)
{
	struct conn *c = arg;

	exchange_back(c->x);
}

static void
done_back(void *arg)
{
	struct conn *c = arg;

	c->server->n_calls--;
	start_flush(c);
}

/* --- middle --- */

static void
on_output(void *arg)
{
	struct conn *c = arg;
	int left = io_flush(&c->x->io);

	if (left < 0)
		exchange_cancel(c->x, ERROR_CLIENT_GONE, "the client left");
	else if (left > 0)
		watch(c, EPOLLIN | EPOLLRDHUP | EPOLLOUT);
	else
		exchange_flushed(c->x);
}

static void
on_ended(void *arg)
{
	struct conn *c = arg;

	loop_unwatch(c->server->loop, c->fd);
	post(c, CONN_BACK, work_back, done_back);
}

static void
start_middle(struct conn *c)
{
	static const struct exchange_events events = { on_output, on_ended };
	struct server *s = c->server;

	c->state = CONN_MIDDLE;
	watch(c, EPOLLIN | EPOLLRDHUP);
	exchange_middle(c->x, s->loop, s->upstream, &events, c);
}

/* Something about the client while its answer is under way. */
static void
middle_event(struct conn *c, unsigned events)
{
	unsigned keep = EPOLLRDHUP;

	if (events & EPOLLOUT) {
		watch(c, EPOLLIN | EPOLLRDHUP);
		on_output(c);
	}
	if (!(events & ~(unsigned)EPOLLOUT))
		return;
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) ||
	    io_peer_left(&c->x->io)) {
		c->x->io.gone = true;
		loop_unwatch(c->server->loop, c->fd);
		exchange_cancel(c->x, ERROR_CLIENT_GONE, "the client left");
		return;
	}
	/* Bytes that are no abort: leave them, and do not spin on them. */
	if (io_pending(&c->x->io) > 0)
		keep |= EPOLLOUT;
	watch(c, keep);
}

/* --- front --- */

static void
work_front(void *arg)
{
	struct conn *c = arg;

	if (fastcgi_read(c->x, &c->read_err) != 0)
		c->broken = true;
	else
		c->wants_middle = exchange_front(c->x, &c->read_err);
}

static void
done_front(void *arg)
{
	struct conn *c = arg;

	if (c->broken) {
		c->server->n_calls--;
		conn_free(c);
	} else if (c->wants_middle) {
		start_middle(c);
	} else {
		c->server->n_calls--;
		start_flush(c);
	}
}

/* A parked connection is readable: a request, or the end of it. */
static void
start_front(struct conn *c)
{
	struct server *s = c->server;

	c->x = exchange_new(s->gw, IO_FASTCGI, c->fd);
	error_clear(&c->read_err);
	if (s->n_calls >= s->max_calls || s->draining) {
		error_set(&c->read_err, ERROR_BUSY,
		    "the gateway is at its limit of %zu calls", s->max_calls);
		c->read_err.retry_after_ms = 1000;
	}
	s->n_calls++;
	post(c, CONN_FRONT, work_front, done_front);
}

static void
post(struct conn *c, enum conn_state state, void (*work)(void *),
    void (*done)(void *))
{
	c->state = state;
	c->job = (struct job){ .work = work, .done = done, .arg = c };
	workers_post(c->server->workers, &c->job);
}

static void
on_fd(void *arg, unsigned events)
{
	struct conn *c = arg;

	switch (c->state) {
	case CONN_PARKED:
		loop_unwatch(c->server->loop, c->fd);
		if (events & EPOLLIN)
			start_front(c);
		else
			conn_free(c);
		break;
	case CONN_MIDDLE:
		middle_event(c, events);
		break;
	case CONN_FLUSH:
		flush(c);
		break;
	case CONN_FRONT:
	case CONN_BACK:
		break; /* not watched */
	}
}

/* --- accept, timers, signals --- */

static void
on_accept(void *arg, unsigned events)
{
	struct server *s = arg;
	int i, fd;

	(void)events;
	for (i = 0; i < ACCEPTS_PER_TURN; i++) {
		fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return;
		park(conn_new(s, fd));
	}
}

static void
work_ingest(void *arg)
{
	struct server *s = arg;

	gateway_ingest(s->gw);
}

static void
done_ingest(void *arg)
{
	struct server *s = arg;

	s->ingesting = false;
}

static void
on_ingest_timer(void *arg)
{
	struct server *s = arg;

	loop_timer_set(
	    s->loop, &s->ingest_timer, loop_now_us(s->loop) + INGEST_EVERY_US);
	if (s->ingesting)
		return;
	s->ingesting = true;
	s->ingest =
	    (struct job){ .work = work_ingest, .done = done_ingest, .arg = s };
	workers_post(s->workers, &s->ingest);
}

/* Time is up: first the running calls get an error, then nothing waits. */
static void
on_drain_timer(void *arg)
{
	struct server *s = arg;
	struct conn *c;

	for (c = s->conns; c != NULL; c = c->next) {
		if (c->state == CONN_MIDDLE)
			exchange_cancel(
			    c->x, ERROR_BUSY, "the gateway is restarting");
	}
	s->drain_us = 0;
	loop_timer_set(
	    s->loop, &s->drain_timer, loop_now_us(s->loop) + DRAIN_LAST_US);
}

static void
on_signal(void *arg, unsigned events)
{
	struct server *s = arg;
	struct signalfd_siginfo info;
	struct conn *c, *next;

	(void)events;
	if (read(s->signal_fd, &info, sizeof(info)) < 0 || s->draining)
		return;
	s->draining = true;
	loop_unwatch(s->loop, s->listen_fd);
	for (c = s->conns; c != NULL; c = next) {
		next = c->next;
		if (c->state == CONN_PARKED)
			conn_free(c);
	}
	s->drain_timer.fn = on_drain_timer;
	s->drain_timer.arg = s;
	loop_timer_set(
	    s->loop, &s->drain_timer, loop_now_us(s->loop) + s->drain_us);
}

static int
open_signals(struct server *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGPIPE);
	/* Before any thread starts: none of them is ever interrupted. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigdelset(&set, SIGPIPE);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd >= 0 &&
		loop_watch(s->loop, s->signal_fd, EPOLLIN, on_signal, s) == 0
	    ? 0
	    : -1;
}

/* Numbers that are fixed for the life of the process. */
static unsigned
read_limits(struct server *s)
{
	struct error err = { 0 };
	const struct snapshot *snap = gateway_conf(s->gw, &err);
	unsigned workers = 4;

	s->max_calls = 1000;
	s->drain_us = 30000000;
	if (snap == NULL)
		return workers;
	s->max_calls = (size_t)snap->conf->max_calls;
	s->drain_us = snap->conf->drain_ms * 1000;
	workers = (unsigned)snap->conf->workers;
	live_put(snap);
	return workers;
}

static int
start(struct server *s, struct error *err)
{
	unsigned workers = read_limits(s);
	int flags = fcntl(s->listen_fd, F_GETFL);

	s->loop = loop_new(err);
	if (s->loop == NULL)
		return -1;
	if (open_signals(s) != 0 ||
	    fcntl(s->listen_fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return error_set(
		    err, ERROR_INTERNAL, "cannot serve: %s", strerror(errno));
	fastcgi_init();
	s->upstream = upstream_new(s->loop, err);
	s->workers = workers_new(workers, s->loop, err);
	if (s->upstream == NULL || s->workers == NULL)
		return -1;
	if (loop_watch(s->loop, s->listen_fd, EPOLLIN | EPOLLEXCLUSIVE,
		on_accept, s) != 0)
		return error_set(
		    err, ERROR_INTERNAL, "cannot listen: %s", strerror(errno));
	s->ingest_timer.fn = on_ingest_timer;
	s->ingest_timer.arg = s;
	on_ingest_timer(s);
	return 0;
}

int
serve(struct gateway *gw, int listen_fd, struct error *err)
{
	struct server s = { .gw = gw, .listen_fd = listen_fd, .signal_fd = -1 };
	int rc = start(&s, err);

	while (rc == 0 && (!s.draining || s.n_conns > 0))
		loop_turn(s.loop, -1);
	workers_free(s.workers);
	upstream_free(s.upstream);
	if (s.signal_fd >= 0)
		close(s.signal_fd);
	loop_free(s.loop);
	return rc;
}
