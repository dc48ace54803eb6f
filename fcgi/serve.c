/* SPDX-License-Identifier: MIT */
#include "fcgi/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/conf.h"
#include "core/error.h"
#include "core/exporter.h"
#include "core/gateway.h"
#include "core/lean.h"
#include "core/live.h"
#include "core/loop.h"
#include "core/upstream.h"
#include "fcgi/conn.h"
#include "fcgi/fastcgi.h"
#include "fcgi/judging.h"
#include "fcgi/workers.h"

#define ACCEPTS_PER_TURN 16 /* leave some to the other processes */
#define INGEST_EVERY_US  INT64_C(500000)
#define IDLE_TICKS       3
#define REST_TICKS       (UPSTREAM_KEPT_S * 1000000 / INGEST_EVERY_US)
#define DRAIN_LAST_US    INT64_C(2000000) /* for the errors to get out */
#define TRACES_LAST_US   INT64_C(1000000) /* to get rid of them at exit */
#define FCGID_DRAIN_US   INT64_C(4000000) /* it kills 8 s after SIGTERM */
#define ACCEPT_AGAIN_US  INT64_C(100000)  /* when out of descriptors */

struct server {
	struct judging *judging;
	struct conn_pool pool;
	int listen_fd, signal_fd;
	int64_t drain_us; /* server.drain_s at the start */
	bool ingesting;
	unsigned idle_ticks; /* of the ingest timer without a call */
	bool untidy;         /* worked since memory was given back */
	bool unused;         /* code is mapped that nobody may need soon */
	bool stopped;        /* the drain is over */
	struct job ingest;
	struct loop_timer ingest_timer, drain_timer, accept_timer;
};

static void on_accept(void *arg, int listen_fd, unsigned events);

static int
watch_listener(struct server *s)
{
	return loop_watch(
	    s->pool.loop, s->listen_fd, EPOLLIN | EPOLLEXCLUSIVE, on_accept, s);
}

/* Look away from the backlog for a moment, instead of in vain at once. */
static void
rest(struct server *s)
{
	loop_unwatch(s->pool.loop, s->listen_fd);
	loop_timer_set(s->pool.loop, &s->accept_timer,
	    loop_now_us(s->pool.loop) + ACCEPT_AGAIN_US);
}

static void
on_accept_timer(void *arg)
{
	struct server *s = arg;

	if (!s->pool.draining && watch_listener(s) != 0)
		rest(s);
}

static void
on_accept(void *arg, int listen_fd, unsigned events)
{
	struct server *s = arg;
	int i, fd;

	(void)events;
	for (i = 0; i < ACCEPTS_PER_TURN; i++) {
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 &&
		    (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			errno == ENOMEM))
			rest(s);
		if (fd < 0)
			return;
		conn_open(&s->pool, fd);
	}
}

/*
 * What busy times and the database have left behind goes back to the system
 * when nobody waits; code but after the start and after a long rest.
 */
static void
work_ingest(void *arg)
{
	struct server *s = arg;

	if (gateway_ingest(s->pool.gw, 0))
		s->untidy = true;
	if (s->idle_ticks < IDLE_TICKS || !s->untidy)
		return;
	lean_heap();
	if (s->unused) {
		lean_code();
		s->unused = false;
	}
	s->untidy = false;
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

	loop_timer_set(s->pool.loop, &s->ingest_timer,
	    loop_now_us(s->pool.loop) + INGEST_EVERY_US);
	if (s->ingesting)
		return;
	if (s->pool.n_calls > 0) {
		s->untidy = true;
		s->idle_ticks = 0;
	} else if (s->idle_ticks < REST_TICKS &&
	    ++s->idle_ticks == REST_TICKS) {
		upstream_rest(s->pool.upstream);
		s->untidy = s->unused = true;
	}
	judging_look(s->judging);
	s->ingesting = true;
	s->ingest =
	    (struct job){ .work = work_ingest, .done = done_ingest, .arg = s };
	workers_post(s->pool.workers, &s->ingest);
}

/* Time is up: first the running calls get an error, then nothing waits. */
static void
on_drain_timer(void *arg)
{
	struct server *s = arg;

	if (s->stopped)
		conn_abort(&s->pool);
	else
		conn_stop(&s->pool);
	s->stopped = true;
	loop_timer_set(s->pool.loop, &s->drain_timer,
	    loop_now_us(s->pool.loop) + DRAIN_LAST_US);
}

static void
on_signal(void *arg, int fd, unsigned events)
{
	struct server *s = arg;
	struct signalfd_siginfo info;

	(void)events;
	if (read(fd, &info, sizeof(info)) < 0 || s->pool.draining)
		return;
	loop_unwatch(s->pool.loop, s->listen_fd);
	conn_drain(&s->pool);
	judging_stop(s->judging);
	s->drain_timer.fn = on_drain_timer;
	s->drain_timer.arg = s;
	loop_timer_set(s->pool.loop, &s->drain_timer,
	    loop_now_us(s->pool.loop) + s->drain_us);
}

/*
 * mod_fcgid's process manager is a child of Apache and the parent of its
 * responders, and nothing else of Apache's starts any.  A parent that hides
 * (shared hosting mounts /proc so) may be one too, unless it is init.
 */
static bool
under_fcgid(void)
{
	char path[64], name[32] = "";
	pid_t parent = getppid();
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)parent);
	f = fopen(path, "re");
	if (f == NULL)
		return parent > 1;
	if (fgets(name, sizeof(name), f) == NULL)
		name[0] = '\0';
	fclose(f);
	return strncmp(name, "apache2", 7) == 0 ||
	    strncmp(name, "httpd", 5) == 0;
}

/* A call takes two descriptors: as many as the system lets us have. */
static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
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
		loop_watch(s->pool.loop, s->signal_fd, EPOLLIN, on_signal, s) ==
		    0
	    ? 0
	    : -1;
}

/* Numbers that are fixed for the life of the process. */
static unsigned
read_limits(struct server *s)
{
	struct error err = { 0 };
	const struct snapshot *snap = gateway_conf(s->pool.gw, &err);
	unsigned workers = 4;

	s->pool.max_calls = 1000;
	s->drain_us = 30000000;
	if (snap != NULL) {
		s->pool.max_calls = (size_t)snap->conf->max_calls;
		s->drain_us = snap->conf->drain_ms * 1000;
		workers = (unsigned)snap->conf->workers;
		live_put(snap);
	}
	if (s->drain_us > FCGID_DRAIN_US && under_fcgid())
		s->drain_us = FCGID_DRAIN_US;
	return workers;
}

static int
start(struct server *s, struct error *err)
{
	unsigned workers = read_limits(s);
	int flags = fcntl(s->listen_fd, F_GETFL);

	s->pool.loop = loop_new(err);
	if (s->pool.loop == NULL)
		return -1;
	if (open_signals(s) != 0 ||
	    fcntl(s->listen_fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return error_set(
		    err, ERROR_INTERNAL, "cannot serve: %s", strerror(errno));
	raise_descriptors();
	fastcgi_init();
	s->accept_timer.fn = on_accept_timer;
	s->accept_timer.arg = s;
	s->pool.upstream = upstream_new(s->pool.loop);
	s->pool.workers = workers_new(workers, s->pool.loop, err);
	if (s->pool.workers == NULL)
		return -1;
	if (watch_listener(s) != 0)
		return error_set(
		    err, ERROR_INTERNAL, "cannot listen: %s", strerror(errno));
	s->judging = judging_new(&s->pool);
	s->pool.exporter = exporter_new(s->pool.loop, s->pool.upstream);
	s->ingest_timer.fn = on_ingest_timer;
	s->ingest_timer.arg = s;
	on_ingest_timer(s);
	return 0;
}

int
serve(struct gateway *gw, int listen_fd, struct error *err)
{
	struct server s = { .pool = { .gw = gw },
		.listen_fd = listen_fd,
		.signal_fd = -1,
		.untidy = true,
		.unused = true };
	int rc = start(&s, err);

	while (rc == 0 &&
	    (!s.pool.draining || s.pool.n_conns > 0 || judging_busy(s.judging)))
		loop_turn(s.pool.loop, -1);
	if (s.pool.exporter != NULL)
		exporter_finish(s.pool.exporter, TRACES_LAST_US);
	workers_free(s.pool.workers);
	judging_free(s.judging);
	exporter_free(s.pool.exporter);
	upstream_free(s.pool.upstream);
	if (s.signal_fd >= 0)
		close(s.signal_fd);
	loop_free(s.pool.loop);
	return rc;
}
