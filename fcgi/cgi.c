/* SPDX-License-Identifier: MIT */
#include "fcgi/cgi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/exporter.h"
#include "core/gateway.h"
#include "core/loop.h"
#include "core/upstream.h"
#include "fcgi/exchange.h"

#define PIECE_BYTES      16384
#define FLUSH_TIMEOUT_MS 60000
#define INGEST_AGE_MS    1000
#define TRACES_US        INT64_C(500000)

struct oneshot {
	struct exchange *x;
	struct loop *loop;
	struct upstream *upstream;
	int signal_fd;
	bool ended;
};

/* Standard input to its end, whatever CONTENT_LENGTH says. */
static void
read_body(struct exchange *x, struct error *err)
{
	size_t max = exchange_max_body(x);
	struct buf *body = buf_new(x->arena, max + PIECE_BYTES);
	char piece[PIECE_BYTES];
	ssize_t n;

	do {
		n = read(STDIN_FILENO, piece, PIECE_BYTES);
		if (body->n <= max && n > 0)
			buf_add(body, piece, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		error_set(err, ERROR_BAD_REQUEST, "the body is incomplete");
	http_body(&x->in, buf_str(body), max, err);
}

static void
client_left(struct oneshot *o)
{
	o->x->io.gone = true;
	loop_unwatch(o->loop, STDOUT_FILENO);
	exchange_cancel(o->x, ERROR_CLIENT_GONE, "the client left");
}

static void
on_signal(void *arg, int fd, unsigned events)
{
	struct signalfd_siginfo info;
	struct oneshot *o = arg;

	(void)events;
	if (read(fd, &info, sizeof(info)) > 0)
		client_left(o);
}

static void on_stdout(void *arg, int fd, unsigned events);

static void
on_output(void *arg)
{
	struct oneshot *o = arg;
	int left = io_flush(&o->x->io);

	if (left < 0)
		client_left(o);
	else if (left > 0)
		loop_watch(o->loop, STDOUT_FILENO, EPOLLOUT, on_stdout, o);
	else
		exchange_flushed(o->x);
}

/*
 * Only errors count: standard output may be a socket whose other half is
 * shut (mod_cgid), which is no sign of anything.
 */
static void
on_stdout(void *arg, int fd, unsigned events)
{
	struct oneshot *o = arg;

	if (events & (EPOLLHUP | EPOLLERR)) {
		client_left(o);
		return;
	}
	loop_watch(o->loop, fd, 0, on_stdout, o);
	on_output(o);
}

static void
on_ended(void *arg)
{
	struct oneshot *o = arg;

	o->ended = true;
}

static int
watch_client(struct oneshot *o)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	o->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (o->signal_fd < 0 ||
	    loop_watch(o->loop, o->signal_fd, EPOLLIN, on_signal, o) != 0)
		return -1;
	/* A regular file cannot be watched, and needs no watching. */
	loop_watch(o->loop, STDOUT_FILENO, 0, on_stdout, o);
	return 0;
}

static int
open_loop(struct oneshot *o, struct error *err)
{
	o->signal_fd = -1;
	o->loop = loop_new(err);
	if (o->loop != NULL)
		o->upstream = upstream_new(o->loop);
	return o->upstream != NULL ? watch_client(o) : -1;
}

static void
close_loop(struct oneshot *o)
{
	upstream_free(o->upstream);
	if (o->signal_fd >= 0)
		close(o->signal_fd);
	loop_free(o->loop);
}

/* Turn the loop until what has been started has ended. */
static void
turn(struct oneshot *o)
{
	while (!o->ended)
		loop_turn(o->loop, -1);
	o->ended = false;
}

/* The client has its answer, and the web server is told so by the end of
 * our output; an experiment may want another one. */
static void
linger(struct oneshot *o)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bool more = true;

	/* The web server may end us now as it does when a client leaves. */
	loop_unwatch(o->loop, o->signal_fd);
	loop_unwatch(o->loop, STDOUT_FILENO);
	if (nowhere >= 0)
		dup2(nowhere, STDOUT_FILENO);
	while (more) {
		exchange_linger(o->x);
		turn(o);
		more = exchange_settle(o->x);
	}
}

/* Wait until the whole answer has left, or cannot. */
static void
flush_all(struct io *io)
{
	struct pollfd p = { .fd = io->fd, .events = POLLOUT };

	while (io_flush(io) > 0) {
		if (poll(&p, 1, FLUSH_TIMEOUT_MS) == 0)
			return;
	}
}

/* Middle, back and what comes after: 0, or -1 without an answer. */
static int
go_on(struct exchange *x, struct error *err)
{
	static const struct exchange_events events = { on_output, on_ended };
	struct oneshot o = { .x = x };
	int rc = open_loop(&o, err);
	enum exchange_next next = EXCHANGE_AGAIN;

	while (rc == 0 && next == EXCHANGE_AGAIN) {
		exchange_middle(x, o.loop, o.upstream, &events, &o);
		turn(&o);
		next = exchange_back(x);
	}
	if (rc == 0)
		flush_all(&x->io);
	if (next == EXCHANGE_LINGERS)
		linger(&o);
	close_loop(&o);
	return rc;
}

/* The answer has to end first: to many a server it does with its pipe. */
static void
send_traces(struct exchange *x)
{
	int fd;

	if (x->call.spans.n == 0)
		return;
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		return;
	close(fd);
	exporter_once(&x->call, TRACES_US);
}

int
cgi(struct gateway *gw, char **env, struct error *err)
{
	struct exchange *x = exchange_new(gw, IO_CGI, STDOUT_FILENO);
	struct error read_err = { 0 };
	int rc = 0, flags = fcntl(STDOUT_FILENO, F_GETFL);

	signal(SIGPIPE, SIG_IGN);
	http_parse(&x->in, x->arena, env, &read_err);
	read_body(x, &read_err);
	/* Not before: under mod_cgid both are the same socket. */
	fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
	if (exchange_front(x, &read_err))
		rc = go_on(x, err);
	else
		flush_all(&x->io);
	send_traces(x);
	exchange_free(x);
	gateway_ingest(gw, INGEST_AGE_MS);
	return rc;
}
